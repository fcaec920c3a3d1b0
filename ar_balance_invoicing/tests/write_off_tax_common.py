"""Taxes of every kind, invoices with them, and what the boxes of the tax report say."""

from datetime import timedelta
from decimal import Decimal

from odoo import Command

from .write_off_common import WriteOffCommon


class TaxCommon(WriteOffCommon):
    """Taxes of every kind, each with boxes of its own for base and tax, invoice and refund."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax_account = cls._make_account("WOTAX", "liability_current")
        cls.refund_account = cls._make_account("WOTAXREF", "liability_current")

    @classmethod
    def _make_tax(cls, name, amount, factors=(100,), **values):
        boxes = cls.env["account.account.tag"].create(
            [
                {"name": f"{name} {document} {what}", "applicability": "taxes"}
                for document in ("invoice", "refund")
                for what in ("base", *(f"tax {factor}" for factor in factors))
            ]
        )
        half = len(boxes) // 2
        return cls.env["account.tax"].create(
            {
                "name": name,
                "amount": amount,
                "type_tax_use": "sale",
                "company_id": cls.company.id,
                "invoice_repartition_line_ids": cls._distribution(
                    factors, boxes[:half], cls.tax_account
                ),
                "refund_repartition_line_ids": cls._distribution(
                    factors, boxes[half:], cls.refund_account
                ),
                **values,
            }
        )

    @classmethod
    def _distribution(cls, factors, boxes, account):
        base, *others = boxes
        lines = [{"repartition_type": "base", "tag_ids": [Command.set(base.ids)]}] + [
            {
                "repartition_type": "tax",
                "factor_percent": factor,
                "account_id": account.id,
                "tag_ids": [Command.set(box.ids)],
            }
            for factor, box in zip(factors, others, strict=True)
        ]
        return [Command.create(line) for line in lines]

    @classmethod
    def _make_category(cls, name):
        """A product whose category has an account of its own for bad debts."""
        category = cls.env["product.category"].create({"name": name})
        category.ar_loss_account_id = cls._make_account(f"WO{name}", "expense")
        return cls.env["product.product"].create({"name": name, "categ_id": category.id})

    def _bill(self, *lines, post=True, **values):
        """A posted invoice of ``(price, taxes)`` or ``(price, taxes, product)``."""
        invoice = self._invoice(self.customer, 0, post=False, **values)
        invoice.invoice_line_ids = [
            Command.clear(),
            *(Command.create(self._line_vals(*line)) for line in lines),
        ]
        if post:
            invoice._post(soft=False)
        return invoice

    def _line_vals(self, price, taxes, product=None, **values):
        return {
            "name": "Line",
            "product_id": product.id if product else False,
            "quantity": 1,
            "price_unit": price,
            "tax_ids": [Command.set(taxes.ids)],
            "account_id": self.company_data["default_account_revenue"].id,
            **values,
        }

    # --- the ledger ------------------------------------------------------------

    def _boxes(self, moves):
        """{tag: what these entries add to it} by journal items and their tags alone."""
        rows = self._ledger(
            """
            SELECT rel.account_account_tag_id, SUM(line.balance)::text
              FROM account_move_line line
              JOIN account_account_tag_account_move_line_rel rel
                ON rel.account_move_line_id = line.id
             WHERE line.move_id IN %s AND line.parent_state = 'posted'
          GROUP BY 1
            """,
            tuple(moves.ids) or (0,),
        )
        names = self.env["account.account.tag"]
        return {names.browse(tag).name: Decimal(amount) for tag, amount in rows if Decimal(amount)}

    def _entries(self, *documents):
        lines = self.env["ar.write.off.line"].union(*(document.line_ids for document in documents))
        return lines.entry_id | lines.reversal_id

    def _assert_entries_sound(self, entries):
        """Balanced in both currencies; no item is a debit in one and a credit in the other."""
        wrong = self._ledger(
            """
            SELECT move_id, SUM(balance), SUM(amount_currency) FROM account_move_line
             WHERE move_id IN %s GROUP BY move_id
            HAVING SUM(balance) != 0 OR SUM(amount_currency) != 0
                OR BOOL_OR(balance * amount_currency < 0)
            """,
            tuple(entries.ids) or (0,),
        )
        self.assertFalse(wrong)

    def _assert_settled(self, invoice):
        """Its receivable is cleared in both currencies, and no exchange difference was made."""
        rows = self._ledger(
            """
            SELECT item.id FROM account_move_line item
              JOIN account_account account ON account.id = item.account_id
             WHERE item.move_id = %s AND account.account_type = 'asset_receivable'
               AND (item.amount_residual != 0 OR item.amount_residual_currency != 0
                    OR NOT item.reconciled)
             UNION ALL
            SELECT partial.exchange_move_id FROM account_partial_reconcile partial
              JOIN account_move_line item
                ON item.id IN (partial.debit_move_id, partial.credit_move_id)
              JOIN account_move entry ON entry.id = item.move_id
             WHERE partial.exchange_move_id IS NOT NULL AND entry.write_off_line_id IS NOT NULL
            """,
            invoice.id,
        )
        self.assertFalse(rows, invoice.display_name)

    @classmethod
    def _currency(cls, name, rate, rounding=0.01):
        currency = (
            cls.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        )
        currency.write({"active": True, "rounding": rounding})
        currency.rate_ids.unlink()
        cls.env["res.currency.rate"].create(
            {
                "currency_id": currency.id,
                "company_id": cls.company.id,
                "name": cls.today - timedelta(days=900),
                "rate": rate,
            }
        )
        return currency

    def _book_row(self, move, reason, amount=None):
        """A row of all that is open of a document, processed: also of what no search finds."""
        items = move.line_ids.filtered(
            lambda item: item.account_type == "asset_receivable" and not item.reconciled
        )
        residual = items.currency_id.round(sum(items.mapped("amount_residual_currency")))
        document = self.env["ar.write.off"].create({"reason_id": reason.id, "date": self.today})
        line = self.env["ar.write.off.line"]._create_inside(
            [
                {
                    "document_id": document.id,
                    "move_id": move.id,
                    "partner_id": items.partner_id.id,
                    "currency_id": items.currency_id.id,
                    "item_ids": [Command.set(items.ids)],
                    "amount_residual": residual,
                    "amount_residual_company": sum(items.mapped("amount_residual")),
                    "amount": residual if amount is None else amount,
                    "selected": True,
                }
            ]
        )
        document.action_process()
        self.assertEqual(line.state, "done", line.reason)
        return line
