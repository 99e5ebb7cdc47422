# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside others who configure the network: two laptops go direct, or stay on the hub and say why;
nothing of the others is touched."""

import json

import pytest
import topology
from lab import until
from neighbours import Machine
from product import CLI, HELPER
from scene import Scene

# What tells people why a path does not become direct.
BLOCKED = {"probe-blocked", "no-handshake", "backing-off", "one-way"}


@pytest.fixture
def scene(world):
    return Scene(world).connect()


def stays_on_the_hub_and_says_why(scene, reasons, seconds=20):
    """Not one ping is lost while the helpers try."""
    stream = scene.anna.stream(scene.ben.tunnel.ip4, 0.05)
    for laptop, other in scene.pairs():
        until(seconds, f"{laptop.name} says why", lambda l=laptop, o=other: reason(l, o) in reasons, every=0.1)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"hub"}


def reason(laptop, other):
    peer = laptop.helper.peer(other)
    return peer["reason"] if peer else None


def goes_direct(scene, machines, seconds=15):
    """Direct, with everything as it was; and again when the helpers are gone."""
    scene.until_direct(seconds)
    for machine, other in zip(machines, scene.laptops[::-1]):
        machine.is_untouched(but=[other.tunnel.public])
    stop(scene, machines)


def stop(scene, machines):
    for laptop in scene.laptops:
        laptop.helper.stop()
    for machine in machines:
        machine.is_as_before()


# Firewalls as others write them, each for a laptop.

UFW = """table inet ufw {
  chain input { type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { icmp, icmpv6 } accept
    udp sport 67 udp dport 68 accept
    %s
  }
  chain forward { type filter hook forward priority 0; policy drop; }
}"""

FIREWALLD = """table inet firewalld {
  chain filter_INPUT { type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    meta l4proto { icmp, icmpv6 } accept
    tcp dport 22 accept
    ip6 daddr fe80::/64 udp dport 546 accept
    %s
    reject with icmpx type admin-prohibited
  }
}"""

# As wg-autopeer-helper(8) asks for.
OPEN = 'udp dport 40000-40099 accept\nip6 saddr fe80::/10 udp dport 3784 accept'


@pytest.mark.parametrize("rules", [UFW, FIREWALLD], ids=["ufw", "firewalld"])
def test_a_firewall_that_lets_nothing_in_leaves_us_on_the_hub(scene, rules):
    for laptop in scene.laptops:
        laptop.host.nft(rules % "")
    machines = [Machine(laptop) for laptop in scene.laptops]
    scene.start()
    stays_on_the_hub_and_says_why(scene, BLOCKED)
    stop(scene, machines)


@pytest.mark.parametrize("rules", [UFW, FIREWALLD], ids=["ufw", "firewalld"])
def test_a_firewall_that_is_open_as_the_manual_says_is_passed(scene, rules):
    for laptop in scene.laptops:
        laptop.host.nft(rules % OPEN)
    machines = [Machine(laptop) for laptop in scene.laptops]
    goes_direct(scene.start(), machines)


def test_bridges_of_containers_are_no_shared_network(scene):
    """Docker gives all machines the same one, and masquerades behind it."""
    for laptop in scene.laptops:
        laptop.host.ip(
            "link add docker0 type bridge",
            "addr add 172.17.0.1/16 dev docker0",
            "link set docker0 up",
            "link add veth1 type veth peer name eth0c",
            "link set veth1 master docker0 up",
            "link set eth0c up",
        )
        laptop.host.nft(
            """table ip nat { chain POSTROUTING { type nat hook postrouting priority 100;
                 ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
               }
               table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop;
                 oifname "docker0" ct state related,established accept; }
               }"""
        )
    machines = [Machine(laptop) for laptop in scene.laptops]
    scene.start().until_direct()
    for laptop, other in scene.pairs():
        assert laptop.tunnel.peers()[other.tunnel.public]["endpoint"].startswith(other.lan4)
    goes_direct(scene, machines)


def test_without_polkit_root_decides_alone(scene):
    scene.start().until_direct()
    host, helper = scene.anna.host, scene.anna.helper
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CLI]
    for words in (["disable"], ["pause", "1h"], ["status", "--json"]):
        answer = host.run(*nobody, *words, check=False)
        assert scene.ben.tunnel.public not in answer
    assert helper.status()["state"] != "off"
    assert scene.anna.path(scene.ben.tunnel.ip4) == "direct"
    helper.cli("disable")
    until(10, "root has switched it off", lambda: helper.status()["state"] == "off")


# wg-quick.

_CONF = """[Interface]
PrivateKey = {private}
ListenPort = {port}
Address = {ip4}/24, {ip6}/64
SaveConfig = {saves}

[Peer]
PublicKey = {hub}
AllowedIPs = 10.9.0.0/24, fd09:9::/64
Endpoint = {endpoint}
PersistentKeepalive = 25
"""

CONF = "/etc/wireguard/wg0.conf"


class WgQuick:
    """anna's tunnel is wg-quick's."""

    def __init__(self, scene):
        self.scene = scene
        self.host = scene.anna.host
        self.tunnel = scene.anna.tunnel
        self.private = self.host.run("wg", "show", "wg0", "private-key").strip()
        self.tunnel.delete()
        # the directory is the host's own only for programs that are started there
        self.host.sh("mount -t tmpfs -o mode=700 wireguard /etc/wireguard")

    def write(self, saves):
        text = _CONF.format(
            private=self.private,
            port=self.tunnel.port,
            ip4=self.tunnel.ip4,
            ip6=self.tunnel.ip6,
            saves=saves,
            hub=self.scene.vpn.tunnel.public,
            endpoint=f"{topology.HUB4}:{self.scene.vpn.tunnel.port}",
        )
        self.host.sh(f"umask 077; cat >{CONF}", stdin=text)

    def saved(self):
        return self.host.run("cat", CONF)

    def run(self, verb):
        self.host.run("env", "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go", "wg-quick", verb, "wg0")


@pytest.fixture
def wg_quick(scene):
    return WgQuick(scene)


def test_what_wg_quick_saves_never_holds_our_peers(wg_quick):
    scene = wg_quick.scene
    wg_quick.write("true")
    wg_quick.run("up")
    scene.start()
    helper = scene.anna.helper
    tunnel = until(10, "the tunnel is judged", lambda: tunnel_of(helper))
    assert (tunnel["state"], tunnel["reason"]) == ("unmanaged", "save-config")
    assert "wg-quick" in helper.cli("status")
    assert "SaveConfig = true" in helper.process.output()
    scene.stays_on_the_hub(seconds=3)
    wg_quick.run("down")
    assert wg_quick.saved().count("[Peer]") == 1
    assert scene.vpn.tunnel.public in wg_quick.saved()


def test_a_tunnel_that_is_to_be_saved_from_now_on_loses_our_peers(wg_quick):
    """And one that is not saved goes down and up as ever."""
    scene = wg_quick.scene
    wg_quick.write("false")
    wg_quick.run("up")
    before = wg_quick.saved()
    scene.start().until_direct()
    wg_quick.run("down")
    assert wg_quick.saved() == before
    wg_quick.run("up")
    scene.until_direct(seconds=20)

    wg_quick.write("true")
    scene.anna.host.run(HELPER, "--survey")
    until(5, "our peer is gone", lambda: scene.ben.tunnel.public not in scene.anna.tunnel.peers())
    wg_quick.run("save")
    assert wg_quick.saved().count("[Peer]") == 1


def tunnel_of(helper):
    """None while nobody answers."""
    answer = helper.cli("status", "--json", check=False)
    tunnels = json.loads(answer)["tunnels"] if answer else []
    return tunnels[0] if tunnels else None
