"""Linters: the hooks of .pre-commit-config.yaml, with every tool from the cache."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import config, programs, python_env
from .outcome import Outcome
from .process import locked, run
from .report import StepFailed, step

TITLE = "Linters"
LOG = config.CACHE / "logs" / "node.log"
NODE = config.PROJECT / "tools" / "node"
HOOK = re.compile(r"^(?P<name>.+?)\.{3,}(?:\(.*\))?(?P<result>Passed|Failed|Skipped)$")
FORMATTERS = (
    ("ruff", "check", "--fix", "--quiet"),
    ("ruff", "format", "--quiet"),
)


def ensure_node(environment: Path) -> Path:
    """Folder with prettier and eslint, made anew when their versions change."""
    lock = NODE / "package-lock.json"
    target = config.CACHE / f"node-{config.fingerprint(lock.read_text(), str(environment))}"
    if target.exists():
        return target
    with locked(config.CACHE / "node.lock", "- another command is installing prettier …"):
        if target.exists():
            return target
        advice = "check that npm can reach its package registry."
        with step("JavaScript packages for the linters", advice, LOG):
            building = target.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            shutil.copytree(NODE, building)
            npm = environment / "bin" / "npm"
            quiet = ["--no-audit", "--no-fund", "--ignore-scripts"]
            cache = ["--cache", config.CACHE / "npm"]
            env = python_env.path_with(environment)
            run([npm, "ci", *quiet, *cache], LOG, cwd=building, env=env)
            _write_commands(building, target)
            building.rename(target)
    return target


def _write_commands(folder: Path, final: Path):
    """`prettier` with its XML plugin, and `eslint`, findable from any folder."""
    modules = final / "node_modules"
    plugin = modules / "@prettier/plugin-xml/src/plugin.js"
    commands = {
        "prettier": f"'{modules}/prettier/bin/prettier.cjs' --plugin='{plugin}'",
        "eslint": f"'{modules}/eslint/bin/eslint.js'",
    }
    (folder / "bin").mkdir()
    for name, command in commands.items():
        script = folder / "bin" / name
        script.write_text(
            f"#!/bin/sh\nNODE_PATH='{modules}'\nexport NODE_PATH\nexec node {command} \"$@\"\n"
        )
        script.chmod(0o755)


class Linters:
    def __init__(self):
        self.python = python_env.ensure("lint")
        self.node = ensure_node(self.python)
        self.git = programs.git()
        self.environment = {**os.environ, **python_env.path_with(self.python)}
        paths = [str(self.node / "bin"), self.environment["PATH"], str(self.git.parent)]
        self.environment["PATH"] = os.pathsep.join(paths)
        # A repository of its own, so that new files are looked at without
        # touching the user's index, and a checkout without git works too.
        self.environment |= {
            "GIT_DIR": str(config.CACHE / "lint.git"),
            "GIT_WORK_TREE": str(config.PROJECT),
            "PRE_COMMIT_HOME": str(config.CACHE / "pre-commit"),
            "PYTHONPYCACHEPREFIX": str(config.CACHE / "pycache"),
            "RUFF_CACHE_DIR": str(config.CACHE / "ruff"),
            "PYLINTHOME": str(config.CACHE / "pylint"),
        }

    def _call(self, *command) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(word) for word in command],
            cwd=config.PROJECT,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def files(self) -> list[str]:
        for command in (("git", "init", "--quiet"), ("git", "add", "--all")):
            done = self._call(*command)
            if done.returncode:
                raise StepFailed(f"`{' '.join(command)}` failed:\n{done.stdout}")
        return self._call("git", "ls-files", "-z").stdout.split("\0")[:-1]

    def fix(self):
        """Rewrite files as the formatters want them."""
        addon = [path for path in (config.PROJECT / config.ADDON).rglob("*") if path.is_file()]
        modes = {path: path.stat().st_mode for path in addon}
        self._call("oca-checks-odoo-module", "--fix", config.ADDON)
        for path, mode in modes.items():
            # It writes new files, which only their owner may read.
            path.chmod(mode)
        for command in FORMATTERS:
            self._call(*command)
        wanted = re.compile(r"\.(css|js|json|scss|xml|ya?ml)$")
        files = [name for name in self.files() if wanted.search(name)]
        self._call("prettier", "--write", "--log-level", "warn", *files)

    def check(self) -> Outcome:
        self.files()
        done = self._call("pre-commit", "run", "--all-files", "--color", "never")
        return read(done.stdout, done.returncode)


def read(text: str, exit_code: int) -> Outcome:
    """Count hooks in pre-commit's output and keep what the failed ones said.

    A hook that found no file of its kind counts neither way.
    """
    outcome = Outcome(TITLE)
    said: list[str] = []
    failing = False
    for line in text.splitlines():
        match = HOOK.match(line)
        if not match:
            if failing:
                said.append(line)
            continue
        failing = match["result"] == "Failed"
        outcome.passed += match["result"] == "Passed"
        if failing:
            outcome.failed += 1
            said.append(f"--- {match['name']}")
    if not outcome.failed and (exit_code or not outcome.passed):
        outcome.failed = 1
        said = text.splitlines()
    if said:
        said.append("`./test --part lint --fix` mends what a program can mend.")
        outcome.details.append("\n".join(said))
    return outcome
