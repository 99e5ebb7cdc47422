# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination server as a program: a hub and two laptops behind one NAT, in namespaces."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest

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
        wait_until(lambda: inside(name, "wg", "show", wg, check=False).returncode == 0)
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


@pytest.mark.parametrize("address", TUNNEL[HUB])
def test_neighbours_find_each_other(lab, server, address):
    status, head, body = post(lab, A, address=address)
    assert (status, body) == (200, b'{"peers": []}')
    assert re.search(r"(?mi)^content-type: application/json\r?$", head)
    _, _, body = post(lab, B, address=address)
    peer, = json.loads(body)["peers"]
    assert peer == {"pubkey": lab.keys[A].public, "ip": list(TUNNEL[A]), "endpoint": LAN[A], "port": peer["port"]}
    seen = inside(HUB, "wg", "show", lab.interface[HUB], "endpoints").stdout
    assert f"{lab.keys[A].public}\t{PUBLIC}:{peer['port']}" in seen


def test_nobody_speaks_for_another(lab, server):
    stolen = [element(lab, A, ip=LAN[B])]
    for headers in ({}, {"X-Forwarded-For": TUNNEL[A][0]}, {"Forwarded": f"for={TUNNEL[A][0]}"},
                    {"X-Real-IP": TUNNEL[A][0]}):
        status, _, body = post(lab, B, stolen, headers=headers)
        assert (status, json.loads(body)) == (401, {"error": "Invalid client"})
    assert peers(lab, B) == {}


def test_an_address_outside_the_host_prefixes_identifies_nobody(lab, server):
    wg = lab.interface[A]
    inside(HUB, "wg", "set", lab.interface[HUB], "peer", lab.keys[A].public, "allowed-ips",
           "10.9.0.11/32,fd09:9::11/128,10.9.0.64/27")
    inside(A, "ip", "addr", "add", "10.9.0.65/24", "dev", wg)
    try:
        time.sleep(0.2)
        with contextlib.closing(connect(A, TUNNEL[HUB][0], source="10.9.0.65")) as connection:
            connection.sendall(request([element(lab, A)]))
            assert receive(connection)[0] == 401
        _, _, body = post(lab, A)
        assert json.loads(body)["peers"] == []
        post(lab, A)
        assert peers(lab, B)[lab.keys[A].public]["ip"] == list(TUNNEL[A])
    finally:
        inside(A, "ip", "addr", "del", "10.9.0.65/24", "dev", wg)
        lab.add_client(A)


BROWSERS = [
    (403, {"headers": {"Origin": "http://evil.example"}}),
    (403, {"headers": {"Origin": "null"}}),
    (403, {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    (403, {"headers": {"sec-fetch-mode": "no-cors"}}),
    (403, {"host": "evil.example"}),
    (403, {"host": "evil.example:80"}),
    (403, {"host": "10.9.0.1.evil.example"}),
    (403, {"host": "10.9.0.11"}),
    (403, {"host": "10.9.0.1:8080"}),
    (403, {"host": "127.0.0.1"}),
    (400, {"headers": {"Content-Type": "text/plain"}}),
    (400, {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    (400, {"headers": {"Content-Type": None}}),
    (400, {"headers": {"Content-Type": "application/jsonp"}}),
]


@pytest.mark.parametrize("status,how", BROWSERS)
def test_browsers_change_nothing(lab, server, status, how):
    assert post(lab, A, **how)[0] == status
    assert peers(lab, B) == {}
    withdraw(lab, B)


REQUESTS = [
    (200, {"host": "10.9.0.1:80"}),
    (200, {"headers": {"Content-Type": "application/json; charset=utf-8"}}),
    (200, {"headers": {"Content-Type": "Application/JSON"}}),
    (200, {"headers": {"X-Anything": "else", "User-Agent": "curl/7.88.1"}}),
    (200, {"path": "/peering-request?x=1"}),
    (404, {"path": "/peering-request/"}),
    (404, {"path": "/"}),
    (405, {"method": "GET"}),
    (405, {"method": "PUT"}),
    (405, {"method": "OPTIONS"}),
    (400, {"body": b""}),
    (400, {"body": b"[{"}),
    (400, {"body": b"[]"}),
    (400, {"body": b'"hello"'}),
    (400, {"body": b"\xef\xbb\xbf[]"}),
    (400, {"body": b"[" * 10000}),
    (401, {"body": [{"ip": "192.168.77.11", "netmask": 24, "gateway": "192.168.77.1"}]}),
    (413, {"body": b" " * 65537}),
]


@pytest.mark.parametrize("status,how", REQUESTS)
def test_statuses(lab, server, status, how):
    answer, head, body = post(lab, A, **how)
    assert answer == status
    if status == 405:
        assert re.search(r"(?mi)^allow: .*POST", head) and body == b""
    elif status == 200:
        assert "peers" in json.loads(body)
    elif how.get("method") is None:
        assert "error" in json.loads(body)


def say(name, *parts, pause=0.05):
    """Sends bytes in parts; returns all that comes back."""
    with contextlib.closing(connect(name, TUNNEL[HUB][0])) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_requests_come_in_pieces(lab, server):
    whole = request([element(lab, A)])
    for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
        assert say(A, whole[:cut], whole[cut:]).startswith(b"HTTP/1.1 200 OK\r\n")


def test_clients_may_want_to_be_asked_for_the_body(lab, server):
    whole = request([element(lab, A)], headers={"Expect": "100-continue"})
    end = whole.index(b"\r\n\r\n") + 4
    answer = say(A, whole[:end], whole[end:])
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_head_too_long_is_refused(lab, server):
    assert say(A, request([element(lab, A)], headers={"X": "x" * 5000})).startswith(b"HTTP/1.1 431 ")


def test_a_refusal_is_heard_by_who_goes_on_sending(lab, server):
    """The answer must not be lost to the reset that unread bytes would cause."""
    assert say(A, request(b" " * 60000, path="/nothing")).startswith(b"HTTP/1.1 404 ")


def test_who_has_ended_its_sending_is_answered(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0])) as connection:
        connection.sendall(request([element(lab, A)]))
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection)[0] == 200


def test_aborted_polls_do_not_shut_their_client_out(lab, server):
    for _ in range(12):
        poll(lab, A, 20).close()
    assert post(lab, A)[0] == 200


def test_chunked_is_refused(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0])) as connection:
        connection.sendall(request(b"", headers={"Content-Length": None, "Transfer-Encoding": "chunked"})
                           + b"2\r\n[]\r\n0\r\n\r\n")
        status, _, body = receive(connection)
    assert (status, json.loads(body)) == (400, {"error": "Could not decode JSON data"})


def test_only_the_tunnel_reaches_it(lab, server):
    for name, address in ((ROUTER, "203.0.113.1"), (HUB, "203.0.113.1"), (HUB, "127.0.0.1")):
        with pytest.raises(ConnectionRefusedError):
            connect(name, address, timeout=2)
    for address in TUNNEL[HUB]:
        # the kernel lets the hub reach itself by an address of the tunnel
        with pytest.raises((ConnectionError, IndexError)):
            post(lab, HUB, address=address)
    # a LAN host that sends to the tunnel address by the outer interface
    inside(ROUTER, "ip", "route", "add", "10.9.0.1/32", "via", "203.0.113.1")
    with pytest.raises(OSError):
        connect(ROUTER, TUNNEL[HUB][0], timeout=2)
    inside(ROUTER, "ip", "route", "del", "10.9.0.1/32")


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_privileges(lab, server):
    reader, http = sorted((status_of(pid) for pid in server.children()), key=lambda status: status["CapEff"], reverse=True)
    assert [int(reader[name], 16) for name in ("CapEff", "CapPrm")] == [1 << 12] * 2
    assert [int(reader[name], 16) for name in ("CapInh", "CapAmb")] == [0] * 2
    assert [int(http[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")] == [0] * 5
    assert "0" not in http["Uid"].split() and "0" not in http["Gid"].split() and not http["Groups"].strip()
    assert reader["NoNewPrivs"] == http["NoNewPrivs"] == "1"


def test_started_with_the_capabilities_of_the_unit(lab):
    """Those of resources/server-userspace.conf, as wireguard-go's control socket is uid 0's."""
    wanted = ",".join(f"+{name}" for name in ("net_admin", "net_bind_service", "setuid", "setgid", "setpcap", "kill"))
    with serving(lab, "-i", lab.interface[HUB],
                 command=("setpriv", "--no-new-privs", f"--bounding-set=-all,{wanted}")) as server:
        sets = sorted(int(status_of(pid)["CapPrm"], 16) for pid in server.children())
        assert sets == [0, 1 << 12]
        assert peers(lab, A) == {}
        assert server.stop() < 1


def test_long_poll_wakes_both(lab, server):
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        begin = time.monotonic()
        answer = json.loads(post(lab, B, [element(lab, B, v=2, listen_port=51820)])[2])
        assert [peer["pubkey"] for peer in answer["peers"]] == [lab.keys[A].public]
        status, _, body = receive(waiting)
        assert time.monotonic() - begin < 0.5
    peer, = json.loads(body)["peers"]
    assert (status, peer["pubkey"], peer["port"], peer["mutual"]) == (200, lab.keys[B].public, 51820, True)
    assert json.loads(body)["you"]["ip"] == PUBLIC


def test_long_poll_ends_in_time(lab, server):
    with contextlib.closing(poll(lab, A, 2)) as waiting:
        begin = time.monotonic()
        status, _, body = receive(waiting)
    assert status == 200 and json.loads(body)["v"] == 2
    assert 1.5 < time.monotonic() - begin < 2.5


def test_newer_request_releases_the_older_poll(lab, server):
    with contextlib.closing(poll(lab, A, 20)) as older:
        begin = time.monotonic()
        assert post(lab, A, [element(lab, A, v=2)])[0] == 200
        assert receive(older)[0] == 200
        assert time.monotonic() - begin < 0.5


def test_bye_reaches_the_neighbour(lab, server):
    peers(lab, B, v=2, boot="b1", seq=1)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        post(lab, B, [element(lab, B, ip="0.0.0.0", netmask=0, gateway="0.0.0.0", v=2, boot="b1", seq=2, bye=True)])
        answer = json.loads(receive(waiting)[2])
    assert answer["peers"] == [] and answer["gone"] == [{"pubkey": lab.keys[B].public, "why": "bye"}]


def test_revoked_client_is_gone(lab, server):
    peers(lab, B)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        inside(HUB, "wg", "set", lab.interface[HUB], "peer", lab.keys[B].public, "remove")
        try:
            begin = time.monotonic()
            answer = json.loads(receive(waiting)[2])
            assert time.monotonic() - begin < 6
        finally:
            lab.add_client(B)
            lab.join(B)
    assert answer["peers"] == [] and answer["gone"] == [{"pubkey": lab.keys[B].public, "why": "revoked"}]


def test_others_are_served_while_one_dawdles(lab, server):
    half = request([element(lab, A)])[:60]
    crowd = []
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                connection = connect(A, TUNNEL[HUB][0], timeout=1)
                crowd.append(connection)
                connection.sendall(half)
        begin = time.monotonic()
        assert peers(lab, B) is not None
        assert time.monotonic() - begin < 1
        http = max(server.children(), key=lambda pid: len(os.listdir(f"/proc/{pid}/fd")))
        assert len(os.listdir(f"/proc/{http}/fd")) < 64
    finally:
        for connection in crowd:
            connection.close()
    assert len(re.findall(r"too many connections", server.log())) <= 10


def test_dribbling_is_cut(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0], timeout=1)) as connection:
        begin = time.monotonic()
        with pytest.raises(OSError):
            for byte in request([element(lab, A)]) * 2:
                connection.sendall(bytes([byte]))
                time.sleep(0.5)
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if connection.recv(1) == b"":
                        raise ConnectionResetError
                connection.setblocking(True)
        assert time.monotonic() - begin < 12


def test_silence_is_cut(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0], timeout=8)) as connection:
        connection.sendall(b"POST /peering")
        begin = time.monotonic()
        connection.recv(1024)
        assert 4 < time.monotonic() - begin < 7


def test_few_descriptors(lab):
    with serving(lab, "-i", lab.interface[HUB], n_files=20) as server:
        crowd = []
        for name in (A, B):
            for source in TUNNEL[name]:
                for _ in range(20):
                    with contextlib.suppress(OSError):
                        crowd.append(connect(name, TUNNEL[HUB][":" in source], source=source, timeout=0.2))
        http = server.children()
        before = cpu_ticks(server)
        time.sleep(1)
        assert cpu_ticks(server) - before < 30
        for connection in crowd:
            connection.close()
        wait_until(lambda: answers(lab), 10)
        assert server.children() == http


def answers(lab):
    try:
        return post(lab, B)[0] == 200
    except (OSError, IndexError):
        return False


def cpu_ticks(server):
    return sum(sum(int(field) for field in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
               for pid in server.children())


def test_term_answers_polls_and_ends(lab):
    with serving(lab, "-i", lab.interface[HUB]) as server:
        with contextlib.closing(poll(lab, A, 20)) as waiting:
            assert server.stop() < 1
            assert receive(waiting)[0] == 200
        assert server.process.returncode == 0


@pytest.mark.parametrize("which", [0, 1])
def test_end_of_a_child_ends_the_server(lab, which):
    with serving(lab, "-i", lab.interface[HUB]) as server:
        children = server.children()
        os.kill(sorted(children)[which], signal.SIGKILL)
        server.process.wait(3)
        assert server.process.returncode == 1
        assert not any(os.path.exists(f"/proc/{pid}") for pid in children)


def test_children_do_not_outlive_the_first_process(lab):
    with serving(lab, "-i", lab.interface[HUB]) as server:
        children = server.children()
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(is_running(pid) for pid in children))


def is_running(pid):
    try:
        return status_of(pid)["State"][0] != "Z"
    except FileNotFoundError:
        return False


def test_new_address_is_served(lab, server):
    wg = lab.interface[HUB]
    inside(HUB, "ip", "addr", "add", "10.9.0.2/24", "dev", wg)
    try:
        wait_until(lambda: is_open("10.9.0.2"), 5)
        assert post(lab, A, address="10.9.0.2")[0] == 200
        assert post(lab, A)[0] == 200
    finally:
        inside(HUB, "ip", "addr", "del", "10.9.0.2/24", "dev", wg)


def test_interface_made_again(lab, server):
    first_process = server.process.pid
    inside(HUB, "ip", "link", "del", lab.interface[HUB])
    time.sleep(1.5)
    lab.make_tunnel(HUB)
    for name in (A, B):
        lab.join(name)
    wait_until(lambda: answers(lab), 15)
    assert server.process.poll() is None and server.process.pid == first_process


def fails(*arguments, name=HUB, command=()):
    done = inside(name, *command, PROGRAM, *arguments, check=False, timeout=5)
    return done.returncode, done.stderr


def test_errors_say_what_to_do(lab):
    wg = lab.interface[HUB]
    for status, text, options in (
        (1, "there is no interface nosuch0", fails("--interface", "nosuch0")),
        (1, "lo is not a WireGuard interface", fails("--interface", "lo")),
        (1, "no WireGuard interface", fails(name=ROUTER)),
        (64, "--help", fails("--port", "0")),
        (64, "--help", fails("--port", "65536")),
        (64, "--help", fails("nonsense")),
        (64, "Unknown option", fails("--nonsense")),
        (77, "CAP_NET_ADMIN is missing",
         fails("-i", wg, command=("setpriv", "--bounding-set=-net_admin"))),
        (77, "CAP_NET_BIND_SERVICE is missing",
         fails("-i", wg, command=("setpriv", "--bounding-set=-net_bind_service"))),
    ):
        assert options[0] == status and text in options[1]
    with serving(lab, "-i", wg):
        status, text = fails("-i", wg)
        assert status == 1 and "another program does already" in text


def test_several_interfaces(lab):
    second = lab.interface[HUB] + "x"
    daemon = subprocess.Popen(["ip", "netns", "exec", HUB, "wireguard-go", "--foreground", second],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: inside(HUB, "wg", "show", second, check=False).returncode == 0)
        status, text = fails()
        assert status == 64 and "choose one with --interface" in text and second in text
    finally:
        daemon.kill()
        daemon.wait()
        pathlib.Path(f"/var/run/wireguard/{second}.sock").unlink(missing_ok=True)


def test_other_port(lab):
    with serving(lab, "-i", lab.interface[HUB], "--port", "8080", port=8080):
        with contextlib.closing(connect(A, TUNNEL[HUB][0], port=8080)) as connection:
            connection.sendall(request([element(lab, A)], host="10.9.0.1:8080"))
            assert receive(connection)[0] == 200
