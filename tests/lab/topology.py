# SPDX-License-Identifier: GPL-3.0-or-later
"""The world of the scenarios: a hub far away, sites behind routers, laptops, WireGuard.

    laptops ── br0 router (masquerade) ── isp (a long line) ── hub

The hub is `HUB_RTT_MS` away from every site. Hosts on one site are as near as a cable.
"""

import base64
import hashlib
import ipaddress
import math
import os
import re
import subprocess
import time
from pathlib import Path

import lab
from lab import until
from unix_sockets import has_daemon

HUB_RTT_MS = 40

# Networks for documentation (RFC 5737, RFC 3849): they cannot be anybody's.
HUB4, HUB6 = "198.51.100.1", "2001:db8:100::1"

# A bridge without a hardware address of its own takes the lowest of its ports'. With each plug that
# of the gateway might change, and it would be deaf to all who have the old one in their tables.
BRIDGE = "address 02:00:00:00:00:01 type bridge"


def make_key():
    """A private and a public key."""
    private = bytearray(os.urandom(32))
    private[0] &= 248
    private[31] = private[31] & 127 | 64
    text = base64.b64encode(private).decode()
    done = subprocess.run(["wg", "pubkey"], input=text, capture_output=True, text=True, check=True)
    return text, done.stdout.strip()


def sleep(seconds):
    """Watches for a while. Most of what is watched waits rather than works, so that emulation
    does not stretch it much."""
    time.sleep(seconds * min(lab.SLOW, 2))


class World:
    """A lab with a hub and the line to it; sites and laptops are added by the test."""

    def __init__(self, the_lab):
        self.lab = the_lab
        self.isp = the_lab.host("isp")
        self.hub = the_lab.host("hub")
        self.n_sites = 0
        the_lab.cable(self.hub, "eth0", self.isp, "hub")
        self.hub.ip(
            f"addr add {HUB4}/24 dev eth0",
            f"addr add {HUB6}/64 dev eth0 nodad",
            "link set eth0 up",
            "route add default via 198.51.100.254",
            "route add default via 2001:db8:100::fe dev eth0",
        )
        forward(self.hub)
        # Shows what still visits the hub.
        self.hub.nft(
            """table inet watch { chain forward { type filter hook forward priority 0;
               icmp type echo-request counter; icmpv6 type echo-request counter; }
               }"""
        )
        self._make_line()

    def _make_line(self):
        """Everything that the provider forwards goes through the delay device first."""
        forward(self.isp)
        self.isp.ip(
            "tuntap add dev line mode tun",
            "addr add 198.51.100.254/24 dev hub",
            "addr add 2001:db8:100::fe/64 dev hub nodad",
            f"link add sites {BRIDGE}",
            "addr add 203.0.113.1/24 dev sites",
            "addr add 2001:db8:113::1/64 dev sites nodad",
            "link set hub up",
            "link set sites up",
        )
        self.isp.start("line", lab.BUILD / "tests/lab/lab-delay", "line", HUB_RTT_MS // 2)
        rules = [f"rule add pref 10 iif {ifname} lookup 7" for ifname in ("hub", "sites")]
        lines = ["link set line up", "route add default dev line table 7", *rules]
        self.isp.ip(*lines)
        self.isp.ip(*lines, family=["-6"])

    def site(self, name, plan="192.168.77", v4=True, prefix6=None):
        self.n_sites += 1
        return Site(self, name, self.n_sites, plan if v4 else None, prefix6)

    def n_pings_at_hub(self):
        """How many echo requests the hub has forwarded so far."""
        text = self.hub.run("nft", "list", "table", "inet", "watch")
        return sum(int(n) for n in re.findall(r"counter packets (\d+)", text))


def forward(host):
    host.write("/proc/sys/net/ipv4/ip_forward", "1")
    host.write("/proc/sys/net/ipv6/conf/all/forwarding", "1")


class Site:
    """A router and the LAN behind it: `plan`.0/24, gateway `plan`.1, and/or `prefix6`::/64.

    IPv4 is masqueraded behind 203.0.113.(20 + number); IPv6 is routed as it is.
    """

    def __init__(self, world, name, number, plan, prefix6):
        self.world = world
        self.plan = plan
        self.prefix6 = prefix6
        self.public4 = f"203.0.113.{20 + number}"
        self.router = world.lab.host(name)
        self.n_ports = 0
        world.lab.cable(self.router, "wan", world.isp, name)
        world.isp.ip(f"link set {name} master sites up")
        forward(self.router)
        lines = [f"link add br0 {BRIDGE}", "link set wan up", "link set br0 up"]
        lines += [f"addr add {self.public4}/24 dev wan", "route add default via 203.0.113.1"]
        if plan:
            lines += [f"addr add {plan}.1/24 dev br0"]
        if prefix6:
            lines += [
                f"addr add 2001:db8:113::{20 + number}/64 dev wan nodad",
                f"addr add {prefix6}::1/64 dev br0 nodad",
                "route add default via 2001:db8:113::1 dev wan",
            ]
            world.isp.ip(f"route add {prefix6}::/64 via 2001:db8:113::{20 + number} dev sites")
        self.router.ip(*lines)
        self.router.nft(
            """table ip nat { chain post { type nat hook postrouting priority 100;
               oifname "wan" masquerade; }
               }"""
        )

    def plug(self, host, ifname="eth0"):
        """Connects a host by cable; returns the router's end."""
        self.n_ports += 1
        port = f"port{self.n_ports}"
        self.world.lab.cable(host, ifname, self.router, port)
        self.router.ip(f"link set {port} master br0 up")
        return port

    def laptop(self, name, number):
        return Laptop(self, name, number)

    def isolate(self, *laptops):
        """From now on these laptops reach the router, but not each other. Their links stay up."""
        self._isolate("on", laptops)

    def join_again(self, *laptops):
        """Undoes `isolate`."""
        self._isolate("off", laptops)

    def _isolate(self, switch, laptops):
        lines = [f"link set dev {laptop.port} isolated {switch}" for laptop in laptops]
        self.router.run("bridge", "-batch", "-", stdin="\n".join(lines) + "\n")


class Laptop:
    """A host with one cable into a site and static addresses ending in .number."""

    def __init__(self, site, name, number):
        self.site = site
        self.name = name
        self.number = number
        self.host = site.world.lab.host(name)
        self.port = site.plug(self.host)
        self.lan4 = f"{site.plan}.{number}" if site.plan else None
        self.lan6 = f"{site.prefix6}::{number}" if site.prefix6 else None
        self.link_up()

    def link_up(self):
        """Plugs the cable in, with addresses and default routes."""
        lines = ["link set eth0 up"]
        if self.lan4:
            lines += [f"addr replace {self.lan4}/24 dev eth0"]
            lines += [f"route replace default via {self.site.plan}.1"]
        if self.lan6:
            lines += [f"addr replace {self.lan6}/64 dev eth0 nodad"]
            lines += [f"route replace default via {self.site.prefix6}::1 dev eth0"]
        self.host.ip(*lines)

    def link_down(self):
        self.host.ip("link set eth0 down")

    def entry(self):
        """How a coordination server tells its neighbours about it."""
        tunnel = self.tunnel
        ips = [tunnel.ip4, tunnel.ip6]
        return {"pubkey": tunnel.public, "ip": ips, "endpoint": self.lan4, "port": tunnel.port}

    def ping(self, target, count=5, interval=0.05, wait=1.0):
        """Pings and returns the answers, one `Reply` each; a lost one is missing."""
        argv = ["ping", "-n", "-D", "-c", count, "-i", interval, "-W", wait * lab.SLOW, target]
        return replies(self.host.run(*argv, check=False, timeout=count * (interval + wait) + 10))

    def stream(self, target, interval=0.02):
        return Stream(self, target, interval)

    def path(self, target):
        """How the last answered of three pings went: "direct", "hub" or "none"."""
        got = self.ping(target, count=3, interval=0.01)
        return got[-1].path if got else "none"

    def until_path(self, target, path, seconds=10):
        until(seconds, f"{self.name} reaches {target} by {path}", lambda: self.path(target) == path)


class Reply:
    """One answered ping."""

    def __init__(self, at, seq, ttl, ms):
        self.at = at  # seconds since 1970, when the answer was read
        self.seq = seq
        self.ttl = ttl
        self.ms = ms

    @property
    def path(self):
        # An answer that the hub forwarded has lived through one hop more.
        return "direct" if self.ttl == 64 else "hub"

    def __repr__(self):
        return f"<{self.seq}: {self.path} {self.ms} ms>"


_REPLY = re.compile(r"^\[([\d.]+)\] \d+ bytes from .*icmp_seq=(\d+) ttl=(\d+) time=([\d.]+) ms$", re.M)


def replies(text):
    found = [Reply(float(a), int(s), int(t), float(m)) for a, s, t, m in _REPLY.findall(text)]
    return list({reply.seq: reply for reply in found}.values())


class Stream:
    """Pings that go on beside whatever the test does."""

    def __init__(self, laptop, target, interval):
        name = f"ping-{target}-{time.monotonic_ns()}"
        argv = ["ping", "-n", "-D", "-i", interval, target]
        self.interval = interval
        self.process = laptop.host.start(name, *argv)

    def replies(self):
        return replies(self.process.output())

    def stop(self):
        """Ends it; returns how many were sent, and the replies."""
        self.process.signal(2)
        self.process.wait()
        n_sent = int(re.search(r"(\d+) packets transmitted", self.process.output()).group(1))
        return n_sent, self.replies()

    def n_lost(self):
        """Ends it; returns how many were never answered, less those just under way."""
        n_sent, got = self.stop()
        n_due = n_sent - math.ceil(0.2 * lab.SLOW / self.interval)
        return n_due - sum(reply.seq <= n_due for reply in got)


class Vpn:
    """One WireGuard interface of the hub; laptops join it as plain clients."""

    def __init__(self, world, ifname="wg0", net4="10.9.0", net6="fd09:9", port=51820):
        self.world = world
        self.net4 = net4
        self.net6 = net6
        self.tunnel = Tunnel(world.hub, ifname, make_key(), port)
        self.tunnel.up(f"{net4}.1/24", f"{net6}::1/64")

    @property
    def server4(self):
        return f"{self.net4}.1"

    @property
    def server6(self):
        return f"{self.net6}::1"

    def join(self, laptop, ifname="wg0", key=None, host_prefix=False, outer=HUB4, port=40000):
        """Gives a laptop a tunnel to the hub, up and running.

        host_prefix: its own addresses are /32 and /128, as most providers hand them out.
        """
        n = laptop.number
        tunnel = Tunnel(laptop.host, ifname, key or make_key(), port + n)
        tunnel.ip4, tunnel.ip6 = f"{self.net4}.{n}", f"{self.net6}::{n}"
        self.tunnel.set("peer", tunnel.public, "allowed-ips", f"{tunnel.ip4}/32,{tunnel.ip6}/128")
        tunnel.set(
            *("peer", self.tunnel.public, "allowed-ips", f"{self.net4}.0/24,{self.net6}::/64"),
            *("endpoint", f"[{outer}]:{self.tunnel.port}" if ":" in outer else f"{outer}:{self.tunnel.port}"),
            *("persistent-keepalive", 25),
        )
        if host_prefix:
            tunnel.up(f"{tunnel.ip4}/32", f"{tunnel.ip6}/128")
            laptop.host.ip(
                f"route add {self.net4}.0/24 dev {ifname}", f"route add {self.net6}::/64 dev {ifname}"
            )
        else:
            tunnel.up(f"{tunnel.ip4}/24", f"{tunnel.ip6}/64")
        laptop.tunnel = tunnel
        return tunnel


    def rekey(self, laptop, key):
        """Gives a laptop that has joined another key."""
        old, new = laptop.tunnel.public, key[1]
        addresses = f"{laptop.tunnel.ip4}/32,{laptop.tunnel.ip6}/128"
        self.tunnel.set("peer", old, "remove", "peer", new, "allowed-ips", addresses)
        laptop.tunnel.set_key(key)


class Tunnel:
    """A WireGuard interface in a host."""

    def __init__(self, host, ifname, key, port):
        self.host = host
        self.ifname = ifname
        self.port = port
        self.own = ()
        self.process = None
        self.create()
        self.set_key(key, "listen-port", port)

    def create(self):
        """Makes the interface, without a key or peers."""
        if lab.BACKEND == "kernel":
            self.host.ip(f"link add {self.ifname} type wireguard")
            return
        name = f"wireguard-go-{self.ifname}"
        self.process = self.host.start(name, "wireguard-go", "-f", self.ifname)
        table = Path(f"/proc/{self.host.pid}/net/unix")
        until(5, f"{name} in {self.host.name}", lambda: has_daemon(table.read_text(), self.ifname), every=0.002)

    def delete(self):
        if lab.BACKEND == "kernel":
            self.host.ip(f"link del {self.ifname}")
        else:
            self.process.stop()

    def rename(self, ifname, pause=0.0):
        """The interface goes down for it, as it must on most kernels; wireguard-go's socket follows."""
        self.down()
        self.host.ip(f"link set {self.ifname} name {ifname}")
        if lab.BACKEND != "kernel":
            sleep(pause)
            self.host.run("mv", f"/run/wireguard/{self.ifname}.sock", f"/run/wireguard/{ifname}.sock")
        self.ifname = ifname
        self.up()

    def set_key(self, key, *more):
        private, self.public = key
        argv = ["wg", "set", self.ifname, *more, "private-key", "/dev/stdin"]
        self.host.run(*argv, stdin=private)

    def key_bytes(self):
        """What decides who starts: the lower one does (decisions.md 1)."""
        return base64.b64decode(self.public)

    def link_local(self):
        """The address that follows from the key (path-management.md)."""
        digest = hashlib.sha1(self.key_bytes()).digest()
        return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + digest[:8]))

    def set(self, *args):
        self.host.run("wg", "set", self.ifname, *args)

    def befriend(self):
        """Adds an administrator's own peer with all that a peer can have; returns its key."""
        friend = make_key()[1]
        self.host.run(
            *("wg", "set", self.ifname, "peer", friend, "preshared-key", "/dev/stdin"),
            *("allowed-ips", "10.9.0.77/32,172.16.5.0/24", "endpoint", "192.0.2.7:51820"),
            *("persistent-keepalive", "21"),
            stdin=make_key()[0],
        )
        return friend

    def up(self, *addresses):
        """Brings the interface up with these addresses, or with those of the last time: the kernel
        forgets the IPv6 ones of an interface that goes down."""
        self.own = addresses or self.own
        lines = [f"addr replace {a} dev {self.ifname}" for a in self.own]
        self.host.ip(f"link set {self.ifname} mtu 1420 up", *lines)

    def down(self):
        self.host.ip(f"link set {self.ifname} down")

    def peers(self):
        """{key: {"endpoint", "allowed" (a set), "handshake", "rx", "tx", "keepalive"}}"""
        found = {}
        for line in self.host.run("wg", "show", self.ifname, "dump").splitlines()[1:]:
            key, psk, endpoint, allowed, handshake, rx, tx, keepalive = line.split("\t")
            found[key] = {
                "psk": psk,
                "endpoint": endpoint,
                "allowed": set() if allowed == "(none)" else set(allowed.split(",")),
                "handshake": int(handshake),
                "rx": int(rx),
                "tx": int(tx),
                "keepalive": keepalive,
            }
        return found

    def config(self):
        """The device as configured, less what moves by itself: counters and handshakes. Sorted,
        since a device may list its peers in another order."""
        lines = self.host.run("wg", "show", self.ifname, "dump").splitlines()
        peers = []
        for line in lines[1:]:
            fields = line.split("\t")
            fields[3] = ",".join(sorted(fields[3].split(",")))
            peers.append(tuple(fields[:4] + fields[7:]))
        return lines[0], sorted(peers), self.addresses()

    def addresses(self):
        """The interface's own addresses, with the link-local one that the kernel made up."""
        text = self.host.run("ip", "-o", "addr", "show", "dev", self.ifname)
        return sorted(re.findall(r"inet6? (\S+)", text))
