#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the captures beside this script; see README.md. Run as root, in a network namespace of
its own: with --kernel where the kernel has WireGuard, with --userspace where wireguard-go is."""

import base64
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SEQ = 7

# Keys that exist for these files only.
PRIVATE = [bytes([0x10 + n] * 31 + [0x41]) for n in range(2)]
PSK = bytes([0x77] * 32)


def key(number):
    """A public key that nobody has the private key of, and that is easy to recognise."""
    return bytes([number] * 31 + [0x11])


def text(raw):
    return base64.b64encode(raw).decode()


def run(command, stdin=None):
    return subprocess.run(command, shell=True, check=True, input=stdin, capture_output=True).stdout


def attr(kind, payload):
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def ask(protocol, kind, flags, payload, room=32768):
    """Sends one request and returns the whole answer, as it came."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    sock.settimeout(5)
    sock.bind((0, 0))
    sock.sendto(struct.pack("=IHHII", 16 + len(payload), kind, 1 | flags, SEQ, 0) + payload, (0, 0))
    answer = b""
    while True:
        part = sock.recv(room)
        answer += part
        offset = 0
        while offset < len(part):
            size, kind = struct.unpack_from("=IH", part, offset)
            if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                return answer
            offset += (size + 3) & ~3


def genl(family, command, flags, attrs, room=32768):
    return ask(16, family, flags, struct.pack("=BBH", command, 1, 0) + attrs, room)


def save(name, data):
    (HERE / name).write_bytes(data)
    print(f"{name}: {len(data)} bytes")


def set_key(device, private):
    run(f"wg set {device} private-key /dev/stdin", stdin=text(private).encode())


def configure(device, other_port):
    """Peers of every sort; the last one is the other device, and a handshake is made with it."""
    set_key(device, PRIVATE[0])
    run(f"wg set {device} listen-port 51820 fwmark 0x1234")
    run(f"wg set {device} peer {text(key(1))} endpoint 192.0.2.7:51821"
        " allowed-ips 10.0.0.2/32,10.1.0.0/16,fd00::2/128 persistent-keepalive 25")
    run(f"wg set {device} peer {text(key(2))} endpoint [2001:db8::7]:51822 preshared-key /dev/stdin"
        " allowed-ips 0.0.0.0/0,::/0", stdin=text(PSK).encode())
    run(f"wg set {device} peer {text(key(3))} endpoint [fe80::7%lo]:51823")
    run(f"wg set {device} peer {text(key(4))} allowed-ips 10.0.0.4/32")
    other = run("wg pubkey", stdin=text(PRIVATE[1]).encode()).decode().strip()
    run(f"ip link set {device} up")
    run(f"wg set {device} peer {other} endpoint 127.0.0.1:{other_port} allowed-ips 10.0.0.5/32"
        " persistent-keepalive 25")
    for _ in range(100):
        if not run(f"wg show {device} latest-handshakes").decode().strip().endswith("\t0"):
            return
        time.sleep(0.1)
    sys.exit("no handshake")


def other_end(device, port):
    set_key(device, PRIVATE[1])
    peer = run("wg pubkey", stdin=text(PRIVATE[0]).encode()).decode().strip()
    run(f"wg set {device} listen-port {port} peer {peer} allowed-ips 10.0.0.6/32")
    run(f"ip link set {device} up")


def wg_request(command):
    """What wireguard-tools send for @command: the longest message to the kernel."""
    log = pathlib.Path("/tmp/capture-strace")
    run(f"strace -s 0 -o {log} -e trace=sendto -e write=all {command}")
    sent = [b""]
    for line in log.read_text().splitlines():
        dump = re.match(r" \| [0-9a-f]{5}  (.{49}) ", line)
        if dump is None:
            sent.append(b"")
        else:
            sent[-1] += bytes.fromhex(dump.group(1))
    log.unlink()
    return max(sent, key=len)


def capture_kernel():
    run("ip link set lo up; ip link add dummy7 type dummy")
    run("ip link add wg0 type wireguard; ip link add wg1 type wireguard")
    index = {n: socket.if_nametoindex(n) for n in ("wg0", "wg1", "dummy7")}
    family = genl(16, 3, 4, attr(2, b"wireguard\0"))
    save("family.bin", family)
    save("family-missing.bin", genl(16, 3, 4, attr(2, b"nosuchthing\0")))
    number = struct.unpack_from("=H", family, family.index(struct.pack("=HH", 6, 1)) + 4)[0]
    save("links.bin", ask(0, 18, 0x300, struct.pack("=BxHiII", 0, 0, 0, 0, 0)))

    def get(device, room=32768):
        return genl(number, 0, 0x300, attr(1, struct.pack("=I", device)), room)

    save("device-empty.bin", get(index["wg0"]))
    save("device-gone.bin", get(9999))
    save("device-other-kind.bin", get(index["dummy7"]))
    other_end("wg1", 51900)
    configure("wg0", 51900)
    save("device-peers.bin", get(index["wg0"]))
    # A peer's prefixes over several messages: a small buffer makes the kernel send small ones.
    ips = ",".join(f"10.2.{n // 256}.{n % 256}/32" for n in range(400))
    run(f"wg set wg1 peer {text(key(8))} allowed-ips {ips} peer {text(key(9))} allowed-ips fd00::9/128")
    save("device-long.bin", get(index["wg1"], 4096))
    save("wg-set.bin", wg_request(
        f"wg set wg0 peer {text(key(5))} endpoint 192.0.2.8:51825 persistent-keepalive 25"
        f" allowed-ips 10.0.0.55/32,fd00::55/128 peer {text(key(4))} remove"))
    save("set-done.bin", genl(number, 1, 4, attr(1, struct.pack("=I", index["wg0"]))))
    run("ip link del wg0; ip link del wg1; ip link del dummy7")


def capture_userspace():
    run("mount -t tmpfs none /run; mkdir /run/wireguard; ip link set lo up")
    for device in ("wg0", "wg1"):
        run(f"wireguard-go {device} >/dev/null 2>&1")

    def get():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("/run/wireguard/wg0.sock")
        sock.sendall(b"get=1\n\n")
        answer = b""
        while not answer.endswith(b"\n\n"):
            answer += sock.recv(65536)
        return answer

    save("uapi-empty.txt", get())
    other_end("wg1", 51900)
    configure("wg0", 51900)
    save("uapi-peers.txt", get())
    run("ip link del wg0; ip link del wg1")


if sys.argv[1:] == ["--kernel"]:
    capture_kernel()
elif sys.argv[1:] == ["--userspace"]:
    capture_userspace()
else:
    sys.exit(__doc__)
