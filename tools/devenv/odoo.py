"""Odoo 19 itself: getting it, its configuration file, its command line."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import apt, config, postgres, printing, programs, python_env
from .process import foreground, run
from .report import StepFailed

FOLDER = config.CACHE / "odoo"
PACKAGES = {
    "sid": [
        "odoo-19",
        "libjs-jquery",
        "libjs-jquery-form",
        "libjs-underscore",
        "fonts-roboto-unhinted",
        "fonts-montserrat",
        "fonts-inconsolata",
        "fonts-ocr-b",
    ],
    # Newer ones lack the 4.7 files that Odoo links to.
    "bookworm": ["fonts-font-awesome"],
}
SCRIPTS = config.PROJECT / "tools" / "scripts"
# Debian leaves this file out; without it every page has a console error, which
# fails a browser tour. Odoo works with an empty one.
LEFT_OUT = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def source() -> Path:
    """Folder that holds the ``odoo`` package."""
    named = os.environ.get(config.ODOO_VARIABLE)
    if named:
        folder = Path(named).expanduser().resolve()
        release = folder / "odoo" / "release.py"
        if not release.exists():
            raise StepFailed(
                f"${config.ODOO_VARIABLE} names {folder}, which holds no odoo/release.py. "
                "Name the top folder of an Odoo 19 checkout."
            )
        values: dict = {}
        exec(release.read_text(), values)  # noqa: S102 - the same file Odoo runs
        if values["version_info"][0] != 19:
            raise StepFailed(f"{folder} is Odoo {values['version']}; this addon needs Odoo 19.")
        return folder
    apt.ensure("Odoo 19 (about 125 MB)", FOLDER, _unpack)
    return FOLDER / "usr/lib/python3/dist-packages"


def _unpack(target: Path):
    building = target.with_name(target.name + ".whole")
    shutil.rmtree(building, ignore_errors=True)
    apt.suite_packages(PACKAGES, building)
    left_out = building / "usr/lib/python3/dist-packages/odoo/addons" / LEFT_OUT
    left_out.parent.mkdir(parents=True, exist_ok=True)
    left_out.touch()
    building.rename(target)


def version(folder: Path) -> str:
    """Text that changes when Odoo's code does: names the database templates."""
    release = (folder / "odoo" / "release.py").read_text()
    return config.fingerprint(str(folder), release)


class Odoo:
    """Odoo's command line on one cluster."""

    def __init__(self, cluster: postgres.Cluster, test_tools: bool = False):
        self.cluster = cluster
        self.python = python_env.ensure("test" if test_tools else "odoo")
        self.source = source()
        browser = programs.chromium() if test_tools else None
        self.printer = printing.find(self.python)
        # The machine's own are found anyway.
        unpacked = {path.parent for path in (browser, self.printer.program) if path}
        self.programs = {folder for folder in unpacked if config.CACHE in folder.parents}
        self.data = config.CACHE / "data" / cluster.name
        self.configuration = config.CACHE / "config" / f"{cluster.name}.conf"
        self._write_configuration()

    def addons_path(self, *more: Path) -> str:
        folders = [self.source / "odoo" / "addons", self.source / "addons", config.PROJECT, *more]
        return ",".join(str(folder) for folder in folders if _holds_addons(folder))

    def _write_configuration(self):
        self.data.mkdir(parents=True, exist_ok=True)
        self.configuration.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place: another command may be reading it.
        building = self.configuration.with_suffix(f".{os.getpid()}")
        building.write_text(
            "[options]\n"
            f"addons_path = {self.addons_path()}\n"
            f"data_dir = {self.data}\n"
            f"db_host = {self.cluster.socket}\n"
            f"db_user = {postgres.USER}\n"
            "list_db = False\n"
            "http_interface = 127.0.0.1\n"
            # Everything is on one machine: threads are enough and need no proxy.
            # Limits are Odoo's own: what does not fit into them shall be seen here.
            "workers = 0\n"
        )
        building.replace(self.configuration)

    def environment(self) -> dict[str, str]:
        environment = {**os.environ, **self.cluster.environment()}
        # Before the machine's own, which may be an unpatched wkhtmltopdf.
        environment |= python_env.path_with(self.python, *sorted(self.programs))
        environment["ODOO_RC"] = str(self.configuration)
        paths = [str(self.source), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        environment["PYTHONWARNINGS"] = "ignore::DeprecationWarning"
        # A file of compiled Python belongs into the cache, not beside a checkout.
        environment["PYTHONPYCACHEPREFIX"] = str(config.CACHE / "pycache")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        # A browser keeps crash reports there, whatever folder it is told.
        environment["XDG_CONFIG_HOME"] = str(config.CACHE / "browser")
        environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(config.CACHE / "hypothesis")
        return environment

    def command(self, *arguments) -> list[str]:
        return [str(self.python / "bin" / "python"), "-m", "odoo", *map(str, arguments)]

    def run(self, log: Path, *arguments):
        """Run to its end with the output in ``log``."""
        run(self.command(*arguments), log, env=self.environment())

    def call(self, *arguments) -> int:
        """Run on the user's terminal; returns the exit code."""
        return foreground(self.command(*arguments), env=self.environment())

    def script(self, name: str, *arguments) -> list[str]:
        """Command of one of our scripts that work inside Odoo."""
        return [str(self.python / "bin" / "python"), str(SCRIPTS / name), *map(str, arguments)]

    # --- databases with their file stores ----------------------------------

    def filestore(self, database: str) -> Path:
        return self.data / "filestore" / database

    def drop(self, database: str):
        self.cluster.drop(database)
        shutil.rmtree(self.filestore(database), ignore_errors=True)

    def clone(self, template: str, database: str):
        """Copy a database; Odoo never changes a stored file, so links are enough."""
        self.drop(database)
        files = self.filestore(template)
        if files.exists():
            shutil.copytree(files, self.filestore(database), copy_function=os.link)
        self.cluster.clone(template, database)

    def rename(self, database: str, name: str):
        self.drop(name)
        if self.filestore(database).exists():
            self.filestore(database).rename(self.filestore(name))
        self.cluster.rename(database, name)

    def install(
        self,
        database: str,
        modules: list[str],
        demo: bool,
        log: Path,
        script: str | None = None,
        more: Iterable[str] = (),
    ):
        """Install modules into a new database, which appears only when whole.

        :param script: names one of ours that stands in for Odoo's command.
        :param more: options of Odoo's command line.
        """
        building = f"{database}_building"
        self.drop(building)
        arguments = ["-d", building, "-i", ",".join(modules), "--stop-after-init", "--no-http"]
        arguments += more
        if demo:
            arguments.append("--with-demo")
        command = self.script(script, *arguments) if script else self.command(*arguments)
        run(command, log, env=self.environment())
        self.rename(building, database)


def _holds_addons(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*/__manifest__.py"))
