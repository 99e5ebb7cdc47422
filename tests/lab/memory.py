# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper and fetch child beside an empty libnm client, with one direct peer; and wake-ups."""

import contextlib
import re
import time
from pathlib import Path

import lab
import topology
from network_manager import NetworkManager
from product import Helper
from scene import Scene

N_ROUNDS, N_QUICK = 1, 1


def measure(_n_rounds, _seed):
    with lab.Lab() as the_lab:
        scene = Scene(topology.World(the_lab))
        for laptop in scene.laptops:
            NetworkManager(laptop.host).start()
        empty = scene.anna.host.start("empty-nm", lab.BUILD / "tests/lab/lab-empty-nm")
        scene.start(bus=False).until_direct(seconds=30)
        time.sleep(3)
        helper = scene.anna.helper.process.pid
        pss = {name: pss_kib(pid) for name, pid in family(helper)}
        result = {"pss_kib": pss, "empty_libnm_client_kib": pss_kib(empty.pid)}
    result["ratio"] = round(sum(pss.values()) / result["empty_libnm_client_kib"], 3)
    result["wakeups_in_10_s_without_a_tunnel"] = _wakeups_without_a_tunnel()
    return result


def _wakeups_without_a_tunnel():
    with lab.Lab() as the_lab:
        laptop = topology.World(the_lab).site("office").laptop("anna", 11)
        NetworkManager(laptop.host).start()
        helper = Helper(laptop, bus=False).start()
        time.sleep(5)
        before = switches(helper.process.pid)
        time.sleep(10)
        return switches(helper.process.pid) - before


def family(pid):
    """The process and its children, by name."""
    pids = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        pids += map(int, (thread / "children").read_text().split())
    return [(Path(f"/proc/{p}/comm").read_text().strip(), p) for p in pids]


def pss_kib(pid):
    """Its own memory, and its part of what it shares."""
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def switches(pid):
    """How often any thread of the family has gone to sleep, which is how often it woke up."""
    total = 0
    for _, member in family(pid):
        for thread in Path(f"/proc/{member}/task").iterdir():
            status = (thread / "status").read_text()
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
    return total


def own_memory(pid):
    """All that the process can read of its own, in pieces."""
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in span.split("-"))
            # The sanitizers have shadows of terabytes.
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]")) or end - begin > 1 << 30:
                continue
            with contextlib.suppress(OSError):
                memory.seek(begin)
                yield memory.read(end - begin)


def count_in_memory(pid, form):
    """How often these bytes stand in what the process can read of its own memory."""
    return sum(piece.count(form) for piece in own_memory(pid))
