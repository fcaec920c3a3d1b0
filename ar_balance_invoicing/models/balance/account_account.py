from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.amounts import round_amount
from .account_move import BALANCE_GROUPS


class AccountAccount(models.Model):
    """Receivable accounts: what the customers' accounts add up to, beside the ledger."""

    _inherit = "account.account"

    # All in the currency of the current company, of its ledger with that of its branches.
    customers_balance = fields.Monetary(
        string="Account Balances",
        compute="_compute_control_balances",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="What the accounts of all customers owe on this account.",
    )
    nobodys_balance = fields.Monetary(
        string="Without Customer",
        compute="_compute_control_balances",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="Open items that name no customer: they are in nobody's account balance.",
    )
    ledger_balance = fields.Monetary(
        string="General Ledger",
        compute="_compute_control_balances",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="All posted items of this account, whatever they are matched with.",
    )
    balance_difference = fields.Monetary(
        string="Difference",
        compute="_compute_control_balances",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="General ledger less account balances and what is without customer: zero.",
    )

    @api.depends_context("company")
    def _compute_control_balances(self):
        company = self.env.company
        ledger = self._ar_get_ledger_balances(company)
        owed = self._ar_get_open_balances(company)
        for account in self:
            customers, nobody = owed.get(account.id, (0, 0))
            booked = ledger.get(account.id, 0)
            amounts = [customers, nobody, booked, booked - customers - nobody]
            names = ("customers_balance", "nobodys_balance", "ledger_balance", "balance_difference")
            for name, amount in zip(names, amounts, strict=True):
                account[name] = round_amount(company.currency_id, amount)

    def _ar_get_ledger_balances(self, company):
        """``{account id: balance}`` of receivable accounts, by debits and credits alone."""
        domain = self.env["ar.balance"]._get_ledger_domain(company)
        rows = (
            self.env["account.move.line"]
            .sudo()
            ._read_group(
                domain & Domain("account_id", "in", self.ids), ["account_id"], ["balance:sum"]
            )
        )
        return {account.id: amount for account, amount in rows}

    def _ar_get_open_balances(self, company):
        """``{account id: (of customers, of nobody)}``: open amounts, by one query."""
        line = self.env["account.move.line"].sudo()

        def get_columns(query, amount, _currency_amount):
            query.add_where(SQL("%s IN %s", account_of(query), tuple(self.ids) or (0,)))
            partner = line._field_to_sql(query.table, "partner_id", query)
            return [
                SQL("%s AS account", account_of(query)),
                SQL("%s IS NULL AS is_nobodys", partner),
                SQL("%s AS amount", amount),
            ]

        def account_of(query):
            return line._field_to_sql(query.table, "account_id", query)

        rows = self.env.execute_query(
            SQL(
                """SELECT account, COALESCE(SUM(amount) FILTER (WHERE NOT is_nobodys), 0),
                          COALESCE(SUM(amount) FILTER (WHERE is_nobodys), 0)
                     FROM (%s) part GROUP BY account""",
                self.env["ar.balance"]._select_parts(get_columns, company),
            )
        )
        return {account: amounts for account, *amounts in rows}
