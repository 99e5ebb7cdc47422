# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents tell people to type about services, on a machine that systemd boots: a hub by
wireguard-go, with the helper beside the server."""

import sys

import pytest
from booted import Booted
from desktop import ROOT

sys.path.append(str(ROOT / "tests/docs"))

from snippets import name_of, of_kind  # noqa: E402

# What others build on: the tunnel, and the right to read it.
FIRST = ("wg-quick@", "server-userspace.conf")


def order(snippet):
    return [word not in snippet.text for word in FIRST], snippet.path.name != "hub.md", snippet.line


def key_of(machine):
    private = machine.run("wg", "genkey").strip()
    return private, machine.run("wg", "pubkey", stdin=private).strip()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = Booted(tmp_path_factory.mktemp("boot") / "machine")
    try:
        (hub,) = of_kind("wg-quick", "hub")
        text = hub.text.replace("HUB_PRIVATE_KEY", key_of(machine)[0])
        for name in ("ANNA", "BEN"):
            text = text.replace(f"{name}_PUBLIC_KEY", key_of(machine)[1])
        machine.run("sh", "-ec", "umask 077; mkdir -p /etc/wireguard; cat >/etc/wireguard/wg0.conf", stdin=text)
        yield machine
    finally:
        print(machine.run("journalctl", "--quiet", "--no-pager", "--lines=100", check=False))
        machine.close()


@pytest.mark.parametrize("snippet", sorted(of_kind("machine"), key=order), ids=name_of)
def test_typed_by_an_administrator(machine, snippet):
    machine.run("bash", "-exc", 'cd /root; sudo() { "$@"; }\n' + snippet.text)


def test_everything_is_at_work_afterwards(machine):
    for unit in ("wg-quick@wg0", "wg-autopeer-server", "wg-autopeer"):
        assert machine.show(unit, "ActiveState") == "active", unit
    assert "10.9.0.1:80" in machine.show("wg-autopeer-server", "StatusText")
    assert [tunnel["interface"] for tunnel in machine.status()["tunnels"]] == ["wg0"]
