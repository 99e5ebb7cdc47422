# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests a second with 1,000 and with 10,000 clients on a fake device."""

import json
import subprocess

import lab

N_ROUNDS, N_QUICK = 1, 1


def measure(_n_rounds, _seed):
    done = subprocess.run(
        [lab.BUILD / "tests/server-bench", "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)
