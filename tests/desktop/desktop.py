# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's desktop in memory: a screen, a session bus, a panel, and the tray on it.

Needs a throw-away machine around it (`machine`): it makes a user, and installs the build.
"""

import os
import pwd
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gio, GLib  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("AP_BUILD", "build")
SHOTS = BUILD / "screenshots"

USER = "alice"
DISPLAY = ":7"

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"
TRAY_NAME = "org.wgautopeer.Tray"
ITEM_PATH = "/org/ayatana/NotificationItem/wg_autopeer"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"

# Everybody may talk on it: the tests are root's, the session is alice's.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>{type}</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<standard_session_servicedirs/>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow eavesdrop="true"/></policy></busconfig>
"""

PANEL_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{dark}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="30"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/>
        <value type="int" value="2"/></property>
    </property></property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/></property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="known-items" type="array"><value type="string" value="wg-autopeer"/>
      </property></property>
  </property>
</channel>
"""


class TimedOut(AssertionError):
    pass


def until(seconds, what, condition, every=0.01):
    """Waits until `condition()` is true and returns its value; `what` names it in the failure."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"not within {seconds:g} s: {what}")
        time.sleep(every)


def bus_error(error):
    return Gio.DBusError.get_remote_error(error) or ""


class Bus:
    """A message bus of the test's own, and one connection of ours to it."""

    def __init__(self, desktop, kind, path):
        self.address = f"unix:path={path}"
        config = desktop.directory / f"{kind}.conf"
        config.write_text(BUS_CONFIG.format(type=kind, path=path))
        argv = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--nosyslog"]
        self.process = desktop.start(f"{kind}-bus", *argv, user=USER if kind == "session" else None)
        until(10, f"the {kind} bus", lambda: self._connect())

    def _connect(self):
        flags = Gio.DBusConnectionFlags
        # Signals wait here until a test looks for them.
        self.context = GLib.MainContext.get_thread_default() or GLib.MainContext.default()
        try:
            self.connection = Gio.DBusConnection.new_for_address_sync(
                self.address,
                flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION,
                None,
                None,
            )
        except GLib.Error:
            return False
        self.connection.set_exit_on_close(False)
        return True

    def call(self, name, path, interface, method, arguments=None):
        reply = self.connection.call_sync(
            name, path, interface, method, arguments, None, Gio.DBusCallFlags.NO_AUTO_START, 5000
        )
        return reply.unpack()

    def owner(self, name):
        argument = GLib.Variant("(s)", (name,))
        path, bus = "/org/freedesktop/DBus", "org.freedesktop.DBus"
        try:
            return self.call(bus, path, bus, "GetNameOwner", argument)[0]
        except GLib.Error:
            return None

    def get(self, name, path, interface, what):
        argument = GLib.Variant("(ss)", (interface, what))
        properties = "org.freedesktop.DBus.Properties"
        return self.call(name, path, properties, "Get", argument)[0]


class Desktop:
    """Xvfb and two buses for one test. What the person's programs see is set by keywords: language,
    scale, theme; `dark` is the panel's own."""

    def __init__(self, directory, size="900x600", lang="C.UTF-8", **environment):
        self.directory = Path(directory)
        self.directory.chmod(0o755)
        self.processes = {}
        person = pwd.getpwnam(USER)
        # Not below /run: a host of the lab has one of its own.
        self.runtime = self.directory / "runtime"
        self.runtime.mkdir(mode=0o700)
        os.chown(self.runtime, person.pw_uid, person.pw_gid)
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": f"/home/{USER}",
            "USER": USER,
            "LANG": lang,
            "DISPLAY": DISPLAY,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_CURRENT_DESKTOP": "XFCE",
            "GSETTINGS_BACKEND": "memory",
            "GTK_THEME": "Adwaita",
            "NO_AT_BRIDGE": "1",
            "TZ": "UTC",
            **environment,
        }
        argv = ["Xvfb", DISPLAY, "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"]
        argv += ["-fbdir", self.directory]
        self.start("xvfb", *argv, user=None)
        socket = Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}")
        until(10, "the screen", socket.exists)
        until(10, "the X server", lambda: self.run("xdotool", "getdisplaygeometry", check=False))
        self.session = Bus(self, "session", self.runtime / "bus")
        self.system = Bus(self, "system", self.directory / "system-bus")
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.session.address
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.system.address

    # --- programs

    def argv(self, argv, user):
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *argv] if user else argv

    def start(self, name, *argv, user=USER, **environment):
        """Starts a program; its output goes to a file that is shown when the test fails."""
        log = open(self.directory / f"{name}.log", "ab")
        process = subprocess.Popen(
            self.argv(list(map(str, argv)), user),
            env={**self.environment, **environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self.processes[name] = process
        return process

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise TimedOut(f"{name} did not end") from None

    def run(self, *argv, check=True):
        done = subprocess.run(
            self.argv(list(map(str, argv)), USER),
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=check,
        )
        return done.stdout

    def close(self):
        for name in reversed(list(self.processes)):
            try:
                self.stop(name)
            except TimedOut as error:
                print(error, file=sys.stderr)

    def complaints(self):
        """What GTK and GLib found wrong with the tray. The library's own icon for older trays is
        destroyed while it is drawn when a panel comes or goes; that is harmless."""
        known = "gdk_window_thaw_toplevel_updates"
        lines = self.logs().get("tray", "").splitlines()
        return [line for line in lines if "CRITICAL" in line and known not in line]

    def logs(self):
        return {path.stem: path.read_text(errors="replace") for path in self.directory.glob("*.log")}

    # --- what a person sees

    def look(self):
        """What the screen shows. Xvfb keeps it in a file, as xwd(1) would write it."""
        data = (self.directory / "Xvfb_screen0").read_bytes()
        words = struct.unpack(">25I", data[:100])
        width, height, line, n_colours = words[4], words[5], words[12], words[19]
        start = words[0] + n_colours * 12
        assert line == width * 4, "the screen has 32 bits a pixel"
        return Picture(data[start : start + line * height], width, height)

    def shot(self, name):
        """The same, kept in build/screenshots."""
        SHOTS.mkdir(exist_ok=True)
        picture = self.look()
        picture.save(SHOTS / f"{name}.png")
        return picture

    def calm_shot(self, name):
        """A picture of a screen on which nothing moves any more."""
        previous = self.look()

        def calm():
            nonlocal previous
            time.sleep(0.25)
            picture = self.look()
            same = picture.is_same(previous)
            previous = picture
            return same

        until(10, "a screen on which nothing moves", calm)
        return self.shot(name)

    def xdotool(self, *words):
        self.run("xdotool", *words)

    def start_panel(self, dark=False, **environment):
        directory = Path(f"/home/{USER}/.config/xfce4/xfconf/xfce-perchannel-xml")
        directory.mkdir(parents=True, exist_ok=True)
        text = PANEL_CONFIG.format(dark="true" if dark else "false")
        (directory / "xfce4-panel.xml").write_text(text)
        subprocess.run(["chown", "-R", USER, f"/home/{USER}"], check=True)
        self.start("panel", "xfce4-panel", "--disable-wm-check", **environment)
        until(20, "the panel's watcher", lambda: self.session.owner(WATCHER))

    def start_tray(self, *options):
        tray = self.start("tray", "wg-autopeer-tray", *options)
        until(10, "the tray", lambda: self.session.owner(TRAY_NAME) or tray.poll() is not None)
        assert tray.poll() is None, "the tray ended at once"
        return Tray(self)

    def start_helper(self):
        self.start("helper", sys.executable, ROOT / "tests/desktop/fake_helper.py", user=None)
        return Helper(self)


class Picture:
    """What was on a screen, and where."""

    def __init__(self, data, width, height):
        self.width, self.height = width, height
        self._bytes = bytearray(width * height * 3)
        for channel in range(3):
            self._bytes[channel::3] = data[2 - channel :: 4]

    def save(self, path):
        pixels = GdkPixbuf.Pixbuf.new_from_bytes(
            GLib.Bytes.new(bytes(self._bytes)),
            GdkPixbuf.Colorspace.RGB,
            False,
            8,
            self.width,
            self.height,
            self.width * 3,
        )
        pixels.savev(str(path), "png", [], [])

    def at(self, x, y):
        start = (y * self.width + x) * 3
        return tuple(self._bytes[start : start + 3])

    def region(self, left, top, right, bottom):
        return [self.at(x, y) for y in range(top, bottom) for x in range(left, right)]

    def colours(self, *box):
        return set(self.region(*(box or (0, 0, self.width, self.height))))

    def row(self, y, left, right):
        return self._bytes[(y * self.width + left) * 3 : (y * self.width + right) * 3]

    def differences(self, other, left, top, right, bottom):
        """The pixels that are other ones. Most rows are the same, and soon compared."""
        for y in range(top, bottom):
            mine, others = self.row(y, left, right), other.row(y, left, right)
            if mine == others:
                continue
            for x in range(right - left):
                if mine[x * 3 : x * 3 + 3] != others[x * 3 : x * 3 + 3]:
                    yield left + x, y

    def differs(self, other, *box):
        """How many pixels are other ones."""
        box = box or (0, 0, self.width, self.height)
        return sum(1 for _ in self.differences(other, *box))

    def is_same(self, other):
        return self._bytes == other._bytes

    def changed_box(self, other):
        """What of the picture changed: left, top, right, bottom."""
        points = list(self.differences(other, 0, 0, self.width, self.height))
        assert points, "both pictures are the same"
        xs, ys = zip(*points)
        return min(xs), min(ys), max(xs) + 1, max(ys) + 1


class Helper:
    """The fake helper, from outside."""

    NAME, PATH = "org.wgautopeer.Autopeer1", "/org/wgautopeer/Autopeer1"

    def __init__(self, desktop):
        self.bus = desktop.system
        until(10, "the helper", lambda: self.bus.owner(self.NAME))

    def call(self, method, arguments=None):
        return self.bus.call(self.NAME, self.PATH, "org.wgautopeer.Test", method, arguments)

    def show(self, state, peers=(), tunnels=None, **properties):
        """Shows a view; returns the moment in which that was signalled, in µs of CLOCK_MONOTONIC."""
        given = {"Version": "0.1.0", "State": state, "Enabled": True, **properties}
        types = {bool: "b", str: "s", int: "t"}
        special = {"PausedUntil": "x"}
        packed = {
            name: GLib.Variant(special.get(name, types[type(value)]), value)
            for name, value in given.items()
        }
        tunnels = [TUNNEL] if tunnels is None else tunnels
        argument = GLib.Variant("(a{sv}aa{sv}aa{sv})", (packed, tunnels, list(peers)))
        return self.call("Show", argument)[0]

    def refuse(self, *methods):
        self.call("Refuse", GLib.Variant("(as)", (methods,)))

    def calls(self):
        return self.call("TakeCalls")[0]

    def wait_for_call(self, wanted):
        seen = []

        def arrived():
            seen.extend(self.calls())
            return wanted in seen

        until(5, f"{wanted!r} at the helper", arrived)
        return seen


def text(value):
    return GLib.Variant("s", value)


TUNNEL = {
    "interface": text("wg0"),
    "state": text("managed"),
    "reason": text("managed"),
    "server": text("10.9.0.1:80"),
}


WORDS = (ROOT / "helper/core/reason.c").read_text(encoding="utf-8")


def sentence(reason):
    """What the helper says of that reason: what else could be translated?"""
    found = re.search(rf'\{{"{reason}",\s*N_\(((?:\s*"[^"]*")+)\)', WORDS)
    return "".join(re.findall(r'"([^"]*)"', found[1]))


def peer(number, state="waiting", reason="no-handshake", rtt=0, **more):
    return {
        "tunnel": text("wg0"),
        "name": text(more.pop("name", "")),
        "public-key": text(f"{number:04d}" + "k" * 39 + "="),
        "state": text(state),
        "reason": text(reason),
        "reason-text": text(sentence(reason)),
        "advice": text("Nothing needs to be done." if state == "direct" else ""),
        "addresses": GLib.Variant("as", [more.pop("address", f"10.9.0.{number}")]),
        "endpoint": text(f"192.168.1.{number}:51820" if state == "direct" else ""),
        "rtt": GLib.Variant("x", rtt),
    }


def direct(number, **more):
    return peer(number, "direct", "proven", rtt=640, **more)


class Tray:
    """The tray's icon and menu as a panel sees them, over the session bus."""

    def __init__(self, desktop):
        self.desktop, self.bus = desktop, desktop.session
        self.pid = desktop.processes["tray"].pid

    def name(self):
        return self.bus.owner(TRAY_NAME)

    def icon(self):
        return self.bus.get(self.name(), ITEM_PATH, ITEM, "IconName")

    def title(self):
        return self.bus.get(self.name(), ITEM_PATH, ITEM, "Title")

    def wait_for_icon(self, state):
        name = f"org.wgautopeer.Tray-{state}-symbolic"
        until(5, f"the icon {name}", lambda: self._quietly(self.icon) == name)

    def _quietly(self, question):
        try:
            return question()
        except GLib.Error:
            return None

    def is_registered(self):
        """Whether the panel's watcher knows the icon."""
        try:
            items = self.bus.get(WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisteredStatusNotifierItems")
        except GLib.Error:
            return False
        return any(item == f"{self.name()}{ITEM_PATH}" for item in items)

    def layout(self):
        """The menu as a tree of (id, properties, children)."""
        arguments = GLib.Variant("(iias)", (0, -1, []))
        return self.bus.call(self.name(), f"{ITEM_PATH}/Menu", MENU, "GetLayout", arguments)[1]

    def items(self):
        """All items that a person can see, submenus included, as (id, properties)."""
        found = []

        def walk(node):
            for child in node[2]:
                if child[1].get("visible", True):
                    found.append((child[0], child[1]))
                    walk(child)

        walk(self.layout())
        return found

    def labels(self):
        return [item[1]["label"] for item in self.items() if item[1].get("label")]

    def find(self, start):
        """The item whose label begins with `start`."""
        for number, properties in self._quietly(self.items) or []:
            if properties.get("label", "").startswith(start):
                return number, properties
        return None

    def wait_for(self, start):
        return until(5, f"the item {start!r}", lambda: self.find(start))

    def pick(self, start):
        """Picks an item as a panel does."""
        number, _properties = self.wait_for(start)
        arguments = GLib.Variant("(isvu)", (number, "clicked", GLib.Variant("s", ""), 0))
        self.bus.call(self.name(), f"{ITEM_PATH}/Menu", MENU, "Event", arguments)

    def pss_kib(self):
        """What the tray's memory costs, without the pages that others use as well."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise AssertionError("no Pss")

    def wake_ups(self):
        """How often each of its threads was woken so far."""
        counts = {}
        for status in Path(f"/proc/{self.pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    counts[status.parent.name] = int(line.split()[1])
        return counts

    def wake_ups_since(self, before):
        """The same since `before`, of threads that were there then and are there still."""
        counts = self.wake_ups()
        return sum(counts[thread] - before[thread] for thread in before if thread in counts)
