"""Who is ticked in the list of a billing run is billed, and nobody else; or a sentence."""

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..billing_common import BillingCommon

CONFIRM = "ar.create.invoices.confirm"


@tagged("post_install", "-at_install")
class TestTicks(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann, cls.bob, cls.cleo = cls.customers = cls._make_customers("Ann", "Bob", "Cleo")
        for customer in cls.customers:
            cls._serve(customer, 10)
        cls.run_ = cls._run()
        cls.clerk = cls._make_user("ticks.clerk", "account.group_account_invoice")

    def _pop_up(self, action):
        return self.env[CONFIRM].browse(action["res_id"])

    def _list(self, run):
        """The list of a run as its window opens it, without a row chosen."""
        action = run.action_view_lines()
        return self.env["ar.billing.run.line"].with_context(**action["context"])

    def _list_two(self):
        """Two runs in one list: those of Ann, Bob and Cleo, and of Dora."""
        weekly = self._make_profile("Weekly", cadence_unit="week")
        dora = self._make_customers("Dora", profile=weekly)
        self._serve(dora, 9)
        wizard = self.env["ar.create.invoices"].create(
            {
                "profile_id": self.profile.id,
                "period_id": self.period.id,
                "more_profile_ids": [Command.set(weekly.ids)],
            }
        )
        action = wizard.action_list_customers()
        lines = self.env["ar.billing.run.line"].search(action["domain"])
        first = self.env["ar.billing.run"].browse(action["context"]["active_id"])
        return first, lines.document_id - first, dora

    # --- between the list and Confirm -----------------------------------------

    def test_other_ticks_than_when_the_pop_up_was_opened(self):
        line = self._line(self.run_, self.ann)
        line.action_tick()
        changes = {
            "left out": lambda: self._line(self.run_, self.bob).action_leave_out(),
            "another ticked": lambda: self._line(self.run_, self.bob).action_tick(),
            "unticked": line.action_untick,
            "the tick on another": lambda: self.run_._tick(self._line(self.run_, self.bob)),
            "listed anew": self.run_._populate,
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                pop_up = self._pop_up(line.action_open_confirm())
                self.assertEqual(pop_up.customer_count, 1)
                change()
                with self.assertRaisesRegex(UserError, "Other customers are ticked"):
                    pop_up.action_confirm()
                self.assertEqual(self.run_.state, "draft")
                savepoint.rollback()

    def test_a_tick_meanwhile_where_all_were_to_be_billed(self):
        pop_up = self._pop_up(self._list(self.run_).action_open_confirm())
        self.assertEqual(pop_up.customer_count, 3)
        self._as(self.clerk, self._line(self.run_, self.bob)).action_tick()
        with self.assertRaisesRegex(UserError, "Other customers are ticked"):
            pop_up.action_confirm()
        self.assertFalse(self.run_.invoice_ids)

    def test_a_run_that_was_cancelled_meanwhile(self):
        pop_up = self._pop_up(self._line(self.run_, self.ann).action_open_confirm())
        self.run_.action_cancel()
        with self.assertRaisesRegex(UserError, "cancelled"):
            pop_up.action_confirm()
        self.assertFalse(self.run_.invoice_ids)

    # --- lists of several runs ------------------------------------------------

    def test_the_list_of_a_run_shown_with_another_is_the_whole_list(self):
        first, other, dora = self._list_two()
        for run in (first, other):
            lines = self.env["ar.billing.run.line"].search(run.action_view_lines()["domain"])
            self.assertEqual(lines.partner_id, self.customers | dora)
            pop_up = self._pop_up(self._list(run).action_open_confirm())
            self.assertEqual(pop_up.customer_count, 4)

    def test_without_the_first_the_other_is_a_list_of_its_own(self):
        first, other, dora = self._list_two()
        line = self._line(first, self.ann)
        line.action_tick()
        first.action_cancel()
        action = other.action_view_lines()
        self.assertEqual(action["context"]["ar_candidates"], other.id)
        lines = self.env["ar.billing.run.line"].search(action["domain"])
        self.assertEqual(lines.partner_id, dora)
        self._line(other, dora).action_open_confirm()
        self.assertTrue(line.selected, "what was decided about a cancelled run stays")
        with self.assertRaisesRegex(UserError, "cancelled"):
            line.action_open_confirm()
        with self.assertRaisesRegex(UserError, "cancelled"):
            self.env["ar.billing.run.line"].with_context(
                ar_candidates=first.id
            ).action_open_confirm()

    def test_scripts_bill_the_ticked_of_several_runs(self):
        first, other, _dora = self._list_two()
        self._line(first, self.ann).action_tick()
        (first | other).create_invoices()
        self.assertEqual(first.invoice_ids.partner_id, self.ann)
        self.assertEqual(other.state, "draft")
        self.assertEqual(other.line_ids.state, "todo", "as it was listed")

    # --- listed anew ------------------------------------------------------------

    def test_a_ticked_customer_who_is_billed_in_another_currency_stays_ticked(self):
        self.env["ar.billing.service"].search([("partner_id", "=", self.ann.id)]).unlink()
        run = self._run()
        self._line(run, self.ann).action_tick()
        self._serve(self.ann, 7, currency_id=self.foreign.id)
        run._populate()
        ticked = run.line_ids.filtered("selected")
        self.assertEqual(ticked.partner_id, self.ann)
        self.assertEqual(ticked.currency_id, self.foreign)

    def test_who_was_ticked_and_then_left_out_can_be_unticked(self):
        self._line(self.run_, self.ann).action_tick()
        self.ann.billing_hold = True
        self.run_._populate()
        line = self._line(self.run_, self.ann)
        self.assertEqual((line.state, line.selected), ("skipped", True))
        before = self.run_.line_ids.read(["state", "reason"])
        with self.assertRaisesRegex(UserError, "none of the customers who are ticked"):
            self.run_.create_invoices()
        self.assertEqual(self.run_.line_ids.read(["state", "reason"]), before)
        self._as(self.clerk, line).selected = False
        with self.assertRaisesRegex(UserError, "cannot be ticked"):
            self._as(self.clerk, line).selected = True
        self.run_.create_invoices()
        self.assertEqual(self.run_.invoice_ids.partner_id, self.bob | self.cleo)

    def test_a_list_in_which_somebody_ticked_a_day_ago_is_kept(self):
        ticked, forgotten = self.run_, self._run()
        self.env.flush_all()
        self.env.cr.execute("UPDATE ar_billing_run SET write_date = '2020-01-01'")
        self.env.cr.execute("UPDATE ar_billing_run_line SET write_date = '2020-01-01'")
        self.env.invalidate_all()
        self._line(ticked, self.ann).action_tick()
        self.env.flush_all()
        self.env["ar.billing.run"]._gc_unconfirmed()
        self.assertEqual((ticked | forgotten).exists(), ticked)
        self.assertLess(ticked.write_date, ticked.line_ids.filtered("selected").write_date)

    # --- called with nothing ----------------------------------------------------

    def test_called_for_no_run(self):
        for method in ("create_invoices", "action_open_confirm"):
            with self.assertRaisesRegex(UserError, "Choose a billing run"):
                getattr(self.env["ar.billing.run"], method)()
        for wrong in (None, "7", [self.run_.id], 2**40):
            lines = self.env["ar.billing.run.line"].with_context(ar_candidates=wrong)
            with self.assertRaises(UserError):
                lines.action_open_confirm()
