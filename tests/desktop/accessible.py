#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""accessible.py APPLICATION          what a screen reader finds in its windows, as JSON lines
accessible.py APPLICATION PRESS NAME  presses the button of that name

A line is [role, name, description, [state…]].
"""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

STATES = ["FOCUSED", "SENSITIVE", "SHOWING", "SELECTED", "CHECKED"]


def application(name):
    desktop = Atspi.get_desktop(0)
    for number in range(desktop.get_child_count()):
        child = desktop.get_child_at_index(number)
        if child is not None and child.get_name() == name:
            return child
    sys.exit(f"{name} is not there")


def walk(node):
    yield node
    for number in range(node.get_child_count()):
        child = node.get_child_at_index(number)
        if child is not None:
            yield from walk(child)


def describe(node):
    has = node.get_state_set().contains
    states = [state for state in STATES if has(getattr(Atspi.StateType, state))]
    return [node.get_role_name(), node.get_name(), node.get_description(), states]


def press(node, name):
    for found in walk(node):
        if found.get_role_name() == "push button" and found.get_name() == name:
            found.get_action_iface().do_action(0)
            return
    sys.exit(f"no button {name}")


def main(name, *words):
    root = application(name)
    if words:
        press(root, words[1])
        return
    for node in walk(root):
        print(json.dumps(describe(node)))


main(*sys.argv[1:])
