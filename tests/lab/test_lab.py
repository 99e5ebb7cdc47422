# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: what the scenarios take for granted."""

import topology


def test_the_hub_is_40_ms_away(world):
    anna = world.site("office").laptop("anna", 11)
    anna.ping(topology.HUB4, count=1)  # neighbours are found
    trips = sorted(reply.ms for reply in anna.ping(topology.HUB4, count=5))
    assert 40 <= trips[0] < 60, trips


def test_two_laptops_reach_each_other_by_the_hub(world):
    office = world.site("office", prefix6="2001:db8:77")
    anna, ben = office.laptop("anna", 11), office.laptop("ben", 12)
    vpn = topology.Vpn(world)
    for laptop in (anna, ben):
        vpn.join(laptop)
    assert anna.path(ben.tunnel.ip4) == "hub"
    assert anna.path(ben.tunnel.ip6) == "hub"
    assert world.n_pings_at_hub() == 6
    assert anna.path(ben.lan4) == "direct"
    assert anna.path(ben.lan6) == "direct"


def test_the_hub_sees_one_public_address_per_site(world):
    vpn = topology.Vpn(world)
    seen = []
    for number, name in ((11, "office"), (12, "home")):
        laptop = world.site(name, plan="192.168.1").laptop(name + "-laptop", number)
        vpn.join(laptop)
        laptop.ping(vpn.server4, count=1)
        seen.append(vpn.tunnel.peers()[laptop.tunnel.public]["endpoint"])
    assert seen == ["203.0.113.21:40011", "203.0.113.22:40012"]


def test_isolated_laptops_do_not_reach_each_other(world):
    office = world.site("office")
    anna, ben = office.laptop("anna", 11), office.laptop("ben", 12)
    office.isolate(anna, ben)
    assert not anna.ping(ben.lan4, count=1, wait=0.2)
    assert anna.ping(topology.HUB4, count=1)
