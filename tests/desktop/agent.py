#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.py PID [PASSWORD]: polkit's agent for one process of the same user.

Where a person would see a dialog it types PASSWORD, through polkit's own setuid helper and PAM, or
closes the dialog when it has none. Says a line for each dialog, and one before when it is ready.
"""

import os
import subprocess
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

HELPER = "/usr/lib/polkit-1/polkit-agent-helper-1"
OBJECT = "/org/wgautopeer/test/Agent"
XML = """<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
<method name="BeginAuthentication"><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="a{ss}" direction="in"/><arg type="s" direction="in"/>
<arg type="a(sa{sv})" direction="in"/></method>
<method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>"""
CANCELLED = "org.freedesktop.PolicyKit1.Error.Cancelled"


def start_time(pid):
    """Field 22 of /proc/PID/stat; the name in brackets may hold spaces."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return int(stat.read().rpartition(")")[2].split()[19])


def authenticate(uid, cookie, password):
    """What polkit's library does: cookie and password on standard input; PAM's word is the helper's,
    and polkitd hears it from the helper itself."""
    import pwd

    user = pwd.getpwuid(uid).pw_name
    said = subprocess.run(
        [HELPER, user], input=f"{cookie}\n{password}\n", stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    return "SUCCESS" in said.splitlines()


def on_call(_connection, _sender, _path, _interface, method, arguments, invocation, password):
    if method == "CancelAuthentication":
        print("cancelled", flush=True)
        invocation.return_value(None)
        return

    action, message, _icon, _details, cookie, identities = arguments.unpack()
    print(f"dialog {action}: {message}", flush=True)
    if password is None:
        invocation.return_dbus_error(CANCELLED, "dismissed")
        return
    gained = authenticate(identities[0][1]["uid"], cookie, password)
    print(f"gained {gained}", flush=True)
    invocation.return_value(None)


def main(pid, password=None):
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    info = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
    bus.register_object(OBJECT, info, lambda *a: on_call(*a, password), None, None)
    subject = {
        "pid": GLib.Variant("u", int(pid)),
        "start-time": GLib.Variant("t", start_time(int(pid))),
        "uid": GLib.Variant("i", os.getuid()),
    }
    bus.call_sync(
        "org.freedesktop.PolicyKit1",
        "/org/freedesktop/PolicyKit1/Authority",
        "org.freedesktop.PolicyKit1.Authority",
        "RegisterAuthenticationAgent",
        GLib.Variant("((sa{sv})ss)", (("unix-process", subject), "de_DE.UTF-8", OBJECT)),
        None,
        Gio.DBusCallFlags.NONE,
        5000,
        None,
    )
    print("ready", flush=True)
    GLib.MainLoop().run()


main(*sys.argv[1:])
