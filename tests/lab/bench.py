# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures. Started by tests/bench; every figure comes with all that it was made of."""

import argparse
import json
import random
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
sys.dont_write_bytecode = True

import gossip_bench  # noqa: E402
import lab  # noqa: E402
import promises  # noqa: E402
import server_load  # noqa: E402
import suites  # noqa: E402
import timeline  # noqa: E402

MODULES = {**promises.MODULES, "server": server_load, "gossip": gossip_bench}


def options_from(argv):
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    commands = parser.add_subparsers(dest="bench", required=True)
    for name, module in MODULES.items():
        command = _command(commands, name, module.__doc__)
        command.add_argument("--rounds", type=int, default=module.N_ROUNDS)
        command.add_argument(
            "--quick", dest="rounds", action="store_const", const=module.N_QUICK, help="a few rounds"
        )
        command.add_argument("--seed", type=int, default=random.randrange(2**32))
    command = _command(commands, "promises", promises.__doc__)
    command.add_argument("--quick", action="store_true", help="a few rounds of each")
    command = _command(commands, "timeline", timeline.__doc__)
    command.add_argument("--svg", metavar="FILE", required=True, help="write the picture there")
    return parser.parse_args(argv)


def _command(commands, name, doc):
    command = commands.add_parser(name, help=doc.splitlines()[0].rstrip("."), description=doc)
    command.add_argument("--json", metavar="FILE", default=argparse.SUPPRESS)
    return command


def measure_one(options):
    result = MODULES[options.bench].measure(options.rounds, options.seed)
    short = {name: value for name, value in result.items() if name != "rounds"}
    print(json.dumps(short, indent=2))
    return result, not result.get("n_failed")


def measure_promises(options):
    results = promises.measure(options.quick)
    print(f"\n{promises.table(results)}")
    return results, all(kept for _, _, kept in promises.verdicts(results))


def measure_timeline(options):
    return timeline.measure(options.svg), True


def main():
    options = options_from(sys.argv[1:])
    if not lab.entered():
        suites.build_or_exit()
        lab.enter([sys.executable, *sys.argv])
    measure = {"promises": measure_promises, "timeline": measure_timeline}.get(options.bench, measure_one)
    result, good = measure(options)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
