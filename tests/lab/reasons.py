# SPDX-License-Identifier: GPL-3.0-or-later
"""What the helper gives as the reason, and where each reason is shown to be the right one."""

import json
import re

import lab
from lab import until
from product import CLI

# Reasons whose network is made by another scenario, which asserts them.
ELSEWHERE = {
    "is-hub": "test_gossip.py::test_the_hub_says_what_it_is_and_what_the_others_are_called",
    "idle": "test_holding.py::test_last_holder_leaves_the_device_as_it_was",
    "paused": "test_holding.py::test_pause_sends_everything_by_the_hub_until_resumed",
    "mtu": "test_promises.py::test_a_narrow_path_is_not_used",
    "no-ipv6": "test_mute.py::test_one_end_without_it_stays_on_the_hub",
    "save-config": "test_neighbours.py::test_what_wg_quick_saves_never_holds_our_peers",
    "address-pinned": "test_administrator.py::test_the_interface_gets_another_private_key",
}

# Reasons that nobody sees for long, or only after minutes: decided in memory, by these tests.
IN_MEMORY = {
    "none": "test-guard.c::test_every_reason_has_words",
    "new": "test-plan.c::test_starts_are_rationed",
    "no-handshake": "test-plan.c::test_one_address_that_is_there_is_enough",
    "handshake-old": "test-plan.c::test_session_must_be_renewed",
    "network-changed": "test-plan.c::test_another_network_starts_over",
    "endpoint-tunnel": "test-guard.c::test_endpoints",
}


def known():
    """The words of the table that all the others come from."""
    text = (lab.ROOT / "helper/core/reason.c").read_text()
    return set(re.findall(r'\[AP_REASON_\w+\]\s*=\s*\{\s*"([a-z0-9-]+)"', text))


def has_test(place):
    name, _, test = place.partition("::")
    folder = lab.ROOT / ("tests/unit" if name.endswith(".c") else "tests/lab")
    return re.search(rf"^(def )?{test}\(", (folder / name).read_text(), re.M) is not None


def explain(laptop, key):
    """What `wg-autopeer explain` says of a key or an address; None: nothing (yet)."""
    answer = laptop.helper.cli("explain", "--json", key, check=False)
    peers = json.loads(answer)["peers"] if answer else []
    return peers[0] if peers else None


def until_it_says(laptop, key, reason, seconds=20):
    """Waits for the reason of a peer, and returns all that is said of it then."""
    seen = []

    def says():
        peer = explain(laptop, key)
        seen.append(peer and (peer["reason"], peer["rtt_usec"], peer["relay_rtt_usec"]))
        return peer if peer and reason in (peer["reason"], *peer["refusals"]) else None

    try:
        return until(seconds, f"{laptop.name} says {reason}", says, every=0.1)
    except lab.TimedOut as error:
        raise lab.TimedOut(f"{error}, but {list(dict.fromkeys(seen))}") from None


def until_tunnel(laptop, ifname, reason, seconds=10):
    """Waits for the reason of a tunnel."""

    def says():
        answer = laptop.helper.cli("status", "--json", check=False)
        tunnels = json.loads(answer)["tunnels"] if answer else []
        return next((t for t in tunnels if t["interface"] == ifname and t["reason"] == reason), None)

    return until(seconds, f"{ifname} of {laptop.name} is {reason}", says, every=0.1)


class Monitor:
    """Everything that a helper says from now on."""

    def __init__(self, laptop):
        self.process = laptop.host.start("monitor", CLI, "monitor", "--json")
        until(10, "the monitor listens", lambda: '"running":true' in self.process.output())

    def reasons(self):
        """What was said of any peer so far, in that order."""
        lines = [line for line in self.process.output().splitlines() if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        return [event["reason"] for event in events if event["event"] == "peer"]

    def until(self, reason, seconds=20):
        until(seconds, f"{reason} is said", lambda: reason in self.reasons(), every=0.05)


def block_probe(laptop):
    """From now on this laptop loses BFD, which is inside the tunnel."""
    laptop.host.nft(
        "table inet probe { chain input { type filter hook input priority 0; udp dport 3784 drop; }\n}"
    )


def unblock_probe(laptop):
    laptop.host.run("nft", "delete", "table", "inet", "probe")


def move_to(laptop, other, address):
    """From now on what this laptop's tunnel sends to that one comes from that address."""
    laptop.host.ip(f"addr add {address}/32 dev eth0")
    laptop.host.nft(
        "table ip moved { chain post { type nat hook postrouting priority 100;"
        f" ip daddr {other.lan4} udp sport {laptop.tunnel.port} snat to {address}; }}\n}}"
    )


def slow_down(site, *laptops, milliseconds):
    """From now on a packet between these laptops takes so long: it goes by the router, which
    answers ARP for all of them and has a long line to itself."""
    router = site.router
    router.start("slow", lab.BUILD / "tests/lab/lab-delay", "slow", milliseconds)
    until(5, "the slow line", lambda: router.exists("/sys/class/net/slow"))
    router.write("/proc/sys/net/ipv4/conf/br0/proxy_arp", "1")
    router.ip(
        "link set slow up",
        "route add default dev slow table 9",
        f"rule add pref 10 iif br0 to {site.plan}.0/24 lookup 9",
    )
    site.isolate(*laptops)
