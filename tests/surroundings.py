# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of several folders need around them: a machine to break, and a look at what failed."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

_MACHINE = Path(__file__).resolve().parent / "desktop/machine"


def run(*argv, check=True, timeout=60, **options):
    """Runs a program and returns its status and what it said."""
    options = {"stdin": subprocess.DEVNULL, **options}
    if "input" in options:
        del options["stdin"]
    done = subprocess.run(
        [str(arg) for arg in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout[-8000:]}")
    return done.returncode, done.stdout


def stop_capturing(config):
    """Another process is about to take this one's place, and its output is to be seen."""
    config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
    sys.stdout.flush()


def enter_machine(config):
    """Goes on in a throw-away machine, unless this is one."""
    if config.option.collectonly or os.environ.get("AP_MACHINE") == "1":
        return
    stop_capturing(config)
    tests = 'cd "$0" && exec /usr/bin/python3 -m pytest "$@"'
    where, arguments = str(config.invocation_params.dir), config.invocation_params.args
    os.execv(_MACHINE, ["machine", "bash", "-c", tests, where, *arguments])


def has_failed(request):
    return getattr(request.node, "failed", False)


def show_logs(the_lab):
    """Prints what every program of the lab said, beside the failure."""
    text = io.StringIO()
    the_lab.print_logs(text)
    print(text.getvalue())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes for has_failed() what became of the test."""
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
