# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reference peer sees of its machine, and what it does to its WireGuard device."""

import base64
import fnmatch
import ipaddress
import json
import subprocess
import time
from typing import NamedTuple

# How long a session lasts at most, in seconds: 120 until the next handshake, 5 for its answer,
# 10 of keepalive, 0.334 of jitter, 30 of slack.
HANDSHAKE_VALIDITY = 165.334


class DevicePeer(NamedTuple):
    endpoint: tuple  # of address and port; None
    allowed: frozenset  # of networks
    handshake: int  # seconds since 1970; 0

    @property
    def is_healthy(self):
        return self.endpoint is not None and time.time() - self.handshake < HANDSHAKE_VALIDITY

    @property
    def is_router(self):
        """It routes a network. One of all addresses does not count."""
        return any(is_global(n.network_address) and n.prefixlen < n.max_prefixlen for n in self.allowed)


def is_global(address):
    """Global unicast as Go has it: private addresses are."""
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address == ipaddress.IPv4Address("255.255.255.255")
    )


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr}")
    return done.stdout


class Device:
    """One WireGuard interface, by wg and ip."""

    def __init__(self, ifname):
        self.ifname = ifname
        self.read()

    def read(self):
        first, *lines = run("wg", "show", self.ifname, "dump").splitlines()
        private, public, port, _ = first.split("\t")
        self.private, self.public = base64.b64decode(private), base64.b64decode(public)
        self.port = int(port)
        self.peers = dict(map(_read_peer, lines))
        self.links = {
            link["ifname"]: [
                ipaddress.ip_interface(f"{a['local']}/{a['prefixlen']}") for a in link["addr_info"] if "local" in a
            ]
            for link in json.loads(run("ip", "-json", "addr"))
            if "UP" in link["flags"]
        }

    def set_peer(self, key, endpoint, allowed):
        """Sets what is not None; the list of allowed networks is replaced."""
        argv = ["wg", "set", self.ifname, "peer", base64.b64encode(key).decode()]
        if endpoint is not None:
            argv += ["endpoint", "[{}]:{}".format(*endpoint)]
        if allowed is not None:
            argv += ["allowed-ips", ",".join(map(str, allowed))]
        self._change(argv)

    def remove_peer(self, key):
        self._change(["wg", "set", self.ifname, "peer", base64.b64encode(key).decode(), "remove"])

    def _change(self, argv):
        print(f"{time.monotonic():.1f}:", *argv, flush=True)
        run(*argv)

    def add_address(self, address):
        run("ip", "addr", "replace", f"{address}/64", "dev", self.ifname, "nodad")

    def own_addresses(self):
        """Those of the device that count, with their networks."""
        return [a for a in self.links.get(self.ifname, []) if is_global(a.ip)]

    def lan_addresses(self, report, hide):
        """Where others may reach this machine; the arguments are lists of patterns of names."""
        names = [
            name
            for name in self.links
            if name != self.ifname
            and (not report or any(fnmatch.fnmatch(name, pattern) for pattern in report))
            and not any(fnmatch.fnmatch(name, pattern) for pattern in hide)
        ]
        return [a.ip for name in names for a in self.links[name] if is_global(a.ip)]

    def is_in_tunnel(self, address):
        """Whether packets to that address would go through the tunnel itself."""
        inside = {name for name, own in self.links.items() if any(address in a.network for a in own)}
        return inside == {self.ifname}


def _read_peer(line):
    key, _, endpoint, allowed, handshake, *_ = line.split("\t")
    host, _, port = endpoint.rpartition(":")
    return base64.b64decode(key), DevicePeer(
        (ipaddress.ip_address(host.strip("[]")), int(port)) if port else None,
        frozenset(ipaddress.ip_network(a) for a in allowed.split(",") if a != "(none)"),
        int(handshake),
    )
