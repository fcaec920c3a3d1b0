"""./test: prepares everything, runs the parts, adds up."""

import os
import threading
import time

from . import config, lint, odoo_tests, process_tests, unit_tests, wheel
from .odoo import Odoo
from .outcome import Outcome, failure, summary
from .postgres import Cluster
from .process import locked
from .report import StepFailed, describe, duration, say

PARTS = ("lint", "unit", "wheel", "odoo", "processes")


class Suite:
    def __init__(self, parts: list[str], tags: str | None, fix: bool, long: bool):
        self.parts = ["odoo"] if tags else parts
        self.tags = tags
        self.fix = fix
        self.long = long
        self.outcomes: list[Outcome] = []

    def run(self) -> int:
        started = time.monotonic()
        waiting = "- another ./test is running; this one starts when it is over …"
        with locked(config.CACHE / "test.lock", waiting):
            try:
                self._run_parts()
            except StepFailed as error:
                self._done(failure("Setting up", str(error)))
        say(f"- everything: {duration(time.monotonic() - started)}")
        return summary(self.outcomes)

    def _run_parts(self):
        if not {"odoo", "unit", "processes"} & set(self.parts):
            self._small_parts(None)
            return
        cluster = Cluster("test", throw_away=True)
        with cluster.running():
            self._with_odoo(Odoo(cluster, test_tools=True))

    def _with_odoo(self, odoo: Odoo):
        if "odoo" in self.parts:
            self._odoo_and_small_parts(odoo)
        else:
            self._small_parts(odoo)
        if "processes" in self.parts:
            try:
                process_tests.run_part(odoo, self._done, self.long)
            except StepFailed as error:
                self._done(failure(process_tests.TITLE, str(error)))

    def _odoo_and_small_parts(self, odoo: Odoo):
        # Linters, unit tests and the wheel take one core and no database: they
        # run beside the preparation of Odoo's databases.
        beside = self._prepared(odoo)
        other = threading.Thread(target=self._run_all, args=(beside,))
        other.start()
        try:
            odoo_tests.run_part(odoo, self.tags, self._done)
        except StepFailed as error:
            self._done(failure("Odoo tests", str(error)))
        finally:
            other.join()

    def _small_parts(self, odoo: Odoo | None):
        self._run_all(self._prepared(odoo))

    def _prepared(self, odoo: Odoo | None) -> list:
        """The parts without a database, after installing what they need."""
        parts = []
        if "lint" in self.parts:
            linters = lint.Linters()
            if self.fix:
                linters.fix()
            parts.append((lint.TITLE, linters.check))
        if "unit" in self.parts:
            parts.append((unit_tests.TITLE, lambda: unit_tests.check(odoo)))
        if "wheel" in self.parts:
            parts.append((wheel.TITLE, wheel.check))
        return parts

    def _run_all(self, parts: list):
        for title, check in parts:
            started = time.monotonic()
            try:
                outcome = check()
            except (OSError, ValueError, StepFailed) as error:
                outcome = failure(title, describe(error))
            outcome.seconds = time.monotonic() - started
            self._done(outcome)

    def _done(self, outcome: Outcome):
        self.outcomes.append(outcome)
        say(outcome.line())


def main(parts: list[str], tags: str | None, fix: bool, long: bool) -> int:
    os.chdir(config.PROJECT)
    return Suite(parts, tags, fix, long).run()
