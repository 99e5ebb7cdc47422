# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet without any server goes direct, outlives its hub's helper, and leaves nothing behind."""

from gossip_lab import Fleet


def test_two_laptops_go_direct_by_the_word_of_their_hub(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    for one, other in fleet.pairs():
        peer = one.tunnel.peers()[other.tunnel.public]
        assert peer["endpoint"] == f"{other.lan4}:{other.tunnel.port}"
        assert one.helper.peer(other)["sources"] == ["gossip"]


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


def test_what_gossip_changed_is_undone(world):
    fleet = Fleet(world, "anna", "ben").connect()
    anna, _ = fleet.laptops
    machines = (fleet.hub, *fleet.laptops)
    friend = anna.tunnel.befriend()
    before = [machine.tunnel.config() for machine in machines]
    fleet.start().until_direct()
    peers = anna.tunnel.peers()
    hub = peers[fleet.hub.tunnel.public]
    assert f"{fleet.hub.tunnel.link_local()}/128" in hub["allowed"], "or nothing is measured"
    assert not any(prefix.startswith("fe80") for prefix in peers[friend]["allowed"])

    for machine in machines:
        machine.helper.stop()
    assert [machine.tunnel.config() for machine in machines] == before
    fleet.until_hub()

    for machine in machines:
        machine.helper.start()
    fleet.until_direct()
    for machine in machines:
        machine.helper.kill()
        machine.helper.undo()
    assert [machine.tunnel.config() for machine in machines] == before
