"""Invoice groups: figures against the ledger, adding and moving, actions on all."""

import base64
import io
import json
import logging
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import openpyxl

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools.pdf import PdfFileReader

from ..billing_common import BillingCommon
from ..write_off_common import WriteOffCommon

_logger = logging.getLogger(__name__)


class GroupCommon(WriteOffCommon, BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna, cls.bert, cls.cleo = cls.env["res.partner"].create(
            [
                {"name": "Anna", "email": "anna@example.com"},
                {"name": "Bert", "email": "bert@example.com"},
                {"name": "Cleo"},
            ]
        )
        cls.group = cls.env["ar.invoice.group"].create({"name": "July"})

    def _outcomes(self, task):
        """{customer: (state, reason)}"""
        return {line.partner_id.name: (line.state, line.reason) for line in task.line_ids}

    def _task(self):
        return self.group.task_ids.sorted("id")[-1:]

    def _picture(self, name):
        """{label: value} of the bars that are not empty."""
        self.group.invalidate_recordset()
        [graph] = json.loads(self.group[name])
        return {bar["label"]: bar["value"] for bar in graph["values"] if bar["value"]}

    def _count_queries(self, action):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        action()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _assert_queries(self, action, limit):
        count = self._count_queries(action)
        _logger.info("%s: %s queries", action, count)
        self.assertLess(count, limit, action)

    def _wizard(self, action, **values):
        return self.env[action["res_model"]].with_context(**action["context"]).create(values)


@tagged("post_install", "-at_install")
class TestInvoiceGroup(GroupCommon):
    # --- figures ------------------------------------------------------------

    def _make_mixed(self):
        """Every kind of invoice; returns those of the group."""
        open_invoice = self._invoice(self.anna, 100, days_ago=40)
        partial = self._invoice(self.bert, 80, days_ago=100, taxes=self.tax_sale_a)
        self._pay(self.bert, 30, partial)
        paid = self._invoice(self.anna, 50)
        self._pay(self.anna, 50, paid)
        foreign = self._invoice(self.cleo, 60, currency_id=self.foreign.id, days_ago=5)
        parts = self._invoice(self.cleo, 90, invoice_payment_term_id=self.term_parts.id)
        written_off = self._invoice(self.bert, 7, days_ago=200)
        self._write_off(written_off)
        credited = self._invoice(self.anna, 20)
        credit = self._invoice(self.anna, 20, move_type="out_refund")
        (credited | credit).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        draft = self._invoice(self.bert, 33, post=False)
        cancelled = self._invoice(self.bert, 44, post=False)
        cancelled.button_cancel()
        return (
            open_invoice | partial | paid | foreign | parts | written_off | credited | credit
        ) | (draft | cancelled)

    def test_figures_are_those_of_the_ledger(self):
        invoices = self._make_mixed()
        self.group.add_invoices(invoices)
        rows = self._ledger(
            """
            SELECT move.state, COALESCE(SUM(line.balance), 0)::text,
                   COALESCE(SUM(line.balance
                     - COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE debit_move_id = line.id), 0)
                     + COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE credit_move_id = line.id), 0)), 0)::text
              FROM account_move move
              JOIN account_move_line line ON line.move_id = move.id
              JOIN account_account account ON account.id = line.account_id
             WHERE move.invoice_group_id = %s AND account.account_type = 'asset_receivable'
               AND move.state != 'cancel'
          GROUP BY move.state
            """,
            self.group.id,
        )
        invoiced = sum(Decimal(row[1]) for row in rows)
        # A draft matches nothing, so its open amount is its total here as well.
        still_open = sum(Decimal(row[2]) for row in rows)
        group = self.group
        self.assertAlmostEqual(group.amount_invoiced, float(invoiced), 6)
        self.assertAlmostEqual(group.amount_open, float(still_open), 6)
        self.assertEqual(group.amount_written_off, 7)
        self.assertAlmostEqual(
            group.amount_collected, float(invoiced - still_open) - 7, 6, "paid and credited"
        )
        self.assertEqual((group.invoice_count, group.draft_count, group.customer_count), (9, 1, 3))

    def test_pictures(self):
        self.group.add_invoices(self._make_mixed())
        self.assertEqual(
            self._picture("status_graph"),
            {"Draft": 1, "Open": 3, "Partial": 1, "Paid": 3, "Written off": 1, "Cancelled": 1},
        )
        items = self.group.invoice_ids.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        ).filtered(lambda line: line.parent_state == "posted")
        ages = {}
        for item in items:
            days = (self.today - item.date_maturity).days
            label = "Not due"
            for first, last in ((1, 30), (31, 60), (61, 90), (91, 120)):
                if first <= days <= last:
                    label = f"{first}-{last}"
            if days > 120:
                label = "121+"
            ages[label] = round(ages.get(label, 0) + item.amount_residual, 2)
        self.assertEqual(self._picture("aging_graph"), ages)
        self.assertGreater(len(ages), 2)
        self.assertEqual(sum(self._picture("email_graph").values()), 9, "cancelled ones are not")
        self.assertEqual(self._picture("email_graph"), {"Not sent": 7, "No address": 2})

    def test_an_empty_group_draws_nothing(self):
        self.assertEqual(self._picture("status_graph"), {})
        self.assertRecordValues(
            self.group, [{"invoice_count": 0, "amount_invoiced": 0, "amount_open": 0}]
        )
        new = self.env["ar.invoice.group"].new({"name": "Not saved"})
        self.assertTrue(json.loads(new.status_graph))

    def test_figures_of_many_groups_cost_the_same(self):
        groups = self.env["ar.invoice.group"].create([{"name": f"G{n}"} for n in range(30)])
        for group in groups:
            group.add_invoices(self._invoice(self.anna, 5))
        names = ["invoice_count", "amount_open", "status_graph", "aging_graph", "email_graph"]
        costs = []
        for some in (groups[:2], groups[:2], groups):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.read([*names, "running_task_id"])
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*costs[1:])
        self.assertLess(costs[1], 20)

    def test_search_by_status_age_and_email(self):
        def found(*condition):
            domain = [("invoice_ids", "any", [condition])]
            return self.group in self.env["ar.invoice.group"].search(domain)

        self.group.add_invoices(self._invoice(self.cleo, 5, post=False))
        self.assertTrue(found("state", "=", "draft"))
        self.assertTrue(found("email_state", "=", "no_address"))
        self.assertFalse(found("email_state", "=", "sent"))
        self.group.action_mark_as_sent()
        self.assertFalse(found("state", "=", "draft"))
        self.assertTrue(found("email_state", "=", "sent"))
        view = self.env.ref("ar_balance_invoicing.ar_invoice_group_view_search")
        self.assertIn("today -90d", view.arch)

    # --- adding and removing ------------------------------------------------

    def test_ticked_invoices_go_into_a_new_group(self):
        invoices = self._invoice(self.anna, 5) | self._invoice(self.bert, 6)
        wizard = self._wizard(invoices.action_add_to_invoice_group(), name="Fresh")
        self.assertEqual((wizard.found_count, wizard.elsewhere_count), (2, 0))
        action = wizard.action_add()
        group = self.env["ar.invoice.group"].browse(action["res_id"])
        self.assertEqual((group.name, group.invoice_ids), ("Fresh", invoices))
        wizard = self._wizard(invoices.action_add_to_invoice_group())
        self.assertTrue(wizard.name, "a name is proposed")
        wizard.name = "  "
        with self.assertRaisesRegex(UserError, "Type a name"):
            wizard.action_add()

    def test_an_invoice_is_in_one_group_and_may_be_moved(self):
        mine, theirs = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        other = self.env["ar.invoice.group"].create({"name": "Other"})
        other.add_invoices(theirs)
        action = (mine | theirs).action_add_to_invoice_group()
        wizard = self._wizard(action, choice="existing", group_id=self.group.id)
        self.assertEqual((wizard.found_count, wizard.here_count, wizard.elsewhere_count), (2, 0, 1))
        wizard.action_add()
        self.assertEqual((self.group.invoice_ids, other.invoice_ids), (mine, theirs))
        wizard = self._wizard(action, choice="existing", group_id=self.group.id)
        self.assertEqual(wizard.here_count, 1)
        with self.assertRaisesRegex(UserError, "All 2 invoices are in a group already"):
            wizard.action_add()
        wizard.elsewhere = "move"
        wizard.action_add()
        self.assertEqual((self.group.invoice_ids, len(other.invoice_ids)), (mine | theirs, 0))
        self.assertIn("moved to the group July", other.message_ids[:1].body)

    def test_add_from_the_group_by_profile_period_or_filter(self):
        self._make_everybody()
        run = self._run()
        run.action_create_invoices()
        stranger = self._invoice(self.anna, 77)
        self._invoice(self.bert, 5)
        action = self.group.action_add_invoices()
        wizard = self._wizard(action, profile_id=self.profile.id, period_id=self.period.id)
        self.assertEqual(wizard.found_count, 5)
        wizard.action_add()
        self.assertEqual(self.group.invoice_ids, run.invoice_ids)
        wizard = self._wizard(action)
        with self.assertRaisesRegex(UserError, "Choose a billing profile or type a condition"):
            wizard.action_add()
        wizard.domain = "[('amount_total', '=', 77)]"
        self.assertEqual(wizard.found_count, 1)
        wizard.action_add()
        self.assertEqual(self.group.invoice_ids, run.invoice_ids | stranger)
        for nonsense in ("[('no_such_field', '=', 1)]", "__import__('os')", "[("):
            with self.assertRaisesRegex(UserError, "cannot be understood"):
                wizard.domain = nonsense
                wizard.action_add()

    def test_removing_and_deleting_leave_the_invoices(self):
        first, second = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self.group.add_invoices(first | second)
        first.action_remove_from_invoice_group()
        self.assertEqual(self.group.invoice_ids, second)
        self.group.unlink()
        self.assertEqual((second.exists().state, second.invoice_group_id.id), ("posted", False))

    def test_only_customer_invoices_of_the_same_company(self):
        bill = self.init_invoice("in_invoice", amounts=[10])
        with self.assertRaisesRegex(ValidationError, "no customer invoice"):
            self.group.add_invoices(bill)
        foreign = self._invoice(self.anna, 5, company=self.branch)
        with self.assertRaisesRegex(ValidationError, "group of the invoice's company"):
            self.group.add_invoices(foreign)
        mine = self._invoice(self.anna, 5)
        self.group.add_invoices(mine)
        with self.assertRaisesRegex(UserError, "is not changed by hand"):
            self.group.company_id = self.branch

    def test_list_filters_and_groups_by_group(self):
        mine, other = self._invoice(self.anna, 5), self._invoice(self.anna, 6)
        self.group.add_invoices(mine)
        moves = self.env["account.move"]
        found = moves.search(
            [("invoice_group_id", "ilike", "jul"), ("partner_id", "=", self.anna.id)]
        )
        self.assertEqual(found, mine)
        groups = moves._read_group(
            [("partner_id", "=", self.anna.id)], ["invoice_group_id"], ["__count"]
        )
        self.assertEqual(dict(groups), {self.group: 1, self.env["ar.invoice.group"]: 1})
        self.assertNotIn(other, self.group.invoice_ids)
        self.assertFalse(mine.copy().invoice_group_id)

    # --- rights -------------------------------------------------------------

    def test_who_only_reads_starts_no_task(self):
        self.group.add_invoices(self._invoice(self.anna, 5, post=False))
        reader = new_test_user(
            self.env,
            "group.reader",
            groups="account.group_account_readonly",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        theirs = self.group.with_user(reader).with_context(allowed_company_ids=self.company.ids)
        self.assertEqual(theirs.invoice_count, 1)
        for action in ("action_confirm_drafts", "action_delete_drafts", "action_send_all"):
            with self.assertRaises(AccessError):
                getattr(theirs, action)()
        with self.assertRaises(AccessError):
            self.env["ar.invoice.task"].with_user(reader).create(
                {"group_id": self.group.id, "task": "delete"}
            )
        self.assertEqual(self.group.draft_count, 1)

    def test_other_companies_see_no_group(self):
        stranger = new_test_user(
            self.env,
            "group.stranger",
            groups="account.group_account_manager",
            company_id=self.other.id,
            company_ids=[Command.set(self.other.ids)],
        )
        with self.assertRaises(AccessError):
            self.group.with_user(stranger).with_context(allowed_company_ids=self.other.ids).read(
                ["name"]
            )


@tagged("post_install", "-at_install")
class TestGroupTasks(GroupCommon):
    """Actions on a whole group; one bad invoice stops nothing."""

    def test_confirm_drafts(self):
        good, bad = self._invoice(self.anna, 5, post=False), self._invoice(self.bert, 6, post=False)
        late = self._invoice(self.cleo, 7, post=False)
        late.invoice_date = self.today - timedelta(days=60)
        bad.invoice_line_ids = [Command.clear()]
        self.group.add_invoices(good | bad | late)
        self.company.sale_lock_date = self.today - timedelta(days=30)
        action = self.group.action_confirm_drafts()
        task = self._task()
        self.assertEqual((action["res_model"], action["res_id"]), (task._name, task.id))
        outcomes = self._outcomes(task)
        self.assertEqual(outcomes["Anna"], ("done", False))
        self.assertEqual(outcomes["Bert"][0], "failed")
        self.assertIn("post nothing", outcomes["Bert"][1])
        self.assertIn("closed period", outcomes["Cleo"][1])
        self.assertEqual((good.state, bad.state, late.state), ("posted", "draft", "draft"))
        self.assertEqual(late.invoice_date, self.today - timedelta(days=60), "not moved silently")
        late.invoice_date = self.today
        bad.invoice_line_ids = [Command.create({"name": "Mended", "price_unit": 6})]
        task.action_retry()
        self.assertEqual((task.state, self.group.draft_count), ("done", 0))
        with self.assertRaisesRegex(UserError, "no invoice is a draft"):
            self.group.action_confirm_drafts()

    def test_confirming_numbers_as_core_does(self):
        """The number's format is asked for once for all alike, in each journal and year."""
        journal = self.company_data["default_journal_sale"]
        journal.refund_sequence = True
        journals = journal | journal.copy({"code": "SALE2"})
        # A series that somebody began by hand.
        first = self._invoice(self.anna, 1, post=False, journal_id=journals[1].id)
        first.name = "R-0041"
        first._post(soft=False)
        moves = self.env["account.move"].create(
            [
                self._invoice_vals(
                    customer, 9, days_ago=days, journal_id=journal.id, move_type=move_type
                )
                for days in (0, 400, 0, 40)
                for journal in journals
                for move_type in ("out_invoice", "out_refund")
                for customer in (self.anna, self.bert)
            ]
        )
        moves._ar_set_invoice_group(self.group)
        self.env.flush_all()
        with self.env.cr.savepoint() as savepoint:
            moves._post(soft=False)
            by_core = moves.mapped("name")
            savepoint.rollback()
        self.env.invalidate_all()
        self.assertFalse(any(moves.mapped("name")))
        self.group.action_confirm_drafts()
        self.assertEqual(moves.mapped("name"), by_core)
        self.assertEqual(len(set(by_core)), len(moves))

    def test_mark_as_sent_sends_nothing(self):
        draft, posted = self._invoice(self.anna, 5, post=False), self._invoice(self.bert, 6)
        self.group.add_invoices(draft | posted)
        mails = self.env["mail.mail"].search_count([])
        self.group.action_mark_as_sent()
        self.assertEqual((draft.state, draft.is_move_sent, posted.is_move_sent), ("posted", 1, 1))
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertEqual(self._picture("email_graph"), {"Sent": 2})

    def test_send_hands_over_to_odoos_own_sending(self):
        anna, cleo = self._invoice(self.anna, 5), self._invoice(self.cleo, 6)
        manual = self._invoice(self.bert, 7)
        self.bert.invoice_sending_method = "manual"
        draft = self._invoice(self.anna, 8, post=False)
        self.group.add_invoices(anna | cleo | manual | draft)
        self.group.action_send_all()
        task = self._task()
        states = {line.move_id: (line.state, line.reason or "") for line in task.line_ids}
        self.assertEqual(states[anna][0], "done")
        self.assertIn("Cleo has no e-mail address", states[cleo][1])
        self.assertIn("by hand", states[manual][1])
        self.assertIn("confirm it first", states[draft][1])
        self.assertEqual((anna.email_state, cleo.email_state), ("waiting", "no_address"))
        self.assertEqual(
            self._picture("email_graph"), {"Waiting": 1, "Not sent": 2, "No address": 1}
        )
        self._send_now()
        self.assertEqual((anna.email_state, anna.is_move_sent), ("sent", True))
        message = anna.message_ids.filtered(lambda m: self.anna in m.notified_partner_ids)
        self.assertTrue(message)
        # Mended: the address is there, and retrying sends what is left.
        self.cleo.email = "cleo@example.com"
        task.action_retry()
        self.assertEqual(cleo.email_state, "waiting")
        self._send_now()
        self.assertEqual(cleo.email_state, "sent")
        message.sudo().notification_ids.notification_status = "bounce"
        self.env.invalidate_all()
        self.assertEqual(anna.email_state, "failed")
        self.assertIn(anna, self.env["account.move"].search([("email_state", "=", "failed")]))

    def _send_now(self):
        """What Odoo's scheduled action does, without its commit."""
        waiting = self.env["account.move"].search([("sending_data", "!=", False)])
        self.env["account.move.send"]._generate_and_send_invoices(waiting, from_cron=True)
        self.env.flush_all()
        self.env.invalidate_all()

    def test_send_to_those_who_owe_or_were_not_sent(self):
        owes, paid, sent = (
            self._invoice(customer, 5) for customer in (self.anna, self.bert, self.anna)
        )
        self._pay(self.bert, 5, paid)
        sent.is_move_sent = True
        self.group.add_invoices(owes | paid | sent)
        self.group.action_send_owing()
        self.assertEqual(self._task().line_ids.move_id, owes | sent)
        self.group.invoice_ids.sending_data = False
        self.group.action_send_not_sent()
        self.assertEqual(self._task().line_ids.move_id, owes | paid)
        cron = self.env.ref("account.ir_cron_account_move_send").sudo()
        cron.active = False
        with self.assertRaisesRegex(UserError, "switched off"):
            self.group.action_send_all()

    def test_regenerate_and_delete_drafts(self):
        customers = self._make_everybody()
        run = self._run()
        run.action_create_invoices()
        self.group.add_invoices(run.invoice_ids)
        service = self.env["ar.billing.service"].search(
            [("partner_id", "=", customers["service_only"].id)]
        )
        service.price_unit = 99
        self.group.action_regenerate_drafts()
        invoice = run.invoice_ids.filtered(
            lambda move: move.partner_id == customers["service_only"]
        )
        self.assertEqual(invoice.amount_untaxed, 99)
        invoice._post(soft=False)
        self.group.action_delete_drafts()
        self.assertEqual(self.group.invoice_ids, invoice)
        self.assertEqual(self._task().done_count, 4)
        names = self._task().line_ids.mapped("display_name")
        self.assertTrue(all(names), "what was deleted is still named")

    def test_a_large_group_is_worked_off_in_the_background(self):
        self.company.ar_background_seconds = 0.01
        self.group.add_invoices(
            self._invoice(self.anna, 5, post=False) | self._invoice(self.bert, 6, post=False)
        )
        action = self.group.action_confirm_drafts()
        task = self._task()
        self.assertEqual((task.state, action["res_id"]), ("queued", task.id))
        self.assertEqual(self.group.running_task_id, task)
        taken_out = self.group.invoice_ids.filtered(lambda move: move.partner_id == self.bert)
        taken_out.action_remove_from_invoice_group()
        task._work_all()
        self.assertEqual(self._outcomes(task)["Anna"][0], "done")
        self.assertIn("Taken out of the group", self._outcomes(task)["Bert"][1])
        self.assertEqual(taken_out.state, "draft")
        self.group.invalidate_recordset()
        self.assertFalse(self.group.running_task_id)
        with self.assertRaisesRegex(UserError, "not undone as a whole"):
            task.action_undo()

    def test_xlsx_has_the_figures_of_the_ledger(self):
        self.group.add_invoices(
            self._invoice(self.bert, 80, taxes=self.tax_sale_a)
            | self._invoice(self.anna, 1234.5)
            | self._invoice(self.cleo, 60, currency_id=self.foreign.id)
        )
        self._pay(self.anna, 1000, self.group.invoice_ids)
        content = base64.b64decode(self.group.export_xlsx())
        sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True).active
        rows = list(sheet.iter_rows(values_only=True))
        header, body, total = rows[0], rows[1:-1], rows[-1]
        self.assertEqual([row[1] for row in body], ["Anna", "Bert", "Cleo"])
        column = header.index("Invoice Balance")
        [(open_amount,)] = self._ledger(
            """
            SELECT SUM(line.amount_residual)::text FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
              JOIN account_move move ON move.id = line.move_id
             WHERE account.account_type = 'asset_receivable' AND move.invoice_group_id = %s
            """,
            self.group.id,
        )
        self.assertAlmostEqual(sum(row[column] for row in body), float(open_amount), 6)
        self.assertAlmostEqual(total[column], float(open_amount), 6)
        self.assertIsNone(total[header.index("Account Balance")])

    def test_five_hundred_invoices(self):
        """Queries of each action on a large group."""
        customers = self.env["res.partner"].create(
            [{"name": f"C{n:03}", "email": f"c{n}@example.com"} for n in range(500)]
        )
        invoices = self.env["account.move"].create(
            [self._invoice_vals(customer, 9) for customer in customers]
        )
        self.company.ar_background_seconds = 20
        wizard = self._wizard(invoices.action_add_to_invoice_group(), name="Five hundred")
        self._assert_queries(wizard.action_add, 60)
        self.group = invoices.invoice_group_id
        self.assertEqual(self.group.invoice_count, 500)
        # Core alone, in one batch; afterwards the others as a task of the group.
        core = self._count_queries(lambda: invoices[:100]._post(soft=False))
        self._assert_queries(self.group.action_confirm_drafts, 4 * core)
        self._assert_queries(self.group.action_send_not_sent, 150)
        self.assertEqual(self._picture("email_graph"), {"Waiting": 500})
        invoices.sending_data = False
        self._assert_queries(self.group.action_mark_as_sent, 150)
        self._assert_queries(self.group.export_xlsx, 40)
        names = ["invoice_count", "amount_open", "status_graph", "aging_graph", "email_graph"]
        self._assert_queries(lambda: self.group.read(names), 20)
        self._assert_queries(lambda: self.group.invoice_ids.action_remove_from_invoice_group(), 20)

    def test_queries_for_drafts_of_a_run(self):
        """Per draft; most of it is core, which takes lines away and makes others."""
        for customer in self._make_customers(*(f"D{n:02}" for n in range(40))):
            self._serve(customer)
        run = self._run()
        run.action_create_invoices()
        self.group.add_invoices(run.invoice_ids)
        self._assert_queries(self.group.action_regenerate_drafts, 40 * 20)
        self._assert_queries(self.group.action_delete_drafts, 40 * 7)
        self.assertFalse(run.invoice_ids)


@tagged("post_install", "-at_install")
class TestGroupOfRun(GroupCommon):
    """A billing run puts its invoices straight into groups."""

    def test_the_profile_asks_for_a_group_for_each_period(self):
        self._make_everybody()
        self.profile.group_policy = "period"
        run = self._run()
        self.assertEqual(run.group_name, f"Monthly {self.period.display_name}")
        run.action_create_invoices()
        group = run.invoice_ids.invoice_group_id
        self.assertEqual((group.name, len(group.invoice_ids)), (run.group_name, 5))
        # Whoever comes later is put beside the others.
        self._make_customers("Late")
        second = self._run()
        second.action_create_invoices()
        self.assertEqual(second.invoice_ids.invoice_group_id, group)

    def test_the_same_group_always(self):
        self._make_everybody()
        self.profile.write({"group_policy": "fixed", "invoice_group_id": self.group.id})
        run = self._run()
        run.action_create_invoices()
        self.assertEqual(run.invoice_ids.invoice_group_id, self.group)

    def test_split_by_balance_class_in_the_pop_up(self):
        customers = self._make_everybody()
        run = self._run()
        wizard = self._wizard(run.action_confirm_options())
        self.assertEqual(wizard.group_choice, "none")
        wizard.write({"group_choice": "new", "group_name": "August", "group_split": True})
        wizard.action_confirm()
        groups = {move.partner_id.name: move.invoice_group_id.name for move in run.invoice_ids}
        self.assertEqual(
            groups,
            {
                "service_balance": "August · Service and balance",
                "service_only": "August · Service only",
                "balance_only": "August · Balance only",
                "nothing_owed": "August · Nothing owed",
                "credit": "August · Credit",
            },
        )
        self.assertEqual(len(customers), 5)

    def test_the_pop_up_asks_for_what_is_missing(self):
        self._make_everybody()
        wizard = self._wizard(self._run().action_confirm_options())
        wizard.write({"group_choice": "new", "group_name": " "})
        with self.assertRaisesRegex(UserError, "Type a name"):
            wizard.action_confirm()
        wizard.write({"group_choice": "existing", "group_id": False})
        with self.assertRaisesRegex(UserError, "Choose the invoice group"):
            wizard.action_confirm()
        wizard.write({"group_choice": "none"})
        wizard.action_confirm()
        self.assertFalse(wizard.run_ids.invoice_ids.invoice_group_id)


@tagged("post_install", "-at_install")
class TestGroupPdf(GroupCommon, HttpCase):
    """One PDF of all, printed by the real program."""

    def test_every_invoice_once_in_the_groups_order(self):
        # A page for one and two for the other, so that a wrong cut would show.
        long = self._invoice(self.anna, 5, post=False)
        long.invoice_line_ids = [
            Command.create({"name": f"Line {n}", "price_unit": 1}) for n in range(60)
        ]
        long._post(soft=False)
        short, draft = self._invoice(self.bert, 6), self._invoice(self.cleo, 7, post=False)
        sent = self._invoice(self.bert, 8)
        self.env["account.move.send"].with_context(
            force_report_rendering=True
        )._generate_and_send_invoices(sent, sending_methods=["email"])
        kept = sent.invoice_pdf_report_id.raw
        self.assertTrue(kept.startswith(b"%PDF"))
        self.group.add_invoices(short | draft | sent | long)
        group = self.group.with_context(force_report_rendering=True)
        action = group.action_print()
        task = self._task()
        self.assertEqual(task.state, "done", task.line_ids.mapped("reason"))
        self.assertIn(f"/web/content/{task.pdf_id.id}", action["url"])
        self.assertEqual(task.pdf_id.name, "July.pdf")
        alone = [self._print_alone(invoice) for invoice in (long, short)]
        alone += [kept, self._print_alone(draft)]
        expected = [page for content in alone for page in self._pages(content)]
        self.assertGreater(len(expected), 4, "one of them has more than one page")
        self.assertEqual(len(set(expected)), len(expected), "no two pages look alike")
        self.assertEqual(self._pages(task.pdf_id.raw), expected)
        self.assertFalse(any(task.line_ids.mapped("pdf")), "the parts are not kept")
        self._assert_queries(group.action_print, 300)

    def _print_alone(self, invoice):
        reports = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        return reports._render_qweb_pdf("account.account_invoices", invoice.ids)[0]

    def _pages(self, content):
        """What can be read on each page; how it is drawn, where letters are mere curves.

        A patched program keeps letters, and numbers them anew in each file.
        """
        reader = PdfFileReader(io.BytesIO(content))
        pages = (reader.getPage(n) for n in range(reader.getNumPages()))
        return [
            page.extract_text() or sha256(page.get_contents().get_data()).hexdigest()
            for page in pages
        ]
