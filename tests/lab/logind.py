# SPDX-License-Identifier: GPL-3.0-or-later
"""A logind that a test can let sleep: python-dbusmock's, on the host's own bus."""

from lab import until

_NAME, _PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"


class Logind:
    def __init__(self, host):
        self.host = host
        self.process = None

    def start(self):
        argv = ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "logind"]
        self.process = self.host.start("logind", *argv)
        until(10, "logind answers", lambda: self._call(f"{_MANAGER}.ListInhibitors", check=False))
        return self

    def kill(self):
        self.process.kill()

    def _call(self, method, *args, check=True):
        argv = ["gdbus", "call", "--system", "-d", _NAME, "-o", _PATH, "-m", method, *args]
        return self.host.run(*argv, check=check)

    def holds_back(self):
        """Whether somebody delays the sleep, as logind would see it."""
        return "'sleep', 'wg-autopeer'" in self._call(f"{_MANAGER}.ListInhibitors")

    def until_held(self, held=True, seconds=5):
        until(seconds, f"held back: {held}", lambda: self.holds_back() == held, every=0.05)

    def prepare_for_sleep(self, asleep):
        value = f"[<{str(asleep).lower()}>]"
        self._call("org.freedesktop.DBus.Mock.EmitSignal", _MANAGER, "PrepareForSleep", "b", value)
