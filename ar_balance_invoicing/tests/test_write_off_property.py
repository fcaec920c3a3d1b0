"""Random invoices written off, partly undone, written off again: the ledger decides."""

import logging
import random
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.tests import tagged

from .common import new_seed
from .write_off_common import WriteOffCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestWriteOffProperty(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random write-offs: AR_SEED=%s", cls.seed)
        cls.cash_basis = cls._make_cash_basis_tax()
        base, tax = cls.env["account.account.tag"].create(
            [{"name": f"WO {name}", "applicability": "taxes"} for name in ("base", "tax")]
        )
        for line in cls.tax_sale_a.repartition_line_ids:
            line.tag_ids = base if line.repartition_type == "base" else tax
        cls.tags = base | tax | cls.cash_basis.repartition_line_ids.tag_ids
        cls.discount_term = cls._make_term("2 % within 10 days", [(100, 30)])
        cls.discount_term.write(
            {"early_discount": True, "discount_percentage": 2, "discount_days": 10}
        )

    # --- random documents -----------------------------------------------------

    def _make_invoices(self, rnd):
        customers = self.env["res.partner"].create([{"name": f"W{n}"} for n in range(6)])
        invoices = self.env["account.move"]
        for _n in range(rnd.randint(5, 9)):
            company = rnd.choice([self.company] * 3 + [self.branch])
            invoice = self._invoice(
                rnd.choice(customers),
                round(rnd.choice([0.05, rnd.uniform(1, 40), rnd.uniform(40, 3000)]), 2),
                post=False,
                days_ago=rnd.randint(0, 150),
                company=company,
                currency_id=rnd.choice([self.company.currency_id, self.foreign]).id,
                invoice_payment_term_id=rnd.choice(
                    [self.pay_terms_a, self.term_30, self.term_parts, self.discount_term]
                ).id,
                move_type=rnd.choice(["out_invoice"] * 4 + ["out_refund"]),
                taxes=rnd.choice(
                    [
                        self.env["account.tax"],
                        self.tax_sale_a,
                        self.cash_basis,
                        self.tax_sale_a | self.cash_basis,
                    ]
                ),
            )
            self._add_line(rnd, invoice)
            invoice._post(soft=False)
            invoices |= invoice
        for invoice in invoices.filtered(lambda move: move.move_type == "out_invoice"):
            share = rnd.choice([0, 0, 0.25, 0.6])
            amount = invoice.currency_id.round(invoice.amount_total * share)
            if amount:
                self._pay(
                    invoice.partner_id,
                    amount,
                    invoice,
                    company=invoice.company_id,
                    currency=invoice.currency_id,
                )
        return invoices

    def _add_line(self, rnd, invoice):
        if rnd.random() < 0.5:
            invoice.invoice_line_ids = [
                Command.create(
                    {
                        "name": "Extra",
                        "quantity": rnd.randint(1, 3),
                        "price_unit": round(rnd.uniform(0.1, 90), 2),
                        "tax_ids": [Command.set(rnd.choice([[], self.tax_sale_a.ids]))],
                        "account_id": self.company_data["default_account_revenue"].id,
                    }
                )
            ]

    # --- the ledger ------------------------------------------------------------

    def _open_amounts(self, invoices):
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
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE account.account_type = 'asset_receivable' AND line.move_id IN %s
            """,
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
            "tags": self._tag_sum(self.tags),
            "states": [
                (move.payment_state, move.status_in_payment, move.amount_written_off)
                for move in invoices
            ],
        }

    def _assert_same(self, now, then):
        for key in ("open", "tags", "states"):
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
            if all(document.reason_id == self.reason for document in first):
                self.assertEqual(middle["tags"], start["tags"], "tax was left alone")
            done = first.line_ids.filtered(lambda line: line.state == "done")
            some = done.filtered(lambda _line: rnd.random() < 0.5)
            if some:
                some.action_undo()
                self._assert_sound(invoices)
                second = self._write_off_some(rnd, invoices)
                self._assert_sound(invoices)
                for document in second.filtered(lambda d: d.done_count):
                    document.action_undo()
            for document in first.filtered(lambda d: d.done_count):
                document.action_undo()
            self._assert_sound(invoices)
            self._assert_same(self._snapshot(invoices), start)

        check()
