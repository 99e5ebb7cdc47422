# SPDX-License-Identifier: GPL-3.0-or-later
"""Never worse than the hub: whatever goes wrong with the direct path, pings by the hub go on."""

import json

import lab
import topology
from lab import until
from product import Helper, PlainServer
from scene import Scene
from unreachable import block_udp


def offered(laptop, other):
    return other.tunnel.public in laptop.tunnel.peers()


def test_a_peer_that_is_offered_but_out_of_reach_costs_nothing(world):
    scene = Scene(world).connect()
    scene.sites[0].isolate(*scene.laptops)
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    scene.start()
    until(10, "anna tries ben", lambda: offered(scene.anna, scene.ben))
    topology.sleep(8)
    assert stream.n_lost() == 0
    assert {reply.path for reply in stream.replies()} == {"hub"}


def test_a_path_that_works_one_way_only_is_not_used(world):
    scene = Scene(world).connect()
    block_udp(scene.ben, scene.anna)
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    scene.start()
    until(10, "anna tries ben", lambda: offered(scene.anna, scene.ben))
    topology.sleep(6)
    assert stream.n_lost() == 0


def test_nothing_is_lost_while_the_other_side_does_not_know_yet(world):
    """Mistake 1 of the ancestor: 10 to 36 s of silence when the other side learns late."""
    scene = Scene(world).connect()
    server = PlainServer(scene.vpn)
    server.mode(bodies={scene.anna.tunnel.ip4: json.dumps({"peers": [scene.ben.entry()]})})
    server.start()
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    Helper(scene.anna).start()
    until(10, "anna tries ben", lambda: offered(scene.anna, scene.ben))
    topology.sleep(6)
    assert stream.n_lost() == 0


def test_going_direct_loses_no_more_than_what_is_under_way(world):
    """The floor of path-management.md: packets by the hub, which the receiver drops as it moves."""
    scene = Scene(world).connect()
    streams = [scene.anna.stream(scene.ben.tunnel.ip4), scene.ben.stream(scene.anna.tunnel.ip4)]
    scene.start().until_direct()
    for stream in streams:
        assert stream.replies()[-1].path == "direct"
        # A round trip by the hub, and both ends' decisions: 200 ms at 50 pings/s; so much longer
        # where each of these steps takes longer.
        assert stream.n_lost() <= 10 * lab.SLOW


def test_who_sends_into_a_dead_path_goes_back_to_the_hub(world):
    """Within 15 s of data that nobody answers (path-management.md); 5 s are for the polling."""
    scene = Scene(world).start().until_direct()
    scene.sites[0].isolate(*scene.laptops)
    stream = scene.anna.stream(scene.ben.tunnel.ip4)
    address = f"{scene.ben.tunnel.ip4}/32"
    until(20, "anna lets ben go", lambda: all(address not in p["allowed"] for p in peers(scene.anna)))
    stream.stop()


def peers(laptop):
    return laptop.tunnel.peers().values()
