# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets without any server go direct, fall back, and leave nothing behind."""

import time

import lab
from gossip_lab import Fleet, holds
from lab import until
from traffic import Traffic

# From the cut to traffic by the hub, in seconds: twice what is promised, on a busy machine.
FALLBACK = 3


def test_two_laptops_go_direct_by_the_word_of_their_hub(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    for one, other in fleet.pairs():
        peer = one.tunnel.peers()[other.tunnel.public]
        assert peer["endpoint"] == f"{other.lan4}:{other.tunnel.port}"
        assert one.helper.peer(other)["sources"] == ["gossip"]


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


def test_the_hub_s_helper_may_die(world):
    """Its WireGuard goes on. What it said holds, and paths need no word of it."""
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    fleet.hub.helper.kill()
    fleet.site.isolate(*fleet.laptops)
    fleet.until_hub()
    fleet.site.join_again(*fleet.laptops)
    fleet.until_direct(30)
    carl = fleet.join("carl", 13)
    fleet.start(carl)
    fleet.hub.helper.start()
    fleet.laptops.append(carl)
    fleet.until_direct(60)


def test_nothing_is_left_on_any_of_them(world):
    fleet = Fleet(world, "anna", "ben").connect()
    machines = (fleet.hub, *fleet.laptops)
    before = {machine.name: machine.tunnel.config() for machine in machines}
    fleet.start().until_direct()
    for machine in machines:
        machine.helper.stop()
        assert machine.tunnel.config() == before[machine.name]
    fleet.until_hub()


def test_what_a_crash_leaves_is_undone(world):
    fleet = Fleet(world, "anna", "ben").connect()
    machines = (fleet.hub, *fleet.laptops)
    before = {machine.name: machine.tunnel.config() for machine in machines}
    fleet.start().until_direct()
    for machine in machines:
        machine.helper.kill()
        machine.helper.undo()
        assert machine.tunnel.config() == before[machine.name]


def test_who_is_switched_off_leaves_at_once(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    anna, ben = fleet.laptops
    ben.helper.cli("disable")
    until(2, "anna lets ben go", lambda: not holds(anna, ben))
    anna.until_path(ben.tunnel.ip4, "hub")
    ben.helper.cli("enable")
    fleet.until_direct(30)
