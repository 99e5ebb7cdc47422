# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator may do to a tunnel at any time: his peers stay as he left them, and the
neighbours are direct again afterwards."""

import pytest
import topology
from administrator import Case
from lab import until


@pytest.fixture
def case(world):
    return Case(world)


@pytest.mark.parametrize("how", ["syncconf", "setconf"])
def test_the_saved_configuration_is_loaded(case, how):
    case.anna.host.run("wg", how, "wg0", "/dev/stdin", stdin=case.saved)
    case.goes_on()


def test_the_interface_is_deleted_and_created_again(case):
    case.recreate(pause=1.0)
    case.goes_on()


def test_the_interface_is_recreated_before_anybody_looks(case):
    case.recreate()
    case.goes_on()


def test_the_interface_is_renamed(case):
    case.anna.tunnel.rename("office0")
    case.goes_on()


def test_a_renamed_interface_is_out_of_sight_for_a_moment(case):
    """What the helper added is on the device all the time, and its own when it sees it again."""
    case.anna.tunnel.rename("office0", pause=0.5)
    case.goes_on()


def test_the_interface_gets_another_private_key(case):
    """An address stays with its key for three minutes (security rule A8), in the helper's memory:
    until then it goes by the hub."""
    case.scene.vpn.rekey(case.anna, topology.make_key())
    case.anna.ping(case.scene.vpn.server4, count=1)
    case.before = (case.anna.tunnel.config()[0], *case.before[1:])
    case.anna.until_path(case.ben.tunnel.ip4, "hub", seconds=30)
    case.scene.stays_on_the_hub(seconds=4)
    assert "address-pinned" in case.ben.helper.cli("status", "--json")
    case.ben.helper.stop()
    case.ben.helper.start()
    case.goes_on()


def test_the_interface_listens_on_another_port(case):
    tunnel = case.anna.tunnel
    tunnel.port = 47111
    tunnel.set("listen-port", tunnel.port)
    case.anna.ping(case.scene.vpn.server4, count=1)
    case.before = (tunnel.config()[0], *case.before[1:])
    until(30, "ben's device knows the port", lambda: port_at(case.ben, case.anna) == tunnel.port)
    case.goes_on()


def port_at(laptop, other):
    peer = laptop.tunnel.peers().get(other.tunnel.public, {"endpoint": ""})
    return int(peer["endpoint"].rpartition(":")[2] or 0)


def test_the_interface_goes_down_and_up(case):
    case.anna.tunnel.down()
    topology.sleep(1)
    case.anna.tunnel.up()
    case.goes_on()


def test_a_peer_of_ours_is_removed_by_hand(case):
    case.anna.tunnel.set("peer", case.ben.tunnel.public, "remove")
    case.goes_on()
