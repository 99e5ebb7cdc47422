# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may peer with whom, by the administrator's file and by the device."""

import contextlib
import json
import os
import pathlib
import re
import signal
import time

import pytest
from server_lab import (  # noqa: F401
    A, B, HUB, LAN, PROGRAM, TUNNEL, element, inside, lab, peers, poll, post, receive, run, serving,
    wait_until, withdraw,
)

APART = "[Group one]\nMembers={a}\n[Group two]\nMembers={b}\n"


class Policy:
    def __init__(self, lab):
        self.lab = lab
        self.path = lab.public / "server.conf"
        self.server = None

    def write(self, text):
        text = text.format(a=self.lab.keys[A].public, b=TUNNEL[B][1])
        self.path.write_text(text)
        self.path.chmod(0o644)

    def reload(self, text):
        """Writes the file, and waits until the server has read it."""
        self.write(text)
        before = self.server.log().count("policy")
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.server.log().count("policy") > before)


@pytest.fixture
def policy(lab):
    policy = Policy(lab)
    policy.write("")
    with serving(lab, "-i", lab.interface[HUB], f"--policy={policy.path}") as policy.server:
        yield policy
        withdraw(lab, A, B)


def test_groups_part_neighbours(lab, policy):
    policy.reload(APART)
    peers(lab, A)
    assert peers(lab, B) == {} == peers(lab, A)
    policy.reload(APART + "With=one\n")
    assert peers(lab, A).keys() == {lab.keys[B].public}
    assert peers(lab, B).keys() == {lab.keys[A].public}


@pytest.mark.parametrize("text", [
    APART,
    "[Server]\nEnabled=no\n",
    "[Others]\nPeer=no\n",
])
def test_other_rules_are_told_to_who_waits(lab, policy, text):
    peers(lab, B, v=2, ttl=600)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        begin = time.monotonic()
        policy.reload(text)
        answer = json.loads(receive(waiting)[2])
        assert time.monotonic() - begin < 1
    assert answer["peers"] == []
    assert answer["gone"] == [{"pubkey": lab.keys[B].public, "why": "policy"}]


def test_nobody_has_to_register_again(lab, policy):
    peers(lab, B, v=2)
    policy.reload(APART)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        policy.reload("")
        peer, = json.loads(receive(waiting)[2])["peers"]
    assert peer["pubkey"] == lab.keys[B].public


@pytest.mark.parametrize("text,named", [
    ("[Group one]\nMembers=anna\n", "'anna'"),
    ("[Server]\nEnabeld=no\n", "Enabeld"),
    ("nonsense", "nonsense"),
])
def test_a_file_with_a_mistake_changes_nothing(lab, policy, text, named):
    policy.reload(APART)
    peers(lab, B)
    policy.reload(text)
    assert re.search(rf"the policy stays as it was: .*{named}", policy.server.log())
    assert peers(lab, A) == {} == peers(lab, B)
    policy.path.unlink()
    policy.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: policy.server.log().count("the policy stays") == 2)
    assert peers(lab, A) == {}


def test_a_server_does_not_start_without_its_policy(lab):
    path = lab.public / "broken.conf"
    for text, named in (("[Group one]\nWith=two\n", "'two'"), (None, "No such file")):
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
            path.chmod(0o644)
        done = inside(HUB, PROGRAM, "-i", lab.interface[HUB], f"--policy={path}", check=False, timeout=5)
        assert done.returncode == 78 and named in done.stderr


def test_a_reload_is_survived_by_both_processes(lab, policy):
    children = policy.server.children()
    for pid in (policy.server.process.pid, *children):
        os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    assert peers(lab, A) is not None
    assert policy.server.children() == children


def test_example_of_the_manual(lab):
    manual = pathlib.Path(__file__).resolve().parents[2] / "resources/man/wg-autopeer-server.conf.5.rst"
    example = re.search(r"(?m)^    # /etc/wg-autopeer/server.conf\n(?:(?:    .*)?\n)+", manual.read_text())[0]
    path = lab.public / "example.conf"
    path.write_text(re.sub(r"(?m)^    ", "", example))
    path.chmod(0o644)
    with serving(lab, "-i", lab.interface[HUB], f"--policy={path}") as server:
        assert "policy: enabled, 3 groups" in server.log()
        # both are in the office
        peers(lab, A)
        assert peers(lab, B).keys() == {lab.keys[A].public}
