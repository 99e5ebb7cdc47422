# SPDX-License-Identifier: GPL-3.0-or-later
"""A person logs in: what is installed starts, and nobody asks for a password to see it."""

import configparser
import subprocess
from pathlib import Path

import pytest
import system
from desktop import USER, Tray, until

AUTOSTART = Path("/etc/xdg/autostart/org.wgautopeer.Tray.autostart.desktop")
HELPER = Path("/usr/libexec/wg-autopeer-helper")
POLKITD = Path("/usr/lib/polkit-1/polkitd")


@pytest.fixture
def session(tmp_path):
    """A local session of the person's, on a machine with the distribution's bus and polkit."""
    subprocess.run(["systemd-sysusers", "/usr/lib/sysusers.d/wg-autopeer.conf"], check=True)
    bus = system.Bus(tmp_path / "bus.log")
    session = system.Session(USER)
    yield session
    session.close()
    for program in (HELPER, POLKITD):
        system.end(program)
    bus.close()


def log_in(desktop, session):
    """Starts what the session starts by itself."""
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(AUTOSTART)
    command = entry["Desktop Entry"]["Exec"].split()
    into_session = f'echo $$ > {session.group}/cgroup.procs; exec "$@"'
    del desktop.environment["DBUS_SYSTEM_BUS_ADDRESS"]
    argv = ["sh", "-c", into_session, "sh", *desktop.argv(command, USER)]
    desktop.start("tray", *argv, user=None)
    return Tray(desktop)


def test_everything_is_there_after_login(session, start_desktop):
    desktop = start_desktop()
    desktop.start_panel()
    tray = log_in(desktop, session)
    until(10, "the icon on the panel", tray.is_registered)
    tray.wait_for("No WireGuard tunnel on this computer")
    tray.wait_for_icon("no-tunnel")
    assert len(system.pids_of(HELPER)) == 1, "the bus started the helper"

    tray.pick("Enabled")
    tray.wait_for("Switched off: everything goes by the hub")
    tray.wait_for_icon("off")
    tray.pick("Enabled")
    tray.wait_for("No WireGuard tunnel on this computer")
    tray.pick("Re-sync")
    tray.wait_for("Re-sync – done at")


def test_who_is_not_at_the_machine_is_not_allowed(session, start_desktop):
    session.set_state("online")
    desktop = start_desktop()
    desktop.start_panel()
    tray = log_in(desktop, session)
    until(10, "the icon on the panel", tray.is_registered)
    tray.wait_for("You are not allowed to do that")
