from odoo import api, fields, models
from odoo.tools import SQL

from ...tools import client_actions
from ...tools.amounts import round_amount
from .account_move import BALANCE_GROUPS

_AGED = "Open receivable items aged %s days, in the current company's currency."


class ResPartner(models.Model):
    _inherit = "res.partner"

    # All in the currency of the current company, of which they are figures. They are
    # read from the ledger each time and not stored (see docs/architecture.md); like
    # core's ``credit`` they are kept for the transaction once read.
    account_balance = fields.Monetary(
        compute="_compute_account_figures",
        search="_search_account_balance",
        groups=BALANCE_GROUPS,
        help="What the customer's account owes: all posted, open receivable items of the "
        "commercial entity in the current company and its branches, unapplied payments "
        "and credit notes included. A contact shows the account of its company.",
    )
    account_overdue = fields.Monetary(
        string="Overdue",
        compute="_compute_account_figures",
        search="_search_account_overdue",
        groups=BALANCE_GROUPS,
        help="The part of the account balance whose due date has passed.",
    )
    account_not_due = fields.Monetary(
        string="Not Due",
        compute="_compute_account_figures",
        search="_search_account_not_due",
        groups=BALANCE_GROUPS,
        help=_AGED % "0",
    )
    account_aged_30 = fields.Monetary(
        string="1–30",
        compute="_compute_account_figures",
        search="_search_account_aged_30",
        groups=BALANCE_GROUPS,
        help=_AGED % "1 to 30",
    )
    account_aged_60 = fields.Monetary(
        string="31–60",
        compute="_compute_account_figures",
        search="_search_account_aged_60",
        groups=BALANCE_GROUPS,
        help=_AGED % "31 to 60",
    )
    account_aged_90 = fields.Monetary(
        string="61–90",
        compute="_compute_account_figures",
        search="_search_account_aged_90",
        groups=BALANCE_GROUPS,
        help=_AGED % "61 to 90",
    )
    account_aged_120 = fields.Monetary(
        string="91–120",
        compute="_compute_account_figures",
        search="_search_account_aged_120",
        groups=BALANCE_GROUPS,
        help=_AGED % "91 to 120",
    )
    account_aged_older = fields.Monetary(
        string="Older",
        compute="_compute_account_figures",
        search="_search_account_aged_older",
        groups=BALANCE_GROUPS,
        help=_AGED % "more than 120",
    )

    amount_written_off = fields.Monetary(
        string="Written Off",
        compute="_compute_amount_written_off",
        groups=BALANCE_GROUPS,
        help="Debt of this customer that was written off and not taken back, in the current "
        "company's currency; credits that were written off are taken off it.",
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company", "tz")
    def _compute_account_figures(self):
        balances = self.env["ar.balance"]
        names = balances._get_figure_names()
        customers = self.commercial_partner_id._origin
        figures = balances._get_figures(customers, names, self.env.company)
        nothing = [0] * len(names)
        for partner in self:
            customer = partner.commercial_partner_id._origin
            values = figures.get((customer.id, None), nothing)
            partner.update(dict(zip(names, values, strict=True)))

    @api.depends("commercial_partner_id")
    @api.depends_context("company", "allowed_company_ids", "uid")
    def _compute_amount_written_off(self):
        company, balances = self.env.company, self.env["ar.balance"]
        companies = balances._get_branches(company)
        if not self.env.su:
            # Unlike the balance it is no matter of the whole ledger, but of documents.
            companies &= self.env.companies
        amounts = balances._get_written_off(
            self.commercial_partner_id._origin,
            settled="partner_id.commercial_partner_id",
            companies=companies,
        )
        for partner in self:
            amount = amounts.get(partner.commercial_partner_id._origin.id, 0)
            partner.amount_written_off = round_amount(company.currency_id, amount)

    def _ar_search_account_figure(self, name, operator, value):
        return self.env["ar.amount.search"]._get_domain(self._fields[name], operator, value)

    def _search_account_balance(self, operator, value):
        return self._ar_search_account_figure("account_balance", operator, value)

    def _search_account_overdue(self, operator, value):
        return self._ar_search_account_figure("account_overdue", operator, value)

    def _search_account_not_due(self, operator, value):
        return self._ar_search_account_figure("account_not_due", operator, value)

    def _search_account_aged_30(self, operator, value):
        return self._ar_search_account_figure("account_aged_30", operator, value)

    def _search_account_aged_60(self, operator, value):
        return self._ar_search_account_figure("account_aged_60", operator, value)

    def _search_account_aged_90(self, operator, value):
        return self._ar_search_account_figure("account_aged_90", operator, value)

    def _search_account_aged_120(self, operator, value):
        return self._ar_search_account_figure("account_aged_120", operator, value)

    def _search_account_aged_older(self, operator, value):
        return self._ar_search_account_figure("account_aged_older", operator, value)

    def _field_to_sql(self, alias, field_expr, query=None):
        balances = self.env["ar.balance"]
        if field_expr not in balances._get_figure_names():
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        customer = super()._field_to_sql(alias, "commercial_partner_id", query)
        return balances._figure_to_sql(query, alias, field_expr, customer, self.env.company)

    def _read_group_select(self, aggregate_spec, query):
        """Sum each account once, though the contacts of a company show it too."""
        name, _colon, function = aggregate_spec.partition(":")
        if function == "sum" and name in self.env["ar.balance"]._get_figure_names():
            return SQL(
                "SUM(%s) FILTER (WHERE %s = %s)",
                self._field_to_sql(self._table, name, query),
                SQL.identifier(self._table, "commercial_partner_id"),
                SQL.identifier(self._table, "id"),
            )
        return super()._read_group_select(aggregate_spec, query)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_open_receivable_items(self):
        """Open the journal items that make up the customer's account balance."""
        self.ensure_one()
        self.check_access("read")
        customer = self.commercial_partner_id
        # The action has the same domain, by the id in the address.
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.account_move_line_action_open_items",
            self.env._("Open items of %s", customer.display_name),
            self.env["ar.balance"]._get_customer_item_domain(customer, self.env.company),
            {"active_id": customer.id},
        )
