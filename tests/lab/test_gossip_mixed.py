# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours among wirelinks: the reference peer in each place. It needs some of its ticks of 5 s."""

import time

from gossip_lab import Fleet, Reference, holds
from lab import until

# Seconds: three of its ticks, another endpoint after 20 s, and some time for us.
WITHIN = 45


def reference(*machines):
    for machine in machines:
        machine.reference = Reference(machine.tunnel).start()
        # Where two start a handshake in the same moment, WireGuard wastes 5 s (decisions.md 1).
        time.sleep(0.5)


def test_a_leaf_of_each_kind_by_our_hub(world):
    fleet = Fleet(world, "anna", "ben")
    anna, ben = fleet.laptops
    fleet.start(fleet.hub, anna)
    reference(ben)
    fleet.until_direct(WITHIN)


def test_our_leaves_by_a_hub_of_theirs(world):
    fleet = Fleet(world, "anna", "ben").connect()
    reference(fleet.hub)
    fleet.start(*fleet.laptops).until_direct(WITHIN)


def test_their_leaves_by_our_hub(world):
    fleet = Fleet(world, "anna", "ben").connect()
    fleet.start(fleet.hub)
    reference(*fleet.laptops)
    fleet.until_direct(WITHIN)


def test_a_leaf_of_each_kind_by_a_hub_of_theirs(world):
    fleet = Fleet(world, "anna", "ben").connect()
    anna, ben = fleet.laptops
    reference(fleet.hub, ben)
    fleet.start(anna).until_direct(WITHIN)
    ben.reference.stop()
    assert holds(anna, ben), "it is not silent yet"


def test_with_one_of_theirs_the_handshake_and_its_word_decide(world):
    """It speaks no BFD, so that traffic that nobody answers is what tells of a cut."""
    fleet = Fleet(world, "anna", "ben")
    anna, ben = fleet.laptops
    fleet.start(fleet.hub, anna)
    reference(ben)
    fleet.until_direct(WITHIN)
    fleet.site.isolate(*fleet.laptops)
    stream = anna.stream(ben.tunnel.ip4, 0.1)
    until(30, "anna lets ben go", lambda: not holds(anna, ben))
    stream.stop()
