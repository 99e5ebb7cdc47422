# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that nobody uses: they die unnoticed, and who is at the far end has to be told."""

import json
import time

from gossip_lab import Fleet
from lab import until
from product import PlainServer
from scene import Scene

# In seconds, of a path that died while it was quiet, from the first packet that was sent into it:
# a quiet path is looked at each 7.5 s (AP_PLAN_GLANCE_USEC of helper/core/plan.h), each end asks it
# for 0.9 s, and the server or the hub is told in between. Without that the far end took up to 45 s.
BACK = 10

# How much longer a busy machine may take, and still be faster than a far end that is not told.
SLACK = 4

# In seconds: a path is quiet 30 s after its last packet (helper/core/traffic.c), and no packet of BFD
# comes for so long only on a quiet one.
QUIET, PAUSE = 30, 3


def bytes_through(laptop, other):
    peer = laptop.tunnel.peers()[other.tunnel.public]
    return peer["rx"], peer["tx"]


class Stillness:
    """Whether the counters of every path have stood still for so long that it is a quiet one."""

    def __init__(self, scene):
        self.scene = scene
        self.seen = None
        self.since = time.monotonic()

    def reached(self):
        seen = [bytes_through(one, other) for one, other in self.scene.pairs()]
        if seen != self.seen:
            self.seen, self.since = seen, time.monotonic()
        return time.monotonic() - self.since > PAUSE


def until_quiet(scene):
    until(4 * QUIET, "the path is quiet", Stillness(scene).reached, every=0.2)


def by_hub(stream):
    return [reply for reply in stream.replies() if reply.path == "hub"]


def both_go_back(anna, ben):
    """anna's first packets after the cut bring both ends back to the hub."""
    began = time.time()
    stream = anna.stream(ben.tunnel.ip4, 0.1)
    until(BACK + SLACK, "anna reaches ben by the hub", lambda: by_hub(stream), every=0.1)
    print(f"by the hub after {by_hub(stream)[0].at - began:.1f} s")
    ben.until_path(anna.tunnel.ip4, "hub", 1)


def test_both_ends_leave_a_path_that_died_while_it_was_quiet(world):
    scene = Scene(world).start().until_direct()
    until_quiet(scene)
    scene.sites[0].isolate(*scene.laptops)
    both_go_back(*scene.laptops)


def test_without_a_server_gossip_tells_the_far_end(world):
    fleet = Fleet(world, "anna", "ben").start().until_direct()
    until_quiet(fleet)
    fleet.site.isolate(*fleet.laptops)
    both_go_back(*fleet.laptops)


def answer(etag, peer, **more):
    candidates = [{"ip": peer.lan4, "port": peer.tunnel.port, "prio": 100}]
    entry = peer.entry() | {"bfd": True, "age": 1, "candidates": candidates}
    return json.dumps({"peers": [entry | more], "v": 2, "etag": etag, "poll": 10})


class Oracle(PlainServer):
    """A server of version 2 that tells each laptop of the other whatever it is told to tell."""

    def __init__(self, scene):
        super().__init__(scene.vpn)
        self.scene = scene

    def say(self, etag, **more):
        bodies = {one.tunnel.ip4: answer(etag, other, **more) for one, other in self.scene.pairs()}
        # Held for more than a second: whoever does not hold requests is asked ever more slowly.
        self.mode(bodies=bodies, delays={address: 1.1 for address in bodies})

    def until_told(self):
        """Whoever has asked twice from now on has read what is said now."""
        n_asked = len(self.requests())

        def all_asked_twice():
            asked = [request["from"] for request in self.requests()[n_asked:]]
            return all(asked.count(laptop.tunnel.ip4) >= 2 for laptop in self.scene.laptops)

        until(15, "both laptops have asked twice", all_asked_twice, every=0.1)


def test_a_server_that_is_wrong_about_a_path_costs_nothing(world):
    scene = Scene(world)
    scene.server = Oracle(scene)
    scene.server.say("1", direct=True)
    scene.start().until_direct()
    streams = [scene.anna.stream(scene.ben.tunnel.ip4), scene.ben.stream(scene.anna.tunnel.ip4)]
    scene.server.say("2", direct=False)
    scene.server.until_told()
    for stream in streams:
        assert stream.n_lost() == 0
        assert {reply.path for reply in stream.replies()} == {"direct"}
