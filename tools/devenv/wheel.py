"""Whether the addon can be built into a wheel, as it would be published."""

import ast
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from . import config, python_env
from .outcome import Outcome, failure

TITLE = "Build a wheel"


def needed() -> list[str]:
    """Files without which Odoo does not load the addon."""
    manifest = (config.PROJECT / config.ADDON / "__manifest__.py").read_text()
    values = ast.literal_eval(manifest)
    files = ["__manifest__.py", "__init__.py", *values.get("data", []), *values.get("demo", [])]
    return [f"odoo/addons/{config.ADDON}/{name}" for name in files]


def check() -> Outcome:
    # In a copy: a build leaves files beside the sources.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / config.ADDON
        shutil.copytree(config.PROJECT / config.ADDON, copy)
        if not (copy / "pyproject.toml").exists():
            return failure(TITLE, f"{config.ADDON}/pyproject.toml is missing.")
        pip = python_env.ensure("lint") / "bin" / "pip"
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
        done = subprocess.run(
            [pip, "wheel", *options, copy],
            cwd=folder,
            # The manifest's own version; else whool asks git for later commits.
            env={**os.environ, "WHOOL_POST_VERSION_STRATEGY_OVERRIDE": "none"},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            return failure(TITLE, done.stdout)
        with zipfile.ZipFile(wheels[0]) as wheel:
            inside = set(wheel.namelist())
    missing = [name for name in needed() if name not in inside]
    if missing:
        return failure(TITLE, f"{wheels[0].name} lacks {', '.join(missing)}.")
    return Outcome(TITLE, passed=1)
