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
            lost = self._sums(line.entry_id.line_ids.filtered(self._is_receivable))
            for tag in self.tags:
                moved[tag] += self._assert_tag(line, tag, [-lost[n] / total[n] for n in (0, 1)])
            if self.transition in items:
                waited, waits = (state["waiting"][line.move_id.id] for state in (before, after))
                tax = self._sums(items[self.transition])
                slack = tax[2] * (1 + len(line.application_ids))
                self._assert_waits(tax, shares, waited, waits, any(now), slack)
        # What was paid with the customers' own money falls due, as core says.
        paid = documents.line_ids.application_ids.partial_id
        due = self.env["account.move"].search([("tax_cash_basis_rec_id", "in", paid.ids)])
        for tag in self.tags:
            moved[tag] += self._sums(due.line_ids.filtered(lambda i, t=tag: t in i.tax_tag_ids))[1]
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

    def _is_receivable(self, item):
        return item.account_type == "asset_receivable"

    def _assert_waits(self, tax, shares, waited, waits, owes, slack):
        """What waits went down in the share; nothing does for a settled document."""
        for n in (0, 1):
            expected = waited[n] - shares[n] * tax[n] if owes else 0
            self.assertLessEqual(abs(waits[n] - expected), CENT * slack if owes else 0)

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
                        "with_credits": rnd.random() < 0.6,
                        "apply_credits": rnd.random() < 0.8,
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

    def _get_applied(self, documents):
        """{item: what was applied of it in both currencies}, credits negative."""
        applied = Counter()
        for application in documents.line_ids.application_ids:
            matching = application.partial_id
            self.assertEqual(application.state, "applied")
            for item, sign in ((matching.debit_move_id, 1), (matching.credit_move_id, -1)):
                for n, amount in enumerate((application.amount, matching.amount)):
                    applied[item.id, n] += sign * Decimal(f"{amount:.2f}")
        return applied

    def _get_slack(self, line, n):
        """In company currency, core rounds each matching of foreign items by exchange entries."""
        return 5 * CENT if n and line.currency_id == self.foreign else 0

    def _assert_written_off(self, documents, before, after):
        """Each item owes less by what was applied and lost of it, and no other does."""
        applied = self._get_applied(documents)
        touched = set()
        for line in documents.line_ids.filtered(lambda line: line.state == "done"):
            touched |= set(line.item_ids.ids)
            was, now, paid = (
                [sum(amounts(item, n) for item in line.item_ids.ids) for n in (0, 1)]
                for amounts in (
                    lambda item, n: before["open"][item][n],
                    lambda item, n: after["open"][item][n],
                    lambda item, n: applied[item, n],
                )
            )
            lost = self._sums(line.entry_id.line_ids.filtered(self._is_receivable))
            for n in (0, 1):
                difference = abs(was[n] - now[n] - (paid[n] - lost[n]))
                self.assertLessEqual(difference, self._get_slack(line, n), line.display_name)
            self.assertAlmostEqual(float(-lost[0]), line.amount, 6, line.display_name)
            self.assertAlmostEqual(float(paid[0]), line.amount_applied, 6, line.display_name)
            self.assertEqual(bool(line.entry_id), bool(line.amount), "no entry about nothing")
            if not now[0]:
                self.assertEqual(now[1], 0, "cleared in both currencies")
        for item, amounts in before["open"].items():
            if item not in touched:
                for n in (0, 1):
                    difference = abs(after["open"][item][n] - (amounts[n] - applied[item, n]))
                    line = self.env["account.move.line"].browse(item)
                    self.assertLessEqual(difference, self._get_slack(line, n), line.display_name)
        for line in documents.line_ids.filtered(lambda line: line.state in ("skipped", "failed")):
            self.assertFalse(any(applied[item, 0] for item in line.item_ids.ids), line.reason)

    def _assert_no_more_lost_than_owed(self, documents, owed):
        """:param owed: of each customer before, by the general ledger."""
        lines = documents.line_ids.filtered(lambda line: line.state == "done")
        for customer, his in lines.grouped("partner_id").items():
            lost = -self._sums(his.entry_id.line_ids.filtered(self._is_receivable))[1]
            # Core books exchange differences of foreign money, cent by cent.
            foreign = len(his.filtered(lambda line: line.currency_id == self.foreign))
            most = max(owed[customer.id, self.company.id], 0)
            self.assertLessEqual(lost, most + CENT * foreign, customer.name)

    def _assert_own_money_first(self, document):
        """Nothing is lost of who still has money to pay it with."""
        left_out = document.line_ids.filtered(lambda line: line.state in ("skipped", "failed"))
        done = document.line_ids.filtered(lambda line: line.state == "done")
        for line in done.filtered(lambda line: line.amount > 0):
            credits = self.env["account.move.line"].search(
                [
                    ("partner_id.commercial_partner_id", "=", line.partner_id.id),
                    ("company_id", "=", document.company_id.id),
                    ("account_id", "in", line.item_ids.account_id.ids),
                    ("currency_id", "=", line.currency_id.id),
                    ("parent_state", "=", "posted"),
                    ("amount_residual_currency", "<", 0),
                    ("id", "not in", left_out.item_ids.ids),
                ]
            )
            self.assertFalse(credits.filtered(lambda i: not i.reconciled), line.display_name)

    def _write_off_and_check(self, rnd, invoices, before):
        """Random rows written off; returns the documents and what is true afterwards."""
        owed = self._ledger_balances()
        documents = self._write_off_some(rnd, invoices)
        failed = documents.line_ids.filtered(lambda line: line.state == "failed")
        for line in failed:
            self.assertIn("more than that would be lost", line.reason)
        self._assert_sound(invoices)
        after = self._snapshot(invoices)
        self._assert_written_off(documents, before, after)
        self._assert_tax(documents, before, after)
        self._assert_no_more_lost_than_owed(documents, owed)
        for document in documents.filtered("apply_credits"):
            self._assert_own_money_first(document)
        return documents, after

    def test_write_off_undo_and_again(self):
        # Each example is a small company: no time for finding a smaller one.
        @seed(self.seed)
        @settings(max_examples=8, phases=(Phase.explicit, Phase.generate))
        @given(st.integers(0, 10**6))
        def check(number):
            rnd = random.Random(f"{self.seed}-{number}")
            invoices = self._make_invoices(rnd)
            invoices |= self._make_credits(rnd, invoices)
            self._assert_sound(invoices)
            start = self._snapshot(invoices)
            first, _middle = self._write_off_and_check(rnd, invoices, start)
            done = first.line_ids.filtered(lambda line: line.state == "done")
            some = done.filtered(lambda _line: rnd.random() < 0.5)
            if some:
                with self.assertNoLogs(OUR_LOGS, logging.INFO):
                    some.action_undo()
                self._assert_sound(invoices)
                between = self._snapshot(invoices)
                second, _end = self._write_off_and_check(rnd, invoices, between)
                for document in second.filtered(lambda d: d.done_count):
                    document.action_undo()
            for document in first.filtered(lambda d: d.done_count):
                document.action_undo()
            self._assert_sound(invoices)
            self._assert_same(self._snapshot(invoices), start)

        check()
