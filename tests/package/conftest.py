# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests in a throw-away machine, in which the packages are built."""

import io
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "desktop"), str(HERE.parent / "lab")]
sys.dont_write_bytecode = True


def pytest_configure(config):
    if config.option.collectonly:
        return
    if os.environ.get("AP_MACHINE") != "1":
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        sys.stdout.flush()
        # The machine is the lab's namespaces, too.
        os.environ["AP_LAB_ENTERED"] = "1"
        tests = 'cd "$0" && exec /usr/bin/python3 -m pytest "$@"'
        where, arguments = str(config.invocation_params.dir), config.invocation_params.args
        machine = HERE.parent / "desktop/machine"
        os.execv(machine, ["machine", "bash", "-c", tests, where, *arguments])


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
        if getattr(request.node, "failed", False):
            text = io.StringIO()
            the_lab.print_logs(text)
            print(text.getvalue())
            the_lab.print_journals()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
