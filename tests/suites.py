# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the tree, runs suites of tests and adds up what they say. Started by tests/run."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLAIN = ROOT / "build"
ASAN = ROOT / "build-asan"
WERROR = "true" if os.environ.get("CI") == "true" else "false"

# Where distributions install.
USUAL = ["-Dprefix=/usr", "-Dsysconfdir=/etc"]

LOGS = PLAIN / "meson-logs"
RUN_FILES = ROOT / "tests/lab/run_files.py"

# The scenarios that are about the device; those of HTTP, of netlink's events and of what is
# refused before any device sees it are the same on every backend.
KERNEL_FILES = [
    "test_direct.py",
    "test_never_worse.py",
    "test_coming_and_going.py",
    "test_leaves_nothing.py",
    "test_plain_server.py",
    "test_administrator.py",
    "test_promises.py",
    "test_kill.py",
    "test_gossip.py",
]

# Those that are about what only the kernel's WireGuard can do.
KERNEL_ONLY_FILES = ["test_networkmanager_tunnel.py"]

# Under emulation everything takes so much longer than outside (design: with-kernel).
KERNEL_SLOW = 12


# Given with --all: what takes hours is done, too.
ALL = "--all" in sys.argv[1:]


class Failure(Exception):
    """A suite or a build that could not even be run."""


def run(argv, env=None, timeout=None):
    """Runs a program with our output. It is told to end with the time limit, and when we end,
    however that comes about."""
    argv = ["setpriv", "--pdeathsig", "TERM", *map(str, argv)]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **(env or {})}) as child:
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.terminate()
            raise Failure(f"{argv[3]}: not done after {timeout} s") from None
        except BaseException:
            child.terminate()
            raise


def installed_as_usual(directory):
    """Whether the build goes where polkit and systemd look, which they do nowhere else."""
    text = (directory / "meson-info/intro-buildoptions.json").read_text(encoding="utf-8")
    values = {option["name"]: option["value"] for option in json.loads(text)}
    return all(f"-D{name}={values[name]}" in USUAL for name in ("prefix", "sysconfdir"))


def build(directory, *options):
    """Configures and builds once a call of this program, however many suites need it. What the
    tools say is shown when they fail."""
    if directory in build.done:
        return
    start = time.monotonic()
    print(f"building {directory.name}/ …", end=" ", flush=True)
    options = [f"-Dwerror={WERROR}", *USUAL, *options]
    if not (directory / "build.ninja").exists():
        build_step(["meson", "setup", directory, *options])
    elif not installed_as_usual(directory):
        build_step(["meson", "configure", directory, *USUAL])
    build_step(["ninja", "-C", directory])
    build.done.add(directory)
    print(f"{time.monotonic() - start:.0f} s", flush=True)


def build_step(argv):
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(argv, cwd=ROOT, check=False, **pipe)
    if done.returncode != 0:
        print("\n" + done.stdout)
        raise Failure(f"{argv[0]}: status {done.returncode}")


build.done = set()


def plain():
    build(PLAIN)


def build_or_exit():
    """For programs that only need the plain build."""
    try:
        plain()
    except Failure as failure:
        sys.exit(str(failure))
    finally:
        give_back()


def asan():
    build(ASAN, "-Db_sanitize=address,undefined")


def meson_test(directory, suite, base=None):
    base = base or suite
    junit = directory / "meson-logs" / f"{base}.junit.xml"
    junit.unlink(missing_ok=True)
    argv = ["meson", "test", "-C", directory, "--suite", suite, "--no-rebuild"]
    argv += ["--logbase", base, "--print-errorlogs", "--num-processes", "2"]
    return run(argv, timeout=1800), [junit]


def style():
    plain()
    return meson_test(PLAIN, "style")


def unit():
    asan()
    return meson_test(ASAN, "unit")


def contract():
    asan()
    return meson_test(ASAN, "contract")


def sim():
    """The machines in memory; with --all many more of them, without the sanitizers' cost."""
    asan()
    status, junits = meson_test(ASAN, "sim")
    if ALL:
        plain()
        simulate = PLAIN / "tests/sim/simulate"
        argv = [simulate, "--seed", "101", "--seeds", "3000", "--nodes", "4", "--shrink"]
        status = run(argv) or status
    return status, junits


def forget_results(prefix):
    LOGS.mkdir(parents=True, exist_ok=True)
    for junit in LOGS.glob(f"{prefix}-*.junit.xml"):
        junit.unlink()


def lab():
    plain()
    forget_results("lab")
    names = sorted(path.name for path in (ROOT / "tests/lab").glob("test_*.py"))
    names = [name for name in names if name not in KERNEL_ONLY_FILES]
    status = run([sys.executable, RUN_FILES, LOGS / "lab", *names], timeout=1800)
    return status, [LOGS / f"lab-{Path(name).stem}.junit.xml" for name in names]


def with_tray():
    """The plain build may be older than the packages that the tray needs."""
    plain()
    if not (PLAIN / "tray/wg-autopeer-tray").exists():
        build_step(["meson", "setup", "--reconfigure", PLAIN, "-Dtray=enabled"])
        build_step(["ninja", "-C", PLAIN])


def desktop():
    with_tray()
    forget_results("desktop")
    paths = sorted((ROOT / "tests/desktop").glob("test_*.py"))
    status = run([sys.executable, RUN_FILES, LOGS / "desktop", *paths], timeout=1800)
    return status, [LOGS / f"desktop-{path.stem}.junit.xml" for path in paths]


def package():
    """Builds what it needs by itself, as a distribution does."""
    forget_results("package")
    path = ROOT / "tests/package/test_packages.py"
    status = run([sys.executable, RUN_FILES, LOGS / "package", path], timeout=1800)
    return status, [LOGS / f"package-{path.stem}.junit.xml"]


def kernel():
    plain()
    forget_results("kernel")
    env = {
        "LAB_BACKEND": "kernel",
        "LAB_SLOW": str(KERNEL_SLOW),
        "WITH_KERNEL_TIMEOUT": "3600",
        "WITH_KERNEL_WRITABLE": str(ROOT),
    }
    with_kernel, in_kernel = (ROOT / "tests/lab" / name for name in ("with-kernel", "in-kernel"))
    names = [*KERNEL_FILES, *KERNEL_ONLY_FILES]
    results = {name: LOGS / f"kernel-{Path(name).stem}.junit.xml" for name in names}
    status = run([with_kernel, in_kernel, LOGS, "kernel", *names], env=env)
    left = [name for name in names if not results[name].exists()]
    if left:
        print(f"== kernel: the machine stopped, and is started again for: {' '.join(left)}", flush=True)
        status = run([with_kernel, in_kernel, LOGS, "kernel", *left], env=env)
    return status, [LOGS / "kernel-contract.junit.xml", *results.values()]


SUITES = {
    suite.__name__: suite
    for suite in (style, unit, contract, sim, lab, desktop, package, kernel)
}


def allowed_skips():
    """The lines "SUITE REGEX REASON" of tests/allowed-skips."""
    lines = (ROOT / "tests/allowed-skips").read_text(encoding="utf-8").splitlines()
    fields = [line.split(None, 2) for line in lines if line.strip() and not line.startswith("#")]
    return [(suite, re.compile(pattern)) for suite, pattern, _ in fields]


class Sum:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.complaints = []

    def fail(self, what):
        self.failed += 1
        self.complaints.append(what)

    def add(self, suite, junit):
        """Counts the cases in a JUnit file."""
        cases = list(xml.parse(junit).iter("testcase")) if junit.exists() else []
        for case in cases:
            self._add_case(suite, f"{case.get('classname')}: {case.get('name')}", case)
        if not cases:
            self.fail(f"{suite}: no test ran ({junit.name})")

    def check(self, suite, status):
        if status != 0 and self.failed == 0:
            self.fail(f"{suite}: status {status}, though no case failed")

    def _add_case(self, suite, name, case):
        if case.find("failure") is not None or case.find("error") is not None:
            self.fail(f"{suite}: {name}")
        elif case.find("skipped") is None:
            self.passed += 1
        elif any(suite == s and pattern.search(name) for s, pattern in allowed_skips()):
            self.skipped += 1
        else:
            self.fail(f"{suite}: {name}: skipped, and not listed in tests/allowed-skips")

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def give_back():
    """Under sudo: what we built belongs to the caller, as the tree does."""
    if "SUDO_UID" not in os.environ:
        return
    owner = f"{os.environ['SUDO_UID']}:{os.environ['SUDO_GID']}"
    subprocess.run(["chown", "-R", owner, *(d for d in (PLAIN, ASAN) if d.exists())], check=False)


def run_suite(name, total):
    print(f"== {name}", flush=True)
    start = time.monotonic()
    own = Sum()
    try:
        status, junits = SUITES[name]()
        for junit in junits:
            own.add(name, junit)
        # A run that failed has at least one failure.
        own.check(name, status)
    except Failure as failure:
        own.fail(f"{name}: {failure}")
    print(f"== {name}: {own} ({time.monotonic() - start:.0f} s)", flush=True)
    total.passed += own.passed
    total.failed += own.failed
    total.skipped += own.skipped
    total.complaints += own.complaints


def main(argv):
    argv = [argument for argument in argv if argument != "--all"]
    if argv == ["--list"]:
        print(*SUITES, sep="\n")
        return 0
    unknown = [name for name in argv if name not in SUITES]
    if unknown:
        print(f"no such suite: {' '.join(unknown)}; --list shows them", file=sys.stderr)
        return 2
    if shutil.which("meson") is None:
        print("meson is missing: run tests/run, not this file", file=sys.stderr)
        return 2

    total = Sum()
    try:
        for name in argv or SUITES:
            run_suite(name, total)
    finally:
        give_back()
    for complaint in total.complaints:
        print(f"FAILED {complaint}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
