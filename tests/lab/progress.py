# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps with their time: live on a terminal, one plain line each anywhere else."""

import sys
import threading
import time
from contextlib import contextmanager

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@contextmanager
def step(text):
    """Shows `text` while the block runs, then with a mark and the seconds it took.

    The block may append to the list that it gets: it is shown behind the text.
    """
    notes, done = [], threading.Event()
    start = time.monotonic()
    spinner = threading.Thread(target=_spin, args=(text, done))
    if sys.stdout.isatty():
        spinner.start()
    mark = "✘"
    try:
        yield notes
        mark = "✔"
    finally:
        done.set()
        if sys.stdout.isatty():
            spinner.join()
            print("\r\033[K", end="")
        line = " ".join([text, *notes])
        print(f"{mark} {line} ({time.monotonic() - start:.1f} s)", flush=True)


def _spin(text, done):
    frame = 0
    while not done.wait(0.1):
        print(f"\r\033[K{_FRAMES[frame % len(_FRAMES)]} {text}", end="", flush=True)
        frame += 1


def table(rows):
    """A small table of two columns; the second is aligned to the right."""
    left = max(len(name) for name, _ in rows)
    right = max(len(value) for _, value in rows)
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in rows)
