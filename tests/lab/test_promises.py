# SPDX-License-Identifier: GPL-3.0-or-later
"""What we promise (promises.py), a few rounds of each: whether it holds at all. How well it holds
is for `tests/bench promises`."""

import random

import failover
import lab
import leave
import mtu
import oneway
import promotion
import pytest
import starts
import unreachable

# How much longer than promised a busy machine may take; still more under emulation.
SLACK = 2 * lab.SLOW

# For how long, in milliseconds, a busy machine may let a program wait for a processor.
STALL_MS = 200 * lab.SLOW


@pytest.fixture
def chance():
    seed = random.randrange(2**32)
    print("seed", seed)
    return random.Random(seed)


def test_traffic_is_back_on_the_hub_soon_after_a_cut_and_direct_after_the_hold_down(world, chance):
    one = failover.one_round(world, chance, 1)
    assert max(one["to_hub_ms"].values()) <= 1500 * SLACK
    assert one["direct_after_hold_down_ms"] <= 2000 * SLACK


def test_what_is_under_way_is_all_that_a_promotion_costs(world, chance):
    one = promotion.one_round(world, chance, 1)
    for flow in one["flows"].values():
        assert flow["paths"] == ["hub", "direct"], one
        assert flow["lost_ms"] <= flow["hub_one_way_ms"] + promotion.SKEW_MS + STALL_MS, one


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("kind", unreachable.WORLDS)
def test_tries_that_fail_cost_nothing(world, kind, known):
    one = unreachable.one_round(world, kind, known, seconds=4, per_second=100)
    assert (one["n_lost"], one["paths"]) == (0, ["hub"]), one


def test_both_ends_may_start_at_once(world, chance):
    scene = starts.Starts(world)
    for number in range(1, 1 + starts.N_QUICK):
        one = scene.round(chance, number)
        assert one["direct_ms"] <= 1000 * SLACK, one


def test_a_path_that_flaps_is_left_alone(world):
    one = oneway.one_round(world, n_toggles=4)
    assert all(flow["n_changes"] <= 2 for flow in one["flows"].values()), one


def test_a_narrow_path_is_not_used(world):
    one = mtu.one_round(world)
    assert (one["paths"], one["n_lost"], one["reasons"]) == (["hub"], 0, ["mtu", "mtu"]), one


def test_who_leaves_says_so(world, chance):
    scene = leave.Leave(world)
    for number in (1, 2):
        one = scene.round(chance, number)
        assert one["on_hub_ms"] <= 100 + STALL_MS, one
