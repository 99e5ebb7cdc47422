# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that would take the hub's, the administrator's or the Internet's traffic away (security
M1 and M9, T8, T14 to T17). The good entry of the same answer is still used."""

import base64
import json

import pytest
import topology
from product import PlainServer
from scene import Scene

P = 2**255 - 19


def number_key(number):
    return base64.b64encode(number.to_bytes(32, "little")).decode()


def entry(key, *addresses, endpoint="192.168.77.50", port=40050):
    return {"pubkey": key, "ip": list(addresses), "endpoint": endpoint, "port": port}


@pytest.fixture
def scene(world):
    scene = Scene(world)
    scene.server = PlainServer(scene.vpn)
    scene.admin_key = topology.make_key()[1]
    scene.new_keys = iter([topology.make_key()[1] for _ in range(40)])
    scene.anna.tunnel.set(
        *("peer", scene.admin_key, "allowed-ips", "10.9.0.77/32", "endpoint", "192.168.77.60:50000")
    )
    scene.before = scene.anna.tunnel.peers()
    return scene.connect()


def answer(scene, *entries):
    """What anna gets; ben gets honest answers."""
    body = json.dumps({"peers": [*entries, scene.ben.entry()]})
    scene.server.mode(cache=0, bodies={scene.anna.tunnel.ip4: body})


def offer(scene, *entries, endpoints_are_bad=False):
    """Answers with these and with the good entry of ben, who is to be the only one that is used."""
    answer(scene, *entries)
    scene.start().until_direct(seconds=45)
    after = scene.anna.tunnel.peers()
    offered = {e["pubkey"]: e for e in entries if isinstance(e, dict)}
    for key, peer in after.items():
        if key not in scene.before and key != scene.ben.tunnel.public:
            # A neighbour without an endpoint that we accept may call us, by its link-local address.
            assert endpoints_are_bad, f"{offered[key]} became {peer}"
            assert peer["endpoint"] == "(none)", f"{offered[key]} became {peer}"
            assert [p[:6] for p in peer["allowed"]] == ["fe80::"], f"{offered[key]} became {peer}"
    for key, peer in scene.before.items():
        for field in ("allowed", "endpoint", "keepalive", "psk"):
            assert after[key][field] == peer[field]


def test_keys_that_are_not_a_neighbours(scene):
    alias = bytearray(base64.b64decode(next(scene.new_keys)))
    alias[31] |= 0x80
    twice = next(scene.new_keys)
    offer(
        scene,
        entry(scene.vpn.tunnel.public, "10.9.0.50"),
        entry(scene.admin_key, "10.9.0.51"),
        entry(number_key(0), "10.9.0.52"),
        entry(number_key(1), "10.9.0.53"),
        entry(number_key(P - 1), "10.9.0.54"),
        entry(number_key(P + 9), "10.9.0.55"),
        entry(base64.b64encode(bytes(alias)).decode(), "10.9.0.56"),
        entry(next(scene.new_keys)[:-1], "10.9.0.57"),
        entry(next(scene.new_keys).replace("=", ""), "10.9.0.58"),
        entry("not a key", "10.9.0.59"),
        entry(twice, "10.9.0.60"),
        entry(twice, "10.9.0.61"),
        {"pubkey": 7, "ip": ["10.9.0.62"], "endpoint": "192.168.77.50", "port": 40050},
        "no object at all",
    )


def test_addresses_that_are_not_a_neighbours(scene):
    wrong = """0.0.0.0/0 ::/0 10.9.0.0/24 10.9.0.50/31 10.9.0.1 10.9.0.11 10.9.0.77 10.9.0.0
        10.9.0.255 8.8.8.8 127.0.0.1 ::ffff:10.9.0.50 fe80::1%eth0 010.9.0.50 224.0.0.1
        255.255.255.255 192.168.77.1 198.51.100.1 fd09:9::1 fd09:9::11 2001:db8::1""".split()
    offer(scene, *(entry(next(scene.new_keys), address) for address in wrong))


def test_addresses_that_two_claim(scene):
    offer(
        scene,
        entry(next(scene.new_keys), "10.9.0.50"),
        entry(next(scene.new_keys), "10.9.0.50"),
    )


def test_endpoints_that_are_not_on_this_lan(scene):
    wrong = [("192.168.77.1", 40050), ("192.168.77.11", 40011), ("10.9.0.9", 40050)]
    wrong += [("192.168.77.50", 0), ("192.168.77.50", 53), ("192.168.77.50", 70000)]
    wrong += [("192.168.77.255", 40050), ("192.168.77.0", 40050), ("198.51.100.1", 51820)]
    wrong += [("8.8.8.8", 40050), ("127.0.0.1", 40050), ("224.0.0.1", 40050)]
    wrong += [("localhost", 40050), ("192.168.78.50", 40050)]
    offer(
        scene,
        *(
            entry(next(scene.new_keys), f"10.9.0.{number}", endpoint=endpoint, port=port)
            for number, (endpoint, port) in enumerate(wrong, 100)
        ),
        endpoints_are_bad=True,
    )


def test_an_administrators_peer_that_comes_later_keeps_its_address(world):
    """T16: the address that our peer holds belongs to the administrator once he gives it away."""
    scene = Scene(world).start().until_direct()
    friend = topology.make_key()[1]
    scene.anna.tunnel.set("peer", friend, "allowed-ips", f"{scene.ben.tunnel.ip4}/32")
    topology.sleep(5)
    peers = scene.anna.tunnel.peers()
    assert peers[friend]["allowed"] == {f"{scene.ben.tunnel.ip4}/32"}
    scene.anna.helper.stop()
    assert scene.anna.tunnel.peers()[friend]["allowed"] == {f"{scene.ben.tunnel.ip4}/32"}


def test_a_hub_that_routes_everything_does_not_lend_the_internet(world):
    scene = Scene(world)
    scene.server = PlainServer(scene.vpn)
    scene.anna.tunnel.set("peer", scene.vpn.tunnel.public, "allowed-ips", "0.0.0.0/0,::/0")
    bad = [entry(topology.make_key()[1], address) for address in ("8.8.8.8", "192.0.2.1")]
    answer(scene, *bad)
    # Such tunnels are left alone unless the administrator wants them (decisions.md 15).
    scene.start(config="[Tunnel wg0]\nManage=yes\n").until_direct(seconds=45)
    assert len(scene.anna.tunnel.peers()) == 2


@pytest.mark.parametrize("plan", ["10.9.0", "8.8.8"])
def test_a_lan_that_looks_like_something_else_is_not_used(world, plan):
    """T8: the LAN claims the VPN's own network, or a public one."""
    scene = Scene(world, world.site("cafe", plan=plan))
    for laptop in scene.laptops:
        # The tunnel's own routes must win over the LAN's, else not even the hub is reached.
        laptop.host.ip("route replace 10.9.0.1/32 dev wg0", "route replace 10.9.0.12/31 dev wg0")
    scene.start()
    topology.sleep(5)
    for laptop in scene.laptops:
        peers = laptop.tunnel.peers()
        del peers[scene.vpn.tunnel.public]
        assert all(peer["endpoint"] == "(none)" for peer in peers.values()), peers
