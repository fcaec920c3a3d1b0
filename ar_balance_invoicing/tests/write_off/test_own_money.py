"""The customer's own money first: credits are applied, the rest is lost, both are taken back."""

from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestOwnMoney(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receivable = cls.company_data["default_account_receivable"]

    # --- the ledger ---------------------------------------------------------------

    def _residuals(self):
        """{receivable item: (open, open in company currency)} by lines and matchings alone."""
        rows = self._ledger(
            """
            SELECT line.id,
                   (line.amount_currency - COALESCE(SUM(part.debit_amount_currency)
                        FILTER (WHERE part.debit_move_id = line.id), 0)
                    + COALESCE(SUM(part.credit_amount_currency)
                        FILTER (WHERE part.credit_move_id = line.id), 0))::text,
                   (line.balance - COALESCE(SUM(part.amount)
                        FILTER (WHERE part.debit_move_id = line.id), 0)
                    + COALESCE(SUM(part.amount)
                        FILTER (WHERE part.credit_move_id = line.id), 0))::text
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
         LEFT JOIN account_partial_reconcile part
                ON line.id IN (part.debit_move_id, part.credit_move_id)
             WHERE line.parent_state = 'posted' AND account.account_type = 'asset_receivable'
          GROUP BY line.id
            """
        )
        return {item: (Decimal(amount), Decimal(company)) for item, amount, company in rows}

    def _open(self, *moves):
        """What documents owe, by the ledger."""
        residuals = self._residuals()
        return [
            float(sum(residuals[item][0] for item in move.line_ids.ids if item in residuals))
            for move in moves
        ]

    def _matchings(self):
        return set(self._ledger("SELECT id, amount FROM account_partial_reconcile"))

    def _owed(self, customer=None):
        return float(self._ledger_balances()[(customer or self.customer).id, self.company.id])

    def _lost(self):
        return float(self._account_sum(self.loss))

    def _undo(self, document, residuals, matchings):
        """Undo brings back every residual and leaves no matching but those that were there."""
        document.action_undo()
        self.env.invalidate_all()
        now = self._residuals()
        self.assertEqual({item: now[item] for item in residuals}, residuals)
        others = {item for item, amounts in now.items() if amounts != (0, 0)} - set(residuals)
        self.assertFalse(others, "what was made is settled")
        self.assertLessEqual(matchings, self._matchings(), "and no other matching is gone")
        self.assertEqual(self._lost(), 0)
        self._assert_balanced()

    def _line(self, document, move):
        return document.line_ids.filtered(lambda line: line.move_id == move)

    def _parts(self, line):
        return line.amount_applied, line.amount_lost

    # --- what comes first --------------------------------------------------------------

    def test_a_payment_pays_before_the_rest_is_lost(self):
        """W1: invoice 30, unapplied payment 28."""
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice, process=False)
        line = document.line_ids
        self.assertEqual((line.customer_credits, *self._parts(line)), (28, 28, 2))
        self.assertEqual(
            (document.ticked_amount, document.ticked_applied, document.ticked_lost), (30, 28, 2)
        )
        document.action_process()
        self.assertEqual((line.state, *self._parts(line)), ("done", 28, 2))
        self.assertEqual(self._open(invoice, payment.move_id), [0, 0])
        self.assertEqual((self._lost(), self._owed()), (2, 0))
        self.assertEqual(document.amount_written_off, 2)
        self.assertEqual(line.batch_id.amount, 2)
        self.assertEqual(invoice.amount_written_off, 2)
        self._undo(document, residuals, matchings)
        self.assertEqual((invoice.payment_state, payment.is_reconciled), ("not_paid", False))
        self.assertEqual(self._owed(), 2)

    def test_an_account_in_credit_is_not_found_by_what_it_owes(self):
        """W2."""
        self._invoice(self.customer, 30)
        self._pay(self.customer, 500)
        found = self._write_off(
            process=False, customer_balance_below=5, partner_ids=[Command.set(self.customer.ids)]
        )
        self.assertFalse(found.line_ids)

    def test_the_oldest_debt_is_paid_first(self):
        """W3: invoices 30 and 40, unapplied 65, account below 10: 5 are lost of the younger."""
        old, young = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 60), (40, 20)))
        self._pay(self.customer, 65)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(
            process=False, customer_balance_below=10, partner_ids=[Command.set(self.customer.ids)]
        )
        self.assertEqual(self._parts(self._line(document, old)), (30, 0))
        self.assertEqual(self._parts(self._line(document, young)), (35, 5))
        document.action_process()
        self.assertEqual((self._lost(), self._owed()), (5, 0))
        self.assertFalse(self._line(document, old).entry_id, "nothing of it is lost")
        self.assertEqual(old.status_in_payment, old.payment_state)
        self.assertIn(old.payment_state, ("paid", "in_payment"))
        self._undo(document, residuals, matchings)

    def test_tax_is_reclaimed_of_what_is_lost_only(self):
        """W4: invoice 120 with 20 tax, unapplied 110."""
        tax = self.tax_sale_a.copy({"name": "20 %", "amount": 20})
        invoice = self._invoice(self.customer, 100, taxes=tax)
        self._pay(self.customer, 110)
        residuals, matchings = self._residuals(), self._matchings()
        account = tax.invoice_repartition_line_ids.account_id
        document = self._write_off(invoice, process=False, reason=self.reclaim)
        document.note = "Bankrupt"
        before = self._account_sum(account)
        document.action_process()
        self.assertEqual(self._lost(), 8.33)
        self.assertEqual(self._account_sum(account) - before, Decimal("1.67"))
        self._undo(document, residuals, matchings)
        self.assertEqual(self._account_sum(account), before)

    def test_what_is_not_ticked_stays_untouched(self):
        """W18: 30 unticked, 40 ticked, open credit 65."""
        old, young = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 60), (40, 20)))
        payment = self._pay(self.customer, 65)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(old | young, process=False)
        self._line(document, old).selected = False
        self.assertEqual(self._parts(self._line(document, young)), (40, 0))
        self.assertEqual((document.ticked_applied, document.ticked_lost), (40, 0))
        document.action_process()
        self.assertEqual(self._open(old, young, payment.move_id), [30, 0, -25])
        self.assertEqual((self._lost(), self._owed()), (0, 5))
        line = self._line(document, young)
        self.assertEqual((line.state, line.entry_id.id, document.entry_count), ("done", False, 0))
        self.assertIn(young.payment_state, ("paid", "in_payment"))
        self.assertFalse(document.batch_id._get_entry_conflicts(), "no entry is missing")
        self._undo(document, residuals, matchings)
        self.assertEqual(line.state, "undone")

    def test_a_tick_moves_the_credits(self):
        old, young = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 60), (40, 20)))
        self._pay(self.customer, 50)
        document = self._write_off(old | young, process=False)
        lines = [self._line(document, move) for move in (old, young)]
        self.assertEqual([self._parts(line) for line in lines], [(30, 0), (20, 20)])
        lines[0].selected = False
        self.assertEqual(self._parts(lines[1]), (40, 0))
        self.assertEqual(self._parts(lines[0]), (0, 30))
        document.action_tick_all()
        lines[0].amount = 10
        self.assertEqual([self._parts(line) for line in lines], [(10, 0), (40, 0)])
        document.apply_credits = False
        self.assertEqual([self._parts(line) for line in lines], [(0, 10), (0, 40)])

    def test_a_lowered_amount_is_paid_first_and_lost_after(self):
        invoice = self._invoice(self.customer, 100)
        payment = self._pay(self.customer, 30)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 50
        self.assertEqual(self._parts(document.line_ids), (30, 20))
        document.action_process()
        self.assertEqual(self._open(invoice, payment.move_id), [50, 0])
        self.assertEqual(self._lost(), 20)
        self._undo(document, residuals, matchings)

    def test_no_more_of_a_credit_is_used_than_a_lowered_amount(self):
        invoice, payment = self._invoice(self.customer, 100), self._pay(self.customer, 80)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 50
        document.action_process()
        self.assertEqual(self._open(invoice, payment.move_id), [50, -30])
        self.assertEqual(self._lost(), 0)
        self._undo(document, residuals, matchings)

    def test_credit_notes_and_instalments(self):
        """Of two invoices in parts, the part that is due first is paid first."""
        parts = self._invoice(
            self.customer, 300, invoice_payment_term_id=self.term_parts.id, days_ago=40
        )
        other = self._invoice(self.customer, 100, days_ago=30)
        credit = self._invoice(self.customer, 150, move_type="out_refund", days_ago=5)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(parts | other, process=False)
        # 90 due 40 days ago, 100 due 30 days ago: of this, 60 are paid.
        self.assertEqual(self._parts(self._line(document, parts)), (90, 210))
        self.assertEqual(self._parts(self._line(document, other)), (60, 40))
        document.action_process()
        self.assertEqual(self._open(parts, other, credit), [0, 0, 0])
        self.assertEqual((self._lost(), self._owed()), (250, 0))
        self._undo(document, residuals, matchings)
        self.assertEqual(credit.payment_state, "not_paid")

    def test_what_was_matched_before_stays_matched(self):
        """An undo breaks our own matchings only, of the same invoice and the same payment."""
        first, second = (self._invoice(self.customer, amount) for amount in (20, 30))
        payment = self._pay(self.customer, 45, first)
        state = first.payment_state
        self._pay(self.customer, 3, second)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(second)
        self.assertEqual(self._open(first, second, payment.move_id), [0, 0, 0])
        self.assertEqual(self._lost(), 2)
        self._undo(document, residuals, matchings)
        self.assertEqual((first.payment_state, second.payment_state), (state, "partial"))

    def test_tax_on_payment_falls_due_for_what_was_paid(self):
        """Invoice 115 of which 15 tax falls due on payment; 92 of his own money, 23 lost."""
        tax = self._make_cash_basis_tax()
        transition = tax.cash_basis_transition_account_id
        payable = tax.invoice_repartition_line_ids.account_id
        invoice = self._invoice(self.customer, 100, taxes=tax)
        self._pay(self.customer, 92)
        residuals, matchings = self._residuals(), self._matchings()
        for reason in (self.reason, self.reclaim):
            document = self._write_off(invoice, process=False, reason=reason)
            document.note = "Hopeless"
            document.action_process()
            self.assertEqual(self._account_sum(payable), -12, "of 92 paid, 12 are tax")
            self.assertEqual(self._account_sum(transition), 0)
            self.assertEqual(self._lost(), 20)
            self._undo(document, residuals, matchings)
            self.assertEqual(self._account_sum(payable), 0)
            self.assertEqual(self._account_sum(transition), -15)

    # --- what happens later --------------------------------------------------------------

    def test_a_credit_note_leaves_applied_what_the_customer_paid(self):
        """100, of which 30 are paid by a credit and 70 lost; then 20 are credited."""
        invoice, payment = self._invoice(self.customer, 100), self._pay(self.customer, 30)
        matchings = self._matchings()
        document = self._write_off(invoice)
        self.assertEqual((self._lost(), self._owed()), (70, 0))
        note = self._invoice(
            self.customer, 20, post=False, move_type="out_refund", reversed_entry_id=invoice.id
        )
        note.action_post()
        self.assertEqual(self._open(invoice, payment.move_id, note), [0, 0, 0])
        self.assertEqual((self._lost(), self._owed()), (50, 0))
        line = document.line_ids.filtered(lambda line: line.state == "done")
        self.assertEqual(self._parts(line), (30, 50))
        document.action_undo()
        self.assertEqual(self._open(invoice, payment.move_id, note), [80, -30, 0])
        self.assertLessEqual(matchings, self._matchings())
        self.assertEqual((self._lost(), self._owed()), (0, 50))

    def test_what_is_credited_whole_stays_paid_by_what_was_applied(self):
        """100, of which 30 are paid by a credit and 70 lost; then 70 are credited."""
        invoice, payment = self._invoice(self.customer, 100), self._pay(self.customer, 30)
        document = self._write_off(invoice)
        note = self._invoice(
            self.customer, 70, post=False, move_type="out_refund", reversed_entry_id=invoice.id
        )
        note.action_post()
        self.assertEqual(self._open(invoice, payment.move_id, note), [0, 0, 0])
        self.assertEqual((self._lost(), document.state), (0, "undone"))
        self.assertEqual(document.line_ids.amount_applied, 30)

    def test_taken_back_by_hand_the_row_shows_what_was_applied_and_lost(self):
        """W1, whose entry is reset to draft by hand."""
        invoice = self._invoice(self.customer, 30)
        self._pay(self.customer, 28)
        line = self._write_off(invoice).line_ids
        line.entry_id.button_draft()
        self.assertEqual((line.state, *self._parts(line)), ("taken_back", 28, 2))
        self.assertEqual(self._open(invoice), [2])

    def test_taken_back_by_hand_the_applied_credits_are_taken_back_by_undo(self):
        """W1: the loss is deleted, reset or reversed by hand; Undo of the row, or of all."""
        for by_hand in ("delete", "draft", "reverse"):
            for whole in (False, True):
                with self.subTest(by_hand=by_hand, whole=whole), self.env.cr.savepoint() as point:
                    self._check_credits_taken_back(by_hand, whole)
                    point.rollback()

    def _check_credits_taken_back(self, by_hand, whole):
        earlier, invoice = (self._invoice(self.customer, amount) for amount in (7, 30))
        payment = self._pay(self.customer, 35, earlier)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice)
        line = document.line_ids
        entry = line.entry_id
        if by_hand == "reverse":
            entry._reverse_moves([{"date": entry.date}], cancel=True)
        else:
            entry.button_draft()
        if by_hand == "delete":
            entry.unlink()
        self.env.invalidate_all()
        self.assertEqual((line.state, document.can_undo), ("taken_back", True))
        self.assertEqual(self._open(invoice, payment.move_id), [2, 0])
        window = self.env["ar.write.off.take.back"].create(
            {"document_id": document.id} if whole else {"line_ids": [Command.set(line.ids)]}
        )
        self.assertEqual(
            window.text,
            "1 invoice of 1 customer. Credits that were applied are open again: $\xa028.00.",
        )
        entries = self.env["account.move"].search_count([])
        window.action_take_back()
        self.assertEqual(self.env["account.move"].search_count([]), entries, "nothing is booked")
        self.env.invalidate_all()
        now = self._residuals()
        self.assertEqual({item: now[item] for item in residuals}, residuals)
        self.assertLessEqual(matchings, self._matchings())
        self.assertEqual((self._open(earlier), self._lost()), ([0], 0))
        self.assertEqual(
            (line.state, document.state, document.can_undo), ("undone",) * 2 + (False,)
        )
        self._assert_balanced()
        if by_hand == "draft":
            entry.action_post()
            self.assertEqual((line.state, self._lost()), ("taken_back", 2), "the loss is back")
            document.action_undo()
            self.assertEqual((line.state, self._lost(), self._owed()), ("undone", 0, 2))

    def test_credits_that_were_unmatched_by_hand_are_left_alone(self):
        """W1, whose loss is deleted and whose credit is matched with another invoice."""
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        document = self._write_off(invoice)
        document.line_ids.entry_id.button_draft()
        document.line_ids.entry_id.unlink()
        payment.move_id.line_ids.remove_move_reconcile()
        other = self._invoice(self.customer, 28)
        items = (other | payment.move_id).line_ids
        items.filtered(lambda item: item.account_id == self.receivable).reconcile()
        matchings = self._matchings()
        self.assertFalse(document.can_undo)
        document.action_undo()
        self.assertEqual(self._matchings(), matchings)
        self.assertEqual(self._open(invoice, other, payment.move_id), [30, 0, 0])

    # --- credits too ------------------------------------------------------------------

    def test_credits_too_takes_what_is_left_of_credits(self):
        invoice = self._invoice(self.customer, 30, days_ago=10)
        credit = self._invoice(self.customer, 50, move_type="out_refund")
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice | credit, process=False, with_credits=True)
        self.assertEqual(self._parts(self._line(document, invoice)), (30, 0))
        self.assertEqual(self._parts(self._line(document, credit)), (-30, -20))
        self.assertEqual((document.ticked_applied, document.ticked_lost), (30, -20))
        document.action_process()
        self.assertEqual(self._open(invoice, credit), [0, 0])
        self.assertEqual((self._account_sum(self.gain), self._lost()), (-20, 0))
        self.assertEqual(self._line(document, credit).amount, -20)
        self._undo(document, residuals, matchings)
        self.assertEqual(self._account_sum(self.gain), 0)

    def test_a_credit_row_that_is_unticked_stays_untouched(self):
        """Then the account bounds what is lost: 100 owed less 40 in his favour."""
        first, second = (self._invoice(self.customer, a, days_ago=d) for a, d in ((60, 9), (40, 5)))
        credit = self._invoice(self.customer, 40, move_type="out_refund")
        document = self._write_off(first | second | credit, process=False, with_credits=True)
        self._line(document, credit).selected = False
        document.action_process()
        self.assertEqual(self._open(first, second, credit), [0, 40, -40])
        self.assertEqual((self._lost(), self._owed()), (60, 0))
        refused = self._line(document, second)
        self.assertEqual(refused.state, "failed")
        self.assertIn("owes $ 60.00 altogether", refused.reason.replace("\xa0", " "))

    # --- what is shown and not applied ---------------------------------------------------

    def test_credits_of_another_currency_untick_what_they_would_cover(self):
        first, second = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 9), (40, 5)))
        credit = self._invoice(
            self.customer, 40, move_type="out_refund", currency_id=self.foreign.id
        )
        covered = -credit.amount_residual_signed
        self.assertTrue(0 < covered < 30)
        document = self._write_off(first | second, process=False)
        line = self._line(document, first)
        self.assertEqual((line.selected, line.hindrance), (False, "credits"))
        self.assertIn("another account, currency or company", line.reason)
        self.assertEqual(line.customer_credits, covered)
        self.assertTrue(self._line(document, second).selected)
        document.action_process()
        self.assertEqual(self._open(first, second, credit), [30, 0, -40])
        self.assertEqual(self._lost(), 40)

    def test_never_more_is_lost_than_the_account_owes(self):
        """Also when somebody ticks it, and when the switch is off."""
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        document = self._write_off(invoice, process=False)
        document.apply_credits = False
        self.assertEqual(self._parts(document.line_ids), (0, 30))
        document.action_process()
        line = document.line_ids
        self.assertEqual(line.state, "failed")
        self.assertIn("owes $ 2.00 altogether", line.reason.replace("\xa0", " "))
        self.assertEqual(self._open(invoice, payment.move_id), [30, -28])
        self.assertEqual((self._lost(), document.entry_count), (0, 0))

    def test_the_switch_is_off_where_the_company_says_so(self):
        self.company.ar_apply_credits = False
        old, young = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 60), (40, 20)))
        payment = self._pay(self.customer, 30)
        document = self._write_off(young, process=False)
        self.assertFalse(document.apply_credits)
        document.line_ids.selected = True
        document.action_process()
        self.assertEqual(self._open(old, young, payment.move_id), [30, 0, -30])
        self.assertEqual((self._lost(), self._owed()), (40, 0))

    def test_credits_of_another_account(self):
        """A deposit that is kept on a receivable account of its own."""
        invoice = self._invoice(self.customer, 30)
        account = self._make_account("DEPOSIT", "asset_receivable", reconcile=True)
        credit = self._invoice(self.customer, 100, move_type="out_refund", post=False)
        credit.line_ids.filtered("date_maturity").account_id = account
        credit._post(soft=False)
        document = self._write_off(invoice, process=False)
        self.assertEqual(document.line_ids.hindrance, "credits")
        document.line_ids.selected = True
        document.action_process()
        self.assertEqual(document.line_ids.state, "failed", "the account owes nothing")
        self.assertEqual(self._open(invoice, credit), [30, -100])

    def test_a_foreign_invoice_is_paid_by_foreign_money(self):
        """Core books the exchange difference; what is lost is at the booked rate."""
        self.env["res.currency.rate"].create(
            {"currency_id": self.foreign.id, "name": self.today, "rate": 4.0}
        )
        invoice = self._invoice(self.customer, 100, days_ago=400, currency_id=self.foreign.id)
        rate = invoice.amount_total_signed / 100
        payment = self._pay(self.customer, 60, currency=self.foreign)
        residuals, matchings = self._residuals(), self._matchings()
        self.assertNotEqual(-payment.move_id.line_ids[-1].balance, 60 * rate)
        document = self._write_off(invoice, process=False)
        self.assertEqual(self._parts(document.line_ids), (60, 40))
        document.action_process()
        self.assertEqual(document.line_ids.reason, False)
        self.assertEqual(self._open(invoice, payment.move_id), [0, 0])
        self.assertAlmostEqual(self._lost(), 40 * rate, 2)
        self.assertEqual(self._owed(), 0)
        document.action_undo()
        now = self._residuals()
        self.assertEqual({item: now[item] for item in residuals}, residuals)
        self.assertLessEqual(matchings, self._matchings())
        self.assertEqual(self._lost(), 0)

    # --- who else, and what meanwhile ------------------------------------------------------

    def test_each_customer_has_his_own_money(self):
        """A company with a contact, and somebody else: nobody pays for another."""
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        other = self.env["res.partner"].create({"name": "Another"})
        mine, his = self._invoice(contact, 30), self._invoice(other, 30)
        self._pay(self.customer, 20)
        document = self._write_off(mine | his)
        self.assertEqual(self._lost(), 40)
        self.assertEqual(self._parts(self._line(document, mine)), (20, 10))
        self.assertEqual(self._parts(self._line(document, his)), (0, 30))

    def test_money_of_a_branch_is_not_applied_by_the_company(self):
        invoice = self._invoice(self.customer, 30)
        self._invoice(self.customer, 30, move_type="out_refund", company=self.branch)
        document = self._write_off(invoice, process=False)
        self.assertEqual(document.line_ids.hindrance, "credits")
        document.line_ids.selected = True
        document.action_process()
        self.assertEqual((document.line_ids.state, self._lost()), ("failed", 0))

    def test_a_credit_that_was_used_meanwhile_is_reviewed_again(self):
        invoice, other = (self._invoice(self.customer, amount) for amount in (30, 25))
        payment = self._pay(self.customer, 28)
        document = self._write_off(invoice, process=False)
        (payment.move_id | other).line_ids.filtered(
            lambda item: item.account_id == self.receivable
        ).reconcile()
        document.action_process()
        line = document.line_ids
        self.assertEqual((line.state, self._lost()), ("failed", 0))
        self.assertIn("have changed since this was reviewed", line.reason)
        document.action_retry()
        self.assertEqual(line.state, "failed", "a retry is no review")
        self.assertEqual(self._write_off(invoice).line_ids.state, "done")
        self.assertEqual((self._lost(), self._owed()), (27, 0))

    def test_money_that_came_meanwhile_is_applied_too(self):
        invoice = self._invoice(self.customer, 30)
        document = self._write_off(invoice, process=False)
        self._pay(self.customer, 28)
        document.action_process()
        self.assertEqual((document.line_ids.state, self._lost(), self._owed()), ("done", 2, 0))

    def test_two_write_offs_of_one_customer_share_no_credit(self):
        first, second = (self._invoice(self.customer, amount) for amount in (30, 40))
        self._pay(self.customer, 35)
        documents = [self._write_off(move, process=False) for move in (first, second)]
        for document in documents:
            document.action_process()
        self.assertEqual(documents[0].line_ids.state, "done")
        self.assertEqual(documents[1].line_ids.state, "failed", "reviewed with 35, not 5")
        self.assertEqual((self._lost(), self._owed()), (0, 35))

    def test_chunks_share_a_customers_credits_as_planned(self):
        """One row at a time, the youngest first: each takes what was set aside for it."""
        invoices = self.env["account.move"].union(
            *(self._invoice(self.customer, 20, days_ago=days) for days in (10, 30, 20))
        )
        payments = [self._pay(self.customer, amount) for amount in (15, 31)]
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoices, process=False)
        document._write_inside({"batch_id": document._find_or_make_batch().id})
        document._plan_credits()
        for line in document.line_ids.sorted("date_maturity", reverse=True):
            document._process_lines(line)
        self.assertEqual(self._open(*invoices), [0, 0, 0])
        self.assertEqual(self._open(*(payment.move_id for payment in payments)), [0, 0])
        amounts = [self._line(document, move).amount for move in invoices]
        self.assertEqual(amounts, [14, 0, 0], "the youngest loses")
        self.assertEqual((self._lost(), self._owed()), (14, 0))
        document._write_inside({"state": "done"})
        self._undo(document, residuals, matchings)

    def test_a_row_that_fails_leaves_the_credits_alone(self):
        """No account for the loss: neither applied nor lost."""
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        residuals, matchings = self._residuals(), self._matchings()
        document = self._write_off(invoice, process=False)
        self.company.ar_loss_account_id = False
        document.action_process()
        self.assertEqual(document.line_ids.state, "failed")
        self.assertEqual((self._residuals(), self._matchings()), (residuals, matchings))
        self.company.ar_loss_account_id = self.loss
        document.action_retry()
        self.assertEqual((document.line_ids.state, self._lost()), ("done", 2))
        self.assertEqual(self._open(invoice, payment.move_id), [0, 0])

    def test_one_row_is_undone_with_its_own_credits(self):
        first, second = (self._invoice(self.customer, a, days_ago=d) for a, d in ((30, 9), (40, 5)))
        payment = self._pay(self.customer, 50)
        document = self._write_off(first | second)
        self.assertEqual(self._lost(), 20)
        self._line(document, first).action_undo()
        self.assertEqual(self._open(first, second, payment.move_id), [30, 0, -30])
        self.assertEqual(self._lost(), 20)
        self._line(document, second).action_undo()
        self.assertEqual(self._open(first, second, payment.move_id), [30, 40, -50])
        self.assertEqual(document.state, "undone")

    def test_a_matching_that_was_broken_by_hand_is_not_broken_again(self):
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        document = self._write_off(invoice)
        payment.move_id.line_ids.remove_move_reconcile()
        document.action_undo()
        self.assertEqual(self._open(invoice, payment.move_id), [30, -28])
        self.assertEqual((document.line_ids.state, self._lost()), ("undone", 0))

    def test_a_payment_that_was_taken_back_to_draft_pays_nothing(self):
        invoice, payment = self._invoice(self.customer, 30), self._pay(self.customer, 28)
        document = self._write_off(invoice, process=False)
        payment.action_draft()
        document.action_process()
        self.assertEqual((document.line_ids.state, self._lost()), ("failed", 0))

    # --- cost ---------------------------------------------------------------------------

    def test_credits_cost_the_same_number_of_queries(self):
        """For the search and the look at what is to be lost, however many rows and credits."""
        costs = []
        for count in (2, 2, 12):
            customers = self.env["res.partner"].create([{"name": f"C{n}"} for n in range(count)])
            for customer in customers:
                self._invoice(customer, 30)
                self._pay(customer, 10)
            document = self.env["ar.write.off"].create(
                {"partner_ids": [Command.set(customers.ids)]}
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            document.action_search()
            document.line_ids.read(["amount_applied", "amount_lost", "customer_credits"])
            costs.append(self.env.cr.sql_log_count - before)
            self.assertEqual(document.ticked_lost, 20 * count)
        self.assertEqual(costs[1], costs[2])
