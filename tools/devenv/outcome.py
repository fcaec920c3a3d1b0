"""What a part of ./test found, and the last lines it prints."""

from dataclasses import dataclass, field

from .report import duration, say


@dataclass
class Outcome:
    """Counts of one part; ``details`` are texts for a person who must mend it."""

    title: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    details: list[str] = field(default_factory=list)

    def line(self) -> str:
        return f"- {self.title}: {counts([self])} ({duration(self.seconds)})"


def failure(title: str, text: str) -> Outcome:
    return Outcome(title, failed=1, details=[text])


def counts(outcomes: list[Outcome]) -> str:
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("passed", "failed", "skipped")
    )
    more = f", {skipped} skipped" if skipped else ""
    return f"{passed} passed, {failed} failed{more}"


def summary(outcomes: list[Outcome]) -> int:
    """Print every failure and, last, the totals; returns the exit code."""
    for outcome in outcomes:
        for detail in outcome.details:
            say(f"\n=== {outcome.title} ===\n{detail.rstrip()}")
    if any(outcome.skipped for outcome in outcomes):
        say("\nA skipped test proves nothing, so this run counts as failed.")
    say(f"\n{counts(outcomes)}")
    return int(any(outcome.failed or outcome.skipped for outcome in outcomes))
