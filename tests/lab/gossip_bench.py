# SPDX-License-Identifier: GPL-3.0-or-later
"""Gossip beside wirelink's own figures: starts, promotion, early cuts, idle costs, a crowd, hostile packets."""

import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import figures
import lab
import topology
from gossip_lab import CONFIG, PORT, Fleet
from memory import family, pss_kib, switches
from network_manager import NetworkManager
from product import Helper
from traffic import Traffic

N_ROUNDS, N_QUICK = 40, 3

# Packets each second that show the moment of a switch, and seconds between two pings: those of the
# measurements of wirelink (gossip-protocol.md 15).
PER_SECOND, PING_INTERVAL = 200, 0.2

# Most time between the starts of both laptops, in seconds.
SKEW = 0.05

# How long a path is in use before it is cut, in seconds: far less than wirelink's 255 s of patience.
USE = (1.5, 2.5)

# How long an idle pair is watched, in seconds, and how long before that it has been left alone:
# BFD is quiet 30 s after the last packet. All that is said again within two minutes is seen.
WATCH, WATCH_QUICK, SETTLE = 240, 60, 75

# How often a process's memory is looked at, and seconds between two looks, which no timer of the
# helper has.
N_LOOKS, LOOK_INTERVAL = 21, 0.37

# Members of a fleet whose hub knows many.
N_CROWD = 1000

# Of those, how many are near and direct.
N_NEAR = 100

# Bytes of the headers of IPv6 and UDP.
_HEADERS = 48


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, one_round, line)
    result = figures.result(rounds, seed, summary)
    watch = WATCH_QUICK if n_rounds <= N_QUICK else WATCH
    result["idle"] = _in_a_lab(lambda world: idle(world, watch))
    result["crowd"] = _in_a_lab(lambda world: crowd(world, watch))
    result["direct_crowd"] = _in_a_lab(lambda world: direct_crowd(world, watch))
    argv = [lab.BUILD / "tests/gossip-bench", "--json"]
    result["packets"] = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    print(f"\n{table(result)}", flush=True)
    return result


def _in_a_lab(function):
    with lab.Lab() as the_lab:
        return function(topology.World(the_lab))


def one_round(world, chance, _number):
    fleet = Fleet(world, "anna", "ben")
    fleet.start(fleet.hub)
    first, second = chance.sample([fleet.prepare(laptop) for laptop in fleet.laptops], 2)
    traffic = Traffic(*fleet.laptops, PER_SECOND)
    anna, ben = fleet.laptops
    pings = anna.stream(ben.tunnel.ip4, PING_INTERVAL)
    traffic.until_path("hub")
    time.sleep(chance.uniform(0.5, 1.0) * lab.SLOW)

    started = time.monotonic()
    first.start()
    time.sleep(chance.uniform(0, SKEW))
    second.start()
    traffic.until_path("direct", since=started, seconds=30)
    direct = max(flow.first_arrival("direct", started) for flow in traffic.flows)
    time.sleep(chance.uniform(*USE) * lab.SLOW)
    n_lost_pings = pings.n_lost()

    cut = time.monotonic()
    fleet.site.isolate(*fleet.laptops)
    traffic.until_path("hub", since=cut, seconds=30)
    traffic.stop()
    return {
        "to_direct_ms": round((direct - started) * 1000, 1),
        "n_lost_pings": n_lost_pings,
        "n_lost": max(flow.n_lost(started, cut - 0.1) for flow in traffic.flows),
        "to_hub_ms": round(max(flow.first_arrival("hub", cut) - cut for flow in traffic.flows) * 1000, 1),
    }


def summary(rounds):
    names = ("to_direct_ms", "n_lost_pings", "n_lost", "to_hub_ms")
    return {name: figures.spread(one[name] for one in rounds) for name in names}


def line(one):
    return (
        f"direct after {one['to_direct_ms']:7.1f} ms, {one['n_lost_pings']} pings lost;"
        f" cut: by the hub after {one['to_hub_ms']:7.1f} ms"
    )


def idle(world, seconds):
    """Two laptops that are direct with each other and have nothing to say."""
    fleet = Fleet(world, "anna", "ben")
    anna, ben = fleet.laptops
    for laptop in fleet.laptops:
        NetworkManager(laptop.host).start()
    empty = anna.host.start("empty-nm", lab.BUILD / "tests/lab/lab-empty-nm")
    fleet.start(fleet.hub).start(*fleet.laptops, bus=False).until_direct(30)
    count_gossip(anna, ben)
    time.sleep(SETTLE)
    cost = cost_of(anna.helper, seconds)
    ratio = round(held_kib(anna.helper) / pss_kib(empty.pid), 2)
    return {**cost, **gossip_counted(anna, SETTLE + seconds), "pss_ratio": ratio}


def crowd(world, seconds):
    """The hub tells of many members who are nowhere near."""
    fleet = Fleet(world, "anna", "ben")
    anna, ben = fleet.laptops
    for laptop in fleet.laptops:
        laptop.tunnel.set("peer", fleet.hub.tunnel.public, "allowed-ips", "10.9.0.0/16,fd09:9::/64")
    fleet.start().until_direct(30)
    time.sleep(SETTLE)
    before = held_kib(anna.helper)
    fleet.hub.helper.stop()
    fleet.start(fleet.hub, config="".join(map(stranger, range(N_CROWD))), bus=False)
    time.sleep(SETTLE)
    cost = cost_of(anna.helper, seconds)
    after = held_kib(anna.helper)
    # Last, since to show them all takes memory, too.
    assert len(anna.helper.status()["peers"]) > N_CROWD
    assert anna.path(ben.tunnel.ip4) == "direct"
    return {**cost, "n_members": N_CROWD, "more_pss_kib": after - before}


def direct_crowd(world, seconds):
    """The hub tells of many members, of whom some are near; they are direct and have nothing to say."""
    laptop = world.site("office").laptop("anna", 11)
    report = laptop.host.write("/run/lab/crowd", "0")
    argv = [sys.executable, Path(__file__).with_name("crowd_device.py"), "--report", report]
    argv += ["--members", N_CROWD, "--near", N_NEAR, "--lan", laptop.site.plan]
    crowd_device = laptop.host.start("crowd", *argv)
    lab.until(20, "the tunnel", lambda: laptop.host.exists("/run/wireguard/wg0.sock"))
    laptop.host.ip("addr add 10.9.0.11/16 dev wg0", "link set wg0 mtu 1420 up")
    helper = Helper(laptop, config=CONFIG, bus=False).start()
    time.sleep(SETTLE)
    before = held_kib(helper)
    crowd_device.signal(signal.SIGUSR1)
    lab.until(120, f"{N_NEAR} are direct", lambda: laptop.host.run("cat", report).strip() == str(N_NEAR))
    time.sleep(SETTLE)
    cost = cost_of(helper, seconds)
    after = held_kib(helper)
    n_direct = int(laptop.host.run("cat", report))
    assert n_direct == N_NEAR, f"{n_direct} are direct"
    return {**cost, "n_members": N_CROWD, "n_direct": n_direct, "more_pss_kib": after - before}


def stranger(number):
    """What the hub's configuration says of one of them."""
    return (
        f"[Peer wg0 {topology.make_key()[1]}]\n"
        f"AllowedIPs=10.9.{1 + number // 200}.{1 + number % 200}/32\n"
        f"Endpoints=192.0.2.{1 + number % 200}:{40000 + number}\n"
    )


def count_gossip(laptop, other):
    """From now on the gossip of these two with each other is counted."""
    far = f"udp dport {PORT} ip6"
    laptop.host.nft(
        "table inet gossip {\n"
        f"chain in {{ type filter hook input priority 0; {far} saddr {other.tunnel.link_local()} counter; }}\n"
        f"chain out {{ type filter hook output priority 0; {far} daddr {other.tunnel.link_local()} counter; }}\n"
        "}"
    )


def gossip_counted(laptop, seconds):
    """Of the busier direction, a minute."""
    text = laptop.host.run("nft", "-j", "list", "table", "inet", "gossip")
    rules = [item["rule"] for item in json.loads(text)["nftables"] if "rule" in item]
    counters = [part["counter"] for rule in rules for part in rule["expr"] if "counter" in part]
    busier = max(counters, key=lambda counter: counter["packets"])
    minutes = seconds / 60
    return {
        "packets_per_min": round(busier["packets"] / minutes, 2),
        "bytes_per_min": round((busier["bytes"] - _HEADERS * busier["packets"]) / minutes, 1),
    }


def held_kib(helper):
    """The memory of the helper and its child, as it is most of the time: for the 20 ms of a turn
    with many members it takes more, and gives that back."""
    looks = []
    for _ in range(N_LOOKS):
        looks.append(sum(pss_kib(pid) for _, pid in family(helper.process.pid)))
        time.sleep(LOOK_INTERVAL)
    return round(statistics.median(looks))


def cost_of(helper, seconds):
    """What the helper and its child take from the processor, a minute."""
    pid = helper.process.pid
    before = _run_nsec(pid), switches(pid)
    time.sleep(seconds)
    minutes = seconds / 60
    return {
        "cpu_ms_per_min": round((_run_nsec(pid) - before[0]) / 1e6 / minutes, 2),
        "switches_per_min": round((switches(pid) - before[1]) / minutes, 1),
    }


def _run_nsec(pid):
    tasks = [task for _, member in family(pid) for task in Path(f"/proc/{member}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def _spread(name, unit):
    return lambda result: f"median {result[name]['median']:g}{unit}, worst {result[name]['worst']:g}{unit}"


# What is to be reached, wirelink's own figure, and what a result says of it: a text, and whether
# the goal is reached.
ROWS = [
    (
        "start of both laptops → traffic direct both ways",
        "median ≤ 1 s",
        "15.1 s",
        _spread("to_direct_ms", " ms"),
        lambda r: r["to_direct_ms"]["median"] <= 1000,
    ),
    (
        "starts that failed",
        "0",
        "10 of 40",
        lambda r: f"{r['n_failed']} of {r['n_rounds']}",
        lambda r: r["n_failed"] == 0,
    ),
    (
        "LAN path cut in the first seconds → by the hub",
        "≤ 1.5 s",
        "60–215 s",
        _spread("to_hub_ms", " ms"),
        lambda r: r["to_hub_ms"]["worst"] <= 1500,
    ),
    (
        "pings lost at promotion, 5 each second",
        "0–1",
        "median 12",
        _spread("n_lost_pings", ""),
        lambda r: r["n_lost_pings"]["worst"] <= 1,
    ),
    (
        "idle gossip of a pair of laptops, each way",
        "≤ 2 packets and ≤ 300 B/min",
        "1.8 and 225",
        lambda r: f"{r['idle']['packets_per_min']:g} and {r['idle']['bytes_per_min']:g}",
        lambda r: r["idle"]["packets_per_min"] <= 2 and r["idle"]["bytes_per_min"] <= 300,
    ),
    (
        "idle: processor, times woken, memory beside an empty libnm client",
        "≤ 5 ms/min, ≤ 20/min, ≤ 1.5 ×",
        "20 ms, 430",
        lambda r: "{cpu_ms_per_min:g} ms, {switches_per_min:g}, {pss_ratio:g} ×".format(**r["idle"]),
        lambda r: r["idle"]["cpu_ms_per_min"] <= 5
        and r["idle"]["switches_per_min"] <= 20
        and r["idle"]["pss_ratio"] <= 1.5,
    ),
    (
        f"{N_CROWD} members known: memory, processor",
        "≤ 3 MiB, ≤ 1 %",
        "–",
        lambda r: f"{r['crowd']['more_pss_kib']} KiB, {r['crowd']['cpu_ms_per_min'] / 600:.2f} %",
        lambda r: r["crowd"]["more_pss_kib"] <= 3 * 1024 and r["crowd"]["cpu_ms_per_min"] <= 600,
    ),
    (
        f"{N_CROWD} members known, {N_NEAR} of them direct: memory, processor",
        "≤ 3 MiB, ≤ 1 %",
        "–",
        lambda r: f"{r['direct_crowd']['more_pss_kib']} KiB, {r['direct_crowd']['cpu_ms_per_min'] / 600:.2f} %",
        lambda r: r["direct_crowd"]["more_pss_kib"] <= 3 * 1024 and r["direct_crowd"]["cpu_ms_per_min"] <= 600,
    ),
    (
        "a packet with a bad signature / of an unknown source",
        "≤ 2 µs / ≤ 1 µs",
        "–",
        lambda r: f"{r['packets']['bad signature, ns']:g} ns / {r['packets']['unknown source, ns']:g} ns",
        lambda r: r["packets"]["bad signature, ns"] <= 2000 and r["packets"]["unknown source, ns"] <= 1000,
    ),
]


def table(result):
    rows = ["| what | to reach | wirelink | measured |", "| --- | --- | --- | --- |"]
    for what, goal, theirs, tell, judge in ROWS:
        try:
            text = tell(result) if judge(result) else f"**{tell(result)}**"
        except KeyError:
            text = "**nothing measured**"
        rows.append(f"| {what} | {goal} | {theirs} | {text} |")
    return "\n".join(rows)
