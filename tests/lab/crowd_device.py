# SPDX-License-Identifier: GPL-3.0-or-later
"""A WireGuard device for one helper, with a hub that gossips and a crowd that speaks BFD behind it.

    crowd_device.py --members 1000 --near 100 --lan 192.168.77 --report FILE

It is a TUN device and WireGuard's control socket, without the cryptography: what a helper reads,
sets, says and hears is all there, and a hundred real laptops are not needed. The near ones answer
each packet of BFD at once, as often as they are spoken to, so that they cost the helper what real
ones do. From SIGUSR1 on the hub tells of all members. The file says how many of them are direct.
"""

import argparse
import fcntl
import hashlib
import ipaddress
import os
import selectors
import signal
import socket
import struct
import time
from pathlib import Path

import gossip_codec as codec
from nacl import bindings

IFNAME, HUB_NET = "wg0", "10.9.0.0/16"
BFD_PORT, GOSSIP_PORT = 3784, 51821

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_UDP, _HOP_LIMIT, _BFD_LEN = 17, 255, 24
_DOWN, _INIT, _UP = 1, 2, 3

# How old a session may become, in seconds.
_REKEY = 120

# Seconds: what the hub says holds, and is said again after a bit less than half of that, one packet
# after the other.
_TTL, _AGAIN, _PING, _PACE = 255, 122, 30, 0.02


class Peer:
    def __init__(self, key):
        self.key = key
        self.endpoint, self.keepalive = None, 0
        self.allowed = []
        self.rx = self.tx = 0
        self.handshake = 0.0


class Device:
    """What is set and read by the control socket."""

    def __init__(self, private, hub):
        self.private = private
        self.peers = {hub: Peer(hub)}
        self.peers[hub].endpoint, self.peers[hub].keepalive = "203.0.113.1:51820", 25
        self.peers[hub].allowed = [HUB_NET]
        self.peers[hub].handshake = time.time()

    def answer(self, request):
        operation, *lines = request.strip().split("\n")
        text = self._show() if operation == "get=1" else self._set(line.split("=", 1) for line in lines)
        return f"{text}errno=0\n\n".encode()

    def _show(self):
        lines = [f"private_key={self.private.hex()}", "listen_port=51820"]
        for peer in self.peers.values():
            lines.append(f"public_key={peer.key.hex()}")
            if peer.endpoint:
                lines.append(f"endpoint={peer.endpoint}")
            sec, nsec = divmod(int(peer.handshake * 1e9), 10**9)
            lines += [f"last_handshake_time_sec={sec}", f"last_handshake_time_nsec={nsec}"]
            lines += [f"tx_bytes={peer.tx}", f"rx_bytes={peer.rx}"]
            lines.append(f"persistent_keepalive_interval={peer.keepalive}")
            lines += [f"allowed_ip={allowed}" for allowed in peer.allowed]
        return "\n".join(lines) + "\n"

    def _set(self, pairs):
        peer = None
        for name, value in pairs:
            if name == "public_key":
                key = bytes.fromhex(value)
                peer = self.peers.setdefault(key, Peer(key))
            elif name == "remove":
                self.peers.pop(peer.key)
            elif name == "endpoint":
                peer.endpoint = value
            elif name == "persistent_keepalive_interval":
                peer.keepalive = int(value)
            elif name == "replace_allowed_ips":
                peer.allowed = []
            elif name == "allowed_ip":
                for other in self.peers.values():
                    other.allowed = [allowed for allowed in other.allowed if allowed != value]
                peer.allowed.append(value)
        return ""

    def n_direct(self):
        return sum(any(a.startswith("10.9.") and a.endswith("/32") for a in p.allowed) for p in self.peers.values())


class Member:
    """One of the crowd: those that are near have an endpoint on the LAN, and speak BFD."""

    def __init__(self, number, near):
        self.key = bindings.crypto_scalarmult_base(hashlib.sha256(f"member {number}".encode()).digest())
        self.address = ipaddress.IPv4Network((f"10.9.{1 + number // 200}.{1 + number % 200}", 32))
        lan = (near[number], 40000) if number < len(near) else (f"192.0.2.{1 + number % 200}", 40000 + number % 9999)
        items = codec.pack_metadata({"n": f"member-{number}".encode(), "b": b"\0"})
        self.facts = [
            codec.Fact(codec.MEMBER, self.key, items, _TTL),
            codec.Fact(codec.ALLOWED[4], self.key, codec.prefix_value(self.address), _TTL),
            codec.Fact(codec.ENDPOINTS[4], self.key, codec.endpoint_value(*lan), _TTL),
        ]


class Crowd:
    def __init__(self, options):
        self.report = Path(options.report)
        self.private = os.urandom(32)
        self.own = bindings.crypto_scalarmult_base(self.private)
        hub = hashlib.sha256(b"hub").digest()
        self.hub = bindings.crypto_scalarmult_base(hub)
        self.secret = codec.shared_secret(hub, self.own)
        self.boot_id = os.urandom(16)
        near = [f"{options.lan}.{100 + i}" for i in range(options.near)]
        self.members = [Member(number, near) for number in range(options.members)]
        self.hosts = {_packed(member.key): member.key for member in self.members[: options.near]}
        self.device = Device(self.private, self.hub)
        self.states = {}
        self.outbox, self.telling, self.n_direct = [], False, 0
        self.sent = self.said = self.told = 0.0
        self.tun, self.server = _open_tun(), _open_socket()

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.tun, selectors.EVENT_READ, self._hear)
        selector.register(self.server, selectors.EVENT_READ, self._serve)
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, "telling", True))
        while True:
            for key, _ in selector.select(_PACE if self.outbox else 1):
                key.data()
            self._speak(time.monotonic())
            self._report()

    def _report(self):
        n_direct = self.device.n_direct()
        if n_direct != self.n_direct:
            self.n_direct = n_direct
            self.report.write_text(f"{n_direct}\n", encoding="ascii")

    def _serve(self):
        connection, _ = self.server.accept()
        connection.settimeout(5)
        with connection:
            request = b""
            while not request.endswith(b"\n\n"):
                more = connection.recv(65536)
                if not more:
                    return
                request += more
            connection.sendall(self.device.answer(request.decode()))

    def _hear(self):
        packet = os.read(self.tun, 65536)
        if packet[0] >> 4 != 6 or packet[6] != _UDP:
            return
        source, target, (port,) = packet[8:24], packet[24:40], struct.unpack_from("!H", packet, 42)
        key = self.hosts.get(target)
        peer = self.device.peers.get(key if key else self.hub if target == _packed(self.hub) else None)
        if peer is None:
            return
        peer.tx += _sealed(len(packet))
        if time.time() - peer.handshake > _REKEY:
            peer.handshake = time.time()
        if port == BFD_PORT and key and peer.endpoint:
            self._answer(peer, packet[48:], source)

    def _answer(self, peer, packet, target):
        """A session of RFC 5880 that speaks when it is spoken to."""
        state, flags, length = packet[1] >> 6, packet[1] & 0x3F, len(packet)
        if flags & 0x10:  # Final
            return
        before = self.states.get(peer.key, _DOWN)
        padded = length > 1000
        if state == _DOWN:
            after = _INIT if padded else _DOWN
        elif state == _INIT:
            after = _UP if padded or before == _UP else before
        else:
            after = state if state != _UP or before in (_INIT, _UP) else _DOWN
        self.states[peer.key] = after
        final = 0x10 if flags & 0x20 else 0
        discriminators = struct.pack("!I", int.from_bytes(peer.key[:4], "big") | 1) + packet[4:8]
        # It wants packets as often as the helper does.
        timers = struct.pack("!III", 300_000, struct.unpack_from("!I", packet, 16)[0], 0)
        head = bytes([0x20, after << 6 | final, 3, _BFD_LEN]) + discriminators + timers
        self._send(peer, _packed(peer.key), target, 49152, BFD_PORT, head.ljust(length, b"\0"))

    def _speak(self, now):
        """What the hub says: that it lives, and who else is there."""
        alive = codec.Fact(codec.ALIVE, self.hub, self.boot_id, _TTL)
        if self.telling and not self.outbox and now - self.told >= _AGAIN:
            self.told = now
            self.outbox = codec.group([fact for member in self.members for fact in member.facts])
        if self.outbox:
            if now - self.sent >= _PACE:
                self.sent = now
                self._gossip(self.outbox.pop(0))
        elif now - self.said >= _PING:
            self.said = now
            self._gossip(codec.write_fact(alive))

    def _gossip(self, inner):
        hub = self.device.peers[self.hub]
        datagram = codec.seal(inner, self.hub, self.secret)
        self._send(hub, _packed(self.hub), _packed(self.own), GOSSIP_PORT, GOSSIP_PORT, datagram)

    def _send(self, peer, source, target, from_port, to_port, payload):
        udp = struct.pack("!HHHH", from_port, to_port, 8 + len(payload), 0) + payload
        pseudo = source + target + struct.pack("!II", len(udp), _UDP)
        udp = udp[:6] + struct.pack("!H", _checksum(pseudo + udp)) + udp[8:]
        packet = struct.pack("!IHBB", 6 << 28, len(udp), _UDP, _HOP_LIMIT) + source + target + udp
        peer.rx += _sealed(len(packet))
        try:
            os.write(self.tun, packet)
        except OSError:
            pass  # the interface is down


def _packed(key):
    return ipaddress.IPv6Address(codec.link_local(key)).packed


def _sealed(n_bytes):
    return 32 + min(-(-n_bytes // 16) * 16, 1420)


def _checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


def _open_tun():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH", IFNAME.encode(), _IFF_TUN | _IFF_NO_PI))
    return tun


def _open_socket():
    path = Path(f"/run/wireguard/{IFNAME}.sock")
    path.parent.mkdir(parents=True, exist_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(16)
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--near", type=int, required=True)
    parser.add_argument("--lan", required=True)
    parser.add_argument("--report", required=True)
    Crowd(parser.parse_args()).run()


if __name__ == "__main__":
    main()
