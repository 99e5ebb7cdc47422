# SPDX-License-Identifier: GPL-3.0-or-later
"""What `wg-autopeer diagnose` writes after a path was lost: it tells of it, a program makes the same
decisions from it again, and it gives nobody away."""

import ipaddress
import re
import subprocess

import lab
import pytest
import topology
from lab import until
from scene import Scene

REPLAY = lab.BUILD / "tests/replay-bundle"

# Addresses outside the networks for documentation, which stay as they are.
HUB4 = "9.77.66.55"
PREFIX6 = "2a01:4f8:77:66"

# The longest beginning of a public address that may be told: 16 bits of IPv4, 32 of IPv6.
TOLD_BITS = {4: 16, 6: 32}

NAME = "Bens Geheimrechner"


class Fault:
    """anna after her direct path to ben was cut, with a bundle of hers."""

    def __init__(self, world):
        world.hub.ip(f"addr add {HUB4}/32 dev eth0")
        world.isp.ip(f"route add {HUB4}/32 via {topology.HUB4} dev hub")
        self.scene = scene = Scene(world, prefix6=PREFIX6, outer=HUB4)
        self.anna, self.ben = scene.laptops
        self.anna.tunnel.befriend()
        named = f"[Peer wg0 {self.ben.tunnel.public}]\nName={NAME}\n"
        scene.start(config=named).until_direct()
        stream = self.anna.stream(self.ben.tunnel.ip4)
        until(10, "pings are answered", stream.replies)
        scene.sites[0].isolate(*scene.laptops)
        until(20, "ben is on the hub", lambda: self.anna.helper.peer(self.ben)["state"] == "waiting")
        stream.stop()
        self.bundle = self.anna.helper.cli("diagnose", "--output", "-")

    def keys(self):
        """Private, public and preshared keys of all tunnels and their peers."""
        hosts = (self.scene.world.hub, self.anna.host, self.ben.host)
        dumps = [host.run("wg", "show", "all", "dump") for host in hosts]
        return set(re.findall(r"[A-Za-z0-9+/]{43}=", "".join(dumps)))


@pytest.fixture(scope="module")
def fault():
    with lab.Lab() as the_lab:
        yield Fault(topology.World(the_lab))


def section(bundle, name):
    return bundle.partition(f"\n[{name}]\n")[2].partition("\n\n[")[0]


def replay(tmp_path, bundle):
    path = tmp_path / "bundle.txt"
    path.write_text(bundle, encoding="utf-8")
    return subprocess.run([REPLAY, path], stdout=subprocess.PIPE, text=True, check=False)


def test_a_bundle_tells_what_happened(fault):
    bundle = fault.bundle
    assert bundle.startswith("wg-autopeer bundle 1\n")
    assert re.search(r"^kernel: Linux \S+ \S+$", section(bundle, "about"), re.M)
    assert "LinkKinds=ethernet;wifi;veth" in section(bundle, "policy")
    assert re.search(r"^peer\n(  .*\n)*  state: waiting$", section(bundle, "view"), re.M)
    assert re.search(r"^demoted: [1-9]$", section(bundle, "counters"), re.M)
    assert re.search(r" notice wg0: peer \S+ goes by the hub again: ", section(bundle, "log"))


def test_a_bundle_has_no_key_and_no_public_address(fault):
    keys = fault.keys()
    assert len(keys) >= 3 + 3 + 2
    for key in keys:
        assert key not in fault.bundle
        # Eight characters are told, to tell peers apart.
        assert key[9:40] not in fault.bundle
    assert NAME not in fault.bundle
    for text in set(re.findall(r"[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]+", fault.bundle)):
        assert text not in (HUB4, fault.anna.lan6, fault.ben.lan6)
    for public in (HUB4, fault.anna.lan6, fault.ben.lan6):
        address = ipaddress.ip_address(public)
        assert address.is_global
        told = ipaddress.ip_network((public, TOLD_BITS[address.version] + 16), strict=False)
        assert not [other for other in addresses_of(fault.bundle) if other in told], told


def addresses_of(text):
    """All that reads as an address."""
    found = []
    for word in re.findall(r"[0-9a-fA-F:.]{4,}", text):
        for candidate in (word, word.rpartition(":")[0]):
            try:
                found.append(ipaddress.ip_address(candidate))
            except ValueError:
                continue
    return found


def test_the_same_decisions_come_of_it_again(fault, tmp_path):
    assert re.search(r"^>~verdict .* state=direct reason=proven", section(fault.bundle, "record"), re.M)
    assert re.search(r"^>~verdict .* state=waiting reason=", section(fault.bundle, "record"), re.M)
    done = replay(tmp_path, fault.bundle)
    assert done.returncode == 0, done.stdout
    assert re.match(r"\d+ turns from .*: the same plan each time$", done.stdout.strip())


def test_a_decision_that_comes_out_otherwise_is_shown(fault, tmp_path):
    """As if the helper of that version had decided otherwise than this one does."""
    turns = re.split(r"(?m)^(?=turn )", fault.bundle)
    number = next(i for i, turn in enumerate(turns) if re.search("(?m)^>~verdict .* state=direct", turn))
    line = next(line for line in turns[number].splitlines() if re.match(">~verdict .* state=direct", line))
    turns[number] = turns[number].replace(line, line.replace("state=direct", "state=probing"))
    done = replay(tmp_path, "".join(turns))
    assert done.returncode == 1, done.stdout
    (boot_usec,) = re.match(r"turn boot_usec=(\d+)", turns[number]).groups()
    assert f"(boot clock {boot_usec} us)" in done.stdout
    shown = re.findall(r"(?m)^ *([-+]) verdict .* state=(\w+)", done.stdout)
    assert shown[:2] == [("-", "probing"), ("+", "direct")]


def test_what_is_no_bundle_is_said_to_be_none(tmp_path):
    done = replay(tmp_path, "nothing of ours\n")
    assert done.returncode == 2
