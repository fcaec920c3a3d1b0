"""wkhtmltopdf, with which Odoo prints: a patched one wherever it can be had.

Without its patches of Qt it prints no header and no footer, and refuses several
documents at once. Distributions have it without; a wheel has it with them.
"""

import glob
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

from . import apt, config, programs
from .process import locked, run
from .report import StepFailed, step

NAME = "wkhtmltopdf"
REQUIREMENTS = config.PROJECT / "tools" / "requirements-printing.txt"
# In the wheel, whatever its name and version.
MEMBER = "/data/bin/wkhtmltopdf-pack"
# It knows OpenSSL 1.0 only. Finding a newer one, it says so in thirty lines, which Odoo
# would log as a warning for each print. Of Odoo's own server it reads without.
UNHEARD = "QSslSocket: "
LOG = config.CACHE / "logs" / "printing.log"
LIBRARIES = ["libfontconfig1", "libfreetype6", "libx11-6", "libxext6", "libxrender1", "libstdc++6"]
FONTS = ["fontconfig-config", "fonts-dejavu-core"]
NOTE = (
    "Printing: the wkhtmltopdf here has no patched Qt. Odoo prints without headers and\n"
    "footers and one document at a time; several at once it refuses. Why: {why}."
)


class Printer(NamedTuple):
    """A program that prints, and what a user must know of it (nothing, if all is well)."""

    program: Path
    note: str = ""


class NotToBeHad(Exception):
    """There is no patched one for this machine; the text says why."""


def find(python: Path) -> Printer:
    """The machine's own if it is patched, else the wheel's, else what there is.

    :param python: folder of an environment, whose pip fetches the wheel.
    """
    own = shutil.which(NAME)
    if own and is_patched(Path(own)):
        return Printer(Path(own))
    try:
        return Printer(_patched(python))
    except NotToBeHad as error:
        return Printer(Path(own) if own else _debian(), NOTE.format(why=error))


def is_patched(program: Path) -> bool:
    """Whether it starts, and says so itself."""
    try:
        # Without a display, as Odoo's server is.
        done = subprocess.run(
            [program, "--version"],
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"with patched qt" in done.stdout


def _patched(python: Path) -> Path:
    """The wheel's program, with libraries and fonts that this machine lacks.

    :raise NotToBeHad: on another kind of machine, and where it cannot be fetched.
    """
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise NotToBeHad("there is one for Linux on x86-64 only")
    binary = _unpacked_wheel(python) / NAME
    script = programs.wrap(NAME, binary, unheard=UNHEARD)
    if is_patched(script) and programs.FONTS_CONFIGURATION.exists():
        return script
    root = programs.FOLDER / f"{NAME}-libraries"
    try:
        packages = LIBRARIES + FONTS
        title = "Libraries and fonts for printing"
        apt.ensure(title, root, lambda to: apt.with_dependencies(packages, to))
    except StepFailed as error:
        raise NotToBeHad(f"its libraries cannot be had: {error}") from error
    script = programs.wrap(NAME, binary, root, unheard=UNHEARD)
    if not is_patched(script):
        raise NotToBeHad(f"{script} does not start")
    return script


def _unpacked_wheel(python: Path) -> Path:
    """Folder with the program, fetched once for each text of the requirements."""
    target = programs.FOLDER / f"{NAME}-{config.fingerprint(REQUIREMENTS.read_text())}"
    if target.exists():
        return target
    waiting = f"- another command is fetching {NAME}: waiting for it …"
    with locked(config.CACHE / "printing.lock", waiting):
        if not target.exists():
            try:
                with step(f"{NAME} with a patched Qt", log=LOG):
                    _fetch(python, target)
            except StepFailed as error:
                raise NotToBeHad(f"it could not be fetched, see {LOG}") from error
    return target


def _fetch(python: Path, target: Path):
    building = target.with_name(target.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    command = [python / "bin" / "pip", "download", "--no-input", "--no-deps", "--require-hashes"]
    # It can be done without: no long wait for a package index that is not there.
    command += ["--retries", "1", "--timeout", "10", "--dest", building, "-r", REQUIREMENTS]
    run(command, LOG)
    (wheel,) = building.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        (member,) = (name for name in content.namelist() if name.endswith(MEMBER))
        with content.open(member) as packed, (building / NAME).open("wb") as binary:
            shutil.copyfileobj(packed, binary)
    (building / NAME).chmod(0o755)
    wheel.unlink()
    building.rename(target)


def _debian() -> Path:
    """Debian's, unpacked into the cache: it prints, one document at a time."""
    root = programs.FOLDER / NAME
    apt.ensure(NAME, root, lambda to: apt.with_dependencies([NAME, *FONTS], to))
    plugins = glob.glob(f"{root}/usr/lib/*/qt5/plugins") or glob.glob("/usr/lib/*/qt5/plugins")
    variables = {"QT_QPA_PLATFORM": "offscreen"}
    if plugins:
        variables["QT_PLUGIN_PATH"] = plugins[0]
    return programs.wrap(NAME, root / "usr/bin" / NAME, root, **variables)
