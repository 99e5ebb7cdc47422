# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside others who configure the network: two laptops go direct, or stay on the hub and say why;
nothing of the others is touched."""

import json

import pytest
import topology
from lab import until
from neighbours import Machine
from product import CLI, HELPER, start_bus
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
    machine = Machine(scene.anna)
    scene.start()
    helper = scene.anna.helper
    tunnel = until(10, "the tunnel is judged", lambda: tunnel_of(helper))
    assert (tunnel["state"], tunnel["reason"]) == ("unmanaged", "save-config")
    assert "wg-quick" in helper.cli("status")
    assert "SaveConfig = true" in helper.process.output()
    scene.stays_on_the_hub(seconds=3)
    machine.is_untouched()
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


def tunnel_of(helper, number=0):
    """None while nobody answers."""
    answer = helper.cli("status", "--json", check=False)
    tunnels = json.loads(answer)["tunnels"] if answer else []
    return tunnels[number] if tunnels else None


# A second VPN, all of whose clients leave by one exit.

EXIT = "203.0.113.9"

ALL_BY_RULE = """wg set wg1 fwmark 51820
ip route add default dev wg1 table 51820
ip rule add not fwmark 51820 table 51820
ip rule add table main suppress_prefixlength 0"""

ALL_BY_HALVES = f"""ip route add {EXIT} via 192.168.77.1
ip route add 0.0.0.0/1 dev wg1
ip route add 128.0.0.0/1 dev wg1"""


class Provider:
    """A host that can be the hub of a VPN."""

    def __init__(self, world):
        self.lab = world.lab
        self.hub = world.lab.host("exit")
        world.lab.cable(self.hub, "eth0", world.isp, "exit")
        world.isp.ip("link set exit master sites up")
        lines = [f"addr add {EXIT}/24 dev eth0", "link set eth0 up", "route add default via 203.0.113.1"]
        self.hub.ip(*lines)
        topology.forward(self.hub)
        self.hub.nft(
            """table ip nat { chain post { type nat hook postrouting priority 100;
                 oifname "eth0" masquerade; }
               }"""
        )


@pytest.mark.parametrize("routes", [ALL_BY_RULE, ALL_BY_HALVES], ids=["by-rule", "by-halves"])
def test_a_second_vpn_with_the_default_route_keeps_it(scene, routes):
    vpn = topology.Vpn(Provider(scene.world), "wg1", "10.19.0", "fd19:9", port=51821)
    for laptop in scene.laptops:
        ours = laptop.tunnel
        second = vpn.join(laptop, "wg1", outer=EXIT, port=41000, host_prefix=True)
        second.set("peer", vpn.tunnel.public, "allowed-ips", "0.0.0.0/0")
        laptop.host.sh(routes)
        laptop.tunnel = ours
        assert "dev wg1" in laptop.host.run("ip", "route", "get", topology.HUB4)
    machines = [Machine(laptop, "wg1") for laptop in scene.laptops]
    scene.start().until_direct(seconds=15)
    for laptop in scene.laptops:
        assert tunnel_of(laptop.helper, 1)["state"] == "unmanaged"
        assert "dev wg1" in laptop.host.run("ip", "route", "get", topology.HUB4)
    goes_direct(scene, machines)


# systemd-networkd.

_NETWORKS = """
mkdir -p /run/systemd/network
for link in links leases lldp; do install -d -o systemd-network -g systemd-network /run/systemd/netif/$link; done
cat >/run/systemd/network/10-lan.network <<END
[Match]
Name=eth0
[Network]
Address={lan4}/24
Gateway=192.168.77.1
IPv6AcceptRA=no
END
cat >/run/systemd/network/20-tunnel.network <<END
[Match]
Name=wg0
[Network]
Address={ip4}/24
Address={ip6}/64
END
ip link set eth0 down
ip addr flush dev eth0
ip addr flush dev wg0
"""


def networkd(laptop):
    return laptop.host.start("networkd", "/lib/systemd/systemd-networkd", env={"SYSTEMD_LOG_TARGET": "console"})


def test_systemd_networkd_has_its_way_and_we_have_ours(scene):
    """It drops addresses that are not its own when it configures a link again."""
    for laptop in scene.laptops:
        start_bus(laptop.host)
        laptop.host.sh(_NETWORKS.format(lan4=laptop.lan4, ip4=laptop.tunnel.ip4, ip6=laptop.tunnel.ip6))
        laptop.networkd = networkd(laptop)
        until(20, "the hub answers", lambda one=laptop: one.ping(scene.vpn.server4, count=1))
    scene.start(bus=False).until_direct()
    anna = scene.anna
    ours = f"{anna.tunnel.link_local()}/64"
    for change in (["wg0"], ["eth0"], None):
        if change:
            anna.host.run("networkctl", "reconfigure", *change)
        else:
            anna.networkd.stop()
            anna.networkd = networkd(anna)
        topology.sleep(1)
        until(10, "our address is there", lambda: ours in anna.tunnel.addresses())
        scene.until_direct(seconds=20)
    anna.helper.stop()
    assert list(anna.tunnel.peers()) == [scene.vpn.tunnel.public]
    assert {f"{anna.tunnel.ip4}/24", f"{anna.tunnel.ip6}/64"} < set(anna.tunnel.addresses()) - {ours}
    assert ours not in anna.tunnel.addresses()
