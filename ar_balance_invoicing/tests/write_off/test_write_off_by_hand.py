"""What people and scripts do to write-off entries and their invoices: the ledger decides."""

from datetime import timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import RedirectWarning, UserError
from odoo.tests import Form, tagged

from ..write_off_common import WriteOffBatchCommon


class ByHandCommon(WriteOffBatchCommon):
    # --- the books, by SQL --------------------------------------------------

    def _assert_books(self, account, loss, customer=None):
        """What the customer's account owes, and what is lost, by journal items only."""
        customer = customer or self.customer
        balance = self._ledger_balances()[customer.id, self.company.id]
        self.assertEqual(
            (balance, self._account_sum(self.loss)), (Decimal(str(account)), Decimal(str(loss)))
        )
        self._assert_balanced()

    def _assert_taken_back(self, line, words):
        self.env.invalidate_all()
        self.assertEqual(line.state, "taken_back")
        self.assertRegex(line.reason, words)
        self.assertEqual((line.move_id.amount_written_off, line.document_id.done_count), (0, 0))
        self.assertEqual(line.document_id.taken_back_count, 1)
        self.assertEqual(self.customer.amount_written_off, 0)
        self.assertEqual((line.batch_id.line_count, line.batch_id.amount), (0, 0))

    # --- by hand ------------------------------------------------------------

    def _written_off(self, amount=100, reason=None, **values):
        invoice = self._invoice(self.customer, amount, **values)
        return self._write_off(invoice, reason=reason).line_ids

    def _reverse(self, entry, **values):
        """Core's pop-up Reverse Entry."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=entry.ids)
            .create({"journal_id": entry.journal_id.id, **values})
        )
        wizard.refund_moves()
        return wizard.new_move_ids

    def _receivable(self, moves):
        return moves.line_ids.filtered(lambda item: item.account_type == "asset_receivable")

    def _undo_everywhere(self, line):
        """Press each Undo there is; nothing may be booked by that."""
        before = self.env["account.move"].search_count([])
        line.action_undo()
        line.document_id.action_undo()
        self.assertEqual(self.env["account.move"].search_count([]), before)

    def _warning(self, call):
        """The sentence and the context of what is refused with a way to go on."""
        with self.assertRaises(RedirectWarning) as caught, self.env.cr.savepoint():
            call()
        message, action, button, context = caught.exception.args
        self.assertEqual(button, "Undo the write-off and go on")
        return message, self.env["ir.actions.act_window"].browse(action), context

    def _undo_and_go_on(self, call, user=None):
        _message, action, context = self._warning(call)
        window = self.env[action.res_model].with_context(**context)
        if user:
            window = self._as(user, window)
        return Form(window).save().action_take_back()


@tagged("post_install", "-at_install")
class TestWriteOffEntriesByHand(ByHandCommon):
    """Entries that were reversed, reset, cancelled, deleted, unmatched or matched elsewhere."""

    # --- before undo --------------------------------------------------------

    def test_reversed_by_hand_is_not_undone_once_more(self):
        for closed in (False, True):
            with self.subTest(closed=closed), self.env.cr.savepoint() as savepoint:
                line = self._written_off()
                if closed:
                    self.company.fiscalyear_lock_date = self.today
                later = self.today + timedelta(days=1) if closed else self.today
                if closed:
                    # Core posts what is dated later when the day has come.
                    reversal = line.entry_id._reverse_moves([{"date": later}], cancel=True)
                else:
                    reversal = self._reverse(line.entry_id)
                self._assert_taken_back(line, f"reversed by {reversal.name}")
                self._undo_everywhere(line)
                self._assert_books(100, 0)
                self.assertEqual(line.document_id.state, "undone")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_reset_to_draft_it_settles_nothing(self):
        for cancelled in (False, True):
            with self.subTest(cancelled=cancelled):
                line = self._written_off()
                entry = line.entry_id
                if cancelled:
                    entry.button_cancel()
                else:
                    entry.button_draft()
                self.assertFalse(self._receivable(entry | line.move_id).matched_debit_ids)
                self._assert_taken_back(line, "was cancelled" if cancelled else "reset to draft")
                self.assertEqual(line.move_id.amount_residual, 100)
                self._undo_everywhere(line)
                self._assert_books(100, 0)
                if cancelled:
                    entry.button_draft()
                entry.action_post()
                # Not matched again; the loss is in the books, and can be undone.
                self.assertEqual((line.move_id.amount_residual, line.state), (100, "taken_back"))
                self._assert_books(0, 100)
                line.action_undo()
                self.assertEqual((line.state, line.document_id.state), ("undone", "undone"))
                self._assert_books(100, 0)
                self._pay(self.customer, 100, line.move_id)

    def test_unmatched_it_is_undone_once(self):
        line = self._written_off()
        self._receivable(line.move_id).remove_move_reconcile()
        self._assert_taken_back(line, "not matched with .* Its loss is still booked")
        self._assert_books(0, 100)
        line.document_id.action_undo()
        self.assertEqual((line.state, line.document_id.state), ("undone", "undone"))
        self._assert_books(100, 0)

    def test_matched_again_it_is_written_off_again(self):
        line = self._written_off()
        items = self._receivable(line.move_id | line.entry_id)
        items.remove_move_reconcile()
        items.reconcile()
        self.assertEqual((line.state, line.reason), ("done", False))
        self.assertEqual(line.move_id.amount_written_off, 100)
        line.action_undo()
        self._assert_books(100, 0)

    def test_matched_elsewhere_is_said_and_not_booked(self):
        line = self._written_off()
        other = self._invoice(self.customer, 100)
        self._receivable(line.entry_id).remove_move_reconcile()
        self._receivable(line.entry_id | other).reconcile()
        self.env.invalidate_all()
        self.assertEqual(line.state, "taken_back")
        self.assertEqual((line.move_id.amount_written_off, other.amount_written_off), (0, 100))
        line.document_id.action_undo()
        self.assertEqual(line.state, "taken_back")
        self.assertIn(f"matched by hand with {other.name}", line.reason)
        self._assert_books(100, 100)
        self._receivable(line.entry_id).remove_move_reconcile()
        line.document_id.action_undo()
        self._assert_books(200, 0)

    def test_a_reversal_by_hand_that_waits_is_not_doubled(self):
        line = self._written_off()
        draft = line.entry_id._reverse_moves([{"date": self.today}])
        self.assertEqual(line.state, "done")
        line.action_undo()
        self.assertEqual(line.state, "done")
        self.assertIn("is not posted: delete that first", line.reason)
        self._assert_books(0, 100)
        draft.unlink()
        line.action_undo()
        self._assert_books(100, 0)

    def test_a_reversal_by_a_script_that_is_posted_later(self):
        """Core would leave both matchings as they are: the invoice settled by what is not."""
        line = self._written_off()
        draft = line.entry_id._reverse_moves([{"date": self.today}])
        draft.action_post()
        self._assert_taken_back(line, f"reversed by {draft.name}")
        self.assertEqual(line.move_id.amount_residual, 100)
        self.assertTrue(all(self._receivable(line.entry_id | draft).mapped("reconciled")))
        self._undo_everywhere(line)
        self._assert_books(100, 0)

    def test_deleted_by_hand_the_number_stays(self):
        line = self._written_off()
        entry, number = line.entry_id, line.entry_id.name
        with self.assertRaisesRegex(UserError, "posted"), self.env.cr.savepoint():
            entry.unlink()
        entry.button_draft()
        entry.unlink()
        self._assert_taken_back(line, f"{number} was deleted")
        self.assertEqual((line.entry_id.id, line.entry_name), (False, number))
        self._undo_everywhere(line)
        self._assert_books(100, 0)
        with self.assertRaisesRegex(UserError, "stays as their record"):
            line.document_id.unlink()

    def test_an_entry_is_not_deleted_while_its_row_stands(self):
        line = self._written_off()
        with (
            self.assertRaisesRegex(UserError, f"belongs to the write-off {line.document_id.name}"),
            self.env.cr.savepoint(),
        ):
            line.entry_id.with_context(force_delete=True).unlink()
        line.action_undo()
        for entry in (line.entry_id, line.reversal_id):
            with self.assertRaisesRegex(UserError, "undo that"), self.env.cr.savepoint():
                entry.with_context(force_delete=True).unlink()
        self._assert_books(100, 0)

    def test_an_invoice_of_a_write_off_is_not_deleted(self):
        line = self._written_off()
        line.action_undo()
        line.move_id.button_draft()
        with self.assertRaisesRegex(UserError, "cancel it instead"), self.env.cr.savepoint():
            line.move_id.unlink()
        line.move_id.button_cancel()
        self._assert_books(0, 0)

    # --- after undo ---------------------------------------------------------

    def test_what_is_undone_is_not_taken_back_twice(self):
        line = self._written_off()
        line.action_undo()
        for call, words in (
            (line.entry_id.button_draft, "reset, cancel or post both together"),
            (line.entry_id.button_cancel, "reset, cancel or post both together"),
            (lambda: self._reverse(line.entry_id), "taken back already, by"),
        ):
            with self.assertRaisesRegex(UserError, words), self.env.cr.savepoint():
                call()
            self.env.invalidate_all()
            self._assert_books(100, 0)
        self.assertEqual(line.state, "undone")
        # Both halves together are another matter.
        (line.entry_id | line.reversal_id).button_draft()
        self.env.invalidate_all()
        self.assertEqual(line.state, "taken_back")
        self._assert_books(100, 0)
        self._undo_everywhere(line)
        self._assert_books(100, 0)

    def test_an_undoing_that_was_taken_back_can_be_undone(self):
        for how in ("draft", "cancel", "reverse"):
            with self.subTest(how=how):
                line = self._written_off()
                document = line.document_id
                document.action_undo()
                reversal = line.reversal_id
                if how == "reverse":
                    self._reverse(reversal)
                elif how == "cancel":
                    reversal.button_cancel()
                else:
                    reversal.button_draft()
                self.assertEqual(line.state, "taken_back")
                self._assert_books(0, 100)
                if how == "draft":
                    document.action_undo()
                    self.assertIn("is not posted: delete that first", line.reason)
                    self._assert_books(0, 100)
                    reversal.unlink()
                self.assertTrue(document.can_undo)
                document.action_undo()
                self.assertEqual((line.state, document.state), ("undone", "undone"))
                self._assert_books(100, 0)
                self._pay(self.customer, 100, line.move_id)

    def test_an_undoing_that_is_posted_again_is_one(self):
        line = self._written_off()
        line.action_undo()
        line.reversal_id.button_draft()
        self.assertEqual(line.state, "taken_back")
        line.reversal_id.action_post()
        self.assertEqual(line.state, "undone")
        self._assert_books(100, 0)

    # --- several, and other people ------------------------------------------

    def test_what_is_left_of_a_document_is_undone(self):
        invoices = self.env["account.move"].union(
            *(self._invoice(self.customer, amount) for amount in (10, 20, 40))
        )
        document = self._write_off(invoices)
        first, second, _third = document.line_ids
        self._reverse(first.entry_id)
        second.entry_id.button_draft()
        self.assertEqual((document.done_count, document.taken_back_count), (1, 2))
        self._assert_books(30, 40)
        answer = document.action_undo()
        self.assertIn("2 left as they are", answer["params"]["message"])
        self.assertEqual(document.line_ids.mapped("state"), ["taken_back", "taken_back", "undone"])
        self.assertEqual(document.state, "undone")
        self._assert_books(70, 0)

    def test_whoever_may_not_write_off_does_it_by_hand(self):
        """Rows follow whoever unmatches or resets, whatever he may do with write-offs."""
        bookkeeper = self._make_user("hand.bookkeeper", "account.group_account_user")
        line = self._written_off()
        items = self._as(bookkeeper, self._receivable(line.move_id | line.entry_id))
        items.remove_move_reconcile()
        self.assertEqual(line.state, "taken_back")
        items.reconcile()
        self.assertEqual(line.state, "done")
        self._as(bookkeeper, line.entry_id).button_draft()
        self.env.invalidate_all()
        self._assert_taken_back(line, "reset to draft")

    def test_in_a_hashed_journal(self):
        line = self._written_off()
        line.entry_id.journal_id.restrict_mode_hash_table = True
        line.entry_id.button_hash()
        with self.assertRaises(UserError):
            line.entry_id.button_draft()
        self._reverse(line.entry_id)
        self._assert_taken_back(line, "reversed by")
        self._undo_everywhere(line)
        self._assert_books(100, 0)

    def test_in_a_closed_period(self):
        invoice = self._invoice(self.customer, 100, days_ago=90)
        document = self._write_off(invoice, process=False)
        document.date = self.today - timedelta(days=60)
        document.action_process()
        line = document.line_ids
        self.company.fiscalyear_lock_date = self.today - timedelta(days=30)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            line.entry_id.button_draft()
        self.env.invalidate_all()
        self.assertEqual(line.state, "done")
        self._receivable(line.entry_id).remove_move_reconcile()
        self.assertEqual(line.state, "taken_back")
        document.action_undo()
        self.assertEqual(line.reversal_id.date, self.today - timedelta(days=29))
        self._assert_books(100, 0)

    def test_posting_and_matching_of_others_costs_what_it_did(self):
        """One question for a posting, a matching or an unmatching, however many there are."""
        asked = []
        lines = type(self.env["ar.write.off.line"])
        search = lines.search

        def count(records, *args, **kwargs):
            asked.append(records)
            return search(records, *args, **kwargs)

        self.patch(lines, "search", count)
        invoices = self.env["account.move"].create(
            [self._invoice_vals(self.customer, 10) for _number in range(6)]
        )
        invoices._post(soft=False)
        self.assertFalse(asked, "posting asks nothing")
        self._pay(self.customer, 60, invoices)
        self._receivable(invoices).remove_move_reconcile()
        self.assertLessEqual(len(asked), 4)


@tagged("post_install", "-at_install")
class TestWriteOffInvoicesByHand(ByHandCommon):
    """Invoices with a live write-off that are credited, reset or cancelled."""

    # --- on screens ---------------------------------------------------------

    def test_undo_the_write_off_and_go_on_to_draft(self):
        line = self._written_off()
        message, _action, _context = self._warning(line.move_id.button_draft)
        self.assertIn(line.document_id.name, message)
        self.assertIn("100.00 of", message)
        self._undo_and_go_on(line.move_id.button_draft)
        self.assertEqual((line.move_id.state, line.state), ("draft", "undone"))
        self._assert_books(0, 0)

    def test_undo_the_write_off_and_go_on_to_cancel(self):
        line = self._written_off()
        self._undo_and_go_on(line.move_id.button_cancel)
        self.assertEqual((line.move_id.state, line.state), ("cancel", "undone"))
        self._assert_books(0, 0)

    def test_undo_the_write_off_and_go_on_to_the_credit_note(self):
        """115 with 15 tax, reclaimed: tax and account end at zero, the tax once."""
        for modify in (False, True):
            with self.subTest(modify=modify):
                invoice = self._invoice(self.customer, 100, taxes=self.tax_sale_a)
                line = self._write_off(invoice, reason=self.reclaim).line_ids
                tax_account = invoice.line_ids.filtered("tax_line_id").account_id
                wizard = (
                    self.env["account.move.reversal"]
                    .with_context(active_model="account.move", active_ids=invoice.ids)
                    .create({"journal_id": invoice.journal_id.id, "reason": "Wrong"})
                )
                action = self._undo_and_go_on(
                    wizard.modify_moves if modify else wizard.refund_moves
                )
                self.assertEqual(line.state, "undone")
                self.assertEqual(action["res_model"], "account.move")
                note = invoice.reversal_move_ids
                if not modify:
                    note.action_post()
                self._assert_books(0, 0)
                self.assertEqual(self._account_sum(tax_account), 0)
                self.assertEqual((invoice.amount_residual, note.amount_residual), (0, 0))

    def test_who_may_not_is_told_who_may(self):
        line = self._as(self.clerk, self._written_off())
        invoicing = self._make_user("hand.invoicing", "account.group_account_invoice")
        theirs = self._as(invoicing, line.move_id)
        for call in (theirs.button_draft, theirs.button_cancel):
            with self.assertRaisesRegex(UserError, f"Ask {line.document_id.user_id.name} to undo"):
                call()
        self._assert_books(0, 100)
        window = self._as(invoicing, self.env["ar.write.off.take.back"])
        with self.assertRaises(UserError):
            window.create({"line_ids": [Command.set(line.ids)]}).action_take_back()

    def test_the_clerk_goes_on_with_his_own_rights(self):
        line = self._written_off()
        theirs = self._as(self.clerk, line.move_id)
        self._undo_and_go_on(theirs.button_draft, self.clerk)
        self.assertEqual((line.move_id.state, line.state), ("draft", "undone"))
        self._assert_books(0, 0)

    def test_buttons_are_untouched_without_a_live_write_off(self):
        line = self._written_off()
        line.action_undo()
        found = self._invoice(self.customer, 7)
        self._write_off(found, process=False)
        (line.move_id | found).button_draft()
        (line.move_id | found).button_cancel()
        self._assert_books(0, 0)

    def test_what_was_unmatched_but_is_still_lost_is_live(self):
        line = self._written_off()
        self._receivable(line.move_id).remove_move_reconcile()
        self._undo_and_go_on(line.move_id.button_cancel)
        self._assert_books(0, 0)

    def test_nothing_is_done_when_it_cannot_be_undone(self):
        line = self._written_off()
        draft = line.entry_id._reverse_moves([{"date": self.today}])
        with self.assertRaisesRegex(UserError, draft.display_name), self.env.cr.savepoint():
            self._undo_and_go_on(line.move_id.button_draft)
        self.env.invalidate_all()
        self.assertEqual((line.move_id.state, line.state), ("posted", "done"))
        self._assert_books(0, 100)

    # --- by scripts ---------------------------------------------------------

    def _credit(self, invoice, amount, post=True, **values):
        note = self._invoice(
            self.customer,
            amount,
            post=False,
            move_type="out_refund",
            reversed_entry_id=invoice.id,
            **values,
        )
        if post:
            note.action_post()
        return note

    def test_a_credit_note_by_a_script_undoes_what_it_covers(self):
        """1,000, of which 998 are paid and 2 lost; then 300 are credited."""
        invoice = self._invoice(self.customer, 1000)
        self._pay(self.customer, 998, invoice)
        line = self._write_off(invoice).line_ids
        self._assert_books(0, 2)
        note = self._credit(invoice, 300)
        self.assertEqual((note.state, line.state, invoice.amount_residual), ("posted", "undone", 0))
        self.assertEqual(line.document_id.state, "undone")
        self._assert_books(-298, 0)

    def test_a_part_is_credited_and_the_rest_stays_lost(self):
        invoice = self._invoice(self.customer, 1000)
        self._pay(self.customer, 500, invoice)
        line = self._write_off(invoice).line_ids
        note = self._credit(invoice, 300)
        document = line.document_id
        self.assertEqual((invoice.amount_residual, note.amount_residual), (0, 0))
        self.assertEqual(document.line_ids.mapped("state"), ["undone", "done"])
        self.assertEqual((document.state, invoice.amount_written_off), ("done", 200))
        self._assert_books(0, 200)
        document.action_undo()
        self._assert_books(200, 0)

    def test_what_is_still_open_is_credited_first(self):
        invoice = self._invoice(self.customer, 1000)
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 400
        document.action_process()
        self._credit(invoice, 600)
        self.assertEqual(document.line_ids.state, "done")
        self._assert_books(0, 400)
        self._credit(invoice, 100)
        self._assert_books(0, 300)

    def test_several_parts_are_undone_from_the_newest_on(self):
        invoice = self._invoice(self.customer, 100)
        parts = self.env["ar.write.off.line"]
        for amount in (30, 30, 40):
            document = self._write_off(invoice, process=False)
            document.line_ids.amount = amount
            document.action_process()
            parts |= document.line_ids
        self._credit(invoice, 50)
        self.assertEqual(parts.mapped("state"), ["done", "undone", "undone"])
        self._assert_books(0, 50)

    def test_reversing_by_a_script(self):
        for cancel in (False, True):
            with self.subTest(cancel=cancel):
                line = self._written_off(taxes=self.tax_sale_a, reason=self.reclaim)
                note = line.move_id._reverse_moves([{"date": self.today}], cancel=cancel)
                if not cancel:
                    note.action_post()
                self.assertEqual(line.state, "undone")
                self._assert_books(0, 0)
                tax_account = line.move_id.line_ids.filtered("tax_line_id").account_id
                self.assertEqual(self._account_sum(tax_account), 0)

    def test_who_posts_need_not_be_allowed_to_write_off(self):
        line = self._written_off()
        note = self._credit(line.move_id, 100, post=False)
        invoicing = self._make_user("hand.poster", "account.group_account_invoice")
        self._as(invoicing, note).action_post()
        self.assertEqual(line.state, "undone")
        self._assert_books(0, 0)

    def test_in_foreign_currency(self):
        line = self._written_off(currency_id=self.foreign.id)
        self._credit(line.move_id, 40, currency_id=self.foreign.id)
        self.assertEqual(line.move_id.amount_residual, 0)
        self.assertEqual(line.move_id.amount_written_off, 60)
        self._assert_books(0, float(self._account_sum(self.loss)))
        self.assertEqual(
            self._account_sum(self.loss), Decimal(str(line.move_id.amount_total_signed)) * 6 / 10
        )

    def test_where_it_cannot_be_undone_posting_goes_on_and_somebody_is_told(self):
        line = self._written_off()
        draft = line.entry_id._reverse_moves([{"date": self.today}])
        note = self._credit(line.move_id, 100)
        self.assertEqual((note.state, line.state), ("posted", "done"))
        activity = line.document_id.activity_ids
        self.assertEqual(activity.user_id, line.document_id.user_id)
        self.assertIn(line.move_id.name, activity.summary)
        self.assertIn(draft.display_name, activity.note)
        self._assert_books(-100, 100)

    def test_in_a_closed_period_it_is_undone_on_the_first_open_day(self):
        invoice = self._invoice(self.customer, 100, days_ago=90)
        document = self._write_off(invoice, process=False)
        document.date = self.today - timedelta(days=60)
        document.action_process()
        self.company.fiscalyear_lock_date = self.today - timedelta(days=30)
        self._credit(invoice, 70)
        open_day = self.today - timedelta(days=29)
        first, rest = document.line_ids
        self.assertEqual((first.reversal_id.date, rest.entry_id.date), (open_day, open_day))
        self._assert_books(0, 30)

    def test_a_credit_note_in_another_currency_somebody_is_told(self):
        """Core does not match it, and nobody knows at which rate it was meant."""
        line = self._written_off()
        note = self._credit(line.move_id, 100, currency_id=self.foreign.id)
        self.assertEqual((note.state, line.state), ("posted", "done"))
        self.assertEqual(line.move_id.amount_written_off, 100)
        self.assertIn("is in another currency", line.document_id.activity_ids.note)

    def test_reversing_what_two_customers_owe_in_one_entry(self):
        brother = self.env["res.partner"].create({"name": "Old Debtor's Brother"})
        receivable = self.company_data["default_account_receivable"]
        sums = [(receivable, self.customer, 50), (receivable, brother, 50), (self.gain, None, -100)]
        opening = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": partner and partner.id,
                            "balance": balance,
                        }
                    )
                    for account, partner, balance in sums
                ],
            }
        )
        opening.action_post()
        line = self._write_off(process=True, partner_ids=self.customer.ids).line_ids
        self._assert_books(0, 50)
        opening._reverse_moves([{"date": self.today}]).action_post()
        self.assertEqual(line.state, "undone")
        self._assert_books(0, 0)
        self._assert_books(0, 0, brother)

    def test_a_credit_that_was_written_off_and_is_taken_back(self):
        note = self._invoice(self.customer, 3, move_type="out_refund")
        document = self._write_off(
            partner_ids=[Command.set(self.customer.ids)], with_credits=True, balance_below=5
        )
        self.assertEqual(self._account_sum(self.gain), -3)
        note._reverse_moves([{"date": self.today}]).action_post()
        self.assertEqual(document.line_ids.state, "undone")
        self._assert_books(0, 0)
        self.assertEqual(self._account_sum(self.gain), 0)

    def test_a_payment_that_was_written_off_is_reset(self):
        payment = self._pay(self.customer, 3)
        document = self._write_off(
            partner_ids=[Command.set(self.customer.ids)], with_credits=True, balance_below=5
        )
        for asked, state in (("action_draft", "draft"), ("action_cancel", "canceled")):
            if state == "canceled":
                payment.action_post()
                again = self._write_off(
                    partner_ids=[Command.set(self.customer.ids)], with_credits=True
                )
                self.assertEqual(again.line_ids.state, "done")
            self._undo_and_go_on(getattr(payment, asked))
            self.assertEqual((payment.state, document.line_ids.state), (state, "undone"))
            self._assert_books(0, 0)
            self.assertEqual(self._account_sum(self.gain), 0)

    def test_many_are_undone_at_once(self):
        costs = []
        for count in (2, 2, 10):
            invoices = self.env["account.move"].union(
                *(self._invoice(self.customer, 10) for _number in range(count))
            )
            self._write_off(invoices)
            notes = self.env["account.move"].union(
                *(self._credit(invoice, 10, post=False) for invoice in invoices)
            )
            before = self.env["account.move"].search([], order="id desc", limit=1).id
            self.env.flush_all()
            self.env.invalidate_all()
            queries = self.env.cr.sql_log_count
            notes._post(soft=False)
            self.env.flush_all()
            costs.append((self.env.cr.sql_log_count - queries) / count)
            made = self.env["account.move"].search([("id", ">", before)])
            self.assertEqual(len(made.reversed_entry_id), count)
        self.assertLess(costs[2], costs[1] * 0.6, costs)
        self._assert_books(0, 0)


@tagged("post_install", "-at_install")
class TestWriteOffDates(ByHandCommon):
    """Neither before the invoice nor in the future; undone when somebody says."""

    def test_not_in_the_future(self):
        document = self._write_off(self._invoice(self.customer, 5), process=False)
        for days in (1, 365):
            document.date = self.today + timedelta(days=days)
            with self.assertRaisesRegex(UserError, "lies in the future"):
                document.action_process()
        self._assert_books(5, 0)
        document.date = self.today
        document.action_process()
        self._assert_books(0, 5)

    def test_not_before_its_invoice(self):
        old = self._invoice(self.customer, 5, days_ago=60)
        young = self._invoice(self.customer, 7, days_ago=20)
        document = self._write_off(old | young, process=False)
        document.date = self.today - timedelta(days=21)
        document.action_process()
        failed = document.line_ids.filtered(lambda line: line.state == "failed")
        self.assertEqual((failed.move_id, document.state), (young, "failed"))
        self.assertIn("is not written off before", failed.reason)
        self._assert_books(7, 5)
        document.date = self.today - timedelta(days=20)
        document.action_retry()
        self._assert_books(0, 12)

    def test_undone_on_the_date_that_somebody_chooses(self):
        invoice = self._invoice(self.customer, 5, days_ago=90)
        document = self._write_off(invoice, process=False)
        document.date = self.today - timedelta(days=60)
        document.action_process()
        for given in (self.today + timedelta(days=1), "2999-01-01"):
            with self.assertRaisesRegex(UserError, "lies in the future"):
                document.action_undo(given)
        for given in ("soon", 5, [], "2026-02-30", True):
            with self.assertRaisesRegex(UserError, "is given as"):
                document.line_ids.action_undo(given)
        document.action_undo(self.today - timedelta(days=61))
        self.assertEqual(document.line_ids.state, "done")
        self.assertIn("it is not undone before", document.line_ids.reason)
        self.company.fiscalyear_lock_date = self.today - timedelta(days=30)
        document.action_undo(str(self.today - timedelta(days=31)))
        self.assertIn("closed period", document.line_ids.reason)
        self._assert_books(0, 5)
        document.action_undo(str(self.today - timedelta(days=7)))
        self.assertEqual(document.line_ids.reversal_id.date, self.today - timedelta(days=7))
        self._assert_books(5, 0)

    def test_the_pop_up_undoes_a_document_or_rows_on_a_date(self):
        date = self.today - timedelta(days=3)
        for of_rows in (False, True):
            invoices = self._invoice(self.customer, 5, days_ago=9) | self._invoice(
                self.customer, 6, days_ago=9
            )
            document = self._write_off(invoices, process=False)
            document.date = self.today - timedelta(days=5)
            document.action_process()
            action = (document.line_ids if of_rows else document).action_undo_on()
            window = Form(self.env[action["res_model"]].with_context(**action["context"]))
            self.assertEqual((window.line_count, window.amount), (2, 11))
            window.date = date
            window.save().action_take_back()
            self.assertEqual(document.state, "undone")
            self.assertEqual(set(document.line_ids.reversal_id.mapped("date")), {date})
            self._pay(self.customer, 11, invoices)
        self._assert_books(0, 0)

    def test_a_date_chosen_once_is_not_kept(self):
        line = self._written_off(days_ago=20)
        line.action_undo(self.today - timedelta(days=40))
        self.assertEqual((line.state, bool(line.undo_date)), ("done", True))
        line.action_undo()
        self.assertEqual(line.reversal_id.date, line.entry_id.date)


@tagged("post_install", "-at_install")
class TestWriteOffStorno(ByHandCommon):
    def test_undoing_is_red(self):
        """Negative on the same side, so that no account's turnover is doubled."""
        self.company.account_storno = True
        invoice = self._invoice(self.customer, 100, taxes=self.tax_sale_a)
        line = self._write_off(invoice, reason=self.reclaim).line_ids
        line.action_undo()
        self.assertEqual(set(line.reversal_id.line_ids.mapped("is_storno")), {True})
        for account in line.entry_id.line_ids.account_id:
            [(debit, credit)] = self._ledger(
                """
                SELECT SUM(debit)::text, SUM(credit)::text FROM account_move_line
                 WHERE move_id IN %s AND account_id = %s
                """,
                (line.entry_id.id, line.reversal_id.id),
                account.id,
            )
            self.assertEqual((Decimal(debit), Decimal(credit)), (0, 0), account.code)
        self._assert_books(115, 0)
        other = self._invoice(self.customer, 100, taxes=self.tax_sale_a)
        entry = self._write_off(other, reason=self.reclaim).line_ids.entry_id
        by_core = entry._reverse_moves([{"date": self.today}], cancel=True)
        self.assertEqual(
            sorted(by_core.line_ids.mapped(lambda item: (item.debit, item.credit))),
            sorted(line.reversal_id.line_ids.mapped(lambda item: (item.debit, item.credit))),
        )
        self._assert_books(230, 0)

    def test_elsewhere_it_is_on_the_other_side(self):
        line = self._written_off()
        line.action_undo()
        self.assertEqual(sum(line.reversal_id.line_ids.mapped("debit")), 100)
        self.assertFalse(any(line.reversal_id.line_ids.mapped("is_storno")))


@tagged("post_install", "-at_install")
class TestWriteOffCashBasisByHand(ByHandCommon):
    def _declared(self, tax):
        """(base, tax) on the tax report, by SQL."""
        tags = tax.repartition_line_ids.tag_ids
        rows = self._ledger(
            """
            SELECT COALESCE(SUM(line.balance) FILTER (WHERE line.tax_repartition_line_id IS NULL),
                            0)::text,
                   COALESCE(SUM(line.balance) FILTER (WHERE line.tax_repartition_line_id > 0),
                            0)::text
              FROM account_move_line line
              JOIN account_account_tag_account_move_line_rel rel
                ON rel.account_move_line_id = line.id
              JOIN account_move move ON move.id = line.move_id
             WHERE move.state = 'posted' AND rel.account_account_tag_id IN %s
            """,
            tuple(tags.ids),
        )
        return tuple(Decimal(amount) for amount in rows[0])

    def test_unmatched_and_matched_again_nothing_falls_due(self):
        tax = self._make_cash_basis_tax()
        for paid in (0, 46):
            with self.subTest(paid=paid):
                invoice = self._invoice(self.customer, 100, taxes=tax)
                if paid:
                    self._pay(self.customer, paid, invoice)
                before = self._declared(tax)
                line = self._write_off(invoice).line_ids
                self.assertEqual(self._declared(tax), before)
                items = self._receivable(line.entry_id)
                others = items.matched_debit_ids.debit_move_id
                items.remove_move_reconcile()
                (items | others).reconcile()
                self.assertEqual(line.state, "done")
                self.assertEqual(self._declared(tax), before)
                self.assertEqual(invoice.amount_residual, 0)
                line.action_undo()
                self.assertEqual(self._declared(tax), before)
                self.assertEqual(invoice.amount_residual, 115 - paid)
                # What does come falls due, base and tax.
                self._pay(self.customer, 115 - paid, invoice)
                base, due = self._declared(tax)
                self.assertEqual(due * 100, base * 15)
                self.assertTrue(due)
