# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a system bus and a real NetworkManager of its own, and sites to plug it into."""

import lab
from product import start_bus
from topology import BRIDGE

# A short carrier wait: with the 5 s of the default, each unplugging would take that long.
_CONF = """[main]
plugins=keyfile
no-auto-default=*
dns=none
rc-manager=unmanaged
auth-polkit=false
[connectivity]
enabled=false
[device]
carrier-wait-timeout=300
"""

# The directories that are compiled into NetworkManager, and that it writes to.
_HIDE = """
for i in /var/lib/NetworkManager /etc/NetworkManager; do
    mkdir -p $i && mount -t tmpfs tmpfs $i
done
mkdir -p /etc/NetworkManager/system-connections
"""


class NetworkManager:
    """The daemon on a host; `start` may be called again after `kill`."""

    def __init__(self, host):
        self.host = host
        host.sh(_HIDE)
        host.write("/run/nm.conf", _CONF)
        self.bus = start_bus(host)
        self.process = None

    def _try(self, *argv):
        try:
            self.host.run(*argv)
        except AssertionError:
            return False
        return True

    def start(self):
        argv = ["NetworkManager", "--no-daemon", "--config=/run/nm.conf", "--log-level=INFO"]
        self.process = self.host.start("nm", *argv)
        lab.until(20, "NetworkManager", lambda: self._try("nmcli", "-t", "general", "status"))

    def kill(self):
        self.process.kill()

    def cli(self, *argv):
        return self.host.run("nmcli", "-t", *argv)

    def add(self, name, ifname, *settings):
        self.cli(
            *("connection", "add", "type", "ethernet", "con-name", name, "ifname", ifname),
            *settings,
        )


class Site:
    """A LAN with a router that hands out addresses: 198.51.NET.50 and up by 198.51.NET.1."""

    def __init__(self, the_lab, name, net):
        self.host = the_lab.host(name)
        self.router = f"198.51.{net}.1"
        self.host.ip(
            f"link add br0 {BRIDGE} forward_delay 0",
            f"address add {self.router}/24 dev br0",
            "link set br0 up",
        )
        self.host.start(
            "dhcp",
            *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=br0"),
            *("--bind-interfaces", "--dhcp-authoritative", "--leasefile-ro", "--no-ping"),
            f"--dhcp-range=198.51.{net}.50,198.51.{net}.99,255.255.255.0,2m",
            f"--dhcp-option=option:dns-server,198.51.{net}.53",
        )


class Cable:
    """A network card of a host, and a plug that can be in a site, or in nothing."""

    def __init__(self, the_lab, host, ifname):
        self.nowhere = the_lab.hosts.get("nowhere") or the_lab.host("nowhere")
        self.plug_name = f"{ifname}-plug"
        the_lab.cable(host, ifname, self.nowhere, self.plug_name)
        self.at = self.nowhere

    def _move(self, host):
        # The carrier goes with the plug: an end that moves is down.
        self.at.run("ip", "link", "set", self.plug_name, "netns", host.pid)
        self.at = host

    def unplug(self):
        self._move(self.nowhere)

    def plug(self, site):
        if self.at is not self.nowhere:
            self.unplug()
        self._move(site.host)
        site.host.run("ip", "link", "set", self.plug_name, "master", "br0", "up")
