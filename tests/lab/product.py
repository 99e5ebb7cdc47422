# SPDX-License-Identifier: GPL-3.0-or-later
"""Our programs, started in hosts as an administrator would start them."""

import json
import struct
import sys
import time
from pathlib import Path

import lab
from lab import until

HELPER = lab.BUILD / "helper/engine/wg-autopeer-helper"
FETCH = lab.BUILD / "helper/fetch/wg-autopeer-fetch"
SERVER = lab.BUILD / "server/wg-autopeer-server"
CLI = lab.BUILD / "cli/wg-autopeer"

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  {more}
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow send_type="signal"/>
    <allow receive_sender="*"/>
  </policy>
  <include ignore_missing="yes">{policy}</include>
</busconfig>
"""

# Laptops of the lab are plugged in by veth, which no server is told about otherwise.
_CONFIG = """[Network]
LinkKinds=ethernet;wifi;veth
"""


def start_bus(host, more=""):
    """A system bus of the host's own, with the policy that we ship; `more` is XML."""
    policy = lab.ROOT / "resources/org.wgautopeer.Autopeer1.conf"
    config = host.write("/run/dbus/lab.conf", _BUS.format(policy=policy, more=more))
    bus = host.start("bus", "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile")
    until(5, "the bus is up", lambda: host.exists("/run/dbus/system_bus_socket"))
    return bus


class Clock:
    """The clocks of the programs that are started with it, as far ahead as a test wants them."""

    def __init__(self, the_lab):
        self.path = the_lab.logs / f"clock-{time.monotonic_ns()}.stream"
        self.env = {
            "LD_PRELOAD": str(lab.BUILD / "tests/lab/liblab-clock.so"),
            "LAB_CLOCK": str(self.path),
            # A sanitized helper would refuse to start behind another library.
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        }
        self.ahead = {"boot": 0.0, "wall": 0.0}
        self._write("wb")

    def jump(self, **seconds):
        """clock.jump(boot=20, wall=20): so much time has passed while nothing ran."""
        for name, more in seconds.items():
            self.ahead[name] += more
        self._write("rb+")

    def _write(self, mode):
        with open(self.path, mode) as file:
            file.write(struct.pack("=qq", *(int(ahead * 1e6) for ahead in self.ahead.values())))


class Helper:
    """The helper of one laptop, and what its command line says."""

    def __init__(self, laptop, config="", bus=True, clock=None):
        self.host = laptop.host
        self.laptop = laptop
        self.process = None
        self.env = clock.env if clock else None
        if bus:
            start_bus(self.host)
        self.config = self.host.write("/run/lab/wg-autopeer.conf", _CONFIG + config)
        self.host.sh("mkdir -p -m 700 /run/wg-autopeer /run/wg-autopeer-state")

    def argv(self):
        argv = [HELPER, "--config", self.config, "--runtime-dir", "/run/wg-autopeer"]
        argv += ["--state-dir", "/run/wg-autopeer-state", "--fetch", FETCH]
        # wireguard-go's control socket is root's.
        return argv + ["--user", "root"]

    def start(self, *options):
        self.process = self.host.start("helper", *self.argv(), "--verbose", *options, env=self.env)
        return self

    def stop(self):
        assert self.process.stop() == 0, "the helper ends in peace"

    def kill(self):
        self.process.kill()

    def undo(self):
        """What ExecStopPost= does after a crash."""
        self.host.run(*self.argv(), "--undo")

    def cli(self, *args, check=True):
        return self.host.run(CLI, *args, check=check)

    def status(self):
        return json.loads(self.cli("status", "--json"))

    def peer(self, other):
        """What it says of that laptop; None: nothing, or nobody answers yet."""
        answer = self.cli("status", "--json", check=False)
        peers = json.loads(answer)["peers"] if answer else []
        return next((p for p in peers if p["public_key"] == other.tunnel.public), None)


class Server:
    """Our own coordination server on the hub."""

    def __init__(self, vpn):
        self.vpn = vpn
        self.process = None

    def start(self):
        hub, ifname = self.vpn.world.hub, self.vpn.tunnel.ifname
        argv = [SERVER, "--interface", ifname, "--verbose"]
        self.process = hub.start(f"server-{ifname}", *argv)
        until(5, "the server listens", lambda: _listens(hub, self.vpn.server4))
        return self

    def stop(self):
        assert self.process.stop() == 0, "the server ends in peace"


class PlainServer:
    """One that behaves like WireGuard-Web; see plain_server.py for what `mode` takes."""

    def __init__(self, vpn):
        self.vpn = vpn
        self.hub = vpn.world.hub
        self.process = None
        self.log = vpn.world.lab.logs / "plain-server-requests.json"
        self.mode_file = vpn.world.lab.logs / "plain-server-mode.json"
        # The 30 s for which the real one keeps its view are for the tests that are about them.
        self.mode(cache=0)

    def mode(self, **members):
        temporary = self.mode_file.with_suffix(".new")
        temporary.write_text(json.dumps(members))
        temporary.rename(self.mode_file)

    def start(self):
        argv = [sys.executable, lab.ROOT / "tests/lab/plain_server.py"]
        argv += ["--interface", self.vpn.tunnel.ifname, "--address", self.vpn.server4]
        argv += ["--log", self.log, "--mode", self.mode_file]
        self.process = self.hub.start("plain-server", *argv)
        until(10, "the plain server listens", lambda: _listens(self.hub, self.vpn.server4))
        return self

    def stop(self):
        self.process.kill()

    def requests(self):
        """All requests so far: {"at", "from", "mode", "body"} each."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def _listens(host, address, port=80):
    """Whether something listens on that TCP address, without a connection that it would see."""
    want = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + f":{port:04X}"
    tables = [Path(f"/proc/{host.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    local = {row[1] for row in rows if row[3] == "0A"}
    anywhere = ("00000000:", "0" * 32 + ":")
    return any(
        at == want or at.endswith("FFFF0000" + want) or (at.startswith(anywhere) and at.endswith(f":{port:04X}"))
        for at in local
    )
