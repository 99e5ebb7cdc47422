# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tray tells a person through a real notification daemon."""

import json
import time
from pathlib import Path

from desktop import NOTIFICATIONS, USER, direct, peer, until

SETTINGS = Path(f"/home/{USER}/.config/wg-autopeer/tray.conf")


def start(start_desktop):
    SETTINGS.unlink(missing_ok=True)
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("relayed", [peer(2)])
    desktop.start("dunst", "dunst")
    until(10, "the notification daemon", lambda: desktop.session.owner(NOTIFICATIONS))
    desktop.start_panel()
    tray = desktop.start_tray()
    tray.wait_for("0 of 1")
    return desktop, helper, tray


def displayed(desktop):
    """How many notifications are on the screen."""
    return json.loads(desktop.run("dunstctl", "count", "displayed"))


def history(desktop):
    """What was told and taken away again."""
    data = json.loads(desktop.run("dunstctl", "history"))["data"][0]
    return [(entry["summary"]["data"], entry["body"]["data"]) for entry in data]


def close_and_read(desktop):
    desktop.run("dunstctl", "close-all")
    return until(5, "a notification in the history", lambda: history(desktop))


def test_each_takes_the_place_of_the_one_before(start_desktop):
    desktop, helper, _tray = start(start_desktop)
    empty = desktop.look()
    helper.show("direct", [direct(2)])
    until(5, "a notification", lambda: displayed(desktop) == 1)
    until(5, "it on the screen", lambda: desktop.look().differs(empty) > 500)
    first = desktop.calm_shot("notification")
    helper.show("relayed", [peer(2, reason="silent")])
    until(5, "another one", lambda: desktop.look().differs(first) > 50)
    desktop.calm_shot("notification-lost")
    assert displayed(desktop) == 1
    last = close_and_read(desktop)[0]
    assert last == ("By the hub again", "10.9.0.2: nothing came back on the direct path.")


def test_none_repeats(start_desktop):
    desktop, helper, _tray = start(start_desktop)
    for _round in range(3):
        helper.show("direct", [direct(2)])
        time.sleep(0.4)
        helper.show("relayed", [peer(2, reason="silent")])
        time.sleep(0.4)
    close_and_read(desktop)
    assert len(history(desktop)) == 1


def test_switch_turns_them_off(start_desktop):
    desktop, helper, tray = start(start_desktop)
    tray.pick("Notifications")
    until(5, "the settings", SETTINGS.exists)
    assert "Notifications=false" in SETTINGS.read_text()
    helper.show("direct", [direct(2)])
    tray.wait_for("1 of 1")
    time.sleep(0.5)
    assert displayed(desktop) == 0 and not history(desktop)

    # It is remembered.
    desktop.stop("tray")
    tray = desktop.start_tray()
    tray.wait_for("1 of 1")
    assert tray.find("Notifications")[1]["toggle-state"] == 0


def test_helper_that_stays_away_is_told(start_desktop):
    desktop, helper, _tray = start(start_desktop)
    desktop.stop("helper")
    until(10, "a notification", lambda: displayed(desktop) == 1)
    desktop.shot("notification-helper")
    assert close_and_read(desktop)[0][0] == "The helper is gone"


def test_click_opens_the_window(start_desktop):
    desktop, helper, _tray = start(start_desktop)
    helper.show("direct", [direct(2)])
    until(5, "a notification", lambda: displayed(desktop) == 1)
    before = desktop.look()
    desktop.run("dunstctl", "action", "0")
    until(5, "the window", lambda: desktop.look().differs(before) > 20000)
    desktop.calm_shot("notification-clicked")
