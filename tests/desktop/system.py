# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's system bus and polkit without systemd, and people who use it.

Needs a throw-away machine around it (`machine`), with the build installed under /usr.
"""

import json
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

from desktop import until

HERE = Path(__file__).resolve().parent
SOCKET = Path("/run/dbus/system_bus_socket")
LOGIND = Path("/run/systemd")


def cgroup_root():
    """Where the unified hierarchy is mounted."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            return Path(fields[1])
    raise RuntimeError("there is no cgroup2 file system")


class Session:
    """A local session of a user as logind would have it, in its own files: polkit finds it by the
    name of the control group that a process is in."""

    def __init__(self, user):
        self.uid = pwd.getpwnam(user).pw_uid
        self.user = user
        self.slice = cgroup_root() / f"wgautopeer{os.urandom(4).hex()}.slice"
        self.group = self.slice / f"user-{self.uid}.slice" / "session-c1.scope"
        self.group.mkdir(parents=True)
        self.set_state("active")

    def set_state(self, state):
        """active, or online: there, and not the one on the screen."""
        active = int(state == "active")
        self._write(
            "sessions/c1",
            f"UID={self.uid}\nUSER={self.user}\nACTIVE={active}\nSTATE={state}\nREMOTE=0\nTYPE=x11\n"
            "CLASS=user\nSEAT=seat0\nSCOPE=session-c1.scope\n",
        )
        self._write(f"users/{self.uid}", f"NAME={self.user}\nSTATE={state}\n")
        self._write("seats/seat0", f"IS_VTCONSOLE=1\nACTIVE=c1\nACTIVE_UID={self.uid}\n")

    @staticmethod
    def _write(name, text):
        path = LOGIND / name
        new = path.with_name("." + path.name)
        new.write_text(text, encoding="utf-8")
        new.rename(path)

    def take(self, pid):
        (self.group / "cgroup.procs").write_text(str(pid), encoding="utf-8")

    def close(self):
        """Once nobody is in it any more."""
        for group in (self.group, self.group.parent, self.slice):
            until(5, f"{group} is empty", lambda: _removed(group))


def _removed(group):
    try:
        group.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def as_user(user, *argv):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *map(str, argv)]


class Talker:
    """A process that answers lines of text."""

    def __init__(self, argv):
        pipe = subprocess.PIPE
        self.popen = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.pid = self.popen.pid

    def say(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def hear(self):
        line = self.popen.stdout.readline()
        assert line, f"{self.popen.args}: it ended"
        return line.rstrip("\n")

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self.popen.stdout.close()


class Caller(Talker):
    """A program of a user's that calls the helper; the same process for all calls."""

    def __init__(self, user, session=None):
        super().__init__(as_user(user, sys.executable, HERE / "caller.py"))
        self.user = user
        if session:
            session.take(self.pid)
        self.name = json.loads(self.hear())

    def send(self, method, prompt=False):
        self.say(json.dumps({"method": method, "prompt": prompt}))

    def answer(self):
        return json.loads(self.hear())

    def call(self, method, prompt=False):
        self.send(method, prompt)
        return self.answer()


class Agent(Talker):
    """polkit's agent for a caller; types the password, or closes the dialog when there is none."""

    def __init__(self, caller, password=None):
        words = [] if password is None else [password]
        super().__init__(as_user(caller.user, sys.executable, HERE / "agent.py", caller.pid, *words))
        assert self.hear() == "ready"


class Bus:
    """The distribution's own system bus; it starts polkit and the helper when they are called."""

    def __init__(self, log):
        for name in ("sessions", "seats", "users", "machines"):
            (LOGIND / name).mkdir(parents=True, exist_ok=True)
        SOCKET.parent.mkdir(exist_ok=True)
        with open(log, "ab") as out:
            argv = ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog"]
            self.popen = subprocess.Popen(argv, stdout=out, stderr=out)
        until(5, "the system bus is up", SOCKET.is_socket)

    def close(self):
        self.popen.terminate()
        self.popen.wait()
        SOCKET.unlink(missing_ok=True)


def pids_of(program):
    """Running processes of the program at this path."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe") == str(program):
                pids.append(int(entry.name))
        except OSError:
            pass
    return pids


def end(program):
    """Ends every process of that program in this machine."""
    for pid in pids_of(program):
        os.kill(pid, signal.SIGTERM)
    until(10, f"{program} ends", lambda: not pids_of(program))
