"""Entries, invoices and write-offs in any order of hands: the books stay what they must be."""

import logging
import os
import random

from odoo.exceptions import RedirectWarning, UserError
from odoo.tests import tagged

from ..common import new_seed
from .test_write_off_by_hand import ByHandCommon

_logger = logging.getLogger(__name__)

HISTORIES = int(os.environ.get("AR_HISTORIES") or 6)
STEPS = 12
AMOUNT = 100


@tagged("post_install", "-at_install")
class TestWriteOffHistories(ByHandCommon):
    """Each step is one that a person or a script could take; what is refused changes nothing."""

    def test_any_history_leaves_true_books(self):
        seed = new_seed("AR_HAND_SEED")
        _logger.info("Histories of write-offs by hand: AR_HAND_SEED=%s", seed)
        for number in range(HISTORIES):
            chance = random.Random(seed * 1000 + number)
            with self.subTest(seed=seed, number=number), self.env.cr.savepoint() as savepoint:
                self._play(chance)
                savepoint.rollback()
                self.env.invalidate_all()

    def _play(self, chance):
        self.customer = self.env["res.partner"].create({"name": "Debtor of this history"})
        self.loss = self._make_account(f"WOL{chance.randrange(10**6)}", "expense")
        self.company.ar_loss_account_id = self.loss
        self.told = []
        taxes = chance.choice([self.tax_sale_a.browse(), self.tax_sale_a])
        amount = AMOUNT / 1.15 if taxes else AMOUNT
        invoice = self._invoice(self.customer, amount, taxes=taxes)
        line = self._write_off(invoice, reason=chance.choice([self.reason, self.reclaim])).line_ids
        steps = [name for name in dir(self) if name.startswith("_step_")]
        for _step in range(STEPS):
            name = chance.choice(steps)
            self.told.append(name)
            try:
                with self.env.cr.savepoint():
                    getattr(self, name)(chance, line)
            except (UserError, RedirectWarning) as error:
                self.told[-1] += f" refused: {error.args[0]}"
                self.env.invalidate_all()
            self._assert_true(line, invoice)

    # --- steps --------------------------------------------------------------

    def _entries(self, line):
        """All entries that write off or take that back."""
        lines = line.document_id.line_ids
        entries = lines.entry_id | lines.reversal_id
        while more := entries.reversal_move_ids - entries:
            entries |= more
        return entries

    def _any(self, chance, line, *states):
        entries = self._entries(line).filtered(lambda move: move.state in states).sorted("id")
        return chance.choice(list(entries)) if entries else entries

    def _step_reverse(self, chance, line):
        if entry := self._any(chance, line, "posted"):
            self._reverse(entry)

    def _step_draft(self, chance, line):
        if entry := self._any(chance, line, "posted", "cancel"):
            entry.button_draft()

    def _step_cancel(self, chance, line):
        if entry := self._any(chance, line, "posted", "draft"):
            entry.button_cancel()

    def _step_post(self, chance, line):
        if entry := self._any(chance, line, "draft"):
            entry.action_post()

    def _step_delete(self, chance, line):
        if entry := self._any(chance, line, "draft", "cancel"):
            entry.unlink()

    def _step_unmatch(self, chance, line):
        if entry := self._any(chance, line, "posted"):
            self._receivable(entry).remove_move_reconcile()

    def _step_match(self, chance, line):
        items = self._receivable(self._entries(line) | line.move_id).filtered(
            lambda item: item.parent_state == "posted" and not item.reconciled
        )
        if len(items) > 1:
            items.reconcile()

    def _step_undo(self, chance, line):
        line.document_id.action_undo()

    def _step_undo_row(self, chance, line):
        line.action_undo()

    def _step_write_off_again(self, chance, line):
        if line.move_id.amount_residual > 0 and line.move_id.state == "posted":
            self._write_off(line.move_id)

    def _step_reset_invoice(self, chance, line):
        line.move_id.button_draft()
        line.move_id.action_post()

    def _step_undo_and_go_on(self, chance, line):
        try:
            with self.env.cr.savepoint():
                line.move_id.button_draft()
        except RedirectWarning:
            self._undo_and_go_on(line.move_id.button_draft)
        self.assertFalse(self._lost(), "\n".join(self.told))
        line.move_id.action_post()

    # --- what must be -------------------------------------------------------

    def _assert_true(self, line, invoice):
        """By SQL: debit is credit, no loss below zero, and rows say what the books say."""
        story = "\n".join(self.told)
        self._assert_balanced()
        self.env.invalidate_all()
        lines = self.env["ar.write.off.line"].search([("move_id", "=", invoice.id)])
        for each in lines:
            if each.state == "done" and not each.amount:
                # The customer's own money has settled it, and nothing was lost.
                self.assertFalse(each.entry_id, story)
            elif each.state == "done":
                self.assertTrue(self._is_settling(each), story)
            elif self._is_settling(each):
                # Matched by hand, and all the same taken back.
                self.assertIn("posted", each.entry_id.reversal_move_ids.mapped("state"), story)
        settled = sum(self._settled(each, invoice) for each in lines if each.entry_id)
        self.assertAlmostEqual(invoice.amount_written_off, float(settled), 2, story)

        self.assertGreaterEqual(self._lost(), 0, story)
        self.assertLessEqual(self._lost(), AMOUNT * len(lines), story)

    def _lost(self):
        return self._account_sum(self.loss)

    def _is_settling(self, line):
        return bool(line.entry_id and self._settled(line, line.move_id))

    def _settled(self, line, invoice):
        """What the entry of a line has settled of the invoice, both posted."""
        [(amount,)] = self._ledger(
            """
            SELECT COALESCE(SUM(partial.amount), 0)
              FROM account_partial_reconcile partial
              JOIN account_move_line debit ON debit.id = partial.debit_move_id
              JOIN account_move_line credit ON credit.id = partial.credit_move_id
             WHERE debit.move_id = %s AND debit.parent_state = 'posted'
               AND credit.move_id = %s AND credit.parent_state = 'posted'
            """,
            invoice.id,
            line.entry_id.id,
        )
        return amount
