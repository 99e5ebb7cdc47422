# SPDX-License-Identifier: GPL-3.0-or-later
"""How long traffic is dark after the direct path is cut, and when it is direct again afterwards."""

import time

import figures
import lab
from lab import until
from scene import Scene
from traffic import Traffic

N_ROUNDS, N_QUICK = 30, 3

# How long the path is in use before it is cut, in seconds: BFD has its fast intervals by then, and
# the moment of the cut has nothing to do with that of the start.
USE = (1.5, 2.5)

# How long the path stays cut after traffic is back on the hub, in seconds: well within the first
# hold-down, which is 5 s.
CUT = (0.3, 1.5)

# Where it stays cut for longer than that: how much longer than the hold-down, in seconds.
LATE = 1.0


# In each third round the path is mended only after the hold-down is over.
LATE_EACH = 3


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, one_round, line)
    return figures.result(rounds, seed, summary)


def one_round(world, chance, number):
    late = number % LATE_EACH == 0
    scene = Scene(world).start()
    traffic = Traffic(*scene.laptops)
    traffic.until_path("direct")
    time.sleep(chance.uniform(*USE) * lab.SLOW)

    cut = time.monotonic()
    scene.sites[0].isolate(*scene.laptops)
    traffic.until_path("hub", since=cut, seconds=30)
    held_until = _held_until(scene)
    time.sleep(max(0.0, held_until + LATE - time.monotonic()) if late else chance.uniform(*CUT))

    mended = time.monotonic()
    scene.sites[0].join_again(*scene.laptops)
    traffic.until_path("direct", since=mended, seconds=60)
    traffic.stop()
    return {
        "late": late,
        "to_hub_ms": {flow.name: _ms(cut, flow.first_arrival("hub", cut)) for flow in traffic.flows},
        "n_lost": {flow.name: flow.n_lost(cut - 0.1, mended) for flow in traffic.flows},
        "n_lost_on_return": {flow.name: flow.n_lost(mended) for flow in traffic.flows},
        "direct_after_hold_down_ms": _ms(held_until, _direct(traffic, mended)),
        "direct_after_mending_ms": _ms(mended, _direct(traffic, mended)),
    }


def _direct(traffic, since):
    """When both directions were direct again."""
    return max(flow.first_arrival("direct", since) for flow in traffic.flows)


def _held_until(scene):
    """The end of the later of both hold-downs."""
    to_monotonic = time.monotonic() - time.time()
    return max(_next_try_usec(*pair) for pair in scene.pairs()) / 1e6 + to_monotonic


def _next_try_usec(laptop, other):
    """When it tries again, in µs since 1970. On a slow machine the first hold-down may be over by
    the time that it is asked; while the path is cut, the try that follows leads to the next one."""

    def tells():
        peer = laptop.helper.peer(other)
        return peer and peer["next_try_usec"]

    return until(10, f"{laptop.name} holds down", tells)


def _ms(start, end):
    return round((end - start) * 1000, 1)


def summary(rounds):
    early = [one for one in rounds if not one["late"]]
    late = [one for one in rounds if one["late"]]
    return {
        "to_hub_ms": figures.spread(max(one["to_hub_ms"].values()) for one in rounds),
        "n_lost": figures.spread(max(one["n_lost"].values()) for one in rounds),
        "direct_after_hold_down_ms": figures.spread(one["direct_after_hold_down_ms"] for one in early),
        "mended_in_hold_down_to_direct_ms": figures.spread(
            one["direct_after_mending_ms"] for one in early
        ),
        "mended_later_to_direct_ms": figures.spread(one["direct_after_mending_ms"] for one in late),
        "n_lost_on_return": figures.spread(max(one["n_lost_on_return"].values()) for one in rounds),
    }


def line(one):
    return (
        f"on the hub after {max(one['to_hub_ms'].values()):6.1f} ms,"
        f" direct {one['direct_after_mending_ms']:7.1f} ms after mending,"
        f" {one['direct_after_hold_down_ms']:7.1f} ms after the hold-down"
    )
