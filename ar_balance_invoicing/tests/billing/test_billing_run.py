"""Create Invoices, as the clerk and the bookkeeper see it."""

from datetime import timedelta
from decimal import Decimal

from psycopg2.errors import UniqueViolation

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import SQL, mute_logger

from ..billing_common import BillingCommon

TAX = Decimal("1.15")
LOGGER = "odoo.addons.ar_balance_invoicing.models.bulk_document.ar_bulk_document_work"


@tagged("post_install", "-at_install")
class TestBillingRun(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.everybody = cls._make_everybody()
        cls.customers = cls.env["res.partner"].union(*cls.everybody.values())

    # --- candidates ---------------------------------------------------------

    def test_everybody_is_listed_with_what_he_is_billed_and_what_he_owes(self):
        run = self._run()
        shown = {
            line.partner_id.name: (line.amount_charge, line.amount_total, line.account_balance)
            for line in run.line_ids
        }
        self.assertEqual(
            shown,
            {
                "service_balance": (40, 46, 25),
                "service_only": (40, 46, 0),
                "balance_only": (0, 0, 70),
                "nothing_owed": (0, 0, 0),
                "credit": (0, 0, -15),
            },
        )
        for line in run.line_ids:
            self.assertEqual(line.balance_class, line.partner_id.name)
            self.assertEqual(line.state, "todo")
        charge = self._line(run, self.everybody["service_only"]).charge_ids
        self.assertEqual((charge.quantity, charge.price_unit, charge.amount), (1, 40, 40))
        self.assertFalse(self.env["account.move"].search([("billing_run_id", "=", run.id)]))

    def test_whoever_is_left_out_but_owes_is_listed_with_why(self):
        hold, gone, history = self._make_customers("Hold", "Gone", "History")
        hold.write({"billing_hold": True, "billing_hold_reason": "in court"})
        self._invoice(gone, 12)
        (gone | history).active = False
        run = self._run()
        self.assertEqual(self._line(run, hold).reason, "On billing hold: in court")
        self.assertEqual(self._line(run, gone).state, "skipped")
        self.assertIn("Archived", self._line(run, gone).reason)
        self.assertFalse(self._line(run, history), "archived and settled is history")
        run.create_invoices()
        self.assertFalse(run.invoice_ids.filtered(lambda m: m.partner_id in hold | gone))

    def test_candidates_cost_the_same_number_of_queries_for_few_and_for_many(self):
        costs = []
        for count in (5, 40):
            customers = self._make_customers(*[f"C{count}-{n}" for n in range(count)])
            for customer in customers:
                self._serve(customer)
            self._run()  # caches
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._run()
            self.env.flush_all()
            costs.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(costs[1] - costs[0], 12, costs)

    # --- confirm ------------------------------------------------------------

    def test_a_run_changes_no_balance_and_confirming_raises_it_by_the_charges(self):
        before = self._balances(self.customers)
        run = self._run()
        run.create_invoices()
        self.assertEqual(run.state, "done")
        self.assertEqual(self._balances(self.customers), before)
        self.assertEqual(len(run.invoice_ids), 5)
        self.assertEqual(set(run.invoice_ids.mapped("state")), {"draft"})
        run.invoice_ids._post(soft=False)
        after = self._balances(self.customers)
        raised = {customer.name: after[customer] - before[customer] for customer in self.customers}
        self.assertEqual(
            raised,
            {
                "service_balance": 40 * TAX,
                "service_only": 40 * TAX,
                "balance_only": 0,
                "nothing_owed": 0,
                "credit": 0,
            },
        )

    def test_a_balance_only_invoice_shows_the_debt_and_books_nothing(self):
        run = self._run()
        run.create_invoices()
        invoice = self._line(run, self.everybody["balance_only"]).move_id
        self.assertEqual(invoice.invoice_line_ids.mapped("price_total"), [0])
        self.assertEqual(invoice.invoice_line_ids.name, self.profile.balance_line_text)
        self.assertEqual((invoice.previous_balance, invoice.amount_due_account), (70, 70))
        invoice._post(soft=False)
        self.assertEqual(sum(invoice.line_ids.mapped("debit")), 0)
        self._pay(self.everybody["balance_only"], 70)
        invoice.invalidate_recordset()
        self.assertEqual(invoice.account_balance, 0)
        self.assertEqual(invoice.previous_balance, 70, "printed as it was when confirmed")
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("account.report_invoice", invoice.ids)[0]
            .decode()
        )
        self.assertIn("Previous balance", html)
        self.assertIn("70.00", html)

    def test_the_previous_balance_does_not_count_the_invoice_itself(self):
        run = self._run()
        run.create_invoices()
        invoice = self._line(run, self.everybody["service_balance"]).move_id
        for _state in ("draft", "posted"):
            self.assertEqual((invoice.previous_balance, invoice.amount_due_account), (25, 71))
            if invoice.state == "draft":
                invoice._post(soft=False)
                invoice.invalidate_recordset()

    def test_the_zero_policies(self):
        expected = {
            "create": 5,
            "skip_settled": 4,  # not: nothing owed
            "skip_zero": 2,  # only those with a charge
        }
        for policy, count in expected.items():
            run = self._run(zero_policy=policy)
            run.create_invoices()
            self.assertEqual(len(run.invoice_ids), count, policy)
            left_out = run.line_ids.filtered(lambda line: line.state == "skipped")
            self.assertEqual(len(left_out), 5 - count)
            self.assertTrue(all(left_out.mapped("reason")))
            run.action_undo()
        self.everybody["nothing_owed"].billing_zero_policy = "always"
        self.everybody["balance_only"].billing_zero_policy = "never"
        run = self._run(zero_policy="skip_settled")
        self.assertEqual(self._line(run, self.everybody["nothing_owed"]).state, "todo")
        self.assertEqual(self._line(run, self.everybody["balance_only"]).state, "skipped")

    def test_the_pop_up(self):
        run = self._run()
        action = run.line_ids.browse().with_context(ar_candidates=run.id).action_open_confirm()
        wizard = Form(self.env["ar.create.invoices.confirm"].browse(action["res_id"]))
        self.assertEqual(wizard.record.invoice_date, self.period.invoice_date)
        self.assertFalse(wizard.skip_zero, "off by default, so that balances are billed too")
        self.assertEqual(wizard.customer_count, 5)
        wizard.invoice_date = self.period.date_to
        wizard.note = "<p>Happy holidays</p>"
        said = wizard.save().action_confirm()["params"]
        self.assertIn("5 invoices made", said["title"])
        result = said["next"]
        self.assertEqual(result["res_model"], "account.move")
        invoices = self.env["account.move"].search(result["domain"])
        self.assertEqual(len(invoices), 5)
        self.assertEqual(set(invoices.mapped("invoice_date")), {self.period.date_to})
        self.assertIn("Happy holidays", invoices[0].narration)

    def test_only_the_ticked_are_billed(self):
        run = self._run()
        ticked = self._line(run, self.everybody["service_only"])
        action = ticked.action_open_confirm()
        wizard = self.env["ar.create.invoices.confirm"].browse(action["res_id"])
        self.assertEqual(wizard.customer_count, 1)
        wizard.late_fees = False  # charges are read again; the tick stays
        wizard.action_confirm()
        self.assertEqual(
            {line.partner_id.name: line.reason for line in run.line_ids},
            {name: "Not among those who were chosen." for name in self.everybody}
            | {"service_only": False},
        )
        self.assertEqual(run.invoice_ids.partner_id, self.everybody["service_only"])
        others = run.line_ids.filtered(lambda line: line.state == "skipped")
        self.assertEqual(set(others.mapped("reason")), {"Not among those who were chosen."})

    def test_the_first_window_proposes_the_period_of_today(self):
        form = Form(self.env["ar.create.invoices"])
        form.profile_id = self.profile
        self.assertEqual(form.period_id, self.period)
        action = form.save().action_list_customers()
        lines = self.env["ar.billing.run.line"].search(action["domain"])
        self.assertEqual(lines.partner_id, self.customers)

    def test_several_profiles_one_after_another(self):
        weekly = self._make_profile("Weekly", cadence_unit="week")
        extra = self._make_customers("Weekly customer", profile=weekly)
        self._serve(extra, 9)
        wizard = self.env["ar.create.invoices"].create(
            {
                "profile_id": self.profile.id,
                "period_id": self.period.id,
                "more_profile_ids": [Command.set(weekly.ids)],
            }
        )
        action = wizard.action_list_customers()
        lines = self.env["ar.billing.run.line"].search(action["domain"])
        self.assertEqual(lines.partner_id, self.customers | extra)
        confirm = lines.browse().with_context(**action["context"]).action_open_confirm()
        popup = self.env["ar.create.invoices.confirm"].browse(confirm["res_id"])
        result = popup.action_confirm()["params"]["next"]
        self.assertEqual(self.env["account.move"].search_count(result["domain"]), 6)

    # --- exactly once -------------------------------------------------------

    def test_a_second_run_bills_nobody_twice_and_says_so(self):
        first = self._run()
        second = self._run()  # listed before the first is confirmed
        first.create_invoices()
        second.create_invoices()
        self.assertFalse(second.invoice_ids)
        for line in second.line_ids:
            self.assertIn("Already billed", line.reason)
            self.assertTrue(line.move_id)
        third = self.period._list_customers()
        self.assertEqual(set(third.line_ids.mapped("state")), {"skipped"})
        self.assertEqual(sum(third.line_ids.mapped("amount_total")), 92)
        popup = self.env["ar.create.invoices.confirm"].create({"run_ids": [Command.set(third.ids)]})
        with self.assertRaisesRegex(UserError, "nobody is left to bill"):
            popup.action_confirm()

    def test_not_billed_this_period(self):
        hold, bad = self._make_customers("Hold", "Bad")
        hold.billing_hold = True
        bad.property_account_receivable_id = False
        self._run().create_invoices()
        self.assertEqual((self.period.billed_count, self.period.not_billed_count), (5, 2))
        action = self.period.action_view_not_billed()
        self.assertEqual(action["context"]["search_default_not_billed"], 1)
        lines = self.env["ar.billing.run.line"].search([*action["domain"], ("move_id", "=", False)])
        reasons = {line.partner_id: line.reason for line in lines}
        self.assertEqual(set(reasons), {hold, bad})
        self.assertIn("On billing hold", reasons[hold])
        self.assertIn("receivable account", reasons[bad])
        again = self.period.action_view_not_billed()
        self.assertEqual(again["domain"], action["domain"], "looking makes no heap of runs")

    def test_a_started_run_cannot_be_started_again(self):
        run = self._run()
        run.create_invoices()
        with self.assertRaisesRegex(UserError, "is done"):
            run.create_invoices()

    def test_the_database_refuses_a_second_invoice_whoever_makes_it(self):
        run = self._run()
        run.create_invoices()
        invoice = self._line(run, self.everybody["service_only"]).move_id
        vals = self._invoice_vals(self.everybody["service_only"], 1)
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
            with self.env.cr.savepoint():
                moves = self.env["account.move"]
                moves._create_inside({**vals, "billing_period_id": self.period.id})
        self.assertFalse(invoice.copy().billing_period_id)

    def test_deleting_or_cancelling_a_draft_frees_the_place(self):
        run = self._run()
        run.create_invoices()
        deleted = self.everybody["service_only"]
        cancelled = self.everybody["service_balance"]
        self._line(run, deleted).move_id.unlink()
        self._line(run, cancelled).move_id.button_cancel()
        again = self._run()
        again.create_invoices()
        self.assertEqual(again.invoice_ids.partner_id, deleted | cancelled)

    # --- what goes wrong ----------------------------------------------------

    def test_bad_customers_are_listed_with_a_reason_and_the_others_are_billed(self):
        no_account, no_income, archived = self._make_customers(
            "No account", "No income", "Archived"
        )
        self._serve(no_account)
        no_account.property_account_receivable_id = False
        orphan = self.env["product.product"].create({"name": "Orphan", "type": "service"})
        service = self._serve(no_income)
        service.product_id = orphan
        self.profile.journal_id.default_account_id = False
        self.company.income_account_id = False
        orphan.categ_id.property_account_income_categ_id = False
        run = self._run()
        archived.active = False
        run.create_invoices()
        self.assertIn("Orphan", self._line(run, no_income).reason)
        nothing = self._line(run, self.everybody["nothing_owed"])
        self.assertIn("no default income account", nothing.reason)
        self.assertIn("receivable account", self._line(run, no_account).reason)
        self.assertIn("archived", self._line(run, archived).reason)
        self.assertEqual(run.state, "failed")
        billed = run.invoice_ids.partner_id
        self.assertTrue(
            self.everybody["service_only"] | self.everybody["service_balance"] <= billed
        )
        no_account.property_account_receivable_id = self.company_data["default_account_receivable"]
        run.action_retry()
        self.assertEqual(self._line(run, no_account).state, "done")

    def test_a_closed_period_is_named_and_no_date_is_moved(self):
        self.company.sale_lock_date = self.period.date_to
        run = self._run()
        run.create_invoices()
        self.assertFalse(run.invoice_ids)
        self.assertIn("closed period", run.line_ids[0].reason)
        self.company.sale_lock_date = self.period.date_from - timedelta(days=1)
        run.action_retry()
        self.assertEqual(len(run.invoice_ids), 5)
        self.assertEqual(set(run.invoice_ids.mapped("invoice_date")), {self.period.invoice_date})

    def test_a_service_in_another_currency_gets_an_invoice_of_its_own(self):
        customer = self.everybody["service_only"]
        self._serve(customer, 10, currency_id=self.foreign.id)
        run = self._run()
        run.create_invoices()
        invoices = run.invoice_ids.filtered(lambda move: move.partner_id == customer)
        self.assertEqual(invoices.currency_id, self.company.currency_id | self.foreign)
        self.assertEqual(len(run.invoice_ids), 6)

    def test_an_unforeseen_error_sinks_only_its_own_line(self):
        bad = self.everybody["service_only"]
        lines = type(self.env["ar.billing.run.line"])

        def broken(line, position):
            if line.partner_id == bad:
                raise ZeroDivisionError("odd")
            return original(line, position)

        original = lines._prepare_invoice
        self.patch(lines, "_prepare_invoice", broken)
        run = self._run()
        with self.assertLogs(LOGGER, "ERROR"):
            run.create_invoices()
        self.assertEqual(run.state, "failed")
        self.assertEqual(len(run.invoice_ids), 4)
        self.assertIn("odd", self._line(run, bad).reason)
        self.patch(lines, "_prepare_invoice", original)
        run.action_retry()
        self.assertEqual((run.state, len(run.invoice_ids)), ("done", 5))

    # --- undo, regenerate ---------------------------------------------------

    def test_undo_with_nothing_to_undo_is_not_offered_and_changes_nothing(self):
        run, draft = self._run(), self._run()
        run.create_invoices()
        self.assertTrue(run.can_undo)
        run.invoice_ids._post(soft=False)
        run.invalidate_recordset()
        times = (run.started_at, run.ended_at, run.queued_at, run.state)
        self.assertFalse(run.can_undo)
        with self.assertRaisesRegex(UserError, "there is nothing to undo"):
            run.action_undo()
        self.assertEqual((run.started_at, run.ended_at, run.queued_at, run.state), times)
        draft.action_cancel()
        self.assertFalse(draft.can_undo)
        with self.assertRaisesRegex(UserError, "there is nothing to undo"):
            draft.action_undo()
        self.assertFalse(draft.started_at or draft.ended_at)

    def test_undo_takes_drafts_back_and_names_what_stays(self):
        run = self._run()
        run.create_invoices()
        stays = self._line(run, self.everybody["service_only"])
        stays.move_id._post(soft=False)
        run.action_undo()
        self.assertEqual(run.invoice_ids, stays.move_id)
        self.assertIn("confirmed and stays", stays.reason)
        self.assertEqual(run.state, "done")
        again = self._run()
        again.create_invoices()
        self.assertEqual(len(again.invoice_ids), 4)
        again.action_undo()
        self.assertEqual(again.state, "undone")
        with self.assertRaisesRegex(UserError, "undone"):
            again.action_undo()

    def test_invoices_that_are_alike_are_made_together(self):
        """A few queries for each, not nine: core makes only the first of each kind.

        With what it takes once in a run to see that ours are those of core.
        """
        customers = self._make_customers(*(f"K{n:02}" for n in range(80)))
        for number, customer in enumerate(customers):
            self._serve(customer, price=20 + number)
        run = self._run()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run.create_invoices()
        self.env.flush_all()
        self.assertLess((self.env.cr.sql_log_count - before) / 80, 5)
        invoices = run.invoice_ids.filtered(lambda move: move.partner_id in customers)
        self.assertEqual(sorted(invoices.mapped("amount_untaxed")), [20.0 + n for n in range(80)])
        self._post_and_check(invoices)

    def _post_and_check(self, invoices):
        """Confirmed, each owes its total, tax included, by the ledger."""
        invoices._post(soft=False)
        balances = self._balances(invoices.commercial_partner_id)
        for invoice in invoices:
            self.assertAlmostEqual(float(balances[invoice.partner_id]), invoice.amount_total, 6)
            self.assertAlmostEqual(invoice.amount_total, invoice.amount_untaxed * 1.15, 2)

    def test_a_regenerated_draft_reads_everything_again(self):
        run = self._run()
        run.create_invoices()
        customer = self.everybody["service_only"]
        invoice = self._line(run, customer).move_id
        self.env["ar.billing.service"].search([("partner_id", "=", customer.id)]).price_unit = 55
        invoice.action_regenerate()
        self.assertEqual(invoice.amount_untaxed, 55)
        self.assertEqual(self._line(run, customer).amount_charge, 55)
        self.env["ar.billing.service"].search([("partner_id", "=", customer.id)]).unlink()
        invoice.action_regenerate()
        self.assertEqual(invoice.amount_total, 0)
        self.assertEqual(invoice.invoice_line_ids.name, self.profile.balance_line_text)
        invoice._post(soft=False)
        with self.assertRaisesRegex(UserError, "Only drafts"):
            invoice.action_regenerate()

    def test_lists_that_nobody_confirmed_are_cleared_away(self):
        old, young, billed = self._run(), self._run(), self._run()
        billed.create_invoices()
        self.env.flush_all()
        for runs in (old | billed, (old | billed).line_ids):
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET write_date = write_date - interval '8 days' WHERE id IN %s",
                    SQL.identifier(runs._table),
                    tuple(runs.ids),
                )
            )
        self.env.invalidate_all()
        self.env["ar.billing.run"]._gc_unconfirmed()
        self.assertEqual((old | young | billed).exists(), young | billed)

    # --- late fees ----------------------------------------------------------

    def test_a_late_fee_is_charged_once_per_period_and_never_twice(self):
        self.profile.write({"late_fee_percent": 10, "late_fee_product_id": self.pickup.id})
        run = self._run(late_fees=True, invoice_date=self.today)
        run.create_invoices()
        invoice = self._line(run, self.everybody["balance_only"]).move_id
        self.assertEqual(invoice.amount_untaxed, 7, "ten per cent of the seventy overdue")
        fees = self.env["ar.late.fee"].search([("fee_move_id", "=", invoice.id)])
        self.assertEqual(len(fees), 1)
        self._line(run, self.everybody["balance_only"]).charge_ids._tell_invoiced()
        self.assertEqual(self.env["ar.late.fee"].search([("fee_move_id", "=", invoice.id)]), fees)
        invoice.button_cancel()
        self.assertFalse(fees.exists(), "cancelled: the overdue invoice can be charged again")
        without = self._run(late_fees=False, invoice_date=self.today)
        line = self._line(without, self.everybody["balance_only"])
        self.assertEqual((line.state, line.amount_charge), ("todo", 0))

    # --- background ---------------------------------------------------------

    def test_a_long_run_is_queued_and_worked_off_in_chunks(self):
        self.company.ar_background_seconds = 0.03
        self.patch(type(self.env["ar.billing.run"]), "_chunk_size", 2)
        run = self._run()
        action = run.create_invoices().action_view_result()
        self.assertEqual((run.state, action["res_model"]), ("queued", "ar.billing.run"))
        self.assertFalse(run.invoice_ids)
        with self.enter_registry_test_mode():
            self.env.ref(
                "ar_balance_invoicing.ir_cron_bulk_document_lane_1"
            ).method_direct_trigger()
        run.invalidate_recordset()
        self.assertEqual((run.state, len(run.invoice_ids)), ("done", 5))
        self.assertEqual(run.progress, 100)

    def test_a_cancelled_run_stops_between_chunks_and_can_go_on(self):
        self.company.ar_background_seconds = 0.03
        self.patch(type(self.env["ar.billing.run"]), "_chunk_size", 2)
        run = self._run()
        run.create_invoices()
        run._work_chunk()
        run.action_cancel()
        self.assertEqual((run.state, len(run.invoice_ids)), ("cancelled", 2))
        self.assertEqual(run.waiting_count, 3)
        self.company.ar_background_seconds = 5
        run.action_retry()
        self.assertEqual((run.state, len(run.invoice_ids)), ("done", 5))

    def test_automatic_profiles_are_billed_when_their_day_has_come(self):
        profile = self._make_profile(
            "Automatic", auto_create=True, lead_days=0, anchor_date=self.today
        )
        customer = self._make_customers("Automatic customer", profile=profile)
        self._serve(customer)
        draft = self._run(profile._get_periods_due(self.today))  # somebody had a look
        self._bill_automatically()
        run = self.env["ar.billing.run"].search([("profile_id", "=", profile.id)]) - draft
        self.assertEqual((len(run), run.state), (1, "queued"))
        self._bill_automatically()
        self.assertEqual(
            self.env["ar.billing.run"].search_count([("profile_id", "=", profile.id)]), 2
        )

    def _bill_automatically(self):
        with self.enter_registry_test_mode():
            self.env.ref("ar_balance_invoicing.ir_cron_create_invoices").method_direct_trigger()
        self.env.invalidate_all()

    def _make_automatic(self, name, **values):
        profile = self._make_profile(
            name, auto_create=True, lead_days=0, anchor_date=self.today, **values
        )
        self._serve(self._make_customers(f"{name} customer", profile=profile))
        return profile

    def test_an_automatic_run_is_its_responsible_users(self):
        clerk = new_test_user(self.env, "automatic.clerk", groups="account.group_account_invoice")
        profile = self._make_automatic("Clerk's", user_id=clerk.id)
        self._bill_automatically()
        run = self.env["ar.billing.run"].search([("profile_id", "=", profile.id)])
        self.assertEqual((run.user_id, run.create_uid, run.state), (clerk, clerk, "queued"))

    def test_a_profile_whose_responsible_user_is_gone_stops_no_other(self):
        clerk = new_test_user(self.env, "gone.clerk", groups="account.group_account_invoice")
        profile = self._make_automatic("A", user_id=clerk.id)
        other = self._make_automatic("B")
        clerk.active = False
        for _night in range(2):
            self._bill_automatically()
        runs = self.env["ar.billing.run"].search([("profile_id", "in", (profile | other).ids)])
        self.assertEqual(runs.profile_id, other)
        activity = profile.activity_ids
        self.assertEqual((len(activity), activity.user_id), (1, profile.create_uid))
        self.assertIn("archived", activity.note)
        profile.user_id = self.env.user
        self._bill_automatically()
        self.assertTrue(self.env["ar.billing.run"].search([("profile_id", "=", profile.id)]))
        self.assertFalse(profile.activity_ids)

    def test_a_responsible_user_without_rights_stops_no_other_profile(self):
        """Nobody can be reminded of what he may not open: whoever made it is."""
        clerk = new_test_user(self.env, "former.clerk", groups="account.group_account_invoice")
        profile = self._make_automatic("A", user_id=clerk.id)
        other = self._make_automatic("B")
        clerk.group_ids = self.env.ref("base.group_user")
        for _night in range(2):
            self._bill_automatically()
        runs = self.env["ar.billing.run"].search([("profile_id", "in", (profile | other).ids)])
        self.assertEqual(runs.profile_id, other)
        self.assertEqual(profile.activity_ids.user_id, profile.create_uid)
        self.assertIn("does not have the right", profile.activity_ids.note)

    def test_nothing_is_billed_automatically_by_a_superuser(self):
        profile = self._make_profile("Automatic")
        nobody = new_test_user(self.env, "no.invoicing", groups="base.group_user")
        for user in (self.env.ref("base.user_root"), nobody, self.env["res.users"]):
            with self.assertRaisesRegex(ValidationError, "Choose a user who may invoice there"):
                profile.write({"auto_create": True, "user_id": user.id})

    def test_a_day_that_the_server_slept_is_made_up_for(self):
        profile = self._make_profile(
            "Arrears", auto_create=True, billing_timing="arrears", anchor_date=self.today
        )
        self.assertFalse(profile._get_periods_due(self.today), "its day has not come")
        period = profile.period_ids.filtered(lambda period: period.date_from == self.today)
        day_after = period.date_to + timedelta(days=3)
        self.assertEqual(profile._get_periods_due(day_after), period)
        self.assertFalse(profile._get_periods_due(period.date_to - timedelta(days=1)))

    # --- rights -------------------------------------------------------------

    def test_who_may_only_read_cannot_bill(self):
        run = self._run()
        auditor = new_test_user(
            self.env,
            "billing.auditor",
            groups="account.group_account_readonly",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        with self.assertRaises(AccessError):
            run.with_user(auditor).create_invoices()
        with self.assertRaises(AccessError):
            run.with_user(auditor).action_cancel()
        run.create_invoices()
        for action in ("action_mark_as_sent", "action_regenerate"):
            with self.assertRaises(AccessError):
                getattr(run.invoice_ids.with_user(auditor), action)()

    def test_a_clerk_can_walk_the_whole_way(self):
        clerk = new_test_user(
            self.env,
            "billing.clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        wizard = (
            self.env["ar.create.invoices"]
            .with_user(clerk)
            .with_context(allowed_company_ids=self.company.ids)
            .create({"profile_id": self.profile.id, "period_id": self.period.id})
        )
        action = wizard.action_list_customers()
        run = wizard.env["ar.billing.run"].browse(action["context"]["active_id"])
        run.create_invoices()
        self.assertEqual(len(run.invoice_ids), 5)
        run.action_undo()
        self.assertEqual(run.state, "undone")
        self.assertEqual(fields.Date.to_date(run.invoice_date), self.period.invoice_date)
