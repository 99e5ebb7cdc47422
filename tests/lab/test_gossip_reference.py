# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference peer among its own kind behaves as wirelink was seen to."""

from gossip_lab import Fleet, Reference


def test_two_go_direct_by_a_router_of_their_kind(world):
    fleet = Fleet(world, "anna", "ben").connect()
    for tunnel in [fleet.vpn.tunnel, *(laptop.tunnel for laptop in fleet.laptops)]:
        Reference(tunnel, tick=1).start()
    fleet.until_direct(20)
    for one, other in fleet.pairs():
        peers = one.tunnel.peers()
        allowed = {f"{other.tunnel.ip4}/32", f"{other.tunnel.ip6}/128", f"{other.tunnel.link_local()}/128"}
        assert peers[other.tunnel.public]["allowed"] == allowed
        assert peers[other.tunnel.public]["endpoint"] == f"{other.lan4}:{other.tunnel.port}"
        assert "10.9.0.0/24" in peers[fleet.vpn.tunnel.public]["allowed"]
