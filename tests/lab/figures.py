# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of a measurement, and what they say together.

A module that measures has N_ROUNDS and N_QUICK, how many rounds are usual and how many show that it
works, and measure(n_rounds, seed), which returns what `result` does.
"""

import random
import statistics
import sys

import lab
import topology


def spread(values):
    """Median and worst; None where nothing was measured."""
    values = list(values)
    if not values:
        return None
    return {"median": round(statistics.median(values), 1), "worst": max(values)}


def in_own_labs(n_rounds, seed, one_round, line):
    """Calls one_round(world, chance, number) so often, each time in another lab."""
    chance = random.Random(seed)
    return [
        _in_a_lab(lambda world, n=number: _try(lambda: one_round(world, chance, n), n, line, world))
        for number in range(1, n_rounds + 1)
    ]


def in_one_lab(n_rounds, seed, make, line):
    """Calls make(world).round(chance, number) so often, or until a round fails."""
    return _in_a_lab(lambda world: _all(n_rounds, random.Random(seed), make(world), line, world))


def _all(n_rounds, chance, scene, line, world):
    found = []
    for number in range(1, n_rounds + 1):
        found.append(_try(lambda n=number: scene.round(chance, n), number, line, world))
        if "failed" in found[-1]:
            break
    return found


def _in_a_lab(function):
    with lab.Lab() as the_lab:
        return function(topology.World(the_lab))


def _try(one_round, number, line, world):
    """Shows a line of the round. One that fails is {"failed": why}; the others still count."""
    try:
        one = one_round()
    except AssertionError as error:
        world.lab.print_logs(sys.stderr)
        one = {"failed": str(error)}
    print(f"{number:3}: {one.get('failed') or line(one)}", flush=True)
    return one


def result(rounds, seed, summary):
    """The summary of the rounds that did not fail, and all rounds."""
    good = [one for one in rounds if "failed" not in one]
    return {
        **(summary(good) if good else {}),
        "n_rounds": len(rounds),
        "n_failed": len(rounds) - len(good),
        "seed": seed,
        "rounds": rounds,
    }
