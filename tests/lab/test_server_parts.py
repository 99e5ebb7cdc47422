# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination server as its administrator sees it: processes, privileges, sockets, statuses."""

import base64
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from memory import own_memory
from server_lab import (  # noqa: F401
    A, B, HUB, PROGRAM, ROUTER, TUNNEL, answers, connect, element, entered, has_device, inside, is_open, lab,
    peers, poll, post, receive, request, run, server, serving, status_of, wait_until,
)


def test_the_http_process_has_no_network_of_its_own(lab, server):
    http = min(server.children(), key=lambda pid: int(status_of(pid)["CapEff"], 16))
    assert os.readlink(f"/proc/{http}/ns/net") != os.readlink(f"/proc/{server.process.pid}/ns/net")


def test_privileges(lab, server):
    reader, http = sorted((status_of(pid) for pid in server.children()), key=lambda status: status["CapEff"], reverse=True)
    # CAP_NET_ADMIN, and CAP_NET_BIND_SERVICE for addresses that come later
    assert [int(reader[name], 16) for name in ("CapEff", "CapPrm")] == [1 << 12 | 1 << 10] * 2
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
        assert sets == [0, 1 << 12 | 1 << 10]
        assert peers(lab, A) == {}
        assert server.stop() < 1


def background(*command, **options):
    return subprocess.Popen(["ip", "netns", "exec", HUB, *map(str, command)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
          "--no-new-privs")


@contextlib.contextmanager
def activated_reader(lab, *options, tracer=()):
    """The reading part, as systemd starts it: by its socket, once for each HTTP part."""
    path = lab.public / "reader"
    starter = background("systemd-socket-activate", "--seqpacket", "--accept", "-l", path,
                         *tracer, PROGRAM, "--part=reader", "-i", lab.interface[HUB], *options)
    try:
        wait_until(path.exists)
        path.chmod(0o666)
        yield path
    finally:
        starter.terminate()
        starter.wait(5)
        path.unlink()


def test_two_services(lab):
    """As the two units run: the HTTP part has no user, no capability and no network."""
    with activated_reader(lab) as path:
        http = background("unshare", "--net", *NOBODY, PROGRAM, "--part=http", "--socket", path)
        try:
            wait_until(lambda: answers(lab))
            assert peers(lab, A).keys() == {lab.keys[B].public}
            status = status_of(http.pid)
            assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")] == [0] * 3
        finally:
            http.terminate()
            assert http.wait(5) == 0
            print(http.stderr.read())


def test_what_the_reader_misses_is_told_by_the_http_part(lab):
    with activated_reader(lab, "--interface=nosuch0") as path:
        http = background(*NOBODY, PROGRAM, "--part=http", "--socket", path)
        assert http.wait(5) == 1 and "there is no interface nosuch0" in http.stderr.read()
    http = background(*NOBODY, PROGRAM, "--part=http", "--socket", path)
    assert http.wait(5) == 1 and "could not reach the reading part" in http.stderr.read()


class Sockets:
    """Starts the HTTP part with sockets that were opened for it, as a .socket unit does."""

    def __init__(self, address, interface, port=80):
        with entered(HUB):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if interface:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        self.socket.bind((address, port))
        self.socket.listen()

    def start(self, *command, name="connection"):
        # the shell's process becomes the program's
        script = f'LISTEN_FDS=1 LISTEN_FDNAMES={name} LISTEN_PID=$$ exec "$@"'
        return background("unshare", "--net", *NOBODY, "bash", "-c", f"exec 3<&{self.socket.fileno()}; {script}",
                          "bash", *command, pass_fds=[self.socket.fileno()])


def test_socket_of_a_socket_unit(lab):
    wg = lab.interface[HUB]
    with activated_reader(lab) as path:
        http = Sockets(TUNNEL[HUB][0], wg).start(PROGRAM, "--part=http", "--socket", path)
        try:
            wait_until(lambda: answers(lab))
            with pytest.raises(OSError):
                connect(A, TUNNEL[HUB][1], timeout=1)  # only what was opened is served
        finally:
            http.terminate()
            assert http.wait(5) == 0


def test_socket_that_anybody_can_reach_is_refused(lab):
    with activated_reader(lab) as path:
        http = Sockets(TUNNEL[HUB][0], None).start(PROGRAM, "--part=http", "--socket", path)
        assert http.wait(5) == 64 and "BindToDevice=" in http.stderr.read()


def test_socket_for_metrics(lab):
    """It is told apart by its name; the reader opens the others."""
    with activated_reader(lab) as path:
        http = Sockets("127.0.0.1", None, 9586).start(PROGRAM, "--part=http", "--socket", path, name="metrics")
        try:
            wait_until(lambda: answers(lab))
            with contextlib.closing(connect(HUB, "127.0.0.1", port=9586)) as connection:
                connection.sendall(request(b"", "127.0.0.1", method="GET", path="/healthz"))
                assert receive(connection)[0] == 200
        finally:
            http.terminate()
            assert http.wait(5) == 0
        http = Sockets(TUNNEL[HUB][0], None, 9586).start(PROGRAM, "--part=http", "--socket", path, name="metrics")
        assert http.wait(5) == 64 and "loopback" in http.stderr.read()


def test_private_key_is_nowhere_in_the_http_process(lab, server):
    """And the reader, which is given it with each look at the device, forgets it."""
    peers(lab, A)
    private = lab.keys[HUB].private
    raw = base64.b64decode(private)
    forms = {"raw": raw, "base64": private.encode().rstrip(b"="), "hex": raw.hex().encode()}
    own = base64.b64decode(lab.keys[A].public)
    found = {}
    for pid in server.children():
        pieces = list(own_memory(pid))
        # what must be there shows that the search finds things
        assert any(own in piece for piece in pieces)
        found[status_of(pid)["CapEff"]] = {name: sum(piece.count(form) for piece in pieces) for name, form in forms.items()}
    print(found)
    reader, http = found[max(found)], found[min(found)]
    assert http == {"raw": 0, "base64": 0, "hex": 0}
    assert sum(reader.values()) == 0


def test_service_manager_is_told(lab):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = lab.public / "notify"
        manager.bind(str(path))
        manager.settimeout(5)
        path.chmod(0o666)
        env = ("env", f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=1000000")
        with serving(lab, "-i", lab.interface[HUB], command=env):
            assert b"READY=1\nSTATUS=Serving 10.9.0.1:80" in manager.recv(4096)
            assert manager.recv(4096) == manager.recv(4096) == b"WATCHDOG=1"
        assert manager.recv(4096) == b"STOPPING=1"
        path.unlink()


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


def test_new_address_forgets_nobody(lab, server):
    wg = lab.interface[HUB]
    peers(lab, B, v=2)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        inside(HUB, "ip", "addr", "add", "10.9.0.3/24", "dev", wg)
        try:
            wait_until(lambda: is_open("10.9.0.3"), 5)
            assert lab.keys[B].public in peers(lab, A)
            assert receive(waiting)[0] == 200
        finally:
            inside(HUB, "ip", "addr", "del", "10.9.0.3/24", "dev", wg)
    wait_until(lambda: not is_open("10.9.0.3"), 5)
    assert post(lab, A)[0] == 200


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
        wait_until(lambda: has_device(HUB, second))
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


def groups_of_calls():
    """All groups of system calls that systemd knows: name → members."""
    groups, name = {}, None
    for line in run("systemd-analyze", "--no-pager", "syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            groups[name] = set()
        elif line.startswith("    ") and name and not line.strip().startswith("#"):
            groups[name].add(line.strip())
    return groups


def expanded(word, groups):
    if word not in groups:
        return {word}
    return set().union(*(expanded(member, groups) for member in groups[word]))


def allowed_calls(unit):
    groups = groups_of_calls()
    allowed = expanded("@default", groups)
    text = (PROGRAM.parents[1] / "resources" / unit).read_text()
    for value in re.findall(r"(?m)^SystemCallFilter=(.*)$", text):
        calls = set().union(*(expanded(word, groups) for word in value.lstrip("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def calls_in(path):
    return set(re.findall(r"(?m)^(?:\d+ +)?(?:<\.\.\. )?(\w+)(?:\(| resumed)", path.read_text()))


def test_filters_of_the_units_let_through_what_is_needed(lab):
    """With SystemCallErrorNumber=EPERM a call that is missing would fail in silence."""
    traces = {name: lab.public / f"calls-{name}" for name in ("reader", "http")}
    for trace in traces.values():
        trace.touch()
        trace.chmod(0o666)
    strace = {name: ("strace", "-D", "-f", "-qq", "-o", trace) for name, trace in traces.items()}
    bound = ("setpriv", "--bounding-set=-all,+net_admin,+net_bind_service")
    with activated_reader(lab, tracer=(*bound, *strace["reader"])) as path:
        http = background("unshare", "--net", *NOBODY, *strace["http"], PROGRAM, "--part=http", "--socket", path)
        wait_until(lambda: answers(lab), 20)
        with contextlib.closing(poll(lab, A, 20)) as waiting:
            peers(lab, B, v=2, listen_port=51820)
            assert receive(waiting)[0] == 200
        inside(HUB, "ip", "addr", "add", "10.9.0.4/24", "dev", lab.interface[HUB])
        try:
            wait_until(lambda: is_open("10.9.0.4"), 10)
        finally:
            inside(HUB, "ip", "addr", "del", "10.9.0.4/24", "dev", lab.interface[HUB])
        for pid in run("pgrep", "-f", f"^{PROGRAM} --part=http").stdout.split():
            os.kill(int(pid), signal.SIGTERM)
        http.wait(5)
    units = {"http": "wg-autopeer-server.service", "reader": "wg-autopeer-server-reader@.service"}
    for name, unit in units.items():
        made = calls_in(traces[name])
        assert {"execve", "recvmsg"} <= made
        assert made - allowed_calls(unit) == set()
