# SPDX-License-Identifier: GPL-3.0-or-later
"""A neighbour is offered that cannot be reached directly: the helper's tries must cost nothing."""

import json
import time

import figures
import lab
from lab import until
from product import Helper, PlainServer
from scene import Scene
from traffic import Traffic


# One for each case.
N_ROUNDS, N_QUICK = 6, 6

# How long the helpers try, in seconds: a round over all endpoints, the first back-off and a second
# round.
SECONDS = 9


def measure(n_rounds, seed):
    def one(world, _chance, number):
        return one_round(world, *CASES[(number - 1) % len(CASES)], SECONDS)

    return figures.result(figures.in_own_labs(n_rounds, seed, one, line), seed, summary)


def block_udp(laptop, source, condition=""):
    """From now on this laptop hears no UDP from that one's LAN address, or only what `condition`
    does not pick."""
    laptop.host.nft(
        "table inet wall { chain input { type filter hook input priority 0;"
        f" ip saddr {source.lan4} meta l4proto udp {condition} drop; }}\n}}"
    )


def unblock_udp(laptop):
    laptop.host.run("nft", "delete", "table", "inet", "wall")


def _isolation(world):
    scene = Scene(world)
    scene.sites[0].isolate(*scene.laptops)
    return scene


def _firewall(world):
    scene = Scene(world)
    for laptop, other in scene.pairs():
        block_udp(laptop, other)
    return scene


def _twin(world):
    """Two LANs that look alike, each with somebody else at the address that is offered."""
    scene = Scene(world, *(world.site(name, plan="192.168.1") for name in ("office", "home")))
    for laptop, other in scene.pairs():
        laptop.site.laptop(f"{laptop.name}-neighbour", other.number)
    return scene


# By name: makes a scene in which nothing passes between the laptops but by the hub.
WORLDS = {"isolation": _isolation, "firewall": _firewall, "twin": _twin}

# Each of them, known and unknown to speak BFD.
CASES = [(kind, known) for kind in WORLDS for known in (True, False)]


def one_round(world, kind, known, seconds, per_second=500):
    """Lets the helpers try for a while, under traffic both ways."""
    scene = WORLDS[kind](world).connect()
    server = PlainServer(scene.vpn)
    server.mode(
        bodies={
            laptop.tunnel.ip4: json.dumps({"peers": [{**other.entry(), "bfd": known}]})
            for laptop, other in scene.pairs()
        }
    )
    server.start()
    traffic = Traffic(*scene.laptops, per_second)
    traffic.until_path("hub")
    since = time.monotonic()
    for laptop in scene.laptops:
        laptop.helper = Helper(laptop).start()
    for laptop, other in scene.pairs():
        until(10, f"{laptop.name} tries", lambda l=laptop, o=other: o.tunnel.public in l.tunnel.peers())
    time.sleep(seconds * min(lab.SLOW, 2))
    reasons = [laptop.helper.peer(other)["reason"] for laptop, other in scene.pairs()]
    traffic.stop()
    return {
        "kind": kind,
        "known": known,
        "n_lost": sum(flow.n_lost(since) for flow in traffic.flows),
        "n_sent": sum(len(flow.between(since, float("inf"))) for flow in traffic.flows),
        "paths": sorted({path for flow in traffic.flows for path in flow.paths()}),
        "reasons": reasons,
    }


def summary(rounds):
    return {
        "n_lost": sum(one["n_lost"] for one in rounds),
        "n_sent": sum(one["n_sent"] for one in rounds),
        "paths": sorted({path for one in rounds for path in one["paths"]}),
    }


def line(one):
    known = "known" if one["known"] else "unknown"
    reasons = " and ".join(sorted(set(one["reasons"])))
    return f"{one['kind']}, {known} to speak BFD: {one['n_lost']} of {one['n_sent']} lost ({reasons})"
