# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the packages in copies of the tree."""

import os
import re
import shutil
from pathlib import Path

import surroundings

ROOT = Path(__file__).resolve().parents[2]

PREVIOUS = "0~previous"


def run(*argv, env=None, timeout=1200, **options):
    """As of surroundings.py; what is built takes its time. `env` is added to what there is."""
    return surroundings.run(*argv, env={**os.environ, **(env or {})}, timeout=timeout, **options)


def _ignored(directory, names):
    built = "build" if Path(directory) == ROOT else "__pycache__"
    return [name for name in names if name in (".git", "__pycache__") or name.startswith(built)]


def copy_tree(target, at=None):
    """The source without what was built in it; `at` is when all of its files were last changed."""
    shutil.copytree(ROOT, target, ignore=_ignored, symlinks=True)
    for path in Path(target).rglob("*") if at else ():
        os.utime(path, (at, at), follow_symlinks=False)
    return Path(target)


def version():
    (found,) = re.findall(r"(?m)^  version: '(.*)',$", (ROOT / "meson.build").read_text(encoding="utf-8"))
    return found


class Built:
    """The packages of a copy of the tree below `directory`, which must always be the same one for
    the compiler's cache to be of use."""

    def __init__(self, directory, binary_only=False, at=None, **env):
        self.directory = Path(directory)
        self.source = copy_tree(self.directory / "source", at)
        options = ["--no-sign"] + ["--build=binary"] * binary_only
        build_options = {"DEB_BUILD_OPTIONS": "nocheck parallel=2", **_cache(), **env}
        run("dpkg-buildpackage", *options, cwd=self.source, env=build_options)

    def debs(self):
        """{package: file}, without those with debug symbols."""
        return {p.name.split("_")[0]: p for p in self.all_debs() if "-dbgsym" not in p.name}

    def all_debs(self):
        return sorted(self.directory.glob("*.deb"))

    def previous(self):
        """The same packages as an older version, as debs() has them."""
        target = self.directory / "previous"
        target.mkdir()
        for name, deb in self.debs().items():
            tree = self.directory / f"previous-{name}"
            run("dpkg-deb", "--raw-extract", deb, tree)
            control = tree / "DEBIAN/control"
            text = control.read_text(encoding="utf-8")
            text = re.sub(r"(?m)^Version: .*", f"Version: {PREVIOUS}", text)
            control.write_text(re.sub(r"\(= [^)]*\)", f"(= {PREVIOUS})", text), encoding="utf-8")
            run("dpkg-deb", "--build", "-z1", "--root-owner-group", tree, target)
        return {path.name.split("_")[0]: path for path in target.iterdir()}


def _cache():
    """The compiler's cache, if there is one: packages are built without a home of the builder's."""
    if shutil.which("ccache") is None:
        return {}
    return {"CCACHE_DIR": run("ccache", "--get-config", "cache_dir")[1].strip()}
