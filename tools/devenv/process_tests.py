"""The part of ./test that starts several processes on one database, and kills some."""

import time

from . import config, pytest_folder, templates
from .odoo import Odoo
from .outcome import Outcome
from .report import progress, say

TITLE = "Several processes"
FOLDER = config.PROJECT / "tests_processes"


def run_part(odoo: Odoo, done, long: bool):
    started = time.monotonic()
    templates.ensure(odoo, "plain")
    outcome = Outcome(TITLE)
    with progress(TITLE):
        pytest_folder.check(FOLDER, odoo, outcome, ["--long"] if long else [])
    outcome.seconds = time.monotonic() - started
    done(outcome)
    say(f"  log: {pytest_folder.LOGS / FOLDER.name}.log")
