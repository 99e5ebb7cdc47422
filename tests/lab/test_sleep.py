# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine goes to sleep: peers are told before, and tried again when it wakes. Its clock is set."""

import pytest
import topology
from lab import until
from logind import Logind
from product import Clock
from scene import Scene


@pytest.fixture
def scene(world):
    return Scene(world)


def has_left(laptop, other):
    peers = laptop.tunnel.peers()
    return f"{other.tunnel.ip4}/32" not in peers.get(other.tunnel.public, {"allowed": set()})["allowed"]


def test_peers_are_told_before_the_sleep(scene):
    before = scene.anna.tunnel.config()
    scene.start().until_direct()
    logind = Logind(scene.anna.host).start()
    logind.until_held()

    logind.prepare_for_sleep(True)
    until(1, "ben goes by the hub", lambda: has_left(scene.ben, scene.anna))
    logind.until_held(False, seconds=2)
    assert scene.anna.tunnel.config() == before
    assert scene.anna.helper.status()["enabled"], "what people want is another matter"

    logind.prepare_for_sleep(False)
    logind.until_held()
    scene.until_direct()


def test_nothing_of_ours_means_no_delay(scene):
    scene.start().until_direct()
    scene.anna.helper.cli("disable")
    logind = Logind(scene.anna.host).start()
    logind.until_held()
    logind.prepare_for_sleep(True)
    logind.until_held(False, seconds=1)
    logind.prepare_for_sleep(False)
    logind.until_held()
    assert scene.anna.path(scene.ben.tunnel.ip4) == "hub", "it was switched off before the sleep"


def test_logind_dies_while_it_prepares(scene):
    scene.start().until_direct()
    logind = Logind(scene.anna.host).start()
    logind.until_held()
    logind.prepare_for_sleep(True)
    until(1, "ben goes by the hub", lambda: has_left(scene.ben, scene.anna))
    logind.kill()
    scene.until_direct()
    logind.start().until_held()


def test_a_wall_clock_that_is_set_changes_nothing(world):
    clock = Clock(world.lab)
    scene = Scene(world).start(clock=clock).until_direct()
    stream = scene.anna.stream(scene.ben.tunnel.ip4, 0.05)
    for days in (1, -2, 1):
        clock.jump(wall=days * 24 * 60 * 60)
        topology.sleep(0.7)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}
