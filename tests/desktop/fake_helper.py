#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper that shows what a test wants and remembers what it was asked for.

It speaks the shipped XML on the system bus of its environment. The test drives it through the
interface org.wgautopeer.Test on the same object.
"""

import sys
import time
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
XML = ROOT / "resources/org.wgautopeer.Autopeer1.xml"
NAME, PATH = "org.wgautopeer.Autopeer1", "/org/wgautopeer/Autopeer1"
MANAGER, TEST = "org.wgautopeer.Autopeer1.Manager", "org.wgautopeer.Test"

TEST_XML = """
<node><interface name="org.wgautopeer.Test">
  <method name="Show">
    <arg type="a{sv}" direction="in"/><arg type="aa{sv}" direction="in"/>
    <arg type="aa{sv}" direction="in"/><arg type="x" direction="out"/>
  </method>
  <method name="Refuse"><arg type="as" direction="in"/></method>
  <method name="TakeCalls"><arg type="as" direction="out"/></method>
</interface></node>
"""

DENIED = "org.freedesktop.DBus.Error.AccessDenied"


class FakeHelper:
    def __init__(self, connection):
        self.connection = connection
        self.serial = 0
        self.properties = {}
        self.tunnels = GLib.Variant("aa{sv}", [])
        self.peers = GLib.Variant("aa{sv}", [])
        self.refused = set()
        self.calls = []
        self.manager = None
        for xml, name in ((XML.read_text(encoding="utf-8"), MANAGER), (TEST_XML, TEST)):
            info = Gio.DBusNodeInfo.new_for_xml(xml).lookup_interface(name)
            self.manager = self.manager or info
            connection.register_object(PATH, info, self.on_call, self.on_get, None)

    def on_get(self, _connection, _sender, _path, _interface, name):
        nothing = {"s": "", "b": True, "x": 0, "t": 0, "u": 0}
        if name in self.properties:
            return self.properties[name]
        signature = self.manager.lookup_property(name).signature
        return GLib.Variant(signature, nothing[signature])

    def on_call(self, _connection, sender, _path, interface, method, arguments, invocation):
        if interface == TEST:
            invocation.return_value(getattr(self, method)(arguments))
        elif method in self.refused:
            self.calls.append(f"{method} refused")
            invocation.return_dbus_error(DENIED, "the test says so")
        elif method == "GetView":
            both = (self.tunnels, self.peers)
            reply = GLib.Variant.new_tuple(GLib.Variant("t", self.serial), *both)
            invocation.return_value(reply)
        else:
            self.calls.append(" ".join([method, *map(str, arguments.unpack()[:-1])]))
            invocation.return_value(None)

    def Show(self, arguments):
        self.properties = {
            name: arguments.get_child_value(0).lookup_value(name, None)
            for name in arguments.get_child_value(0).unpack()
        }
        self.tunnels, self.peers = arguments.get_child_value(1), arguments.get_child_value(2)
        self.serial += 1
        changed = GLib.Variant("(t)", (self.serial,))
        moment = time.monotonic_ns() // 1000
        self.connection.emit_signal(None, PATH, MANAGER, "Changed", changed)
        return GLib.Variant("(x)", (moment,))

    def Refuse(self, arguments):
        self.refused = set(arguments.unpack()[0])

    def TakeCalls(self, _arguments):
        calls, self.calls = self.calls, []
        return GLib.Variant("(as)", (calls,))


def main():
    connection = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    helper = FakeHelper(connection)
    flags = Gio.BusNameOwnerFlags.NONE
    loop = GLib.MainLoop()
    Gio.bus_own_name_on_connection(connection, NAME, flags, None, lambda *_: loop.quit())
    loop.run()
    return helper


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
