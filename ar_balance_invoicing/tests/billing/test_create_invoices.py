"""Create Invoices says whom it bills, and for how much, and does exactly that."""

import base64
import io
from datetime import timedelta

import openpyxl

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import format_date, html2plaintext
from odoo.tools.safe_eval import safe_eval

from ..billing_common import BillingCommon

CONFIRM = "ar.create.invoices.confirm"


class CreateInvoicesCommon(BillingCommon):
    def _press(self, run, rows=None, domain=None):
        """The button Create Invoices of the list: rows selected in it, what its filter shows."""
        lines = rows or self.env["ar.billing.run.line"]
        shown = run.action_view_lines()
        context = dict(shown["context"])
        if domain is not None:
            context |= {
                "active_model": "ar.billing.run.line",
                "active_domain": [*shown["domain"], *domain],
            }
        action = lines.with_context(**context).action_open_confirm()
        return self.env[CONFIRM].browse(action["res_id"])

    def _get_ledger(self, invoices):
        """``{customer's name: what he owes by these invoices}``, by the journal items."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT partner.name, SUM(item.balance)
              FROM account_move_line item
              JOIN account_account account ON account.id = item.account_id
              JOIN res_partner partner ON partner.id = item.partner_id
             WHERE item.move_id = ANY(%s) AND account.account_type = 'asset_receivable'
          GROUP BY partner.name
            """,
            [invoices.ids],
        )
        return {name: float(amount) for name, amount in self.env.cr.fetchall()}

    @staticmethod
    def _plain(text):
        return (text or "").replace("\xa0", " ")


@tagged("post_install", "-at_install")
class TestWhomItBills(CreateInvoicesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gil"]
        cls.customers = cls._make_customers(*cls.names)
        for price, customer in enumerate(cls.customers[:5], 1):
            cls._serve(customer, price * 100, tax_ids=[Command.clear()])
        cls.ann, cls.bob, cls.cleo, cls.dan, cls.eve, cls.fay, cls.gil = cls.customers
        cls.run_ = cls._run()
        cls.dear = [("amount_charge", ">", 250)]

    def _lines(self, *customers):
        return self.run_.line_ids.filtered(lambda line: line.partner_id in customers)

    def _billed(self):
        return self.run_.invoice_ids.partner_id

    # --- what is shown is what is billed ---------------------------------------

    def test_only_those_whom_the_filter_shows_are_billed(self):
        pop_up = self._press(self.run_, domain=self.dear)
        self.assertIn("3 of 7 customers, $ 1,200.00", self._plain(pop_up.summary))
        self.assertIn("4 others are not billed", pop_up.choice_note)
        pop_up.action_confirm()
        self.assertEqual(
            self._get_ledger(self.run_.invoice_ids), {"Cleo": 300, "Dan": 400, "Eve": 500}
        )

    def test_without_a_filter_all_are_billed_and_none_is_ticked(self):
        pop_up = self._press(self.run_, domain=[])
        self.assertIn("7 of 7 customers, $ 1,500.00", self._plain(pop_up.summary))
        self.assertIn("2 with $ 0.00", self._plain(pop_up.of_these))
        self.assertEqual(pop_up.class_note, "Service only 5 · Nothing owed 2")
        pop_up.action_confirm()
        self.assertEqual(self._billed(), self.customers)
        self.assertFalse(self.run_.line_ids.filtered("selected"))

    def test_a_filter_that_shows_nobody_bills_nobody(self):
        with self.assertRaisesRegex(UserError, "shows nobody"):
            self._press(self.run_, domain=[("amount_charge", ">", 9000)])

    def test_selected_rows_are_billed_whatever_is_ticked(self):
        self._lines(self.eve).action_tick()
        pop_up = self._press(self.run_, rows=self._lines(self.ann, self.bob), domain=self.dear)
        self.assertIn("2 of 7 customers, $ 300.00", self._plain(pop_up.summary))
        self.assertIn("Eve", pop_up.choice_note)
        pop_up.action_confirm()
        self.assertEqual(self._billed(), self.ann | self.bob)

    def test_ticked_customers_whom_the_filter_hides_are_named(self):
        self._lines(self.ann, self.bob, self.eve).action_tick()
        pop_up = self._press(self.run_, domain=self.dear)
        self.assertEqual(pop_up.choice_note, "3 customers ticked, 2 of them not shown: Ann, Bob.")
        pop_up.action_confirm()
        self.assertEqual(self._billed(), self.ann | self.bob | self.eve)

    def test_more_rows_than_the_client_names(self):
        """The client names four rows of six; the domain of the list says which six."""
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        six = self._lines(*self.customers[:6])
        domain = [("partner_id", "in", self.customers[:6].ids)]
        pop_up = self._press(self.run_, rows=six[:4], domain=domain)
        self.assertEqual((pop_up.customer_count, len(pop_up.line_ids)), (6, 6))
        pop_up.action_confirm()
        self.assertEqual(self._billed(), self.customers[:6])

    def test_who_was_left_out_by_hand_is_named_in_the_next_run(self):
        self._lines(self.ann).action_leave_out()
        self.run_.create_invoices()
        again = self._run()
        line = again.line_ids.filtered(lambda line: line.partner_id == self.ann)
        self.assertEqual((line.state, line.reason), ("todo", "Left out by hand last time."))

    def test_buttons_of_more_rows_than_the_client_names(self):
        """Tick, Untick, Leave Out and Take: four rows are named, six are meant."""
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        six = self._lines(*self.customers[:6])
        domain = [("document_id", "=", self.run_.id), ("id", "in", six.ids)]
        named = six[:4].with_context(active_model=six._name, active_domain=domain)
        named.action_tick()
        self.assertEqual(self.run_.line_ids.filtered("selected"), six)
        named.action_untick()
        self.assertFalse(self.run_.line_ids.filtered("selected"))
        named.action_leave_out()
        self.assertEqual(self.run_.line_ids.filtered("left_out"), six)
        named.action_take()
        self.assertFalse(self.run_.line_ids.filtered("left_out"))

    def test_a_discarded_pop_up_keeps_the_ticks(self):
        self._lines(self.ann, self.eve).action_tick()
        before = self.run_.line_ids.read(["selected", "state", "reason", "left_out"])
        for rows, domain in ((self._lines(self.bob), []), (None, self.dear), (None, [])):
            self._press(self.run_, rows=rows, domain=domain).unlink()
            self.assertEqual(
                self.run_.line_ids.read(["selected", "state", "reason", "left_out"]), before
            )
        self._lines(self.ann, self.eve).action_untick()
        before = self.run_.line_ids.read(["selected", "state", "reason", "left_out"])
        self._press(self.run_, domain=self.dear)
        self.assertEqual(
            self.run_.line_ids.read(["selected", "state", "reason", "left_out"]), before
        )

    def test_whom_the_pop_up_counted_is_billed_or_nobody(self):
        changes = {
            "ticked": lambda: self._lines(self.ann).action_tick(),
            "left out": lambda: self._lines(self.eve).action_leave_out(),
            "listed anew": self.run_._populate,
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                pop_up = self._press(self.run_, domain=self.dear)
                change()
                with self.assertRaisesRegex(UserError, "when you opened this window"):
                    pop_up.action_confirm()
                self.assertFalse(self.run_.invoice_ids)
                savepoint.rollback()

    # --- words and money ---------------------------------------------------------

    def test_the_words_follow_the_options(self):
        fee_product = self.env["product.product"].create(
            {"name": "Late fee", "type": "service", "taxes_id": False}
        )
        self.profile.write(
            {
                "late_fee_fixed": 7,
                "late_fee_percent": 10,
                "late_fee_product_id": fee_product.id,
            }
        )
        self._invoice(self.fay, 200, days_ago=90)
        self._pay(self.gil, 30)
        run = self._run()
        fee = run.line_ids.filtered(lambda line: line.partner_id == self.fay).amount_total
        self.assertGreater(fee, 0)
        pop_up = Form(self._press(run, domain=[]))
        whole = self.company.currency_id.format(1500 + fee)
        self.assertIn(f"7 of 7 customers, {whole}", pop_up.summary)
        self.assertIn("1 in credit", pop_up.of_these)
        pop_up.late_fees = False
        self.assertIn("7 of 7 customers, $ 1,500.00", self._plain(pop_up.summary))
        pop_up.skip_zero = True
        self.assertIn("5 of 7 customers, $ 1,500.00", self._plain(pop_up.summary))
        self.assertIn("2 for the reasons in the list", pop_up.not_billed_note)
        before = run.line_ids.mapped("amount_total")
        self.assertEqual(sum(before), 1500 + fee, "the list is as it was")
        pop_up.save().action_confirm()
        self.assertEqual(sum(self._get_ledger(run.invoice_ids).values()), 1500)
        self.assertEqual(run.invoice_ids.partner_id, self.customers[:5])

    def test_what_the_pop_up_said_is_billed_or_nothing(self):
        """Another date has the charges read again when it is confirmed."""
        changes = {
            "a dearer service": lambda: self._serve(self.gil, 9000),
            "one more customer": lambda: self._make_customers("Hal"),
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                pop_up = Form(self._press(self.run_, domain=[]))
                pop_up.invoice_date = self.period.date_to
                self.assertIn("7 of 7 customers, $ 1,500.00", self._plain(pop_up.summary))
                pop_up = pop_up.save()
                change()
                with self.assertRaisesRegex(UserError, "have changed since"):
                    pop_up.action_confirm()
                savepoint.rollback()
        pop_up = self._press(self.run_, domain=[])
        pop_up.invoice_date = self.period.date_to
        pop_up.action_confirm()
        self.assertEqual(sum(self._get_ledger(self.run_.invoice_ids).values()), 1500)

    def test_each_currency_on_its_own(self):
        self._serve(self.fay, 50, tax_ids=[Command.clear()], currency_id=self.foreign.id)
        self._serve(self.ann, 70, tax_ids=[Command.clear()], currency_id=self.foreign.id)
        run = self._run()
        pop_up = self._press(run, domain=[])
        self.assertIn("7 of 7 customers (8 invoices)", pop_up.summary)
        self.assertIn(self.company.currency_id.format(1500), pop_up.summary)
        self.assertIn(self.foreign.format(120), pop_up.summary)
        said = pop_up.action_confirm()["params"]["title"]
        self.assertIn("8 invoices made", said)
        self.assertIn(self.foreign.format(120), said)

    def test_nothing_left_to_do_is_said_before_the_button(self):
        self.run_.create_invoices()
        again = self.period._list_customers()
        pop_up = self._press(again, domain=[])
        self.assertEqual((pop_up.customer_count, pop_up.billed_count), (0, 7))
        self.assertIn("all of the 7 customers are billed already", pop_up.summary)
        invoices = self.env["account.move"].search(pop_up.action_view_billed()["domain"])
        self.assertEqual(invoices, self.run_.invoice_ids)

    # --- the date ------------------------------------------------------------------

    def test_dates_that_somebody_should_think_about(self):
        date_to = self.period.date_to
        self.profile.payment_term_id = self.env.ref("account.account_payment_term_immediate")
        run = self._run(invoice_date=date_to)
        pop_up = self._press(run, domain=[])
        self.assertFalse(pop_up.date_note)
        pop_up.invoice_date = date_to + timedelta(days=3)
        self.assertIn("lies outside of", pop_up.date_note)
        self.assertNotIn("ago", pop_up.date_note)
        pop_up.invoice_date = self.today - timedelta(days=60)
        self.assertIn("60 days ago", pop_up.date_note)
        self.assertIn("5 invoices would be overdue at once", pop_up.date_note)
        # Terms that leave time enough: of Ann's invoice, nothing is due yet.
        self.ann.property_payment_term_id = self.env["account.payment.term"].create(
            {
                "name": "90 days",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 100, "nb_days": 90})
                ],
            }
        )
        pop_up.invoice_date = self.today - timedelta(days=61)
        self.assertIn("4 invoices would be overdue at once", pop_up.date_note)
        self.company.fiscalyear_lock_date = self.today - timedelta(days=40)
        pop_up.invoice_date = self.today - timedelta(days=62)
        self.assertIn("closed period", pop_up.date_note)
        pop_up.action_confirm()
        self.assertEqual(run.failed_count, 7, "a warning forbids nothing")

    def test_without_terms_a_draft_is_due_the_day_it_is_made(self):
        run = self._run(invoice_date=self.today - timedelta(days=60))
        pop_up = self._press(run, domain=[])
        self.assertNotIn("overdue", pop_up.date_note)
        pop_up.action_confirm()
        self.assertEqual(set(run.invoice_ids.mapped("invoice_date_due")), {self.today})

    def test_queries_of_the_pop_up_do_not_depend_on_the_number_of_customers(self):
        fee_product = self.env["product.product"].create(
            {"name": "Late fee", "type": "service", "taxes_id": False}
        )

        def count(number):
            profile = self._make_profile(
                f"P{number}",
                late_fee_percent=10,
                late_fee_product_id=fee_product.id,
                payment_term_id=self.env.ref("account.account_payment_term_immediate").id,
            )
            period = profile.period_ids.filtered(
                lambda period: period.date_from <= self.today <= period.date_to
            )
            customers = self._make_customers(*[f"C{n}" for n in range(number)], profile=profile)
            for customer in customers:
                self._serve(customer, 10)
                self._invoice(customer, 100, days_ago=90)
            run = self._run(period)

            def open_and_change():
                pop_up = self._press(run, domain=[("amount_total", ">", 1)])
                pop_up.read(["summary", "date_note"])
                pop_up.write({"late_fees": False, "invoice_date": self.today - timedelta(days=50)})
                pop_up.read(["summary", "date_note"])
                self.assertEqual(pop_up.customer_count, number)
                self.assertIn("overdue at once", pop_up.date_note)

            self.env.flush_all()
            self.env.invalidate_all()
            return self._count_queries(open_and_change)

        count(2)
        few, many = count(5), count(40)
        self.assertLessEqual(many, few + 3)

    # --- left out by hand ------------------------------------------------------------

    def test_one_is_left_out_and_all_others_are_billed(self):
        line = self._lines(self.bob)
        line.action_leave_out()
        self.assertEqual((line.state, line.reason), ("skipped", "Left out by hand."))
        self.assertFalse(self.run_.line_ids.filtered("selected"), "nobody is ticked by it")
        self.run_._populate()
        self.assertEqual(self._lines(self.bob).reason, "Left out by hand.")
        pop_up = self._press(self.run_, domain=[])
        self.assertIn("1 left out by hand", pop_up.not_billed_note)
        pop_up.late_fees = False  # read again at Confirm
        pop_up.action_confirm()
        self.assertEqual(self._billed(), self.customers - self.bob)

    def test_the_only_one_ticked_is_left_out(self):
        """Then nobody is billed, and not everybody."""
        self._lines(self.bob).action_tick()
        self._lines(self.bob).action_leave_out()
        pop_up = self._press(self.run_, domain=[])
        self.assertEqual(pop_up.customer_count, 0)
        with self.assertRaises(UserError):
            pop_up.action_confirm()
        self.assertFalse(self.run_.invoice_ids)

    def test_who_was_left_out_is_taken_again(self):
        lines = self._lines(self.bob, self.gil)
        lines.action_leave_out()
        self.run_._write_inside({"zero_policy": "skip_zero"})
        lines.action_take()
        self.assertEqual(lines.mapped("state"), ["todo", "skipped"])
        self.assertIn("zero invoices", lines[1].reason)
        with self.assertRaisesRegex(UserError, "not left out"):
            lines.action_take()
        self.run_.create_invoices()
        self.assertIn(self.bob, self._billed())
        with self.assertRaisesRegex(UserError, "not to be billed"):
            lines.action_leave_out()

    # --- after Confirm ---------------------------------------------------------------

    def test_afterwards_it_is_said_what_was_made_left_out_and_failed(self):
        self.dan.property_account_receivable_id = False
        self._lines(self.bob).action_leave_out()
        said = self._press(self.run_, domain=[]).action_confirm()["params"]
        self.assertEqual(
            self._plain(said["title"]), "5 invoices made: $ 900.00. 1 left out. 1 failed"
        )
        self.assertEqual(self.run_.result_text, said["title"] + ".")
        self.assertIn("1 customer could not be billed", self.run_.failure_text)
        invoices = self.env["account.move"].search(said["next"]["domain"])
        self.assertEqual(invoices, self.run_.invoice_ids)

    def test_a_long_run_leads_to_its_progress_and_says_it_there(self):
        self.company.ar_background_seconds = 0.001
        said = self._press(self.run_, domain=self.dear).action_confirm()["params"]
        self.assertEqual(said["next"]["res_id"], self.run_.id)
        self.assertFalse(self.run_.result_text)
        self.run_._work_all()
        self.assertIn("3 invoices made: $ 1,200.00", self._plain(self.run_.result_text))

    def test_pop_up_message_form_and_spreadsheet_say_one_figure(self):
        self._lines(self.bob).action_leave_out()
        pop_up = self._press(self.run_, domain=[])
        self.assertIn("6 of 7 customers, $ 1,300.00", self._plain(pop_up.summary))
        self.assertEqual(self._read_sheets(), {"Billed": (6, 1300), "Not Billed": (1, 200)})
        said = pop_up.action_confirm()["params"]["title"]
        self.assertEqual(self._plain(said), "6 invoices made: $ 1,300.00. 1 left out")
        self.assertEqual(self._read_sheets(), {"Billed": (6, 1300), "Not Billed": (1, 200)})
        self.assertEqual(sum(self._get_ledger(self.run_.invoice_ids).values()), 1300)

    def _read_sheets(self):
        """``{title: (rows, their sum)}`` of the run's spreadsheet."""
        self.env.flush_all()
        content = base64.b64decode(self.run_.export_xlsx())
        found = {}
        for sheet in openpyxl.load_workbook(io.BytesIO(content)).worksheets:
            head, *rows = sheet.iter_rows(values_only=True)
            amounts = [row[head.index("Invoice Balance")] for row in rows if row[1]]
            found[sheet.title] = (len(amounts), sum(amounts))
        return found

    # --- figures ---------------------------------------------------------------------

    def _foot(self, lines=None, name="amount_to_bill"):
        """The sum of the rows, which groups of them add up to as well."""
        lines = lines or self.run_.line_ids
        rows = sum(lines.mapped(name))
        groups = lines._read_group([("id", "in", lines.ids)], ["state"], [f"{name}:sum"])
        self.assertEqual(sum(amount for _state, amount in groups), rows)
        return rows

    def _assert_said(self, amount, run=None):
        """The foot of the list is what the pop-up says."""
        run = run or self.run_
        self.assertEqual(self._foot(run.line_ids), amount)
        pop_up = self._press(run, domain=[])
        self.assertIn(f", $ {amount:,.2f}", self._plain(pop_up.summary))
        pop_up.unlink()

    def test_the_foot_of_the_list_is_what_the_pop_up_says(self):
        self._serve(self.ann, 100, tax_ids=[Command.set(self.tax_sale_a.ids)])
        run = self.run_ = self._run()
        self._assert_said(1615)
        self.assertEqual(self._foot(name="charge_to_bill"), 1600)
        self._lines(self.bob).action_leave_out()
        self._assert_said(1415)
        self._lines(self.dan, self.eve).action_tick()
        self._assert_said(900)
        self._lines(self.dan).action_untick()
        self._assert_said(500)
        self.assertEqual(self._read_sheets(), {"Billed": (1, 500), "Not Billed": (6, 1115)})
        run._write_inside({"zero_policy": "skip_zero"})
        self._lines(self.eve).action_untick()
        self._assert_said(1415)
        self._lines(self.ann, self.eve).action_tick()
        self._press(run, domain=[]).action_confirm()
        self.assertEqual(self._foot(), 715)
        self.assertEqual(sum(self._get_ledger(run.invoice_ids).values()), 715)
        # Listed again, who is billed already stands there with his invoice, and counts not.
        again = self._run()
        self.assertEqual(self._foot(self._line(again, self.ann), "amount_shown"), 215)
        self.assertEqual(self._foot(again.line_ids), 900)

    def test_who_is_ticked_in_a_list_of_two_runs_takes_all_others_out(self):
        weekly = self._make_profile("Weekly", cadence_unit="week")
        dora = self._make_customers("Dora", profile=weekly)
        self._serve(dora, 9, tax_ids=[Command.clear()])
        period = weekly.period_ids.filtered(lambda p: p.date_from <= self.today <= p.date_to)
        runs = self.run_ | self._run(period)
        runs._list_together()
        other = runs[1].line_ids.amount_total
        self.assertEqual(self._foot(runs.line_ids), 1500 + other)
        self._lines(self.ann).action_tick()
        self.assertEqual(self._foot(runs.line_ids), 100)
        self._lines(self.ann).action_untick()
        self.assertEqual(self._foot(runs.line_ids), 1500 + other)

    def test_drafts_deleted_edited_and_cancelled_later(self):
        run = self.run_.create_invoices()
        moves = {line.partner_id: line.move_id for line in run.line_ids}
        clerk = self._make_user("deleting.clerk", "account.group_account_invoice")
        self._as(clerk, moves[self.ann]).unlink()
        moves[self.bob].invoice_line_ids.price_unit = 250
        moves[self.cleo].button_cancel()
        live = run.invoice_ids.filtered(lambda move: move.state != "cancel")
        self.assertEqual(sum(self._get_ledger(live).values()), 250 + 400 + 500)
        self.assertEqual(self._foot(), 1150)
        self.assertEqual(self._plain(run.result_text), "5 invoices made: $ 1,150.00.")
        self.assertEqual(self._read_sheets(), {"Billed": (5, 1150), "Not Billed": (2, 400)})
        self.assertEqual(self._foot(self._lines(self.bob), "amount_shown"), 250)
        line = self._lines(self.ann)
        self.assertEqual((line.state, line.reason), ("undone", "Deleted meanwhile."))
        run.invalidate_recordset()
        self.assertEqual((run.done_count, run.state), (6, "done"))
        # Nothing to retry; listed anew, she is to be billed; what is left can be undone.
        with self.assertRaisesRegex(UserError, "no failed"):
            run.action_retry()
        self.assertEqual(self._line(self._run(), self.ann).state, "todo")
        run.action_undo()
        self.assertEqual(run.state, "undone")
        self.assertEqual(self._foot(), 0)

    def test_queries_of_the_figures_do_not_depend_on_the_number_of_rows(self):
        self.run_.create_invoices()
        lines = self.env["ar.billing.run.line"].browse(self.run_.line_ids.ids)

        def count(rows):
            return self._count_queries(lambda: rows.read(["amount_shown", "amount_to_bill"]))

        count(lines)
        self.assertLessEqual(count(lines), count(lines[:2]))

    def test_queries_of_deleting_drafts_do_not_depend_on_their_number(self):
        moves = self.run_.create_invoices().invoice_ids
        few = self._count_queries(lambda: moves[:1]._ar_tell_runs_deleted())
        many = self._count_queries(lambda: moves[1:]._ar_tell_runs_deleted())
        self.assertLessEqual(many, few)

    # --- undone and retried ------------------------------------------------------------

    def _ask(self, action):
        pop_up = self.env["ar.billing.run.ask"].browse(action["res_id"])
        return pop_up, self._plain(pop_up.question)

    def test_undo_says_how_many_and_how_much_before(self):
        run = self.run_.create_invoices()
        moves = {line.partner_id: line.move_id for line in run.line_ids}
        (moves[self.dan] | moves[self.eve]).action_post()
        moves[self.ann].unlink()
        pop_up, said = self._ask(run.action_ask_undo())
        self.assertEqual(
            said, "4 drafts deleted: $ 500.00.\n2 invoices are confirmed and stay: $ 900.00."
        )
        self.assertEqual(len(run.invoice_ids), 6, "nothing is done yet")
        moves[self.bob].action_post()
        with self.assertRaisesRegex(UserError, "has changed since"):
            pop_up.action_do()
        pop_up, said = self._ask(run.action_ask_undo())
        self.assertIn("3 drafts deleted: $ 300.00.", said)
        pop_up.action_do()
        self.assertEqual(run.invoice_ids.partner_id, self.bob | self.dan | self.eve)
        with self.assertRaisesRegex(UserError, "nothing to undo"):
            run.action_ask_undo()

    def test_retry_says_whom_it_bills_before(self):
        account = self.dan.property_account_receivable_id
        (self.dan | self.eve).property_account_receivable_id = False
        run = self.run_.create_invoices()
        (self.dan | self.eve).property_account_receivable_id = account
        pop_up, said = self._ask(run.action_ask_retry())
        self.assertIn("2 customers billed now: $ 900.00.", said)
        self.assertEqual((run.failed_count, len(run.invoice_ids)), (2, 5))
        pop_up.action_do()
        self.assertEqual(len(run.invoice_ids), 7)
        self.assertEqual(sum(self._get_ledger(run.invoice_ids).values()), 1500)

    # --- what was decided is kept ------------------------------------------------------

    def _notes(self, run):
        bodies = run.message_ids.sorted("id").mapped("body")
        return [self._plain(html2plaintext(body)) for body in bodies if "To be billed" in body]

    def test_the_chatter_keeps_what_was_decided(self):
        self._lines(self.bob, self.gil).action_leave_out()
        pop_up = self._press(self.run_, domain=[])
        pop_up.write(
            {
                "late_fees": False,
                "skip_zero": True,
                "group_choice": "new",
                "group_name": "Spring",
            }
        )
        self.assertIn("4 of 7 customers, $ 1,300.00", self._plain(pop_up.summary))
        self.dan.property_account_receivable_id = False
        pop_up.action_confirm()
        [note] = self._notes(self.run_)
        for text in (
            "To be billed: 4 of 7 customers, $ 1,300.00",
            f"Invoice date: {format_date(self.env, self.run_.invoice_date)}",
            "Without charges: None for customers with nothing to bill",
            "Late fees are not charged.",
            "Invoice group: Spring",
            "Left out by hand: Bob, Gil",
        ):
            self.assertIn(text.lower(), note.lower())
        # Retried, it is said no second time.
        self.dan.property_account_receivable_id = self.ann.property_account_receivable_id
        self.run_.action_retry()
        self.assertEqual(len(self._notes(self.run_)), 1)

    def test_many_who_were_left_out_are_not_all_named(self):
        many = self._make_customers(*[f"Left {number:02}" for number in range(23)])
        run = self._run()
        run.line_ids.filtered(lambda line: line.partner_id in many).action_leave_out()
        run.create_invoices()
        [note] = self._notes(run)
        self.assertIn("Left 19 and 3 more", note)
        self.assertNotIn("Left 20", note)
        self.assertNotIn("Invoice group", note)

    # --- a group of that name ----------------------------------------------------------

    def test_a_new_group_of_a_name_that_there_is(self):
        group = self.env["ar.invoice.group"].create({"name": "Spring"})
        groups = self.env["ar.invoice.group"]
        theirs = groups.with_context(allowed_company_ids=self.other.ids)
        theirs.create({"name": "Fall", "company_id": self.other.id})
        group.add_invoices(self._invoice(self.gil, 5) | self._invoice(self.gil, 6))
        pop_up = Form(self._press(self.run_, domain=[]))
        pop_up.group_choice = "new"
        for name in ("Summer", "Fall"):
            pop_up.group_name = name
            self.assertFalse(pop_up.group_note)
        pop_up.group_name = " Spring "
        said = "There is a group of this name with 2 invoices: they are added to it."
        self.assertEqual(pop_up.group_note, said)
        pop_up.group_split = True
        self.assertFalse(pop_up.group_note)
        split = self.env["ar.invoice.group"].create({"name": "Spring · Service only"})
        split.add_invoices(self._invoice(self.gil, 7))
        pop_up.group_name = "Spring"
        self.assertIn("with 1 invoice: they are added to them", pop_up.group_note)
        self.assertIn("Spring · Service only", pop_up.group_note)
        pop_up.group_split = False
        self.assertEqual(pop_up.group_note, said)
        pop_up.save().action_confirm()
        self.assertEqual(self.run_.invoice_ids.invoice_group_id, group)
        self.assertEqual(len(group.invoice_ids), 9)

    # --- addresses -------------------------------------------------------------------

    def _assert_same_by_address(self, action):
        """Reload, a new tab or a bookmark: only the action and the id in the address are known."""
        stored = self.env["ir.actions.act_window"].browse(action["id"])
        self.assertTrue(stored.path, action["display_name"])
        scope = {"active_id": action["context"]["active_id"]}
        domain = safe_eval(stored.domain, scope)
        model = self.env[action["res_model"]]
        self.assertEqual(model.search(domain), model.search(action["domain"]))
        context = safe_eval(stored.context, dict(scope))
        given = {k: v for k, v in action["context"].items() if not k.startswith("search_default")}
        self.assertEqual({**context, **scope}, given, "the same buttons")
        return model.search(domain)

    def test_every_list_is_found_again_by_its_address(self):
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
        lines = self._assert_same_by_address(action)
        self.assertEqual(lines.partner_id, self.customers | dora)
        # What was confirmed together is one list of invoices; undone, it is none.
        runs = lines.document_id
        pop_up = self._press(runs[0], domain=[])
        result = pop_up.action_confirm()["params"]
        invoices = self._assert_same_by_address(result["next"])
        self.assertEqual(invoices.partner_id, self.customers | dora)
        self.assertEqual(len(result["links"]), 2)
        for run in runs:
            listed = self._assert_same_by_address(run.action_view_lines())
            self.assertEqual(listed.document_id, run)
        self._assert_same_by_address(self.period.action_view_billed())
        self.assertEqual(
            self.env["ir.actions.act_window"].browse(runs[0]._open_form()["id"]).path,
            "billing-runs",
        )

    # --- drafts ----------------------------------------------------------------------

    def test_a_draft_is_called_by_profile_and_period_and_can_be_discarded(self):
        name = self.period.display_name
        self.assertEqual(self.run_.display_name, f"Monthly · {name} · draft")
        lines = self.env["ar.billing.run.line"].with_context(ar_candidates=self.run_.id)
        lines.action_discard_run()
        self.assertFalse(self.run_.exists())
        done = self._run().create_invoices()
        self.assertEqual(done.display_name, f"{done.name} · Monthly · {name}")
        with self.assertRaisesRegex(UserError, "is done"):
            done.action_discard()
        self.assertEqual(len(done.invoice_ids), 7)


@tagged("post_install", "-at_install")
class TestFirstWindow(CreateInvoicesCommon):
    """It proposes what is to be billed next, and says how far each period is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.ann, cls.bob, cls.cleo = cls._make_customers("Ann", "Bob", "Cleo")
        for customer in cls.customers:
            cls._serve(customer, 100, tax_ids=[Command.clear()])
        cls.profile._make_periods(since=cls.today - timedelta(days=150))
        periods = cls.profile.period_ids.sorted("date_from")
        place = periods.ids.index(cls.period.id)
        cls.before, cls.last, cls.now, cls.next = periods[place - 2 : place + 2]

    def _window(self):
        form = Form(self.env["ar.create.invoices"])
        form.profile_id = self.profile
        return form

    def _proposed(self):
        return self._window().save().period_id

    def _bill(self, period, *customers, **options):
        run = self._run(period, **options)
        run.line_ids.filtered(lambda line: line.partner_id in customers).action_tick()
        return run.create_invoices()

    def test_a_profile_never_billed_begins_today(self):
        window = self._window()
        self.assertEqual(self._proposed(), self.now)
        self.assertEqual(window.progress_note, "0 of 3 billed")

    def test_the_oldest_that_is_not_fully_billed(self):
        self._bill(self.before)
        self.assertEqual(self._proposed(), self.last, "forgotten altogether")
        self._bill(self.last, self.ann, self.bob)
        self.assertEqual(self._proposed(), self.last, "Cleo is left")
        self.assertIn("2 of 3 billed, $ 200.00", self._plain(self._window().progress_note))
        self._bill(self.last)
        self.assertEqual(self._proposed(), self.now)
        self._bill(self.now)
        self.assertEqual(self._proposed(), self.next)
        window = self._window()
        self.assertIn("has not begun", window.progress_note)
        said = f"{self.now.display_name}: 3 of 3 billed, $ 300.00"
        self.assertIn(said, self._plain(window.progress_note))
        action = window.save().action_view_billed()
        self.assertEqual(len(self.env["account.move"].search(action["domain"])), 3)

    def test_all_are_billed_is_said_with_a_way_to_the_invoices(self):
        run = self._bill(self.now)
        window = self._window()
        window.period_id = self.now
        self.assertEqual(
            self._plain(window.progress_note), "3 of 3 billed, $ 300.00 · Nobody is left to bill."
        )
        action = window.save().action_view_billed()
        self.assertEqual(self.env["account.move"].search(action["domain"]), run.invoice_ids)
        # Cancelled by hand, it is to be billed again.
        run.invoice_ids[0].button_cancel()
        self.assertIn("2 of 3 billed, $ 200.00", self._plain(self._window().progress_note))

    def test_who_joins_late_opens_no_old_period(self):
        for period in (self.before, self.last, self.now):
            self._bill(period)
        dora = self._make_customers("Dora")
        self._serve(dora, 50, tax_ids=[Command.clear()])
        self.assertEqual(self._proposed(), self.now, "and not before he came")
        self.assertIn("3 of 4 billed", self._window().progress_note)
        # Not even when the old period was listed once more with her, and she not ticked.
        self.env["account.move"].search(
            [("billing_period_id", "=", self.last.id), ("partner_id", "=", self.ann.id)]
        ).unlink()
        self._bill(self.last, self.ann)
        self.assertEqual(self._proposed(), self.now)

    def test_who_failed_is_still_to_be_billed(self):
        self._bill(self.before, self.ann)
        self.cleo.property_account_receivable_id = False
        self._bill(self.last)
        self._bill(self.now, self.ann, self.bob)
        self.assertEqual(self._proposed(), self.last)

    def test_who_is_left_out_on_purpose_is_no_more_to_do(self):
        """By hand, by the zero policy, on hold or archived."""
        self._bill(self.last)
        _zero, held, gone = self._make_customers("Zero", "Held", "Gone")
        held.billing_hold = True
        gone.active = False
        run = self._run(self.now, zero_policy="skip_zero")
        run.line_ids.filtered(lambda line: line.partner_id == self.ann).action_leave_out()
        run.create_invoices()
        self.assertEqual(run.invoice_ids.partner_id, self.bob | self.cleo)
        self.assertEqual(self._proposed(), self.next)
        window = self._window()
        window.period_id = self.now
        self.assertIn("2 of 2 billed", window.progress_note)
        held.billing_hold = False
        self.assertEqual(self._proposed(), self.now, "off hold again")

    def test_periods_are_offered_in_time_order_with_how_far_they_are(self):
        for period in (self.before, self.last):
            self._bill(period)
        window = self._window().save()
        domain = [("profile_id", "=", self.profile.id)]
        periods = self.env["ar.billing.period"].with_context(ar_periods_since=window.periods_since)
        found = periods.web_name_search("", {"display_name": {}}, domain, limit=8)
        self.assertEqual(
            [row["id"] for row in found[:4]], (self.before | self.last | self.now | self.next).ids
        )
        self.assertIn("3 of 3 billed, $ 300.00", self._plain(found[0]["__formatted_display_name"]))
        self.assertIn("0 of 3 billed", found[2]["__formatted_display_name"])
        self.assertEqual(found[2]["display_name"], self.now.display_name, "the chosen one is short")
        oldest = self.profile.period_ids.sorted("date_from")[0]
        typed = periods.web_name_search(oldest.display_name, {"display_name": {}}, domain)
        self.assertEqual([row["id"] for row in typed], oldest.ids, "also those before")

    def test_queries_do_not_depend_on_periods_or_customers(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            return self._count_queries(lambda: self.profile.period_ids._get_progress_texts())

        self._bill(self.last)
        few = count()
        many = self._make_customers(*[f"C{number}" for number in range(30)])
        self.profile._make_periods(since=self.today - timedelta(days=900))
        self._bill(self.now)
        self.assertEqual(len(many), 30)
        self.assertLessEqual(count(), few + 1)

    def test_arrears_are_due_at_their_end(self):
        profile = self._make_profile("Arrears", billing_timing="arrears")
        self._make_customers("Zoe", profile=profile)
        profile._make_periods(since=self.today - timedelta(days=100))
        periods = profile.period_ids.sorted("date_from")
        now = periods.filtered(lambda p: p.date_from <= self.today <= p.date_to)
        last = periods[periods.ids.index(now.id) - 1]
        self.assertEqual(self.env["ar.billing.period"]._get_proposed(profile), now)
        first = periods[periods.ids.index(last.id) - 1]
        self._run(first).create_invoices()
        self.assertEqual(self.env["ar.billing.period"]._get_proposed(profile), last)
