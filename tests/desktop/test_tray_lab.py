# SPDX-License-Identifier: GPL-3.0-or-later
"""The tray of a laptop of the lab: real helpers, a real tunnel, another laptop in the same office."""

import os
import sys

import pytest
import surroundings
from desktop import ROOT, Tray, until

os.environ["AP_LAB_ENTERED"] = "1"  # the machine around us is as good
sys.path.insert(0, str(ROOT / "tests/lab"))

import lab  # noqa: E402
import product  # noqa: E402
import topology  # noqa: E402
from scene import Scene  # noqa: E402

SERVICE = """[D-BUS Service]
Name=org.wgautopeer.Autopeer1
Exec={command}
User=root
"""


class OnDemand(product.Helper):
    """A helper that the bus starts when the tray asks for it."""

    def __init__(self, laptop):
        super().__init__(laptop, bus=False)
        argv = [*self.argv(), "--on-demand", "--verbose"]
        service = SERVICE.format(command=" ".join(map(str, argv)))
        self.host.write("/run/dbus/services/org.wgautopeer.Autopeer1.service", service)
        product.start_bus(self.host, "<servicedir>/run/dbus/services</servicedir>")


@pytest.fixture
def scene(request):
    with lab.Lab() as the_lab:
        scene = Scene(topology.World(the_lab)).connect()
        scene.anna.tunnel.befriend()
        scene.server = product.PlainServer(scene.vpn).start()
        scene.before = scene.anna.tunnel.config()
        scene.anna.helper = OnDemand(scene.anna)
        scene.ben.helper = product.Helper(scene.ben).start()
        yield scene
        if surroundings.has_failed(request):
            surroundings.show_logs(the_lab)


def start_tray(desktop, laptop):
    """The tray in the laptop, on the desktop's screen. Without polkit only root may ask."""
    home = desktop.directory / "home"
    home.mkdir()
    environment = {**desktop.environment, "HOME": str(home)}
    environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/run/dbus/system_bus_socket"
    process = laptop.host.start("tray", "wg-autopeer-tray", env=environment)
    desktop.processes["tray"] = process.popen
    tray = Tray(desktop)
    until(10, "the icon on the panel", tray.is_registered)
    return tray


def test_tray_of_a_laptop(start_desktop, scene):
    anna, ben = scene.laptops
    desktop = start_desktop()
    desktop.start_panel()
    tray = start_tray(desktop, anna)

    # The tray had the helper started, and shows within a second that ben is direct.
    anna.until_path(ben.tunnel.ip4, "direct")
    until(1, "the direct path in the menu", lambda: tray.find("1 of 1 peer direct"))
    assert tray.find(f"{ben.tunnel.ip4} – direct at {ben.lan4}")
    tray.wait_for_icon("direct")
    desktop.shot("lab-direct")

    asked = len(scene.server.requests())
    tray.pick("Re-sync")
    until(5, "the question at the server", lambda: len(scene.server.requests()) > asked)
    tray.wait_for("Re-sync – done at")

    tray.pick("Until I resume")
    tray.wait_for("Paused: everything goes by the hub")
    anna.until_path(ben.tunnel.ip4, "hub")
    tray.pick("Resume")
    anna.until_path(ben.tunnel.ip4, "direct")
    until(1, "the direct path in the menu", lambda: tray.find("1 of 1 peer direct"))

    # Nobody else wants the helper: the device is as it was.
    process = desktop.processes["tray"]
    tray.pick("Quit")
    until(5, "the tray to end", lambda: process.poll() is not None)
    assert process.returncode == 0
    until(5, "the device as before", lambda: anna.tunnel.config() == scene.before)
    anna.until_path(ben.tunnel.ip4, "hub")
