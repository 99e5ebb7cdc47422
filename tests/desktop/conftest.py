# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests in a throw-away machine in which the build is installed, and shows what every
program said beside each failure."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

USER = "alice"


def pytest_configure(config):
    if config.option.collectonly:
        return
    if os.environ.get("AP_MACHINE") != "1":
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        sys.stdout.flush()
        tests = 'cd "$0" && exec /usr/bin/python3 -m pytest "$@"'
        where, arguments = str(config.invocation_params.dir), config.invocation_params.args
        os.execv(HERE / "machine", ["machine", "bash", "-c", tests, where, *arguments])


@pytest.fixture(scope="session", autouse=True)
def installed():
    """The build where `meson install` puts it, and somebody to use it."""
    import desktop

    argv = ["meson", "install", "-C", desktop.BUILD, "--no-rebuild", "--quiet"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["useradd", "-m", USER], check=True)


@pytest.fixture
def start_desktop(request):
    """Makes desktops for one test: start_desktop(lang="de_DE.UTF-8")."""
    import desktop

    made = []

    def start(**options):
        # Under /tmp itself: pytest's own directories are root's alone.
        directory = tempfile.mkdtemp(prefix="desktop-")
        made.append(desktop.Desktop(directory, **options))
        return made[-1]

    yield start
    for one in reversed(made):
        one.close()
        if getattr(request.node, "failed", False):
            for name, text in one.logs().items():
                print(f"--- {name}\n{text}")
        assert one.complaints() == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
