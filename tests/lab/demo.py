# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, to be looked at: two laptops that meet by a hub 40 ms away, and then do not need
it any more. Started by tests/demo."""

import argparse
import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
sys.dont_write_bytecode = True

import lab  # noqa: E402
import suites  # noqa: E402
import topology  # noqa: E402
from convergence import Arrival  # noqa: E402
from lab import until  # noqa: E402
from progress import step, table  # noqa: E402


def play(the_lab):
    with step("a hub 40 ms away, a router with NAT, two laptops behind it"):
        arrival = Arrival(topology.World(the_lab))
        anna, ben = arrival.scene.laptops
    with step("plain WireGuard: the laptops talk by the hub") as notes:
        arrival.measure_hub()
        notes.append(f"– {arrival.hub_rtt_ms:g} ms")
    with step("coordination server on the hub, helper on each laptop; ben's tunnel is down"):
        arrival.prepare()
    with step("ben arrives: his tunnel comes up, the helpers find each other") as notes:
        time_to_direct_ms = arrival.arrive()
        notes.append(f"– direct after {time_to_direct_ms:g} ms")
    with step("ten pings, and what the hub saw of them") as notes:
        before = arrival.scene.world.n_pings_at_hub()
        got = anna.ping(ben.tunnel.ip4, count=10, interval=0.02)
        seen = arrival.scene.world.n_pings_at_hub() - before
        notes.append(f"– {len(got)} answered, the hub saw {seen}")
    with step("the helpers stop, and traffic is back on the hub"):
        for laptop in (anna, ben):
            laptop.helper.stop()
        anna.until_path(ben.tunnel.ip4, "hub")
        until(5, "no peer is left", lambda: len(anna.tunnel.peers()) == 1)
    return {
        "direct": len(got) == 10 and seen == 0,
        "time_to_direct_ms": time_to_direct_ms,
        "hub_rtt_ms": arrival.hub_rtt_ms,
        "direct_rtt_ms": arrival.direct_rtt_ms,
    }


def main():
    parser = argparse.ArgumentParser(prog="tests/demo", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    if not lab.entered():
        suites.build_or_exit()
        lab.enter([sys.executable, *sys.argv])
    with lab.Lab() as the_lab:
        try:
            result = play(the_lab)
        except BaseException:
            the_lab.print_logs(sys.stderr)
            raise
    print()
    print(
        table(
            [
                ("round trip by the hub", f"{result['hub_rtt_ms']:.1f} ms"),
                ("round trip direct", f"{result['direct_rtt_ms']:.1f} ms"),
                ("ben's arrival to direct", f"{result['time_to_direct_ms']:.0f} ms"),
            ]
        )
    )
    if options.json:
        Path(options.json).write_text(json.dumps(result) + "\n", encoding="utf-8")
    return 0 if result["direct"] else 1


if __name__ == "__main__":
    sys.exit(main())
