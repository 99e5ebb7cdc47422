# SPDX-License-Identifier: GPL-3.0-or-later
"""The same with a real NetworkManager on both laptops, which sets them up and moves them."""

import pytest
import topology
from lab import until
from network_manager import NetworkManager
from scene import Scene


@pytest.fixture
def scene(world):
    scene = Scene(world)
    for laptop in scene.laptops:
        # From here on the LAN belongs to NetworkManager.
        laptop.host.ip("link set eth0 down", "addr flush dev eth0")
        laptop.nm = NetworkManager(laptop.host)
        laptop.nm.start()
        laptop.nm.add(
            *("lan", "eth0", "ipv4.method", "manual", "ipv4.addresses", f"{laptop.lan4}/24"),
            *("ipv4.gateway", "192.168.77.1", "ipv6.method", "disabled"),
        )
        until(10, "the LAN is up", lambda: laptop.ping(topology.HUB4, count=1))
    return scene.start(bus=False)


def test_two_laptops_go_direct(scene):
    scene.until_direct()


def test_a_connection_is_taken_down_and_up(scene):
    scene.until_direct()
    scene.ben.nm.cli("connection", "down", "lan")
    until(10, "ben has no peer", lambda: len(scene.ben.tunnel.peers()) == 1)
    scene.ben.nm.cli("connection", "up", "lan")
    scene.until_direct(seconds=20)


def test_a_connection_is_activated_again(scene):
    scene.until_direct()
    before = scene.ben.tunnel.peers()[scene.vpn.tunnel.public]["allowed"]
    scene.ben.nm.cli("connection", "up", "lan")
    topology.sleep(1)
    scene.until_direct(seconds=20)
    assert scene.ben.tunnel.peers()[scene.vpn.tunnel.public]["allowed"] == before


def test_a_reapply_and_a_restart_of_networkmanager_change_nothing(scene):
    scene.until_direct()
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    scene.anna.nm.cli("device", "reapply", "eth0")
    topology.sleep(1)
    scene.anna.nm.kill()
    topology.sleep(1)
    scene.anna.nm.start()
    topology.sleep(2)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}
