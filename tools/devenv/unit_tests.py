"""Tests in plain Python: no database, seconds instead of minutes."""

import subprocess
import xml.etree.ElementTree as ElementTree

from . import config, python_env
from .odoo import Odoo
from .outcome import Outcome

TITLE = "Unit tests"
FOLDERS = (f"{config.ADDON}/tests/unit", "tools/tests")
RESULT = config.CACHE / "logs" / "unit.xml"


def check(odoo: Odoo) -> Outcome:
    folders = [name for name in FOLDERS if any((config.PROJECT / name).glob("test_*.py"))]
    outcome = Outcome(TITLE)
    if not folders:
        return outcome
    environment = odoo.environment()
    environment["PYTHONPATH"] += f":{config.PROJECT / 'tools'}"
    RESULT.unlink(missing_ok=True)
    done = subprocess.run(
        [
            python_env.ensure("test") / "bin" / "python",
            *("-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-p", "devenv.pytest_odoo"),
            f"--junitxml={RESULT}",
            *folders,
        ],
        cwd=config.PROJECT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if not RESULT.exists():
        outcome.failed = 1
    for suite in ElementTree.parse(RESULT).iter("testsuite") if RESULT.exists() else ():
        numbers = {name: int(suite.get(name, 0)) for name in ("errors", "failures", "skipped")}
        broken = numbers["errors"] + numbers["failures"]
        outcome.failed += broken
        outcome.skipped += numbers["skipped"]
        outcome.passed += int(suite.get("tests", 0)) - broken - numbers["skipped"]
    if done.returncode and not outcome.failed:
        outcome.failed = 1
    if outcome.failed or outcome.skipped:
        outcome.details.append(done.stdout)
    return outcome
