# SPDX-License-Identifier: GPL-3.0-or-later
"""Two laptops go direct, each helper started by systemd with the shipped unit and its sandbox on: anna's
as it is, ben's with the drop-in for userspace tunnels. The machine itself is their hub."""

import json
import re

import pytest
from booted import Booted
from desktop import ROOT, until
from unix_sockets import has_daemon

ANNA, BEN = "wg-autopeer.service", "wg-autopeer-ben.service"
TUNNELS = {"anna": "10.9.0.11", "ben": "10.9.0.12"}

_WORLD = """
ip link set lo up
for name in office anna ben; do ip netns add $name; ip -n $name link set lo up; done
ip link add office type veth peer name wan netns office
ip addr add 203.0.113.1/24 dev office
ip link set office up
ip -n office addr add 203.0.113.2/24 dev wan
ip -n office link set wan up
ip -n office link add br0 address 02:00:00:00:00:01 type bridge
ip -n office addr add 192.168.77.1/24 dev br0
ip -n office link set br0 up
n=11
for name in anna ben; do
  ip link add $name netns office type veth peer name eth0 netns $name
  ip -n office link set $name master br0 up
  ip -n $name addr add 192.168.77.$n/24 dev eth0
  ip -n $name link set eth0 up
  ip -n $name route add default via 192.168.77.1
  n=$((n + 1))
done
ip netns exec office nft add table ip nat
ip netns exec office nft 'add chain ip nat post { type nat hook postrouting priority 100; }'
ip netns exec office nft 'add rule ip nat post oifname wan masquerade'
echo 1 >/proc/sys/net/ipv4/ip_forward
ip netns exec office sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
mkdir -p /etc/wg-autopeer
printf '[Network]\\nLinkKinds=ethernet;wifi;veth\\n' >/etc/wg-autopeer/wg-autopeer.conf
"""

# A call that the filter refuses ends the process here, but for those that are known and answered by
# EPERM: GLib's threads and our own capset(2) do without.
_STRICT = """SystemCallFilter=sched_setattr capset
SystemCallErrorNumber=kill
"""

_ANNA = f"""[Service]
NetworkNamespacePath=/run/netns/anna
BindPaths=/run/lent:/run/wireguard
{_STRICT}
"""

# A second helper on one machine: with directories of its own, and no bus.
_BEN = f"""[Service]
NetworkNamespacePath=/run/netns/ben
RuntimeDirectory=
RuntimeDirectory=wg-autopeer-ben
StateDirectory=
StateDirectory=wg-autopeer-ben
InaccessiblePaths=/run/dbus
ExecStart=
ExecStart=/usr/libexec/wg-autopeer-helper --user=root %s
ExecStopPost=
ExecStopPost=/usr/libexec/wg-autopeer-helper --user=root %s --undo
{_STRICT}
""".replace("%s", "--runtime-dir=/run/wg-autopeer-ben --state-dir=/var/lib/wg-autopeer-ben")


class Office:
    """A machine that is a hub, with a router and two laptops behind it as network namespaces."""

    def __init__(self, machine):
        self.machine = machine
        self.run = machine.run
        self.run("sh", "-ec", _WORLD)
        self.keys = {name: self.make_key(name) for name in ("hub", *TUNNELS)}
        self.make_tunnel("hub", "wg0", "10.9.0.1", 51820)
        for name, address in TUNNELS.items():
            self.run("wg", "set", "wg0", "peer", self.keys[name], "allowed-ips", f"{address}/32")
            self.make_tunnel(name, f"wg-{name}", address, 40000)
            peer = ["peer", self.keys["hub"], "endpoint", "203.0.113.1:51820"]
            peer += ["allowed-ips", "10.9.0.0/24", "persistent-keepalive", "25"]
            self.run(*self.into(name), "wg", "set", f"wg-{name}", *peer)
        # The shipped unit is not root, and wireguard-go's socket is root's; a kernel's tunnel has none.
        door = ["ListenStream=/run/lent/wg-anna.sock", "SocketUser=wg-autopeer", "SocketMode=0600"]
        argv = ["systemd-run", "--quiet", "--unit=lent", *(f"--socket-property={one}" for one in door)]
        self.run(*argv, "/lib/systemd/systemd-socket-proxyd", "/run/wireguard/wg-anna.sock")

    def into(self, name):
        return [] if name == "hub" else ["ip", "netns", "exec", name]

    def make_key(self, name):
        private = self.run("wg", "genkey").strip()
        self.run("sh", "-c", f"umask 077; cat >/root/{name}.key", stdin=private)
        return self.run("wg", "pubkey", stdin=private).strip()

    def make_tunnel(self, name, interface, address, port):
        into = self.into(name)
        self.run("systemd-run", "--quiet", f"--unit=tunnel-{name}", *into, "wireguard-go", "--foreground", interface)
        table = [*into, "cat", "/proc/net/unix"]
        until(10, "the tunnel is there", lambda: has_daemon(self.run(*table), interface))
        self.run(*into, "wg", "set", interface, "private-key", f"/root/{name}.key", "listen-port", port)
        self.run(*into, "ip", "addr", "add", f"{address}/24", "dev", interface)
        self.run(*into, "ip", "link", "set", interface, "up")

    def write(self, path, text):
        self.run("sh", "-ec", f"mkdir -p $(dirname {path}); cat >{path}", stdin=text)

    def install(self):
        drop_in = "/etc/systemd/system/{}.d/{}.conf"
        shipped = "/usr/share/doc/wg-autopeer/"
        reader = drop_in.format("wg-autopeer-server-reader@.service", "userspace")
        self.write(reader, self.run("cat", shipped + "server-userspace.conf"))
        unit = self.run("sed", "s/^Type=.*/Type=exec/; /^BusName=/d", f"/usr/lib/systemd/system/{ANNA}")
        self.write(f"/etc/systemd/system/{BEN}", unit)
        self.write(drop_in.format(BEN, "10-userspace"), self.run("cat", shipped + "userspace.conf"))
        self.write(drop_in.format(BEN, "20-test"), _BEN)
        self.write(drop_in.format(ANNA, "20-test"), _ANNA)
        self.run("systemctl", "daemon-reload")

    def path(self, name, other):
        """ "direct", "hub" or "none": an answer that was forwarded has lived through one hop more."""
        ping = ["ping", "-n", "-c1", "-W1", TUNNELS[other]]
        found = re.search(r"ttl=(\d+)", self.run(*self.into(name), *ping, check=False))
        return {None: "none", "64": "direct"}.get(found and found.group(1), "hub")

    def until_direct(self, seconds=30):
        for name, other in (("anna", "ben"), ("ben", "anna")):
            until(seconds, f"{name} is direct", lambda n=name, o=other: self.path(n, o) == "direct", every=0.1)

    def config(self, name):
        """The device, but for the hub's endpoint, which is where its last packet came from."""
        return self.run(*self.into(name), "wg", "showconf", f"wg-{name}")

    def journal(self, *match):
        argv = ["journalctl", "--quiet", "--no-pager", "--output=json", *match]
        return [json.loads(line) for line in self.run(*argv).splitlines()]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    machine = Booted(tmp_path_factory.mktemp("boot") / "machine")
    try:
        office = Office(machine)
        office.install()
        machine.run("systemctl", "start", "wg-autopeer-server")
        office.before = {name: office.config(name) for name in TUNNELS}
        machine.run("systemctl", "enable", "--now", ANNA)
        machine.run("systemctl", "start", BEN)
        yield office
    finally:
        print(machine.run("journalctl", "--quiet", "--no-pager", "-u", "wg-autopeer*", "-u", "tunnel-*", check=False))
        machine.close()


def complaints(office):
    """What systemd, the helpers or the server did not like, but for what ben's lack of a bus brings."""
    lines = office.run("journalctl", "--quiet", "--no-pager", "--output=cat", "-p", "warning", "-u", "wg-autopeer*")
    return [line for line in lines.splitlines() if "no system bus" not in line]


def event(name):
    text = (ROOT / "helper/engine/events.h").read_text(encoding="utf-8")
    return re.search(rf'AP_EVENT_{name} "(\w+)"', text).group(1)


def test_two_laptops_go_direct_and_nothing_is_denied(office):
    office.until_direct()
    for unit in (ANNA, BEN):
        shown = [office.machine.show(unit, name) for name in ("ActiveState", "NRestarts", "Result")]
        assert shown == ["active", "0", "success"], unit
    assert complaints(office) == []
    status = office.machine.status()
    assert [peer["state"] for peer in status["peers"]] == ["direct"]


def test_a_bundle_is_written_in_the_sandbox(office):
    office.until_direct()
    pid = office.machine.show(ANNA, "MainPID")
    bundle = office.run("wg-autopeer", "diagnose", "--output", "-")
    assert bundle.startswith("wg-autopeer bundle 1\n")
    assert "\n  interface: wg-anna\n" in bundle
    assert office.machine.show(ANNA, "MainPID") == pid
    assert complaints(office) == []


def test_users_are_as_the_units_say(office):
    uid = office.run("id", "-u", "wg-autopeer").strip()
    for unit, user in ((ANNA, uid), (BEN, "0")):
        cgroup = office.machine.show(unit, "ControlGroup")
        pids = office.run("cat", f"/sys/fs/cgroup{cgroup}/cgroup.procs").split()
        assert len(pids) == 2, "the helper and its child"
        for pid in pids:
            text = office.run("cat", f"/proc/{pid}/status")
            fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            helper = pid == office.machine.show(unit, "MainPID")
            assert fields["Uid"].split() == [user] * 4
            assert int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == (1 << 12 if helper else 0)
            assert int(fields["CapAmb"], 16) == 0
            assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_journal_says_who_went_direct(office):
    office.until_direct()
    found = office.journal(f"MESSAGE_ID={event('DIRECT')}", f"_SYSTEMD_UNIT={ANNA}")[-1]
    assert found["AUTOPEER_TUNNEL"] == "wg-anna"
    assert found["AUTOPEER_PEER"] == office.keys["ben"]
    assert found["AUTOPEER_ENDPOINT"] == "192.168.77.12:40000"
    assert (found["SYSLOG_IDENTIFIER"], found["PRIORITY"]) == ("wg-autopeer", "5")
    office.run("journalctl", "--update-catalog")
    shown = office.run("journalctl", "--quiet", "--no-pager", "-x", f"MESSAGE_ID={event('DIRECT')}")
    assert "Subject: A peer of wg-anna is reached directly" in shown


def test_helper_that_hangs_is_restarted(office):
    drop_in = "/run/systemd/system/wg-autopeer.service.d/watchdog.conf"
    office.write(drop_in, "[Service]\nWatchdogSec=4\n")
    office.run("systemctl", "daemon-reload")
    office.run("systemctl", "restart", ANNA)
    try:
        office.until_direct()
        assert office.machine.show(ANNA, "WatchdogUSec") == "4s"
        pid = office.machine.show(ANNA, "MainPID")
        office.run("kill", "-STOP", pid)
        until(20, "another one is at work", lambda: office.machine.show(ANNA, "MainPID") not in (pid, "0"), every=0.1)
        office.until_direct()
        assert int(office.machine.show(ANNA, "NRestarts")) > 0
        assert "undone" in office.journal(f"MESSAGE_ID={event('UNDONE')}")[-1]["MESSAGE"]
        office.run("wg-autopeer", "disable")
        until(10, "nobody watches an idle helper", lambda: office.machine.show(ANNA, "WatchdogUSec") == "0")
    finally:
        office.run("rm", drop_in)
        office.run("systemctl", "daemon-reload")
        office.run("wg-autopeer", "enable")
        office.run("systemctl", "restart", ANNA)


def test_what_wg_quick_saves_is_noticed(office):
    office.until_direct()
    office.run("sh", "-c", "umask 077; printf '[Interface]\\nSaveConfig=true\\n' >/etc/wireguard/wg-anna.conf")
    until(10, "anna's tunnel is left alone", lambda: office.machine.status()["tunnels"][0]["reason"] == "save-config")
    until(5, "ben is gone", lambda: office.config("anna") == office.before["anna"])
    assert "SaveConfig" in office.journal(f"MESSAGE_ID={event('NOTICE')}")[-1]["MESSAGE"]
    office.run("rm", "/etc/wireguard/wg-anna.conf")
    office.until_direct()


def test_whatever_way_it_ends_the_device_is_as_before(office):
    office.until_direct()
    office.run("systemctl", "kill", "--signal=KILL", BEN)
    until(20, "ben's is at work again", lambda: office.machine.show(BEN, "NRestarts") == "1", every=0.1)
    office.until_direct()
    office.run("systemctl", "stop", ANNA, BEN)
    for name, before in office.before.items():
        assert office.config(name) == before
    assert office.path("anna", "ben") == "hub"
