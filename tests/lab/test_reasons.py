# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a peer goes by the hub: each reason is given where its network is made, with its grounds."""

import base64
import json
import time
from pathlib import Path

import reasons
import topology
from lab import until
from product import Helper, PlainServer
from reasons import explain, until_it_says, until_tunnel
from scene import Scene
from unreachable import block_udp, unblock_udp


def key(*first):
    """A public key that begins with these bytes, so that its place among others is known."""
    return base64.b64encode(bytes(first) + bytes(30 - len(first)) + b"\1\1").decode()


class Crowd:
    """anna, and a server that tells her of peers who are not there, or not as they should be."""

    def __init__(self, world):
        self.scene = Scene(world).connect()
        self.anna, self.ben = self.scene.laptops
        self.server = PlainServer(self.scene.vpn)
        self.entries = []
        self.keys = {}
        # A configured peer has 10.9.0.77; the hub routes everything; a LAN has public addresses.
        self.friend = self.anna.tunnel.befriend()
        everything = f"{self.scene.vpn.net4}.0/24,{self.scene.vpn.net6}::/64,0.0.0.0/0"
        self.anna.tunnel.set("peer", self.scene.vpn.tunnel.public, "allowed-ips", everything)
        self.anna.host.ip("addr add 9.9.9.1/24 dev eth0")

    def add(self, reason, **members):
        """A peer that is expected to be refused, or not reached, for that reason."""
        number = len(self.entries) + 1
        entry = {"pubkey": key(100, number), "ip": [f"10.9.0.{100 + number}"]}
        entry |= {"endpoint": "192.168.77.50", "port": 40050, "age": 3} | members
        self.entries.append(entry)
        self.keys.setdefault(reason, entry["pubkey"])

    def say(self, *gone, entries=None):
        peers = self.entries if entries is None else entries
        body = {"peers": peers, "v": 2, "etag": str(time.monotonic()), "gone": list(gone)}
        self.server.mode(cache=0, body=json.dumps(body))


def crowd_of(world):
    crowd = Crowd(world)
    anna, hub = crowd.anna.tunnel, crowd.scene.vpn
    crowd.add("no-answer", endpoint=crowd.ben.lan4, port=40099)
    crowd.add("no-neighbour")
    crowd.add("peer-offline", age=75)
    crowd.add("no-endpoint", port=None)
    crowd.add("not-same-lan", endpoint="192.168.78.50")
    crowd.add("endpoint-off-link", endpoint="192.168.79.50")
    crowd.add("endpoint-port", port=53)
    crowd.add("endpoint-class", endpoint="127.0.0.1")
    crowd.add("endpoint-own", endpoint=crowd.anna.lan4)
    crowd.add("endpoint-reserved", endpoint="192.168.77.1")
    crowd.add("endpoint-lan", endpoint="9.9.9.50")
    crowd.add("probing", pubkey=key(255))
    crowd.add("passive", pubkey=key(0))
    n_used = len(crowd.entries)
    crowd.add("limit", pubkey=key(255, 1))
    crowd.add("key-unsafe", pubkey=base64.b64encode(bytes([1] + [0] * 31)).decode())
    crowd.add("key-own", pubkey=anna.public)
    crowd.add("key-foreign", pubkey=hub.tunnel.public)
    crowd.add("key-blocked", pubkey=key(101))
    crowd.add("key-twice", pubkey=key(102))
    crowd.add("key-twice", pubkey=key(102))
    crowd.add("address-class", ip=["224.0.0.1"])
    crowd.add("address-own", ip=[anna.ip4])
    crowd.add("address-hub", ip=[hub.server4])
    crowd.add("address-outside", ip=["2001:db8::50"])
    crowd.add("address-default", ip=["8.8.8.8"])
    crowd.add("address-taken", ip=["10.9.0.77"])
    crowd.add("address-twice", ip=["10.9.0.90"])
    crowd.add("address-twice", ip=["10.9.0.90"])
    crowd.add("address-none", ip=["127.0.0.1"])
    config = f"[Peers]\nMaxPeers={n_used}\nBlockedKeys={key(101)}\n"
    return crowd, config


def test_what_a_server_tells(world):
    crowd, config = crowd_of(world)
    crowd.anna.helper = Helper(crowd.anna, config).start()
    until_tunnel(crowd.anna, "wg0", "no-server")
    monitor = reasons.Monitor(crowd.anna)
    crowd.say()
    crowd.server.start()
    crowd.anna.helper.cli("resync")
    said = {}
    for reason, public in crowd.keys.items():
        if reason in ("probing", "passive"):
            monitor.until(reason)
        else:
            said[reason] = until_it_says(crowd.anna, public, reason)
    assert all(peer["advice"] for peer in said.values())
    silence(crowd, said)
    departures(crowd)


def silence(crowd, said):
    """Nobody answered, and what else is known."""
    nobody, offline = said["no-neighbour"], said["peer-offline"]
    there = said["no-answer"]
    assert there["evidence"]["tried"] == f"{crowd.ben.lan4}:40099"
    assert there["evidence"]["neighbour"] == "there"
    assert there["evidence"]["sent"] >= 148 and there["evidence"]["received"] == 0
    assert there["command"] == f"nft insert rule inet filter input udp dport {crowd.anna.tunnel.port} accept"
    assert there["evidence"]["listen_port"] == crowd.anna.tunnel.port
    assert nobody["evidence"]["neighbour"] == "absent"
    assert time.time() - there["evidence"]["seen_usec"] / 1e6 < 60
    assert time.time() - offline["evidence"]["seen_usec"] / 1e6 > 60
    assert said["not-same-lan"]["reason"] == "not-same-lan"
    assert said["no-endpoint"]["evidence"]["tried"] == ""


def departures(crowd):
    """The server says why peers are gone."""
    gone = {"policy": "no-answer", "revoked": "no-neighbour", "gone": "peer-offline"}
    whys = [{"pubkey": crowd.keys[k], "why": "bye" if why == "gone" else why} for why, k in gone.items()]
    crowd.say(*whys, entries=[])
    crowd.anna.helper.cli("resync")
    for why, who in gone.items():
        until_it_says(crowd.anna, crowd.keys[who], why)


def other_tunnels(anna):
    """Tunnels that are not looked after, by the reason; each lacks one thing."""
    peer = ("peer", topology.make_key()[1], "allowed-ips")
    made = {}
    for number, reason in enumerate(
        ["excluded", "no-key", "no-hub", "not-private", "no-address", "down", "psk-required", "too-many-tunnels"]
    ):
        tunnel = made[reason] = topology.Tunnel(anna.host, f"t{number}", topology.make_key(), 42000 + number)
        net = "8.8.8" if reason == "not-private" else f"10.2{number}.0"
        if reason != "no-hub":
            tunnel.set(*peer, f"{net}.0/24")
        tunnel.up(*([] if reason == "no-address" else [f"{net}.2/24"]))
    made["no-key"].set("private-key", "/dev/null")
    made["down"].down()
    psk = ("wg", "set", made["psk-required"].ifname, *peer[:2], "preshared-key", "/dev/stdin")
    anna.host.run(*psk, stdin=topology.make_key()[0])
    return {reason: tunnel.ifname for reason, tunnel in made.items()}


def test_tunnels_and_their_servers(world):
    scene = Scene(world).connect()
    anna = scene.anna
    others = other_tunnels(anna)
    config = "[General]\nMaxTunnels=1\n[Peers]\nRequirePresharedKey=yes\n"
    config += f"[Tunnel {others['excluded']}]\nManage=no\n"
    anna.helper = Helper(anna, config).start()
    for reason, ifname in others.items():
        assert until_tunnel(anna, ifname, reason)["advice"]

    until_tunnel(anna, "wg0", "no-server")
    assert explain(anna, "10.9.0.99")["reason"] == "no-server"
    scene.server = PlainServer(scene.vpn)
    scene.server.mode(status=500, body="<html>")
    scene.server.start()
    anna.helper.cli("resync")
    assert until_tunnel(anna, "wg0", "server-error")["last_error"]
    scene.server.mode(cache=0)
    anna.helper.cli("resync")
    assert until_tunnel(anna, "wg0", "managed")["hub_rtt_usec"] > 1000 * topology.HUB_RTT_MS / 2
    stranger = explain(anna, "10.9.0.99")
    assert (stranger["reason"], stranger["public_key"]) == ("not-offered", "")

    anna.helper.cli("disable")
    until_tunnel(anna, "wg0", "disabled")
    anna.helper.cli("enable")
    until_tunnel(anna, "wg0", "managed")
    anna.host.ip("route del default")
    until_tunnel(anna, "wg0", "no-uplink")


def test_a_firewall_in_the_tunnel_and_an_administrator(world):
    scene = Scene(world)
    anna, ben = scene.laptops
    reasons.block_probe(ben)
    scene.start()
    heard = until_it_says(anna, ben.tunnel.public, "one-way", seconds=40)
    deaf = until_it_says(ben, anna.tunnel.public, "probe-blocked", seconds=40)
    for peer in (heard, deaf):
        assert "udp dport 3784 accept" in peer["command"]
        assert peer["evidence"]["received"] >= 92, "WireGuard was answered"
    assert heard["evidence"]["proof_heard_usec"] > 0 == deaf["evidence"]["proof_heard_usec"]

    reasons.unblock_probe(ben)
    for laptop in scene.laptops:
        laptop.helper.cli("resync")
    scene.until_direct(seconds=30)
    until_it_says(anna, ben.tunnel.public, "proven")
    until(10, "a round trip", lambda: explain(anna, ben.tunnel.public)["rtt_usec"] > 0)
    reasons.move_to(ben, anna, "172.31.0.9")
    until_it_says(anna, ben.tunnel.public, "roamed")
    anna.tunnel.set("peer", ben.tunnel.public, "allowed-ips", "10.9.0.55/32")
    until_it_says(anna, ben.tunnel.public, "taken-over")


def test_a_path_that_keeps_breaking(world):
    scene = Scene(world).start().until_direct()
    anna, ben = scene.laptops
    monitor = reasons.Monitor(anna)
    for number in (1, 2):
        # ben hears nothing any more, and says so, which anna hears.
        block_udp(ben, anna)
        silent = until_it_says(ben, anna.tunnel.public, "silent")
        assert silent["evidence"]["breaks"] == number and silent["state"] == "waiting"
        until_it_says(anna, ben.tunnel.public, "far-end-down")
        unblock_udp(ben)
        for laptop in scene.laptops:
            laptop.helper.cli("resync")
        scene.until_direct(seconds=30)
    assert "held-down" in monitor.reasons()

    block_udp(ben, anna)
    for laptop, other in scene.pairs():
        assert until_it_says(laptop, other.tunnel.public, "lossy")["evidence"]["breaks"] == 3
    scene.stays_on_the_hub(seconds=1)


def test_a_path_that_is_slower_than_the_hub(world):
    scene = Scene(world).connect()
    anna, ben = scene.laptops
    reasons.slow_down(scene.sites[0], *scene.laptops, milliseconds=2 * topology.HUB_RTT_MS + 30)
    scene.server.start()
    # ben does not mind, and follows.
    for laptop, seconds in zip(scene.laptops, (2, 0)):
        laptop.helper = Helper(laptop, f"[Peers]\nSlowerAfter={seconds}\n").start()
    anna.until_path(ben.tunnel.ip4, "direct", seconds=20)
    stream = anna.stream(ben.tunnel.ip4)
    # By then ben has told how far away the hub is from him; else she hears of it within 25 s.
    anna.helper.cli("resync")
    slower = until_it_says(anna, ben.tunnel.public, "slower", seconds=60)
    assert slower["rtt_usec"] > 2 * slower["relay_rtt_usec"] > 2000 * topology.HUB_RTT_MS
    until_it_says(ben, anna.tunnel.public, "far-end-waits")
    anna.until_path(ben.tunnel.ip4, "hub")
    stream.stop()


def test_a_peer_that_leaves(world):
    scene = Scene(world).start().until_direct()
    anna, ben = scene.laptops
    # The server would say so as well.
    scene.server.stop()
    ben.helper.stop()
    until_it_says(anna, ben.tunnel.public, "far-end-left")


def test_every_reason_has_a_case():
    text = Path(__file__).read_text()
    cases = {reason for reason in reasons.known() if f'"{reason}"' in text}
    told_elsewhere = {**reasons.ELSEWHERE, **reasons.IN_MEMORY}
    assert cases | told_elsewhere.keys() == reasons.known()
    for reason, place in told_elsewhere.items():
        assert reasons.has_test(place), f"{reason}: there is no {place}"
