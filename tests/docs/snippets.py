# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the blocks of code in the documents, each with the mark that says how it is tried."""

import re
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

KINDS = set(
    """shell file wg-quick nft helper.conf server.conf server-options request answer link-local demo
    machine tests none""".split()
)

# `kind` is empty for a block without a mark.
Snippet = namedtuple("Snippet", "path line kind words text")

_MARKDOWN_MARK = re.compile(r"<!-- test: (\S+) ?(.*?) ?-->$")
_MANUAL_MARK = re.compile(r"\.\. test: (\S+) ?(.*)$")


def documents():
    """Paths relative to the root of what people read to use the programs."""
    paths = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    paths += sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "resources/man").glob("*.rst"))
    return [path.relative_to(ROOT) for path in paths]


def indented(lines, start):
    """The number of the line after the indented block that begins at `start`."""
    end = start
    while end < len(lines) and (not lines[end] or lines[end].startswith("    ")):
        end += 1
    while not lines[end - 1]:
        end -= 1
    return end


def markdown_blocks(lines):
    """(number of the first line, mark or None, lines) of each block."""
    mark, i = None, 0
    while i < len(lines):
        line = lines[i]
        if found := _MARKDOWN_MARK.match(line):
            mark = found
        elif line.startswith("```"):
            end = lines.index("```", i + 1)
            yield i + 1, mark, lines[i + 1 : end]
            mark, i = None, end
        elif line.startswith("    ") and not lines[i - 1]:
            end = indented(lines, i)
            yield i, mark, [text[4:] for text in lines[i:end]]
            mark, i = None, end - 1
        elif line:
            mark = None
        i += 1


def manual_blocks(lines):
    mark, i = None, 0
    while i < len(lines):
        line = lines[i]
        if found := _MANUAL_MARK.match(line):
            mark = found
        elif line.endswith("::"):
            start = i + 2
            end = indented(lines, start)
            yield start, mark, [text[4:] for text in lines[start:end]]
            mark, i = None, end - 1
        elif line:
            mark = None
        i += 1


def snippets(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    blocks = manual_blocks(lines) if path.suffix == ".rst" else markdown_blocks(lines)
    for number, mark, text in blocks:
        kind, words = (mark[1], mark[2]) if mark else ("", "")
        yield Snippet(path, number + 1, kind, words, "\n".join(text) + "\n")


def of_kind(kind, words=None):
    """All blocks of one kind, with these words if they are given; there is at least one."""
    found = [
        snippet
        for path in documents()
        for snippet in snippets(path)
        if snippet.kind == kind and words in (None, snippet.words)
    ]
    assert found, f"no block is marked {kind} {words or ''}"
    return found


def name_of(snippet):
    """For pytest's ids."""
    return f"{snippet.path.name}:{snippet.line}"
