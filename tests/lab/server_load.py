# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests a second with 1,000 and with 10,000 clients on a fake device; 10,000 held polls."""

import json
import subprocess

import lab

N_ROUNDS, N_QUICK = 1, 1


def _run(name):
    argv = [lab.BUILD / "tests" / name, "--json"]
    return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(_n_rounds, _seed):
    return {**_run("server-bench"), "held": _run("server-held")}
