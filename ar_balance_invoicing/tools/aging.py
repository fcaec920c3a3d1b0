"""Aging arithmetic: plain functions, no ORM.

An open item's age is the number of days from its reference date (due date or
invoice date, by company setting) to today. Age 0 or less is "not due".
"""

from datetime import timedelta
from typing import NamedTuple


class Bucket(NamedTuple):
    """Ages from ``first`` to ``last`` days, both included; None is unbounded."""

    field: str
    first: int | None
    last: int | None

    def dates(self, today):
        """(earliest, latest) reference dates of the bucket; None is unbounded."""
        earliest = None if self.last is None else today - timedelta(days=self.last)
        latest = None if self.first is None else today - timedelta(days=self.first)
        return earliest, latest


# The field of res.partner that holds each bucket, youngest first. Together they
# hold every date exactly once, so that their sum is the account balance.
BUCKETS = (
    Bucket("account_not_due", None, 0),
    Bucket("account_aged_30", 1, 30),
    Bucket("account_aged_60", 31, 60),
    Bucket("account_aged_90", 61, 90),
    Bucket("account_aged_120", 91, 120),
    Bucket("account_aged_older", 121, None),
)


def age(reference, today):
    """Days from the reference date to today; negative when it lies ahead."""
    return (today - reference).days


def bucket_of(days):
    """The bucket that holds an age in days."""
    for bucket in BUCKETS:
        if (bucket.first is None or bucket.first <= days) and (
            bucket.last is None or days <= bucket.last
        ):
            return bucket
    raise AssertionError(f"no bucket holds {days} days")
