# SPDX-License-Identifier: GPL-3.0-or-later
"""Laptops, servers, addresses and routes that come and go."""

import time

import topology
from lab import until
from product import Helper
from scene import Scene


def test_a_laptop_leaves_and_comes_back(world):
    scene = Scene(world).start().until_direct()
    scene.ben.link_down()
    until(60, "anna lets ben go", lambda: not holds_addresses(scene.anna, scene.ben))
    scene.ben.link_up()
    scene.until_direct(seconds=20)


def holds_addresses(laptop, other):
    peer = laptop.tunnel.peers().get(other.tunnel.public)
    return peer is not None and f"{other.tunnel.ip4}/32" in peer["allowed"]


def test_the_server_is_down_and_comes_back(world):
    scene = Scene(world).start().until_direct()
    scene.server.stop()
    topology.sleep(5)
    assert scene.anna.path(scene.ben.tunnel.ip4) == "direct", "a proven path needs no server"
    scene.server.start()
    carl = scene.sites[0].laptop("carl", 13)
    scene.vpn.join(carl)
    Helper(carl).start()
    carl.until_path(scene.anna.tunnel.ip4, "direct", seconds=60)


def test_a_server_that_starts_a_moment_late_is_found(world):
    scene = Scene(world).connect()
    for laptop in scene.laptops:
        Helper(laptop).start()
    time.sleep(1)
    scene.server.start()
    scene.until_direct(seconds=20)


def test_a_hub_without_a_server_is_left_alone_until_the_network_changes(world):
    """Decisions.md 15: three unanswered rounds are enough."""
    scene = Scene(world).connect()
    for laptop in scene.laptops:
        watch_questions(laptop)
        Helper(laptop).start()
    until(30, "anna asked three times", lambda: n_questions(scene.anna) >= 3)
    topology.sleep(6)
    assert n_questions(scene.anna) == 3
    scene.server.start()
    for laptop in scene.laptops:
        laptop.link_down()
        topology.sleep(1)
        laptop.link_up()
    scene.until_direct(seconds=20)


def watch_questions(laptop):
    """Counts attempts to connect to a coordination server."""
    laptop.host.nft(
        "table inet questions { chain out { type filter hook output priority 0;"
        " tcp dport 80 tcp flags syn / syn,ack counter; }\n}"
    )


def n_questions(laptop):
    text = laptop.host.run("nft", "list", "table", "inet", "questions")
    return int(text.split("counter packets ")[1].split()[0])


def test_a_default_route_that_comes_late_is_noticed(world):
    """Mistake 8 of the ancestor."""
    scene = Scene(world).connect()
    scene.ben.host.ip("route del default")
    scene.start()
    topology.sleep(3)
    assert scene.anna.path(scene.ben.tunnel.ip4) != "direct"
    scene.ben.host.ip("route add default via 192.168.77.1")
    scene.until_direct()


def test_a_tunnel_that_comes_up_late_is_taken(world):
    scene = Scene(world).connect()
    scene.ben.tunnel.down()
    scene.start()
    topology.sleep(1)
    scene.ben.tunnel.up()
    scene.until_direct()


def test_an_address_that_comes_late_is_waited_for(world):
    scene = Scene(world).connect()
    scene.ben.host.ip("addr flush dev wg0")
    scene.start()
    topology.sleep(1)
    scene.ben.tunnel.up()
    scene.until_direct()


def test_resync_and_disable_by_hand(world):
    scene = Scene(world).start().until_direct()
    before = scene.anna.tunnel.peers().keys()
    scene.anna.helper.cli("disable")
    until(5, "anna gives ben up", lambda: scene.ben.tunnel.public not in scene.anna.tunnel.peers())
    scene.anna.until_path(scene.ben.tunnel.ip4, "hub", seconds=30)
    scene.anna.helper.cli("enable")
    scene.until_direct(seconds=20)
    scene.anna.helper.cli("resync")
    assert scene.anna.tunnel.peers().keys() == before
