# SPDX-License-Identifier: GPL-3.0-or-later
"""The status window: where there is no place for an icon, and for people with many peers."""

import json
import subprocess
import sys
import time
from pathlib import Path

from desktop import ROOT, USER, direct, peer, sentence, until

APPLICATION = "wg-autopeer-tray"
READER = ROOT / "tests/desktop/accessible.py"
SETTINGS = Path(f"/home/{USER}/.config/wg-autopeer/tray.conf")

# As long as a panel is waited for, and a little.
GRACE = 8


class Window:
    """What a screen reader knows of the window."""

    def __init__(self, desktop):
        self.desktop = desktop

    def nodes(self):
        try:
            text = self.desktop.run(sys.executable, READER, APPLICATION).decode()
        except subprocess.CalledProcessError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def showing(self, role=None):
        return [node for node in self.nodes() if "SHOWING" in node[3] and role in (None, node[0])]

    def names(self, role=None):
        return [node[1] for node in self.showing(role)]

    def wait_for(self, name, seconds=5):
        def found():
            return next((node for node in self.showing() if node[1] == name), None)

        return until(seconds, f"{name!r} in the window", found, every=0.1)

    def is_open(self):
        return bool(self.names("frame"))

    def press(self, name):
        self.desktop.run(sys.executable, READER, APPLICATION, "press", name)


def readable_desktop(start_desktop, **options):
    """One with a screen reader's bus."""
    SETTINGS.unlink(missing_ok=True)
    desktop = start_desktop(**options)
    del desktop.environment["NO_AT_BRIDGE"]
    return desktop


def told(window):
    return any(name.startswith("There is no icon") for name in window.names("label"))


def test_window_opens_where_no_icon_can_be(start_desktop):
    desktop = readable_desktop(start_desktop)
    helper = desktop.start_helper()
    helper.show("direct", [direct(2), peer(3)])
    desktop.start_tray("--autostart")
    window = Window(desktop)
    window.wait_for("1 of 2 peers direct", GRACE)
    assert told(window)
    until(5, "the settings", SETTINGS.exists)
    assert "ToldNoIcon=true" in SETTINGS.read_text()
    desktop.calm_shot("no-panel")

    # The reason is said once, and a session that starts the tray again opens nothing.
    desktop.stop("tray")
    desktop.start_tray("--autostart")
    time.sleep(GRACE)
    assert not window.is_open()
    desktop.stop("tray")
    desktop.start_tray()
    window.wait_for("1 of 2 peers direct", GRACE)
    assert not told(window)


def test_second_start_opens_the_window(start_desktop):
    desktop = readable_desktop(start_desktop)
    helper = desktop.start_helper()
    helper.show("direct", [direct(2)])
    desktop.start_panel()
    tray = desktop.start_tray()
    until(10, "the icon on the panel", tray.is_registered)
    window = Window(desktop)
    assert not window.is_open()
    second = desktop.start("second", "wg-autopeer-tray")
    assert second.wait(5) == 0
    window.wait_for("1 of 1 peer direct")
    assert not told(window)


def test_window_can_be_read_and_used_without_eyes(start_desktop):
    desktop = readable_desktop(start_desktop)
    desktop.start("openbox", "openbox")
    helper = desktop.start_helper()
    helper.show("direct", [direct(2), peer(3), peer(4, reason="mtu")])
    desktop.start_panel()
    tray = desktop.start_tray()
    tray.pick("1 of 3")
    window = Window(desktop)
    window.wait_for("1 of 3 peers direct")
    assert window.names("frame") == ["Direct WireGuard paths"]
    assert window.names("table") == ["Peers"]
    assert {"Peer", "Tunnel", "Path", "Round trip", "Why"} <= set(window.names("table column header"))
    for cell in ("10.9.0.2", "wg0", "direct at 192.168.1.2", "0.6 ms", "no answer on the direct path"):
        assert cell in window.names("table cell")
    unnamed = [node for node in window.showing() if "button" in node[0] and not node[1]]
    assert not unnamed

    window.press("Re-sync")
    helper.wait_for_call("Resync")
    window.wait_for("Re-sync – asking…")
    both = direct(2, name="anna"), direct(3, name="printer in the hall")
    helper.show("direct", [*both, peer(4, reason="mtu")], Resyncs=1)
    window.wait_for("2 of 3 peers direct")
    assert any(name.startswith("Re-sync – done at") for name in window.names("push button"))
    assert "anna (10.9.0.2)" in window.names("table cell")
    desktop.calm_shot("window")

    # By keyboard alone: from row to row, and out.
    desktop.xdotool("key", "--delay", 50, "Down", "Down")
    until(5, "the reason of the third", lambda: sentence("mtu") in window.names())
    desktop.xdotool("key", "Escape")
    until(5, "the window to close", lambda: not window.is_open())
    assert desktop.processes["tray"].poll() is None


def test_copied_address_can_be_pasted(start_desktop):
    desktop = readable_desktop(start_desktop)
    desktop.start("openbox", "openbox")
    helper = desktop.start_helper()
    helper.show("direct", [direct(2), peer(3)])
    desktop.start_panel()
    tray = desktop.start_tray()
    tray.wait_for("1 of 2")
    tray.pick("10.9.0.3")
    # The first item of that name is the peer's, and shows the window with it selected.
    window = Window(desktop)
    window.wait_for("1 of 2 peers direct")
    until(5, "the address", lambda: window.press("Copy address") is None and pasted(desktop) == "10.9.0.3")


def pasted(desktop):
    paste = "import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gtk, Gdk; " \
        "print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text())"
    return desktop.run(sys.executable, "-c", paste).decode().strip()


def test_all_of_many_peers_are_shown(start_desktop):
    desktop = readable_desktop(start_desktop)
    desktop.start("openbox", "openbox")
    helper = desktop.start_helper()
    helper.show("direct", [direct(n) for n in range(1, 41)])
    desktop.start_panel()
    tray = desktop.start_tray()
    tray.pick("Show all 40…")
    window = Window(desktop)
    window.wait_for("40 of 40 peers direct")
    cells = [node[1] for node in window.nodes() if node[0] == "table cell"]
    assert "10.9.0.40" in cells
    desktop.calm_shot("window-many")
