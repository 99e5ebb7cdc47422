#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that calls the helper, for as long as its standard input is open.

Reads lines of JSON {"method", "prompt"} and answers each with {"error", "message", "ms"}; says its
name on the bus first.
"""

import json
import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.wgautopeer.Autopeer1", "/org/wgautopeer/Autopeer1"
INTERFACE = "org.wgautopeer.Autopeer1.Manager"

# With these nothing comes of a call that one would have to undo.
ARGUMENTS = {
    "SetEnabled": ("(ba{sv})", (True, {})),
    "Pause": ("(sta{sv})", ("time", 0, {})),
    "SetOption": ("(sva{sv})", ("Peers.MaxPeers", GLib.Variant("s", ""), {})),
    "Explain": ("(sa{sv})", ("10.9.0.12", {})),
}


def call(connection, method, prompt):
    flags = Gio.DBusCallFlags.NONE if method == "Activate" else Gio.DBusCallFlags.NO_AUTO_START
    if prompt:
        flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
    arguments = GLib.Variant(*ARGUMENTS.get(method, ("(a{sv})", ({},))))
    start = time.monotonic()
    answer = {"error": None, "message": None}
    try:
        connection.call_sync(NAME, PATH, INTERFACE, method, arguments, None, flags, 60000, None)
    except GLib.Error as error:
        answer["error"] = Gio.DBusError.get_remote_error(error) or "none"
        answer["message"] = error.message
    return {**answer, "ms": (time.monotonic() - start) * 1000}


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    print(json.dumps(bus.get_unique_name()), flush=True)
    for line in sys.stdin:
        print(json.dumps(call(bus, **json.loads(line))), flush=True)


main()
