# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the tree, and C without its comments and strings, for the checks."""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*patterns):
    """All files of the tree with one of these name patterns, as paths relative to its root; what
    is built or hidden is left out."""
    for directory, names, found in os.walk(ROOT):
        at_root = Path(directory) == ROOT
        names[:] = sorted(
            n
            for n in names
            if n != "__pycache__"
            and (not n.startswith(".") or n == ".ci")
            and not (at_root and n.startswith("build"))
        )
        for name in sorted(found):
            path = Path(directory, name).relative_to(ROOT)
            if any(path.match(pattern) for pattern in patterns):
                yield path


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code(text):
    """The same text with comments and strings blanked, line for line."""

    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]

    return _TOKEN.sub(blank, text)


def is_test(path):
    return path.parts[0] == "tests"


class Report:
    def __init__(self):
        self.n = 0

    def add(self, path, line, rule):
        self.n += 1
        print(f"{path}:{line}: {rule}")

    def exit(self):
        sys.exit(1 if self.n else 0)
