# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels where BFD cannot be spoken: IPv6 is switched off, and nobody switches it on; or another
program has the port."""

import json

import pytest
import topology
from lab import until
from product import Helper, PlainServer
from scene import Scene


@pytest.fixture
def scene(world):
    return Scene(world)


def switch(laptop, on):
    laptop.host.write("/proc/sys/net/ipv6/conf/wg0/disable_ipv6", "0" if on else "1")


def until_it_says_why(laptop):
    def why():
        text = laptop.helper.cli("status", "--json", check=False)
        return [peer["reason"] for peer in json.loads(text or '{"peers": []}')["peers"]]

    until(10, "the reason", lambda: why() == ["no-ipv6"], every=0.1)


def test_without_it_on_both_ends_handshakes_do(scene):
    for laptop in scene.laptops:
        switch(laptop, False)
    before = scene.anna.tunnel.config()
    scene.start()
    scene.anna.until_path(scene.ben.tunnel.ip4, "direct", 15)
    scene.ben.until_path(scene.anna.tunnel.ip4, "direct", 15)
    assert before[2] == scene.anna.tunnel.addresses()
    scene.anna.helper.stop()
    assert scene.anna.tunnel.config() == before


def test_one_end_without_it_stays_on_the_hub(scene):
    switch(scene.anna, False)
    scene.start()
    until_it_says_why(scene.anna)
    scene.stays_on_the_hub()


def test_switched_on_later(scene):
    switch(scene.anna, False)
    scene.start()
    until_it_says_why(scene.anna)
    switch(scene.anna, True)
    scene.anna.until_path(scene.ben.tunnel.ip4, "direct", 45)


def test_switched_off_while_direct(scene):
    scene.start().until_direct()
    switch(scene.anna, False)
    topology.sleep(1)
    scene.anna.until_path(scene.ben.tunnel.ip4, "hub", 5)


def test_port_of_somebody_else(scene):
    """Another BFD daemon on one laptop."""
    listen = "import socket, time; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);"
    listen += "s.bind(('::', 3784)); time.sleep(1000)"
    other = scene.anna.host.start("other-bfd", "/usr/bin/python3", "-c", listen)
    until(5, "the port is taken", lambda: ":3784" in scene.anna.host.run("ss", "-uln"))
    scene.start()
    until_it_says_why(scene.anna)
    scene.stays_on_the_hub(4)
    other.kill()
    scene.anna.until_path(scene.ben.tunnel.ip4, "direct", 45)


def test_the_server_is_told_who_speaks_bfd(scene):
    switch(scene.anna, False)
    server = PlainServer(scene.vpn).start()
    for laptop in scene.connect().laptops:
        Helper(laptop).start()
    until(10, "both ask", lambda: len({request["from"] for request in server.requests()}) == 2)
    said = {request["from"]: "bfd" in json.dumps(request["body"]) for request in server.requests()}
    assert said == {scene.anna.tunnel.ip4: False, scene.ben.tunnel.ip4: True}
