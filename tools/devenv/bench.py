"""./bench: figures on a database of its own, on the cluster that writes to disk."""

import contextlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

from . import config, templates
from .odoo import Odoo, version
from .postgres import Cluster
from .process import foreground, locked, run
from .report import StepFailed, describe, step

DATABASE = "bench"
LOGS = config.CACHE / "logs"
# What we are measured against: the OCA's addon for recurring invoices.
CONTRACT = "odoo-addon-contract==19.0.*"


def contract_addon(odoo: Odoo) -> Path:
    """Folder of the OCA addon, in the newest version the package index has."""
    target = config.CACHE / "oca" / config.fingerprint(CONTRACT)
    if target.exists():
        return target
    building = target.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    log = LOGS / "bench-contract.log"
    with step("OCA's addon contract", "check that pip can reach its package index.", log):
        # It requires the package odoo, which no index has.
        pip = odoo.python / "bin" / "pip"
        run([pip, "download", "--no-input", "--no-deps", "--dest", building, CONTRACT], log)
        (wheel,) = building.glob("*.whl")
        with zipfile.ZipFile(wheel) as content:
            content.extractall(building)
        wheel.unlink()
        building.rename(target)
    return target


def prepare(odoo: Odoo, addons: Path):
    """A copy of an empty company with the OCA's addon, and this addon as it is now."""
    addons_path = odoo.addons_path(addons)
    arguments = ["--addons-path", addons_path, "--stop-after-init", "--no-http"]
    template = f"template_bench_{config.fingerprint(version(odoo.source), CONTRACT)}"
    if not odoo.cluster.exists(template):
        log = LOGS / f"{template}.log"
        with step("Template database with OCA's contract", log=log):
            building = f"{template}_building"
            odoo.drop(building)
            odoo.run(log, "-d", building, "-i", "account,contract", *arguments)
            odoo.rename(building, template)
    log = LOGS / "bench-install.log"
    log.unlink(missing_ok=True)
    with step(f"Database {DATABASE}", log=log):
        odoo.clone(template, DATABASE)
        odoo.run(log, "-d", DATABASE, "-i", config.ADDON, *arguments)


def prepare_alone(odoo: Odoo):
    """A copy of an empty company with this addon as it is now, and nothing else."""
    template = templates.ensure(odoo, "plain")
    log = LOGS / "bench-install.log"
    log.unlink(missing_ok=True)
    with step(f"Database {DATABASE}", log=log):
        odoo.clone(template, DATABASE)
        odoo.run(log, "-d", DATABASE, "-i", config.ADDON, "--stop-after-init", "--no-http")


@contextlib.contextmanager
def alone():
    """Odoo, with no other measurement running."""
    cluster = Cluster("main")
    waiting = "- another ./bench is running; two at once would measure each other …"
    with locked(config.CACHE / "bench.lock", waiting), cluster.running():
        yield Odoo(cluster)


def measure(odoo: Odoo, command: list[str], options, paths: Iterable[str] = ()) -> int:
    """
    :param paths: folders that the script imports from, beside its own.
    """
    command += ["--rounds", str(options.rounds)]
    command += ["--json", options.json] if options.json else []
    environment = odoo.environment()
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join([environment["PYTHONPATH"], *paths])
    return foreground(command, env=environment)


def billing(options) -> int:
    """Billing runs beside OCA's contract and a plain create."""
    with alone() as odoo:
        addons = contract_addon(odoo) / "odoo" / "addons"
        prepare(odoo, addons)
        command = odoo.script("bench_billing.py", DATABASE, odoo.addons_path(addons))
        command += ["--customers", str(options.customers), "--kinds", str(options.kinds)]
        command += ["--profile"] if options.profile else []
        return measure(odoo, command, options)


def confirm(options) -> int:
    """Drafts of an invoice group, confirmed by its task and by Odoo's own posting."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_confirm.py", DATABASE)
        command += ["--invoices", str(options.invoices)]
        command += ["--profile"] if options.profile else []
        return measure(odoo, command, options)


def lanes(options) -> int:
    """Documents worked off by one and by two real cron workers."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_lanes.py", DATABASE, LOGS)
        command += ["--customers", str(options.customers), "--invoices", str(options.invoices)]
        # It starts Odoo's servers by our own means.
        return measure(odoo, command, options, [str(config.PROJECT / "tools")])


def write_off(options) -> int:
    """Write-offs beside the pop-up of a payment and bare core calls."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_write_off.py", DATABASE)
        command += ["--invoices", str(options.invoices)]
        command += ["--profile"] if options.profile else []
        return measure(odoo, command, options)


def undo(options) -> int:
    """Write-offs taken back, beside processing them."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_undo.py", DATABASE)
        command += ["--invoices", str(options.invoices)]
        command += ["--profile"] if options.profile else []
        return measure(odoo, command, options)


def listing(options) -> int:
    """The list of invoices with our columns beside core's, and beside plain SQL."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_list.py", DATABASE)
        command += ["--invoices", str(options.invoices)]
        return measure(odoo, command, options)


def search(options) -> int:
    """The search of a write-off beside plain SQL."""
    with alone() as odoo:
        prepare_alone(odoo)
        command = odoo.script("bench_search.py", DATABASE)
        command += ["--invoices", str(options.invoices)]
        command += ["--profile"] if options.profile else []
        return measure(odoo, command, options)


VERBS = {
    "billing": billing,
    "confirm": confirm,
    "lanes": lanes,
    "write_off": write_off,
    "undo": undo,
    "list": listing,
    "search": search,
}


def main(options) -> int:
    try:
        return VERBS[options.what](options)
    except subprocess.CalledProcessError as error:
        raise StepFailed(describe(error)) from error
