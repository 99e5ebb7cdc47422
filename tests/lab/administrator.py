# SPDX-License-Identifier: GPL-3.0-or-later
"""Two direct laptops, of which anna's has an administrator who does as he likes."""

import topology
from scene import Scene


class Case:
    """anna's tunnel has a peer of her administrator's, which must stay as it is."""

    def __init__(self, world):
        self.scene = Scene(world)
        self.anna, self.ben = self.scene.laptops
        self.anna.tunnel.befriend()
        self.saved = self.anna.host.run("wg", "showconf", "wg0")
        self.before = self.anna.tunnel.config()
        self.scene.start().until_direct()

    def goes_on(self, seconds=30):
        """Direct again, with the administrator's peers as they were; nothing is left in the end."""
        self.scene.until_direct(seconds)
        _, before, _ = self.before
        own = [peer for peer in self.anna.tunnel.config()[1] if peer[0] != self.ben.tunnel.public]
        assert own == before
        self.anna.helper.stop()
        assert self.anna.tunnel.config() == self.before

    def recreate(self, pause=0.0):
        """The interface is deleted and made again, as `ifdown` and `ifup` do."""
        tunnel = self.anna.tunnel
        tunnel.delete()
        topology.sleep(pause)
        tunnel.create()
        self.anna.host.run("wg", "setconf", "wg0", "/dev/stdin", stdin=self.saved)
        tunnel.up()
        # The kernel gives each new interface a link-local address; ours may be there already.
        ours = f"{tunnel.link_local()}/64"
        self.before = (*self.before[:2], [a for a in tunnel.addresses() if a != ours])
