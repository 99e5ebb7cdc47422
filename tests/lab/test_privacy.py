# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asked, who is not, and what never leaves by the wrong door."""

import json

import topology
from lab import until
from product import Helper, PlainServer
from scene import Scene


def watch_lan(laptop):
    """Counts what leaves for the server's address by the LAN instead of the tunnel."""
    laptop.host.nft(
        "table inet doors { chain out { type filter hook output priority 0;"
        ' oifname "eth0" ip daddr 10.9.0.1 counter; }\n}'
    )


def n_by_lan(laptop):
    text = laptop.host.run("nft", "list", "table", "inet", "doors")
    return int(text.split("counter packets ")[1].split()[0])


def test_without_a_default_route_nobody_is_asked(world):
    """Mission A14."""
    scene = Scene(world).connect()
    scene.server = PlainServer(scene.vpn)
    route = f"{topology.HUB4}/32 via 192.168.77.1"
    scene.anna.host.ip(f"route add {route}", "route del default")
    scene.server.start()
    Helper(scene.anna).start()
    topology.sleep(4)
    assert scene.anna.ping(scene.vpn.server4, count=1), "the tunnel itself works"
    assert scene.server.requests() == []
    scene.anna.host.ip("route add default via 192.168.77.1")
    until(10, "anna asks", scene.server.requests)


def test_with_the_tunnel_down_nothing_goes_to_the_server_by_the_lan(world):
    """T6: somebody on the LAN must not be able to answer as the hub."""
    scene = Scene(world).connect()
    watch_lan(scene.anna)
    scene.server.start()
    helper = Helper(scene.anna).start()
    topology.sleep(1)
    scene.anna.tunnel.down()
    helper.cli("resync")
    topology.sleep(3)
    assert n_by_lan(scene.anna) == 0
    scene.anna.host.run("ping", "-c1", "-W1", scene.vpn.server4, check=False)
    assert n_by_lan(scene.anna) == 1, "the counter counts"


def test_a_route_by_the_lan_does_not_lead_the_question_astray(world):
    """A DHCP server can hand out a host route to the server's address."""
    scene = Scene(world).connect()
    scene.start().until_direct()
    scene.anna.helper.stop()
    watch_lan(scene.anna)
    scene.anna.host.ip("route add 10.9.0.1/32 via 192.168.77.1")
    scene.anna.helper.start()
    scene.until_direct()
    assert n_by_lan(scene.anna) == 0


def test_only_uplinks_are_told(world):
    """Mistake 9 of the ancestor: containers, tunnels and dummies are nobody's business."""
    scene = Scene(world).connect()
    scene.server = PlainServer(scene.vpn)
    scene.anna.host.ip(
        "link add docker0 type bridge",
        "addr add 172.17.0.1/16 dev docker0",
        "link set docker0 up",
        "link add dummy0 type bridge",
        "addr add 192.168.99.1/24 dev dummy0",
        "link set dummy0 up",
    )
    scene.start()
    requests = until(10, "anna asks", scene.server.requests)
    for request in requests:
        for element in json.loads(request["body"]):
            assert element["ip"].startswith("192.168.77."), element
