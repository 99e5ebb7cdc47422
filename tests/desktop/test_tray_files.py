# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for the desktop is what desktops expect."""

import re
import subprocess

from desktop import BUILD, ROOT

ICONS = ROOT / "resources/icons/hicolor"


def test_desktop_files_are_valid():
    for name in ("org.wgautopeer.Tray.desktop", "org.wgautopeer.Tray.autostart.desktop"):
        path = BUILD / "resources" / name
        subprocess.run(["desktop-file-validate", path], check=True)
        assert "[de]=" in path.read_text(), "it speaks German"


def test_metainfo_is_valid():
    path = BUILD / "resources/org.wgautopeer.Tray.metainfo.xml"
    subprocess.run(["appstreamcli", "validate", "--no-net", "--no-color", path], check=True)
    assert 'xml:lang="de"' in path.read_text()


def test_every_icon_that_is_named_is_there():
    words = (ROOT / "tray/words.c").read_text()
    named = set(re.findall(r'"(org\.wgautopeer\.Tray-[a-z-]+)"', words))
    there = {path.stem for path in (ICONS / "symbolic/apps").glob("*.svg")}
    assert named == there and len(named) == 6
    assert (ICONS / "scalable/apps/org.wgautopeer.Tray.svg").exists()


def test_symbolic_icons_are_only_filled():
    """GTK recolours what is filled, and nothing else."""
    for path in (ICONS / "symbolic/apps").glob("*.svg"):
        assert "stroke" not in path.read_text(), path
