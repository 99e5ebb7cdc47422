# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper on demand works while somebody holds it, and a pause is a pause."""

import signal

import topology
from lab import until
from product import CLI, Helper
from scene import Scene


def scene_on_demand(world):
    """Ben's helper is there for good, anna's for whoever holds it."""
    scene = Scene(world).connect()
    scene.anna.host.nft(
        "table inet questions { chain out { type filter hook output priority 0;"
        " tcp dport 80 tcp flags syn / syn,ack counter; }\n}"
    )
    scene.before = scene.anna.tunnel.config()
    scene.server.start()
    scene.ben.helper = Helper(scene.ben).start()
    scene.anna.helper = Helper(scene.anna).start("--on-demand")
    until(5, "anna's helper is there", lambda: state(scene.anna) == "idle")
    return scene


def state(laptop):
    text = laptop.helper.cli("status", "--json", check=False)
    return laptop.helper.status()["state"] if text.startswith("{") else None


def n_questions(laptop):
    text = laptop.host.run("nft", "list", "table", "inet", "questions")
    return int(text.split("counter packets ")[1].split()[0])


def hold(laptop):
    return laptop.host.start("hold", CLI, "hold")


def test_nobody_is_asked_before_somebody_holds_it(world):
    scene = scene_on_demand(world)
    topology.sleep(3)
    assert n_questions(scene.anna) == 0
    assert scene.anna.tunnel.config() == scene.before

    hold(scene.anna)
    scene.until_direct()
    assert n_questions(scene.anna) > 0


def test_last_holder_leaves_the_device_as_it_was(world):
    scene = scene_on_demand(world)
    tray, terminal = hold(scene.anna), hold(scene.anna)
    scene.until_direct()
    tray.kill()
    topology.sleep(1)
    assert scene.anna.path(scene.ben.tunnel.ip4) == "direct"

    terminal.signal(signal.SIGINT)
    until(2, "all is undone", lambda: scene.anna.tunnel.config() == scene.before)
    scene.anna.until_path(scene.ben.tunnel.ip4, "hub")
    assert state(scene.anna) == "idle"
    assert scene.anna.helper.process.wait(40) == 0, "and it leaves"


def test_pause_sends_everything_by_the_hub_until_resumed(world):
    scene = Scene(world)
    before = scene.anna.tunnel.config()
    scene.start().until_direct()
    scene.anna.helper.cli("pause")
    until(2, "all is undone", lambda: scene.anna.tunnel.config() == before)
    status = scene.anna.helper.status()
    assert (status["state"], status["enabled"], status["pause"]) == ("paused", True, "resume")
    assert [tunnel["reason"] for tunnel in status["tunnels"]] == ["paused"]

    scene.anna.helper.stop()
    scene.anna.helper.start()
    until(5, "it remembers", lambda: state(scene.anna) == "paused")
    scene.anna.helper.cli("resume")
    scene.until_direct(seconds=20)


def test_pause_for_a_network_ends_on_another(world):
    scene = Scene(world).start().until_direct()
    scene.anna.helper.cli("pause", "network")
    until(2, "it is paused", lambda: state(scene.anna) == "paused")
    scene.anna.link_down()
    topology.sleep(2)
    scene.anna.link_up()
    topology.sleep(12)
    assert state(scene.anna) == "paused", "the same network again"

    scene.anna.host.ip(
        f"addr del {scene.anna.lan4}/24 dev eth0",
        "addr add 192.168.77.99/24 dev eth0",
        "route replace default via 192.168.77.1",
    )
    until(20, "the pause is over", lambda: state(scene.anna) != "paused", every=0.2)


def test_resync_waits_for_the_answer(world):
    scene = Scene(world).start().until_direct()
    assert scene.anna.helper.cli("resync", "--wait") == "1 of 1 peer direct\n"
    scene.server.stop()
    assert "wg0: " in scene.anna.host.sh(f"{CLI} resync --wait 2>&1 || true")
