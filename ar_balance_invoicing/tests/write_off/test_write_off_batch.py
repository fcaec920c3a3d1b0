from unittest.mock import patch

import psycopg2
from lxml import html

from odoo import Command
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..write_off_common import WriteOffBatchCommon


@tagged("post_install", "-at_install")
class TestAutomaticBatch(WriteOffBatchCommon):
    """One batch for each user and day, made by itself."""

    def test_one_for_each_user_and_day(self):
        batches = self.env["ar.write.off.batch"]
        mine = self._as(self.clerk, batches)._find_or_make_batch(self.company, self.clerk)
        self.assertRegex(mine.name, r"^Auto Batch .* \d{4}-\d\d-\d\d$")
        self.assertEqual((mine.mode, mine.user_ids, mine.state), ("automatic", self.clerk, "open"))
        again = self._as(self.clerk, batches)._find_or_make_batch(self.company, self.clerk)
        self.assertEqual(again, mine)
        theirs = self._as(self.colleague, batches)._find_or_make_batch(self.company, self.colleague)
        self.assertNotEqual(theirs, mine)

    def test_the_day_is_the_users_own(self):
        self.clerk.tz = "Pacific/Kiritimati"  # fourteen hours ahead
        self.colleague.tz = "Pacific/Niue"  # eleven hours behind
        batches = self.env["ar.write.off.batch"]
        ahead, behind = (
            self._as(user, batches)._find_or_make_batch(self.company, user).date
            for user in (self.clerk, self.colleague)
        )
        self.assertGreater(ahead, behind)

    def test_after_closing_there_is_another(self):
        batches = self._as(self.clerk, self.env["ar.write.off.batch"])
        first = batches._find_or_make_batch(self.company, self.clerk)
        first.action_close()
        second = batches._find_or_make_batch(self.company, self.clerk)
        self.assertNotEqual(second, first)
        self._as(self.manager, first).action_reopen()
        self.assertEqual((first.state, first.mode), ("open", "manual"))
        self.assertEqual(batches._find_or_make_batch(self.company, self.clerk), second)

    def test_two_at_once_are_impossible(self):
        batches = self._as(self.clerk, self.env["ar.write.off.batch"])
        first = batches._find_or_make_batch(self.company, self.clerk)
        vals = batches._prepare_automatic_batch(self.company, self.clerk, first.date)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.errors.UniqueViolation),
            self.env.cr.savepoint(),
        ):
            batches._create_inside(vals)
        # What another transaction has made and this one may not see: it begins again.
        nothing = patch.object(type(batches), "search", lambda *args, **kwargs: batches)
        with nothing, self.assertRaises(ConcurrencyError):
            batches._find_or_make_batch(self.company, self.clerk)

    def test_a_write_off_is_recorded_in_it(self):
        document = self._write_off(self._invoice(self.customer, 5))
        batch = document.batch_id
        self.assertEqual((batch.mode, batch.owner_id), ("automatic", self.env.user))
        self.assertEqual((batch.line_count, batch.amount, batch.document_count), (1, 5, 1))
        document.action_undo()
        batch.invalidate_recordset()
        self.assertEqual((batch.line_count, batch.amount, batch.document_count), (0, 0, 1))


@tagged("post_install", "-at_install")
class TestManualBatch(WriteOffBatchCommon):
    """Batches that users make, share, choose and delete."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ar_write_off_batch_mode = "manual"

    def test_without_a_default_batch_the_way_out_is_said(self):
        batches = self._as(self.clerk, self.env["ar.write.off.batch"])
        with self.assertRaisesRegex(UserError, "no default batch.*Write-Off Batches"):
            batches._find_or_make_batch(self.company, self.clerk)
        batch = self._batch(self.clerk)
        batch.action_set_default()
        self.assertTrue(batch.is_default)
        self.assertEqual(batches._find_or_make_batch(self.company, self.clerk), batch)

    def test_each_company_has_its_own_default(self):
        self.clerk.company_ids |= self.other
        batch = self._batch(self.clerk)
        batch.action_set_default()
        self.assertFalse(self.clerk.with_company(self.other).ar_default_write_off_batch_id)
        self.assertEqual(self.clerk.with_company(self.company).ar_default_write_off_batch_id, batch)

    def test_a_closed_or_deleted_default_is_no_default(self):
        batches = self._as(self.clerk, self.env["ar.write.off.batch"])
        batch = self._batch(self.clerk)
        batch.action_set_default()
        batch.action_close()
        with self.assertRaisesRegex(UserError, "is closed. Choose an open one"):
            batches._find_or_make_batch(self.company, self.clerk)
        other = self._batch(self.clerk)
        other.action_set_default()
        other.unlink()
        with self.assertRaisesRegex(UserError, "no default batch"):
            batches._find_or_make_batch(self.company, self.clerk)

    def test_whoever_makes_or_copies_one_is_assigned(self):
        batch = self._batch(self.clerk, user_ids=[Command.set(self.colleague.ids)])
        self.assertEqual(batch.user_ids, self.clerk | self.colleague)
        copied = self._as(self.manager, batch).copy()
        self.assertEqual(copied.user_ids, self.clerk | self.colleague | self.manager)
        self.assertEqual(copied.owner_id, self.manager)
        self.assertNotEqual(copied.name, batch.name)

    def test_only_its_users_use_it(self):
        batch = self._batch(self.clerk, name="Spring cleaning")
        theirs = self._as(self.colleague, batch)
        self.assertFalse(theirs.is_usable)
        self.assertNotIn(batch, theirs.search([("is_usable", "=", True)]))
        self.assertIn(batch, theirs.search([("is_usable", "=", False)]))
        for action in (theirs._check_usable, theirs.action_set_default, theirs.action_close):
            with self.assertRaisesRegex(UserError, "not assigned to the batch “Spring cleaning”"):
                action()
        batch.user_ids |= self.colleague
        self.assertIn(batch, theirs.search([("is_usable", "=", True)]))
        theirs._check_usable()

    def test_an_administrator_uses_every_open_one(self):
        batch = self._batch(self.clerk)
        self._as(self.manager, batch)._check_usable()
        self.assertIn(batch, self._as(self.manager, batch).search([("is_usable", "=", True)]))
        batch.action_close()
        self.assertFalse(self._as(self.manager, batch).is_usable)
        self.assertTrue(self._as(self.colleague, batch).name, "closed ones stay readable")

    def test_others_do_not_change_it(self):
        batch = self._batch(self.clerk)
        with self.assertRaises(AccessError):
            self._as(self.colleague, batch).name = "Mine"
        with self.assertRaises(AccessError):
            self._as(self.colleague, batch).unlink()
        invoicing = self._make_user("batch.invoicing", "account.group_account_invoice")
        with self.assertRaises(AccessError):
            self._batch(invoicing)

    def test_one_that_was_used_is_not_deleted(self):
        batch = self._batch(self.env.user, name="Used")
        self._document(batch)
        with self.assertRaisesRegex(UserError, "recorded in the batch “Used”, so it stays"):
            batch.unlink()
        unused = self._batch(self.clerk)
        unused.unlink()
        self.assertFalse(unused.exists())

    def test_only_its_buttons_open_and_close_it(self):
        batch = self._batch(self.clerk)
        for vals in ({"state": "closed"}, {"mode": "automatic"}, {"owner_id": self.manager.id}):
            with self.assertRaisesRegex(UserError, "not changed by hand"):
                batch.write(vals)

    def test_other_companies_do_not_see_it(self):
        batch = self._batch(self.clerk)
        stranger = self._make_user("batch.stranger", "account.group_account_manager", self.other)
        with self.assertRaises(AccessError):
            self._as(stranger, batch).read(["name"])


@tagged("post_install", "-at_install")
class TestCloseBatch(WriteOffBatchCommon):
    """Control figures, conflicts and closed batches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ar_write_off_batch_mode = "manual"

    def setUp(self):
        super().setUp()
        self.batch = self._batch(self.env.user, name="April")

    def test_figures_that_agree(self):
        self._document(self.batch, 5)
        self._document(self.batch, 7.5)
        self.batch.write({"control_count": 2, "control_amount": 12.5})
        self.assertFalse(self.batch.conflicts)
        self.batch.action_close()
        self.assertRecordValues(
            self.batch, [{"state": "closed", "closed_by_id": self.env.uid, "amount": 12.5}]
        )
        self.assertTrue(self.batch.closed_at)

    def test_what_was_unmatched_by_hand_is_not_written_off_any_more(self):
        """One ledger for all: invoice, customer, document and batch."""
        document, other = self._document(self.batch, 5), self._document(self.batch, 7.5)
        invoice = document.line_ids.move_id
        document.line_ids.entry_id.line_ids.remove_move_reconcile()
        self.env.invalidate_all()
        self.assertEqual((invoice.amount_residual, invoice.amount_written_off), (5, 0))
        self.assertEqual((document.amount_written_off, other.amount_written_off), (0, 7.5))
        self.assertEqual((self.batch.amount, self.customer.amount_written_off), (7.5, 7.5))
        with self.assertRaisesRegex(UserError, r"(?s)unmatched or reversed by hand.*5\.00 is not"):
            self.batch.action_close()
        document.line_ids.action_undo()
        self.batch.action_close()
        self.assertEqual(self.batch.closed_amount, 7.5)

    def test_instalments_of_which_one_was_unmatched_keep_it_open(self):
        term = self._make_term("Two parts", [(40, 0), (60, 30)])
        invoice = self._invoice(self.customer, 100, invoice_payment_term_id=term.id)
        document = self._write_off(invoice, process=False)
        document.batch_id = self.batch
        document.action_process()
        self.assertFalse(self.batch.conflicts)
        items = invoice.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        items[0].remove_move_reconcile()
        self.env.invalidate_all()
        self.assertIn("40.00 is not written off", self.batch.conflicts)

    def test_figures_that_do_not(self):
        self._document(self.batch, 5)
        self.batch.write({"control_count": 2, "control_amount": 12.5})
        self.assertIn("control count is 2 and 1", self.batch.conflicts)
        with self.assertRaisesRegex(UserError, r"(?s)April.*count is 2.*amount is .*12\.50"):
            self.batch.action_close()
        self.assertEqual(self.batch.state, "open")

    def test_what_is_not_processed_keeps_it_open(self):
        document = self._document(self.batch, process=False)
        with self.assertRaisesRegex(UserError, f"{document.display_name} is not processed yet"):
            self.batch.action_close()
        other = self._batch(self.env.user, name="May")
        with self.assertRaisesRegex(UserError, "choose the batch on the document itself"):
            self._move(document.line_ids, other)
        document.batch_id = other
        self.batch.action_close()

    def test_failed_lines_keep_it_open(self):
        document = self._document(self.batch, process=False)
        document.line_ids._mark_failed("The journal is archived.")
        document._write_inside({"state": "failed"})
        self.assertIn(f"{document.display_name} has failed lines (1)", self.batch.conflicts)

    def test_an_entry_taken_back_to_draft_keeps_it_open(self):
        entry = self._document(self.batch).line_ids.entry_id
        entry.line_ids.remove_move_reconcile()
        entry.button_draft()
        self.assertIn("is not posted", self.batch.conflicts)
        with self.assertRaisesRegex(UserError, "is not posted: post it"):
            self.batch.action_close()

    def test_a_closed_one_takes_nothing_more(self):
        document = self._document(self.batch, process=False)
        other = self._batch(self.env.user, name="May")
        other.action_close()
        with self.assertRaisesRegex(UserError, "“May” is closed"):
            self._move(self._document(self.batch).line_ids, other)
        document.batch_id = other
        with self.assertRaisesRegex(UserError, "“May” is closed"):
            document.action_process()
        for vals in ({"control_count": 1}, {"user_ids": [Command.clear()]}):
            with self.assertRaisesRegex(UserError, "“May” is closed"):
                other.write(vals)
        unused = self._batch(self.clerk)
        unused.action_close()
        with self.assertRaisesRegex(UserError, "is closed"):
            unused.unlink()
        other.note = "Checked by the auditor."

    def test_only_an_administrator_reopens(self):
        batch = self._batch(self.clerk)
        batch.action_close()
        with self.assertRaisesRegex(AccessError, "Only an administrator"):
            batch.action_reopen()
        self._as(self.manager, batch).action_reopen()
        self.assertRecordValues(batch, [{"state": "open", "closed_at": False}])
        batch.action_close()

    # --- lines that move ---------------------------------------------------

    def _move(self, lines, batch):
        """By the pop-up, as the browser does it."""
        action = lines.action_move_to_batch()
        wizard = (
            self.env[action["res_model"]]
            .with_context(**action["context"])
            .create({"batch_id": batch.id})
        )
        self.assertEqual(wizard.line_count, len(lines))
        wizard.action_move()

    def test_a_line_moves_to_another_open_batch(self):
        first, second = self._document(self.batch, 5), self._document(self.batch, 7.5)
        other = self._batch(self.env.user, name="May")
        self._move(first.line_ids, other)
        (self.batch | other).invalidate_recordset()
        self.assertRecordValues(
            self.batch | other,
            [
                {"line_count": 1, "amount": 7.5, "document_count": 2},
                {"line_count": 1, "amount": 5, "document_count": 1},
            ],
        )
        self.assertEqual(self.batch._get_lines(), second.line_ids)
        self.assertEqual(self._listed(other.action_view_lines()), first.line_ids)
        self.assertIn("moved to May", self.batch.message_ids[:1].body)
        self.assertIn("moved here from April", other.message_ids[:1].body)
        with self.assertRaisesRegex(UserError, "is in “May” already"):
            self._move(first.line_ids, other)
        self.batch.action_close()
        with self.assertRaisesRegex(UserError, "“April” is closed"):
            self._move(second.line_ids, other)

    def test_a_moved_line_is_retried_in_its_new_batch(self):
        document = self._failed_document()
        other = self._batch(self.env.user, name="May")
        self._move(document.line_ids.filtered(lambda line: line.state == "failed"), other)
        self.batch.action_close()
        with self.assertRaisesRegex(UserError, "failed lines"):
            other.action_close()
        # Its own batch is closed by now: what is left of the document is in the other.
        document.action_retry()
        (self.batch | other).invalidate_recordset()
        self.assertEqual((document.state, other.line_count, other.amount), ("done", 1, 5))
        self.assertEqual(self.batch.line_count, 1)
        other.action_close()

    def test_a_failed_line_is_left_out_for_good(self):
        document = self._failed_document()
        done = document.line_ids.filtered(lambda line: line.state == "done")
        with self.assertRaisesRegex(UserError, "only failed lines are left out"):
            done.action_leave_out()
        failed = document.line_ids - done
        failed.action_leave_out()
        self.assertEqual((failed.state, document.state), ("skipped", "done"))
        self.assertIn("Left out: ", failed.reason)
        self.batch.action_close()

    def _failed_document(self):
        """One invoice written off, and one that was paid meanwhile; the payment bounced."""
        paid, other = self._invoice(self.customer, 5), self._invoice(self.customer, 7)
        document = self._write_off(paid | other, process=False)
        document.batch_id = self.batch
        payment = self._pay(self.customer, 2, paid)
        document.action_process()
        payment.action_draft()
        payment.action_cancel()
        self.assertEqual(document.state, "failed")
        return document

    def test_lines_move_within_their_company_and_by_who_may(self):
        document = self._document(self.batch)
        foreign = self.env["ar.write.off.batch"].create({"company_id": self.branch.id})
        with self.assertRaisesRegex(UserError, "Choose a batch of that company"):
            self._move(document.line_ids, foreign)
        theirs = self._batch(self.colleague, name="Theirs")
        for user in (self.clerk, self.colleague):
            with self.assertRaisesRegex(UserError, "not assigned to the batch"):
                self._as(user, theirs)._take_lines(self._as(user, document.line_ids))
        invoicing = self._make_user("batch.invoicing", "account.group_account_invoice")
        with self.assertRaisesRegex(AccessError, "may not write off"):
            self._as(invoicing, document.line_ids).action_move_to_batch()

    def test_what_was_processed_stays_in_its_batch(self):
        document = self._document(self.batch)
        other = self._batch(self.env.user, name="May")
        for vals in ({"batch_id": other.id}, {"balance_below": 3}, {"date": "2020-01-01"}):
            with self.assertRaisesRegex(UserError, "was processed: its “.*” stays as it is"):
                document.write(vals)

    def test_undo_after_closing_leaves_the_figures_of_closing(self):
        document = self._document(self.batch, 5)
        self._document(self.batch, 7.5)
        self.batch.action_close()
        document.action_undo()
        self.batch.invalidate_recordset()
        self.assertRecordValues(
            self.batch,
            [
                {
                    "closed_count": 2,
                    "closed_amount": 12.5,
                    "undone_count": 1,
                    "undone_amount": 5,
                    "amount": 7.5,
                }
            ],
        )

    def test_each_figure_opens_what_is_behind_it(self):
        document = self._document(self.batch)
        self.assertEqual(self._listed(self.batch.action_view_lines()), document.line_ids)
        action = self.batch.action_view_documents()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), document)

    def test_what_the_button_counts_is_what_it_lists(self):
        document = self._failed_document()
        kept = self._write_off(self._invoice(self.customer, 3), process=False)
        kept.batch_id = self.batch
        kept.line_ids._inside().copy({"selected": False})
        kept.action_process()
        listed = self._listed(self.batch.action_view_lines())
        self.assertNotIn("skipped", listed.mapped("state"))
        self.assertEqual(listed & document.line_ids, document.line_ids)
        # The filter that is on at first.
        self.assertEqual(len(listed.filtered_domain([("state", "=", "done")])), 2)
        self.assertEqual(self.batch.line_count, 2)

    def test_a_name_is_typed_or_numbered(self):
        batches = self.env["ar.write.off.batch"]
        self.assertFalse(batches.default_get(["name"]), "the form proposes none")
        for name in (False, "New"):
            self.assertRegex(batches.create({"name": name}).name, r"\d")

    def test_the_report_lists_every_entry_with_its_totals(self):
        document = self._document(self.batch, 1234.5)
        self.batch.write({"control_count": 2, "note": "For the auditor"})
        text = " ".join(self._report().decode().split())
        line = document.line_ids
        accounts = line.entry_id.line_ids.account_id
        for words in (
            "April",
            document.name,
            line.partner_id.name,
            line.move_id.name,
            line.entry_id.name,
            *accounts.mapped("code"),
            "For the auditor",
            self.env.user.name,
        ):
            self.assertIn(words, text)
        # Debit and credit of the entry, of its accounts, both totals, and what is written off.
        self.assertEqual(text.count("1,234.50"), 7)

    def test_every_row_of_the_report_fills_its_columns(self):
        self._document(self.batch, 5)
        page = html.fromstring(self._report())
        rows = page.xpath("//table[@name='lines']//tr")
        widths = {sum(int(cell.get("colspan", 1)) for cell in row) for row in rows}
        self.assertEqual(widths, {6})
        first, second = (
            [cell.text_content().strip() for cell in row]
            for row in page.xpath("//table[@name='lines']/tbody/tr")[1:3]
        )
        self.assertEqual(first[0], self.customer.name)
        self.assertEqual(second[:3], ["", "", ""])
        self.assertEqual(first[2], self.batch._get_lines().entry_id.name, "no date again")

    def test_the_report_adds_up_each_account(self):
        self._document(self.batch, 5)
        self._document(self.batch, 7.5)
        self.assertEqual(
            {account: total for account, *total in self.batch._get_account_totals()},
            {
                self.company_data["default_account_receivable"]: [0, 12.5],
                self.loss: [12.5, 0],
            },
        )
        rows = html.fromstring(self._report()).xpath("//table[@name='accounts']/tbody/tr")
        self.assertEqual(len(rows), 2)

    def test_the_report_says_what_was_undone_since_closing(self):
        document = self._document(self.batch, 5)
        self._document(self.batch, 7.5)
        self.assertNotIn("Undone since closing", self._report().decode())
        self.batch.action_close()
        document.action_undo()
        page = html.fromstring(self._report())
        rows = page.xpath("//table[@name='controls']/tbody/tr")
        undone = [" ".join(row[-1].text_content().split()) for row in rows]
        self.assertEqual(undone[0], "1")
        self.assertIn("5.00", undone[1])

    def test_the_report_of_an_empty_batch(self):
        self.assertIn("Nothing is written off in this batch.", self._report().decode())

    def _report(self):
        self.batch.invalidate_recordset()
        return self.env["ir.actions.report"]._render_qweb_html(
            "ar_balance_invoicing.report_ar_write_off_batch", self.batch.ids
        )[0]
