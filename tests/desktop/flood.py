#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""flood.py CONNECTIONS: calls the helper over that many connections as fast as the bus takes it."""

import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

# As many a turn as dbus-daemon reads from one connection at once.
BURST = 50


def connect(address):
    flags = Gio.DBusConnectionFlags
    both = flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(address, both, None, None)


def shout(connection):
    for _ in range(BURST):
        connection.call(
            "org.wgautopeer.Autopeer1",
            "/org/wgautopeer/Autopeer1",
            "org.wgautopeer.Autopeer1.Manager",
            "GetView",
            GLib.Variant("(a{sv})", ({},)),
            None,
            Gio.DBusCallFlags.NO_AUTO_START,
            1000,
            None,
            None,
            None,
        )
    connection.flush_sync(None)


def main(n_connections):
    address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM, None)
    connections = [connect(address) for _ in range(int(n_connections))]
    print("shouting", flush=True)
    while True:
        for connection in connections:
            shout(connection)


main(*sys.argv[1:])
