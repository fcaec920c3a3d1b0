"""Days that were credited, and what becomes of them: nothing is given or billed twice."""

from datetime import date

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .test_billed_days import NOVEMBER, BilledDaysCommon

KEPT = ("2026-11-01", "2026-11-10")
GIVEN = ("2026-11-11", "2026-11-30")


@tagged("post_install", "-at_install")
class TestCredits(BilledDaysCommon):
    """November is billed at 100, the service ends on November 10, December gives 66.67 back.

    What the customer pays in the end is 33.33, whatever is cancelled, corrected or deleted.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._serve(cls.ann, 100, date_from=date(2026, 11, 1))
        cls.other = cls._serve(cls.ann, 500, date_from=date(2026, 11, 1))
        cls.billed = cls._bill_ann(cls.november)
        cls.service.date_to = date(2026, 11, 10)
        cls.february = cls._get_period(cls.monthly, date(2027, 2, 1))

    @classmethod
    def _bill_ann(cls, period):
        run = cls._run(period, zero_policy="skip_zero")
        run.line_ids.filtered(lambda line: line.partner_id == cls.ann).action_tick()
        run.create_invoices()
        return run.invoice_ids

    def _credit(self):
        return self._bill_ann(self.december)

    def _window(self, invoice, day="2026-11-01"):
        return (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id, "date": fields.Date.to_date(day)})
        )

    def _correct(self, invoice):
        window = self._window(invoice)
        window.reverse_moves(is_modify=True)
        return window.new_move_ids

    def _reverse(self, invoice):
        window = self._window(invoice)
        window.reverse_moves()
        window.new_move_ids.filtered(lambda move: move.state == "draft").action_post()
        return window.new_move_ids

    def _line(self, invoice):
        """The line of the service, or of its credit."""
        return invoice.invoice_line_ids.filtered(lambda line: abs(line.price_unit) < 150)

    def _net(self):
        """What all invoices that stand charge for the service, by their lines alone."""
        rows = self._ledger(
            """
            SELECT SUM(CASE WHEN move.move_type = 'out_refund' THEN -1 ELSE 1 END
                       * line.price_subtotal)
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
             WHERE line.display_type = 'product' AND move.state != 'cancel'
               AND move.commercial_partner_id = %s AND ABS(line.price_unit) < 150
            """,
            self.ann.id,
        )
        return float(rows[0][0] or 0)

    def test_a_credit_that_was_cancelled_is_given_once_more_and_not_each_month(self):
        credit = self._credit()
        self.assertEqual(self._net(), 33.33)
        credit.action_post()
        credit.button_draft()
        credit.button_cancel()
        again = self._bill_ann(self.january)
        self.assertEqual(self._line(again).price_subtotal, -66.67)
        self.assertFalse(self._line(self._bill_ann(self.february)))
        with self.assertRaisesRegex(UserError, "cannot bill its period again"):
            with self.env.cr.savepoint():
                credit.button_draft()
        again.unlink()
        credit.button_draft()
        self.assertEqual(self._net(), 33.33)
        self.assertEqual(self._get_billed(self.service), [KEPT])

    def test_a_credit_that_was_reversed_is_given_once_more(self):
        credit = self._credit()
        credit.action_post()
        self._reverse(credit)
        self._bill_ann(self.january)
        self._bill_ann(self.february)
        self.assertEqual(self._net(), 33.33)

    def test_a_cancelled_credit_that_comes_back_leaves_the_rows_as_they_were(self):
        credit = self._credit()
        before = self._rows()
        for _turn in range(2):
            credit.button_cancel()
            credit.button_draft()
            self.assertEqual(self._rows(), before)
        self.service.date_to = date(2026, 11, 5)
        january = self._bill_ann(self.january)
        self.assertEqual(self._line(january).price_subtotal, -16.67)
        january.unlink()
        credit.unlink()
        first, *_others, last = self._get_billed(self.service)
        self.assertEqual((first[0], last), (KEPT[0], GIVEN))

    def _rows(self):
        return self._ledger(
            "SELECT date_from, date_to, amount, live, credit_line_id FROM ar_billed_days "
            "WHERE service_id = %s ORDER BY date_from",
            self.service.id,
        )

    def test_the_corrected_copy_of_a_credit_gives_it_once(self):
        credit = self._credit()
        credit.action_post()
        copy = self._correct(credit)
        self.assertEqual(self._line(copy).price_subtotal, -66.67)
        self.assertFalse(self._line(self._bill_ann(self.january)))
        self.assertEqual(self._net(), 33.33)
        copy.unlink()
        self.assertEqual(self._line(self._bill_ann(self.february)).price_subtotal, -66.67)

    def test_the_corrected_copy_of_what_was_credited(self):
        self.billed.action_post()
        credit = self._credit()
        copy = self._correct(self.billed)
        self.assertFalse(credit.activity_ids)
        self.assertFalse(self._line(self._bill_ann(self.january)))
        self.assertEqual(self._net(), 33.33)
        credit.action_post()
        self.assertEqual(self._get_billed(self.service), [KEPT])
        with self.assertRaisesRegex(UserError, "gives back days that .* bills"):
            copy.unlink()

    def test_what_is_credited_is_not_deleted(self):
        credit = self._credit()
        for delete in (self.billed.unlink, self._line(self.billed).unlink):
            with self.assertRaisesRegex(UserError, "gives back days that .* bills"):
                with self.env.cr.savepoint():
                    delete()
        run = self.billed.billing_run_id
        run.action_undo()
        self.assertIn("gives back", run.line_ids.filtered("move_id").reason)
        (self.billed | credit).unlink()
        self.assertEqual(self._get_billed(self.service), [])

    def test_what_is_credited_is_regenerated_with_its_credit(self):
        credit = self._credit()
        self.billed.action_regenerate()
        self.assertEqual(self._line(self.billed).price_subtotal, 33.33)
        self.assertFalse(self._line(credit))
        self.assertEqual(self._net(), 33.33)

    def test_what_is_credited_is_not_regenerated_when_the_credit_is_confirmed(self):
        self._credit().action_post()
        task = self.env["ar.invoice.task"].run("regenerate", self.billed)
        self.assertIn("gives back days", task.line_ids.reason)
        self.assertEqual(self._net(), 33.33)

    def test_a_credit_of_what_bills_nothing_any_more_is_not_confirmed(self):
        for end in (self.billed.button_cancel, lambda: self._reverse(self.billed)):
            with self.subTest(end), self.env.cr.savepoint() as savepoint:
                self.billed.action_post()
                credit = self._credit()
                if end == self.billed.button_cancel:
                    self.billed.button_draft()
                end()
                self.assertIn("gives back days of", credit.activity_ids.note)
                with self.assertRaisesRegex(UserError, "bills them no more"):
                    credit.action_post()
                credit.action_regenerate()
                credit.action_post()
                savepoint.rollback()

    def test_a_line_that_was_deleted_does_not_come_back_as_another(self):
        """Its days are unbilled, and stay so when the invoice is cancelled or corrected."""
        self.service.date_to = False
        self._line(self.billed).unlink()
        self.assertEqual(self._get_billed(self.service), [])
        with self.env.cr.savepoint() as savepoint:
            self.billed.button_cancel()
            self.billed.button_draft()
            self.assertEqual(self._get_billed(self.service), [])
            savepoint.rollback()
        self.billed.action_post()
        note = self._reverse(self.billed)
        note.button_draft()
        self.assertEqual(self._get_billed(self.service), [])
        note.unlink()
        self._correct(self.billed)
        self.assertEqual(self._get_billed(self.service), [])
        self.assertEqual(self._get_billed(self.other), [tuple(map(str, NOVEMBER))])

    def test_a_price_that_was_changed_on_the_draft_is_what_is_given_back(self):
        self._line(self.billed).price_unit = 40
        self.billed.action_post()
        credit = self._credit()
        self.assertEqual(self._line(credit).price_subtotal, -26.67)
        self.service.date_to = date(2026, 11, 5)
        january = self._bill_ann(self.january)
        # 10 days are left of 13.33, of which 5 are given back.
        self.assertEqual(self._line(january).price_subtotal, -6.67)
        self.assertEqual(self._net(), 6.66)

    def test_an_invoice_of_services_does_not_become_a_credit_note(self):
        with self.assertRaisesRegex(UserError, "cannot become the opposite"):
            self.billed.action_switch_move_type()

    def test_what_was_billed_again_before_its_credit_went(self):
        """11 to 20 are billed by January, too; the credit of 11 to 30 is deleted."""
        credit = self._credit()
        self.service.date_to = date(2026, 11, 20)
        january = self._bill_ann(self.january)
        self.assertEqual(self._line(january).price_subtotal, 33.33)
        credit.unlink()
        self.assertIn(january.display_name, self.billed.activity_ids.note)
        # Whatever is beyond the end is given back all the same.
        self.assertEqual(self._line(self._bill_ann(self.february)).price_subtotal, -33.34)
        self.service.date_to = False
        last = self._get_billed(self.service)
        self.assertIn(("2026-11-11", "2026-11-20"), last)
        january.unlink()
        self.assertIn(("2026-11-11", "2026-11-20"), self._get_billed(self.service))

    def test_given_away_meanwhile(self):
        self.service.date_to = False
        self.billed.button_cancel()
        self.env["ar.billed.days"]._create_inside(
            [{"service_id": self.service.id, "date_from": NOVEMBER[0], "date_to": NOVEMBER[1]}]
        )
        with self.assertRaisesRegex(UserError, "given away"):
            self.billed.button_draft()

    def test_a_line_stays_on_its_invoice(self):
        december = self._credit()
        with self.assertRaisesRegex(UserError, "stays on the invoice"):
            self._line(self.billed).move_id = december

    def test_no_corrected_copy_beside_an_invoice_that_is_credited_later(self):
        self.billed.action_post()
        with self.assertRaisesRegex(UserError, "today or earlier"):
            self._window(self.billed, "2026-11-15").reverse_moves(is_modify=True)

    def test_what_is_due_to_whom_no_run_bills(self):
        self.billed.action_post()
        changes = {
            "archived": {"active": False},
            "hold": {"billing_hold": True},
            "no_profile": {"billing_profile_id": False},
        }
        self.other.date_to = date(2026, 11, 30)
        for status, values in changes.items():
            with self.subTest(status), self.env.cr.savepoint() as savepoint:
                self.ann.write(values)
                with freeze_time("2026-12-31"):
                    self.env.invalidate_all()
                    row = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
                    self.assertEqual((row.status, row.days, row.amount), (status, 20, -66.67))
                    action = row.action_bill()
                    run = self.env["ar.billing.run"].browse(action["context"]["active_id"])
                    if status == "hold":
                        self.assertIn("hold", run.line_ids.reason)
                    else:
                        self.assertEqual(run.line_ids.amount_charge, -66.67)
                        run.create_invoices()
                        self.assertFalse(run.line_ids.reason)
                        self.assertEqual(self._net(), 33.33)
                savepoint.rollback()

    def test_a_service_that_begins_later_than_it_was_billed(self):
        self.service.write({"date_to": False, "date_from": date(2027, 6, 1)})
        self.assertEqual(self._line(self._credit()).price_subtotal, -100)
        self.assertEqual(self._get_billed(self.service), [])

    def test_an_archived_service_owes_and_is_given_back_what_it_was(self):
        self.billed.action_post()
        with freeze_time("2026-12-20"):
            self.service.active = False
            self.other.active = False
        with freeze_time("2027-03-31"):
            self.env.invalidate_all()
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            self.assertEqual(
                [(str(row.date_from), str(row.date_to), row.amount, row.status) for row in rows],
                [
                    ("2026-11-11", "2026-11-30", -66.67, "ended"),
                    ("2026-12-01", "2026-12-20", 322.58, "ended"),
                ],
            )
            action = rows.action_bill()
            run = self.env["ar.billing.run"].browse(action["context"]["active_id"])
            run.create_invoices()
            self.assertEqual(run.invoice_ids.amount_untaxed, 255.91)
            self.env.invalidate_all()
            self.assertFalse(
                self.env["ar.unbilled.days"].search([("partner_id", "=", self.ann.id)])
            )
        self.other.active = True
        self.assertFalse(self.other.archived_on)

    def test_a_corrected_first_day_forgets_no_day(self):
        late = self._serve(self.bob, 30, date_from=date(2026, 11, 1))
        with freeze_time("2027-02-02"):
            late.date_from = date(2026, 11, 2)
            self.assertEqual(late.billed_from, date(2026, 11, 1))
            rows = self.env["ar.unbilled.days"].search([("partner_id", "=", self.bob.id)])
            self.assertEqual(str(min(rows.mapped("date_from"))), "2026-11-02")

    def test_a_billed_service_stays_its_customers(self):
        with self.assertRaisesRegex(UserError, "is billed to Ann, and stays his"):
            self.service.partner_id = self.bob
