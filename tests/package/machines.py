# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub and two laptops that are machines with a systemd, in the network of tests/lab."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import booted
import lab
import topology

USER = "alice"

# What apt and network-online.target would start: it has no part in this network.
SILENT = ("packagekit", "NetworkManager", "NetworkManager-wait-online")

# Source: linux/sched.h
_CLONE_FS = 0x00000200


class Bare(booted.Booted):
    """Without anything of ours."""

    def install(self):
        pass


def _enter(pid):
    """Moves the calling thread, and what it starts, into a machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = ("net", "uts", "ipc", "cgroup", "pid", "mnt")
    fds = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names]
    assert libc.unshare(_CLONE_FS) == 0
    for fd in fds:
        assert libc.setns(fd, 0) == 0, os.strerror(ctypes.get_errno())
        os.close(fd)
    os.chdir("/")


class Machine(lab.Host):
    """A host of the lab that has booted."""

    def __init__(self, the_lab, name):
        self.lab = the_lab
        self.name = name
        self.processes = []
        self.directory = Path(tempfile.mkdtemp(prefix="wg-autopeer-machine."))
        self.booted = Bare(self.directory / "boot")
        self.pid = self.booted.pid
        self.resident = ThreadPoolExecutor(1)
        self.do(_enter, self.pid)
        for which in ("all", "default"):
            self.write(f"/proc/sys/net/ipv6/conf/{which}/accept_dad", "0")
        # Containers have a policy that keeps packages from starting anything. The index of all manuals
        # would take longer than everything else.
        self.run("rm", "-f", "/usr/sbin/policy-rc.d", "/var/lib/man-db/auto-update")
        self.run("useradd", "--create-home", USER)
        self.run("systemctl", "mask", "--runtime", "--quiet", *SILENT)
        self.run("systemctl", "start", "polkit", "systemd-logind")

    def install(self, debs):
        """Installs these files, and nothing that they only recommend."""
        directory = Path(f"/proc/{self.pid}/root/run/packages")
        directory.mkdir(exist_ok=True)
        for deb in debs:
            shutil.copy(deb, directory)
        self.apt("install", *(f"/run/packages/{deb.name}" for deb in debs))

    def apt(self, command, *what):
        """As an administrator does it, from files alone."""
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends"]
        return self.run(*apt, command, *what, timeout=120)

    def show(self, unit, *names):
        return [self.booted.show(unit, name) for name in names]

    def log_in(self, *argv):
        """Starts a program in a session of the user's at this machine's seat."""
        session = ["systemd-run", "--quiet", "--wait", "--pipe", f"--uid={USER}", "-p", "PAMName=login"]
        return self.start("session", *session, *booted._SEAT, *argv)

    def close(self):
        super().close()
        self.booted.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Machines(lab.Lab):
    """A lab of which some hosts have booted."""

    BOOTED = ("hub", "anna", "ben")

    def host(self, name):
        if name not in self.BOOTED:
            return super().host(name)
        self.hosts[name] = Machine(self, name)
        return self.hosts[name]

    def print_journals(self):
        for name in self.BOOTED:
            journal = self.hosts[name].run("journalctl", "--quiet", "--no-pager", "--lines=200")
            print(f"---- {name}", journal, sep="\n")


class Office:
    """Two laptops, anna and ben, in one office, with a tunnel to a hub 40 ms away."""

    def __init__(self, the_lab):
        self.world = topology.World(the_lab)
        office = self.world.site("office")
        self.laptops = self.anna, self.ben = office.laptop("anna", 11), office.laptop("ben", 12)
        self.hub = self.world.hub
        self.vpn = topology.Vpn(self.world)
        for laptop in self.laptops:
            self.vpn.join(laptop)
        self.machines = [self.hub, self.anna.host, self.ben.host]
