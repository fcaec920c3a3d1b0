"""PostgreSQL's server, Chromium and git: the machine's or unpacked ones."""

import glob
import os
import re
import shutil
from pathlib import Path

from . import apt, config
from .report import StepFailed

FOLDER = config.CACHE / "programs"
WRAPPERS = config.CACHE / "wrappers"
FONTS_CONFIGURATION = Path("/etc/fonts/fonts.conf")
CHROMIUM_NAMES = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")


def _library_path(root: Path) -> str:
    """Library folders of an unpacked tree, for LD_LIBRARY_PATH."""
    found = {str(Path(lib).parent) for lib in root.glob("**/*.so*")}
    wanted = re.compile(r"/lib(/[^/]*-linux-gnu[^/]*)?(/(pulseaudio|blas|lapack|chromium))?$")
    return os.pathsep.join(sorted(path for path in found if wanted.search(path)))


def wrap(name: str, binary: Path, *roots: Path, unheard: str = "", **variables: str) -> Path:
    """Write a small script, in a folder of its own, that starts an unpacked program.

    :param roots: unpacked trees with the libraries, and maybe the fonts, that it needs.
    :param unheard: how lines begin that nobody wants to read among its complaints.
    """
    variables["LD_LIBRARY_PATH"] = os.pathsep.join(map(_library_path, roots))
    for root in roots:
        if (root / "etc/fonts/fonts.conf").exists() and not FONTS_CONFIGURATION.exists():
            variables["FONTCONFIG_FILE"] = str(_fonts_configuration(root))
    exports = [f"export {key}='{value}'" for key, value in variables.items() if value]
    # Replaces the shell, so that signals and the exit code are the program's own.
    complaints = f" 2> >(grep -av '^{unheard}' >&2)" if unheard else ""
    lines = ["#!/usr/bin/env bash", *exports, f"exec '{binary}' \"$@\"{complaints}"]
    script = WRAPPERS / name / name
    script.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: another command may be starting it.
    building = script.with_suffix(f".{os.getpid()}")
    building.write_text("\n".join(lines) + "\n")
    building.chmod(0o755)
    building.replace(script)
    return script


def _fonts_configuration(root: Path) -> Path:
    """A fontconfig file for fonts that lie in the unpacked tree."""
    file = root / "fonts.conf"
    file.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig><dir>{root}/usr/share/fonts</dir><dir>/usr/share/fonts</dir>"
        f"<cachedir>{config.CACHE}/fontconfig</cachedir></fontconfig>\n"
    )
    return file


def postgresql() -> Path:
    """Folder with initdb, pg_ctl and postgres (the newest version found)."""

    def newest(root: str) -> Path | None:
        found = glob.glob(f"{root}/usr/lib/postgresql/*/bin/postgres")
        found.sort(key=lambda path: int(path.split("/")[-3]))
        return Path(found[-1]).parent if found else None

    on_path = shutil.which("postgres") and Path(shutil.which("postgres")).resolve().parent
    here = newest("") or on_path
    if here:
        return here
    root = FOLDER / "postgresql"
    apt.ensure("PostgreSQL", root, lambda to: apt.with_dependencies(["postgresql"], to))
    unpacked = newest(str(root))
    if not unpacked:
        raise StepFailed(f"No PostgreSQL server in {root}. Delete that folder and try again.")
    return unpacked


def postgresql_environment(binaries: Path) -> dict[str, str]:
    """Libraries for a server that was unpacked into the cache."""
    root = FOLDER / "postgresql"
    if root in binaries.parents:
        return {"LD_LIBRARY_PATH": _library_path(root)}
    return {}


def chromium() -> Path:
    """Chromium's (or Chrome's) program."""
    for name in CHROMIUM_NAMES:
        if shutil.which(name):
            return Path(shutil.which(name))
    root = FOLDER / "chromium"
    packages = ["chromium", "fontconfig-config", "fonts-dejavu-core"]
    apt.ensure("Chromium", root, lambda to: apt.with_dependencies(packages, to))
    return wrap("chromium", root / "usr/lib/chromium/chromium", root)


def git() -> Path:
    """Git, which pre-commit needs to list files."""
    if shutil.which("git"):
        return Path(shutil.which("git"))
    root = FOLDER / "git"
    apt.ensure("git", root, lambda to: apt.with_dependencies(["git"], to))
    variables = {"GIT_EXEC_PATH": f"{root}/usr/lib/git-core"}
    return wrap("git", root / "usr/bin/git", root, **variables)
