# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference peer among its own kind behaves as wirelink was seen to."""

import ipaddress
import os
import time

import gossip_codec as codec
from gossip_device import DevicePeer
from gossip_lab import Fleet, Reference
from gossip_mind import Config, Mind

# Seconds.
TICK = 5


class FakeLeaf:
    """A device with a hub that answers, on a machine with one LAN."""

    def __init__(self):
        self.public, self.hub = os.urandom(32), os.urandom(32)
        self.port = 51820
        network = frozenset([ipaddress.ip_network("10.9.0.0/24")])
        endpoint = ipaddress.ip_address("198.51.100.1"), 51820
        self.peers = {self.hub: DevicePeer(endpoint, network, int(time.time()))}

    def lan_addresses(self, *_):
        return [ipaddress.ip_address("192.168.77.11")]

    def own_addresses(self):
        return []

    def is_in_tunnel(self, _):
        return False


def test_it_says_everything_again_when_wirelink_does():
    """Signs of life each 30 s, facts after 125 s (gossip-protocol.md 6, 8)."""
    leaf = FakeLeaf()
    mind = Mind(leaf, Config(), 0)
    said = {}
    for now in range(0, 300, TICK):
        mind.refresh(now)
        for key, inner in mind.speak(now):
            assert key == leaf.hub
            for fact in codec.read_facts(inner):
                said.setdefault(fact.attribute, []).append(now)
    assert said["e"] == [0, 125, 250]
    assert set(said["!"]) == {0, 35, 70, 105, 125, 160, 195, 230, 250, 285}


def test_two_go_direct_by_a_router_of_their_kind(world):
    fleet = Fleet(world, "anna", "ben").connect()
    for tunnel in [fleet.vpn.tunnel, *(laptop.tunnel for laptop in fleet.laptops)]:
        Reference(tunnel, tick=1).start()
        # Where both start a handshake in the same moment, WireGuard wastes 5 s (decisions.md 1).
        time.sleep(0.4)
    fleet.until_direct(40)
    for one, other in fleet.pairs():
        peers = one.tunnel.peers()
        allowed = {f"{other.tunnel.ip4}/32", f"{other.tunnel.ip6}/128", f"{other.tunnel.link_local()}/128"}
        assert peers[other.tunnel.public]["allowed"] == allowed
        assert peers[other.tunnel.public]["endpoint"] == f"{other.lan4}:{other.tunnel.port}"
        assert "10.9.0.0/24" in peers[fleet.vpn.tunnel.public]["allowed"]
