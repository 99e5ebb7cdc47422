# SPDX-License-Identifier: GPL-3.0-or-later
"""Laptops that meet a plain server, as WireGuard-Web is one: no waiting, views up to 30 s old."""

import json

import pytest
import topology
from lab import until
from product import Helper, PlainServer
from scene import Scene


@pytest.fixture
def scene(world):
    scene = Scene(world).connect()
    scene.server = PlainServer(scene.vpn)
    return scene


def test_two_laptops_go_direct(scene):
    # The second one learns at its next question.
    scene.start().until_direct(seconds=45)


def test_a_request_is_what_the_real_server_understands(scene):
    scene.start()
    requests = until(10, "both have asked", lambda: asked(scene.server, 2))
    for request in requests:
        element = json.loads(request["body"])[0]
        laptop = next(p for p in scene.laptops if p.tunnel.public == element["pubkey"])
        assert request["from"] == laptop.tunnel.ip4
        assert element["ip"] == laptop.lan4
        assert element["netmask"] == 24 and type(element["netmask"]) is int
        assert element["gateway"] == "192.168.77.1"
        assert "wait" not in element, "a plain server must not be asked to hold its answer"


def asked(server, n):
    requests = server.requests()
    return len(requests) >= n and requests


def test_a_port_that_the_server_does_not_know_is_waited_for(scene):
    """Mistake 7 of the ancestor."""
    scene.server.mode(cache=0, ports="null")
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    scene.start()
    until(20, "everybody has asked twice", lambda: asked(scene.server, 4))
    assert stream.n_lost() == 0
    scene.server.mode(cache=0)
    scene.until_direct(seconds=60)


def test_a_port_that_flaps_does_not_lose_the_peer(scene):
    """Mistake 3 of the ancestor."""
    scene.start().until_direct(seconds=45)
    scene.server.mode(cache=0, ports="flap")
    n = len(scene.server.requests())
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    for laptop in scene.laptops * 3:
        laptop.helper.cli("resync")
        topology.sleep(1)
    until(20, "the answers flapped", lambda: asked(scene.server, n + 4))
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}


def test_one_answer_without_the_peer_means_nothing(scene):
    """While a client registers anew, the real server may leave it out."""
    scene.start().until_direct(seconds=45)
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    scene.server.mode(cache=0, body='{"peers": []}')
    scene.anna.helper.cli("resync")
    topology.sleep(2)
    scene.server.mode(cache=0)
    topology.sleep(1)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"direct"}


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param({"silent": True}, id="silence"),
        pytest.param({"status": 500, "body": "<html>"}, id="500"),
        pytest.param({"status": 302, "body": ""}, id="redirect"),
        pytest.param({"body": "{"}, id="half"),
        pytest.param({"body": '{"peers": [' + "1," * 150000 + "1]}"}, id="300-KB"),
    ],
)
def test_a_broken_server_changes_nothing(scene, mode):
    """Mistake 6 of the ancestor: no limits. Neither is a stop held up by a silent server."""
    before = scene.anna.tunnel.config()
    scene.server.mode(**mode)
    scene.start()
    until(10, "anna has asked", lambda: asked(scene.server, 1))
    topology.sleep(1)
    peers = scene.anna.tunnel.peers().keys()
    assert peers == {scene.vpn.tunnel.public}
    assert scene.anna.helper.process.running() and scene.ben.helper.process.running()
    scene.anna.helper.process.signal(15)
    scene.anna.helper.process.wait(seconds=3)
    assert scene.anna.tunnel.config() == before
