"""Reads what Odoo's tests wrote into their log."""

import re
from dataclasses import dataclass, field

from .outcome import Outcome

RECORD = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ "
    r"(?P<level>[A-Z]+) (?P<database>\S+) (?P<logger>\S+): (?P<text>.*)$"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
STARTED = re.compile(r"^Starting (\S+) \.\.\.")
SKIPPED = re.compile(r"^skipped (.*?) : (.*)")
BROKEN = re.compile(r"^(?:FAIL|ERROR): (.*)")
TOTALS = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests")
# These repeat in numbers what the records of the failed tests say.
SUMS = ("odoo.tests.result", "odoo.modules.loading", "odoo.service.server")


@dataclass
class Record:
    level: str
    logger: str
    text: str
    lines: list[str] = field(default_factory=list)

    @property
    def is_broken_test(self) -> bool:
        return self.level == "ERROR" and bool(BROKEN.match(self.text))

    @property
    def is_sum(self) -> bool:
        return self.logger in SUMS and bool(re.search(r"\d+ (failed|failures), \d+", self.text))


def records(text: str) -> list[Record]:
    found: list[Record] = []
    for line in COLOUR.sub("", text).splitlines():
        match = RECORD.match(line)
        if match:
            found.append(Record(match["level"], match["logger"], match["text"]))
        if found:
            found[-1].lines.append(line)
    return found


def started_files(text: str) -> set[str]:
    """Names of the addons' test files of which a test was started, such as `test_balance`."""
    started = (record for record in records(text) if STARTED.match(record.text))
    return {record.logger.rpartition(".")[2] for record in started}


def is_whole(text: str) -> bool:
    """Whether Odoo came to its own total: it did not crash."""
    return any(TOTALS.search(record.text) for record in records(text))


def read(title: str, text: str, exit_code: int) -> Outcome:
    """Count the tests of one run; a run without Odoo's own total is a failure."""
    outcome = Outcome(title)
    started, broken = set(), set()
    totals = None
    for record in records(text):
        key = record.logger
        if match := STARTED.match(record.text):
            started.add((key, match[1]))
        elif match := SKIPPED.match(record.text):
            outcome.skipped += 1
            started.discard((key, match[1]))
            outcome.details.append(f"skipped: {key}: {match[1]}: {match[2]}")
        elif record.is_broken_test:
            name = BROKEN.match(record.text)[1].removeprefix("Subtest ").split(" ")[0]
            broken.add((key, name))
            outcome.details.append("\n".join(record.lines))
        elif match := TOTALS.search(record.text):
            totals = [int(number) for number in match.groups()]
    outcome.passed = len(started - broken)
    outcome.failed = len(broken)
    if totals is None:
        outcome.failed += 1
        last = "\n".join(text.splitlines()[-40:])
        outcome.details.append(
            f"Odoo stopped before its tests were over (code {exit_code}):\n{last}"
        )
    elif not outcome.failed and (totals[0] + totals[1] or exit_code):
        outcome.failed += max(totals[0] + totals[1], 1)
        outcome.details.append(f"Odoo counted {totals[0]} failed, {totals[1]} errors.")
    return outcome


def without_test_results(text: str) -> str:
    """The log without what ``read`` reports already, for the check on warnings."""
    kept = [x for x in records(text) if not x.is_broken_test and not x.is_sum]
    return "\n".join(line for record in kept for line in record.lines) + "\n"
