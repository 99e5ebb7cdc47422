# SPDX-License-Identifier: GPL-3.0-or-later
"""What we promise, measured one after the other: the table of the README."""

import random
from collections import namedtuple

import convergence
import failover
import kills
import leave
import memory
import mtu
import oneway
import promotion
import starts
import unreachable

# Timers and schedulers of a busy machine, in milliseconds (decisions.md 27).
ALLOWED_MS = 10

# Path changes within five minutes of a filter that changes each two seconds.
MAX_CHANGES = 8

# What is promised, and what a measurement says of it: judge(result) returns a text, and whether
# the promise is kept.
Promise = namedtuple("Promise", "what promised bench judge")


def _within(name, median=None, worst=None):
    """Judges a spread of milliseconds."""

    def judge(result):
        if not result.get(name):
            return "nothing measured", False
        got = result[name]
        kept = (median is None or got["median"] <= median + ALLOWED_MS) and got["worst"] <= worst + ALLOWED_MS
        return f"median {got['median']:.0f} ms, worst {got['worst']:.0f} ms", kept

    return judge


def _promotion(result):
    if not result.get("lost_ms"):
        return "nothing measured", False
    lost, hub = result["lost_ms"], result["hub_one_way_ms"]
    text = f"median {lost['median']:.0f} ms, worst {lost['worst']:.0f} ms; the hub's delay is {hub['median']:.0f} ms"
    return text, result["over_ms"]["worst"] <= 0


def _unreachable(result):
    return f"{result['n_lost']} of {result['n_sent']}", result["n_lost"] == 0 and result["paths"] == ["hub"]


def _oneway(result):
    return f"{result['n_changes']}", result["n_changes"] <= MAX_CHANGES


def _mtu(result):
    text = f"by {' and '.join(result['paths'])}, {' and '.join(result['reasons'])}"
    text += f", {result['transfer_s']['worst']} s for 1 MiB"
    return text, result["paths"] == ["hub"] and result["reasons"] == ["mtu"]


def _leave(result):
    times = [one["on_hub_ms"] for one in result["rounds"] if "failed" not in one]
    n_kept = sum(ms <= 100 for ms in times)
    text = f"{n_kept} of {result['n_rounds']}, worst {max(times):.0f} ms"
    return text, n_kept == result["n_rounds"]


def _kills(result):
    return f"{result['n_deaths']} of {result['n_deaths']}", result["n_deaths"] > 0


def _memory(result):
    return f"{result['ratio']:.2f} ×", result["ratio"] <= 1.5


def _wakeups(result):
    n = result["wakeups_in_10_s_without_a_tunnel"]
    return str(n), n == 0


PROMISES = [
    Promise(
        "second laptop's tunnel comes up → first ping by the direct path",
        "median 500 ms, worst 2 s",
        "convergence",
        _within("time_to_direct_ms", 500, 2000),
    ),
    Promise(
        "direct path cut under traffic → traffic by the hub again",
        "median 1 s, worst 1.5 s",
        "failover",
        _within("to_hub_ms", 1000, 1500),
    ),
    Promise(
        "direct path mended → direct again, from the end of the hold-down",
        "2 s",
        "failover",
        _within("direct_after_hold_down_ms", worst=2000),
    ),
    Promise(
        "packets lost as traffic goes direct, 500 each second, each way",
        "the hub's one-way delay + 10 ms",
        "promotion",
        _promotion,
    ),
    Promise(
        "packets lost while a peer is offered that cannot be reached: client isolation, firewall, twin LAN",
        "0",
        "unreachable",
        _unreachable,
    ),
    Promise(
        "both ends told of one another within 5 ms → direct",
        "1 s",
        "starts",
        _within("direct_ms", worst=1000),
    ),
    Promise(
        "path changes while one direction is filtered each other 2 s, 5 min",
        f"{MAX_CHANGES}",
        "oneway",
        _oneway,
    ),
    Promise("LAN that drops packets above 1,300 bytes", "never direct, says `mtu`", "mtu", _mtu),
    Promise(
        "stopped or disabled → the far end, too, sends by the hub again",
        "100 ms, each time",
        "leave",
        _leave,
    ),
    Promise(
        "kill -9 at each call that changes the device or the ledger → all undone, nothing else changed",
        "each time",
        "kill",
        _kills,
    ),
    Promise(
        "memory of helper and child, against an empty program that uses libnm",
        "1.5 ×",
        "memory",
        _memory,
    ),
    Promise("wake-ups in 10 s without a tunnel", "0", "memory", _wakeups),
]

MODULES = {
    "convergence": convergence,
    "failover": failover,
    "promotion": promotion,
    "unreachable": unreachable,
    "starts": starts,
    "oneway": oneway,
    "mtu": mtu,
    "leave": leave,
    "kill": kills,
    "memory": memory,
}


def measure(quick):
    """Measures everything; returns the results by name, and prints what is promised of each."""
    results = {}
    for name, module in MODULES.items():
        print(f"== {name}: {module.__doc__.splitlines()[0]}", flush=True)
        n_rounds = module.N_QUICK if quick else module.N_ROUNDS
        results[name] = module.measure(n_rounds, random.randrange(2**32))
        for promise in PROMISES:
            if promise.bench == name:
                print(_line(promise, results[name]), flush=True)
    return results


def verdicts(results):
    """[(promise, what was measured, whether it is kept)]"""
    return [(promise, *judge(promise, results[promise.bench])) for promise in PROMISES]


def judge(promise, result):
    if result.get("n_failed"):
        return f"{result['n_failed']} rounds failed", False
    return promise.judge(result)


def _line(promise, result):
    text, kept = judge(promise, result)
    return f"{'✔' if kept else '✘'} {promise.what}: {text} (promised: {promise.promised})"


def table(results):
    """As the README shows it."""
    rows = ["| what | promised | measured | command |", "| --- | --- | --- | --- |"]
    for promise, text, kept in verdicts(results):
        measured = text if kept else f"**{text}**"
        command = f"`sudo tests/bench {promise.bench}`"
        rows.append(f"| {promise.what} | {promise.promised} | {measured} | {command} |")
    return "\n".join(rows)
