# SPDX-License-Identifier: GPL-3.0-or-later
"""The tray's menu over D-Bus, as panels use it; its life with the helper; what it costs."""

import time

from desktop import MENU, TUNNEL, Gio, direct, peer, text, until

# Limits of the design, in KiB.
MAX_PSS, MAX_PSS_WITH_WINDOW = 14 * 1024, 20 * 1024

# From the helper's signal to the changed item on the bus, in µs.
MAX_CHANGE_USEC = 50_000


def with_panel(desktop):
    desktop.start_panel()
    tray = desktop.start_tray()
    until(10, "the icon on the panel", tray.is_registered)
    return tray


def test_menu_asks_the_helper(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(2)])
    tray = with_panel(desktop)
    helper.wait_for_call("Activate")
    for label, call in (
        ("Enabled", "SetEnabled False"),
        ("Re-sync", "Resync"),
        ("On this network", "Pause network 0"),
        ("For 1 hour", "Pause time 3600"),
        ("Until I resume", "Pause resume 0"),
    ):
        tray.pick(label)
        helper.wait_for_call(call)

    helper.show("off", [peer(2)], Enabled=False)
    tray.wait_for("Switched off")
    tray.pick("Enabled")
    helper.wait_for_call("SetEnabled True")
    helper.show("paused", [peer(2)], PauseScope="resume")
    tray.wait_for("Paused: everything")
    assert tray.find("Pause ") is None
    tray.pick("Resume")
    helper.wait_for_call("Pause time 0")


def test_check_marks_show_how_things_are(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("relayed", [peer(2)])
    tray = with_panel(desktop)
    tray.wait_for("0 of 1")
    assert tray.find("Enabled")[1]["toggle-state"] == 1
    helper.refuse("SetEnabled")
    tray.pick("Enabled")
    tray.wait_for("You are not allowed to do that")
    assert tray.find("Enabled")[1]["toggle-state"] == 1
    helper.show("off", [peer(2)], Enabled=False)
    until(5, "no mark", lambda: tray.find("Enabled")[1]["toggle-state"] == 0)


def test_many_peers(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(n) for n in range(1, 151)] + [peer(n) for n in range(151, 251)])
    tray = with_panel(desktop)
    tray.wait_for("150 of 250 peers direct")
    assert tray.find("Show all 250…")
    lines = [label for label in tray.labels() if " – direct" in label]
    assert lines[0].startswith("10.9.0.1 ") and len(lines) == 12


def test_text_of_others_is_shown_as_it_is(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    strange = "a_b <i>x</i> & __c \u202e"
    tunnel = {**TUNNEL, "interface": text("wg_office_1"), "last-error": text("no answer")}
    helper.show("problem", [peer(2, address=strange)], [tunnel])
    tray = with_panel(desktop)
    # Two underscores are one that is shown.
    tray.wait_for("wg__office__1: the server 10.9.0.1:80 failed: no answer")
    tray.wait_for("a__b <i>x</i> & ____c \\u{202E} – by the hub")


def test_helper_goes_and_comes_back(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(2)])
    tray = with_panel(desktop)
    tray.wait_for("1 of 1 peer direct")
    desktop.stop("helper")
    tray.wait_for("The helper is not running")
    tray.wait_for_icon("off")
    assert not tray.find("Re-sync")[1].get("enabled", True)
    assert tray.find("Start")

    helper = desktop.start_helper()
    helper.show("relayed", [peer(2)])
    tray.wait_for("0 of 1 peer")
    tray.wait_for_icon("relayed")
    helper.wait_for_call("Activate")


def test_no_helper_and_no_right_to_start_one(start_desktop):
    desktop = start_desktop()
    tray = with_panel(desktop)
    tray.wait_for("The helper is not running")
    helper = desktop.start_helper()
    helper.refuse("GetView", "Activate")
    helper.show("direct", [direct(2)])
    tray.wait_for("You are not allowed to see the peers")
    tray.wait_for_icon("problem")
    helper.refuse()
    tray.pick("Try again")
    tray.wait_for("1 of 1 peer direct")
    assert "Activate" in helper.calls()


def test_quit_leaves_the_bus(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(2)])
    tray = with_panel(desktop)
    helper.wait_for_call("Activate")
    process = desktop.processes["tray"]
    tray.pick("Quit")
    # Who leaves the bus gives the helper back.
    until(5, "the tray to end", lambda: process.poll() is not None)
    assert process.returncode == 0
    assert tray.name() is None


def test_there_is_one_tray_in_a_session(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(2)])
    tray = with_panel(desktop)
    second = desktop.start("second", "wg-autopeer-tray", "--autostart")
    assert second.wait(5) == 0
    assert tray.name() and desktop.processes["tray"].poll() is None


def test_change_is_quick(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("relayed", [peer(2)])
    tray = with_panel(desktop)
    tray.wait_for("0 of 1")
    seen = []
    desktop.session.connection.signal_subscribe(
        tray.name(),
        MENU,
        "ItemsPropertiesUpdated",
        None,
        None,
        Gio.DBusSignalFlags.NONE,
        lambda *arguments: seen.append((time.monotonic_ns() // 1000, arguments[5].unpack())),
    )
    context = desktop.session.context

    def change(peers, wanted):
        # Apart from each other, as changes in the field are: two at once are shown as one.
        time.sleep(0.4)
        while context.iteration(False):
            pass
        seen.clear()
        start = helper.show("direct", peers)

        def arrived():
            context.iteration(False)
            for moment, (updated, _removed) in seen:
                for _number, properties in updated:
                    if properties.get("label") == wanted:
                        return moment
            return None

        return until(5, wanted, arrived, every=0.001) - start

    times = sorted(
        change([direct(2), peer(3)] if n % 2 else [direct(2), direct(3)], f"{2 - n % 2} of 2 peers direct")
        for n in range(15)
    )
    median = times[len(times) // 2]
    print(f"changed item after {median / 1000:.1f} ms (worst {times[-1] / 1000:.1f} ms)")
    assert median <= MAX_CHANGE_USEC


def test_memory_and_wake_ups(start_desktop):
    desktop = start_desktop()
    helper = desktop.start_helper()
    helper.show("direct", [direct(2), peer(3), peer(4)])
    tray = with_panel(desktop)
    tray.wait_for("1 of 3")
    time.sleep(2)
    pss = tray.pss_kib()
    before = tray.wake_ups()
    time.sleep(10)
    woken = tray.wake_ups_since(before)
    tray.pick("1 of 3")
    time.sleep(1)
    with_window = tray.pss_kib()
    print(f"PSS {pss / 1024:.1f} MiB, with the window {with_window / 1024:.1f} MiB, {woken} wake-ups")
    assert woken == 0
    assert pss <= MAX_PSS
    assert with_window <= MAX_PSS_WITH_WINDOW
