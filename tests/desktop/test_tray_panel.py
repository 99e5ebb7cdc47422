# SPDX-License-Identifier: GPL-3.0-or-later
"""The tray on a real panel: what a person sees of it and does with it."""

import subprocess
import time

import pytest
from desktop import TimedOut, direct, peer, until

PANEL_HEIGHT = 30

ON_THE_WAY = [direct(2), direct(3, name="anna"), peer(4, "probing", "probing"), peer(5), peer(6, reason="mtu")]

# A panel that knows only the older kind of tray.
TINT2_CONFIG = """rounded = 0
background_color = #eeeeee 100
panel_items = FS
panel_size = 100% 30
panel_position = top center horizontal
panel_background_id = 1
systray_icon_size = 22
"""

STATES = ["off", "no-tunnel", "relayed", "working", "direct", "problem"]


def on_panel(desktop, helper, **options):
    """The tray on a panel, two of five peers direct."""
    helper.show("direct", ON_THE_WAY)
    desktop.start_panel(**options)
    tray = desktop.start_tray()
    until(10, "the icon on the panel", tray.is_registered)
    tray.wait_for_icon("direct")
    until(10, "the icon on the screen", lambda: ink_columns(desktop.look()))
    return tray


def ink_columns(picture):
    """Where on the right half of the panel something stands."""
    background = picture.at(2, PANEL_HEIGHT // 2)
    rows = range(2, PANEL_HEIGHT * picture.width // 900 - 2)
    columns = range(picture.width // 2, picture.width)
    return [x for x in columns if any(picture.at(x, y) != background for y in rows)]


def icon_box(picture):
    """Where the icon is: the only thing on the panel that is not background."""
    columns = ink_columns(picture)
    assert columns, "there is an icon"
    return min(columns), 0, max(columns) + 1, PANEL_HEIGHT * picture.width // 900


def luminance(colour):
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def contrast(picture, box):
    """The distance of the icon's ink from what it stands on."""
    values = [luminance(colour) for colour in picture.region(*box)]
    return max(values) - min(values)


def open_menu(desktop, name):
    """Opens the icon's menu; returns pictures before and after, and where the menu is."""
    before = desktop.calm_shot(name)
    box = icon_box(before)
    desktop.xdotool("mousemove", (box[0] + box[2]) // 2, (box[1] + box[3]) // 2)

    def opened():
        # The panel does nothing on a click while it has not got the menu yet.
        desktop.xdotool("click", 1)
        try:
            return until(1, "", lambda: desktop.look().differs(before) > 5000, every=0.1)
        except TimedOut:
            return False

    until(10, "the menu", opened)
    after = desktop.calm_shot(name)
    left, _top, right, bottom = after.changed_box(before)
    return before, after, (left, box[3] + 1, right, bottom)


def selectable(tray):
    """The labels that the keyboard passes in the menu itself, from top to bottom."""
    labels = []
    for _number, properties, _children in tray.layout()[2]:
        if properties.get("visible", True) and properties.get("type") != "separator":
            labels.append(properties["label"])
    return labels


def test_icon_shows_each_state(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper)
    pictures = {}
    for state in STATES:
        helper.show(state, [direct(2)] if state == "direct" else [peer(2)])
        tray.wait_for_icon(state)
        pictures[state] = desktop.calm_shot(f"icon-{state}")

    for state, picture in pictures.items():
        box = icon_box(picture)
        assert box[0] > picture.width - 60, "the icon is at the end of the panel"
        assert contrast(picture, box) > 100, f"{state} can hardly be seen"
        for other in STATES[: STATES.index(state)]:
            # Shapes differ, not shades: a tenth of the icon's square at least.
            assert picture.differs(pictures[other], *box) > 25, f"{state} looks like {other}"


def test_menu_by_mouse(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper)
    _before, after, box = open_menu(desktop, "menu-mouse")
    assert after.colours(*box) != after.colours(0, 0, 100, PANEL_HEIGHT)
    assert box[3] - box[1] > 20 * len(selectable(tray)), "every item has its line"

    # The last line says "Quit".
    process = desktop.processes["tray"]
    desktop.xdotool("mousemove", box[0] + 40, box[3] - 16, "sleep", 0.2, "click", 1)
    assert until(5, "the tray to end", lambda: process.poll() is not None)
    assert process.returncode == 0


def test_menu_by_keyboard(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper)
    open_menu(desktop, "menu-keyboard")
    steps = selectable(tray).index("Re-sync") + 1
    desktop.xdotool("key", "--delay", 40, *["Down"] * steps)
    desktop.calm_shot("menu-keyboard")
    desktop.xdotool("key", "Return")
    helper.wait_for_call("Resync")
    tray.wait_for("Re-sync – asking")
    tray.wait_for_icon("working")
    helper.show("direct", ON_THE_WAY, Resyncs=1)
    tray.wait_for("Re-sync – done at ")
    tray.wait_for_icon("direct")


def test_open_menu_changes_in_place(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    on_panel(desktop, helper)
    _before, first, box = open_menu(desktop, "menu-open")
    helper.show("direct", [direct(2), direct(3), direct(4), peer(5), peer(6, reason="mtu")])
    until(5, "other lines in the menu", lambda: desktop.look().differs(first, *box) > 50)
    second = desktop.calm_shot("menu-open-changed")
    # The menu is where it was: its last line says the same.
    left, _top, right, bottom = box
    assert second.differs(first, left + 20, bottom - 25, right - 2, bottom) == 0

    helper.show("direct", [direct(2), direct(3), direct(4)])
    until(5, "fewer lines", lambda: desktop.look().differs(second, *box) > 50)
    desktop.calm_shot("menu-open-shorter")
    desktop.xdotool("key", "Escape")


def test_panel_restarts(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper)
    desktop.stop("panel")
    until(5, "no watcher", lambda: not tray.is_registered())
    desktop.start_panel()
    until(10, "the icon on the next panel", tray.is_registered)
    until(10, "the icon on the screen", lambda: ink_columns(desktop.look()))
    picture = desktop.calm_shot("panel-restarted")
    assert contrast(picture, icon_box(picture)) > 100
    helper.show("relayed", [peer(2)])
    tray.wait_for_icon("relayed")
    assert desktop.calm_shot("panel-restarted-changed").differs(picture, *icon_box(picture)) > 25


def test_panel_comes_late(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", ON_THE_WAY)
    tray = desktop.start_tray()
    empty = desktop.look()
    time.sleep(1)
    desktop.start_panel()
    until(10, "the icon on the panel", tray.is_registered)
    until(10, "the icon on the screen", lambda: ink_columns(desktop.look()))
    picture = desktop.calm_shot("panel-late")
    assert contrast(picture, icon_box(picture)) > 100
    # Beneath the panel nothing opened.
    below = (0, PANEL_HEIGHT + 2, picture.width, picture.height)
    assert picture.differs(empty, *below) == 0


def test_older_tray_is_a_place_for_the_icon(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", ON_THE_WAY)
    config = desktop.directory / "tint2rc"
    config.write_text(TINT2_CONFIG)
    desktop.start("openbox", "openbox")
    desktop.start("tint2", "tint2", "-c", config)
    until(10, "the older panel", lambda: "systray started" in desktop.logs()["tint2"])
    empty = desktop.calm_shot("xembed")
    desktop.start_tray()
    until(5, "the icon", lambda: desktop.look().differs(empty) > 10)
    # As long as a panel would be waited for, and no window opens.
    time.sleep(6)
    picture = desktop.calm_shot("xembed")
    left, top, right, bottom = picture.changed_box(empty)
    assert right - left <= 64 and bottom - top <= 64


LOOKS = {
    "light": {},
    "dark": {"GTK_THEME": "Adwaita:dark"},
    "high-contrast": {"GTK_THEME": "HighContrast"},
    "high-contrast-inverse": {"GTK_THEME": "HighContrastInverse"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_looks(start_desktop, look):
    desktop = start_desktop(**LOOKS[look])
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper, dark=look == "dark")
    _before, after, box = open_menu(desktop, f"look-{look}")
    background = luminance(after.at(2, PANEL_HEIGHT // 2))
    assert (background < 128) == (look in ("dark", "high-contrast-inverse"))
    assert contrast(after, icon_box(after)) > 100
    assert contrast(after, box) > 150
    assert "2 of 5 peers direct" in tray.labels()


def test_double_scale(start_desktop):
    desktop = start_desktop(size="1800x1200", GDK_SCALE="2")
    helper = desktop.start_helper()
    on_panel(desktop, helper)
    _before, after, box = open_menu(desktop, "look-2x")
    left, _top, right, _bottom = icon_box(after)
    assert right - left > 30, "the icon is twice as large"
    assert contrast(after, icon_box(after)) > 100
    assert box[3] - box[1] > 500, "so is the menu"


@pytest.fixture(scope="session")
def german(installed):
    """A locale that a machine without Germans does not have."""
    argv = ["localedef", "-i", "de_DE", "-f", "UTF-8", "de_DE.UTF-8"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return "de_DE.UTF-8"


def test_german(start_desktop, german):
    desktop = start_desktop(lang=german)
    helper = desktop.start_helper()
    tray = on_panel(desktop, helper)
    assert tray.labels() == [
        "2 von 5 Gegenstellen direkt",
        "10.9.0.2 – direkt bei 192.168.1.2, 0,6 ms",
        "anna – direkt bei 192.168.1.3, 0,6 ms",
        "10.9.0.4 – über den Hub: der direkte Weg wird versucht",
        "10.9.0.5 – über den Hub: keine Antwort auf dem direkten Weg",
        "10.9.0.6 – über den Hub: große Pakete gehen auf dem direkten Weg verloren",
        "Eingeschaltet",
        "Neu abgleichen",
        "Anhalten",
        "In diesem Netz",
        "Für 1 Stunde",
        "Bis ich fortsetze",
        "Adresse kopieren",
        "10.9.0.2",
        "anna (10.9.0.3)",
        "10.9.0.4",
        "10.9.0.5",
        "10.9.0.6",
        "Benachrichtigungen",
        "Info",
        "Beenden",
    ]
    open_menu(desktop, "german-menu")
    desktop.xdotool("key", "Escape")
    tray.pick("2 von 5")
    desktop.calm_shot("german-window")
