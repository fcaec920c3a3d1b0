"""Tests in plain Python: no database, seconds instead of minutes."""

from . import config, pytest_folder
from .odoo import Odoo
from .outcome import Outcome

TITLE = "Unit tests"
FOLDER = config.PROJECT / "tools" / "tests"


def check(odoo: Odoo) -> Outcome:
    outcome = Outcome(TITLE)
    pytest_folder.check(FOLDER, odoo, outcome)
    return outcome
