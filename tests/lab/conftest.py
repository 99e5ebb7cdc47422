# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios, and the logs of all programs beside each failure."""

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import lab  # noqa: E402
import topology  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "userspace: needs wireguard-go, whatever the backend")
    if lab.entered() or config.option.collectonly:
        return
    config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
    lab.enter([sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)])


@pytest.fixture
def the_lab(request):
    with lab.Lab() as the_lab:
        yield the_lab
        if getattr(request.node, "failed", False):
            text = io.StringIO()
            the_lab.print_logs(text)
            print(text.getvalue())


@pytest.fixture
def world(the_lab):
    return topology.World(the_lab)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
