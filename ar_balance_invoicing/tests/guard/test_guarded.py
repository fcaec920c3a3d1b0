"""What a person, or a program in his name, may write: by every road, and with any value."""

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user, tagged

from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestPersonValues(WriteOffCommon):
    """Values that cannot be meant are refused with a sentence, and change nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = new_test_user(
            cls.env,
            "guarded.clerk",
            groups="ar_balance_invoicing.group_write_off",
            company_id=cls.company.id,
        )
        documents = cls.env["ar.write.off"].with_user(cls.clerk)
        documents = documents.with_context(allowed_company_ids=cls.company.ids)
        cls.document = documents.create({"balance_below": 5})

    def _refuse(self, sentence, error=ValidationError, **values):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.document.read()
        with self.assertRaisesRegex(error, sentence):
            self.document.write(values)
        with self.assertRaisesRegex(error, sentence):
            self.document.create(values)
        with self.assertRaisesRegex(error, sentence):
            defaults = {f"default_{name}": value for name, value in values.items()}
            self.document.with_context(**defaults).create({})
        self.document.invalidate_recordset()
        self.assertEqual(self.document.read(), before)

    def test_numbers(self):
        for value in (float("nan"), float("inf"), "abc", "5,0", [5], {"5": 5}, 10**400):
            self._refuse("is no number", balance_below=value)
        self._refuse("is too large", balance_below=1e300)
        self._refuse("is too large", aging_days=2**31)
        self._refuse("is no whole number", aging_days=1.5)

    def test_texts(self):
        self._refuse("invisible character", partner_name="Anna\0")
        self._refuse("character that is none", partner_name="\ud800")
        self._refuse("has 10001 characters", partner_name="x" * 10_001)
        self._refuse("this is no text", note=5)
        self.document.partner_name = "x" * 10_000

    def test_choices_and_dates(self):
        self._refuse("none of the choices", product_type="elephant")
        self._refuse("none of the choices", product_type=7)
        for value in ("yesterday", "2026-02-30", 20260101, ["2026-01-01"]):
            self._refuse("is no date", date=value)
        self._refuse("between 1900 and 2199", date="0001-01-01")

    def test_records(self):
        reason = self.env["ar.write.off.reason"].create({"name": "Short-lived"})
        gone = reason.id
        reason.unlink()
        self._refuse("no such record", reason_id=gone)
        self._refuse("there is no record", reason_id=2**40)
        for value in (True, "1", [1], 1.0):
            self._refuse("is no record", reason_id=value)
        self._refuse("is no record", partner_ids=[Command.link("x")])
        for value in (5, "x", [[9, 1]], [[]], [[6, 0, 5]], [[0, 0, "x"]]):
            self._refuse("no list of records", partner_ids=value)

    def test_what_is_not_his_to_read_is_not_told_to_him(self):
        foreign = self.env["res.company"].sudo().create({"name": "Secret Ltd"})
        reasons = self.env["ar.write.off.reason"].sudo()
        reason = reasons.create({"name": "Secret reason", "company_id": foreign.id})
        for values in ({"reason_id": reason.id}, {"company_id": foreign.id}):
            with self.assertRaisesRegex(ValidationError, "no such record, or you may not see it"):
                self.document.create(values)
            with self.assertRaisesRegex(ValidationError, "no such record, or you may not see it"):
                self.document.onchange(values, list(values), {"reason_id": {}})
        with self.assertRaisesRegex(ValidationError, "no such record, or you may not see it"):
            self.document.reason_id = reason.id

    def test_right_values_of_programs_are_taken(self):
        self.document.write(
            {
                "balance_below": "12.50",
                "aging_choice": "other",
                "aging_days": 45.0,
                "date": "2026-01-31",
                "partner_ids": self.customer.ids,
                "note": False,
                "reason_id": None,
            }
        )
        self.assertEqual(self.document.balance_below, 12.5)
        self.assertEqual(self.document.aging_days, 45)
        self.assertEqual(self.document.partner_ids, self.customer)


@tagged("post_install", "-at_install")
class TestSearchInput(WriteOffCommon):
    """Criteria that a clerk mistypes end in a sentence, not in a list of everything."""

    def _search(self, **criteria):
        document = self.env["ar.write.off"].create(criteria)
        document.action_search()
        return document.line_ids

    def test_days_beyond_all_debts(self):
        for days in (800_000, -1):
            with self.assertRaisesRegex(UserError, "Aging days count from 0 to"):
                self._search(aging_choice="other", aging_days=days)

    def test_chosen_days_hold_whatever_the_window_sent_beside_them(self):
        """A clerk in a hurry searches before the window has worked out the days."""
        old = self._invoice(self.customer, 5, days_ago=100)
        self._invoice(self.customer, 5, days_ago=10)
        found = self._search(
            aging_choice="90", aging_days=0, partner_ids=[Command.set(self.customer.ids)]
        )
        self.assertEqual(found.move_id, old)

    def test_a_name_of_commas_is_none(self):
        self._invoice(self.customer, 5)
        with self.assertRaisesRegex(UserError, "is no customer's name"):
            self._search(partner_name=" , ,,", balance_below=100)

    def test_wildcards_are_letters(self):
        self._invoice(self.customer, 5)
        for name in ("%", "_", "\\"):
            self.assertFalse(self._search(partner_name=name))
        self.customer.name = "100%_safe \\ Ltd"
        for name in ("%", "100%_", "\\"):
            self.assertEqual(self._search(partner_name=name).partner_id, self.customer)
