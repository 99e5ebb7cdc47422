# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts with a WireGuard tunnel between them, and who can speak BFD through it."""

import json
import re
import signal
import time

import lab
import topology

IFNAME = "wg0"

# What bfd-speaker is told about the tunnel when the far end does not pad.
NO_PADDING = 0
MTU = 1420


def now():
    """The boot clock, in seconds, as bfd-speaker shows it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class End:
    """One end of the tunnel."""

    def __init__(self, the_lab, name, number):
        self.host = the_lab.host(name)
        self.number = number
        self.address = f"fe80::{number}"
        self.outer = f"192.0.2.{number}"

    def join(self, other):
        self.other = other
        self.tunnel.set(
            *("peer", other.tunnel.public, "allowed-ips", f"{other.address}/128,fd00::{other.number}/128"),
            *("endpoint", f"{other.outer}:{other.tunnel.port}"),
        )

    def raise_tunnel(self):
        self.host.ip(f"addr add {self.outer}/24 dev eth0", "link set eth0 up")
        self.tunnel = topology.Tunnel(self.host, IFNAME, topology.make_key(), 51820)
        self.tunnel.up(f"{self.address}/64", f"fd00::{self.number}/64")

    def drop_incoming(self, match=""):
        """From now on loses what comes from the other end outside of the tunnel, or the part of
        it that `match` picks."""
        self.host.nft(
            f"""table inet bfd {{ chain in {{ type filter hook input priority 0;
                iifname "eth0" udp dport 51820 {match} drop
                }}
                }}"""
        )

    def drop_nothing(self):
        self.host.run("nft", "delete", "table", "inet", "bfd")


class Pair:
    def __init__(self, the_lab):
        self.near = End(the_lab, "bfd-near", 1)
        self.far = End(the_lab, "bfd-far", 2)
        the_lab.cable(self.near.host, "eth0", self.far.host, "eth0")
        for end in (self.near, self.far):
            end.raise_tunnel()
        self.near.join(self.far)
        self.far.join(self.near)
        # One handshake, by one end: where both initiate, one direction may stay dead for 15 s.
        # wireguard-go opens its socket a little after its device is up; who is early starts anew
        # after 5 s.
        lab.until(20, "a handshake", self._ping, every=0)

    def _ping(self):
        argv = ["ping", "-c", 1, "-W", 6, f"{self.far.address}%{IFNAME}"]
        return " 0% packet loss" in self.near.host.run(*argv, check=False)


class Speaker:
    """bfd-speaker: our own session."""

    def __init__(self, end, role="active", mtu=MTU):
        program = lab.BUILD / "tests/lab/bfd-speaker"
        addresses = (end.address, end.other.address)
        self.process = end.host.start("speaker", program, IFNAME, *addresses, role, mtu)

    def lines(self):
        """What it has shown so far: one dictionary for each line, with `at` in seconds."""
        found = []
        for line in self.process.output().splitlines(keepends=True):
            if line.endswith("\n") and line[0].isdigit():
                at, text = line.split(maxsplit=1)
                fields = dict(field.split("=", 1) for field in text.split(" ") if "=" in field)
                found.append({"at": int(at) / 1e6, **{k: v.strip() for k, v in fields.items()}})
        return found

    def states(self):
        return [line for line in self.lines() if "state" in line]

    def state(self):
        return self.states()[-1]["state"] if self.states() else "none"

    def until(self, what, seconds=5, since=0.0, **expected):
        """Waits for a line with these fields, and returns the first that came after `since`."""

        def search():
            lines = (line for line in self.lines() if line["at"] >= since)
            return next((x for x in lines if expected.items() <= x.items()), None)

        return lab.until(seconds, f"{what}: {expected}", search)

    def until_state(self, state, seconds=5, **more):
        return self.until("our state", seconds, state=state, **more)

    def idle(self):
        self.process.signal(signal.SIGUSR1)

    def busy(self):
        self.process.signal(signal.SIGUSR2)

    def leave(self):
        """AdminDown, three times, and the end; returns the counters."""
        assert self.process.stop() == 0, self.process.output()
        counters = {}
        for line in self.lines():
            counters.update({k: int(v) for k, v in line.items() if re.match("rtt|dropped-|refused-", k)})
        return counters


class Frr:
    """FRRouting's bfdd, with the zebra that tells it about interfaces."""

    _BINARIES = "/usr/lib/frr"
    _STATES = {"up": "up", "down": "down", "init": "init", "shutdown": "admin-down"}

    def __init__(self, end, rx=300, tx=300):
        self.host = end.host
        self.peer = f"peer {end.other.address} local-address {end.address} interface {IFNAME}"
        # It leaves its logs of a crash there.
        self.host.run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmp", "/var/tmp")
        self.host.run("install", "-d", "-o", "frr", "-g", "frr", "/run/frr")
        self._start("zebra", "log stdout\n")
        lab.until(10, "zebra", lambda: self.host.exists("/run/frr/zserv.api"))
        config = f"bfd\n {self.peer}\n  receive-interval {rx}\n  transmit-interval {tx}\n !\n!\n"
        self._start("bfdd", "log stdout debugging\n" + config, "--bfdctl", "/run/frr/bfdd.sock")
        lab.until(10, "bfdd", lambda: self.host.exists("/run/frr/bfdd.vty"))

    def _start(self, name, config, *more):
        path = self.host.write(f"/run/frr/{name}.conf", config)
        argv = [f"{self._BINARIES}/{name}", "-f", path, "-i", f"/run/frr/{name}.pid"]
        argv += ["--vty_socket", "/run/frr", "-z", "/run/frr/zserv.api", *more]
        self.host.start(name, *argv)

    def _vtysh(self, *commands):
        args = [arg for command in commands for arg in ("-c", command)]
        return self.host.run("vtysh", "--vty_socket", "/run/frr", *args)

    def state(self):
        found = json.loads(self._vtysh("show bfd peers json") or "[]")
        return self._STATES[found[0]["status"]] if found else "none"

    def admin_down(self):
        self._vtysh("configure terminal", "bfd", self.peer, "shutdown")


class Bird:
    """BIRD's BFD protocol."""

    def __init__(self, end, rx=300, tx=300):
        self.host = end.host
        config = f"""
            log stderr all;
            router id {end.outer};
            protocol device {{}}
            protocol bfd {{
              debug all;
              interface "{IFNAME}" {{
                min rx interval {rx} ms; min tx interval {tx} ms; idle tx interval 1 s; multiplier 3;
              }};
              neighbor {end.other.address} dev "{IFNAME}" local {end.address};
            }}"""
        path = self.host.write("/run/bird.conf", config)
        self.host.start("bird", "bird", "-f", "-c", path, "-s", "/run/bird.ctl", "-P", "/run/bird.pid")
        lab.until(10, "bird", lambda: self.host.exists("/run/bird.ctl"))

    def _birdc(self, command):
        return self.host.run("birdc", "-s", "/run/bird.ctl", command)

    def state(self):
        found = re.search(rf"^fe80::\S+ +{IFNAME} +(\S+)", self._birdc("show bfd sessions"), re.M)
        return {"AdminDown": "admin-down"}.get(found[1], found[1].lower()) if found else "none"
