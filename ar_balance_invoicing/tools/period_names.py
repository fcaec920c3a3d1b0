"""Periods as people call them, in the order and words of a language."""

from datetime import date, timedelta

from babel import Locale
from babel.dates import format_skeleton


def date_range_name(first: date, last: date, locale: Locale) -> str:
    """``Oct 1 – Oct 31, 2026``; with both years when they differ."""
    skeleton = "MMMd" if first.year == last.year else "yMMMd"
    begin = format_skeleton(skeleton, first, locale=locale)
    return f"{begin} – {format_skeleton('yMMMd', last, locale=locale)}"


def day_range_name(first: date, last: date, locale: Locale) -> str:
    """``Oct 22 – Oct 31``: without the year, for where it is said already."""
    begin, end = (format_skeleton("MMMd", day, locale=locale) for day in (first, last))
    return begin if first == last else f"{begin} – {end}"


def period_name(first: date, last: date, locale: Locale) -> str:
    """``Oct 2026``, ``Q4 2026``, ``2026``, or the dates when it is no calendar period."""
    following = last + timedelta(days=1) if last < date.max else last
    if first.day == following.day == 1:
        months = (following.year - first.year) * 12 + following.month - first.month
        if months == 1:
            return format_skeleton("yMMM", first, locale=locale)
        if months == 3 and first.month % 3 == 1:
            return format_skeleton("yQQQ", first, locale=locale)
        if months == 12 and first.month == 1:
            return format_skeleton("y", first, locale=locale)
    return date_range_name(first, last, locale)


def iso_week(first: date, last: date) -> tuple[int, int] | None:
    """ISO year and number of the week from Monday ``first`` to Sunday ``last``."""
    if first.isoweekday() == 1 and (last - first).days == 6:
        return first.isocalendar()[:2]
    return None
