# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of its own with systemd as its first process, in which the build is installed."""

import json
import subprocess
import sys
from pathlib import Path

import surroundings
from desktop import BUILD, until
from system import Caller, Talker

HERE = Path(__file__).resolve().parent

_ENV = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"]
_SEAT = ["-E", "XDG_SEAT=seat0", "-E", "XDG_SESSION_TYPE=x11", "-E", "XDG_SESSION_CLASS=user"]
_SSH = ["-E", "XDG_SESSION_TYPE=tty"]


class Booted:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir()
        argv = [HERE / "boot", self.directory]
        self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True)
        pid = self.directory / "pid"
        try:
            until(30, "systemd is up", pid.exists)
            self.pid = int(pid.read_text())
            self.install()
        except BaseException:
            self.close()
            raise

    def argv(self, *argv):
        enter = ["nsenter", "-t", str(self.pid), *"-m -p -n -C -u -i -r -w".split()]
        return enter + _ENV + [str(arg) for arg in argv]

    def run(self, *argv, check=True, stdin=None, timeout=60):
        """Runs a program there as root and returns what it printed."""
        options = {} if stdin is None else {"input": stdin}
        return surroundings.run(*self.argv(*argv), check=check, timeout=timeout, **options)[1]

    def install(self):
        """As the README says."""
        self.run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet")
        self.run("systemd-sysusers")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reload-or-restart", "dbus")

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def status(self):
        return json.loads(self.run("wg-autopeer", "status", "--json"))

    def journal(self, unit):
        return self.run("journalctl", "--quiet", "--no-pager", "--output=cat", "--unit", unit)

    def close(self):
        self.popen.stdin.close()
        self.popen.wait(30)


class SessionCaller(Caller):
    """A caller in a real session of logind's: at the seat, or as over ssh."""

    def __init__(self, booted, user, seated):
        run = ["systemd-run", "--quiet", "--wait", "--pipe", f"--uid={user}", "-p", "PAMName=login"]
        run += _SEAT if seated else _SSH
        argv = booted.argv(*run, sys.executable, HERE / "caller.py")
        Talker.__init__(self, argv)
        self.name = json.loads(self.hear())

    def close(self):
        """Closes its input, which ends it in there, too."""
        self.popen.stdin.close()
        self.popen.wait(10)
        self.popen.stdout.close()
