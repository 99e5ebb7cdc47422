# SPDX-License-Identifier: GPL-3.0-or-later
"""Hub and leaves, all of ours: what they do without a server, and that nothing stays of it."""

import base64

import topology
from gossip_scene import GossipScene, count_in_memory, family
from lab import until


def test_two_laptops_go_direct_without_a_server(world):
    scene = GossipScene(world).start().until_direct()
    assert scene.anna.helper.peer(scene.ben)["sources"] == ["gossip"]


def test_what_gossip_changed_is_undone(world):
    scene = GossipScene(world).connect()
    friend = scene.anna.tunnel.befriend()
    tunnels = scene.vpn.tunnel, scene.anna.tunnel
    before = [tunnel.config() for tunnel in tunnels]
    scene.start().until_direct()
    hub = scene.anna.tunnel.peers()[scene.vpn.tunnel.public]
    assert f"{scene.vpn.tunnel.link_local()}/128" in hub["allowed"], "or nothing is measured"
    assert not any(prefix.startswith("fe80") for prefix in scene.anna.tunnel.peers()[friend]["allowed"])

    for helper in (scene.anna.helper, scene.hub_helper):
        helper.stop()
    assert [tunnel.config() for tunnel in tunnels] == before

    scene.anna.helper.start()
    scene.hub_helper.start()
    scene.until_direct()
    for helper in (scene.anna.helper, scene.hub_helper):
        helper.kill()
        helper.undo()
    assert [tunnel.config() for tunnel in tunnels] == before


def test_a_server_and_gossip_name_one_peer(world):
    scene = GossipScene(world).connect()
    scene.server.start()
    scene.start().until_direct()
    for one, other in scene.pairs():
        until(5, "both name it", lambda: one.helper.peer(other)["sources"] == ["server", "gossip"])
    scene.server.stop()
    scene.until_direct()


def test_only_gossip_has_the_private_key_and_once(world):
    """Security rule G14: the helper keeps it on one page, and the child that speaks HTTP has none."""
    scene = GossipScene(world)
    private, public = topology.make_key()
    scene.vpn.rekey(scene.anna, (private, public))
    scene.connect().server.start()
    scene.start().until_direct()
    raw = base64.b64decode(private)
    helper, *children = family(scene.anna.helper.process.pid)
    assert children, "there is a child to look at"
    assert count_in_memory(helper, base64.b64decode(public)), "or the search finds nothing at all"
    assert count_in_memory(helper, raw) == 1
    for form in (raw, private.encode(), raw.hex().encode()):
        assert all(count_in_memory(child, form) == 0 for child in children)
        assert form == raw or count_in_memory(helper, form) == 0
