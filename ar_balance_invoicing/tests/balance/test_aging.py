"""Aging arithmetic and search amounts, without a database."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ...tools.aging import BUCKETS, age, bucket_of
from ...tools.amounts import search_amount


@tagged("post_install", "-at_install")
class TestAging(BaseCase):
    @given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-4000, 4000))
    @example(date(2024, 2, 29), 1)
    @example(date(2026, 3, 1), 30)
    @example(date(2026, 3, 1), 31)
    def test_every_date_is_in_the_bucket_of_its_age_and_in_no_other(self, today, days):
        reference = today - timedelta(days=days)
        self.assertEqual(age(reference, today), days)
        holding = []
        for bucket in BUCKETS:
            earliest, latest = bucket.dates(today)
            if (not earliest or earliest <= reference) and (not latest or reference <= latest):
                holding.append(bucket)
        self.assertEqual(holding, [bucket_of(days)])

    def test_the_borders_are_those_on_the_labels(self):
        fields = {
            days: bucket_of(days).field for days in (-5, 0, 1, 30, 31, 60, 61, 90, 91, 120, 121)
        }
        self.assertEqual(
            list(fields.values()),
            ["account_not_due"] * 2
            + ["account_aged_30"] * 2
            + ["account_aged_60"] * 2
            + ["account_aged_90"] * 2
            + ["account_aged_120"] * 2
            + ["account_aged_older"],
        )


@tagged("post_install", "-at_install")
class TestSearchAmount(BaseCase):
    @given(st.decimals(-(10**12), 10**12, places=4))
    def test_a_float_means_the_amount_it_is_written_as(self, amount):
        self.assertEqual(search_amount(float(amount)), Decimal(str(float(amount))))

    def test_noise_of_binary_fractions_is_no_amount(self):
        self.assertEqual(search_amount(0.1 + 0.2), Decimal("0.3"))
        self.assertEqual(search_amount(" 12.50 "), Decimal("12.5"))

    def test_a_thousandth_stays_a_thousandth(self):
        self.assertGreater(search_amount(0.001), 0)

    def test_a_huge_number_is_larger_than_any_ledger(self):
        self.assertEqual(search_amount(1e300), Decimal(10) ** 30)
        self.assertEqual(search_amount(-1e300), -(Decimal(10) ** 30))

    def test_amounts_as_people_type_them(self):
        german = (",", ".")
        for text, amount, in_german in (
            ("$0", 0, 0),
            ("(5)", -5, -5),
            ("5 EUR-", -5, -5),
            ("US$ 1,234.50", Decimal("1234.5"), Decimal("1234.5")),
            ("1.234,56", None, Decimal("1234.56")),
            ("1.234", Decimal("1.234"), 1234),
            ("1,5", None, Decimal("1.5")),
            ("(-5)", None, None),
            ("(5", None, None),
            ("1 2", None, None),
            ("1_000", None, None),
            ("1a2", None, None),
            ("x" * 100_000, None, None),
            ("1" * 100_000, None, None),
        ):
            for value, separators in ((amount, (".", ",")), (in_german, german)):
                if value is None:
                    with self.assertRaises(ValueError, msg=text):
                        search_amount(text, *separators)
                else:
                    self.assertEqual(search_amount(text, *separators), value, text)

    def test_what_is_no_amount_is_refused(self):
        for value in ("abc", "", "1,5", None, True, False, float("nan"), float("inf"), [], {}):
            with self.assertRaises(ValueError, msg=repr(value)):
                search_amount(value)
