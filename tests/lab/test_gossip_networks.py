# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets without a server on the networks that people have."""

import topology
from gossip_lab import Fleet, Reference, holds, move
from lab import until

# A bridge of a container engine: the same on each machine.
CONTAINERS = "172.17.0.1"


def test_who_moves_to_another_lan_goes_by_the_hub_and_comes_back(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    anna, ben = fleet.laptops
    home = world.site("home", plan="192.168.78")
    move(ben, home)
    fleet.until_hub(20)
    move(ben, fleet.site)
    fleet.until_direct(30)


def test_who_moves_takes_its_new_address_along(world):
    """Both move, one after the other, to a LAN where they have other addresses."""
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    anna, ben = fleet.laptops
    home = world.site("home", plan="192.168.78")
    for laptop in fleet.laptops:
        move(laptop, home)
    fleet.until_direct(30)
    assert anna.tunnel.peers()[ben.tunnel.public]["endpoint"] == f"{ben.lan4}:{ben.tunnel.port}"


def test_a_hub_that_routes_everything(world):
    """wirelink's leaf takes itself for a router there (gossip-protocol.md 12)."""
    fleet = Fleet(world, "anna", "ben")
    for laptop in fleet.laptops:
        laptop.tunnel.set("peer", fleet.hub.tunnel.public, "allowed-ips", "0.0.0.0/0,::/0")
    fleet.start(config="[Tunnel wg0]\nManage=yes\n").until_direct()
    for laptop in fleet.laptops:
        assert "0.0.0.0/0" in laptop.tunnel.peers()[fleet.hub.tunnel.public]["allowed"]


def test_container_bridges_with_one_address_on_both(world):
    """The reference peer tells of it; nobody must try it."""
    fleet = Fleet(world, "anna", "ben")
    anna, ben = fleet.laptops
    for laptop in fleet.laptops:
        laptop.host.ip(
            f"link add docker0 {topology.BRIDGE}",
            f"addr add {CONTAINERS}/16 dev docker0",
            "link set docker0 up",
        )
    fleet.start(fleet.hub, anna)
    Reference(ben.tunnel).start()
    fleet.until_direct(45)
    assert anna.tunnel.peers()[ben.tunnel.public]["endpoint"] == f"{ben.lan4}:{ben.tunnel.port}"


def test_one_prefix_for_two_peers_moves_nothing(world):
    """With wirelink it moves between them each 5 s (gossip-protocol.md 11). Here both stay on the
    hub (security rule K4), in whole: half a path would lose what goes by the other half."""
    fleet = Fleet(world, "anna", "ben", "carl")
    anna, ben, carl = fleet.laptops
    twice = f"AllowedIPs={ben.tunnel.ip4}/32\n"
    entries = (f"[Peer wg0 {laptop.tunnel.public}]\n{twice}" for laptop in (ben, carl))
    fleet.start(fleet.hub, config="".join(entries))
    stream = anna.stream(ben.tunnel.ip4, 0.05)
    fleet.start(*fleet.laptops)
    ben.until_path(carl.tunnel.ip4, "direct")
    until(10, "anna hears of both", lambda: {reason(anna, other) for other in (ben, carl)} == {"address-twice"})
    topology.sleep(2)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"hub"}


def reason(laptop, other):
    peer = laptop.helper.peer(other)
    return peer and peer["reason"]


def test_one_of_two_is_behind_a_nat(world):
    """ben has a public address; anna is seen by the hub at her router's."""
    fleet = Fleet(world, "anna")
    street = PublicLan(world)
    fleet.laptops.append(fleet.join("ben", 12, site=street))
    fleet.start(config="[Peers]\nScope=any\n").until_direct(30)
    anna, ben = fleet.laptops
    assert ben.tunnel.peers()[anna.tunnel.public]["endpoint"].startswith(f"{fleet.site.public4}:")
    assert holds(ben, anna)


class PublicLan:
    """The provider's own network as a site: no router between it and the world."""

    plan, prefix6 = "203.0.113", None

    def __init__(self, world):
        self.world = world

    def plug(self, host, ifname="eth0"):
        self.world.lab.cable(host, ifname, self.world.isp, host.name)
        self.world.isp.ip(f"link set {host.name} master sites up")
        return host.name

    def laptop(self, name, number):
        return topology.Laptop(self, name, number)
