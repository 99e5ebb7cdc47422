# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on one machine: each is a network namespace and a mount namespace with its own /run.

Everything lives in namespaces of the calling program (`enter`), so that the kernel itself cleans
up, whatever becomes of that program.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("AP_BUILD", "build")

# "go": wireguard-go; "kernel": the kernel's own.
BACKEND = os.environ.get("LAB_BACKEND", "go")

# How much longer everything may take than on an idle machine of today; the kernel stage is
# emulation.
SLOW = float(os.environ.get("LAB_SLOW", "1"))

# Source: linux/sched.h, linux/mount.h, linux/sockios.h, linux/if.h
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_RDONLY = 1
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1

_ENTERED = "AP_LAB_ENTERED"


def entered():
    return os.environ.get(_ENTERED) == "1"


def enter(argv):
    """Runs `argv` instead of this program, as the first process of its own pid, mount and
    network namespaces: when it ends, however it ends, every process that it started ends too."""
    if os.geteuid() != 0:
        sys.exit("the lab needs root: it makes network namespaces")
    os.environ[_ENTERED] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # With a /run of its own, not even a named network namespace is left behind.
    own_run = ["sh", "-ec", 'mount -t tmpfs -o mode=755 run /run; ip link set lo up; exec "$@"', "sh"]
    os.execvp(unshare[0], unshare + own_run + argv)


# The first process of a pid namespace gets only the signals that it handles (pid_namespaces(7)).
if entered() and os.getpid() == 1:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _libc(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) != 0:
        raise OSError(ctypes.get_errno(), f"{name}{args}")


def _become_a_host():
    """Moves the calling thread into new mount and network namespaces; returns its id."""
    cwd = os.getcwd()
    _libc("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
    _libc("mount", b"run", b"/run", b"tmpfs", 0, b"mode=755")
    _libc("mount", b"sysfs", b"/sys", b"sysfs", _MS_RDONLY, None)
    os.chdir(cwd)
    os.mkdir("/run/dbus")
    # Duplicate address detection would keep every IPv6 address unusable for up to two seconds.
    for which in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{which}/accept_dad").write_text("0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
    return threading.get_native_id()


class TimedOut(AssertionError):
    pass


def until(seconds, what, condition, every=0.01):
    """Waits until `condition()` is true and returns its value; `what` names it in the failure.
    Asking costs time, too, and more so under emulation."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"not within {seconds * SLOW:g} s: {what}")
        time.sleep(every * SLOW)


class Process:
    """A program that runs in a host; its output goes to a file of the lab."""

    def __init__(self, host, name, argv, env=None, stdin=None):
        self.host = host
        self.name = name
        self.argv = [str(arg) for arg in argv]
        self.log = host.lab.logs / f"{host.name}-{name}.log"
        with open(self.log, "ab") as out:
            self.popen = host.popen(
                self.argv,
                stdin=stdin or subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self.pid = self.popen.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=10):
        try:
            return self.popen.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.name} did not end within {seconds * SLOW:g} s") from None

    def stop(self, seconds=10):
        """Asks it to end, and returns its exit status."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self.popen.kill()
        self.popen.wait()


class Host:
    """One machine: `run` and `start` execute programs there."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.processes = []
        # One thread lives in the host, and what it starts lives there too. Under emulation, where
        # each program costs 40 ms, that is much cheaper than nsenter.
        self.resident = ThreadPoolExecutor(1)
        self.pid = self.do(_become_a_host)

    def do(self, function, *args, **kwargs):
        """Calls a function as if this program ran in the host."""
        return self.resident.submit(function, *args, **kwargs).result()

    def popen(self, argv, **kwargs):
        return self.do(subprocess.Popen, argv, **kwargs)

    def run(self, *argv, stdin=None, check=True, timeout=30):
        """Runs a program to its end and returns what it printed."""
        argv = [str(arg) for arg in argv]
        pipe = subprocess.PIPE
        source = pipe if stdin is not None else subprocess.DEVNULL
        with self.popen(argv, stdin=source, stdout=pipe, stderr=pipe, text=True) as child:
            try:
                out, err = child.communicate(stdin, timeout * SLOW)
            except BaseException:
                child.kill()
                raise
        if check and child.returncode != 0:
            what = f"{self.name}: {' '.join(argv)}: status {child.returncode}"
            raise AssertionError(f"{what}\n{out}{err}")
        return out

    def sh(self, script, **kwargs):
        return self.run("sh", "-ec", script, **kwargs)

    def ip(self, *lines, family=()):
        """Runs many `ip` commands, without the word "ip", in one process. The family ("-6") is for
        lines without an address that tells it."""
        return self.run("ip", *family, "-batch", "-", stdin="\n".join(lines) + "\n")

    def nft(self, rules):
        return self.run("nft", "-f", "-", stdin=rules)

    def start(self, name, *argv, **kwargs):
        process = Process(self, name, argv, **kwargs)
        self.processes.append(process)
        return process

    def write(self, path, text):
        """Writes a file: below /run each host has its own, and in /proc/sys/net its own switches."""
        self.do(_write, Path(path), text)
        return path

    def exists(self, path):
        return self.do(os.path.exists, path)

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        self.resident.shutdown()


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class Lab:
    """A set of hosts and the cables between them."""

    def __init__(self):
        if not entered():
            raise RuntimeError("call lab.enter() first")
        self.logs = Path(tempfile.mkdtemp(prefix="wg-autopeer-lab."))
        self.hosts = {}
        self.last_index = 100

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def host(self, name):
        self.hosts[name] = Host(self, name)
        return self.hosts[name]

    def cable(self, host, ifname, other, other_ifname):
        """Joins two hosts by a pair of Ethernet devices, both still down."""
        # Where both ends have one index, the kernel takes the pair for one device and may report
        # the carrier a second late (linkwatch_urgent_event in net/core/link_watch.c).
        self.last_index += 2
        near = ["index", str(self.last_index), "netns", str(host.pid)]
        far = ["index", str(self.last_index + 1), "netns", str(other.pid)]
        subprocess.run(
            ["ip", "link", "add", ifname, *near, "type", "veth", "peer", other_ifname, *far],
            check=True,
        )

    def print_logs(self, out=sys.stdout, n_lines=80):
        for path in sorted(p for p in self.logs.iterdir() if p.suffix != ".stream"):
            lines = path.read_text(errors="replace").splitlines()
            lines = [line for line in lines if line[:1] not in "┌│└"]  # wireguard-go's greeting
            print(f"---- {path.name} ({len(lines)} lines)", *lines[-n_lines:], sep="\n", file=out)

    def close(self):
        for host in self.hosts.values():
            host.close()
        self.hosts.clear()
        shutil.rmtree(self.logs, ignore_errors=True)
