# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets without any server: more than two, and what happens to them."""

import time

import lab
from gossip_lab import Fleet, holds
from lab import until
from traffic import Traffic

# From the cut to traffic by the hub, in seconds: twice what is promised, on a busy machine.
FALLBACK = 3


def test_four_laptops_are_all_direct(world):
    Fleet(world, "anna", "ben", "carl", "dora").start().until_direct(20)


def test_who_comes_late_is_direct_with_all(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    carl = fleet.join("carl", 13)
    fleet.start(carl)
    fleet.laptops.append(carl)
    fleet.until_direct()


def test_a_cut_in_the_first_minutes_costs_no_more_than_any(world):
    """wirelink takes nothing back in the first 255 s (gossip-protocol.md 15, 3)."""
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    traffic = Traffic(*fleet.laptops)
    traffic.until_path("direct")
    time.sleep(1.5 * lab.SLOW)
    cut = time.monotonic()
    fleet.site.isolate(*fleet.laptops)
    traffic.until_path("hub", since=cut, seconds=30)
    traffic.stop()
    for flow in traffic.flows:
        assert flow.first_arrival("hub", cut) - cut <= FALLBACK * lab.SLOW
    fleet.site.join_again(*fleet.laptops)
    fleet.until_direct(30)


def test_who_is_switched_off_leaves_at_once(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    anna, ben = fleet.laptops
    ben.helper.cli("disable")
    until(2, "anna lets ben go", lambda: not holds(anna, ben))
    anna.until_path(ben.tunnel.ip4, "hub")
    ben.helper.cli("enable")
    fleet.until_direct(30)
