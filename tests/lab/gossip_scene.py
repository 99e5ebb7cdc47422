# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet without a coordination server: peers tell each other, and the hub's helper takes part."""

from types import SimpleNamespace

from product import Helper
from scene import Scene

CONFIG = """[Gossip]
Enabled=yes
"""


def hub_helper(world, config=""):
    """The helper of the hub, not started: nobody routes the hub's own address, so it is the hub."""
    return Helper(SimpleNamespace(host=world.hub), CONFIG + config, bus=False)


def leaf_helper(laptop, config="", **options):
    return Helper(laptop, CONFIG + config, **options)


class GossipScene(Scene):
    """The usual two laptops; instead of a server the hub has a helper."""

    def start(self, hub=True, **helper):
        """Starts the helpers, the hub's first."""
        self.connect()
        if hub:
            self.hub_helper = hub_helper(self.world).start()
        for laptop in self.laptops:
            laptop.helper = leaf_helper(laptop, **helper).start()
        return self
