# SPDX-License-Identifier: GPL-3.0-or-later
"""What is released: Debian packages, from building them to living with them; other packagers' files."""

import filecmp
import json
import re
import shutil
import subprocess

import building
import pytest
import system
from building import ROOT, run
from lab import until

PROGRAM = "/usr/libexec/wg-autopeer-helper"
HELPER, SERVER = "wg-autopeer.service", "wg-autopeer-server.service"

# Files that dpkg, apt and systemd keep for themselves.
NOT_OURS = re.compile(
    r"/var/lib/(dpkg|apt|systemd)/|/var/(cache|log)/|/etc/(passwd|group|g?shadow|subuid|subgid)-"
    r"|/usr/share/icons/hicolor/icon-theme.cache"
)

# For somebody who has not told git who he is.
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]


def test_packages_please_lintian(built):
    (changes,) = built.directory.glob("*.changes")
    _, said = run("lintian", "--pedantic", "--display-info", "--allow-root", changes, check=False)
    assert said.strip() == ""


def test_two_builds_give_the_same_bytes(built, tmp_path):
    """Built elsewhere, at another time, from files of another age, by somebody with other habits."""
    place = "/tmp/another/place/of/a/different/length"
    other = building.Built(
        place, binary_only=True, at=1_000_000_000, LC_ALL="C", TZ="Pacific/Kiritimati", USER="somebody"
    )
    pairs = list(zip(built.all_debs(), other.all_debs(), strict=True))
    assert len(pairs) == 6
    different = [one.name for one, two in pairs if not filecmp.cmp(one, two, shallow=False)]
    shutil.rmtree(place)
    assert different == []


def test_versions_agree():
    version = building.version()
    spec = (ROOT / "packaging/rpm/wg-autopeer.spec").read_text(encoding="utf-8")
    pkgbuild = (ROOT / "packaging/arch/PKGBUILD").read_text(encoding="utf-8")
    changelog = (ROOT / "debian/changelog").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^Version: +(.*)", spec) == [version]
    assert re.findall(r"(?m)^pkgver=(.*)", pkgbuild) == [version]
    assert re.match(r"wg-autopeer \((.*?)\)", changelog).group(1) == version


def test_rpm_spec_is_read_by_rpm():
    spec = ROOT / "packaging/rpm/wg-autopeer.spec"
    run("rpmspec", "--parse", spec)
    _, names = run("rpmspec", "--query", "--queryformat", "%{name}\n", spec)
    assert set(names.split()) == {"wg-autopeer", "wg-autopeer-tray", "wg-autopeer-server"}


def test_pkgbuild_is_read_by_makepkg(tmp_path):
    """makepkg does not work for root, and asks for a pacman that it then does not use."""
    directory = "/tmp/pkgbuild"
    shutil.copytree(ROOT / "packaging/arch", directory)
    shutil.chown(directory, "nobody")
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    _, said = run(*nobody, "makepkg", "--printsrcinfo", cwd=directory, env={"PACMAN": "true"})
    names = re.findall(r"(?m)^pkgname = (.*)", said)
    assert names == ["wg-autopeer", "wg-autopeer-tray", "wg-autopeer-server"]


@pytest.fixture(scope="module")
def repository():
    """A copy of the tree under git, configured for an unusual place."""
    tree = building.copy_tree("/tmp/repository")
    run(*GIT, "init", "--quiet", cwd=tree)
    run(*GIT, "add", "--all", cwd=tree)
    run(*GIT, "commit", "--quiet", "--message", "all", cwd=tree)
    run("meson", "setup", "build", "--prefix=/opt/autopeer", "-Dtests=false", cwd=tree)
    return tree


def test_another_prefix_is_heeded(repository):
    plan = repository / "build/meson-info/intro-installed.json"
    installed = json.loads(plan.read_text(encoding="utf-8"))
    assert len(installed) > 20
    assert [path for path in installed.values() if not path.startswith("/opt/autopeer/")] == []
    unit = (repository / "build/resources/wg-autopeer.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/autopeer/libexec/wg-autopeer-helper" in unit


def test_release_without_news_is_refused(repository):
    dist = ["meson", "dist", "-C", "build", "--no-tests", "--formats", "gztar", "--allow-dirty"]
    run(*dist, cwd=repository)
    made = repository / f"build/meson-dist/wg-autopeer-{building.version()}.tar.gz"
    assert made.exists()
    made.unlink()
    news = repository / "NEWS"
    text = news.read_text(encoding="utf-8")
    news.write_text(text.replace(building.version(), "0.0.1", 1), encoding="utf-8")
    run(*GIT, "commit", "--quiet", "--all", "--message", "news", cwd=repository)
    status, said = run(*dist, cwd=repository, check=False)
    assert status != 0 and "does not begin with an entry" in said
    assert not made.exists()


def test_without_systemd_the_helper_ends_with_its_package(built, tmp_path):
    """In this machine itself, whose first process is not systemd: the bus starts the helper."""
    quick = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends"]
    run("rm", "-f", "/var/lib/man-db/auto-update")
    bus = system.Bus(tmp_path / "bus.log")
    try:
        run(*quick, "install", built.debs()["wg-autopeer"])
        with subprocess.Popen(["wg-autopeer", "hold"], stdout=subprocess.DEVNULL) as hold:
            try:
                until(20, "the helper is started", lambda: system.pids_of(PROGRAM))
                run(*quick, "remove", "wg-autopeer")
                assert system.pids_of(PROGRAM) == []
            finally:
                hold.terminate()
        run(*quick, "purge", "wg-autopeer")
    finally:
        bus.close()


def files_of(machine):
    """Everything that is on its disk and may be ours, and who its users are."""
    found = machine.run("find", "/etc", "/usr", "/var", "/opt", "-xdev")
    users = machine.run("getent", "passwd") + machine.run("getent", "group")
    return {path for path in found.splitlines() if not NOT_OURS.match(path)}, users


def network_of(laptop):
    """What an administrator set up there, as far as it might be touched."""
    host = laptop.host
    routes = [host.run("ip", family, what) for family in ("-4", "-6") for what in ("route", "rule")]
    addresses = host.run("ip", "-oneline", "address", "show", "scope", "global")
    return laptop.tunnel.config(), addresses, routes, host.run("nft", "list", "ruleset")


def foreign_peers(laptop, other):
    return [peer for peer in laptop.tunnel.config()[1] if peer[0] != other.tunnel.public]


def until_direct(office, seconds=30):
    for one, other in (office.laptops, office.laptops[::-1]):
        one.until_path(other.tunnel.ip4, "direct", seconds)


def use_userspace(machine, unit, dropin):
    """wireguard-go's control socket is root's."""
    target = f"/etc/systemd/system/{unit}.d/userspace.conf"
    machine.run("install", "-D", "-m", "644", f"/usr/share/doc/wg-autopeer/{dropin}", target)
    machine.run("systemctl", "daemon-reload")


def test_life_of_the_packages(built, vpn_of_machines):
    """Installed, used, upgraded, removed and purged by an administrator who has a peer of his own."""
    office = vpn_of_machines
    hub, (anna, ben) = office.hub, office.laptops
    previous = built.previous()
    names = {laptop.host: ["wg-autopeer", "wg-autopeer-tray"] for laptop in office.laptops}
    names[hub] = ["wg-autopeer-server"]
    anna.tunnel.befriend()
    networks = [network_of(laptop) for laptop in office.laptops]
    for laptop in office.laptops:
        laptop.ping(office.vpn.server4, count=1)
    files = {}
    for machine in office.machines:
        files[machine] = files_of(machine)
        machine.install([previous[name] for name in names[machine]])

    # What was installed waits to be wanted.
    assert hub.show(SERVER, "ActiveState", "UnitFileState") == ["inactive", "disabled"]
    assert anna.host.show(HELPER, "ActiveState", "UnitFileState") == ["inactive", "disabled"]

    use_userspace(hub, "wg-autopeer-server-reader@.service", "server-userspace.conf")
    hub.run("systemctl", "enable", "--now", SERVER)
    for laptop in office.laptops:
        use_userspace(laptop.host, HELPER, "userspace.conf")
        # The lab's cables are not Ethernet's.
        laptop.host.write("/etc/wg-autopeer/wg-autopeer.conf", "[Network]\nLinkKinds=veth\n")
        laptop.host.log_in("wg-autopeer", "hold")
    until_direct(office)
    assert foreign_peers(anna, ben) == networks[0][0][1]

    upgrade(office, built, names)
    until_direct(office)
    assert foreign_peers(anna, ben) == networks[0][0][1]

    for laptop in office.laptops:
        laptop.host.apt("remove", "wg-autopeer")
    assert [network_of(laptop) for laptop in office.laptops] == networks
    anna.until_path(ben.tunnel.ip4, "hub")
    hub.apt("remove", "wg-autopeer-server")
    assert hub.run("ss", "-Hlnt", "sport", "=", ":80") == ""

    for machine in office.machines:
        # The drop-ins are the administrator's.
        machine.sh("rm -rf /etc/systemd/system/wg-autopeer*.service.d")
        machine.apt("purge", *names[machine])
        assert files_of(machine) == files[machine]


def upgrade(office, built, names):
    """Every program that ran is another process afterwards."""
    running = {office.hub: SERVER, office.anna.host: HELPER, office.ben.host: HELPER}
    for machine, unit in running.items():
        before = machine.show(unit, "MainPID", "ActiveState")
        machine.install([built.debs()[name] for name in names[machine]])
        until(20, f"{unit} runs again", lambda: machine.show(unit, "ActiveState") == ["active"], every=0.1)
        assert before[1] == "active" and machine.show(unit, "MainPID") != before[:1]
        for name in names[machine]:
            shown = machine.run("dpkg-query", "--show", "--showformat=${Version}", name)
            assert shown == building.version()
