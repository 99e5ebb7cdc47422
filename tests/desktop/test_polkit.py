# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, with the real bus, polkit and PAM, and the helper as it is installed."""

import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
import system
from desktop import until
from system import Agent, Caller, Session, Talker

HELPER = Path("/usr/libexec/wg-autopeer-helper")
POLKITD = Path("/usr/lib/polkit-1/polkitd")
RULES = Path("/etc/polkit-1/rules.d")

CHALLENGE = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"

# Without a password for who sits at the machine, and with an administrator's for all others.
EVERYDAY = ["Activate", "Resync", "GetView", "GetMetrics", "Diagnose", "SetEnabled", "Pause"]

# What a flood of calls may cost others: an answer within a second (security T3), and another for a
# machine that is busy with the flood itself; and two MiB of the helper's memory.
FLOOD_SEC = 2
FLOOD_KIB = 2048

USER, ADMIN, PASSWORD = "alice", "boss", "correct horse"


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    subprocess.run(["systemd-sysusers", "/usr/lib/sysusers.d/wg-autopeer.conf"], check=True)
    subprocess.run(["useradd", "-m", "-G", "sudo", ADMIN], check=True)
    subprocess.run(["chpasswd"], input=f"{ADMIN}:{PASSWORD}\n", text=True, check=True)
    log = tmp_path_factory.mktemp("bus") / "bus.log"
    bus = system.Bus(log)
    yield bus
    for program in (HELPER, POLKITD):
        system.end(program)
    bus.close()
    print(log.read_text())


@pytest.fixture
def session(bus):
    session = Session(USER)
    yield session
    session.close()


@pytest.fixture
def start(session):
    """start(Class, …): makes a process that ends with the test."""
    made = []

    def start_one(kind, *args):
        made.append(kind(*args))
        return made[-1]

    yield start_one
    for one in reversed(made):
        one.close()


@pytest.fixture
def stranger(start):
    """A user who sits elsewhere."""
    return start(Caller, USER)


@pytest.fixture
def sitter(start, session):
    """A user who sits at this machine, with the helper at work."""
    caller = start(Caller, USER, session)
    assert caller.call("Activate")["error"] is None
    return caller


def helper_pid():
    (pid,) = system.pids_of(HELPER)
    return pid


def test_first_call_starts_a_helper_that_is_nobody(sitter):
    status = Path(f"/proc/{helper_pid()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    uid = str(pwd.getpwnam("wg-autopeer").pw_uid)
    assert fields["Uid"].split() == [uid] * 4
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 1 << 12  # CAP_NET_ADMIN
    assert fields["Groups"].split() in ([], [str(pwd.getpwnam("wg-autopeer").pw_gid)])


def test_who_sits_there_needs_no_password(sitter):
    for method in EVERYDAY:
        assert sitter.call(method)["error"] is None, method


def test_who_sits_elsewhere_needs_one_for_everything(sitter, stranger):
    for method in [*EVERYDAY, "SetOption", "Explain"]:
        assert stranger.call(method)["error"] == CHALLENGE, method
    assert stranger.call("Release")["error"] is None


def test_who_was_switched_away_needs_one(sitter, session):
    session.set_state("online")
    for method in ["GetView", "SetEnabled"]:
        answer = until(5, "polkit sees it", lambda: _refused(sitter.call(method)), every=0.3)
        assert answer["error"] == CHALLENGE, method
    session.set_state("active")
    until(5, "polkit sees it", lambda: sitter.call("GetView")["error"] is None, every=0.3)


def _refused(answer):
    return answer if answer["error"] else None


def test_settings_need_a_password_and_keep_it(start, sitter):
    assert sitter.call("SetOption")["error"] == CHALLENGE
    agent = start(Agent, sitter, PASSWORD)
    assert sitter.call("SetOption", prompt=True)["error"] is None
    assert agent.hear().startswith("dialog org.wgautopeer.configure: Um Einstellungen")
    assert agent.hear() == "gained True"
    agent.close()
    assert sitter.call("SetOption")["error"] is None


def test_wrong_password_is_a_no(start, sitter):
    agent = start(Agent, sitter, "wrong battery")
    answer = sitter.call("SetOption", prompt=True)
    assert answer["error"] == DENIED
    assert "not authorised" in answer["message"]
    assert agent.hear().startswith("dialog")
    assert agent.hear() == "gained False"


def test_closed_dialog_is_a_no(start, sitter):
    start(Agent, sitter)
    answer = sitter.call("SetOption", prompt=True)
    assert answer["error"] == DENIED
    assert "dismissed" in answer["message"]


def test_nobody_to_ask_is_a_no(sitter):
    assert sitter.call("SetOption", prompt=True)["error"] in (DENIED, CHALLENGE)


def test_stranger_with_a_password_may(start, sitter, stranger):
    start(Agent, stranger, PASSWORD)
    assert stranger.call("Resync", prompt=True)["error"] is None
    assert stranger.call("Resync")["error"] == CHALLENGE, "asked for each time"


def test_sample_rule_opens_it_for_a_group(sitter, stranger, start):
    rule = RULES / "50-wg-autopeer.rules"
    shutil.copy("/usr/share/doc/wg-autopeer/50-wg-autopeer.rules", rule)
    subprocess.run(["usermod", "-aG", "netdev", USER], check=True)
    try:
        until(5, "polkit reads the rule", lambda: stranger.call("GetView")["error"] is None, every=0.3)
        assert stranger.call("SetEnabled")["error"] is None
        assert stranger.call("SetOption")["error"] == CHALLENGE
    finally:
        subprocess.run(["gpasswd", "-d", USER, "netdev"], check=True)
        rule.unlink()
    until(5, "polkit forgets the rule", lambda: stranger.call("GetView")["error"], every=0.3)


def test_who_leaves_closes_the_dialog(start, sitter, stranger):
    """The agent lives on, so only the helper can have told polkit."""
    agent = start(Agent, stranger, None)
    os.kill(agent.pid, signal.SIGSTOP)
    stranger.send("Resync", prompt=True)
    time.sleep(0.3)
    stranger.close()
    os.kill(agent.pid, signal.SIGCONT)
    assert agent.hear().startswith("dialog")
    assert agent.hear() == "cancelled"
    assert sitter.call("GetView")["error"] is None


def test_polkit_that_hangs_stops_nobody_but_those_it_judges(sitter, stranger):
    (pid,) = system.pids_of(POLKITD)
    os.kill(pid, signal.SIGSTOP)
    try:
        stranger.send("GetView")
        root = subprocess.run(
            ["wg-autopeer", "status", "--json"], stdout=subprocess.PIPE, check=True, timeout=5
        )
        assert b'"schema":1' in root.stdout
    finally:
        os.kill(pid, signal.SIGCONT)
    assert stranger.answer()["error"] == CHALLENGE


def resident_kib(pid):
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line]
    return int(line.split()[1])


def test_flood_of_one_user_leaves_room_for_others(start, sitter):
    before = resident_kib(helper_pid())
    # Nice, so that it is the bus and the helper that are busy, and not the processor.
    argv = ["nice", "-n", "19", sys.executable, system.HERE / "flood.py", 20]
    flood = start(Talker, system.as_user(USER, *argv))
    assert flood.hear() == "shouting"
    seconds = []
    for _ in range(9):
        began = time.monotonic()
        subprocess.run(["wg-autopeer", "status"], stdout=subprocess.DEVNULL, check=True, timeout=20)
        seconds.append(time.monotonic() - began)
        time.sleep(0.2)
    flood.close()
    print("root was served after", *(f"{1000 * sec:.0f}" for sec in seconds), "ms")
    assert statistics.median(seconds) < FLOOD_SEC
    until(10, "the memory is given back", lambda: resident_kib(helper_pid()) - before < FLOOD_KIB, every=0.2)


def run_cli(user, session, *words):
    """The exit code of wg-autopeer as the user, in the session if there is one."""
    argv = system.as_user(user, "wg-autopeer", *words)
    if session:
        shell = f"echo $$ > {session.group}/cgroup.procs && exec \"$@\""
        argv = ["sh", "-c", shell, "sh", *argv]
    return subprocess.run(argv, check=False, timeout=30).returncode


def test_command_line_tells_who_may_by_its_exit_code(sitter, session):
    assert run_cli(USER, session, "status") == 0
    assert run_cli(USER, session, "pause", "1h") == 0
    assert run_cli(USER, session, "resume") == 0
    assert run_cli(USER, session, "diagnose", "--output", "-") == 0
    assert run_cli(USER, None, "status") == 4
    assert run_cli(USER, None, "diagnose", "--output", "-") == 4
    assert run_cli(USER, None, "disable") == 4


def test_command_line_holds_the_helper(bus, session):
    system.end(HELPER)
    assert run_cli(USER, session, "status") == 3, "looking starts nobody"
    shell = f"echo $$ > {session.group}/cgroup.procs && exec \"$@\""
    argv = ["sh", "-c", shell, "sh", *system.as_user(USER, "wg-autopeer", "hold")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as hold:
        assert hold.stdout.readline() == "The helper is at work. Ctrl-C lets it go.\n"
        assert run_cli(USER, session, "status") == 0
        hold.send_signal(signal.SIGINT)
    assert hold.returncode == 0
    assert helper_pid()


def test_second_helper_ends_in_peace(sitter):
    first = helper_pid()
    done = subprocess.run([HELPER, "--on-demand"], stderr=subprocess.PIPE, text=True, timeout=20, check=True)
    assert "another helper is already running" in done.stderr
    assert helper_pid() == first


def test_message_of_a_stranger_starts_no_work(bus, stranger):
    """Everybody can make the bus start a helper. It then does nothing."""
    system.end(HELPER)
    assert stranger.call("Activate")["error"] == CHALLENGE
    state = subprocess.run(
        ["wg-autopeer", "status", "--json"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert '"state":"idle"' in state
