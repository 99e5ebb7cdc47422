# SPDX-License-Identifier: GPL-3.0-or-later
"""A tunnel that NetworkManager makes itself, which it can only where the kernel has WireGuard."""

import pytest
import topology
from administrator import Case
from lab import until
from network_manager import NetworkManager
from product import Helper
from scene import Scene

_PROFILE = """[connection]
id=office
type=wireguard
interface-name=wg0
autoconnect=false
[wireguard]
private-key={private}
listen-port={port}
[wireguard-peer.{hub}]
endpoint={endpoint}
allowed-ips=10.9.0.0/24;fd09:9::/64;
persistent-keepalive=25
[ipv4]
method=manual
address1={ip4}/24
[ipv6]
method=manual
address1={ip6}/64
"""


class NetworkManagerCase(Case):
    """anna's administrator is NetworkManager."""

    def __init__(self, world):
        self.scene = Scene(world)
        self.anna, self.ben = self.scene.laptops
        tunnel = self.anna.tunnel
        private = self.anna.host.run("wg", "show", "wg0", "private-key").strip()
        tunnel.delete()
        self.nm = NetworkManager(self.anna.host)
        self.nm.start()
        profile = _PROFILE.format(
            private=private,
            port=tunnel.port,
            hub=self.scene.vpn.tunnel.public,
            endpoint=f"{topology.HUB4}:{self.scene.vpn.tunnel.port}",
            ip4=tunnel.ip4,
            ip6=tunnel.ip6,
        )
        # The folder is the host's own only for programs that are started there.
        path = "/etc/NetworkManager/system-connections/office.nmconnection"
        self.anna.host.sh(f"umask 077; cat >{path}", stdin=profile)
        self.nm.cli("connection", "load", path)
        self.nm.cli("connection", "up", "office")
        until(10, "the hub answers", lambda: self.anna.ping(self.scene.vpn.server4, count=1))
        self.before = tunnel.config()
        # The bus is there already.
        self.scene.server.start()
        for laptop in self.scene.laptops:
            laptop.helper = Helper(laptop, bus=laptop is self.ben).start()
        self.scene.until_direct(seconds=20)


@pytest.fixture
def case(world):
    return NetworkManagerCase(world)


def test_the_connection_is_activated_again(case):
    case.nm.cli("connection", "up", "office")
    case.goes_on()


def test_the_device_is_reapplied(case):
    case.nm.cli("device", "reapply", "wg0")
    case.goes_on()


def test_the_connection_goes_down_and_up(case):
    case.nm.cli("connection", "down", "office")
    topology.sleep(1)
    case.nm.cli("connection", "up", "office")
    case.goes_on()
