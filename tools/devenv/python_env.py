"""Virtual environments: Odoo's, Odoo's with test libraries, and the linters'."""

import os
import shutil
import sys
import time
from pathlib import Path

from . import config
from .process import locked, run
from .report import step

LOG = config.CACHE / "logs" / "python.log"
TOOLS = config.PROJECT / "tools"
ENVIRONMENTS = {
    "odoo": ("Python packages for Odoo", ["requirements.txt"]),
    "test": ("Python packages for Odoo and tests", ["requirements.txt", "requirements-test.txt"]),
    "lint": ("Python packages for the linters", ["requirements-lint.txt"]),
}
DAY = 24 * 3600
ADVICE = (
    "check that `python3 -m venv` works (Debian: the package python3-venv) and that "
    "pip can reach its package index."
)


def ensure(name: str) -> Path:
    """Folder of an environment, made anew when its requirements change."""
    title, files = ENVIRONMENTS[name]
    requirements = [TOOLS / file for file in files]
    texts = [path.read_text() for path in requirements]
    prefix = f"python-{name}-"
    folder = config.CACHE / (prefix + config.fingerprint(sys.version, *texts))
    finished = folder / "finished"
    if finished.exists():
        finished.touch()
        return folder
    waiting = "- another command is installing Python packages: waiting for it …"
    with locked(config.CACHE / "python.lock", waiting):
        if not finished.exists():
            with step(title, ADVICE, LOG):
                _install(folder, requirements)
                finished.touch()
                _drop_unused(prefix)
    return folder


def _drop_unused(prefix: str):
    """Remove environments of older requirements; another command may still use one."""
    for other in config.CACHE.glob(prefix + "*/finished"):
        if time.time() - other.stat().st_mtime > DAY:
            shutil.rmtree(other.parent, ignore_errors=True)


def _install(folder: Path, requirements: list[Path]):
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder], LOG)
    command = [folder / "bin" / "pip", "install", "--no-input"]
    for path in requirements:
        command += ["-r", path]
    run(command, LOG)


def path_with(folder: Path) -> dict[str, str]:
    """Environment variables that put the environment's programs first."""
    return {
        "VIRTUAL_ENV": str(folder),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
