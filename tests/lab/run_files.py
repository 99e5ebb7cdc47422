# SPDX-License-Identifier: GPL-3.0-or-later
"""run_files.py PREFIX FILE…: runs test files, two at a time, since most of a scenario is waiting.

A file that is named without its folder is one of this folder. The results of test_x.py go to PREFIX-test_x.junit.xml; what a file prints is shown when it ends.
"""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
N_AT_ONCE = 2


def junit_of(prefix, name):
    return Path(f"{prefix}-{Path(name).stem}.junit.xml")


def run_file(prefix, name):
    start = time.monotonic()
    # The lab's first process takes everything with it when it is killed.
    argv = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "pytest", "-q", "-rs"]
    done = subprocess.run(
        [*argv, f"--junitxml={junit_of(prefix, name)}", Path(name).name],
        cwd=(HERE / name).parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    last = re.sub(r"=+|in [\d.]+s.*", "", done.stdout.rstrip().rpartition("\n")[2]).strip()
    text = f"{Path(name).name}: {last} ({time.monotonic() - start:.0f} s)"
    if done.returncode != 0:
        text = f"{done.stdout}\n{text}"
    print(text, flush=True)
    return done.returncode


def main(prefix, names):
    # The longest first, as far as size tells: then both workers end at about the same time.
    names = sorted(names, key=lambda name: -(HERE / name).stat().st_size)
    with ThreadPoolExecutor(N_AT_ONCE) as workers:
        statuses = list(workers.map(lambda name: run_file(prefix, name), names))
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
