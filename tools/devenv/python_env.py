"""Virtual environments: Odoo's, Odoo's with test libraries, and the linters'."""

import os
import shutil
import sys
import tempfile
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
FINISHED = "finished"
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
    wanted = prefix + config.fingerprint(sys.version, *texts)
    waiting = "- another command is installing Python packages: waiting for it …"
    if not (folder := _finished(wanted)):
        with locked(config.CACHE / "python.lock", waiting):
            if not (folder := _finished(wanted)):
                with step(title, ADVICE, LOG):
                    folder = _install(wanted, requirements)
                _drop_unused(prefix)
    # Tells _drop_unused that it is still used.
    (folder / FINISHED).touch()
    return folder


def _finished(wanted: str) -> Path | None:
    return next((file.parent for file in config.CACHE.glob(f"{wanted}*/{FINISHED}")), None)


def _install(wanted: str, requirements: list[Path]) -> Path:
    # A new name each time: what a killed attempt started may still be writing
    # into its own folder.
    folder = Path(tempfile.mkdtemp(prefix=f"{wanted}-", dir=config.CACHE))
    folder.chmod(0o755)
    run([sys.executable, "-m", "venv", folder], LOG)
    command = [folder / "bin" / "pip", "install", "--no-input"]
    for path in requirements:
        command += ["-r", path]
    run(command, LOG)
    (folder / FINISHED).touch()
    return folder


def _drop_unused(prefix: str):
    """Remove what nobody used for a day, and what was never finished.

    Another command may be using an environment of older requirements.
    """
    for other in config.CACHE.glob(prefix + "*"):
        finished = other / FINISHED
        if not finished.exists() or time.time() - finished.stat().st_mtime > DAY:
            shutil.rmtree(other, ignore_errors=True)


def path_with(folder: Path, *more: Path) -> dict[str, str]:
    """Environment variables that put the environment's programs first.

    :param more: folders whose programs come next, before the machine's own.
    """
    folders = [str(folder / "bin"), *map(str, more), os.environ.get("PATH", "")]
    return {"VIRTUAL_ENV": str(folder), "PATH": os.pathsep.join(folders)}
