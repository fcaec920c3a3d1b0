"""Random invoices written off, partly undone, written off again: the ledger decides."""

import logging
import random
from collections import Counter
from decimal import Decimal

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.tests import tagged

from ..common import new_seed
from ..write_off_population import WriteOffPopulation

_logger = logging.getLogger(__name__)
# With the level's number: Odoo gives its name to another one.
OUR_LOGS = "odoo.addons.ar_balance_invoicing"
CENT = Decimal("0.01")


@tagged("post_install", "-at_install")
class TestWriteOffProperty(WriteOffPopulation):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random write-offs: AR_SEED=%s", cls.seed)

    # --- the ledger ------------------------------------------------------------

    def _open_amounts(self, invoices, account=None):
        """{item: (in currency, in company currency)} from lines and matchings alone."""
        rows = self._ledger(
            """
            SELECT line.id,
                   (line.amount_currency
                    - COALESCE((SELECT SUM(debit_amount_currency) FROM account_partial_reconcile
                                 WHERE debit_move_id = line.id), 0)
                    + COALESCE((SELECT SUM(credit_amount_currency) FROM account_partial_reconcile
                                 WHERE credit_move_id = line.id), 0))::text,
                   (line.balance
                    - COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                 WHERE debit_move_id = line.id), 0)
                    + COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                 WHERE credit_move_id = line.id), 0))::text
              FROM account_move_line line WHERE account_id = %s AND move_id IN %s
            """,
            (account or self.company_data["default_account_receivable"]).id,
            tuple(invoices.ids),
        )
        return {item: (Decimal(currency), Decimal(company)) for item, currency, company in rows}

    def _snapshot(self, invoices):
        """Everything that an undo has to bring back."""
        self.env.flush_all()
        self.env.invalidate_all()
        accounts = self._ledger(
            """
            SELECT account_id, SUM(balance)::text, SUM(amount_currency)::text
              FROM account_move_line WHERE parent_state = 'posted' AND account_id IS NOT NULL
          GROUP BY account_id ORDER BY account_id
            """
        )
        return {
            "accounts": {row[0]: tuple(map(Decimal, row[1:])) for row in accounts},
            "open": self._open_amounts(invoices),
            "waiting": self._waiting(invoices),
            "tags": {tag: self._tag_sum(tag) for tag in self.tags},
            "states": [
                (move.payment_state, move.status_in_payment, move.amount_written_off)
                for move in invoices
            ],
        }

    def _assert_same(self, now, then):
        for key in ("open", "waiting", "tags", "states"):
            self.assertEqual(now[key], then[key], key)
        for account in set(now["accounts"]) | set(then["accounts"]):
            zero = (Decimal(0), Decimal(0))
            self.assertEqual(
                now["accounts"].get(account, zero), then["accounts"].get(account, zero), account
            )

    def _assert_sound(self, invoices):
        self._assert_balanced()
        self.env.invalidate_all()
        for item, (currency, company) in self._open_amounts(invoices).items():
            line = self.env["account.move.line"].browse(item)
            self.assertAlmostEqual(line.amount_residual_currency, float(currency), 6)
            self.assertAlmostEqual(line.amount_residual, float(company), 6)
        ledger = self._ledger_balances()
        for customer in invoices.commercial_partner_id:
            expected = ledger[customer.id, self.company.id]
            self.assertAlmostEqual(customer.account_balance, float(expected), 6)
        for move, waiting in self._waiting(invoices).items():
            items = self._open_amounts(self.env["account.move"].browse(move), self.transition)
            self.assertEqual(tuple(map(sum, zip(*items.values(), strict=True))), waiting)

    # --- tax, from the invoice's own items ------------------------------------------

    def _sums(self, items):
        """Amounts in currency and in company currency, to the cent, and how many items."""
        names = ("amount_currency", "balance")
        sums = [sum(Decimal(f"{value:.2f}") for value in items.mapped(name)) for name in names]
        return (*sums, len(items))

    def _waiting(self, invoices):
        """{invoice: both amounts on the transition account} by all entries about it."""
        rows = self._ledger(
            """
            SELECT about.invoice, SUM(line.amount_currency)::text, SUM(line.balance)::text
              FROM account_move_line line
              JOIN (SELECT id AS move_id, id AS invoice FROM account_move
                     UNION SELECT id, tax_cash_basis_origin_move_id FROM account_move
                     UNION SELECT entry_id, move_id FROM ar_write_off_line
                     UNION SELECT reversal_id, move_id FROM ar_write_off_line
                     UNION SELECT partial.exchange_move_id, item.move_id
                             FROM account_partial_reconcile partial
                             JOIN account_move_line item
                               ON item.id IN (partial.debit_move_id, partial.credit_move_id)
                   ) about USING (move_id)
             WHERE parent_state = 'posted' AND account_id = %s AND about.invoice IN %s
          GROUP BY 1
            """,
            self.transition.id,
            tuple(invoices.ids),
        )
        return {move: (Decimal(currency), Decimal(company)) for move, currency, company in rows}

    def _assert_tax(self, documents, before, after):
        """Each entry has its share of the invoice's tags; nothing else changed the report."""
        moved = Counter()
        for line in documents.line_ids.filtered(lambda line: line.state == "done"):
            items = line.move_id.line_ids.grouped("account_id")
            total = self._sums(items[line.item_ids.account_id])
            was = [sum(before["open"][item.id][n] for item in line.item_ids) for n in (0, 1)]
            now = [sum(after["open"][item.id][n] for item in line.item_ids) for n in (0, 1)]
            shares = [(was[n] - now[n]) / total[n] for n in (0, 1)]
            for tag in self.tags:
                moved[tag] += self._assert_tag(line, tag, shares)
            if self.transition in items:
                waited, waits = (state["waiting"][line.move_id.id] for state in (before, after))
                tax = self._sums(items[self.transition])
                self._assert_waits(tax, shares, waited, waits, any(now))
        for tag in self.tags:
            self.assertEqual(after["tags"][tag] - before["tags"][tag], moved[tag], tag.name)

    def _assert_tag(self, line, tag, shares):
        """Returns what the line's entry adds to the tag."""
        declared, taken = (
            self._sums(move.line_ids.filtered(lambda item: tag in item.tax_tag_ids))
            for move in (line.move_id, line.entry_id)
        )
        if line.document_id.reason_id != self.reclaim or not declared[2]:
            self.assertEqual(taken, (0, 0, 0), "it stays, or was never declared")
            return 0
        # The loss takes what the rounding of each tax leaves, and is split over its items
        # by their company amounts: exact in these only.
        base = tag == self.base_tag
        taxes = len(line.move_id.line_ids.filtered("tax_repartition_line_id"))
        slack = CENT * (taken[2] + taxes if base else declared[2])
        for n in (0, 1):
            exact = shares == [1, 1] and (n or not base)
            difference = abs(taken[n] + shares[n] * declared[n])
            self.assertLessEqual(difference, 0 if exact else slack, line.display_name)
        return taken[1]

    def _assert_waits(self, tax, shares, waited, waits, owes):
        """What waits went down in the share; nothing does for a settled document."""
        for n in (0, 1):
            expected = waited[n] - shares[n] * tax[n] if owes else 0
            self.assertLessEqual(abs(waits[n] - expected), CENT * tax[2] if owes else 0)

    # --- the property ------------------------------------------------------------

    def _write_off_some(self, rnd, invoices):
        """Random lines, some in part; returns the documents (one per company)."""
        documents = self.env["ar.write.off"]
        reason = rnd.choice([self.reason, self.reclaim])
        for company in invoices.company_id:
            document = (
                self.env["ar.write.off"]
                .with_company(company)
                .create(
                    {
                        "company_id": company.id,
                        "reason_id": reason.id,
                        "date": self.today,
                        "with_credits": True,
                        "partner_ids": [Command.set(invoices.commercial_partner_id.ids)],
                    }
                )
            )
            document.action_search()
            for line in document.line_ids:
                line.selected = rnd.random() < 0.7
                if rnd.random() < 0.25:
                    part = line.currency_id.round(line.amount * rnd.uniform(0.1, 0.9))
                    line.amount = part or line.amount
            if any(document.line_ids.mapped("selected")):
                # What was planned is what the database says: nothing is left to core.
                with self.assertNoLogs(OUR_LOGS, logging.INFO):
                    document.action_process()
                documents |= document
        return documents

    def _assert_written_off(self, documents, before, after):
        """Each item owes less by what was written off of its document, and no other does."""
        expected_loss = Decimal(0)
        touched = set()
        for line in documents.line_ids:
            was = sum(before["open"][item.id][0] for item in line.item_ids)
            now = sum(after["open"][item.id][0] for item in line.item_ids)
            touched |= set(line.item_ids.ids)
            if line.state == "done":
                self.assertAlmostEqual(float(was - now), line.amount, 6, line.display_name)
                entry = line.entry_id
                company = sum(after["open"][item.id][1] for item in line.item_ids)
                was_company = sum(before["open"][item.id][1] for item in line.item_ids)
                receivable = sum(
                    entry.line_ids.filtered(
                        lambda item: item.account_type == "asset_receivable"
                    ).mapped("balance")
                )
                self.assertAlmostEqual(float(was_company - company), -receivable, 6)
                if not now:
                    self.assertEqual(company, 0, "cleared in both currencies")
                expected_loss += was_company - company
            else:
                self.assertEqual(was, now, (line.state, line.reason))
        for item, amounts in before["open"].items():
            if item not in touched:
                self.assertEqual(after["open"][item], amounts)
        return expected_loss

    def test_write_off_undo_and_again(self):
        # Each example is a small company: no time for finding a smaller one.
        @seed(self.seed)
        @settings(max_examples=8, phases=(Phase.explicit, Phase.generate))
        @given(st.integers(0, 10**6))
        def check(number):
            rnd = random.Random(f"{self.seed}-{number}")
            invoices = self._make_invoices(rnd)
            self._assert_sound(invoices)
            start = self._snapshot(invoices)
            first = self._write_off_some(rnd, invoices)
            failed = first.line_ids.filtered(lambda line: line.state == "failed")
            self.assertFalse(failed, failed.mapped("reason"))
            self._assert_sound(invoices)
            middle = self._snapshot(invoices)
            self._assert_written_off(first, start, middle)
            self._assert_tax(first, start, middle)
            done = first.line_ids.filtered(lambda line: line.state == "done")
            some = done.filtered(lambda _line: rnd.random() < 0.5)
            if some:
                with self.assertNoLogs(OUR_LOGS, logging.INFO):
                    some.action_undo()
                self._assert_sound(invoices)
                between = self._snapshot(invoices)
                second = self._write_off_some(rnd, invoices)
                self._assert_sound(invoices)
                end = self._snapshot(invoices)
                self._assert_written_off(second, between, end)
                self._assert_tax(second, between, end)
                for document in second.filtered(lambda d: d.done_count):
                    document.action_undo()
            for document in first.filtered(lambda d: d.done_count):
                document.action_undo()
            self._assert_sound(invoices)
            self._assert_same(self._snapshot(invoices), start)

        check()
