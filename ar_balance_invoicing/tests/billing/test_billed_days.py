"""Every day of a service is billed once, and none is lost."""

from datetime import date

from freezegun import freeze_time
from psycopg2.errors import ExclusionViolation

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..billing_common import BillingCommon

NOVEMBER = date(2026, 11, 1), date(2026, 11, 30)


class BilledDaysCommon(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-11-01"))
        cls.monthly = cls._make_dated_profile("Monthly 2026")
        cls.october, cls.november, cls.december, cls.january = (
            cls._get_period(cls.monthly, date(2026, 9 + number, 1))
            if number < 4
            else cls._get_period(cls.monthly, date(2027, 1, 1))
            for number in range(1, 5)
        )
        cls.ann, cls.bob = cls._make_customers("Ann", "Bob", profile=cls.monthly)
        cls.pickup.taxes_id = False

    @classmethod
    def _make_dated_profile(cls, name, **values):
        profile = cls._make_profile(name, anchor_date=date(2026, 1, 1), **values)
        profile._make_periods(since=date(2026, 1, 1))
        return profile

    @classmethod
    def _get_period(cls, profile, day):
        return profile.period_ids.filtered(lambda period: period.date_from <= day <= period.date_to)

    def _bill(self, period, customers=None, **options):
        """The invoices that a run of the period makes, of these customers or of all."""
        run = self._run(period, zero_policy="skip_zero", **options)
        if customers is not None:
            lines = run.line_ids.filtered(lambda line: line.partner_id in customers)
            if not lines.filtered("is_tickable"):
                return self.env["account.move"]
            lines.filtered("is_tickable").action_tick()
        try:
            run.create_invoices()
        except UserError:
            return self.env["account.move"]
        self.assertFalse(
            run.line_ids.filtered(lambda line: line.state == "failed").mapped("reason")
        )
        return run.invoice_ids

    def _get_billed(self, service):
        """Days that live invoice lines bill, by the database: the oracle of these tests."""
        rows = self._ledger(
            """
            SELECT days.date_from, days.date_to
              FROM ar_billed_days days
              JOIN account_move_line line ON line.id = days.move_line_id
              JOIN account_move move ON move.id = line.move_id
             WHERE days.service_id = %s AND days.live AND move.state != 'cancel'
          ORDER BY days.date_from
            """,
            service.id,
        )
        return [tuple(map(str, row)) for row in rows]


@tagged("post_install", "-at_install")
class TestBilledDays(BilledDaysCommon):
    def test_another_profile_bills_no_day_twice(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)
        others = {
            "monthly": self._make_dated_profile("Also monthly"),
            "quarterly": self._make_dated_profile("Quarterly", cadence_unit="quarter"),
            "weekly": self._make_dated_profile("Weekly", cadence_unit="week"),
        }
        # The quarter's other days: 31 of 92 of the price, December's.
        expected = {"monthly": 0, "quarterly": 33.70, "weekly": 0}
        for name, profile in others.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                self.ann.billing_profile_id = profile
                period = self._get_period(profile, date(2026, 11, 12))
                invoice = self._bill(period)
                self.assertEqual(sum(invoice.mapped("amount_untaxed")), expected[name])
                if name == "quarterly":
                    self.assertEqual(
                        self._get_billed(service),
                        [("2026-11-01", "2026-11-30"), ("2026-12-01", "2026-12-31")],
                    )
                savepoint.rollback()

    def test_a_service_that_was_entered_late(self):
        self._serve(self.ann, 10, date_from=date(2026, 11, 1))
        self._bill(self.november)
        with freeze_time("2026-11-16"):
            service = self._serve(self.ann, 300, date_from=date(2026, 11, 16))
            self.assertEqual(service.billed_from, date(2026, 11, 16))
        self.assertFalse(self._bill(self.november))
        invoice = self._bill(self.december)
        lines = {line.name: line.price_subtotal for line in invoice.invoice_line_ids}
        (late,) = (name for name in lines if "Nov 16" in name)
        self.assertIn("15 of 30 days (Nov 16 – Nov 30)", late)
        self.assertEqual(lines[late], 150)
        self.assertEqual(invoice.amount_untaxed, 460)
        self.assertEqual(
            self._get_billed(service),
            [("2026-11-16", "2026-11-30"), ("2026-12-01", "2026-12-31")],
        )

    def test_a_period_that_was_missed(self):
        service = self._serve(self.ann, 30, date_from=date(2026, 11, 1), prorate=False)
        invoice = self._bill(self.january)
        self.assertEqual(invoice.amount_untaxed, 90)
        self.assertEqual(len(self._get_billed(service)), 3)
        self.assertFalse(self._bill(self.november))

    def test_a_service_that_ended_early_is_credited(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        november = self._bill(self.november)
        service.date_to = date(2026, 11, 10)
        service.price_unit = 120
        self._serve(self.ann, 1000, date_from=date(2026, 11, 1))
        for state in ("posted", "draft"):
            with self.subTest(state), self.env.cr.savepoint() as savepoint:
                if state == "posted":
                    november.action_post()
                invoice = self._bill(self.december)
                (credit,) = invoice.invoice_line_ids.filtered(lambda line: line.price_subtotal < 0)
                self.assertEqual(credit.price_subtotal, -66.67)
                self.assertIn("Nov 11 – Nov 30", credit.name)
                self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-10")])
                # Deleted, it is credited again, at the price of that time.
                invoice.unlink()
                self.assertEqual(
                    self._get_billed(service),
                    [("2026-11-01", "2026-11-10"), ("2026-11-11", "2026-11-30")],
                )
                invoice = self._bill(self.december)
                (credit,) = invoice.invoice_line_ids.filtered(lambda line: line.price_subtotal < 0)
                self.assertEqual(credit.price_subtotal, -66.67)
                self.assertFalse(
                    self._bill(self.january).invoice_line_ids.filtered(
                        lambda line: line.price_subtotal < 0
                    )
                )
                savepoint.rollback()

    def test_the_credited_line_is_taken_as_it_stands(self):
        """Its discount, taxes and account, whatever the product says by now."""
        self.pickup.taxes_id = self.tax_sale_a
        service = self._serve(self.ann, 31, date_from=date(2026, 11, 1))
        self._serve(self.ann, 1000, date_from=date(2026, 11, 1))
        invoice = self._bill(self.november)
        line = invoice.invoice_line_ids.filtered(lambda line: line.price_unit == 31)
        account = line.account_id.copy()
        line.write(
            {
                "discount": 50,
                "account_id": account.id,
                "tax_ids": [Command.set(self.tax_sale_b.ids)],
            }
        )
        service.date_to = date(2026, 11, 15)
        (credit,) = self._bill(self.december).invoice_line_ids.filtered(
            lambda line: line.price_subtotal < 0
        )
        self.assertEqual(credit.price_subtotal, -7.75)
        self.assertEqual(
            (credit.discount, credit.account_id, credit.tax_ids), (50, account, self.tax_sale_b)
        )

    def test_a_service_that_ended_before_it_was_billed_is_credited_whole(self):
        service = self._serve(
            self.ann, 0.333, quantity=3, date_from=date(2026, 11, 1), prorate=False
        )
        self._serve(self.ann, 1000, date_from=date(2026, 11, 1))
        november = round(self._bill(self.november).amount_untaxed - 1000, 2)
        service.write({"date_from": date(2026, 10, 1), "date_to": date(2026, 10, 31)})
        lines = self._bill(self.december).invoice_line_ids
        # October was entered late, November is given back, and the other service goes on.
        self.assertCountEqual(lines.mapped("price_subtotal"), [november, -november, 1000])

    def test_a_service_without_proration_is_charged_once_or_not(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 20), prorate=False)
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)
        # Some of its days of November are billed: not by the day, and not in full again.
        service.date_from = date(2026, 11, 5)
        self._serve(self.ann, 1, date_from=date(2026, 12, 1))
        self.assertEqual(self._bill(self.december).amount_untaxed, 101)

    def test_what_was_served_long_ago_is_not_billed(self):
        with freeze_time("2026-11-25"):
            service = self._serve(self.ann, 100, date_from=date(2019, 3, 7))
            self.assertEqual(service.billed_from, date(2026, 11, 1))
            self.assertEqual(self._bill(self.november).amount_untaxed, 100)
            known = self._serve(self.bob, 100, date_from=date(2026, 10, 7))
            self.assertEqual(known.billed_from, date(2026, 10, 7))

    def test_a_deleted_line_frees_its_days(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._serve(self.ann, 7, date_from=date(2026, 11, 1))
        invoice = self._bill(self.november)
        invoice.invoice_line_ids.filtered(lambda line: line.price_unit == 100).unlink()
        self.assertEqual(self._get_billed(service), [])
        self.assertEqual(self._bill(self.december).amount_untaxed, 207)

    def test_the_database_refuses_a_day_twice(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        line = self._bill(self.november).invoice_line_ids
        with mute_logger("odoo.sql_db"), self.assertRaises(ExclusionViolation):
            self.env["ar.billed.days"]._create_inside(
                {
                    "service_id": service.id,
                    "date_from": NOVEMBER[1],
                    "date_to": NOVEMBER[1],
                    "move_line_id": line.id,
                }
            )

    def test_a_regenerated_draft_bills_its_days(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        invoice = self._bill(self.november)
        service.price_unit = 120
        invoice.action_regenerate()
        self.assertEqual(invoice.amount_untaxed, 120)
        self.assertEqual(self._get_billed(service), [tuple(map(str, NOVEMBER))])
        self.assertEqual(self._bill(self.december).amount_untaxed, 120)


@tagged("post_install", "-at_install")
class TestCreditedInvoices(BilledDaysCommon):
    """An invoice that bills nothing any more frees its place and its days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._serve(cls.ann, 100, date_from=date(2026, 11, 1))

    def _invoice_november(self):
        invoice = self._bill(self.november)
        invoice.action_post()
        return invoice

    def _credit(self, invoice, amount=None, modify=False):
        """The credit note, or the corrected copy, that core's window makes."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create(
                {"journal_id": invoice.journal_id.id, "date": fields.Date.to_date("2026-11-01")}
            )
        )
        wizard.reverse_moves(is_modify=modify)
        note = wizard.new_move_ids
        if amount:
            note.invoice_line_ids.price_unit = amount
        if not modify and note.state == "draft":
            note.action_post()
        return note

    def test_credited_to_its_total(self):
        invoice = self._invoice_november()
        self._credit(invoice)
        self.assertEqual(self._get_billed(self.service), [])
        again = self._bill(self.november)
        self.assertEqual(again.amount_untaxed, 100)
        self.assertEqual(self.november.billed_count, 1)

    def test_credited_in_two_parts(self):
        invoice = self._invoice_november()
        self._credit(invoice, 40)
        self.assertFalse(self._bill(self.november))
        self._credit(invoice, 60)
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)

    def test_paid_in_part_and_credited(self):
        invoice = self._invoice_november()
        self._pay(self.ann, 40, invoice)
        self._credit(invoice)
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)

    def test_a_zero_invoice_credited(self):
        self.service.date_to = date(2026, 11, 1)
        self.service.price_unit = 0
        run = self._run(self.november, zero_policy="create")
        self._line(run, self.ann).action_tick()
        run.create_invoices()
        run.invoice_ids.action_post()
        self._credit(run.invoice_ids)
        again = self._run(self.november, zero_policy="create")
        self.assertEqual(self._line(again, self.ann).state, "todo")

    def test_a_credit_note_that_is_only_a_draft_frees_nothing(self):
        invoice = self._invoice_november()
        invoice._reverse_moves()
        self.assertFalse(self._bill(self.november))

    def test_a_credit_note_that_is_taken_back(self):
        invoice = self._invoice_november()
        note = self._credit(invoice)
        note.button_draft()
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])
        self.assertFalse(self._bill(self.november))

    def test_a_credit_note_that_is_taken_back_when_the_days_were_billed_again(self):
        invoice = self._invoice_november()
        note = self._credit(invoice)
        again = self._bill(self.november)
        note.button_draft()
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])
        self.assertTrue(invoice.activity_ids)
        self.assertIn(again.display_name, invoice.activity_ids.note)
        again.unlink()
        # The invoice that is not credited any more bills it.
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])
        self.assertFalse(self._bill(self.november))

    def test_the_corrected_copy_takes_place_and_days(self):
        invoice = self._invoice_november()
        copy = self._credit(invoice, modify=True)
        self.assertEqual(copy.billing_period_id, self.november)
        self.assertEqual(copy.billing_run_id, invoice.billing_run_id)
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])
        self.assertFalse(self._bill(self.november))
        self.assertEqual(self._bill(self.december).amount_untaxed, 100)
        with self.env.cr.savepoint() as savepoint:
            copy.action_post()
            self.assertEqual((copy.previous_balance, copy.amount_due_account), (0, 100))
            savepoint.rollback()
        self.service.price_unit = 110
        copy.action_regenerate()
        self.assertEqual(copy.amount_untaxed, 110)
        copy.unlink()
        self.assertEqual(self._bill(self.november).amount_untaxed, 110)

    def test_a_cancelled_draft_that_comes_back(self):
        invoice = self._bill(self.november)
        invoice.button_cancel()
        self.assertEqual(self._get_billed(self.service), [])
        invoice.button_draft()
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])
        invoice.button_cancel()
        self._bill(self.november)
        with self.assertRaisesRegex(UserError, "cannot bill its period again"):
            invoice.button_draft()

    def test_days_that_another_period_bills_meanwhile(self):
        invoice = self._bill(self.november)
        invoice.button_cancel()
        self.assertEqual(self._bill(self.december).amount_untaxed, 200)
        with self.assertRaisesRegex(UserError, "cannot bill its period again"):
            invoice.button_draft()

    def test_an_invoice_whose_service_was_credited_is_cancelled_and_comes_back(self):
        """The credit stands on the next invoice; days count once, whatever comes and goes."""
        self._serve(self.ann, 500, date_from=date(2026, 11, 1))
        invoice = self._bill(self.november)
        self.service.date_to = date(2026, 11, 10)
        credit = self._bill(self.december)
        credit.button_cancel()
        self.assertEqual(
            self._get_billed(self.service),
            [("2026-11-01", "2026-11-10"), ("2026-11-11", "2026-11-30")],
        )
        credit.button_draft()
        self.assertEqual(self._get_billed(self.service), [("2026-11-01", "2026-11-10")])
        invoice.button_cancel()
        self.assertEqual(self._get_billed(self.service), [])


@tagged("post_install", "-at_install")
class TestMergedCustomers(BilledDaysCommon):
    """Nothing of ours hinders a merge, another parent or a deletion."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.services = cls._serve(cls.ann, 100, date_from=date(2026, 11, 1))
        cls.services |= cls._serve(cls.bob, 40, date_from=date(2026, 11, 1))

    def _merge(self, source, target):
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._merge((source | target).ids, target)
        self.env.invalidate_all()

    def test_two_billed_customers_become_one(self):
        invoices = self._bill(self.november)
        invoices.action_post()
        self._merge(self.ann, self.bob)
        self.assertEqual(invoices.commercial_partner_id, self.bob)
        self.assertEqual(self.bob.account_balance, 140)
        self.assertFalse(self._bill(self.november))
        self.assertEqual(self._bill(self.december).amount_untaxed, 140)

    def test_one_billed_customer_becomes_the_other(self):
        for billed in (self.ann, self.bob):
            with self.subTest(billed.name), self.env.cr.savepoint() as savepoint:
                self._bill(self.november, billed)
                self._merge(self.ann, self.bob)
                self.assertFalse(self._bill(self.november))
                # The other's November is late, and is not lost.
                self.assertEqual(
                    self._bill(self.december).amount_untaxed,
                    140 + (40 if billed == self.ann else 100),
                )
                savepoint.rollback()

    def test_two_listed_customers_become_one(self):
        run = self._run(self.november)
        self._merge(self.ann, self.bob)
        line = self._line(run, self.bob)
        self.assertEqual(len(line), 1)
        self.assertEqual(line.amount_charge, 140)
        run.create_invoices()
        self.assertEqual(line.state, "done", line.reason)
        self.assertEqual(run.invoice_ids.amount_untaxed, 140)

    def test_a_billed_customer_is_put_below_a_company(self):
        parent = self._make_customers("Parent", profile=self.monthly, is_company=True)
        self._serve(parent, 7, date_from=date(2026, 11, 1))
        invoices = self._bill(self.november)
        self.ann.parent_id = parent
        self.env.flush_all()
        self.assertFalse(self._bill(self.november))
        self.assertEqual(len(invoices), 3)
        december = self._bill(self.december)
        self.assertEqual(sum(december.mapped("amount_untaxed")), 147)

    def test_a_listed_customer_is_put_below_a_company(self):
        run = self._run(self.november)
        parent = self._make_customers("Parent", profile=self.monthly, is_company=True)
        self.ann.parent_id = parent
        run.create_invoices()
        self.assertIn("Parent", self._line(run, self.ann).reason)
        self.assertEqual(run.invoice_ids.amount_untaxed, 40)

    def test_a_listed_customer_is_deleted(self):
        cleo = self._make_customers("Cleo", profile=self.monthly)
        run = self._run(self.november, zero_policy="create")
        self.assertTrue(self._line(run, cleo))
        cleo.unlink()
        self.assertEqual(len(run.line_ids), 2)


@tagged("post_install", "-at_install")
class TestReviewed(BilledDaysCommon):
    """What was reviewed is what is billed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._serve(cls.ann, 100, date_from=date(2026, 11, 1))
        cls._serve(cls.bob, 40, date_from=date(2026, 11, 1))

    def test_what_changed_comes_back(self):
        changes = {
            "price": lambda: self.service.write({"price_unit": 120}),
            "text": lambda: self.service.write({"name": "Other words"}),
            "quantity": lambda: self.service.write({"quantity": 2}),
            "taxes": lambda: self.service.write({"tax_ids": [Command.set(self.tax_sale_a.ids)]}),
            "ended": lambda: self.service.write({"date_to": date(2026, 11, 3)}),
            "one more": lambda: self._serve(self.ann, 5, date_from=date(2026, 11, 1)),
            "gone": lambda: self.service.write({"active": False}),
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                run = self._run(self.november)
                change()
                run.create_invoices()
                line = self._line(run, self.ann)
                self.assertEqual(line.state, "failed")
                self.assertIn("100.00", line.reason)
                self.assertEqual(run.invoice_ids.amount_untaxed, 40)
                # What he would be billed now stands there; Retry bills that.
                charged = line.amount_charge
                run.action_retry()
                self.assertEqual(line.state, "done", line.reason)
                self.assertEqual(line.move_id.amount_untaxed, charged)
                savepoint.rollback()

    def test_another_currency_meanwhile(self):
        run = self._run(self.november)
        self._serve(self.ann, 70, currency_id=self.foreign.id, date_from=date(2026, 11, 1))
        run.create_invoices()
        self.assertEqual(run.invoice_ids.currency_id, self.company.currency_id)
        line = self._line(run, self.ann).filtered(lambda line: line.currency_id == self.foreign)
        self.assertEqual(line.state, "failed")
        self.assertIn("70.00", line.reason)
        run.action_retry()
        self.assertEqual((line.state, line.move_id.amount_untaxed), ("done", 70))
        self.assertEqual(len(run.invoice_ids), 3)

    def test_billed_by_another_run_meanwhile(self):
        """No day twice, also where two profiles list the customer."""
        run = self._run(self.november)
        self.ann.billing_profile_id = other = self._make_dated_profile("Other")
        self._bill(self._get_period(other, date(2026, 11, 1)))
        self.ann.billing_profile_id = self.monthly
        run.create_invoices()
        self.assertEqual(self._line(run, self.ann).state, "failed")
        self.assertEqual(self._get_billed(self.service), [tuple(map(str, NOVEMBER))])

    def test_another_profile_or_on_hold_meanwhile(self):
        changes = {
            "archived": lambda: self.ann.write({"active": False}),
            "profile": lambda: self.ann.write({"billing_profile_id": False}),
            "hold": lambda: self.ann.write({"billing_hold": True}),
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                run = self._run(self.november)
                change()
                run.create_invoices()
                self.assertEqual(self._line(run, self.ann).state, "failed")
                self.assertEqual(run.invoice_ids.amount_untaxed, 40)
                savepoint.rollback()

    def test_an_account_that_was_settled_or_owes_meanwhile(self):
        cleo, dora = self._make_customers("Cleo", "Dora", profile=self.monthly)
        debt = self._invoice(cleo, 30)
        run = self._run(self.november, zero_policy="skip_settled")
        self.assertEqual(self._line(run, cleo).state, "todo")
        self.assertEqual(self._line(run, dora).state, "skipped")
        self._pay(cleo, 30, debt)
        self._invoice(dora, 20)
        run.create_invoices()
        self.assertEqual(self._line(run, cleo).state, "skipped")
        self.assertEqual(self._line(run, dora).state, "done")
        self.assertEqual(self._line(run, dora).move_id.amount_total, 0)

    def test_another_account_balance_alone_changes_nothing(self):
        run = self._run(self.november)
        self._invoice(self.ann, 12)
        run.create_invoices()
        self.assertEqual(self._line(run, self.ann).state, "done")


@tagged("post_install", "-at_install")
class TestUnbilledDays(BilledDaysCommon):
    """Whatever is due and on no invoice is in the list, with what it costs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._serve(cls.ann, 300, date_from=date(2026, 11, 1))

    def _get_unbilled(self, customer=None, day="2026-11-30"):
        with freeze_time(day):
            self.env.invalidate_all()
            rows = self.env["ar.unbilled.days"].search(
                [("partner_id", "=", (customer or self.ann).id)]
            )
            return [
                (str(row.date_from), str(row.date_to), row.days, row.amount, row.status)
                for row in rows
            ]

    def test_what_is_due(self):
        whole = ("2026-11-01", "2026-11-30", 30, 300, "waiting")
        self.assertEqual(self._get_unbilled(day="2026-11-01"), [whole])
        self.assertEqual(
            self._get_unbilled(day="2026-12-02"),
            [whole, ("2026-12-01", "2026-12-31", 31, 300, "waiting")],
        )
        self._bill(self.november)
        self.assertEqual(self._get_unbilled(), [])
        self.service.date_from = date(2026, 10, 17)
        self.assertEqual(
            self._get_unbilled(), [("2026-10-17", "2026-10-31", 15, 145.16, "waiting")]
        )

    def test_in_arrears_a_period_is_due_when_it_is_over(self):
        arrears = self._make_dated_profile("Arrears", billing_timing="arrears")
        self.ann.billing_profile_id = arrears
        self.assertEqual(self._get_unbilled(day="2026-11-29"), [])
        self.assertEqual(len(self._get_unbilled(day="2026-11-30")), 1)

    def test_whom_no_run_bills(self):
        changes = {
            "archived": {"active": False},
            "hold": {"billing_hold": True},
            "no_profile": {"billing_profile_id": False},
        }
        for status, values in changes.items():
            with self.subTest(status), self.env.cr.savepoint() as savepoint:
                self.ann.write(values)
                self.assertEqual(
                    self._get_unbilled(), [("2026-11-01", "2026-11-30", 30, 300, status)]
                )
                savepoint.rollback()

    def test_not_prorated_and_billed_in_part(self):
        self.service.write({"prorate": False, "date_from": date(2026, 11, 20)})
        self._bill(self.november)
        self.service.date_from = date(2026, 11, 5)
        (row,) = self._get_unbilled()
        self.assertEqual(row, ("2026-11-05", "2026-11-19", 15, 300, "not_prorated"))
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            action = rows.action_bill()
            run = self.env["ar.billing.run"].browse(action["context"]["active_id"])
            run.create_invoices()
        self.assertEqual(run.invoice_ids.amount_untaxed, 300)
        self.assertEqual(self._get_unbilled(), [])

    def test_two_gaps_of_a_period_that_is_not_prorated_cost_it_once(self):
        self.service.prorate = False
        self.env["ar.billed.days"]._create_inside(
            [
                {
                    "service_id": self.service.id,
                    "date_from": date(2026, 11, 10),
                    "date_to": date(2026, 11, 12),
                    "note": "Goodwill",
                }
            ]
        )
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            self.assertEqual(len(rows), 2)
            action = rows.action_bill()
            run = self.env["ar.billing.run"].browse(action["context"]["active_id"])
            run.create_invoices()
        self.assertEqual(run.invoice_ids.amount_untaxed, 300)

    def test_bill_these_days(self):
        self.ann.billing_profile_id = False
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            # Whose journal, if nobody has billed him and there are several profiles?
            self._make_dated_profile("Another")
            with self.assertRaisesRegex(UserError, "Ann has no billing profile"):
                rows.action_bill()
            self.ann.billing_profile_id = self.monthly
            self.env.invalidate_all()
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            action = rows.action_bill()
            lines = self.env["ar.billing.run.line"].search(action["domain"])
            self.assertEqual(lines.partner_id, self.ann)
            self.assertEqual(lines.amount_charge, 300)
            lines.document_id.create_invoices()
        invoice = lines.move_id
        self.assertFalse(invoice.billing_period_id)
        self.assertEqual(self._get_unbilled(), [])
        self.assertFalse(self._bill(self.november))
        # Without a place in the period: what is served besides is billed.
        self._serve(self.ann, 5, date_from=date(2026, 11, 1))
        self.assertEqual(self._bill(self.november).amount_untaxed, 5)
        invoice.action_regenerate()
        self.assertEqual(invoice.amount_untaxed, 300)
        invoice.unlink()
        self.assertEqual(len(self._get_unbilled()), 1)

    def test_more_rows_than_the_client_names(self):
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "2")
        customers = self._make_customers("Cleo", "Dan", "Eve", profile=self.monthly)
        for customer in customers:
            self._serve(customer, 10, date_from=date(2026, 11, 1))
        domain = [("partner_id", "in", customers.ids)]
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"].search(domain)
            named = rows[:2].with_context(active_model=rows._name, active_domain=domain)
            pop_up = self.env["ar.give.away"].browse(named.action_give_away()["res_id"])
            self.assertIn("3 customers", pop_up.summary)
            run_id = named.action_bill()["context"]["active_id"]
            run = self.env["ar.billing.run"].browse(run_id)
        self.assertEqual(run.line_ids.partner_id, customers)

    def test_give_away(self):
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            action = rows.action_give_away()
            pop_up = self.env[action["res_model"]].browse(action["res_id"])
            pop_up.note = "Goodwill"
            self.assertIn("30 days", pop_up.summary)
            pop_up.action_give_away()
        self.assertEqual(self._get_unbilled(), [])
        self.assertFalse(self._bill(self.november))
        given = self.service.billed_day_ids
        self.assertEqual(given.note, "Goodwill")
        given.action_take_back()
        self.assertEqual(self._bill(self.november).amount_untaxed, 300)
        with self.assertRaisesRegex(UserError, "freed by their invoice"):
            self.service.billed_day_ids.action_take_back()

    def test_the_dashboard_leads_to_it(self):
        journal = self.monthly.journal_id
        other = self.company_data["default_journal_purchase"]
        data = (journal | other)._get_journal_dashboard_data_batched()
        self.assertTrue(data[journal.id]["has_billing_profile"])
        self.assertNotIn("has_billing_profile", data[other.id])
        with freeze_time("2026-11-30"):
            action = journal.action_view_unbilled_days()
            self.assertEqual(
                self.env["ar.unbilled.days"].search(action["domain"]).partner_id, self.ann
            )

    def test_filters_groups_and_another_company(self):
        with freeze_time("2026-11-30"):
            rows = self.env["ar.unbilled.days"]
            action = self.november.action_view_unbilled_days()
            self.assertEqual(rows.search(action["domain"]).partner_id, self.ann)
            action = self.monthly.action_view_unbilled_days()
            self.assertEqual(rows.search_count(action["domain"]), 1)
            groups = rows._read_group([], ["status"], ["amount:sum", "__count"])
            self.assertIn(("waiting", 300, 1), groups)
            other = rows.with_context(allowed_company_ids=self.other.ids)
            self.assertFalse(other.search([]))


@tagged("post_install", "-at_install")
class TestBroughtUpToDate(BilledDaysCommon):
    """A database from before days were kept, brought up to date."""

    def _forget(self, invoices):
        """As the version before left them."""
        self._ledger("DELETE FROM ar_billed_days RETURNING id")
        self._ledger("DELETE FROM ar_billing_place RETURNING id")
        self._ledger("UPDATE ar_billing_charge SET source_data = NULL RETURNING id")
        self.env.invalidate_all()

    def test_no_day_that_an_invoice_bills_is_caught_up(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 10, 10))
        others = self._serve(self.bob, 40, date_from=date(2026, 10, 1), prorate=False)
        invoices = self._bill(self.october) | self._bill(self.november)
        self.assertEqual(len(invoices), 4)
        cancelled = invoices.filtered(
            lambda move: move.partner_id == self.bob and move.billing_period_id == self.november
        )
        cancelled.button_cancel()
        self._forget(invoices)
        self.env["ar.billing.place"]._enter_existing()
        self.env["ar.billed.days"]._enter_existing()
        self.assertEqual(
            self._get_billed(service), [("2026-10-10", "2026-10-31"), ("2026-11-01", "2026-11-30")]
        )
        self.assertEqual(self._get_billed(others), [("2026-10-01", "2026-10-31")])
        self.assertFalse(self._bill(self.november, self.ann))
        december = self._bill(self.december)
        self.assertEqual(
            {move.partner_id.name: move.amount_untaxed for move in december},
            {"Ann": 100, "Bob": 80},
        )
        # A second time changes nothing.
        self.env["ar.billing.place"]._enter_existing()
        self.env["ar.billed.days"]._enter_existing()
        self.assertEqual(len(self._get_billed(service)), 3)


@tagged("post_install", "-at_install")
class TestCatchUp(BilledDaysCommon):
    def test_the_pop_up_says_when_more_is_caught_up_than_billed(self):
        self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        for period, said in ((self.november, False), (self.december, False), (self.january, True)):
            run = self._run(period)
            action = run.action_open_confirm()
            pop_up = self.env[action["res_model"]].with_context(**action["context"]).create({})
            self.assertEqual(bool(pop_up.catch_up_note), said, period.display_name)
        self.assertIn(
            "200.00 are for days of earlier periods", pop_up.catch_up_note.replace("\xa0", "")
        )

    def test_a_billed_service_is_not_deleted(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._bill(self.november).action_post()
        with self.assertRaisesRegex(UserError, "has been billed"):
            service.unlink()

    def test_queries_do_not_depend_on_the_number_of_services(self):
        def count(number):
            customers = self._make_customers(
                *[f"C{number}.{index}" for index in range(number)], profile=self.monthly
            )
            for customer in customers:
                self._serve(customer, 5, date_from=date(2026, 11, 16))
            self._run(self.november).create_invoices()
            run = self._run(self.december)
            self.env.flush_all()
            return self._count_queries(lambda: run._get_charges(customers))

        few, many = count(3), count(30)
        self.assertLessEqual(many, few + 2)
