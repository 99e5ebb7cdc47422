# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios, and the logs of all programs beside each failure."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True

import lab  # noqa: E402
import surroundings  # noqa: E402
import topology  # noqa: E402
from surroundings import pytest_runtest_makereport  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "userspace: needs wireguard-go, whatever the backend")
    if lab.entered() or config.option.collectonly:
        return
    surroundings.stop_capturing(config)
    lab.enter([sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)])


@pytest.fixture
def the_lab(request):
    with lab.Lab() as the_lab:
        yield the_lab
        if surroundings.has_failed(request):
            surroundings.show_logs(the_lab)


@pytest.fixture
def world(the_lab):
    return topology.World(the_lab)
