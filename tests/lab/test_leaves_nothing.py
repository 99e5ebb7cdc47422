# SPDX-License-Identifier: GPL-3.0-or-later
"""However the helper ends, the device is as it was before."""

import signal

import pytest
import topology
from lab import until
from product import Helper
from scene import Scene


@pytest.fixture
def scene(world):
    scene = Scene(world)
    scene.anna.tunnel.befriend()
    scene.before = scene.anna.tunnel.config()
    return scene.start().until_direct()


def test_asked_to_stop(scene):
    assert scene.anna.tunnel.config() != scene.before
    scene.anna.helper.stop()
    assert scene.anna.tunnel.config() == scene.before
    scene.anna.until_path(scene.ben.tunnel.ip4, "hub")


def test_interrupted(scene):
    scene.anna.helper.process.signal(signal.SIGINT)
    assert scene.anna.helper.process.wait() == 0
    assert scene.anna.tunnel.config() == scene.before


def test_killed_and_undone(scene):
    """ExecStopPost= of the unit."""
    scene.anna.helper.kill()
    assert scene.anna.tunnel.config() != scene.before
    scene.anna.helper.undo()
    assert scene.anna.tunnel.config() == scene.before


def test_killed_and_started_again(scene):
    scene.anna.helper.kill()
    scene.anna.helper.start()
    scene.until_direct()
    scene.anna.helper.stop()
    assert scene.anna.tunnel.config() == scene.before


def test_restarted(scene):
    scene.anna.helper.stop()
    scene.anna.helper.start()
    scene.until_direct()
    scene.anna.helper.stop()
    assert scene.anna.tunnel.config() == scene.before


def test_the_other_side_notices_the_exit(scene):
    """No peer without us: ben's traffic must not go where nobody answers."""
    scene.anna.helper.stop()
    scene.ben.until_path(scene.anna.tunnel.ip4, "hub", seconds=30)
    until(
        90,
        "ben gives anna up",
        lambda: f"{scene.anna.tunnel.ip4}/32"
        not in scene.ben.tunnel.peers().get(scene.anna.tunnel.public, {"allowed": set()})["allowed"],
    )


def test_a_second_helper_does_not_touch_anything(scene):
    second = Helper(scene.anna, bus=False).start()
    assert second.process.wait() is not None
    assert scene.anna.path(scene.ben.tunnel.ip4) == "direct"


def test_killed_at_any_moment_of_the_first_seconds(world):
    scene = Scene(world).connect()
    before = scene.anna.tunnel.config()
    scene.server.start()
    Helper(scene.ben).start()
    anna = Helper(scene.anna)
    for delay in (0.02, 0.05, 0.1, 0.2, 0.4):
        anna.start()
        topology.sleep(delay)
        anna.kill()
        anna.undo()
        assert scene.anna.tunnel.config() == before, delay
