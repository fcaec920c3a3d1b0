"""./bench: figures on a database of its own, on the cluster that writes to disk."""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Case:
    """What a case is asked for; ``tools/scripts/bench_<name>.py`` says what it does.

    Apart from that, because `./bench --help` speaks before anything is installed.
    """

    help: str
    sizes: dict[str, tuple[int, str]]  # option: (default, help)
    rounds: int = 5
    can_profile: bool = True
    beside_contract: bool = False


INVOICES_OF_DOCUMENT = (1000, "in a document; one has ten times as many")
INVOICES_OF_LEDGER = (200_000, "in the ledger")
CASES = {
    "billing": Case(
        "billing runs beside OCA's contract",
        {
            "customers": (1000, "some runs have five times as many"),
            "kinds": (
                0,
                "so many products, and ten customers in a row with a service of each, instead "
                "of customers with one to three services",
            ),
        },
        beside_contract=True,
    ),
    "confirm": Case(
        "drafts of a group, beside Odoo's own posting", {"invoices": (1000, "in a group")}, rounds=3
    ),
    "lanes": Case(
        "two cron workers beside one",
        {"customers": (4000, "of a billing run"), "invoices": (2200, "of a write-off")},
        rounds=2,
        can_profile=False,
    ),
    "write_off": Case(
        "write-offs beside payments and core calls", {"invoices": INVOICES_OF_DOCUMENT}, rounds=3
    ),
    "undo": Case(
        "write-offs taken back, beside processing them",
        {"invoices": INVOICES_OF_DOCUMENT},
        rounds=3,
    ),
    "list": Case(
        "list of invoices with our columns, beside core's and plain SQL",
        {
            "invoices": INVOICES_OF_LEDGER,
            "drafts": (100_000, "beside them, as after a run"),
            "back-in-draft": (200, "paid invoices and payments that keep their matchings"),
        },
        can_profile=False,
    ),
    "search": Case("search of a write-off, beside plain SQL", {"invoices": INVOICES_OF_LEDGER}),
}


def _number(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError("a whole number above zero, please")


def parse(arguments: list[str]) -> list[argparse.Namespace]:
    """Options of the case that is named, or of each."""
    parser = argparse.ArgumentParser(
        prog="./bench",
        description="Measure on a database of its own, which is made anew. Without NAME: "
        "everything, one after the other.",
    )
    verbs = parser.add_subparsers(dest="what", metavar="NAME")
    for name, case in CASES.items():
        verb = verbs.add_parser(name, help=case.help)
        for option, (default, text) in case.sizes.items():
            text = f"{text} (default: {default})" if default else text
            verb.add_argument(f"--{option}", type=_number, default=default, help=text)
        rounds = case.rounds
        verb.add_argument("--rounds", type=_number, default=rounds, help=f"default: {rounds}")
        verb.add_argument("--json", metavar="FILE", help="write all figures into a file")
        verb.set_defaults(profile=False)
        if case.can_profile:
            text = "profile our side (which slows it down)"
            verb.add_argument("--profile", action="store_true", help=text)
    options = parser.parse_args(arguments)
    return [options] if options.what else [parser.parse_args([name]) for name in CASES]


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


def prepare(odoo: Odoo, addons: list[Path]):
    """A copy of an empty company with this addon as it is now, and one more if there is one."""
    more = ["--addons-path", odoo.addons_path(*addons)]
    template = _contract_template(odoo, more) if addons else templates.ensure(odoo, "plain")
    log = LOGS / "bench-install.log"
    log.unlink(missing_ok=True)
    with step(f"Database {DATABASE}", log=log):
        odoo.clone(template, DATABASE)
        arguments = ["-i", config.ADDON, "--stop-after-init", "--no-http", *more]
        odoo.run(log, "-d", DATABASE, *arguments)


def _contract_template(odoo: Odoo, more: list[str]) -> str:
    template = f"template_bench_{config.fingerprint(version(odoo.source), CONTRACT)}"
    if not odoo.cluster.exists(template):
        log = LOGS / f"{template}.log"
        with step("Template database with OCA's contract", log=log):
            odoo.install(template, ["account", "contract"], demo=False, log=log, more=more)
    return template


@contextlib.contextmanager
def alone():
    """Odoo, with no other measurement running."""
    cluster = Cluster("main")
    waiting = "- another ./bench is running; two at once would measure each other …"
    with locked(config.CACHE / "bench.lock", waiting), cluster.running():
        yield Odoo(cluster)


def measure(options: argparse.Namespace) -> int:
    with alone() as odoo:
        beside_contract = CASES[options.what].beside_contract
        addons = [contract_addon(odoo) / "odoo" / "addons"] if beside_contract else []
        prepare(odoo, addons)
        given = {
            **vars(options),
            "database": DATABASE,
            "addons_path": odoo.addons_path(*addons),
            "logs": str(LOGS),
        }
        environment = odoo.environment()
        environment["PYTHONUNBUFFERED"] = "1"
        # One of them starts Odoo's servers by our own means.
        paths = [environment["PYTHONPATH"], str(config.PROJECT / "tools")]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        return foreground(odoo.script("bench.py", json.dumps(given)), env=environment)


def main(options: argparse.Namespace) -> int:
    try:
        return measure(options)
    except subprocess.CalledProcessError as error:
        raise StepFailed(describe(error)) from error
