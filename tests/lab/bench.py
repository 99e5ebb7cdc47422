# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures. Started by tests/bench; every figure comes with all that it was made of."""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
sys.dont_write_bytecode = True

import lab  # noqa: E402
import suites  # noqa: E402
import topology  # noqa: E402
from convergence import Arrival  # noqa: E402
from network_manager import NetworkManager  # noqa: E402
from product import Helper  # noqa: E402
from scene import Scene  # noqa: E402


def convergence(options):
    """second laptop's tunnel up until its first ping by the direct path"""
    rounds = []
    random.seed(options.seed)
    for number in range(1, options.rounds + 1):
        with lab.Lab() as the_lab:
            arrival = Arrival(topology.World(the_lab))
            arrival.measure_hub()
            arrival.prepare(settle=random.uniform(0.7, 1.7))
            one = {
                "time_to_direct_ms": arrival.arrive(),
                "hub_rtt_ms": arrival.hub_rtt_ms,
                "direct_rtt_ms": arrival.direct_rtt_ms,
                "lower_key_arrives": _is_lower(*reversed(arrival.scene.laptops)),
            }
        print(f"{number:3}: {one['time_to_direct_ms']:8.1f} ms", flush=True)
        rounds.append(one)
    times = [one["time_to_direct_ms"] for one in rounds]
    return {
        "median_ms": round(statistics.median(times), 1),
        "worst_ms": max(times),
        "seed": options.seed,
        "rounds": rounds,
    }


def _is_lower(laptop, other):
    return laptop.tunnel.key_bytes() < other.tunnel.key_bytes()


def memory(_options):
    """helper and fetch child beside an empty libnm client, with one direct peer; and wake-ups"""
    with lab.Lab() as the_lab:
        scene = Scene(topology.World(the_lab))
        for laptop in scene.laptops:
            NetworkManager(laptop.host).start()
        empty = scene.anna.host.start("empty-nm", lab.BUILD / "tests/lab/lab-empty-nm")
        scene.start(bus=False).until_direct(seconds=30)
        time.sleep(3)
        helper = scene.anna.helper.process.pid
        pss = {name: _pss_kib(pid) for name, pid in _family(helper)}
        result = {"pss_kib": pss, "empty_libnm_client_kib": _pss_kib(empty.pid)}
    result["ratio"] = round(sum(pss.values()) / result["empty_libnm_client_kib"], 3)
    result["wakeups_in_10_s_without_a_tunnel"] = _wakeups_without_a_tunnel()
    return result


def _wakeups_without_a_tunnel():
    with lab.Lab() as the_lab:
        laptop = topology.World(the_lab).site("office").laptop("anna", 11)
        NetworkManager(laptop.host).start()
        helper = Helper(laptop, bus=False).start()
        time.sleep(5)
        before = _switches(helper.process.pid)
        time.sleep(10)
        return _switches(helper.process.pid) - before


def _family(pid):
    """The process and its children, by name."""
    pids = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        pids += map(int, (thread / "children").read_text().split())
    return [(Path(f"/proc/{p}/comm").read_text().strip(), p) for p in pids]


def _pss_kib(pid):
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def _switches(pid):
    """How often any thread of the family has gone to sleep, which is how often it woke up."""
    total = 0
    for _, member in _family(pid):
        for thread in Path(f"/proc/{member}/task").iterdir():
            status = (thread / "status").read_text()
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
    return total


def server(_options):
    """requests a second with 1,000 and with 10,000 clients on a fake device"""
    done = subprocess.run(
        [lab.BUILD / "tests/server-bench", "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


BENCHES = {"convergence": convergence, "memory": memory, "server": server}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    commands = parser.add_subparsers(dest="bench", required=True)
    for name, function in BENCHES.items():
        command = commands.add_parser(name, help=function.__doc__)
        command.add_argument("--json", metavar="FILE", default=argparse.SUPPRESS)
        if name == "convergence":
            command.add_argument("--rounds", type=int, default=30)
            command.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    if not lab.entered():
        suites.build_or_exit()
        lab.enter([sys.executable, *sys.argv])
    result = BENCHES[options.bench](options)
    short = {name: value for name, value in result.items() if name != "rounds"}
    print(json.dumps(short, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
