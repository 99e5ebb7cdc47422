# SPDX-License-Identifier: GPL-3.0-or-later
"""Who becomes direct, and who must not."""

import pytest
import topology
from product import Helper, Server
from scene import Scene

LAN6 = "2001:db8:77"


def direct_without_the_hub(scene):
    """Direct in both directions, and the hub sees nothing of it any more."""
    scene.until_direct()
    before = scene.world.n_pings_at_hub()
    for one, other in (scene.laptops, reversed(scene.laptops)):
        got = [reply for ip in (other.tunnel.ip4, other.tunnel.ip6) for reply in one.ping(ip, wait=5.0)]
        assert len(got) == 10 and {reply.path for reply in got} == {"direct"}, got
    assert scene.world.n_pings_at_hub() == before


@pytest.mark.parametrize(
    "family",
    [
        pytest.param({}, id="IPv4"),
        pytest.param({"v4": False, "prefix6": LAN6, "outer": topology.HUB6}, id="IPv6"),
        pytest.param({"prefix6": LAN6}, id="both"),
    ],
)
def test_two_laptops_on_one_lan_go_direct(world, family):
    direct_without_the_hub(Scene(world, **family).start())


def test_clients_with_host_addresses_go_direct(world):
    direct_without_the_hub(Scene(world, host_prefix=True).start())


@pytest.mark.parametrize("lower", ["anna", "ben"])
def test_it_does_not_matter_whose_key_is_lower(world, lower):
    scene = Scene(world)
    first, second = scene.laptops if lower == "anna" else reversed(scene.laptops)
    while first.tunnel.key_bytes() > second.tunnel.key_bytes():
        scene.vpn.rekey(first, topology.make_key())
    direct_without_the_hub(scene.start())


def test_the_direct_peer_holds_just_its_own_addresses(world):
    scene = Scene(world).start().until_direct()
    peer = scene.anna.tunnel.peers()[scene.ben.tunnel.public]
    assert {f"{scene.ben.tunnel.ip4}/32", f"{scene.ben.tunnel.ip6}/128"} <= peer["allowed"]
    rest = peer["allowed"] - {f"{scene.ben.tunnel.ip4}/32", f"{scene.ben.tunnel.ip6}/128"}
    assert all(prefix.startswith("fe80:") and prefix.endswith("/128") for prefix in rest), rest
    assert peer["endpoint"] == f"{scene.ben.lan4}:{scene.ben.tunnel.port}"


def test_three_laptops_are_all_direct(world):
    scene = Scene(world).start()
    carl = scene.sites[0].laptop("carl", 13)
    scene.vpn.join(carl)
    carl.helper = Helper(carl).start()
    for other in scene.laptops:
        carl.until_path(other.tunnel.ip4, "direct")
        other.until_path(carl.tunnel.ip4, "direct")


def test_laptops_on_different_lans_stay_on_the_hub(world):
    sites = world.site("office", plan="192.168.77"), world.site("home", plan="192.168.78")
    Scene(world, *sites).start().stays_on_the_hub()


def test_the_same_plan_behind_another_public_address_is_another_lan(world):
    sites = [world.site(name, plan="192.168.1") for name in ("office", "home")]
    Scene(world, *sites).start().stays_on_the_hub()


def test_two_tunnels_on_one_machine_do_not_disturb_each_other(world):
    scene = Scene(world)
    other_vpn = topology.Vpn(world, "wg1", "10.19.0", "fd19:9", port=51821)
    first = [laptop.tunnel for laptop in scene.laptops]
    second = [other_vpn.join(laptop, "wg1", port=41000) for laptop in scene.laptops]
    for laptop, tunnel in zip(scene.laptops, first):
        laptop.tunnel = tunnel
        laptop.ping(other_vpn.server4, count=1)
    Server(other_vpn).start()
    scene.start().until_direct()
    scene.anna.until_path(second[1].ip4, "direct")
    scene.ben.until_path(second[0].ip4, "direct")
    assert second[1].public not in first[0].peers()
    assert first[1].public not in second[0].peers()
