# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet without any server goes direct, outlives its hub's helper, and leaves nothing behind."""

import base64

import topology
from gossip_lab import Fleet
from lab import until
from memory import count_in_memory, family
from product import Server
from reasons import explain, until_tunnel


def test_two_laptops_go_direct_by_the_word_of_their_hub(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    for one, other in fleet.pairs():
        peer = one.tunnel.peers()[other.tunnel.public]
        assert peer["endpoint"] == f"{other.lan4}:{other.tunnel.port}"
        assert one.helper.peer(other)["sources"] == ["gossip"]


def test_the_hub_says_what_it_is_and_what_the_others_are_called(world):
    fleet = Fleet(world, "anna", "ben", "carl")
    anna, ben, carl = fleet.laptops
    names = {anna: "Anna", ben: "printer", carl: "printer"}
    groups = [f"[Peer wg0 {laptop.tunnel.public}]\nName={name}\n" for laptop, name in names.items()]
    fleet.start(fleet.hub, config="".join(groups))
    # Nobody has told it yet: it might as well be a machine without a hub.
    until_tunnel(fleet.hub, "wg0", "no-hub")
    fleet.start(anna, ben).start(carl, config=f"[Peer wg0 {ben.tunnel.public}]\nName=Ben\n")
    until_tunnel(fleet.hub, "wg0", "is-hub")
    fleet.until_direct()

    until(5, "ben hears a name", lambda: explain(ben, "anna"))
    assert explain(ben, "anna")["public_key"] == anna.tunnel.public
    assert explain(carl, "ben")["public_key"] == ben.tunnel.public, "its own file counts more"
    until(5, "anna hears of two", lambda: anna.helper.cli("status").count("printer (") == 2)
    assert explain(anna, "printer") is None, "anybody may claim a name"
    assert explain(anna, ben.tunnel.ip4)["name"] == "printer"


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


def test_a_server_and_gossip_name_one_peer(world):
    fleet = Fleet(world, "anna", "ben")
    server = Server(fleet.vpn).start()
    fleet.start().until_direct()
    for one, other in fleet.pairs():
        until(5, "both name it", lambda: one.helper.peer(other)["sources"] == ["server", "gossip"])
    server.stop()
    fleet.until_direct()


def test_only_gossip_has_the_private_key_and_once(world):
    """Security rule G14: the helper keeps it on one page, and the child that speaks HTTP has none."""
    fleet = Fleet(world, "anna", "ben")
    anna, _ = fleet.laptops
    private, public = topology.make_key()
    fleet.vpn.rekey(anna, (private, public))
    Server(fleet.vpn).start()
    fleet.start().until_direct()
    raw = base64.b64decode(private)
    (_, helper), *children = family(anna.helper.process.pid)
    assert children, "there is a child to look at"
    assert count_in_memory(helper, base64.b64decode(public)), "or the search finds nothing at all"
    assert count_in_memory(helper, raw) == 1
    for form in (raw, private.encode(), raw.hex().encode()):
        assert all(count_in_memory(child, form) == 0 for _, child in children)
        assert form == raw or count_in_memory(helper, form) == 0
