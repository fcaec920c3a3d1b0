"""The total of Account Balances beside the general ledger."""

from odoo import Command
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from ..common import BalanceCommon


@tagged("post_install", "-at_install")
class TestControlAccount(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create({"name": "Rosa's Diner", "is_company": True})
        cls.receivable = cls.company_data["default_account_receivable"]

    def _entry(self, amount, partner=None, **values):
        """A posted entry on the receivable account, by default of nobody."""
        entry = self.env["account.move"].create(
            {
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.receivable.id,
                            "partner_id": partner and partner.id,
                            "balance": amount,
                            **values,
                        }
                    ),
                    Command.create(
                        {
                            "account_id": self.company_data["default_account_revenue"].id,
                            "balance": -amount,
                        }
                    ),
                ]
            }
        )
        entry._post(soft=False)
        return entry

    def _accounts(self, company=None):
        self.env.flush_all()
        self.env.invalidate_all()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.account_account_action_control"
        )
        self.assertEqual(action["domain"], "[('account_type', '=', 'asset_receivable')]")
        accounts = self.env["account.account"].with_context(active_test=False)
        return accounts.with_company(company or self.company).search(
            [("account_type", "=", "asset_receivable")]
        )

    def _items_of_nobody(self, account):
        """What the button of an account's row opens."""
        action = self.env.ref("ar_balance_invoicing.account_move_line_action_without_customer")
        domain = safe_eval(action.domain, {"active_id": account.id})
        return self.env["account.move.line"].search(domain)

    def _total(self, name, company=None):
        return sum(self._accounts(company).mapped(name))

    def _ledger_total(self):
        [(amount,)] = self._ledger(
            """SELECT SUM(line.debit - line.credit)
                 FROM account_move_line line
                 JOIN account_move move ON move.id = line.move_id
                 JOIN account_account account ON account.id = line.account_id
                WHERE move.state = 'posted' AND account.account_type = 'asset_receivable'
                  AND line.company_id IN %s""",
            (self.company.id, self.branch.id),
        )
        return float(amount or 0)

    def _check(self, customers, nobody):
        self.assertEqual(self._total("customers_balance"), customers)
        self.assertEqual(self._total("nobodys_balance"), nobody)
        self.assertEqual(self._total("ledger_balance"), self._ledger_total())
        self.assertEqual(self._total("ledger_balance"), customers + nobody)
        self.assertEqual(self._total("balance_difference"), 0)
        [(listed,)] = (
            self.env["res.partner"]
            .with_context(active_test=False)
            ._read_group(
                ["|", ("is_company", "=", True), ("parent_id", "=", False)],
                aggregates=["account_balance:sum"],
            )
        )
        self.assertEqual(float(listed or 0), customers, "the list Account Balances")

    def test_items_without_customer_are_listed_apart(self):
        self._check(0, 0)
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        self._invoice(contact, 100)
        archived = self.env["res.partner"].create({"name": "Gone", "active": False})
        self._invoice(archived, 7)
        self._invoice(self.customer, 20, company=self.branch)
        self._invoice(self.customer, 999, company=self.other)
        self._invoice(self.customer, 55, post=False)
        self._pay(self.customer, 30)
        stray = self._entry(12)
        self._check(97, 12)
        account = self._accounts().filtered(lambda account: account.nobodys_balance)
        items = self._items_of_nobody(account)
        self.assertEqual(items, stray.line_ids.filtered(lambda i: i.account_id == self.receivable))
        self.assertEqual(sum(items.mapped("open_balance")), 12)
        self.assertEqual(self._total("customers_balance", self.branch), 97, "one ledger")

    def test_settled_foreign_and_draft_matchings_leave_no_difference(self):
        invoice = self._invoice(self.customer, 100)
        payment = self._pay(self.customer, 100, invoice)
        abroad = self._invoice(self.customer, 80, currency_id=self.foreign.id)
        self._pay(self.customer, 33, abroad, currency=self.foreign)
        self._check(self._ledger_total(), 0)
        payment.action_draft()
        self._check(self._ledger_total(), 0)
        abroad.button_draft()
        self._check(self._ledger_total(), 0)

    def test_nobodys_items_matched_with_a_draft_are_open_too(self):
        debt, credit = self._entry(40), self._entry(-40)
        (debt | credit).line_ids.filtered(lambda i: i.account_id == self.receivable).reconcile()
        self._check(0, 0)
        credit.button_draft()
        self._check(0, 40)
        account = self._accounts().filtered(lambda account: account.nobodys_balance)
        items = self._items_of_nobody(account)
        self.assertEqual(items.mapped("open_balance"), [40])

    def test_an_archived_account_is_in_it_too(self):
        account = self.receivable.copy()
        self.customer.property_account_receivable_id = account
        self._invoice(self.customer, 60)
        account.active = False
        self._check(60, 0)

    def test_all_accounts_cost_the_same_queries(self):
        accounts = self._accounts()
        for number in range(6):
            self.receivable.copy({"code": f"RCV{number}"})
        names = ["customers_balance", "nobodys_balance", "ledger_balance", "balance_difference"]
        costs = [
            self._count_queries(lambda some=some: some.read(names), warm=True)
            for some in (accounts[:1], self._accounts())
        ]
        self.assertLessEqual(costs[1], costs[0], costs)
