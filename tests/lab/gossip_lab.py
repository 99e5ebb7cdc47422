# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets without a coordination server: a hub and laptops, each with a program that gossips."""

import json
import sys

import lab
import topology

# All of a fleet use one (gossip-protocol.md 1).
PORT = 51821


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

    def __init__(self, world, *names, site=None, **join):
        self.world = world
        self.site = site or world.site("office")
        self.vpn = topology.Vpn(world)
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

    def pairs(self):
        """Each laptop with each other one."""
        return [(one, other) for one in self.laptops for other in self.laptops if one is not other]

    def until_direct(self, seconds=10):
        """Waits until all laptops reach all others directly, by both addresses."""
        for one, other in self.pairs():
            one.until_path(other.tunnel.ip4, "direct", seconds)
            one.until_path(other.tunnel.ip6, "direct", seconds)
        return self
