# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination server as systemd starts it: two services by the shipped units, with the sandbox
and the filters on, on a hub with two clients."""

import json
import re

import pytest
from booted import Booted
from desktop import until
from unix_sockets import has_daemon

HTTP = "wg-autopeer-server.service"
HUB4 = "10.9.0.1"
CLIENTS = {"a": ("10.9.0.11", "192.168.77.11"), "b": ("10.9.0.12", "192.168.77.12")}


class Hub:
    """A machine with a tunnel, and two clients of it that come from one address outside."""

    def __init__(self, machine):
        self.machine = machine
        self.keys = {name: self.make_key(name) for name in ("hub", *CLIENTS)}
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "netns", "add", "office")
        self.run("ip", "link", "add", "office", "type", "veth", "peer", "name", "wan", "netns", "office")
        self.run("ip", "addr", "add", "203.0.113.1/24", "dev", "office")
        self.run("ip", "link", "set", "office", "up")
        self.inside("ip", "addr", "add", "203.0.113.2/24", "dev", "wan")
        self.inside("ip", "link", "set", "wan", "up")
        self.make_tunnel(self.run, "hub", "wg0", HUB4, 51820)
        for port, (name, (tunnel, _)) in enumerate(CLIENTS.items(), 51821):
            self.run("wg", "set", "wg0", "peer", self.keys[name][1], "allowed-ips", f"{tunnel}/32")
            self.make_tunnel(self.inside, name, f"wg-{name}", tunnel, port)
            peer = ["peer", self.keys["hub"][1], "endpoint", "203.0.113.1:51820"]
            peer += ["allowed-ips", "10.9.0.0/24", "persistent-keepalive", "5"]
            self.inside("wg", "set", f"wg-{name}", *peer)

    def run(self, *argv, **options):
        return self.machine.run(*argv, **options)

    def inside(self, *argv, **options):
        return self.run("ip", "netns", "exec", "office", *argv, **options)

    def make_key(self, name):
        private = self.run("wg", "genkey").strip()
        self.run("sh", "-c", f"umask 077; cat >/root/{name}.key", stdin=private)
        return private, self.run("wg", "pubkey", stdin=private).strip()

    def make_tunnel(self, run, name, interface, address, port):
        """wireguard-go in a service of its own: it goes on when what asked for it ends."""
        service = ["systemd-run", "--quiet", f"--unit=tunnel-{name}"]
        if run == self.inside:
            service += ["ip", "netns", "exec", "office"]
        self.run(*service, "wireguard-go", "--foreground", interface)
        until(10, "the tunnel is there", lambda: has_daemon(run("cat", "/proc/net/unix"), interface))
        run("wg", "set", interface, "private-key", f"/root/{name}.key", "listen-port", port)
        run("ip", "addr", "add", f"{address}/24", "dev", interface)
        run("ip", "link", "set", interface, "up")

    def ask(self, name, check=True, **members):
        """Returns the answer as JSON; None when there is none."""
        element = {"ip": CLIENTS[name][1], "netmask": 24, "gateway": "192.168.77.1"}
        element |= {"pubkey": self.keys[name][1], "v": 2, **members}
        curl = ["curl", "-sS", "--max-time", "5", "--interface", f"wg-{name}"]
        curl += ["-H", "Content-Type: application/json", "--data", json.dumps([element])]
        text = self.inside(*curl, f"http://{HUB4}/peering-request", check=check)
        return json.loads(text) if text.startswith("{") else None


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    machine = Booted(tmp_path_factory.mktemp("boot") / "machine")
    try:
        hub = Hub(machine)
        # wireguard-go's control socket is root's; as the README says
        machine.run("install", "-D", "-m", "644", "/usr/share/doc/wg-autopeer/server-userspace.conf",
                    "/etc/systemd/system/wg-autopeer-server-reader@.service.d/userspace.conf")
        machine.run("sh", "-c", "echo SERVER_OPTIONS=--metrics=127.0.0.1:9586 --verbose "
                    ">/etc/default/wg-autopeer-server")
        machine.run("systemctl", "daemon-reload")
        yield hub
    finally:
        print(machine.run("journalctl", "--quiet", "--no-pager", "-u", "wg-autopeer-server*", check=False))
        machine.close()


@pytest.fixture
def serving(hub):
    hub.run("systemctl", "reset-failed", check=False)
    hub.run("systemctl", "start", HTTP)
    until(10, "clients are answered", lambda: hub.ask("a", check=False))
    return hub


def fields_of(hub, pid):
    text = hub.run("cat", f"/proc/{pid}/status")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def readers_of(hub):
    argv = ["systemctl", "list-units", "--plain", "--no-legend", "wg-autopeer-server-reader@*"]
    return [line.split()[0] for line in hub.run(*argv).splitlines()]


def reader_of(hub):
    (unit,) = readers_of(hub)
    return unit


def complaints(hub):
    journal = hub.run("journalctl", "--quiet", "--no-pager", "--output=cat", "-u", "wg-autopeer-server*")
    return [line for line in journal.splitlines() if re.search("WARNING|CRITICAL|denied|not permitted", line)]


def test_clients_are_brought_together(serving):
    assert serving.machine.show(HTTP, "ActiveState") == "active"
    assert "Serving 10.9.0.1:80" in serving.machine.show(HTTP, "StatusText")
    for name, other in (("a", "b"), ("b", "a"), ("a", "b")):
        peers = {peer["pubkey"] for peer in serving.ask(name)["peers"]}
    assert peers == {serving.keys[other][1]}
    assert complaints(serving) == []


def test_sandbox_is_in_force(serving):
    http = fields_of(serving, serving.machine.show(HTTP, "MainPID"))
    uid = serving.run("id", "-u", "wg-autopeer-server").strip()
    assert http["Uid"].split() == [uid] * 4
    assert [int(http[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
    assert (http["NoNewPrivs"], http["Seccomp"]) == ("1", "2")
    links = serving.run("nsenter", "-t", serving.machine.show(HTTP, "MainPID"), "-n", "ip", "-br", "link")
    assert [line.split()[0] for line in links.splitlines()] == ["lo"]

    reader = fields_of(serving, serving.machine.show(reader_of(serving), "MainPID"))
    assert int(reader["CapEff"], 16) == int(reader["CapBnd"], 16) == 1 << 12 | 1 << 10
    assert (reader["NoNewPrivs"], reader["Seccomp"]) == ("1", "2")


def test_reader_ends_with_the_http_part_and_comes_back_with_it(serving):
    first = reader_of(serving)
    serving.run("systemctl", "restart", HTTP)
    until(10, "clients are answered", lambda: serving.ask("a", check=False))
    until(10, "there is one reader again", lambda: len(readers_of(serving)) == 1)
    assert reader_of(serving) != first
    serving.run("systemctl", "stop", HTTP)
    until(10, "there is no reader", lambda: readers_of(serving) == [])
    assert serving.machine.show(HTTP, "Result") == "success"


def test_crash_of_either_part_is_survived(serving):
    for unit_of in (lambda: HTTP, lambda: reader_of(serving)):
        serving.run("systemctl", "kill", "--signal=KILL", unit_of())
        until(20, "clients are answered again", lambda: serving.ask("a", check=False))


def test_reload_changes_the_policy(serving):
    serving.run("mkdir", "-p", "/etc/wg-autopeer")
    pid = serving.machine.show(HTTP, "MainPID")
    for text, expected in (("[Server]\nEnabled=no\n", "policy: disabled, 0 groups"),
                           ("[Server]\nEnabeld=no\n", "the policy stays as it was"),
                           ("", "policy: enabled, 0 groups")):
        serving.run("sh", "-c", "cat >/etc/wg-autopeer/server.conf", stdin=text)
        serving.run("systemctl", "reload", HTTP)
        until(5, expected, lambda: expected in serving.machine.journal(HTTP))
    assert serving.machine.show(HTTP, "MainPID") == pid
    serving.run("rm", "/etc/wg-autopeer/server.conf")


def test_metrics_are_there(serving):
    assert serving.run("curl", "-sS", "http://127.0.0.1:9586/healthz") == "ok\n"
    assert "wg_autopeer_peers 2\n" in serving.run("curl", "-sS", "http://127.0.0.1:9586/metrics")


def test_new_address_is_served(serving):
    serving.run("ip", "addr", "add", "10.9.0.2/24", "dev", "wg0")
    try:
        until(5, "it is served", lambda: "10.9.0.2:80" in serving.machine.show(HTTP, "StatusText"))
    finally:
        serving.run("ip", "addr", "del", "10.9.0.2/24", "dev", "wg0")


def test_mistake_in_the_policy_is_final(hub):
    hub.run("systemctl", "stop", HTTP)
    hub.run("mkdir", "-p", "/etc/wg-autopeer")
    hub.run("sh", "-c", "echo '[Groups]' >/etc/wg-autopeer/server.conf")
    try:
        hub.run("systemctl", "start", HTTP, check=False)
        assert hub.machine.show(HTTP, "ActiveState") == "failed"
        assert hub.machine.show(HTTP, "ExecMainStatus") == "78"
        assert "[Groups] is not known" in hub.machine.journal(HTTP)
    finally:
        hub.run("rm", "/etc/wg-autopeer/server.conf")


def test_socket_unit_of_the_example(hub):
    hub.run("systemctl", "stop", HTTP)
    hub.run("sh", "-c", "sed '/^BindsTo=/d; /^After=sys-/d' /usr/share/doc/wg-autopeer/wg-autopeer-server.socket "
            ">/etc/systemd/system/wg-autopeer-server.socket")
    hub.run("systemctl", "daemon-reload")
    hub.run("systemctl", "reset-failed")
    hub.run("systemctl", "start", "wg-autopeer-server.socket")
    try:
        assert hub.machine.show(HTTP, "ActiveState") == "inactive"
        assert hub.ask("a") is not None
        assert hub.machine.show(HTTP, "ActiveState") == "active"
        assert "serving the peers of wg0 on 10.9.0.1:80" in hub.machine.journal(HTTP)
    finally:
        hub.run("systemctl", "stop", HTTP, "wg-autopeer-server.socket")
        hub.run("rm", "/etc/systemd/system/wg-autopeer-server.socket")
        hub.run("systemctl", "daemon-reload")
