"""Tests in plain Python: no database, seconds instead of minutes."""

from . import config, pytest_folder
from .odoo import Odoo
from .outcome import Outcome

TITLE = "Unit tests"
FOLDERS = (f"{config.ADDON}/tests/unit", "tools/tests")


def check(odoo: Odoo) -> Outcome:
    outcome = Outcome(TITLE)
    for name in FOLDERS:
        folder = config.PROJECT / name
        if any(folder.glob("test_*.py")):
            pytest_folder.check(folder, odoo, outcome)
    return outcome
