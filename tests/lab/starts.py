# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends are told of one another in the same moment: how long the start takes then.

Where both initiate a WireGuard handshake within a few milliseconds, each drops the other's
response, and nothing happens for 5 s (decisions.md 1).
"""

import json
import time

import figures
from lab import until
from product import Helper, PlainServer
from scene import Scene
from traffic import Traffic

N_ROUNDS, N_QUICK = 100, 6

# Most time between the two answers, in seconds.
SKEW = 0.005

# Packets each second: enough to see the moment of the switch, and little beside the start itself.
PER_SECOND = 200


def measure(n_rounds, seed):
    rounds = figures.in_one_lab(n_rounds, seed, Starts, line)
    return figures.result(rounds, seed, summary)


class Starts:
    """Two laptops whose helpers start again in each round."""

    def __init__(self, world):
        self.scene = Scene(world).connect()
        self.server = PlainServer(self.scene.vpn).start()
        for laptop in self.scene.laptops:
            laptop.helper = Helper(laptop)
        self.traffic = Traffic(*self.scene.laptops, PER_SECOND)

    def round(self, chance, number):
        # In every other round the answers say that the far end speaks BFD.
        known = number % 2 == 1
        bodies = {
            laptop.tunnel.ip4: json.dumps({"peers": [{**other.entry(), "bfd": known}]})
            for laptop, other in self.scene.pairs()
        }
        self.server.mode(hold=True, bodies=bodies)
        self.traffic.until_path("hub", since=time.monotonic())
        n_before = len(self.server.requests())
        for laptop in self.scene.laptops:
            laptop.helper.start()
        # No longer than that: a question that is held for 5 s counts as not answered.
        until(10, "both have asked", lambda: len(self.server.requests()) >= n_before + 2)
        skew = chance.uniform(-SKEW, SKEW)
        delays = {self.scene.anna.tunnel.ip4: max(0.0, skew), self.scene.ben.tunnel.ip4: max(0.0, -skew)}
        told = time.monotonic()
        self.server.mode(bodies=bodies, delays=delays)
        self.traffic.until_path("direct", since=told, seconds=60)
        direct = max(flow.first_arrival("direct", told) for flow in self.traffic.flows)
        for laptop in self.scene.laptops:
            laptop.helper.stop()
        return {
            "known": known,
            "skew_ms": round(skew * 1000, 2),
            "direct_ms": round((direct - told) * 1000, 1),
        }


def summary(rounds):
    return {"direct_ms": figures.spread(one["direct_ms"] for one in rounds)}


def line(one):
    known = "known" if one["known"] else "unknown"
    return f"skew {one['skew_ms']:5.2f} ms, {known} to speak BFD: direct after {one['direct_ms']:7.1f} ms"
