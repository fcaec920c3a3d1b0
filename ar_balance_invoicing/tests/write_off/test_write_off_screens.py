"""What the screens of a write-off say is what happens."""

from datetime import timedelta
from decimal import Decimal

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext
from odoo.tools.safe_eval import safe_eval

from ..write_off_common import WriteOffCommon


class WriteOffScreensCommon(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create([{"name": f"Debtor {n}"} for n in range(5)])
        cls.invoices = cls.env["account.move"].union(
            *(
                cls._invoice(customer, 10 + n, days_ago=100)
                for n, customer in enumerate(cls.customers)
            )
        )

    def _draft(self, invoices=None):
        return self._write_off(self.invoices if invoices is None else invoices, process=False)

    def _line(self, document, move):
        return document.line_ids.filtered(lambda line: line.move_id == move)

    def _in_list(self, document, domain=(), chosen=None):
        """The rows as a button of the list is pressed for: those chosen, in what is shown."""
        lines = self.env["ar.write.off.line"] if chosen is None else chosen
        return lines.with_context(
            active_model=lines._name,
            active_domain=[("document_id", "=", document.id), *domain],
            ar_write_off_id=document.id,
        )

    def _window(self, action):
        return self.env[action["res_model"]].browse(action["res_id"])

    def _pop_up(self, action):
        return Form(self.env[action["res_model"]].with_context(**action["context"])).save()


@tagged("post_install", "-at_install")
class TestProcessPopUp(WriteOffScreensCommon):
    """Process Selection: in words and money, before anything is done."""

    def test_unticked_rows_that_are_chosen_are_not_processed(self):
        document = self._draft()
        document.action_untick_all()
        with self.assertRaisesRegex(UserError, "Nothing is ticked"):
            self._in_list(document, chosen=document.line_ids).action_process_selection()
        self.assertEqual(document.state, "draft")
        self.assertEqual(self._account_sum(self.loss), 0)

    def test_ticked_rows_that_the_filter_hides_are_said(self):
        document = self._draft()
        shown = [("partner_id", "in", self.customers[:2].ids)]
        window = self._window(self._in_list(document, shown).action_process_selection())
        self.assertEqual(window.hidden_count, 3)
        self.assertIn("5 ticked, 3 of them not shown", window.hidden_text)
        # An unticked one that is hidden is nothing to be said.
        self._line(document, self.invoices[4]).action_untick()
        window = self._window(self._in_list(document, shown).action_process_selection())
        self.assertIn("4 ticked, 2 of them not shown", window.hidden_text)
        window = self._window(self._in_list(document).action_process_selection())
        self.assertFalse(window.hidden_text)
        window = self._window(document.action_process_selection())
        self.assertFalse(window.hidden_text)
        # Selected rows are no ticks, and the pop-up says so.
        selected = self._in_list(document, chosen=document.line_ids[:1])
        window = self._window(selected.action_process_selection())
        self.assertIn("4 ticked, 3 of them not shown or not selected", window.hidden_text)
        nothing = self._in_list(document, [("id", "=", 0)]).action_process_selection()
        self.assertIn("4 ticked, 4 of them", self._window(nothing).hidden_text)

    def test_it_says_what_is_applied_and_lost_in_each_currency(self):
        self._pay(self.customers[0], 4)
        foreign = self._invoice(self.customers[0], 8, days_ago=-30, currency_id=self.foreign.id)
        document = self._draft(self.invoices[:2] | foreign)
        window = self._window(document.action_process_selection())
        company = document.line_ids.filtered(lambda line: line.move_id == foreign).amount_company
        home, away = self.company.currency_id, self.foreign
        self.assertEqual(
            window.text,
            f"3 invoices of 2 customers: {home.format(4)} credits applied, {home.format(17)} and "
            f"{away.format(8)} ({home.format(17 + company)} in all) lost; 1 not yet due",
        )
        self.assertEqual(document.ticked_text, window.text)
        self.assertEqual(document.ticked_lost, 17 + company)

    def test_it_follows_what_is_changed_in_it(self):
        self._pay(self.customers[0], 4)
        document = self._draft(self.invoices[:1])
        with Form(self._window(document.action_process_selection())) as form:
            self.assertIn("4.00 credits applied, $\xa06.00 lost", form.text)
            form.apply_credits = False
            self.assertEqual(form.text, "1 invoice of 1 customer: $\xa010.00 lost")
            form.apply_credits = True
            self.assertIn("4.00 credits applied, $\xa06.00 lost", form.text)
            self.assertFalse(form.tax_text)
            form.reason_id = self.reclaim
            self.assertIn("tax is asked back", form.tax_text)
            form.reason_id = self.reason
            self.assertFalse(form.tax_text)
        document.apply_credits = False
        with Form(self._window(document.action_process_selection())) as form:
            self.assertEqual(form.text, "1 invoice of 1 customer: $\xa010.00 lost")
            form.apply_credits = True
            self.assertIn("4.00 credits applied, $\xa06.00 lost", form.text)

    def test_what_it_said_is_what_is_booked(self):
        for applied, lost in ((True, 6), (False, 10)):
            with self.subTest(applied=applied), self.env.cr.savepoint() as savepoint:
                self._pay(self.customers[0], 4)
                # Not more than the account owes is lost.
                self._invoice(self.customers[0], 20)
                document = self._draft(self.invoices[:1])
                window = self._window(document.action_process_selection())
                with Form(window) as form:
                    form.apply_credits = applied
                    self.assertIn(f"{lost}.00 lost", form.text)
                window.action_process()
                self.assertEqual(self._account_sum(self.loss), lost)
                self.assertEqual(document.amount_written_off, lost)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_discarded_or_refused_the_document_is_as_it_was(self):
        self.reclaim.note_required = True
        document = self._draft()
        line = self._line(document, self.invoices[2])
        line.amount = 3
        self._line(document, self.invoices[3]).action_untick()
        values = document.read(["reason_id", "note", "date", "apply_credits", "batch_id"])
        lines = document.line_ids.read(["selected", "amount"])
        window = self._window(document.action_process_selection())
        with Form(window) as form:
            form.reason_id = self.reclaim
            form.note = "x"
            form.date = self.today - timedelta(days=5)
            form.apply_credits = False
        with Form(window) as form:
            form.note = " "
        with self.assertRaisesRegex(UserError, "asks for a note"), self.env.cr.savepoint():
            window.action_process()
        self.env.invalidate_all()
        self.assertEqual(
            document.read(["reason_id", "note", "date", "apply_credits", "batch_id"]), values
        )
        self.assertEqual(document.line_ids.read(["selected", "amount"]), lines)

    def test_what_was_ticked_when_it_was_opened_is_processed_or_nothing(self):
        first = self.invoices[0]
        changes = {
            "unticked": lambda lines: self._line(lines, first).action_untick(),
            "another ticked": lambda lines: self._line(lines, self.invoices[4]).action_tick(),
            "lowered": lambda lines: self._line(lines, first).write({"amount": 1}),
            "searched again": lambda lines: lines.document_id.action_search(),
        }
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                document = self._draft()
                self._line(document, self.invoices[4]).action_untick()
                window = self._window(document.action_process_selection())
                change(document if name != "searched again" else document.line_ids)
                with self.assertRaisesRegex(UserError, "Other rows or amounts are ticked"):
                    window.action_process()
                self.assertEqual(document.state, "draft")
                self.assertEqual(self._account_sum(self.loss), 0)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_another_tab_that_still_offers_it_is_told_and_shown(self):
        document = self._draft()
        window = self._window(document.action_process_selection())
        search = self._window(document.action_change_criteria())
        document.action_process()
        in_list = self._in_list(document)
        for action in (
            window.action_process,
            in_list.action_process_selection,
            document.action_process_selection,
            in_list.action_untick,
            search.action_search,
        ):
            answer = action()
            self.assertEqual(answer["tag"], "display_notification")
            self.assertIn("is done", answer["params"]["message"])
            self.assertEqual(answer["params"]["next"]["res_id"], document.id)
        self.assertEqual(self._account_sum(self.loss), sum(range(10, 15)))

    def _failed(self):
        """Three rows written off, two failed as they were paid, and are owed again."""
        document = self._draft()
        paid = [self._pay(invoice.partner_id, 1, invoice) for invoice in self.invoices[:2]]
        document.action_process()
        for payment in paid:
            payment.action_draft()
            payment.action_cancel()
        self.assertEqual((document.state, document.failed_count), ("failed", 2))
        return document

    def test_retry_says_what_it_writes_off_before(self):
        document = self._failed()
        # Credits that have come since are applied first, and those used before are not counted.
        self._pay(self.customers[1], 4)
        window = self._window(document.action_retry_on())
        self.assertEqual(
            window.text, "2 invoices of 2 customers: $\xa04.00 credits applied, $\xa017.00 lost"
        )
        self.assertEqual((document.state, self._account_sum(self.loss)), ("failed", 39))
        window.action_process()
        self.assertEqual((document.state, self._account_sum(self.loss)), ("done", 39 + 17))
        self.assertEqual(document.amount_written_off, 39 + 17)

    def test_retry_says_ticked_rows_only_and_is_refused_for_others(self):
        document = self._failed()
        first = self._line(document, self.invoices[0])
        window = self._window(document.action_retry_on())
        first.selected = False
        with self.assertRaisesRegex(UserError, "Other rows .* choose “Retry” again"):
            window.action_process()
        window = self._window(document.action_retry_on())
        self.assertEqual(window.text, "1 invoice of 1 customer: $\xa011.00 lost")
        other = self._window(document.action_retry_on())
        window.action_process()
        self.assertEqual((document.state, first.state), ("done", "skipped"))
        for action in (other.action_process, document.action_retry_on):
            self.assertIn("is done", action()["params"]["message"])
        self.assertEqual(self._account_sum(self.loss), 39 + 11)

    def test_retry_with_nothing_ticked_writes_nothing_off(self):
        document = self._failed()
        document.line_ids.filtered(lambda line: line.state == "failed").selected = False
        with self.assertRaisesRegex(UserError, "no failed or waiting line"):
            document.action_retry_on()
        self.assertEqual(self._account_sum(self.loss), 39)

    def test_the_chatter_keeps_what_was_decided(self):
        document = self._draft().with_context(tracking_disable=False, mail_notrack=False)
        self._line(document, self.invoices[1]).amount = 5
        self._line(document, self.invoices[2]).action_untick()
        text = document.ticked_text
        # What is made and changed at once is not tracked.
        self.flush_tracking()
        document.action_process()
        self.flush_tracking()
        bodies = html2plaintext(" ".join(document.message_ids.mapped("body")))
        self.assertIn(text, bodies)
        self.assertIn("Not ticked: 1.", bodies)
        self.assertIn(f"{self.invoices[1].name}, $\xa05.00 of $\xa011.00", bodies)
        self.assertEqual(document.message_ids.author_id, self.env.user.partner_id)

    def flush_tracking(self):
        self.env.flush_all()
        self.cr.precommit.run()

    def test_its_cost_does_not_grow_with_the_rows(self):
        costs = []
        for invoices in (self.invoices[:1], self.invoices[:1], self.invoices):
            document = self._draft(invoices)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            document.web_read({"ticked_text": {}, "ticked_lost": {}})
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*costs[1:])


@tagged("post_install", "-at_install")
class TestFoundList(WriteOffScreensCommon):
    """The rows found: what is ticked, what is shown, and what is typed."""

    def test_the_domain_says_what_is_ticked_where_the_client_cuts(self):
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        document = self._draft()
        other = self._draft()
        in_list = self._in_list(document, chosen=document.line_ids[:4])
        in_list.action_untick()
        self.assertFalse(any(document.line_ids.mapped("selected")), "the fifth, too")
        self.assertTrue(all(other.line_ids.mapped("selected")))
        self._in_list(document, chosen=document.line_ids[:2]).action_tick()
        self.assertEqual(document.ticked_count, 2)

    def test_none_chosen_all_that_are_shown(self):
        document = self._draft()
        shown = [("partner_id", "in", self.customers[:2].ids)]
        self._in_list(document, shown).action_untick()
        self.assertEqual(document.ticked_count, 3)
        with self.assertRaisesRegex(UserError, "shows no row"):
            self._in_list(document, [("id", "=", 0)]).action_untick()
        self.assertEqual(document.ticked_count, 3)

    def test_count_and_total_follow_an_amount_and_a_tick(self):
        document = self._draft()
        self._line(document, self.invoices[0]).web_save({"amount": 4}, {"amount": {}})
        self._line(document, self.invoices[1]).web_save({"selected": False}, {"selected": {}})
        self.assertEqual((document.ticked_count, document.ticked_lost), (4, 4 + 12 + 13 + 14))
        self.assertEqual(sum(document.line_ids.mapped("amount_to_lose")), 43)
        self.assertIn("4 invoices of 4 customers: $\xa043.00 lost", document.ticked_text)

    def test_too_high_an_amount_is_refused_when_it_is_typed(self):
        line = self._draft(self.invoices[:1]).line_ids
        for typed, message in (
            (10.01, "cannot be written off of"),
            (-1, "cannot be written off of"),
            (0, "untick it instead"),
        ):
            answer = line.onchange({"amount": typed}, ["amount"], {"amount": {}})
            self.assertIn(message, answer["warning"]["message"])
            self.assertEqual(answer["value"]["amount"], 10)
        answer = line.onchange({"amount": 9.99}, ["amount"], {"amount": {}})
        self.assertNotIn("warning", answer)

    def test_rows_add_up_to_the_document_whatever_is_rounded(self):
        """Foreign debts that are paid in part: each row is rounded, and so is their sum."""
        for customer in self.customers[:3]:
            for amount in (3.33, 7.77):
                self._invoice(customer, amount, days_ago=50, currency_id=self.foreign.id)
            self._pay(customer, 1.01, currency=self.foreign)
        document = self.env["ar.write.off"].find(
            {"partner_ids": self.customers.ids, "aging_choice": "30"}
        )
        self._line(document, self.invoices[0]).action_untick()
        self.assertTrue(document.ticked_applied)
        self.assertAlmostEqual(
            sum(document.line_ids.mapped("amount_to_lose")), document.ticked_lost, 6
        )
        parts = document._get_ticked_parts(True)
        self.assertAlmostEqual(
            float(sum(part["lost_company"] for part in parts)), document.ticked_lost, 6
        )


@tagged("post_install", "-at_install")
class TestOneFigure(WriteOffScreensCommon):
    """Heading, footer, spreadsheet, batch, customer and invoice: one figure."""

    def _assert_written_off(self, document, amount):
        self.env.invalidate_all()
        self.assertEqual(document.amount_written_off, amount)
        self.assertEqual(sum(document.line_ids.mapped("amount_written_off")), amount)
        self.assertEqual(document.batch_id.amount, amount)
        self.assertEqual(sum(self.invoices.mapped("amount_written_off")), amount)
        self.assertEqual(self._get_total(document, "Written Off"), amount)

    def _get_total(self, document, label):
        """What the spreadsheet adds up under a head; its other amounts are not added up."""
        [sheet] = document._get_xlsx_sheets()
        columns = document._get_xlsx_columns(sheet)
        totals = {path: column for path, column in columns.items() if column.total}
        [(path, column)] = totals.items()
        self.assertEqual(column.label, label)
        return sum(sheet["records"].mapped(path))

    def test_rows_that_are_not_ticked_count_nowhere(self):
        document = self._draft()
        self._line(document, self.invoices[0]).action_untick()
        self._line(document, self.invoices[1]).action_untick()
        self.assertEqual(self._get_total(document, "To Be Lost"), 39)
        document.action_process()
        self._assert_written_off(document, 39)
        self._line(document, self.invoices[2]).action_undo()
        self._assert_written_off(document, 27)
        self._line(document, self.invoices[3]).entry_id.button_draft()
        self._assert_written_off(document, 14)
        document.action_undo()
        self._assert_written_off(document, 0)

    def _get_footer(self, domain, name):
        """The sum under the column, as the list asks for it: of all rows of its filter."""
        names = [f"{name}:sum", "company_currency_id:array_agg_distinct"]
        [row] = self.env["ar.write.off.line"].formatted_read_group(domain, [], names)
        self.assertEqual(row[names[1]], self.company.currency_id.ids)
        return row[names[0]]

    def test_the_footer_is_of_all_rows_not_of_the_page(self):
        """90 invoices of 10.01, of which a list shows 80, and a credit; two are not ticked."""
        customers = self.env["res.partner"].create([{"name": f"Many {n}"} for n in range(90)])
        moves = self.env["account.move"].create(
            [self._invoice_vals(customer, 10.01, days_ago=100) for customer in customers]
        )
        moves.action_post()
        self._pay(customers[0], 4)
        document = self._draft(moves)
        (self._line(document, moves[1]) | self._line(document, moves[85])).action_untick()
        domain = [("document_id", "=", document.id)]
        lines = self.env["ar.write.off.line"]
        fields = lines.fields_get(["amount_to_lose", "amount_written_off", "account_balance"])
        self.assertEqual([f.get("aggregator") for f in fields.values()], ["sum", "sum", None])
        self.assertEqual(document.ticked_lost, 876.88)
        self.assertEqual(self._get_footer(domain, "amount_to_lose"), 876.88)
        few = [*domain, ("partner_id", "in", customers[:2].ids)]
        self.assertEqual(self._get_footer(few, "amount_to_lose"), 6.01)
        groups = lines.formatted_read_group(
            domain, ["selected"], ["amount_to_lose:sum", "amount_to_lose:sum_currency"]
        )
        self.assertEqual([g["amount_to_lose:sum"] for g in groups], [0, 876.88])
        self.assertEqual([g["amount_to_lose:sum_currency"] for g in groups], [0, 876.88])
        document.action_process()
        self.assertEqual(document.amount_written_off, 876.88)
        self.assertEqual(self._account_sum(self.loss), Decimal("876.88"))
        self.assertEqual(self._get_footer(domain, "amount_written_off"), 876.88)
        self._line(document, moves[5]).action_undo()
        self.assertEqual(self._get_footer(domain, "amount_written_off"), 866.87)
        self.assertEqual(document.amount_written_off, 866.87)
        states = lines.web_read_group(domain, ["state"], ["amount_written_off:sum"])["groups"]
        self.assertEqual(
            {group["state"]: group["amount_written_off:sum"] for group in states},
            {"done": 866.87, "skipped": 0, "undone": 0},
        )
        self.assertFalse(self._get_footer_of_none())

    def _get_footer_of_none(self):
        lines = self.env["ar.write.off.line"]
        [row] = lines.formatted_read_group([("id", "=", 0)], [], ["amount_to_lose:sum"])
        return row["amount_to_lose:sum"]

    def test_the_cost_of_a_footer_does_not_grow_with_the_rows(self):
        costs = []
        for invoices in (self.invoices[:1], self.invoices[:1], self.invoices):
            document = self._draft(invoices)
            domain = [("document_id", "=", document.id)]
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            for name in ("amount_to_lose", "amount_written_off"):
                self._get_footer(domain, name)
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*costs[1:])

    def test_own_money_is_not_written_off(self):
        self._pay(self.customers[0], 8)
        document = self._draft(self.invoices[:2])
        self.assertEqual(self._get_total(document, "To Be Lost"), 13)
        document.action_process()
        self._assert_written_off(document, 13)
        self.assertEqual(self._account_sum(self.loss), 13)

    def test_a_row_that_is_taken_back_by_hand_says_what_was_lost(self):
        """30 owed, 28 paid by own money, 2 lost; then the entry is reset to draft."""
        invoice = self._invoice(self.customer, 30, days_ago=100)
        self._pay(self.customer, 28)
        line = self._write_off(invoice).line_ids
        self.assertEqual((line.amount_applied, line.amount_lost), (28, 2))
        line.entry_id.button_draft()
        self.env.invalidate_all()
        self.assertEqual((line.state, line.amount_lost), ("taken_back", 2))
        self.assertEqual((line.amount_written_off, invoice.amount_residual), (0, 2))

    def test_credits_that_are_written_off_are_taken_off(self):
        note = self._invoice(self.customers[0], 3, days_ago=100, move_type="out_refund")
        document = self.env["ar.write.off"].create(
            {
                "partner_ids": self.customers.ids,
                "with_credits": True,
                "reason_id": self.reason.id,
                "apply_credits": False,
            }
        )
        document.action_search()
        document.line_ids.write({"selected": False})
        (self._line(document, note) | self._line(document, self.invoices[1])).write(
            {"selected": True}
        )
        self.assertIn("2 documents of 2 customers", document.ticked_text)
        self.assertIn("$\xa011.00 lost, $\xa03.00 of credits gained", document.ticked_text)
        self.assertEqual(self._get_total(document, "To Be Lost"), 8)
        document.action_process()
        self.assertEqual(document.amount_written_off, 8)
        self.assertEqual(sum(document.line_ids.mapped("amount_written_off")), 8)


@tagged("post_install", "-at_install")
class TestUndoPopUp(WriteOffScreensCommon):
    def test_it_says_what_is_undone_and_what_is_not(self):
        document = self._draft()
        self._line(document, self.invoices[0]).action_untick()
        document.action_process()
        window = self._pop_up(self._in_list(document, chosen=document.line_ids).action_undo_on())
        self.assertIn("4 invoices of 4 customers. Owed again: $\xa050.00.", window.text)
        self.assertIn("left as they are: 1 of the chosen rows", window.text)
        window.action_take_back()
        self.assertEqual(document.state, "undone")
        self.assertEqual(sum(self.invoices.mapped("amount_residual")), 60)
        self.assertEqual((document.undone_count, document.amount_undone), (4, 50))

    def test_more_rows_than_the_client_names(self):
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        document = self._draft()
        document.action_process()
        in_list = self._in_list(document, chosen=document.line_ids[:4])
        window = self._pop_up(in_list.action_undo_on())
        self.assertIn("5 invoices of 5 customers.", window.text)
        window.action_take_back()
        self.assertEqual(document.state, "undone")

    def test_what_is_owed_already_is_not_said_to_be_owed_again(self):
        """Two rows unmatched by hand, whose losses are still booked, and three that stand."""
        document = self._draft()
        document.action_process()
        self._line(document, self.invoices[0]).entry_id.line_ids.remove_move_reconcile()
        self._line(document, self.invoices[2]).entry_id.line_ids.remove_move_reconcile()
        owed = sum(self.invoices.mapped("amount_residual"))
        window = self._pop_up(document.action_undo_on())
        self.assertEqual(
            window.text,
            "5 invoices of 5 customers. Owed again: $\xa038.00. Of what is owed already, loss "
            "taken back: $\xa022.00.",
        )
        lines = self._line(document, self.invoices[0])
        rows = self._pop_up(self._in_list(document, chosen=lines).action_undo_on())
        self.assertEqual(
            rows.text,
            "1 invoice of 1 customer. Of what is owed already, loss taken back: $\xa010.00.",
        )
        window.action_take_back()
        self.assertEqual(sum(self.invoices.mapped("amount_residual")) - owed, 38)
        self.assertEqual(self._account_sum(self.loss), 0)

    def test_leave_out_and_move_where_the_client_cuts(self):
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        document = self._draft()
        for invoice in self.invoices:
            self._pay(invoice.partner_id, 1, invoice)
        document.action_process()
        lines = document.line_ids
        self.assertEqual(set(lines.mapped("state")), {"failed"})
        in_list = self._in_list(document, chosen=lines[:4])
        [(_set, _zero, moved)] = in_list.action_move_to_batch()["context"]["default_line_ids"]
        self.assertEqual(moved, lines.ids, "the fifth, too")
        few = self._in_list(document, chosen=lines[:3]).action_move_to_batch()
        self.assertEqual(few["context"]["default_line_ids"][0][2], lines[:3].ids)
        self._in_list(document, chosen=lines[:2]).action_leave_out()
        self.assertEqual(document.failed_count, 3)
        in_list = self._in_list(document, [("state", "=", "failed")], chosen=lines[2:])
        in_list.action_leave_out()
        document.invalidate_recordset()
        self.assertEqual((document.failed_count, document.state), (0, "done"))
        other = self._draft(self.invoices)
        for invoice in self.invoices:
            self._pay(invoice.partner_id, 1, invoice)
        other.action_process()
        self._in_list(other, chosen=other.line_ids[:4]).action_leave_out()
        other.invalidate_recordset()
        self.assertEqual((other.failed_count, other.skipped_count), (0, 5))

    def test_nothing_to_undo_is_refused_and_leaves_the_times(self):
        document = self._draft()
        document.action_process()
        document.action_undo()
        self.assertFalse(document.can_undo)
        before = document.read(["started_at", "ended_at", "queued_at", "state", "user_id"])
        line = document.line_ids
        for action in (
            document.action_undo,
            document.action_undo_on,
            line.action_undo,
            self._in_list(document, chosen=line).action_undo_on,
            line.browse().action_undo,
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                action()
        self.env.invalidate_all()
        self.assertEqual(
            document.read(["started_at", "ended_at", "queued_at", "state", "user_id"]), before
        )


@tagged("post_install", "-at_install")
class TestDraftWriteOffs(WriteOffScreensCommon):
    def test_a_draft_is_called_by_its_criteria(self):
        document = self.env["ar.write.off"].find({"balance_below": 60, "aging_choice": "90"})
        self.assertEqual(
            document.display_name, "Draft · Balance less than $\xa060.00, more than 90 days old"
        )
        self.assertFalse(document.name)
        document.search_again({"balance_below": 50})
        self.assertEqual(document.display_name, "Draft · Balance less than $\xa050.00")

    def test_a_search_without_criteria_leaves_nothing(self):
        sequence = self.env["ir.sequence"].search([("code", "=", "ar.write.off")], limit=1)
        before = sequence.number_next_actual, self.env["ar.write.off"].search_count([])
        window = self.env["ar.write.off.search"].create({})
        with self.assertRaisesRegex(UserError, "at least one criterion"), self.env.cr.savepoint():
            window.action_search()
        self.assertEqual(
            (sequence.number_next_actual, self.env["ar.write.off"].search_count([])), before
        )

    def test_discard_deletes_at_once(self):
        document = self._draft()
        lines = document.line_ids
        action = document.action_discard()
        self.assertEqual((action["res_model"], action["target"]), ("ar.write.off", "main"))
        self.assertFalse(document.exists())
        self.assertFalse(lines.exists())
        done = self._draft()
        done.action_process()
        with self.assertRaisesRegex(UserError, "is no draft any more"):
            done.action_discard()

    def test_drafts_that_nobody_touched_for_a_week_are_gone(self):
        old, ticked, lowered, young, cancelled, done = (
            self._draft(invoice) for invoice in [*self.invoices, self.invoices[0]]
        )
        done.action_process()
        cancelled.action_cancel()
        documents = old | ticked | lowered | young | cancelled | done
        self._age(documents - young)
        ticked.line_ids.action_untick()
        lowered.line_ids.amount = 1
        self._age_documents(ticked | lowered)
        self.env["ar.write.off"]._gc_drafts()
        self.assertEqual(documents.exists(), documents - old)

    def _age(self, documents):
        self._age_documents(documents)
        self.cr.execute(
            "UPDATE ar_write_off_line SET write_date = %s WHERE document_id IN %s",
            (fields.Datetime.now() - timedelta(days=7, minutes=1), tuple(documents.ids)),
        )
        self.env.invalidate_all()

    def _age_documents(self, documents):
        self.env.flush_all()
        self.cr.execute(
            "UPDATE ar_write_off SET write_date = %s WHERE id IN %s",
            (fields.Datetime.now() - timedelta(days=7, minutes=1), tuple(documents.ids)),
        )
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestBatchOnScreens(WriteOffScreensCommon):
    def test_manual_without_a_batch_it_is_said_and_one_is_made(self):
        self.company.ar_write_off_batch_mode = "manual"
        window = self.env["ar.write.off.search"].create({"balance_below": 12})
        self.assertTrue(window.needs_batch)
        self.assertIn("None yet", window.batch_text)
        again = window.action_make_batch()
        self.assertEqual((again["res_id"], again["target"]), (window.id, "new"))
        batch = window.batch_id
        self.assertEqual((batch.user_ids, batch.state), (self.env.user, "open"))
        self.assertTrue(batch.is_default)
        self.assertFalse(window.needs_batch)
        with self.assertRaisesRegex(UserError, "is recorded in the batch"):
            window.action_make_batch()
        document = self.env["ar.write.off"].browse(window.action_search()["context"]["active_id"])
        pop_up = self._window(document.action_process_selection())
        self.assertEqual((pop_up.batch_id, pop_up.batch_text), (batch, batch.display_name))
        pop_up.action_process()
        self.assertEqual((document.batch_id, batch.line_count), (batch, 2))

    def test_one_is_made_on_the_document_and_in_the_pop_up(self):
        self.company.ar_write_off_batch_mode = "manual"
        document = self._draft()
        self.assertTrue(document.needs_batch)
        window = self._window(document.action_process_selection())
        window.action_make_batch()
        self.assertTrue(window.batch_id)
        self.assertFalse(document.batch_id, "before Process, nothing of it is changed")
        self.env.user.with_company(self.company).ar_default_write_off_batch_id = False
        document.action_make_batch()
        self.assertNotEqual(document.batch_id, window.batch_id)
        self.assertFalse(document.needs_batch)

    def test_automatic_it_is_named_before_and_after(self):
        self.company.ar_write_off_batch_mode = "automatic"
        document = self._draft()
        self.assertFalse(document.needs_batch)
        named = document.batch_text
        self.assertIn("Auto Batch", named)
        document.action_process()
        self.assertEqual(document.batch_id.name, named)
        self.assertEqual(document.batch_text, named)


@tagged("post_install", "-at_install")
class TestAddresses(WriteOffScreensCommon):
    def test_every_list_is_found_again_by_its_address(self):
        draft, document = self._draft(self.invoices[3:]), self._draft(self.invoices[:3])
        self._line(document, self.invoices[0]).action_untick()
        document.action_process()
        line = self._line(document, self.invoices[1])
        line.action_undo()
        booked = self._line(document, self.invoices[1]) | self._line(document, self.invoices[2])
        for action, found in (
            (draft.action_view_lines(), draft.line_ids),
            (document.action_view_lines(), document.line_ids),
            (document.action_view_entries(), booked.entry_id | booked.reversal_id),
            (self.invoices[1].action_view_write_offs(), line),
            (self.customers[1].action_view_write_offs(), line),
            (document.batch_id.action_view_lines(), booked),
            (document.batch_id.action_view_documents(), document),
        ):
            self.assertEqual(self._listed(action), found, action["display_name"])
            stored = self.env["ir.actions.act_window"].browse(action["id"])
            self.assertTrue(stored.path, action["display_name"])
            # Its buttons and filters are those of the address, too.
            kept = safe_eval(stored.context, {"active_id": action["context"]["active_id"]})
            self.assertEqual({**action["context"], **kept}, action["context"])
            self.assertEqual(action["context"].keys() - kept.keys(), {"active_id"})
