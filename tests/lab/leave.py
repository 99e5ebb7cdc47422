# SPDX-License-Identifier: GPL-3.0-or-later
"""One end leaves on purpose: how soon after it the other one sends by the hub again."""

import time

import figures
from scene import Scene
from traffic import Traffic


N_ROUNDS, N_QUICK = 100, 4


def measure(n_rounds, seed):
    rounds = figures.in_one_lab(n_rounds, seed, Leave, line)
    return figures.result(rounds, seed, summary)


class Leave:
    """Two direct laptops, one of which leaves and comes back in each round."""

    def __init__(self, world):
        self.scene = Scene(world).start()
        self.traffic = Traffic(*self.scene.laptops)
        self.traffic.until_path("direct")

    def round(self, chance, number):
        how = "stop" if number % 2 else "disable"
        leaver = chance.choice(self.scene.laptops)
        time.sleep(chance.uniform(0.3, 1.0))
        left = time.monotonic()
        if how == "stop":
            leaver.helper.process.signal(15)
        else:
            leaver.helper.cli("disable")
        self.traffic.until_path("hub", since=left, seconds=60)
        own, other = self.traffic.flows if leaver is self.scene.anna else self.traffic.flows[::-1]
        moved = other.first_sent("hub", left)
        result = {
            "how": how,
            "on_hub_ms": round((moved - own.first_sent("hub", left)) * 1000, 1),
            "since_command_ms": round((moved - left) * 1000, 1),
        }
        if how == "stop":
            assert leaver.helper.process.wait() == 0
            leaver.helper.start()
        else:
            leaver.helper.cli("enable")
        back = time.monotonic()
        self.traffic.until_path("direct", since=back, seconds=60)
        result["n_lost"] = other.n_lost(left, back)
        result["direct_again_ms"] = round((time.monotonic() - back) * 1000, 1)
        return result


def summary(rounds):
    return {
        "on_hub_ms": figures.spread(one["on_hub_ms"] for one in rounds),
        "since_command_ms": figures.spread(one["since_command_ms"] for one in rounds),
        "n_lost": figures.spread(one["n_lost"] for one in rounds),
        "direct_again_ms": figures.spread(one["direct_again_ms"] for one in rounds),
    }


def line(one):
    return f"{one['how']:7}: far end on the hub after {one['on_hub_ms']:6.1f} ms, {one['n_lost']} lost"
