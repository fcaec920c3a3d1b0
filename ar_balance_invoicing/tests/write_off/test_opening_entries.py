"""An entry with items of several customers: each is written off for himself."""

from odoo import Command
from odoo.tests import tagged

from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestOpeningEntries(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.brother = cls.env["res.partner"].create({"name": "Old Debtor's Brother"})

    def _opening(self, *debts):
        """A posted opening entry with an item per (customer, values of the item)."""
        receivable = self.company_data["default_account_receivable"]
        values = [
            {"account_id": receivable.id, "partner_id": customer.id, **vals}
            for customer, vals in debts
        ]
        total = sum(vals["balance"] for vals in values)
        entry = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(vals)
                    for vals in (*values, {"account_id": self.gain.id, "balance": -total})
                ],
            }
        )
        entry.action_post()
        return entry

    def _item(self, entry, customer):
        return entry.line_ids.filtered(lambda item: item.partner_id == customer)

    def _states(self, entry):
        """Of the entry, and of each customer's item: state and amount as the ledger has it."""
        self.env.flush_all()
        self.env.invalidate_all()
        items = (self._item(entry, self.customer), self._item(entry, self.brother))
        return [(record.write_off_state, record.amount_written_off) for record in (entry, *items)]

    def test_what_is_written_off_of_one_customer_is_not_of_the_other(self):
        entry = self._opening((self.customer, {"balance": 100}), (self.brother, {"balance": 50}))
        self.assertEqual(self._states(entry), [("none", 0)] * 3)
        document = self._write_off(partner_ids=self.customer.ids)
        self.assertEqual(document.state, "done")
        self.assertEqual(self._states(entry), [("partial", 100), ("full", 100), ("none", 0)])
        self.assertEqual((self.customer | self.brother).mapped("account_balance"), [0, 50])
        self.assertEqual((self.customer | self.brother).mapped("amount_written_off"), [100, 0])
        # The brother pays in two parts: nothing of that is written off.
        pay = self._pay(self.brother, 20)
        for amount in (None, 30):
            pay = self._pay(self.brother, amount) if amount else pay
            item = pay.move_id.line_ids.filtered(
                lambda line: line.account_type == "asset_receivable"
            )
            (item | self._item(entry, self.brother)).reconcile()
        self.assertEqual(self._states(entry), [("full", 100), ("full", 100), ("none", 0)])
        document.action_undo()
        self.assertEqual(self._states(entry), [("none", 0)] * 3)
        self.assertEqual(self.customer.account_balance, 100)

    def test_both_written_off_one_after_the_other(self):
        entry = self._opening((self.customer, {"balance": 100}), (self.brother, {"balance": 50}))
        self._write_off(partner_ids=self.brother.ids)
        self.assertEqual(self._states(entry), [("partial", 50), ("none", 0), ("full", 50)])
        self._write_off(partner_ids=self.customer.ids)
        self.assertEqual(self._states(entry), [("full", 150), ("full", 100), ("full", 50)])

    def test_items_in_another_currency_than_the_entry(self):
        euros = {"currency_id": self.foreign.id, "amount_currency": 80, "balance": 40}
        entry = self._opening((self.customer, euros), (self.brother, {"balance": 50}))
        self._write_off(partner_ids=self.customer.ids)
        self.assertEqual(
            self._states(entry), [("partial", 40), ("full", 80), ("none", 0)], "in own currency"
        )
