# SPDX-License-Identifier: GPL-3.0-or-later
"""What minutes and hours do to a fleet without a server; and clocks that somebody sets."""

import pytest
import topology
from gossip_lab import Fleet, holds
from lab import until
from product import Clock

# Seconds that pass at once: less than the time between two signs of life.
STEP = 20

# Until a fact is over that nobody says again (gossip-protocol.md 6).
LIFE = 255


@pytest.fixture
def clock(the_lab):
    return Clock(the_lab)


def let_pass(clock, seconds):
    """Lets time pass in steps, and all say what there is to say after each."""
    for _ in range(0, seconds, STEP):
        clock.jump(boot=STEP, wall=STEP)
        topology.sleep(0.3)


def test_who_is_no_member_any_more_is_let_go_and_nobody_else(world, clock):
    fleet = Fleet(world, "anna", "ben", "carl").start(clock=clock).until_direct()
    anna, ben, carl = fleet.laptops
    stream = anna.stream(carl.tunnel.ip4, 0.05)
    fleet.hub.tunnel.set("peer", ben.tunnel.public, "remove")
    until(60, "anna lets ben go", lambda: let_pass(clock, STEP) or not holds(anna, ben))
    assert clock.ahead["boot"] <= 3 * LIFE
    assert ben.tunnel.public not in anna.tunnel.peers()
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}


def test_a_hub_that_falls_silent_takes_nobody_away(world, clock):
    """With wirelink the laptops delete each other after 205 s (gossip-protocol.md 15, 8)."""
    fleet = Fleet(world, "anna", "ben").start(clock=clock).until_direct()
    fleet.hub.helper.kill()
    stream = fleet.laptops[0].stream(fleet.laptops[1].tunnel.ip4, 0.05)
    let_pass(clock, 2 * LIFE)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}


def test_a_wall_clock_that_is_set_changes_nothing(world, clock):
    fleet = Fleet(world, "anna", "ben").start(clock=clock).until_direct()
    stream = fleet.laptops[0].stream(fleet.laptops[1].tunnel.ip4, 0.05)
    for days in (1, -2, 1):
        clock.jump(wall=days * 24 * 60 * 60)
        topology.sleep(0.7)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}


def test_after_a_night_all_find_each_other_again(world, clock):
    fleet = Fleet(world, "anna", "ben").start(clock=clock).until_direct()
    night = Clock(world.lab)
    anna, _ = fleet.laptops
    anna.helper.stop()
    fleet.start(anna, clock=night)
    fleet.until_direct(30)
    night.jump(boot=8 * 60 * 60, wall=8 * 60 * 60)
    topology.sleep(1)
    fleet.until_direct(30)
