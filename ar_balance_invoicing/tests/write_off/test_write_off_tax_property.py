"""Random taxes, lines, currencies and parts: the ledger says how much tax was taken back."""

import logging
import os
import random
from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from ..common import new_seed
from ..write_off_tax_common import TaxCommon

_logger = logging.getLogger(__name__)
EXAMPLES = int(os.environ.get("AR_HISTORIES", 20))


@tagged("post_install", "-at_install")
class TestWriteOffTaxProperty(TaxCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random taxes written off: AR_SEED=%s", cls.seed)
        cls.waiting = cls._make_cash_basis_tax()
        cls.vat = cls._make_tax("VAT 20", 20, sequence=9)
        eco = cls._make_tax("Eco 7.3", 7.3, include_base_amount=True, sequence=1)
        bag = cls._make_tax("Bag", 0.35, amount_type="fixed", sequence=2)
        inside = cls._make_tax("In 19", 19, price_include_override="tax_included")
        split = cls._make_tax("Split", 17.5, factors=(60, 40))
        reverse = cls._make_tax("Reverse", 21, factors=(100, -100))
        none = cls.env["account.tax"]
        cls.tax_sets = [none, cls.vat, cls.vat, eco | cls.vat, bag, bag | cls.vat, inside, split]
        cls.tax_sets += [reverse, cls.waiting, cls.waiting | cls.vat, eco | cls.waiting]
        relief = cls._make_tax("Relief", 20, type_tax_use="purchase")
        cls.relief = cls._make_reason(
            "Law",
            tax_treatment="reclaim",
            bad_debt_tax_ids=[Command.create({"tax_id": cls.vat.id, "bad_debt_tax_id": relief.id})],
        )
        cls.aliases = {relief.id: cls.vat.id}
        cls.products = [cls._make_category(name) for name in ("A", "B", "C")]
        plan = cls.env["account.analytic.plan"].create({"name": "Routes"})
        cls.routes = cls.env["account.analytic.account"].create(
            [{"name": f"R{n}", "plan_id": plan.id} for n in range(3)]
        )
        cls.currencies = [
            cls.company.currency_id,
            cls._currency("CHF", 2.5),
            cls._currency("JPY", 150, rounding=1),
            cls._currency("KWD", 0.0065, rounding=0.001),
        ]
        cls.coins = cls.env["account.cash.rounding"].create(
            [
                {
                    "name": strategy,
                    "rounding": 0.05,
                    "strategy": strategy,
                    "profit_account_id": cls.company_data["default_account_revenue"].id,
                    "loss_account_id": cls.company_data["default_account_expense"].id,
                }
                for strategy in ("add_invoice_line", "biggest_tax")
            ]
        )

    # --- what the ledger says -----------------------------------------------------

    def _taxes_booked(self, moves):
        """{(tax, share of its distribution): balance} of declared tax, by journal items."""
        rows = self._ledger(
            """
            SELECT rep.tax_id, rep.factor_percent::text, SUM(item.balance)::text
              FROM account_move_line item
              JOIN account_tax_repartition_line rep ON rep.id = item.tax_repartition_line_id
              JOIN account_tax tax ON tax.id = rep.tax_id
             WHERE item.move_id IN %s AND item.parent_state = 'posted'
               AND tax.tax_exigibility != 'on_payment'
          GROUP BY 1, 2
            """,
            tuple(moves.ids) or (0,),
        )
        booked = {}
        for tax, factor, amount in rows:
            key = self.aliases.get(tax, tax), factor
            booked[key] = booked.get(key, 0) + Decimal(amount)
        return booked

    def _bases_booked(self, moves):
        """{tax: balance} of the items that carry a box for its base, by their tags."""
        names = self._boxes(moves)
        bases = {}
        for name, amount in names.items():
            if name.endswith(" base"):
                tax = name.rsplit(" ", 2)[0].replace("Relief", "VAT 20")
                bases[tax] = bases.get(tax, 0) + amount
        return bases

    def _receivable(self, moves):
        rows = self._ledger(
            """
            SELECT COALESCE(SUM(item.balance), 0)::text FROM account_move_line item
              JOIN account_account account ON account.id = item.account_id
             WHERE item.move_id IN %s AND item.parent_state = 'posted'
               AND account.account_type = 'asset_receivable'
            """,
            tuple(moves.ids) or (0,),
        )
        return Decimal(rows[0][0])

    def _waits(self, invoice):
        """What is left open on the transition account for the invoice."""
        return self._ledger(
            """
            SELECT id FROM account_move_line
             WHERE move_id = %s AND account_id = %s
               AND (amount_residual != 0 OR amount_residual_currency != 0)
            """,
            invoice.id,
            self.waiting.cash_basis_transition_account_id.id,
        )

    def _assert_not_too_much(self, invoice, entries, what):
        declared, taken = what(invoice), what(entries)
        for key, amount in taken.items():
            whole = declared.get(key, Decimal(0))
            self.assertLessEqual(amount * whole, 0, (key, "taken back, and not declared again"))
            self.assertLessEqual(abs(amount), abs(whole), key)

    # --- random documents ------------------------------------------------------------

    def _make_random_invoice(self, rnd):
        currency = rnd.choice(self.currencies)
        scale = rnd.choice([1, 10, 300]) * (1 if currency.rounding < 1 else 20)
        lines = [
            self._line_vals(
                round(rnd.uniform(0.3, 1) * scale, currency.decimal_places),
                rnd.choice(self.tax_sets),
                rnd.choice([None, *self.products]),
                quantity=rnd.choice([1, 1, 3]),
                analytic_distribution=rnd.choice([False, {str(rnd.choice(self.routes).id): 100}]),
            )
            for _n in range(rnd.randint(1, 6))
        ]
        if rnd.random() < 0.4:  # a deposit
            line = dict(rnd.choice(lines), quantity=1, product_id=self.products[2].id)
            line["price_unit"] = -round(line["price_unit"] * 0.7, currency.decimal_places)
            line["tax_ids"] = rnd.choice([line["tax_ids"], [Command.clear()]])
            lines.append(line)
        values = {"currency_id": currency.id}
        if rnd.random() < 0.3 and currency.rounding < 0.05:
            values["invoice_cash_rounding_id"] = rnd.choice(self.coins).id
        values["invoice_payment_term_id"] = rnd.choice([self.pay_terms_a, self.term_parts]).id
        self.company.tax_calculation_rounding_method = rnd.choice(
            ["round_per_line", "round_globally"]
        )
        invoice = self._invoice(self.customer, 0, post=False, **values)
        invoice.invoice_line_ids = [Command.clear(), *map(Command.create, lines)]
        invoice._post(soft=False)
        return invoice

    def _pay_some(self, rnd, invoice):
        """Down to one unit, a few, or some; or nothing. Returns whether anything was paid."""
        unit, open_ = invoice.currency_id.rounding, invoice.amount_residual
        left = rnd.choice([open_, open_, open_ * rnd.random(), unit, 2 * unit, 9 * unit])
        paid = invoice.currency_id.round(open_ - left)
        if paid <= 0:
            return False
        self._pay(self.customer, paid, invoice, currency=invoice.currency_id)
        return True

    # --- the property ------------------------------------------------------------------

    def _check_history(self, rnd):
        # What Odoo makes its own way is the same.
        by_core = rnd.random() < 0.2
        self.env["ir.config_parameter"].sudo().set_param(
            "ar_balance_invoicing.shortcuts", "off" if by_core else False
        )
        invoice = self._make_random_invoice(rnd)
        if invoice.currency_id.compare_amounts(invoice.amount_total, 0) <= 0:
            return
        start = {"tax": self._taxes_booked(invoice), "base": self._bases_booked(invoice)}
        paid = self._pay_some(rnd, invoice)
        reasons = rnd.choice([[self.reclaim], [self.reclaim, self.relief], [self.reason], None])
        reasons = reasons or [self.reason, self.reclaim, self.relief]
        rows, unit = self.env["ar.write.off.line"], invoice.currency_id.rounding
        for n in reversed(range(rnd.choice([1, 1, 2, 5, 12]))):
            if not self._is_open(invoice):
                break  # the payment, or a part, left nothing of either currency
            residual = invoice.amount_residual
            amount = invoice.currency_id.round(residual * rnd.random()) or unit
            rows |= self._book_row(invoice, rnd.choice(reasons), amount if n else None)
            self._assert_rows(invoice, rows)
            if n and invoice.currency_id.is_zero(invoice.amount_residual):
                break
            if rnd.random() < 0.2:
                rnd.choice(rows.filtered(lambda row: row.state == "done")).action_undo()
                self._assert_rows(invoice, rows)
        if self._is_open(invoice):
            rows |= self._book_row(invoice, rnd.choice(reasons))
            self._assert_rows(invoice, rows)
        self._assert_settled(invoice)
        self.assertFalse(self._waits(invoice))
        entries = rows.entry_id | rows.reversal_id
        if not paid and self.reason not in reasons:
            for name, what in (("tax", self._taxes_booked), ("base", self._bases_booked)):
                taken = {key: -amount for key, amount in what(entries).items() if amount}
                declared = {key: amount for key, amount in start[name].items() if amount}
                self.assertEqual(taken, declared, name)
        rows.filtered(lambda row: row.state == "done").document_id.action_undo()
        entries = rows.entry_id | rows.reversal_id
        self.assertFalse(any(self._taxes_booked(entries).values()))
        self.assertFalse(any(self._bases_booked(entries).values()))

    def _is_open(self, invoice):
        return any(
            item.account_type == "asset_receivable" and not item.reconciled
            for item in invoice.line_ids
        )

    def _assert_rows(self, invoice, rows):
        entries = rows.entry_id | rows.reversal_id
        self._assert_entries_sound(entries)
        self._assert_not_too_much(invoice, entries, self._taxes_booked)
        self._assert_not_too_much(invoice, entries, self._bases_booked)
        # As if what was taken back so far had been written off at once.
        live = rows.filtered(lambda row: row.state == "done")
        reclaimed = live.filtered(lambda row: row.document_id.reason_id != self.reason).entry_id
        share = -self._receivable(reclaimed) / self._receivable(invoice)
        taken = self._taxes_booked(entries)
        items = len(invoice.line_ids.filtered("tax_repartition_line_id"))
        for key, declared in self._taxes_booked(invoice).items():
            off = taken.get(key, 0) + declared * share
            self.assertLessEqual(abs(off), Decimal("0.005") * items, key)

    def test_tax_of_many_parts(self):
        # Each example is an invoice; the same for the same seed, whatever the code is.
        chance = random.Random(self.seed)
        for number in [chance.randrange(10**6) for _example in range(EXAMPLES)]:
            with self.subTest(seed=self.seed, number=number):
                self._check_history(random.Random(f"{self.seed}-{number}"))

    def test_what_was_found_once(self):
        """A foreign amount that is worth nothing at home, booked as Odoo itself books."""
        self._check_history(random.Random("19-9732"))
