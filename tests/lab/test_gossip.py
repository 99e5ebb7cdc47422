# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that tell each other, and need no coordination server."""

from gossip import GossipScene


def test_two_laptops_go_direct_without_a_server(world):
    scene = GossipScene(world).start().until_direct()
    assert scene.anna.helper.peer(scene.ben)["sources"] == ["gossip"]
