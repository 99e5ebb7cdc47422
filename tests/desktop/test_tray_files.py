# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for the desktop is what desktops expect."""

import re
import shutil
import struct
import subprocess

from desktop import BUILD, ROOT

ICONS = ROOT / "resources/icons/hicolor"


def test_desktop_files_are_valid():
    for name in ("org.wgautopeer.Tray.desktop", "org.wgautopeer.Tray.autostart.desktop"):
        path = BUILD / "resources" / name
        subprocess.run(["desktop-file-validate", "--warn-kde", path], check=True)
        assert "[de]=" in path.read_text(), "it speaks German"


# Names on the system bus begin with a capital letter, and this one is the tray's there.
PEDANTRY = "cid-contains-uppercase-letter"


def check_metainfo(path):
    """Everything that appstreamcli finds, even what it calls pedantic, is to be known."""
    argv = ["appstreamcli", "validate", "--no-net", "--pedantic", "--no-color", "--format=yaml", path]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    tags = re.findall(r"tag: (\S+)", done.stdout)
    assert set(tags) <= {PEDANTRY}, done.stdout
    return path.read_text()


def test_metainfo_is_valid():
    text = check_metainfo(BUILD / "resources/org.wgautopeer.Tray.metainfo.xml")
    assert 'xml:lang="de"' in text
    assert "A coordination server for the hub" in text, "it has the news"
    assert "<image" not in text or "https://" in text


def test_metainfo_of_a_project_with_a_website(tmp_path):
    source = BUILD / "resources/org.wgautopeer.Tray.metainfo.xml.translated"
    path = tmp_path / "org.wgautopeer.Tray.metainfo.xml"
    program = ROOT / "resources/metainfo"
    subprocess.run([program, ROOT / "NEWS", source, path, "https://example.org/wg-autopeer/"], check=True)
    text = check_metainfo(path)
    pictures = re.findall(r">https://example.org/wg-autopeer/(docs/[\w-]+\.png)<", text)
    assert len(pictures) == 2
    for picture in pictures:
        head = (ROOT / picture).read_bytes()[16:24]
        size = struct.unpack(">2I", head)
        assert 'width="%d" height="%d">https://example.org/wg-autopeer/%s' % (*size, picture) in text


def test_icon_cache_takes_all_icons(tmp_path):
    theme = tmp_path / "hicolor"
    shutil.copytree(ICONS, theme)
    shutil.copy("/usr/share/icons/hicolor/index.theme", theme)
    subprocess.run(["gtk-update-icon-cache", "--force", "--quiet", theme], check=True)
    subprocess.run(["gtk-update-icon-cache", "--validate", "--quiet", theme], check=True)
    cache = (theme / "icon-theme.cache").read_bytes()
    for path in theme.rglob("*.svg"):
        assert path.stem.encode() in cache, path


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
