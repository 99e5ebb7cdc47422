# SPDX-License-Identifier: GPL-3.0-or-later
"""The usual scene: two laptops, anna and ben, a hub with a coordination server, helpers."""

import product
import topology


class Scene:
    """Two laptops on the same VPN, at one site or at two, without any program of ours yet."""

    def __init__(self, world, *sites, v4=True, prefix6=None, outer=topology.HUB4, **join):
        self.world = world
        office = sites[0] if sites else world.site("office", v4=v4, prefix6=prefix6)
        self.sites = sites or (office, office)
        self.anna = self.sites[0].laptop("anna", 11)
        self.ben = self.sites[-1].laptop("ben", 12)
        self.laptops = (self.anna, self.ben)
        self.vpn = topology.Vpn(world)
        for laptop in self.laptops:
            self.vpn.join(laptop, outer=outer, **join)
        self.server = product.Server(self.vpn)

    def connect(self):
        """Both laptops have spoken to the hub, as on any day."""
        for laptop in self.laptops:
            laptop.ping(self.vpn.server4, count=1)
        return self

    def start(self, **helper):
        """Starts the server and a helper on each laptop."""
        self.connect()
        self.server.start()
        for laptop in self.laptops:
            laptop.helper = product.Helper(laptop, **helper).start()
        return self

    def pairs(self):
        """Each laptop and the other one."""
        return (self.laptops, self.laptops[::-1])

    def until_direct(self, seconds=10):
        """Waits until both addresses are reached directly from both ends."""
        for one, other in self.pairs():
            one.until_path(other.tunnel.ip4, "direct", seconds)
            one.until_path(other.tunnel.ip6, "direct", seconds)
        return self

    def stays_on_the_hub(self, seconds=6):
        """Watches for a while; every single ping must go by the hub."""
        stream = self.anna.stream(self.ben.tunnel.ip4, 0.05)
        topology.sleep(seconds)
        assert stream.n_lost() == 0
        assert {reply.path for reply in stream.replies()} == {"hub"}
