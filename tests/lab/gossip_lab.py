# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets without a coordination server: a hub and laptops, each with a program that gossips."""

import json
import sys
from types import SimpleNamespace

import lab
import topology
from product import Helper

# All of a fleet use one (gossip-protocol.md 1).
PORT = 51821

CONFIG = f"[Gossip]\nEnabled=yes\nPort={PORT}\n"


class Reference:
    """A peer as wirelink is one, on the machine of that tunnel; see gossip_peer.py."""

    def __init__(self, tunnel, config=None, tick=5.0):
        self.tunnel = tunnel
        self.process = None
        argv = [sys.executable, lab.ROOT / "tests/lab/gossip_peer.py"]
        argv += ["--interface", tunnel.ifname, "--port", PORT, "--tick", tick]
        if config is not None:
            path = tunnel.host.write("/run/lab/wirelink.wg0.json", json.dumps(config))
            argv += ["--config", path]
        self.argv = argv

    def start(self):
        self.process = self.tunnel.host.start("reference", *self.argv)
        return self

    def stop(self):
        self.process.kill()


class Fleet:
    """A hub and laptops on one VPN, without any program of ours yet."""

    def __init__(self, world, *names, **join):
        self.world = world
        self.site = world.site("office")
        self.vpn = topology.Vpn(world)
        self.hub = SimpleNamespace(name="hub", host=self.vpn.tunnel.host, tunnel=self.vpn.tunnel)
        self.laptops = [self.join(name, number, **join) for number, name in enumerate(names, 11)]

    def join(self, name, number, site=None, **join):
        laptop = (site or self.site).laptop(name, number)
        self.vpn.join(laptop, **join)
        return laptop

    def connect(self):
        """All laptops have spoken to the hub, as on any day."""
        for laptop in self.laptops:
            laptop.ping(self.vpn.server4, count=1)
        return self

    def prepare(self, machine, config="", **helper):
        """Our helper there, not started."""
        machine.helper = Helper(machine, config=CONFIG + config, **helper)
        return machine.helper

    def start(self, *machines, **helper):
        """Starts our helper on these; without arguments, on the hub and on all laptops."""
        self.connect()
        for machine in machines or (self.hub, *self.laptops):
            self.prepare(machine, **helper).start()
        return self

    def pairs(self):
        """Each laptop with each other one."""
        return [(one, other) for one in self.laptops for other in self.laptops if one is not other]

    def until_direct(self, seconds=10):
        """Waits until all laptops reach all others directly, by both addresses."""
        for one, other in self.pairs():
            one.until_path(other.tunnel.ip4, "direct", seconds)
            one.until_path(other.tunnel.ip6, "direct", seconds)
        return self

    def until_hub(self, seconds=10):
        for one, other in self.pairs():
            one.until_path(other.tunnel.ip4, "hub", seconds)
        return self


def move(laptop, site):
    """Pulls the cable, and plugs it in at that site. The laptop's own end stays the same device."""
    laptop.link_down()
    laptop.host.ip("addr flush dev eth0")
    site.n_ports += 1
    port = f"port{site.n_ports}"
    laptop.site.router.ip(f"link set {laptop.port} netns {site.router.pid} name {port}")
    site.router.ip(f"link set {port} master br0 up")
    laptop.site, laptop.port = site, port
    laptop.lan4 = f"{site.plan}.{laptop.number}"
    laptop.link_up()
    forget_source(laptop)


def forget_source(laptop):
    """wireguard-go goes on sending from an address of the LAN that is left, until it has missed
    answers for 15 s or is given its peers' endpoints again."""
    for key, peer in laptop.tunnel.peers().items():
        if peer["keepalive"] != "off" and peer["endpoint"] != "(none)":
            laptop.tunnel.set("peer", key, "endpoint", peer["endpoint"])


def addresses(laptop):
    """What routes a laptop's traffic to it, where it has been moved to a peer of its own."""
    return {f"{laptop.tunnel.ip4}/32", f"{laptop.tunnel.ip6}/128"}


def holds(laptop, other):
    """Whether the other one's addresses are on its own peer there."""
    peer = laptop.tunnel.peers().get(other.tunnel.public, {"allowed": set()})
    return addresses(other) <= peer["allowed"]
