# SPDX-License-Identifier: GPL-3.0-or-later
"""What is lost as traffic moves from the hub to the direct path."""

import time

import figures
import lab
from product import Helper
from scene import Scene
from traffic import Traffic

N_ROUNDS, N_QUICK = 30, 3

PER_SECOND = 500

# What one end may be later than the other, in milliseconds, beyond the way by the hub: packets that
# are still on that way when the receiver moves cannot come in any more (path-management.md).
SKEW_MS = 10


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, one_round, line)
    return figures.result(rounds, seed, summary)


def one_round(world, chance, _number):
    scene = Scene(world).connect()
    first, second = chance.sample(scene.laptops, 2)
    scene.server.start()
    Helper(first).start()
    traffic = Traffic(*scene.laptops, PER_SECOND)
    traffic.until_path("hub")
    time.sleep(chance.uniform(0.7, 1.7) * lab.SLOW)
    started = time.monotonic()
    Helper(second).start()
    traffic.until_path("direct", seconds=30)
    time.sleep(0.5 * lab.SLOW)
    traffic.stop()
    direct = max(flow.first_arrival("direct", started) for flow in traffic.flows)
    return {
        "to_direct_ms": round((direct - started) * 1000, 1),
        "flows": {flow.name: _loss(flow, started, 1000 / traffic.per_second) for flow in traffic.flows},
    }


def _loss(flow, since, packet_ms):
    hub_ms = flow.median_ms("hub")
    n_lost = flow.n_lost(since)
    return {
        "n_lost": n_lost,
        "lost_ms": round(n_lost * packet_ms, 1),
        "hub_one_way_ms": round(hub_ms, 1),
        "over_ms": round(n_lost * packet_ms - hub_ms - SKEW_MS, 1),
        "paths": flow.paths(),
    }


def _worst(one, member):
    return max(flow[member] for flow in one["flows"].values())


def summary(rounds):
    return {
        member: figures.spread(_worst(one, member) for one in rounds)
        for member in ("n_lost", "lost_ms", "hub_one_way_ms", "over_ms")
    }


def line(one):
    lost = ", ".join(f"{name}: {flow['n_lost']}" for name, flow in one["flows"].items())
    return f"direct after {one['to_direct_ms']:7.1f} ms, lost {lost}"
