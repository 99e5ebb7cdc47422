# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper keeps one capability, and says what is missing where it has none (mission A11)."""

import subprocess

import pytest
from lab import until
from product import FETCH, HELPER

NET_ADMIN = 1 << 12  # linux/capability.h
NOBODY = 65534
USER = 4242


@pytest.fixture
def host(the_lab):
    host = the_lab.host("anna")
    host.sh("mkdir -m 755 /run/lab; chmod 755 /run")
    return host


def argv(*options):
    where = ["--runtime-dir", "/run/wg-autopeer", "--state-dir", "/run/wg-autopeer-state"]
    return [HELPER, *where, "--fetch", FETCH, *options]


def status_of(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines)


def assert_net_admin_alone(status):
    for name in ("CapPrm", "CapEff"):
        assert int(status[name], 16) == NET_ADMIN
    for name in ("CapInh", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"


def started(host, *command):
    process = host.start("helper", *command)
    until(5, "the helper says that it started", lambda: "started, version" in process.output())
    return process


def test_without_the_capability_it_says_what_is_missing(host):
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    child = host.popen([*nobody, *argv()], stderr=subprocess.PIPE, text=True)
    error = child.communicate(timeout=10)[1]
    assert child.returncode == 77  # EX_NOPERM, sysexits.h
    assert "CAP_NET_ADMIN is missing" in error
    assert "systemctl start wg-autopeer" in error
    assert not host.exists("/run/wg-autopeer")


def test_what_needs_no_privilege_works_without_one(host):
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    assert "LinkKinds=" in host.run(*nobody, *argv("--print-config"))
    assert "version" not in host.run(*nobody, *argv("--version"))


def test_root_that_stays_root_keeps_one_capability(host):
    process = started(host, *argv("--user", "root"))
    status = status_of(process)
    assert_net_admin_alone(status)
    assert int(status["CapBnd"], 16) == NET_ADMIN
    assert status["Uid"].split() == ["0"] * 4
    assert process.stop() == 0


def test_root_becomes_the_system_user(host):
    host.sh(
        f"(cat /etc/passwd; echo 'wg-autopeer:x:{USER}:{USER}::/:/usr/sbin/nologin') >/run/lab/passwd\n"
        "mount --bind /run/lab/passwd /etc/passwd"
    )
    process = started(host, *argv())
    status = status_of(process)
    assert_net_admin_alone(status)
    assert int(status["CapBnd"], 16) == 0
    assert status["Uid"].split() == [str(USER)] * 4
    assert status["Gid"].split() == [str(USER)] * 4
    assert status["Groups"].strip() == ""
    for directory in ("/run/wg-autopeer", "/run/wg-autopeer-state"):
        assert host.run("stat", "-c", "%u %a", directory).split() == [str(USER), "700"]
    assert process.stop() == 0


def test_a_user_with_the_ambient_capability_needs_no_root(host):
    """As systemd starts it."""
    host.sh(f"for d in wg-autopeer wg-autopeer-state; do install -d -m 700 -o {NOBODY} /run/$d; done")
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    process = started(host, *user, "--inh-caps=+net_admin", "--ambient-caps=+net_admin", *argv())
    assert_net_admin_alone(status_of(process))
    assert process.stop() == 0


def test_no_core_file_can_hold_a_key(host):
    process = started(host, *argv("--user", "root"))
    # The kernel gives the files of a process that is not dumpable to root; the process itself,
    # without the right to look at others, is refused.
    refused = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    script = f"cat /proc/{process.pid}/environ"
    with pytest.raises(AssertionError):
        host.run(*refused, "setpriv", "--securebits=+noroot", "sh", "-ec", script)
    assert process.stop() == 0
