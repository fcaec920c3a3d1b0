"""The calendar of a billing profile, and what a part of a period costs.

A period is ``count`` units long. Period 0 begins on the anchor, period 1 right after
it, period -1 right before it: periods cover every day exactly once.
"""

import calendar
from datetime import MAXYEAR, MINYEAR, date, timedelta
from decimal import Decimal
from fractions import Fraction

MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
UNITS = ("week", *MONTHS)


def period_start(anchor: date, unit: str, count: int, index: int) -> date:
    """First day of a period.

    Always counted from the anchor, never from the period before: an anchor on the 31st
    begins on 28 February and on 31 March again.

    :param unit: ``week``, ``month``, ``quarter``, ``half_year`` or ``year``.
    :param count: units in a period, 1 or more.
    :raise ValueError: for another unit or count, or a day outside the years 1 to 9999.
    """
    if count < 1 or unit not in UNITS:
        raise ValueError(f"{count} {unit} is no period")
    if unit == "week":
        try:
            return anchor + timedelta(weeks=count * index)
        except OverflowError:
            raise ValueError(f"period {index} is in no year that exists") from None
    months = anchor.year * 12 + anchor.month - 1 + MONTHS[unit] * count * index
    year, month = divmod(months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise ValueError(f"period {index} is in no year that exists")
    last_of_month = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(anchor.day, last_of_month))


def period_dates(anchor: date, unit: str, count: int, index: int) -> tuple[date, date]:
    """First and last day of a period; see :func:`period_start`."""
    first = period_start(anchor, unit, count, index)
    return first, period_start(anchor, unit, count, index + 1) - timedelta(days=1)


def period_index(anchor: date, unit: str, count: int, day: date) -> int:
    """Number of the period that a day is in; negative before the anchor."""
    if unit == "week":
        # Checks count and unit as well.
        period_start(anchor, unit, count, 0)
        return (day - anchor).days // (7 * count)
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    period_start(anchor, unit, count, 0)
    index = months // (MONTHS[unit] * count)
    # In the month in which a period begins, some days still belong to the one before.
    return index if _begins_by(anchor, unit, count, index, day) else index - 1


def _begins_by(anchor, unit, count, index, day):
    try:
        return period_start(anchor, unit, count, index) <= day
    except ValueError:
        # The period begins before the year 1.
        return True


def overlap_days(first: date, last: date, since: date | None, until: date | None) -> int:
    """Days of the period ``first`` to ``last`` that are in ``since`` to ``until``.

    All ends included; None is an open end.
    """
    begin = max(first, since) if since else first
    end = min(last, until) if until else last
    return max(0, (end - begin).days + 1)


def prorated_amount(amount: Decimal, days: int, days_in_period: int, rounding: Decimal) -> Decimal:
    """The share of an amount for some days of a period, rounded half up.

    Exact: nothing is rounded before the end, and a negative amount gives the negative of
    its positive twin.

    :param rounding: smallest amount of the currency, for instance ``Decimal("0.01")``.
    :raise ValueError: when there are no such days in the period, or nothing to round to.
    """
    if not 0 <= days <= days_in_period or not days_in_period or rounding <= 0:
        raise ValueError(f"{days} of {days_in_period} days, rounded to {rounding}")
    return round_half_up(Fraction(amount) * days / days_in_period, rounding)


def round_half_up(amount: Fraction | Decimal, rounding: Decimal) -> Decimal:
    """The nearest multiple of ``rounding``; away from zero when two are equally near."""
    steps = abs(Fraction(amount)) / Fraction(rounding) + Fraction(1, 2)
    whole = steps.numerator // steps.denominator
    return (whole if amount >= 0 else -whole) * rounding
