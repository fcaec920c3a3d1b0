"""Periods and proration, without a database."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from babel import Locale
from dateutil.relativedelta import relativedelta
from hypothesis import example, given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ...tools.billing_calendar import (
    MONTHS,
    UNITS,
    overlap_days,
    period_dates,
    period_index,
    period_start,
    prorated_amount,
    round_half_up,
)
from ...tools.period_names import date_range_name, day_range_name, iso_week, period_name

DAY = timedelta(days=1)
days = st.dates(date(1800, 1, 1), date(2200, 12, 31))
units = st.sampled_from(UNITS)
counts = st.integers(1, 30)
indexes = st.integers(-50, 50)


@tagged("post_install", "-at_install")
class TestBillingCalendar(BaseCase):
    @given(days, units, counts, indexes)
    @example(date(2024, 2, 29), "year", 1, 1)
    @example(date(2023, 1, 31), "month", 1, 0)
    def test_periods_follow_each_other_without_gap_or_overlap(self, anchor, unit, count, index):
        first, last = period_dates(anchor, unit, count, index)
        following, _end = period_dates(anchor, unit, count, index + 1)
        self.assertLessEqual(first, last)
        self.assertEqual(last + DAY, following)

    @given(days, units, counts, days)
    @example(date(2023, 1, 31), "month", 1, date(2023, 2, 27))
    @example(date(2023, 1, 31), "month", 1, date(2023, 2, 28))
    @example(date(2026, 1, 1), "week", 1, date(2025, 12, 31))
    def test_every_day_is_in_the_period_with_its_index(self, anchor, unit, count, day):
        first, last = period_dates(anchor, unit, count, period_index(anchor, unit, count, day))
        self.assertLessEqual(first, day)
        self.assertLessEqual(day, last)

    @given(days, units, counts, indexes)
    def test_both_ends_of_a_period_have_its_index(self, anchor, unit, count, index):
        for day in period_dates(anchor, unit, count, index):
            self.assertEqual(period_index(anchor, unit, count, day), index)

    @given(days, st.sampled_from(sorted(MONTHS)), counts, indexes)
    def test_the_start_is_the_anchor_moved_by_months(self, anchor, unit, count, index):
        moved = anchor + relativedelta(months=MONTHS[unit] * count * index)
        self.assertEqual(period_start(anchor, unit, count, index), moved)

    @given(days, counts, indexes)
    def test_weeks_always_begin_on_the_weekday_of_the_anchor(self, anchor, count, index):
        start = period_start(anchor, "week", count, index)
        self.assertEqual(start.weekday(), anchor.weekday())
        self.assertEqual((start - anchor).days, 7 * count * index)

    def test_period_0_begins_on_the_anchor(self):
        for unit in UNITS:
            self.assertEqual(period_start(date(2024, 2, 29), unit, 3, 0), date(2024, 2, 29))

    def test_an_anchor_on_the_31st_clips_and_comes_back(self):
        starts = [period_start(date(2023, 1, 31), "month", 1, n) for n in range(5)]
        self.assertEqual(
            starts,
            [
                date(2023, 1, 31),
                date(2023, 2, 28),
                date(2023, 3, 31),
                date(2023, 4, 30),
                date(2023, 5, 31),
            ],
        )
        self.assertEqual(period_start(date(2023, 1, 31), "month", 1, 13), date(2024, 2, 29))
        self.assertEqual(period_start(date(2023, 1, 31), "month", 1, -2), date(2022, 11, 30))

    def test_a_leap_day_every_year(self):
        starts = [period_start(date(2024, 2, 29), "year", 1, n) for n in (-4, 1, 4, 76)]
        self.assertEqual(
            starts, [date(2020, 2, 29), date(2025, 2, 28), date(2028, 2, 29), date(2100, 2, 28)]
        )

    def test_400_years_of_every_calendar(self):
        # After 400 years the Gregorian calendar repeats, weekdays included.
        for anchor in (date(1904, 2, 29), date(1999, 12, 31), date(2000, 1, 1)):
            end = anchor.replace(year=anchor.year + 400)
            for unit, periods in (("month", 4800), ("quarter", 1600), ("year", 400)):
                self.assertEqual(period_index(anchor, unit, 1, end), periods)
                self.assertEqual(period_start(anchor, unit, 1, periods), end)
            self.assertEqual(period_index(anchor, "week", 1, end), 20871)
            day, index = anchor, 0
            while day < end:
                first, last = period_dates(anchor, "month", 1, index)
                self.assertEqual(first, day)
                day, index = last + DAY, index + 1
            self.assertEqual(day, end)

    def test_the_ends_of_time_are_an_error_of_its_own(self):
        for unit in UNITS:
            with self.assertRaises(ValueError):
                period_start(date(2024, 1, 1), unit, 1, 10**9)
            with self.assertRaises(ValueError):
                period_start(date(2024, 1, 1), unit, 1, -(10**9))
        self.assertEqual(period_index(date(2024, 1, 31), "year", 3, date(1, 1, 1)), -675)

    def test_no_such_period(self):
        for unit, count in (("day", 1), ("month", 0), ("week", -1)):
            with self.assertRaises(ValueError):
                period_start(date(2024, 1, 1), unit, count, 0)
            with self.assertRaises(ValueError):
                period_index(date(2024, 1, 1), unit, count, date(2024, 5, 1))


@tagged("post_install", "-at_install")
class TestProration(BaseCase):
    @given(days, st.integers(0, 400), st.none() | days, st.none() | days)
    @example(date(2026, 10, 1), 30, date(2026, 10, 22), None)
    def test_overlap_is_the_number_of_common_days(self, first, length, since, until):
        last = first + timedelta(days=length)
        common_days = [
            day
            for day in (first + timedelta(days=n) for n in range(length + 1))
            if (not since or day >= since) and (not until or day <= until)
        ]
        self.assertEqual(overlap_days(first, last, since, until), len(common_days))

    @given(
        st.decimals(-(10**7), 10**7, places=4),
        st.integers(1, 400),
        st.data(),
        st.sampled_from([Decimal("0.01"), Decimal("0.001"), Decimal("1"), Decimal("0.05")]),
    )
    def test_the_share_is_the_nearest_amount_of_the_currency(self, amount, period, data, rounding):
        part = data.draw(st.integers(0, period))
        share = prorated_amount(amount, part, period, rounding)
        exact = Fraction(amount) * part / period
        self.assertEqual(share % rounding, 0)
        self.assertLessEqual(abs(Fraction(share) - exact), Fraction(rounding) / 2)
        # Half up, whatever the sign.
        self.assertEqual(share, -prorated_amount(-amount, part, period, rounding))
        if abs(Fraction(share) - exact) == Fraction(rounding) / 2:
            self.assertGreater(abs(Fraction(share)), abs(exact))

    @given(st.decimals(0, 10**7, places=2), st.integers(1, 400), st.integers(1, 5), st.data())
    def test_parts_of_a_period_add_up_to_the_whole_but_for_rounding(
        self, amount, period, pieces, data
    ):
        cuts = sorted(data.draw(st.lists(st.integers(0, period), min_size=pieces)))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, period], strict=True)]
        cent = Decimal("0.01")
        total = sum(prorated_amount(amount, part, period, cent) for part in parts)
        self.assertLessEqual(abs(total - amount), cent / 2 * len(parts))
        self.assertEqual(prorated_amount(amount, period, period, cent), amount)
        self.assertEqual(prorated_amount(amount, 0, period, cent), 0)

    @given(st.decimals(-(10**9), 10**9, places=5))
    def test_half_up_as_the_decimal_module_has_it(self, amount):
        expected = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
        self.assertEqual(round_half_up(amount, Decimal("0.01")), expected)

    def test_the_example_of_the_manual(self):
        self.assertEqual(prorated_amount(Decimal("100"), 10, 31, Decimal("0.01")), Decimal("32.26"))
        self.assertEqual(prorated_amount(Decimal("0.05"), 1, 2, Decimal("0.01")), Decimal("0.03"))

    def test_days_that_are_not_there(self):
        for part, period in ((-1, 31), (32, 31), (0, 0)):
            with self.assertRaises(ValueError):
                prorated_amount(Decimal(1), part, period, Decimal("0.01"))


@tagged("post_install", "-at_install")
class TestPeriodNames(BaseCase):
    ENGLISH, GERMAN = Locale.parse("en_US"), Locale.parse("de_DE")

    def test_calendar_periods_have_a_name_of_their_own(self):
        for first, last, name in (
            (date(2026, 10, 1), date(2026, 10, 31), "Oct 2026"),
            (date(2024, 2, 1), date(2024, 2, 29), "Feb 2024"),
            (date(2026, 10, 1), date(2026, 12, 31), "Q4 2026"),
            (date(2026, 1, 1), date(2026, 12, 31), "2026"),
            (date(2026, 2, 1), date(2026, 4, 30), "Feb 1 – Apr 30, 2026"),
            (date(2026, 7, 1), date(2027, 6, 30), "Jul 1, 2026 – Jun 30, 2027"),
            (date(2026, 10, 15), date(2026, 11, 14), "Oct 15 – Nov 14, 2026"),
        ):
            self.assertEqual(period_name(first, last, self.ENGLISH), name)

    def test_a_language_has_its_own_order(self):
        first, last = date(2026, 10, 1), date(2026, 10, 31)
        self.assertEqual(date_range_name(first, last, self.GERMAN), "1. Okt. – 31. Okt. 2026")
        self.assertEqual(period_name(first, last, self.GERMAN), "Okt. 2026")
        self.assertEqual(day_range_name(first, first, self.ENGLISH), "Oct 1")

    def test_a_week_from_monday_to_sunday_has_a_number(self):
        self.assertEqual(iso_week(date(2026, 10, 5), date(2026, 10, 11)), (2026, 41))
        self.assertEqual(iso_week(date(2024, 12, 30), date(2025, 1, 5)), (2025, 1))
        self.assertIsNone(iso_week(date(2026, 10, 4), date(2026, 10, 10)))
