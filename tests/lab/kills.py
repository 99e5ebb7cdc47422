# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at each call that changes something (decisions.md 30, security M4): what the ledger
says is enough to leave the device as it was, wherever the helper died."""

import signal
from pathlib import Path

import figures
from lab import until
from product import Helper
from scene import Scene

# More calls than it takes to get to the first direct peer, or from there to the end.
MANY = 200


class Strace:
    """strace of a program of a laptop, which it kills as it makes the n-th of these calls."""

    def __init__(self, laptop, call, n, *what):
        self.host = laptop.host
        kill = f"inject={call}:signal=KILL:when={n}"
        argv = ["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", kill, *what]
        self.process = self.host.start(f"strace-{call}", *argv)

    def died(self):
        return not self.process.running()

    def end(self):
        """Ends the program itself: without strace it would just go on. It may end by itself."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            self.host.run("kill", "-KILL", child, check=False)
        self.process.wait()


class Deaths:
    """anna's helper dies again and again; ben's is there each time."""

    def __init__(self, world):
        self.scene = scene = Scene(world).connect()
        self.before = scene.anna.tunnel.config()
        scene.server.start()
        self.helper, self.other = Helper(scene.anna), Helper(scene.ben)

    def _is_direct(self):
        direct = f"{self.scene.ben.tunnel.ip4}/32"
        return any(direct in peer["allowed"] for peer in self.scene.anna.tunnel.peers().values())

    def _all(self, call, one):
        """Calls one(call, n) for each n until the helper survives; returns how often it died."""
        for n in range(1, MANY):
            # One that saw every death would wait longer and longer before it trusts the path again.
            self.other.start()
            died = one(call, n)
            self.helper.undo()
            self.other.stop()
            assert self.scene.anna.tunnel.config() == self.before, f"killed at {call} number {n}"
            if not died:
                return n - 1
        raise AssertionError(f"more than {MANY} calls of {call}")

    def _on_the_way(self, call, n):
        traced = Strace(self.scene.anna, call, n, *self.helper.argv())
        until(20, f"death at {call} {n}", lambda: traced.died() or self._is_direct(), 0.05)
        died = traced.died()
        if not died:
            traced.end()
        return died

    def _at_the_end(self, call, n):
        self.helper.start()
        until(20, "direct", self._is_direct, 0.05)
        traced = Strace(self.scene.anna, call, n, "-p", self.helper.process.pid)
        until(5, "strace is there", lambda: "attached" in traced.process.output())
        self.helper.process.signal(signal.SIGTERM)
        status = self.helper.process.wait()
        traced.process.wait()
        return status != 0

    def on_the_way(self, call):
        """From the start until a peer is direct: additions and the promotion."""
        return self._all(call, self._on_the_way)

    def at_the_end(self, call):
        """From SIGTERM on: the demotion, and the removals of peer and address."""
        return self._all(call, self._at_the_end)


CASES = [
    *((Deaths.on_the_way, call) for call in ("fsync", "renameat", "sendto")),
    *((Deaths.at_the_end, call) for call in ("fsync", "renameat", "unlinkat", "sendto")),
]

# One for each case.
N_ROUNDS, N_QUICK = len(CASES), len(CASES)


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, one_round, line)
    return figures.result(rounds, seed, summary)


def one_round(world, _chance, number):
    phase, call = CASES[(number - 1) % len(CASES)]
    n_deaths = phase(Deaths(world), call)
    assert n_deaths > 0, f"{call} is never called"
    return {"phase": phase.__name__, "call": call, "n_deaths": n_deaths}


def summary(rounds):
    return {"n_deaths": sum(one["n_deaths"] for one in rounds)}


def line(one):
    return f"killed at each {one['call']} {one['phase'].replace('_', ' ')}: {one['n_deaths']} times"
