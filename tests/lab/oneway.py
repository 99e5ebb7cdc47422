# SPDX-License-Identifier: GPL-3.0-or-later
"""The LAN loses everything in one direction, and then again it does not: traffic must settle."""

import time

import figures
from scene import Scene
from traffic import Traffic
from unreachable import block_udp, unblock_udp

# How often the filter changes: five minutes long.
N_ROUNDS, N_QUICK = 150, 10

# How long the filter stays as it is, in seconds.
PERIOD = 2.0

PER_SECOND = 100


def measure(n_toggles, seed):
    rounds = figures.in_own_labs(1, seed, lambda world, *_: one_round(world, n_toggles), line)
    return figures.result(rounds, seed, summary)


def one_round(world, n_toggles):
    scene = Scene(world).start()
    traffic = Traffic(*scene.laptops, PER_SECOND)
    traffic.until_path("direct")
    start = time.monotonic()
    for number in range(n_toggles):
        if number % 2 == 0:
            block_udp(scene.ben, scene.anna)
        else:
            unblock_udp(scene.ben)
        time.sleep(max(0.0, start + (number + 1) * PERIOD - time.monotonic()))
    traffic.stop()
    return {
        "n_toggles": n_toggles,
        "flows": {
            flow.name: {
                # How often the sender took another path than for the packet before.
                "n_changes": len(flow.paths(start)) - 1,
                "n_lost": flow.n_lost(start),
                "n_sent": len(flow.between(start, float("inf"))),
            }
            for flow in traffic.flows
        },
    }


def summary(rounds):
    flows = rounds[0]["flows"].values()
    return {
        "n_toggles": rounds[0]["n_toggles"],
        "n_changes": max(flow["n_changes"] for flow in flows),
        "n_lost": max(flow["n_lost"] for flow in flows),
    }


def line(one):
    return ", ".join(
        f"{name}: {flow['n_changes']} changes, {flow['n_lost']} of {flow['n_sent']} lost"
        for name, flow in one["flows"].items()
    )
