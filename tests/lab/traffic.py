# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of numbered UDP packets between two laptops, both ways at once, and what became of each.

All times are seconds of `time.monotonic()`, which all hosts of the lab share.
"""

import itertools
import statistics
import struct
import time

import lab
from lab import until

PORT = 5004

# Source: tests/lab/stream.c
_RECORD = struct.Struct("=qII")
_SENT = 0

# A packet that the hub has forwarded has lived through one hop more.
_PATHS = {64: "direct", 63: "hub"}

# By then every packet has arrived or never will: many times the way by the hub.
SETTLE = 0.5 * lab.SLOW

# What an emulated machine can take both ways, in packets a second, besides all else that it does.
EMULATED_PER_SECOND = 50


class Packet:
    """One packet: when it was sent, and when and how it came; `path` is None when it was lost."""

    __slots__ = ("number", "sent", "arrived", "path")

    def __init__(self, number, sent):
        self.number = number
        self.sent = sent
        self.arrived = None
        self.path = None

    @property
    def ms(self):
        """How long it was under way."""
        return (self.arrived - self.sent) * 1000

    def __repr__(self):
        return f"<{self.number}: {self.path}>"


class _Log:
    """What one end has written since the last look."""

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def news(self):
        with open(self.path, "rb") as log:
            log.seek(self.offset)
            data = log.read()
        whole = len(data) // _RECORD.size * _RECORD.size
        self.offset += whole
        for at_nsec, number, hops in _RECORD.iter_unpack(data[:whole]):
            yield at_nsec / 1e9, number, hops


class Flow:
    """One direction of the traffic: `packets` by number, which is the order of sending."""

    def __init__(self, sender, receiver):
        self.name = f"{sender.name} → {receiver.name}"
        self.packets = []
        self.arrivals = []  # of packets that the sender's log does not show yet
        self.latest = {}  # by path: when the latest packet that came by it was sent

    def enter(self, sent, arrived):
        self.packets += [Packet(number, at) for at, number, _ in sent]
        arrived, self.arrivals = self.arrivals + arrived, []
        for at, number, hops in arrived:
            if number < len(self.packets):
                self._arrive(self.packets[number], at, _PATHS[hops])
            else:
                self.arrivals.append((at, number, hops))

    def _arrive(self, packet, at, path):
        if packet.path is None:
            packet.arrived, packet.path = at, path
            self.latest[path] = max(packet.sent, self.latest.get(path, 0.0))

    def between(self, since, end):
        return [packet for packet in self.packets if since <= packet.sent < end]

    def n_lost(self, since=0.0, end=float("inf")):
        """How many of the packets that were sent in that time never came. Those just under way
        count, too: stop the traffic first."""
        return sum(packet.path is None for packet in self.between(since, end))

    def first_arrival(self, path, since):
        """When the first packet that was sent after `since` came by that path; None: none has."""
        arrivals = (p.arrived for p in self.packets if p.path == path and p.sent >= since)
        return min(arrivals, default=None)

    def first_sent(self, path, since):
        """When the sender, after `since`, first used that path and came through."""
        return next((p.sent for p in self.packets if p.path == path and p.sent >= since), None)

    def paths(self, since=0.0):
        """The paths one after the other, as the sender took them: ["hub", "direct", …]."""
        taken = (packet.path for packet in self.packets if packet.path and packet.sent >= since)
        return [path for path, _ in itertools.groupby(taken)]

    def median_ms(self, path):
        return statistics.median(packet.ms for packet in self.packets if packet.path == path)


class Traffic:
    """Both directions between `one` and `other`, from now until `stop`. An emulated machine sends
    fewer than `per_second`: with more, queues fill up and lose what no path has lost."""

    def __init__(self, one, other, per_second=500):
        if lab.SLOW > 1:
            per_second = min(per_second, EMULATED_PER_SECOND)
        self.per_second = per_second
        self.flows = (Flow(one, other), Flow(other, one))
        self.processes = []
        self.logs = []
        for laptop, far in ((one, other), (other, one)):
            file = laptop.host.lab.logs / f"{laptop.name}-{time.monotonic_ns()}.stream"
            addresses = (laptop.tunnel.ip4, far.tunnel.ip4)
            argv = [lab.BUILD / "tests/lab/lab-stream", *addresses, PORT, per_second, file]
            self.processes.append(laptop.host.start("stream", *argv))
            self.logs.append(_Log(file))
            until(5, f"the stream of {laptop.name}", file.exists, every=0.002)
        self.start = time.monotonic()

    def update(self):
        """Reads what has happened up to now."""
        news = [list(log.news()) for log in self.logs]
        sent = [[row for row in rows if row[2] == _SENT] for rows in news]
        arrived = [[row for row in rows if row[2] != _SENT] for rows in news]
        self.flows[0].enter(sent[0], arrived[1])
        self.flows[1].enter(sent[1], arrived[0])
        return self

    def flows_by(self, path, since):
        """Whether traffic that was sent after `since` comes by that path, in both directions."""
        self.update()
        return all(flow.latest.get(path, -1.0) >= since for flow in self.flows)

    def until_path(self, path, since=0.0, seconds=10):
        until(seconds, f"traffic both ways by {path}", lambda: self.flows_by(path, since))

    def stop(self):
        """Ends it; what was sent until now has had its time to arrive. What was sent later, or
        before both ends were there, is not looked at."""
        end = time.monotonic()
        time.sleep(SETTLE)
        self.update()
        for process in self.processes:
            process.kill()
        for flow in self.flows:
            flow.packets = flow.between(self.start, end)
        return self
