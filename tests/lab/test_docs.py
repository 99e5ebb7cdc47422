# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents tell people to type and to configure, tried as they stand there."""

import base64
import hashlib
import ipaddress
import json
import re
import sys
from configparser import ConfigParser
from types import SimpleNamespace

import demo
import lab
import product
import pytest
import topology
from lab import until
from scene import Scene

sys.path.append(str(lab.ROOT / "tests/docs"))

from snippets import name_of, of_kind  # noqa: E402

PROGRAMS = {
    "wg-autopeer": product.CLI,
    "wg-autopeer-helper": product.HELPER,
    "wg-autopeer-server": product.SERVER,
}

# They go on until Ctrl-C, which comes soon here: once even a busy machine has started them.
ENDLESS = ("monitor", "hold")
CTRL_C_SEC = 1.5 * lab.SLOW
COMMAND_LINE = f"""#!/bin/sh
case $1 in {"|".join(ENDLESS)}) exec timeout --preserve-status --signal=INT {CTRL_C_SEC} {product.CLI} "$@";; esac
exec {product.CLI} "$@"
"""


def furnish(host):
    """Gives a host an /etc of its own, and our programs on its path."""
    host.sh(
        """mkdir -p /run/etc /run/etc.work /run/bin
           mount -t overlay etc -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work /etc
           rm -rf /etc/wireguard
           mkdir -p -m 700 /etc/wireguard
           mkdir -p /etc/wg-autopeer/conf.d"""
    )
    for name, path in PROGRAMS.items():
        host.sh(f"ln -s {path} /run/bin/{name}")
    host.sh("rm /run/bin/wg-autopeer; cat >/run/bin/wg-autopeer; chmod 755 /run/bin/wg-autopeer", stdin=COMMAND_LINE)


def type_in(host, text):
    """Runs what a reader would type, line by line; root needs no sudo."""
    script = "cd /run; export PATH=/run/bin:$PATH HOME=/run; sudo() { \"$@\"; }\n" + text
    return host.run("sh", "-exc", script)


@pytest.fixture(scope="module")
def scene():
    """Two laptops that are direct by our server, which has the options of a watched one."""
    with lab.Lab() as the_lab:
        scene = Scene(topology.World(the_lab)).connect()
        for host in (scene.world.hub, *(laptop.host for laptop in scene.laptops)):
            furnish(host)
        for snippet in of_kind("file"):
            scene.anna.host.write(snippet.words.split()[1], snippet.text)
        options = of_kind("server-options")[0].text.partition("=")[2].split()
        argv = [product.SERVER, *options, "--metrics=127.0.0.1:9586"]
        scene.server.process = scene.world.hub.start("server", *dict.fromkeys(argv))
        until(5, "the server listens", lambda: product._listens(scene.world.hub, scene.vpn.server4))
        for laptop in scene.laptops:
            laptop.helper = product.Helper(laptop).start()
        yield scene.until_direct()


@pytest.mark.parametrize("snippet", of_kind("shell", "laptop"), ids=name_of)
def test_typed_on_a_laptop(scene, snippet):
    type_in(scene.anna.host, snippet.text)
    if re.search("disable|pause", snippet.text):
        # For the next one, the server has to be asked anew.
        scene.anna.helper.cli("resync", "--wait", check=False)
        until(10, "the helper knows of ben", lambda: scene.anna.helper.peer(scene.ben))


@pytest.mark.parametrize("snippet", of_kind("shell", "hub"), ids=name_of)
def test_typed_on_the_hub(scene, snippet):
    assert type_in(scene.world.hub, snippet.text).strip()


def keys_of(text):
    parser = ConfigParser(interpolation=None, delimiters="=", strict=False)
    parser.optionxform = str
    parser.read_string(text)
    return {(group, key): value for group in parser.sections() for key, value in parser[group].items()}


@pytest.mark.parametrize("snippet", of_kind("helper.conf"), ids=name_of)
def test_configuration_of_the_helper(scene, snippet):
    path = scene.anna.host.write("/run/snippet.conf", snippet.text)
    script = f"{product.HELPER} --config={path} --print-config 2>/run/complaints"
    in_force = keys_of(scene.anna.host.sh(script))
    assert scene.anna.host.run("cat", "/run/complaints") == ""
    for name, value in keys_of(snippet.text).items():
        port = "(:80)?" if name[1] == "Server" else ""
        assert re.fullmatch(re.escape(value) + port, in_force[name]), (name, in_force[name])


@pytest.mark.parametrize("snippet", of_kind("server-options"), ids=name_of)
def test_options_of_the_server(scene, snippet):
    name, _, options = snippet.text.partition("=")
    assert name == "SERVER_OPTIONS"
    out = type_in(scene.world.hub, f"wg-autopeer-server {options.strip()} --version")
    assert out.startswith("wg-autopeer-server ")


@pytest.mark.parametrize("snippet", of_kind("server.conf"), ids=name_of)
def test_policy_of_the_server(scene, snippet):
    path = scene.world.hub.write("/run/snippet-server.conf", snippet.text)
    argv = [product.SERVER, "--interface=wg0", "--port=8099", f"--policy={path}"]
    server = scene.world.hub.start(f"server-{snippet.line}", *argv)
    try:
        until(5, "the server listens", lambda: product._listens(scene.world.hub, scene.vpn.server4, 8099))
        groups = len(re.findall(r"(?m)^\[Group ", snippet.text))
        assert re.search(rf"policy: (enabled|disabled), {groups} groups?", server.output()), server.output()
    finally:
        assert server.stop() == 0


def ask(scene, body):
    """Sends a request for anna; returns the answer."""
    argv = ["curl", "-sS", "-H", "Content-Type: application/json", "--data", body]
    return json.loads(scene.anna.host.run(*argv, f"http://{scene.vpn.server4}/peering-request"))


@pytest.mark.parametrize("snippet", of_kind("request"), ids=name_of)
def test_request_of_the_protocol(scene, snippet):
    asked = json.loads(snippet.text)
    asked[0].update(pubkey=scene.anna.tunnel.public, ip=scene.anna.lan4)
    # Held and numbered as those of the helper, it would be about its registration.
    asked[0].pop("wait", None)
    asked[0].pop("seq", None)
    answer = ask(scene, json.dumps(asked))
    assert [peer["pubkey"] for peer in answer["peers"]] == [scene.ben.tunnel.public]
    assert ("etag" in answer) == ("v" in asked[0])


def test_answer_of_the_protocol(scene):
    (snippet,) = of_kind("answer")
    told = json.loads(snippet.text)
    request = json.loads(of_kind("request")[-1].text)[0]
    request.update(pubkey=scene.anna.tunnel.public, ip=scene.anna.lan4)
    del request["wait"], request["seq"]
    answer = ask(scene, json.dumps([request]))
    # What only some neighbours have told, and what is only there at times.
    optional = {"hub_rtt_ms", "direct", "gone"}
    assert answer.keys() - optional == told.keys() - optional
    assert answer["peers"][0].keys() - optional == told["peers"][0].keys() - optional
    assert answer["peers"][0]["candidates"][0].keys() == told["peers"][0]["candidates"][0].keys()
    assert answer["you"].keys() == told["you"].keys()


@pytest.mark.parametrize("snippet", of_kind("link-local"), ids=name_of)
def test_address_of_a_key(snippet):
    key, address = snippet.text.split()
    digest = hashlib.sha1(base64.b64decode(key)).digest()
    assert ipaddress.IPv6Address(address).packed == b"\xfe\x80" + bytes(6) + digest[:8]


def told_steps(text):
    """The lines of the demonstration's steps, without what differs from one time to the next."""
    return [re.sub(r"[\d.]+ (ms|s)\b", "", line) for line in text.splitlines() if line.startswith("✔")]


def test_the_demonstration(the_lab, capsys):
    result = demo.play(the_lab)
    (snippet,) = of_kind("demo")
    assert result["direct"]
    assert told_steps(capsys.readouterr().out) == told_steps(snippet.text)


class ByHand:
    """A hub and two laptops that have nothing but what docs/hub.md says."""

    def __init__(self, world):
        office = world.site("office")
        self.world = world
        self.anna, self.ben = office.laptop("anna", 11), office.laptop("ben", 12)
        self.keys = {name: topology.make_key() for name in ("HUB", "ANNA", "BEN")}
        self.hosts = {"HUB": world.hub, "ANNA": self.anna.host, "BEN": self.ben.host}
        for host in self.hosts.values():
            furnish(host)

    def fill_in(self, text):
        text = text.replace("hub.example.org", topology.HUB4)
        for name, (private, public) in self.keys.items():
            text = text.replace(f"{name}_PRIVATE_KEY", private).replace(f"{name}_PUBLIC_KEY", public)
        return text

    def bring_up(self, name, text):
        host = self.hosts[name]
        host.write("/etc/wireguard/wg0.conf", self.fill_in(text))
        host.sh("chmod 600 /etc/wireguard/wg0.conf; exec wg-quick up wg0 2>&1")

    def bring_down(self):
        for host in self.hosts.values():
            host.run("wg-quick", "down", "wg0", check=False)


@pytest.fixture
def by_hand(world):
    by_hand = ByHand(world)
    yield by_hand
    by_hand.bring_down()


def start_server(by_hand):
    by_hand.world.hub.start("server", product.SERVER)
    until(5, "the server listens", lambda: product._listens(by_hand.world.hub, "10.9.0.1"))
    return [product.Helper(laptop).start() for laptop in (by_hand.anna, by_hand.ben)]


def start_gossip(by_hand):
    (config,) = of_kind("helper.conf", "gossip")
    members = (SimpleNamespace(host=by_hand.world.hub), by_hand.anna, by_hand.ben)
    return [product.Helper(member, config.text).start() for member in members]


@pytest.mark.parametrize("start", [start_server, start_gossip])
def test_a_hub_by_hand(by_hand, start):
    (hub,), (laptop,) = of_kind("wg-quick", "hub"), of_kind("wg-quick", "laptop")
    by_hand.bring_up("HUB", hub.text)
    by_hand.bring_up("ANNA", laptop.text)
    by_hand.bring_up("BEN", laptop.text.replace("ANNA", "BEN").replace("9.0.11", "9.0.12").replace("9::11", "9::12"))
    for host in (by_hand.anna.host, by_hand.ben.host):
        host.nft(of_kind("nft", "laptop")[0].text)
    by_hand.anna.until_path("10.9.0.12", "hub")
    helpers = start(by_hand)
    by_hand.anna.until_path("10.9.0.12", "direct", 20)
    by_hand.ben.until_path("10.9.0.11", "direct", 20)
    for helper in helpers:
        helper.stop()
