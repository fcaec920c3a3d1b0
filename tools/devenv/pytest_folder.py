"""Running a folder of pytest tests with Odoo's environment."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from . import config, python_env
from .odoo import Odoo
from .outcome import Outcome
from .process import tied

LOGS = config.CACHE / "logs"


def check(folder: Path, odoo: Odoo, outcome: Outcome, options=()):
    """Run the tests and add to ``outcome`` what became of them.

    What they print is kept in a log, whether they pass or fail.

    :param options: of the tests of this folder.
    """
    environment = odoo.environment()
    paths = [environment["PYTHONPATH"], str(config.PROJECT / "tools")]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    report = LOGS / f"{folder.name}.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        tied(
            [
                python_env.ensure("test") / "bin" / "python",
                *("-m", "pytest", "--quiet", "-rP", "--durations=0"),
                *("-p", "no:cacheprovider", "-p", "devenv.pytest_odoo"),
                f"--junitxml={report}",
                # Else pytest imports the addon above the folder, which only Odoo may.
                f"--confcutdir={folder}",
                folder,
                *options,
            ]
        ),
        cwd=config.PROJECT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    (LOGS / f"{folder.name}.log").write_text(done.stdout)
    passed, failed, skipped = _counts(report)
    if done.returncode and not failed:
        failed = 1
    outcome.passed += passed
    outcome.failed += failed
    outcome.skipped += skipped
    if failed or skipped:
        outcome.details.append(done.stdout)


def _counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests in pytest's report; one failed without it."""
    if not report.exists():
        return 0, 1, 0
    total = broken = skipped = 0
    for suite in ElementTree.parse(report).iter("testsuite"):
        total += int(suite.get("tests", 0))
        broken += int(suite.get("errors", 0)) + int(suite.get("failures", 0))
        skipped += int(suite.get("skipped", 0))
    return total - broken - skipped, broken, skipped
