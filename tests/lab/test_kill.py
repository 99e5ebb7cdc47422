# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at each call that changes something (decisions.md 30, security M4): what the ledger
says is enough to leave the device as it was, wherever the helper died."""

import signal
from pathlib import Path

import pytest
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


@pytest.fixture
def scene(world):
    scene = Scene(world).connect()
    scene.before = scene.anna.tunnel.config()
    scene.server.start()
    return scene


def holds(laptop, prefix):
    return any(prefix in peer["allowed"] for peer in laptop.tunnel.peers().values())


@pytest.mark.parametrize("call", ["fsync", "renameat", "sendto"])
def test_killed_at_each_call(scene, call):
    """From the start until a peer is direct: additions and the promotion."""
    direct = f"{scene.ben.tunnel.ip4}/32"
    other, helper = Helper(scene.ben), Helper(scene.anna)
    for n in range(1, MANY):
        # One that saw every death would wait longer and longer before it trusts the path again.
        other.start()
        traced = Strace(scene.anna, call, n, *helper.argv())
        until(20, f"death at {call} {n}", lambda: traced.died() or holds(scene.anna, direct), 0.05)
        survived = not traced.died()
        if survived:
            traced.end()
        helper.undo()
        other.stop()
        assert scene.anna.tunnel.config() == scene.before, f"killed at {call} number {n}"
        if survived:
            assert n > 1, f"{call} is never called"
            return
    raise AssertionError(f"more than {MANY} calls of {call}")


@pytest.mark.parametrize("call", ["fsync", "renameat", "unlinkat", "sendto"])
def test_killed_at_each_call_of_the_end(scene, call):
    """From SIGTERM on: the demotion, and the removals of peer and address."""
    other, helper = Helper(scene.ben), Helper(scene.anna)
    for n in range(1, MANY):
        other.start()
        helper.start()
        until(20, "direct", lambda: holds(scene.anna, f"{scene.ben.tunnel.ip4}/32"), 0.05)
        pid = helper.process.pid
        traced = Strace(scene.anna, call, n, "-p", pid)
        until(5, "strace is there", lambda: "attached" in traced.process.output())
        helper.process.signal(signal.SIGTERM)
        status = helper.process.wait()
        traced.process.wait()
        helper.undo()
        other.stop()
        assert scene.anna.tunnel.config() == scene.before, f"killed at {call} number {n}"
        if status == 0:
            assert n > 1, f"{call} is never called"
            return
    raise AssertionError(f"more than {MANY} calls of {call}")
