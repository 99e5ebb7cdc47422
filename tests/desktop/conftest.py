# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests in a throw-away machine in which the build is installed, and shows what every
program said beside each failure."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True

import surroundings  # noqa: E402
from surroundings import pytest_runtest_makereport  # noqa: E402, F401

USER = "alice"


def pytest_configure(config):
    surroundings.enter_machine(config)


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
        if surroundings.has_failed(request):
            for name, text in one.logs().items():
                print(f"--- {name}\n{text}")
        assert one.complaints() == []
