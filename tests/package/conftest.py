# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests in a throw-away machine, in which the packages are built."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("desktop", "lab", ""))]
sys.dont_write_bytecode = True

import surroundings  # noqa: E402
from surroundings import pytest_runtest_makereport  # noqa: E402, F401


def pytest_configure(config):
    # The machine is the lab's namespaces, too.
    os.environ["AP_LAB_ENTERED"] = "1"
    surroundings.enter_machine(config)


@pytest.fixture(scope="session")
def built():
    """All packages, built once."""
    import building

    return building.Built("/tmp/wg-autopeer")


@pytest.fixture
def vpn_of_machines(request):
    import machines

    with machines.Machines() as the_lab:
        yield machines.Office(the_lab)
        if surroundings.has_failed(request):
            surroundings.show_logs(the_lab)
            the_lab.print_journals()
