"""What is done with all invoices of a group; one bad invoice stops nothing."""

import base64
import io
from datetime import timedelta
from hashlib import sha256

import openpyxl

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged
from odoo.tools.pdf import PdfFileReader

from ..invoice_group_common import GroupCommon


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
        self.assertEqual(self._picture("email_graph"), {"Marked": 2})

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
            self._picture("email_graph"), {"Queued": 1, "Not sent": 2, "No address": 1}
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
        run.create_invoices()
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
        self.assertEqual(self._picture("email_graph"), {"Queued": 500})
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
        run.create_invoices()
        self.group.add_invoices(run.invoice_ids)
        self._assert_queries(self.group.action_regenerate_drafts, 40 * 20)
        self._assert_queries(self.group.action_delete_drafts, 40 * 7)
        self.assertFalse(run.invoice_ids)


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
