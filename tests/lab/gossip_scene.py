# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet without a coordination server: peers tell each other, and the hub's helper takes part."""

import contextlib
from pathlib import Path
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


def family(pid):
    """The process and its children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]


def count_in_memory(pid, form):
    """How often these bytes stand in what the process can read of its own memory."""
    n = 0
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in span.split("-"))
            # The sanitizers have shadows of terabytes.
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]")) or end - begin > 1 << 30:
                continue
            with contextlib.suppress(OSError):
                memory.seek(begin)
                n += memory.read(end - begin).count(form)
    return n
