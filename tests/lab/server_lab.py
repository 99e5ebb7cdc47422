# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub and two laptops behind one NAT, in namespaces, and what a client says to the server there."""

import contextlib
import ctypes
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import time

import pytest
from unix_sockets import has_daemon

PROGRAM = pathlib.Path(
    os.environ.get("AP_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")
) / "server" / "wg-autopeer-server"
CLONE_NEWNET = 0x40000000
HUB, ROUTER, A, B = (f"server-{os.getpid()}-{name}" for name in ("hub", "rt", "a", "b"))
TUNNEL = {HUB: ("10.9.0.1", "fd09:9::1"), A: ("10.9.0.11", "fd09:9::11"), B: ("10.9.0.12", "fd09:9::12")}
LAN = {A: "192.168.77.11", B: "192.168.77.12"}
PUBLIC = "203.0.113.21"


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, text=True, capture_output=True, **options)


def inside(name, *command, **options):
    return run("ip", "netns", "exec", name, *command, **options)


def has_device(name, interface):
    return has_daemon(inside(name, "cat", "/proc/net/unix").stdout, interface)


@contextlib.contextmanager
def entered(name):
    """Sockets made in here belong to the namespace @name, also afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{name}") as there:
        assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


def wait_until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


class Keys:
    def __init__(self):
        self.private = run("wg", "genkey").stdout.strip()
        self.public = run("wg", "pubkey", input=self.private).stdout.strip()


class Lab:
    def __init__(self, directory):
        self.directory = directory
        self.public = pathlib.Path(tempfile.mkdtemp(prefix="server-"))
        self.public.chmod(0o755)
        self.keys = {name: Keys() for name in (HUB, A, B)}
        self.interface = {name: f"sv{os.getpid() % 100000}{letter}" for name, letter in ((HUB, "h"), (A, "a"), (B, "b"))}
        self.daemons = []

    def link(self, left, left_name, right, right_name):
        run("ip", "link", "add", left_name, "netns", left, "type", "veth", "peer", "name", right_name, "netns", right)

    def set_up(self):
        for name in (HUB, ROUTER, A, B):
            run("ip", "netns", "add", name)
            inside(name, "ip", "link", "set", "lo", "up")
        self.link(HUB, "wan0", ROUTER, "wan0")
        inside(ROUTER, "ip", "link", "add", "lan0", "type", "bridge")
        inside(ROUTER, "ip", "addr", "add", "192.168.77.1/24", "dev", "lan0")
        inside(ROUTER, "ip", "link", "set", "lan0", "up")
        inside(HUB, "ip", "addr", "add", "203.0.113.1/24", "dev", "wan0")
        inside(ROUTER, "ip", "addr", "add", f"{PUBLIC}/24", "dev", "wan0")
        for name in (HUB, ROUTER):
            inside(name, "ip", "link", "set", "wan0", "up")
        inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        inside(ROUTER, "nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
               "add rule ip nat post oifname wan0 masquerade")
        for name, port in ((A, "a0"), (B, "b0")):
            self.link(name, "lan0", ROUTER, port)
            inside(ROUTER, "ip", "link", "set", port, "master", "lan0", "up")
            inside(name, "ip", "addr", "add", f"{LAN[name]}/24", "dev", "lan0")
            inside(name, "ip", "link", "set", "lan0", "up")
            inside(name, "ip", "route", "add", "default", "via", "192.168.77.1")
        for name in (HUB, A, B):
            self.make_tunnel(name)

    def make_tunnel(self, name):
        wg = self.interface[name]
        self.daemons.append(subprocess.Popen(
            ["ip", "netns", "exec", name, "wireguard-go", "--foreground", wg],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LOG_LEVEL": "silent"}))
        wait_until(lambda: has_device(name, wg))
        key_file = self.directory / f"{wg}.key"
        key_file.write_text(self.keys[name].private)
        inside(name, "wg", "set", wg, "private-key", str(key_file), "listen-port", "51820")
        if name == HUB:
            for client in (A, B):
                self.add_client(client)
        else:
            self.join(name)
        for address, length in zip(TUNNEL[name], ("24", "64")):
            inside(name, "ip", "addr", "add", f"{address}/{length}", "dev", wg)
        inside(name, "ip", "link", "set", wg, "up")

    def add_client(self, client):
        inside(HUB, "wg", "set", self.interface[HUB], "peer", self.keys[client].public, "allowed-ips",
               ",".join(f"{address}/{'128' if ':' in address else '32'}" for address in TUNNEL[client]))

    def join(self, client):
        """A new session with the hub."""
        wg, hub = self.interface[client], self.keys[HUB].public
        inside(client, "wg", "set", wg, "peer", hub, "remove")
        inside(client, "wg", "set", wg, "peer", hub, "endpoint", "203.0.113.1:51820",
               "allowed-ips", "10.9.0.0/24,fd09:9::/64", "persistent-keepalive", "5")

    def tear_down(self):
        shutil.rmtree(self.public)
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        for name in (HUB, ROUTER, A, B):
            run("ip", "netns", "del", name, check=False)
        for wg in self.interface.values():
            pathlib.Path(f"/var/run/wireguard/{wg}.sock").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("keys"))
    try:
        lab.set_up()
        yield lab
    finally:
        lab.tear_down()


class Server:
    def __init__(self, lab, *arguments, n_files=None, command=()):
        def limit():
            if n_files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, n_files))
        self.log_path = lab.directory / f"log-{time.monotonic_ns()}"
        self.log_file = open(self.log_path, "w")
        self.process = subprocess.Popen(["ip", "netns", "exec", HUB, *command, PROGRAM, *arguments],
                                        stdout=self.log_file, stderr=self.log_file, preexec_fn=limit)

    def log(self):
        return self.log_path.read_text()

    def children(self):
        pid = self.process.pid
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self):
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait(5)
        return time.monotonic() - begin


@contextlib.contextmanager
def serving(lab, *arguments, port=80, **options):
    server = Server(lab, *arguments, **options)
    try:
        wait_until(lambda: is_open(TUNNEL[HUB][0], port) or server.process.poll() is not None)
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        print(server.log())


@pytest.fixture
def server(lab):
    with serving(lab, "--interface", lab.interface[HUB], "--verbose") as server:
        yield server


def is_open(address, port=80):
    try:
        connect(A, address, port=port).close()
        return True
    except OSError:
        return False


def connect(name, address, source=None, timeout=10, port=80):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(name):
        connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        if source:
            connection.bind((source, 0))
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


def element(lab, name, **members):
    return {"ip": LAN.get(name, LAN[A]), "netmask": 24, "gateway": "192.168.77.1",
            "pubkey": lab.keys[name].public, **members}


def request(body, address=TUNNEL[HUB][0], method="POST", path="/peering-request", headers=None, host=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": host or (f"[{address}]" if ":" in address else address), "Accept": "*/*",
              "Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def receive(connection):
    answer = b""
    while chunk := connection.recv(65536):
        answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        raise ConnectionResetError("closed without an answer")
    status = int(head.split()[1])
    return status, head.decode(), body


def post(lab, name, body=None, address=TUNNEL[HUB][0], **options):
    with contextlib.closing(connect(name, address)) as connection:
        connection.sendall(request([element(lab, name)] if body is None else body, address, **options))
        return receive(connection)


def peers(lab, name, **members):
    status, _, body = post(lab, name, [element(lab, name, **members)])
    assert status == 200
    return {peer["pubkey"]: peer for peer in json.loads(body)["peers"]}


def poll(lab, name, seconds, **members):
    """Starts a long poll that knows the present answer; returns its connection."""
    _, _, body = post(lab, name, [element(lab, name, v=2, **members)])
    connection = connect(name, TUNNEL[HUB][0], timeout=seconds + 5)
    connection.sendall(request([element(lab, name, v=2, wait=seconds, etag=json.loads(body)["etag"], **members)]))
    time.sleep(0.2)
    return connection


def withdraw(lab, *names):
    for name in names:
        post(lab, name, [element(lab, name, ip="0.0.0.0", netmask=0, gateway="0.0.0.0")])


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def answers(lab):
    try:
        return post(lab, B)[0] == 200
    except (OSError, IndexError):
        return False
