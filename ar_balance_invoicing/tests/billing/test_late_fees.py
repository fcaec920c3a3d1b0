"""Late fees: what is owed after the customer's own credits, once, and as it is when billed."""

from datetime import date, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from psycopg2.errors import ExclusionViolation

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ...tools.late_fees import started_months
from ..billing_common import BillingCommon

LATE_FEE = "ar.charge.source.late.fee"
LOGGER = "odoo.addons.ar_balance_invoicing.models.bulk_document.ar_bulk_document_work"


class LateFeeCommon(BillingCommon):
    """A profile that charges 5 and 10 % of what is overdue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fee_product = cls.env["product.product"].create(
            {
                "name": "Late fee",
                "type": "service",
                "taxes_id": [Command.clear()],
                "property_account_income_id": cls.company_data["default_account_revenue"].id,
            }
        )
        cls.terms = {
            "late_fee_fixed": 5,
            "late_fee_percent": 10,
            "late_fee_product_id": cls.fee_product.id,
        }
        cls.profile.write(cls.terms)
        cls.home = cls.company.currency_id
        cls.customer = cls._make_customers("Ann")

    # --- what happens -------------------------------------------------------

    @classmethod
    def _list(cls, period=None, **options):
        return cls._run(period, **{"invoice_date": cls.today, **options})

    @classmethod
    def _bill(cls, period=None, **options):
        return cls._list(period, **options).create_invoices()

    def _listed(self, run, customer=None):
        """{currency: fee} as listed; every other source would be here, too."""
        charges = self._line(run, customer or self.customer).charge_ids
        return {charge.currency_id: charge.price_unit for charge in charges}

    def _billed(self, run, customer=None):
        """{currency id: fee} of the invoices, as their journal items have it."""
        moves = self._line(run, customer or self.customer).move_id
        rows = self._ledger(
            """
            SELECT currency_id, (-SUM(amount_currency))::text
              FROM account_move_line
             WHERE move_id IN %s AND product_id = %s
          GROUP BY currency_id
            """,
            tuple(moves.ids) or (0,),
            self.fee_product.id,
        )
        return {currency_id: Decimal(amount) for currency_id, amount in rows}

    def _assert_fee(self, run, amount, customer=None):
        """Listed and billed with so much in company currency; None: without a fee."""
        expected = {} if amount is None else {self.home: amount}
        self.assertEqual(self._listed(run, customer), expected)
        run.create_invoices()
        expected = {} if amount is None else {self.home.id: Decimal(str(amount))}
        self.assertEqual(self._billed(run, customer), expected)

    def _credit(self, amount, **values):
        return self._invoice(self.customer, amount, move_type="out_refund", **values)

    def _rows(self):
        return self._ledger(
            "SELECT overdue_move_id, date_from, date_to FROM ar_late_fee "
            "WHERE overdue_move_id IS NOT NULL ORDER BY 1, 2"
        )

    @classmethod
    def _make_weekly(cls, **values):
        """A profile with other periods, which overlap the months."""
        monday = cls.today - timedelta(days=cls.today.weekday())
        # The week after may be in the next month, the one of today never is in none.
        profile = cls._make_profile(
            "Weekly", cadence_unit="week", anchor_date=monday, **{**cls.terms, **values}
        )
        week = profile.period_ids.filtered(lambda period: period.date_from == monday)
        week.ensure_one()
        return profile, week

    @classmethod
    def _bring_forward(cls, parts, days_ago=40, due=True, **values):
        """An opening entry: ``[(customer, amount)]`` against equity, each due so long ago."""
        day = cls.today - timedelta(days=days_ago)
        receivable = cls.company_data["default_account_receivable"]
        lines = [
            {
                "name": f"Old books {number}",
                "account_id": receivable.id,
                "partner_id": customer.id,
                "debit": amount,
                "date_maturity": due and day,
                **values,
            }
            for number, (customer, amount) in enumerate(parts, 1)
        ]
        total = sum(line["debit"] for line in lines)
        lines.append({"account_id": cls.company_data["default_account_revenue"].id})
        lines[-1]["credit"] = total
        entry = cls.env["account.move"].create(
            {
                "date": cls.today - timedelta(days=60),
                "line_ids": [Command.create(line) for line in lines],
            }
        )
        entry._post(soft=False)
        return entry


@tagged("post_install", "-at_install")
class TestLateFeesNet(LateFeeCommon):
    """What fees are charged on: the customer's own open credits come off first."""

    def test_an_unapplied_payment_comes_off(self):
        self._invoice(self.customer, 100, days_ago=40)
        self._pay(self.customer, 60)
        self._assert_fee(self._list(), 9)

    def test_who_owes_nothing_net_pays_none(self):
        for number, credits in enumerate(
            (
                lambda: self._pay(self.customer, 100),
                lambda: self._credit(100),
                lambda: (self._credit(60, days_ago=90), self._pay(self.customer, 40.01)),
                lambda: self._pay(
                    self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id}),
                    100,
                ),
                lambda: self._invoice(
                    self.customer, 100, move_type="out_refund", company=self.branch
                ),
            )
        ):
            with self.subTest(number), self.cr.savepoint() as undone:
                self._invoice(self.customer, 100, days_ago=40)
                credits()
                self._assert_fee(self._list(), None)
                undone.rollback()
                self.env.invalidate_all()

    def test_credits_are_set_against_the_oldest_debts(self):
        self._invoice(self.customer, 50, days_ago=10)
        self._invoice(self.customer, 100, days_ago=40)
        self._invoice(self.customer, 500)
        self._pay(self.customer, 120)
        run = self._list()
        self._assert_fee(run, 8)
        # The oldest is paid for, but this is the fee for all that is overdue.
        self.assertEqual(len(self._rows()), 1)

    def test_a_credit_beyond_what_is_overdue_is_for_what_is_not_due_yet(self):
        self._invoice(self.customer, 100, days_ago=40)
        self._invoice(self.customer, 300)
        self._credit(160)
        self._assert_fee(self._list(), None)

    def test_credits_that_are_applied_elsewhere_are_no_credits(self):
        old = self._invoice(self.customer, 100, days_ago=50)
        self._invoice(self.customer, 70, days_ago=40)
        self._pay(self.customer, 100, old)
        self._assert_fee(self._list(), 12)

    def test_money_paid_back_to_the_customer_takes_a_credit_and_is_charged_nothing(self):
        self._pay(self.customer, 80, days_ago=60)
        back = self._pay(self.customer, 80, days_ago=59)
        back.action_draft()
        back.payment_type = "outbound"
        back.action_post()
        self._assert_fee(self._list(), None)
        self._invoice(self.customer, 100, days_ago=40)
        other = self._make_weekly()[1]
        self.customer.billing_profile_id = other.profile_id
        self._assert_fee(self._list(other), 15)

    def test_a_payment_in_process_without_an_entry_comes_off(self):
        """The invoice reads "In Payment" as soon as it is registered, the bank comes later."""
        invoice = self._invoice(self.customer, 100, days_ago=40)
        for amount, expected in ((60, {self.home: 9}), (40, {})):
            payment = self.env["account.payment"].create(
                {
                    "payment_type": "inbound",
                    "partner_type": "customer",
                    "partner_id": self.customer.id,
                    "amount": amount,
                    "date": self.today,
                    "journal_id": self.company_data["default_journal_bank"].id,
                }
            )
            # As where the bank statement is what books it.
            payment.outstanding_account_id = False
            payment.invoice_ids = invoice
            payment.action_post()
            self.assertEqual((payment.state, bool(payment.move_id)), ("in_process", False))
            self.assertEqual(invoice.amount_residual, 100)
            self.assertEqual(self._listed(self._list()), expected)
        payment.action_cancel()
        self._assert_fee(self._list(), 9)

    def test_the_minimum_is_of_what_is_owed_net(self):
        self.profile.late_fee_minimum = 40
        self._invoice(self.customer, 100, days_ago=40)
        self._pay(self.customer, 60.01)
        self.assertFalse(self._listed(self._list()))
        self._invoice(self.customer, 0.01, days_ago=5)
        self._assert_fee(self._list(), 9)

    def test_days_of_grace(self):
        self._invoice(self.customer, 100, days_ago=10)
        self._invoice(self.customer, 50, days_ago=9)
        self.profile.late_fee_grace_days = 9
        self.assertEqual(self._listed(self._list()), {self.home: 15})
        self.profile.late_fee_grace_days = 10
        self.assertFalse(self._listed(self._list()))

    def test_customers_who_are_never_charged(self):
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        self._invoice(contact, 100, days_ago=40)
        free = self._make_customers("Free", billing_late_fee_free=True)
        self._invoice(free, 100, days_ago=40)
        run = self._list()
        self.assertEqual(self._listed(run), {self.home: 15})
        self.assertFalse(self._listed(run, free))
        # Each company decides for itself, and a contact is what its company is.
        self.customer.with_company(self.other).billing_late_fee_free = True
        self.assertEqual(self._listed(self._list()), {self.home: 15})
        self.customer.billing_late_fee_free = True
        self.assertTrue(contact.billing_late_fee_free)
        self._assert_fee(self._list(), None)


@tagged("post_install", "-at_install")
class TestLateFeesReadAgain(LateFeeCommon):
    """Between the list and the invoices."""

    def test_paid_after_it_was_listed_and_before_it_was_due(self):
        """Due in three days, listed today for a run in six days, paid in time."""
        for pay in (True, False):
            with self.subTest(pay=pay), self.cr.savepoint() as undone:
                invoice = self._invoice(
                    self.customer, 100, days_ago=27, invoice_payment_term_id=self.term_30.id
                )
                run = self._list(invoice_date=self.today + timedelta(days=6))
                self.assertEqual(self._listed(run), {self.home: 15})
                if pay:
                    self._pay(self.customer, 100, invoice)
                run.create_invoices()
                billed = {} if pay else {self.home.id: Decimal(15)}
                self.assertEqual(self._billed(run), billed)
                self.assertEqual(len(self._rows()), not pay)
                undone.rollback()
                self.env.invalidate_all()

    def test_a_fee_that_has_fallen_is_taken_as_it_is_now_and_counted(self):
        bob, cleo, dora = self._make_customers("Bob", "Cleo", "Dora")
        for customer in self.customer | bob | cleo | dora:
            self._invoice(customer, 100, days_ago=40)
        self._invoice(cleo, 100, days_ago=50, currency_id=self.foreign.id)
        self._serve(bob)
        run = self._list()
        self.assertFalse(run.fallen_text)
        self._pay(self.customer, 60)
        self._invoice(bob, 100, move_type="out_refund")
        self._pay(cleo, 30, currency=self.foreign)
        run.create_invoices()
        self.assertEqual(run.state, "done")
        self.assertEqual(self._billed(run), {self.home.id: 9})
        self.assertEqual(self._billed(run, bob), {})
        self.assertEqual(self._billed(run, cleo), {self.home.id: 10, self.foreign.id: 17})
        self.assertEqual(self._billed(run, dora), {self.home.id: 15})
        line = self._line(run, bob)
        self.assertEqual((line.amount_charge, line.amount_total), (40, 46))
        self.assertEqual(line.move_id.amount_total, 46, "the service is billed all the same")
        # 6 and 15 in company currency, 3 in the foreign one.
        text = run.fallen_text.replace("\xa0", " ")
        self.assertIn(": 3, by", text)
        self.assertIn("$ 21.00", text)
        self.assertIn("3.00 €", text)

    def test_with_nothing_left_to_bill_the_zero_policy_decides(self):
        for policy, state in (("create", "done"), ("skip_zero", "skipped")):
            with self.subTest(policy), self.cr.savepoint() as undone:
                invoice = self._invoice(self.customer, 100, days_ago=40)
                run = self._list(zero_policy=policy)
                self._pay(self.customer, 100, invoice)
                run.create_invoices()
                line = self._line(run, self.customer)
                self.assertEqual(line.state, state)
                self.assertEqual(bool(line.move_id), state == "done")
                self.assertFalse(self._billed(run))
                self.assertIn(": 1, by", run.fallen_text)
                undone.rollback()
                self.env.invalidate_all()

    def test_a_fee_that_has_risen_is_to_be_reviewed_again(self):
        bob = self._make_customers("Bob")
        self._invoice(self.customer, 100, days_ago=40)
        self._invoice(bob, 100, days_ago=40)
        run = self._list()
        self._invoice(self.customer, 10, days_ago=40)
        run.create_invoices()
        line = self._line(run, self.customer)
        self.assertEqual((line.state, bool(line.move_id)), ("failed", False))
        self.assertRegex(
            line.reason.replace("\xa0", " "),
            r"listed with \$ 15.00 and would be billed \$ 16.00 now",
        )
        self.assertEqual(self._billed(run, bob), {self.home.id: 15})
        self._assert_fee(self._list(), 16)

    def test_as_much_but_for_another_invoice(self):
        first = self._invoice(self.customer, 100, days_ago=40)
        run = self._list()
        self._pay(self.customer, 100, first)
        second = self._invoice(self.customer, 100, days_ago=30)
        run.create_invoices()
        self.assertEqual(self._billed(run), {self.home.id: 15})
        line = self._line(run, self.customer).move_id.invoice_line_ids
        self.assertIn(second.name, line.name)
        self.assertEqual([row[0] for row in self._rows()], second.ids)

    def test_fees_are_read_again_for_a_chunk_at_once(self):
        customers = self._make_customers(*(f"C{number}" for number in range(12)))
        moves = self.env["account.move"].create(
            [self._invoice_vals(customer, 100, days_ago=40) for customer in customers]
        )
        moves._post(soft=False)
        run = self._list()
        lines = run.line_ids.filtered("charge_ids")
        self.assertEqual(len(lines), 12)

        def read_again(some):
            return lambda: run._filter_as_reviewed(some)

        counts = [
            self._count_queries(read_again(some), warm=True)
            for some in (lines, lines[:2], lines, lines[:2])
        ]
        self.assertEqual(counts[2], counts[3])


@tagged("post_install", "-at_install")
class TestLateFeesOnce(LateFeeCommon):
    """Each overdue invoice once for the same days, whoever charges it."""

    def test_once_whatever_profile_bills_it(self):
        self._invoice(self.customer, 100, days_ago=40)
        _profile, week = self._make_weekly()
        self._assert_fee(self._list(), 15)
        self.customer.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), None)

    def test_once_the_other_way_round(self):
        self._invoice(self.customer, 100, days_ago=40)
        month = self.period
        _profile, week = self._make_weekly()
        self.customer.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), 15)
        self.customer.billing_profile_id = self.profile
        if week.date_from <= month.date_to and month.date_from <= week.date_to:
            self._assert_fee(self._list(), None)

    def test_what_became_overdue_since_is_charged_without_the_fixed_part(self):
        self._invoice(self.customer, 100, days_ago=40)
        _profile, week = self._make_weekly(late_fee_fixed=7)
        self._assert_fee(self._list(), 15)
        self._invoice(self.customer, 30, days_ago=20)
        self.customer.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), 3)

    def test_the_next_period_charges_again(self):
        self._invoice(self.customer, 100, days_ago=40)
        self._assert_fee(self._list(), 15)
        later = self.profile.period_ids.filtered(
            lambda period: period.date_from > self.period.date_to
        ).sorted("date_from")[0]
        self._assert_fee(self._list(later), 15)
        self.assertEqual(len(self._rows()), 2)

    def test_the_database_holds_it(self):
        overdue = self._invoice(self.customer, 100, days_ago=40)
        fee = self._bill().invoice_ids
        _profile, week = self._make_weekly()
        shared = {"period_id": week.id, "fee_move_id": fee.id}
        item = overdue.line_ids.filtered("date_maturity")
        for vals in (
            {"overdue_move_id": overdue.id},
            {"overdue_move_id": overdue.id, "overdue_item_id": item.id},
            {"overdue_move_id": overdue.id, "date_from": self.today, "date_to": self.today},
            {"customer_number": self.customer.id},
        ):
            with (
                self.subTest(vals),
                self.assertRaises(ExclusionViolation),
                mute_logger("odoo.sql_db"),
                self.cr.savepoint(),
            ):
                self.env["ar.late.fee"]._create_inside({**shared, **vals})
        # Another day, invoice or customer stands for itself.
        other = self._invoice(self.customer, 100, days_ago=40)
        next_year = self.today + relativedelta(years=1)
        self.env["ar.late.fee"]._create_inside(
            [
                {**shared, "overdue_move_id": other.id},
                {**shared, "customer_number": self.customer.id + 1},
                {
                    **shared,
                    "overdue_move_id": overdue.id,
                    "date_from": next_year,
                    "date_to": next_year,
                },
            ]
        )

    def test_somebody_else_was_faster_and_only_that_customer_fails(self):
        """What another transaction has charged is not seen, and refused by the database."""
        bob = self._make_customers("Bob")
        overdue = self._invoice(self.customer, 100, days_ago=40)
        self._invoice(bob, 100, days_ago=40)
        _profile, week = self._make_weekly()
        fee = self._invoice(self.customer, 15, post=False)
        run = self._list()
        self.env["ar.late.fee"]._create_inside(
            {"period_id": week.id, "fee_move_id": fee.id, "overdue_move_id": overdue.id}
        )
        self.patch(type(self.env["ar.late.fee"]), "_get_by_overdue", lambda fees, moves: {})
        with mute_logger(LOGGER, "odoo.sql_db"):
            run.create_invoices()
        line = self._line(run, self.customer)
        self.assertEqual((line.state, bool(line.move_id)), ("failed", False))
        self.assertIn("at the same moment", line.reason)
        self.assertEqual(self._billed(run, bob), {self.home.id: 15})

    def test_what_undoes_the_invoice_frees_what_it_charged(self):
        self._invoice(self.customer, 100, days_ago=40)
        for undo in (
            lambda run: run.action_undo(),
            lambda run: run.invoice_ids.button_cancel(),
            lambda run: run.invoice_ids.unlink(),
        ):
            run = self._list()
            self._assert_fee(run, 15)
            undo(run)
            self.assertFalse(self._rows())
            self.assertFalse(self._ledger("SELECT id FROM ar_late_fee"))

    def test_a_regenerated_draft_is_charged_anew(self):
        self._invoice(self.customer, 100, days_ago=40)
        run = self._list()
        self._assert_fee(run, 15)
        self._invoice(self.customer, 50, days_ago=30)
        run.invoice_ids.action_regenerate()
        self.assertEqual(self._billed(run), {self.home.id: 20})
        self.assertEqual(len(self._rows()), 2)
        self._pay(self.customer, 150)
        run.invoice_ids.action_regenerate()
        self.assertEqual(self._billed(run), {})
        self.assertFalse(self._rows())

    def test_a_cancelled_invoice_does_not_come_back_beside_another(self):
        overdue = self._invoice(self.customer, 100, days_ago=40)
        run = self._list()
        self._assert_fee(run, 15)
        first = run.invoice_ids
        first.button_cancel()
        _profile, week = self._make_weekly()
        self.customer.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), 15)
        with self.assertRaisesRegex(UserError, f"{overdue.name} was charged"):
            first.button_draft()

    def test_merged_customers_keep_their_rows_and_pay_the_fixed_part_once(self):
        bob = self.env["res.partner"].create({"name": "Bob"})
        self._invoice(self.customer, 100, days_ago=40)
        self._invoice(bob, 20, days_ago=40)
        self._bill()
        before = self._ledger("SELECT COUNT(*) FROM ar_late_fee")
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((self.customer | bob).ids, bob)
        self.env.invalidate_all()
        self.assertFalse(self.customer.exists())
        self.assertEqual(self._ledger("SELECT COUNT(*) FROM ar_late_fee"), before)
        _profile, week = self._make_weekly()
        bob.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), 2, bob)

    def test_who_was_charged_under_another_number_pays_the_fixed_part_once(self):
        self._invoice(self.customer, 100, days_ago=40)
        self._bill()
        _profile, week = self._make_weekly()
        parent = self._make_customers("Parent", profile=week.profile_id, is_company=True)
        self.customer.parent_id = parent
        self._invoice(parent, 20, days_ago=30)
        self._assert_fee(self._list(week), 2, parent)


@tagged("post_install", "-at_install")
class TestLateFeesKinds(LateFeeCommon):
    """Currencies, opening entries, instalments, fees on fees, fees per month."""

    def test_each_currency_is_charged_in_itself_on_the_invoice_of_its_services(self):
        """One unit of company currency is two of the foreign one."""
        self._invoice(self.customer, 100, days_ago=40, currency_id=self.foreign.id)
        self._invoice(self.customer, 70, days_ago=30)
        self._serve(self.customer, 30, currency_id=self.foreign.id)
        run = self._list()
        run.create_invoices()
        # The oldest is foreign: 5 are 10 there, and 10 % of 100.
        self.assertEqual(
            self._billed(run), {self.foreign.id: Decimal(20), self.home.id: Decimal(7)}
        )
        self.assertEqual(len(run.invoice_ids), 2)
        foreign = run.invoice_ids.filtered(lambda move: move.currency_id == self.foreign)
        self.assertEqual(foreign.amount_untaxed, 50)

    def test_the_fixed_part_is_converted_at_the_invoice_date(self):
        day = self.today + timedelta(days=3)
        self.env["res.currency.rate"].create(
            {
                "name": day,
                "rate": 4,
                "currency_id": self.foreign.id,
                "company_id": self.company.id,
            }
        )
        self._invoice(self.customer, 100, days_ago=40, currency_id=self.foreign.id)
        self.assertEqual(self._listed(self._list()), {self.foreign: 20})
        self.assertEqual(self._listed(self._list(invoice_date=day)), {self.foreign: 30})
        self.profile.late_fee_minimum = 26
        self.assertEqual(self._listed(self._list()), {self.foreign: 20})
        self.assertFalse(self._listed(self._list(invoice_date=day)), "100 are 25 by then")

    def test_credits_of_another_currency_count_as_booked(self):
        self._invoice(self.customer, 100, days_ago=40, currency_id=self.foreign.id)
        self._invoice(self.customer, 70, days_ago=30)
        self._pay(self.customer, 20)
        # 20 are 40 of the 100, which are the oldest.
        self.assertEqual(self._listed(self._list()), {self.foreign: 16, self.home: 7})
        self._credit(30)
        # All 50 that the foreign one was booked at: the fixed part is on the other one.
        self.assertEqual(self._listed(self._list()), {self.home: 12})
        self._pay(self.customer, 140, currency=self.foreign)
        self._assert_fee(self._list(), None)

    def test_a_credit_of_the_same_currency_counts_unit_for_unit(self):
        """Booked at another rate, 60 of 100 are still 60."""
        self._invoice(self.customer, 100, days_ago=40, currency_id=self.foreign.id)
        self.env["res.currency.rate"].create(
            {
                "name": self.today - timedelta(days=1),
                "rate": 4,
                "currency_id": self.foreign.id,
                "company_id": self.company.id,
            }
        )
        self._pay(self.customer, 60, currency=self.foreign)
        # 5 are 20 by now.
        self.assertEqual(self._listed(self._list()), {self.foreign: 24})
        self._pay(self.customer, 40, currency=self.foreign)
        self.assertFalse(self._listed(self._list()))

    def test_an_archived_currency_is_said(self):
        gone = self.setup_other_currency("GBP")
        self._invoice(self.customer, 100, days_ago=40, currency_id=gone.id)
        gone.active = False
        line = self._line(self._list(), self.customer)
        self.assertIn("is archived", line.charge_ids.problem)

    def test_an_opening_entry_is_charged_to_each_of_its_customers(self):
        bob, cleo = self._make_customers("Bob", "Cleo")
        entry = self._bring_forward([(self.customer, 100), (bob, 40), (bob, 20)])
        self._bring_forward([(cleo, 90)], due=False)
        self._pay(self.customer, 60)
        run = self._bill()
        self.assertEqual(self._billed(run), {self.home.id: 9})
        self.assertEqual(self._billed(run, bob), {self.home.id: 11})
        self.assertEqual(self._billed(run, cleo), {}, "without a due date nothing is late")
        name = self._line(run, bob).move_id.invoice_line_ids.name
        self.assertIn("Old books 2, Old books 3", name)
        self.assertEqual([row[0] for row in self._rows()], entry.ids * 3)
        # Bob's are freed, Ann's stay charged.
        self._line(run, bob).move_id.button_cancel()
        self.assertEqual(len(self._rows()), 1)
        _profile, week = self._make_weekly()
        (self.customer | bob).billing_profile_id = week.profile_id
        again = self._bill(week)
        self.assertEqual(self._billed(again), {})
        self.assertEqual(self._billed(again, bob), {self.home.id: 11})

    def test_an_opening_entry_in_foreign_currency(self):
        self._bring_forward([(self.customer, 50)], currency_id=self.foreign.id, amount_currency=100)
        run = self._bill()
        self.assertEqual(self._billed(run), {self.foreign.id: 20})

    def test_instalments_of_an_invoice_are_charged_once(self):
        """30 % were due 35 days ago, 35 % five days ago, 35 % are due in 25 days."""
        self._invoice(self.customer, 1000, days_ago=35, invoice_payment_term_id=self.term_parts.id)
        self._pay(self.customer, 100)
        before = self._list(invoice_date=self.today - timedelta(days=6))
        self.assertEqual(self._listed(before), {self.home: 25})
        run = self._list()
        self._assert_fee(run, 60)
        self.assertEqual(len(self._rows()), 1)

    def test_no_fee_on_a_fee(self):
        """A fee of 15 beside a service of 40 and 6 of tax; all of it overdue a month later."""
        self._invoice(self.customer, 100, days_ago=40)
        self._serve(self.customer)
        run = self._bill()
        invoice = run.invoice_ids
        invoice._post(soft=False)
        self.assertEqual(invoice.amount_total, 61)
        later = self.profile.period_ids.filtered(
            lambda period: period.date_from > self.period.date_to
        ).sorted("date_from")[0]
        day = self.today + relativedelta(months=3)

        def fee(**options):
            charges = self._line(
                self._list(later, invoice_date=day, **options), self.customer
            ).charge_ids
            return charges.filtered(lambda charge: charge.source == LATE_FEE).mapped("price_unit")

        # 10 % of 100 and 46.
        self.assertEqual(fee(), [19.6])
        self.profile.late_fee_on_fees = True
        self.assertEqual(fee(), [21.1])
        self.profile.late_fee_on_fees = False
        # 30.50 are half of the invoice: half of the service is left.
        self._pay(self.customer, 30.5, invoice)
        self.assertEqual(fee(), [17.3])
        # The fee is taken back by a credit note of its own: all that is left is service.
        with self.cr.savepoint() as undone:
            credit = invoice._reverse_moves([{"invoice_date": self.today}])
            credit.invoice_line_ids.filtered(lambda line: not line.billing_late_fee).unlink()
            self.assertEqual(credit.amount_total, 15)
            credit._post(soft=False)
            for applied in (False, True):
                if applied:
                    (invoice | credit).line_ids.filtered(
                        lambda line: line.account_type == "asset_receivable"
                    ).reconcile()
                self.assertEqual(fee(), [5 + 10 + (46 - 30.5) / 10])
            undone.rollback()
            self.env.invalidate_all()
        # By hand the fee is made 0, the same.
        invoice.button_draft()
        invoice.invoice_line_ids.filtered("billing_late_fee").price_unit = 0
        invoice._post(soft=False)
        self.assertEqual(fee(), [5 + 10 + (46 - 30.5) / 10])

    def test_nothing_but_a_fee_is_overdue(self):
        overdue = self._invoice(self.customer, 100, days_ago=40)
        run = self._bill()
        run.invoice_ids._post(soft=False)
        self._pay(self.customer, 100, overdue)
        later = self.profile.period_ids.filtered(
            lambda period: period.date_from > self.period.date_to
        ).sorted("date_from")[0]
        options = {"invoice_date": self.today + relativedelta(months=3)}
        self.assertFalse(self._listed(self._list(later, **options)))
        self.profile.late_fee_on_fees = True
        self.assertEqual(self._listed(self._list(later, **options)), {self.home: 6.5})

    def test_a_fee_for_each_started_month_that_was_not_charged(self):
        self.profile.late_fee_monthly = True
        overdue = self._invoice(self.customer, 100, days_ago=0)
        due = self.today
        periods = self.profile.period_ids.sorted("date_from")
        for day, months in (
            (due, 0),
            (due + timedelta(days=1), 1),
            (due + relativedelta(months=1), 1),
            (due + relativedelta(months=1, days=1), 2),
            (due + relativedelta(months=6), 6),
        ):
            expected = {self.home: 5 + 10 * months} if months else {}
            self.assertEqual(self._listed(self._list(invoice_date=day)), expected, day)
        # Two months are charged, then three more; the fixed part is once per period.
        first = self._bill(invoice_date=due + relativedelta(months=1, days=1))
        self.assertEqual(self._billed(first), {self.home.id: 25})
        self.assertIn(f"({overdue.name} × 2)", first.invoice_ids.invoice_line_ids.name)
        self.assertIn("10 % per started month of", first.invoice_ids.invoice_line_ids.name)
        _profile, week = self._make_weekly(late_fee_monthly=True)
        self.customer.billing_profile_id = week.profile_id
        day = due + relativedelta(months=4, days=5)
        second = self._bill(week, invoice_date=day)
        self.assertEqual(self._billed(second), {self.home.id: 30})
        self.customer.billing_profile_id = self.profile
        later = periods.filtered(lambda period: period.date_from > day)[0]
        self.assertFalse(self._listed(self._list(later, invoice_date=day)))
        # The days are those of five months since the due date, without a gap.
        (row, next_row) = self._rows()
        self.assertEqual(row[1], due + timedelta(days=1))
        self.assertEqual(next_row[1], row[2] + timedelta(days=1))
        # What was freed can be charged again, all at once.
        first.invoice_ids.button_cancel()
        again = self._list(later, invoice_date=day)
        self.assertEqual(self._listed(again), {self.home: 25})

    def test_a_month_ends_on_the_day_of_the_due_date(self):
        for due, day, first, last, count in (
            ("2026-02-28", "2026-03-28", "2026-03-01", "2026-03-28", 1),
            ("2026-02-28", "2026-03-29", "2026-03-29", "2026-04-28", 2),
            ("2026-01-31", "2026-02-28", "2026-02-01", "2026-02-28", 1),
            ("2026-01-31", "2026-03-01", "2026-03-01", "2026-03-31", 2),
            ("2023-12-15", "2026-12-15", "2026-11-16", "2026-12-15", 36),
        ):
            with self.subTest(due=due, day=day):
                months = started_months(date.fromisoformat(due), date.fromisoformat(day))
                self.assertEqual(len(months), count)
                self.assertEqual([str(end) for end in months[-1]], [first, last])

    def test_instalments_begin_their_months_on_their_own_days(self):
        self.profile.write({"late_fee_monthly": True, "late_fee_fixed": 0})
        self._invoice(self.customer, 1000, days_ago=35, invoice_payment_term_id=self.term_parts.id)
        # 300 for two started months, 350 for one.
        run = self._bill()
        self.assertEqual(self._billed(run), {self.home.id: 95})
        self.assertEqual(len(self._rows()), 2)
        # In the same months, also by another profile, nothing more.
        _profile, week = self._make_weekly(late_fee_fixed=0)
        self.customer.billing_profile_id = week.profile_id
        self._assert_fee(self._list(week), None)


@tagged("post_install", "-at_install")
class TestAutomaticRights(LateFeeCommon):
    def test_an_automatic_run_bills_with_the_rights_of_its_responsible_user(self):
        """From the scheduled action to the invoices, the user is never the superuser."""
        clerk = new_test_user(
            self.env,
            "night.clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        profile = self._make_profile(
            "Nightly",
            auto_create=True,
            lead_days=0,
            anchor_date=self.today,
            user_id=clerk.id,
            **self.terms,
        )
        ned = self._make_customers("Ned", profile=profile)
        self._serve(ned)
        self._invoice(ned, 100, days_ago=40)
        crons = [
            self.env.ref(f"ar_balance_invoicing.{name}")
            for name in ("ir_cron_create_invoices", "ir_cron_bulk_document_lane_1")
        ]
        with self.enter_registry_test_mode():
            for cron in crons:
                cron.method_direct_trigger()
        self.env.invalidate_all()
        run = self.env["ar.billing.run"].search([("profile_id", "=", profile.id)])
        self.assertEqual((run.state, len(run.invoice_ids)), ("done", 1))
        self.assertEqual(self._billed(run, ned), {self.home.id: 15})
        makers = self._ledger(
            """
            SELECT create_uid FROM ar_billing_run WHERE id = %(run)s
             UNION SELECT user_id FROM ar_billing_run WHERE id = %(run)s
             UNION SELECT create_uid FROM ar_billing_run_line WHERE document_id = %(run)s
             UNION SELECT create_uid FROM account_move WHERE billing_run_id = %(run)s
             UNION SELECT item.create_uid FROM account_move_line item
                     JOIN account_move move ON move.id = item.move_id
                    WHERE move.billing_run_id = %(run)s
             UNION SELECT create_uid FROM ar_late_fee
            """.replace("%(run)s", str(run.id))
        )
        self.assertEqual(makers, [(clerk.id,)])

    def test_what_the_responsible_user_may_not_bill_is_not_billed(self):
        """A right that he loses between the listing and the work in the background."""
        clerk = new_test_user(
            self.env,
            "leaving.clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        profile = self._make_profile(
            "Nightly", auto_create=True, lead_days=0, anchor_date=self.today, user_id=clerk.id
        )
        self._serve(self._make_customers("Ned", profile=profile))
        with self.enter_registry_test_mode():
            self.env.ref("ar_balance_invoicing.ir_cron_create_invoices").method_direct_trigger()
            clerk.group_ids = self.env.ref("base.group_user")
            self.env.ref(
                "ar_balance_invoicing.ir_cron_bulk_document_lane_1"
            ).method_direct_trigger()
        self.env.invalidate_all()
        run = self.env["ar.billing.run"].search([("profile_id", "=", profile.id)])
        self.assertEqual((run.state, len(run.invoice_ids)), ("failed", 0))
        self.assertIn("does not have the right", run.error)
