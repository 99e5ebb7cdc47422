# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at each call that changes something, on the way to a direct peer and at the end."""

import kills
import pytest


@pytest.mark.parametrize("phase, call", kills.CASES, ids=[f"{p.__name__}-{c}" for p, c in kills.CASES])
def test_killed_at_each_call(world, phase, call):
    assert phase(kills.Deaths(world), call) > 0, f"{call} is never called"
