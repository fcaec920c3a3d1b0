"""Debian packages unpacked into the cache, without installing anything.

An apt with its own lists and its own download folder reads the machine's own
package configuration (mirror, proxy, keys), so that no host is named here and
root is not needed. ``dpkg -x`` then unpacks; no maintainer script runs.
"""

import getpass
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import config
from .process import locked, run
from .report import StepFailed, step

APT = config.CACHE / "apt"
LOG = config.CACHE / "logs" / "apt.log"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ADVICE = (
    "check that `apt-get update` works on this machine (Debian packages must be "
    "reachable), or name an Odoo 19 checkout in $" + config.ODOO_VARIABLE + "."
)


def require_apt():
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise StepFailed(
            "This machine has no apt-get. Elsewhere than on Debian, install "
            "PostgreSQL (server), Chromium and wkhtmltopdf with the system's own "
            "package manager and name an Odoo 19 checkout in $" + config.ODOO_VARIABLE + "."
        )


def _options(state: Path) -> list[str]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    pairs = {
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        # Not kept on disk: 25 MB each, and made anew in a second.
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": getpass.getuser(),
        "Debug::NoLocking": "1",
        "APT::Get::List-Cleanup": "0",
        "Acquire::Retries": "3",
    }
    sources = state / "sources.list"
    if sources.exists():
        pairs |= {"Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "/dev/null"}
    return [part for key, value in pairs.items() for part in ("-o", f"{key}={value}")]


def _apt(state: Path, *arguments, folder: Path | None = None):
    run(["apt-get", *_options(state), *arguments], LOG, cwd=folder)


def debian_mirror() -> str:
    """Address of the machine's own Debian mirror, from its configuration."""
    targets = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    addresses = [line.split()[0] for line in targets if line.strip()]
    for address in addresses:
        if address.rstrip("/").endswith("/debian"):
            return address
    raise StepFailed(
        "No Debian mirror in this machine's package configuration (looked for an "
        "address ending in /debian). Name an Odoo 19 checkout in $"
        + config.ODOO_VARIABLE
        + " instead."
    )


def _suite(suite: str) -> Path:
    """State folder of an apt that sees one suite of the machine's mirror."""
    state = APT / suite
    state.mkdir(parents=True, exist_ok=True)
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (state / "sources.list").write_text(f"deb {signed}{debian_mirror()} {suite} main\n")
    return state


def _updated(state: Path):
    if not (state / "updated").exists():
        _apt(state, "update")
        (state / "updated").touch()


def _download(state: Path, names: list[str]) -> list[Path]:
    """Download packages (each once) and return their files."""
    folder = state / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        # Moved when whole: an interrupted download leaves half a file.
        partial = folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _updated(state)
        try:
            _apt(state, "download", *missing, folder=partial)
        except subprocess.CalledProcessError:
            # A mirror drops old versions: read its lists again, once.
            (state / "updated").unlink(missing_ok=True)
            _updated(state)
            _apt(state, "download", *missing, folder=partial)
        for file in partial.glob("*.deb"):
            file.rename(folder / file.name)
    return [sorted(folder.glob(f"{name}_*.deb"))[-1] for name in names]


def _unpack(files: list[Path], target: Path):
    """Unpack into a neighbour folder, then rename: never half a folder."""
    building = target.with_name(target.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    for file in files:
        run(["dpkg", "-x", file, building], LOG)
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)
    for file in files:
        file.unlink()
    # Other users must be able to pass through (PostgreSQL's server under root).
    target.chmod(0o755)


def suite_packages(suites: dict[str, list[str]], target: Path):
    """Unpack named packages of given suites, without what they depend on."""
    require_apt()
    files = []
    for suite, names in suites.items():
        files += _download(_suite(suite), names)
    _unpack(files, target)


def with_dependencies(names: list[str], target: Path):
    """Unpack packages of the machine's own suites and all that it lacks for them."""
    require_apt()
    state = APT / "own"
    state.mkdir(parents=True, exist_ok=True)
    _updated(state)
    plan = subprocess.run(
        [
            "apt-get",
            *_options(state),
            "--simulate",
            "--no-install-recommends",
            "install",
            *names,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    if plan.returncode:
        raise StepFailed(plan.stderr.strip()[-400:])
    needed = re.findall(r"^Inst (\S+)", plan.stdout, re.M)
    # An installed package is not in the plan, but was asked for because its
    # program was not found: unpack it as well.
    needed += [name for name in names if name not in needed]
    _unpack(_download(state, needed), target)


def ensure(title: str, target: Path, build):
    """Run ``build`` once; ``target`` exists only when it was built whole."""
    if target.exists():
        return
    with locked(APT / "lock", "- another command is downloading: waiting for it …"):
        if target.exists():
            return
        with step(title, ADVICE, LOG):
            build(target)
