# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at each call that changes something (decisions.md 30, security M4): what the ledger
says is enough to leave the device as it was, wherever the helper died."""

from pathlib import Path

import pytest
from lab import until
from product import Helper
from scene import Scene

# More calls than any start until the first direct peer makes.
MANY = 200


class Traced:
    """The helper under strace, which kills it as it makes the n-th of these calls."""

    def __init__(self, laptop, helper, call, n):
        kill = f"inject={call}:signal=KILL:when={n}"
        argv = ["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", kill]
        self.process = laptop.host.start(f"strace-{call}", *argv, *helper.argv())

    def died(self):
        return not self.process.running()

    def end(self):
        """Ends the helper itself: without strace it would just go on."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            self.process.host.run("kill", "-KILL", child)
        self.process.wait()


@pytest.mark.parametrize("call", ["fsync", "renameat", "sendto"])
def test_killed_at_each_call(world, call):
    scene = Scene(world).connect()
    before = scene.anna.tunnel.config()
    scene.server.start()
    other = Helper(scene.ben)
    helper = Helper(scene.anna)
    for n in range(1, MANY):
        # One that saw every death would wait longer and longer before it trusts the path again.
        other.start()
        traced = Traced(scene.anna, helper, call, n)
        direct = f"{scene.ben.tunnel.ip4}/32"
        until(20, f"death at {call} {n}", lambda: traced.died() or holds(scene.anna, direct), 0.05)
        survived = not traced.died()
        if survived:
            traced.end()
        helper.undo()
        other.stop()
        assert scene.anna.tunnel.config() == before, f"killed at {call} number {n}"
        if survived:
            assert n > 1, f"{call} is never called"
            return
    raise AssertionError(f"more than {MANY} calls of {call}")


def holds(laptop, prefix):
    return any(prefix in peer["allowed"] for peer in laptop.tunnel.peers().values())
