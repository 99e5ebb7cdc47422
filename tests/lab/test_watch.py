# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of links, as the helper sees it: complete, settled, and reported once."""

import json
import os
import subprocess
import time
from pathlib import Path

import lab
import pytest
from network_manager import Cable, NetworkManager, Site

# Within how many seconds everything must be reported; it takes some 20 ms on an idle machine.
SOON = 2.0

# Long enough that a report which is not to come would have come.
QUIET = 0.4 * lab.SLOW

# The program looks when nothing has happened for 15 ms (QUIET_MSEC in helper/io/netwatch.c); with
# 5 ms for what lies between us and it.
LULL = 0.010


class Watcher:
    """print-links on a host."""

    def __init__(self, host, *options, **env):
        argv = [lab.BUILD / "tests/lab/print-links", *options]
        self.process = host.start("links", *argv, env=env, stdin=subprocess.PIPE)
        lab.until(5, "the first list", self.reports)

    def end(self):
        self.process.popen.stdin.close()
        assert self.process.wait() == 0

    def reports(self):
        lines = self.process.output().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def link(self, name, report=None):
        links = (report or self.reports()[-1])["links"]
        return next((link for link in links if link["name"] == name), None)

    def until(self, what, condition, seconds=SOON):
        """Waits for a report of which `condition` is true, and returns how long that took."""
        start = time.monotonic()
        lab.until(seconds, what, lambda: condition(self.reports()[-1]))
        return time.monotonic() - start

    def has(self, name, **expected):
        """A condition: the link has an address that starts so, a gateway, and so on."""

        def condition(report):
            link = self.link(name, report)
            return link is not None and all(_value(link, k) == v for k, v in expected.items())

        return condition


def _value(link, key):
    if key == "ip4":
        return [a["addr"] for a in link["addresses"] if ":" not in a["addr"]]
    if key == "gateway4":
        return link["route4"]["gateway"]
    return link[key]


def n_context_switches(pid):
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def anna(the_lab):
    return the_lab.host("anna")


@pytest.fixture
def lan(the_lab, anna):
    """A network card, lan0, that is plugged in and up."""
    router = the_lab.host("router")
    the_lab.cable(anna, "lan0", router, "lan0")
    for host in (anna, router):
        host.ip("link set lan0 up")
    return router


def test_kinds_are_the_kernels(anna, lan):
    watcher = Watcher(anna)
    expected = {"lo": "loopback", "lan0": "veth"}
    for name, kind, command in (
        ("wg7", "tunnel", "tuntap add wg7 mode tun"),  # a name says nothing
        ("tap0", "tunnel", "tuntap add tap0 mode tap"),
        ("wlan0", "bridge", "link add wlan0 type bridge"),
        ("eth0", "dummy", "link add eth0 type dummy"),
        ("lan0.7", "vlan", "link add lan0.7 link lan0 type vlan id 7"),
        ("mv0", "macvlan", "link add mv0 link lan0 type macvlan"),
    ):
        try:
            anna.ip(command)
            expected[name] = kind
        except AssertionError:
            continue  # this kernel has no such driver
    watcher.until("all of them", lambda report: len(report["links"]) == len(expected))
    assert {link["name"]: link["kind"] for link in watcher.reports()[-1]["links"]} == expected
    assert {"bridge", "tunnel"} <= set(expected.values())


def test_a_burst_is_one_report(anna, lan):
    watcher = Watcher(anna)
    time.sleep(QUIET)
    n = len(watcher.reports())
    anna.ip(
        *(f"address add 192.168.77.{i}/24 dev lan0" for i in range(1, 51)),
        "route add default via 192.168.77.254",
    )
    watcher.until(
        "50 addresses and the route",
        lambda report: len(_value(watcher.link("lan0", report), "ip4")) == 50
        and watcher.link("lan0", report)["route4"]["gateway"] == "192.168.77.254",
    )
    time.sleep(QUIET)
    assert len(watcher.reports()) == n + 1


def test_what_changes_nothing_is_not_reported(anna, lan):
    anna.ip("address add 192.168.77.11/24 dev lan0", "route add default via 192.168.77.1")
    watcher = Watcher(anna)
    time.sleep(QUIET)
    n = len(watcher.reports())
    anna.ip(
        "link set lan0 alias nothing",
        "route add 10.0.0.0/8 via 192.168.77.1",
        "route add default via 192.168.77.2 metric 500",
        "address add 10.1.1.1/32 dev lan0",
        "address del 10.1.1.1/32 dev lan0",
    )
    time.sleep(QUIET)
    assert len(watcher.reports()) == n


def test_everything_may_come_late(anna, lan):
    watcher = Watcher(anna)
    time.sleep(1)
    anna.ip("address add 192.168.77.11/24 dev lan0")
    watcher.until("the address", watcher.has("lan0", ip4=["192.168.77.11/24"], gateway4=""))
    time.sleep(1)
    anna.ip("route add default via 192.168.77.1 metric 100")
    watcher.until("the route", watcher.has("lan0", gateway4="192.168.77.1"))
    anna.ip("route add default via 192.168.77.2 metric 50")
    watcher.until("a better route", watcher.has("lan0", gateway4="192.168.77.2"))
    anna.ip("route del default via 192.168.77.2")
    watcher.until("the first route again", watcher.has("lan0", gateway4="192.168.77.1"))
    lan.ip("link set lan0 down")
    watcher.until("the carrier is gone", watcher.has("lan0", running=False), seconds=1.5)


def test_a_link_that_is_made_anew_is_another_one(anna):
    anna.ip("link add wg0 type bridge")
    watcher = Watcher(anna)
    before = watcher.link("wg0")["ifindex"]
    anna.ip("link del wg0", "link add wg0 type bridge")

    def is_another(report):
        link = watcher.link("wg0", report)
        return link is not None and link["ifindex"] != before

    watcher.until("another index", is_another)
    anna.ip("link set wg0 name wg1")
    watcher.until("the new name", lambda report: watcher.link("wg1", report) is not None)


@pytest.mark.parametrize("address", ["unix:path=/nonexistent", "nonsense:"])
def test_no_bus_is_needed(anna, lan, address):
    watcher = Watcher(anna, DBUS_SYSTEM_BUS_ADDRESS=address)
    anna.ip("address add 192.168.77.11/24 dev lan0")
    watcher.until("the address", watcher.has("lan0", ip4=["192.168.77.11/24"]))


def test_a_storm_of_events_costs_little(anna, lan):
    """256 interfaces, 1,000 link events a second: at most 10 % of one processor."""
    anna.ip(*(f"link add d{i} type bridge" for i in range(252)))
    watcher = Watcher(anna, "--ends")
    time.sleep(QUIET)
    storm = anna.popen(["ip", "-batch", "-"], stdin=subprocess.PIPE, text=True)
    cpu, start, n = cpu_seconds(watcher.process.pid), time.monotonic(), 0
    n_lulls, before = 0, start
    while n < 3000:
        storm.stdin.write("".join(f"link set d{i} mtu {1400 + n % 7}\n" for i in range(5)))
        storm.stdin.flush()
        n += 5
        time.sleep(max(0, start + n / 1000 - time.monotonic()))
        now = time.monotonic()
        n_lulls += now - before > LULL
        before = now
    storm.stdin.close()
    assert storm.wait() == 0
    seconds = time.monotonic() - start
    used = cpu_seconds(watcher.process.pid) - cpu
    time.sleep(QUIET)
    watcher.end()
    last = watcher.reports()[-1]
    print(f"{used / seconds:.1%} of a processor, {last['changes']} changes in {seconds:.1f} s, {n_lulls} lulls")
    assert used / seconds <= 0.10 * lab.SLOW
    # Where a busy machine holds the storm up, each lull is a good moment to look.
    assert last["changes"] <= 12 * seconds + n_lulls
    assert watcher.link("d4", last)["mtu"] == 1400 + 2995 % 7


# --- with NetworkManager ------------------------------------------------------------------


@pytest.fixture
def nm(anna):
    if lab.BACKEND == "kernel":
        pytest.skip("NetworkManager is the same on every kernel, and slow under emulation")
    return NetworkManager(anna)


@pytest.fixture
def card(the_lab, anna):
    return Cable(the_lab, anna, "lan0")


@pytest.fixture
def sites(the_lab):
    return Site(the_lab, "a", 100), Site(the_lab, "b", 101)


AUTO = ("ipv4.method", "auto", "ipv6.method", "disabled")
MANUAL = (
    *("ipv4.method", "manual", "ipv4.addresses", "198.51.100.7/24"),
    *("ipv4.gateway", "198.51.100.1", "ipv4.dns", "198.51.100.53", "ipv6.method", "disabled"),
)


def on(watcher, site, name="lan0"):
    """A condition: the link has an address, the gateway and the name server of the site."""
    net = site.router.rsplit(".", 1)[0]

    def condition(report):
        link = watcher.link(name, report)
        addresses = _value(link, "ip4")
        return (
            len(addresses) == 1
            and addresses[0].startswith(net + ".")
            and link["route4"]["gateway"] == site.router
            and link["dns"] == [f"{net}.53"]
        )

    return condition


def assert_no_half_network(watcher):
    for report in watcher.reports():
        link = watcher.link("lan0", report)
        if link is not None and link["running"]:
            assert bool(_value(link, "ip4")) == bool(link["route4"]["gateway"]), report


def test_roaming(anna, nm, card, sites):
    nm.start()
    watcher = Watcher(anna)
    nm.add("dhcp", "lan0", *AUTO)
    for site in (*sites, sites[0]):
        card.plug(site)
        # DHCP takes its time; what counts is that all of it is there at the end.
        watcher.until("the address of the site", on(watcher, site), seconds=10)
        card.unplug()
        watcher.until("the carrier is gone", watcher.has("lan0", running=False))
        watcher.until("no address", watcher.has("lan0", ip4=[], gateway4=""), seconds=5)
    assert_no_half_network(watcher)


def test_a_short_replug_is_seen(anna, nm, card, sites):
    """NetworkManager says nothing about one that is shorter than its carrier wait."""
    nm.start()
    watcher = Watcher(anna)
    nm.add("dhcp", "lan0", *AUTO)
    card.plug(sites[0])
    watcher.until("the network", on(watcher, sites[0]), seconds=10)
    n = len(watcher.reports())
    card.unplug()
    time.sleep(0.15)
    card.plug(sites[0])
    watcher.until(
        "running again",
        lambda report: len(watcher.reports()) >= n + 2 and on(watcher, sites[0])(report),
        seconds=2,
    )
    assert any(not watcher.link("lan0", report)["running"] for report in watcher.reports()[n:])


def test_change_in_place(anna, nm, card, sites):
    nm.start()
    card.plug(sites[0])
    nm.add("fixed", "lan0", *MANUAL)
    watcher = Watcher(anna)
    watcher.until("the network", on(watcher, sites[0]), seconds=10)
    nm.cli(
        *("connection", "modify", "fixed", "ipv4.addresses", "198.51.100.8/25"),
        *("ipv4.gateway", "198.51.100.2", "ipv4.dns", "198.51.100.54"),
    )
    nm.cli("device", "reapply", "lan0")
    watcher.until(
        "the new settings",
        watcher.has(
            "lan0",
            ip4=["198.51.100.8/25"],
            gateway4="198.51.100.2",
            dns=["198.51.100.54"],
        ),
    )
    assert_no_half_network(watcher)


def test_networkmanager_comes_dies_and_comes_back(anna, nm, card, sites):
    card.plug(sites[0])
    anna.ip("link set lan0 up")
    watcher = Watcher(anna)  # before there is a NetworkManager
    nm.start()
    nm.add("fixed", "lan0", *MANUAL)
    watcher.until("the network", on(watcher, sites[0]), seconds=10)
    time.sleep(QUIET)
    n = len(watcher.reports())
    network = watcher.reports()[-1]["network"]

    nm.kill()
    time.sleep(QUIET)
    assert len(watcher.reports()) == n, "the network is the same without NetworkManager"
    anna.ip("address add 192.168.77.11/24 dev lan0")
    watcher.until("a change meanwhile", lambda report: report["network"] != network)
    anna.ip("address del 192.168.77.11/24 dev lan0")
    watcher.until("and back", lambda report: report["network"] == network)

    nm.start()
    time.sleep(1)
    assert watcher.reports()[-1]["network"] == network
    nm.cli("connection", "modify", "fixed", "ipv4.dns", "198.51.100.55")
    nm.cli("device", "reapply", "lan0")
    watcher.until("a new name server", watcher.has("lan0", dns=["198.51.100.55"]))


def test_signals_in_the_name_of_networkmanager_change_nothing(anna, nm, card, sites):
    """A local user may send any signal straight to our connection (CVE-2024-34397)."""
    nm.start()
    card.plug(sites[0])
    nm.add("fixed", "lan0", *MANUAL)
    watcher = Watcher(anna)
    watcher.until("the network", on(watcher, sites[0]), seconds=10)
    time.sleep(QUIET)
    n = len(watcher.reports())
    bus = ("dbus-send", "--system", "--print-reply=literal", "--dest=org.freedesktop.DBus")
    names = anna.run(*bus, "/", "org.freedesktop.DBus.ListNames").split()
    device = "/org/freedesktop/NetworkManager/Devices/1"
    for name in (name for name in names if name.startswith(":")):
        signal = ("dbus-send", "--system", "--type=signal", f"--dest={name}")
        for path in (device, device[:-1] + "2", device[:-1] + "3"):
            anna.run(
                *(*signal, path, "org.freedesktop.NetworkManager.Device.StateChanged"),
                *("uint32:30", "uint32:100", "uint32:0"),
            )
        anna.run(
            *(*signal, "/org/freedesktop/DBus", "org.freedesktop.DBus.NameOwnerChanged"),
            *("string:org.freedesktop.NetworkManager", "string::1.1", "string:"),
        )
    time.sleep(QUIET)
    assert len(watcher.reports()) == n
    assert on(watcher, sites[0])(watcher.reports()[-1])


def test_idle_means_asleep(anna, nm, card, sites):
    nm.start()
    card.plug(sites[0])
    nm.add("fixed", "lan0", *MANUAL)
    watcher = Watcher(anna)
    watcher.until("the network", on(watcher, sites[0]), seconds=10)
    time.sleep(2)
    before = n_context_switches(watcher.process.pid)
    time.sleep(4)
    assert n_context_switches(watcher.process.pid) == before
