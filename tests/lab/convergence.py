# SPDX-License-Identifier: GPL-3.0-or-later
"""Second laptop's tunnel up until its first ping by the direct path."""

import statistics
import time

import figures
import lab
from lab import until
from product import Helper
from scene import Scene

N_ROUNDS, N_QUICK = 30, 3

# Time between two pings: how exactly the moment of the switch is seen.
INTERVAL = 0.005


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, one_round, line)
    return figures.result(rounds, seed, summary)


def one_round(world, chance, _number):
    arrival = Arrival(world)
    arrival.measure_hub()
    arrival.prepare(settle=chance.uniform(0.7, 1.7))
    anna, ben = (laptop.tunnel.key_bytes() for laptop in arrival.scene.laptops)
    return {
        "time_to_direct_ms": arrival.arrive(),
        "hub_rtt_ms": arrival.hub_rtt_ms,
        "direct_rtt_ms": arrival.direct_rtt_ms,
        "lower_key_arrives": ben < anna,
    }


def summary(rounds):
    return {"time_to_direct_ms": figures.spread(one["time_to_direct_ms"] for one in rounds)}


def line(one):
    return f"{one['time_to_direct_ms']:8.1f} ms"


class Arrival:
    """anna is there, with a helper; ben's machine runs, and its tunnel comes up when told."""

    def __init__(self, world):
        self.scene = Scene(world)
        self.hub_rtt_ms = None

    def measure_hub(self):
        """Before any helper runs: plain WireGuard by the hub."""
        self.scene.connect()
        got = self.scene.anna.ping(self.scene.ben.tunnel.ip4, count=10, interval=0.02)
        self.hub_rtt_ms = round(statistics.median(reply.ms for reply in got), 3)

    def prepare(self, settle=1.0):
        scene = self.scene
        scene.ben.tunnel.down()
        scene.server.start()
        scene.anna.helper = Helper(scene.anna).start()
        scene.ben.helper = Helper(scene.ben).start()
        # anna's question is on its way or held by the server; ben's helper watches.
        time.sleep(settle * lab.SLOW)

    def arrive(self, limit=60):
        """ben's tunnel comes up; returns the milliseconds to the first ping by the direct path."""
        scene = self.scene
        scene.ben.tunnel.up()
        start = time.time()
        stream = scene.ben.stream(scene.anna.tunnel.ip4, INTERVAL)
        until(limit, "ben reaches anna directly", lambda: _first_direct(stream), every=0.02)
        time.sleep(0.2 * lab.SLOW)
        stream.stop()
        direct = [reply for reply in stream.replies() if reply.path == "direct"]
        self.direct_rtt_ms = round(statistics.median(reply.ms for reply in direct), 3)
        return round((direct[0].at - start) * 1000, 1)


def _first_direct(stream):
    return next((reply for reply in stream.replies() if reply.path == "direct"), None)
