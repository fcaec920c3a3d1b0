from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.aging import age
from .account_move import BALANCE_GROUPS

_OPEN_AMOUNTS = {
    "open_balance": ("amount_residual", "amount"),
    "open_balance_currency": ("amount_residual_currency", "amount_currency"),
}


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    days_overdue = fields.Integer(
        compute="_compute_days_overdue",
        help="Days since the due date; empty for what is not due yet.",
    )
    open_balance = fields.Monetary(
        string="Open",
        compute="_compute_open_balance",
        search="_search_open_balance",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="What is not matched with posted documents, in company currency. What is matched "
        "with a draft is open: the draft is not in the ledger.",
    )
    open_balance_currency = fields.Monetary(
        string="Open in Currency",
        compute="_compute_open_balance",
        currency_field="currency_id",
        groups=BALANCE_GROUPS,
        help="The same, in the currency of the item.",
    )
    has_draft_match = fields.Boolean(
        string="Matched With a Draft",
        compute="_compute_draft_match",
        search="_search_has_draft_match",
        groups=BALANCE_GROUPS,
    )
    draft_match = fields.Char(
        string="Matched With",
        compute="_compute_draft_match",
        groups=BALANCE_GROUPS,
        help="Drafts that hold this item, or a part of it, as if it were paid. Post or cancel "
        "them, or unmatch them, to settle it or to match it with something else.",
    )

    in_account_balance = fields.Boolean(
        compute="_compute_in_account_balance",
        search="_search_in_account_balance",
        groups=BALANCE_GROUPS,
        help="It is a part of its customer's account balance in the current company.",
    )
    amount_written_off = fields.Monetary(
        string="Written Off",
        compute="_compute_amount_written_off",
        currency_field="currency_id",
        groups=BALANCE_GROUPS,
        help="The part of this item that write-offs have settled, in its currency.",
    )
    write_off_state = fields.Selection(
        [("none", "Not written off"), ("partial", "Partly written off"), ("full", "Written off")],
        compute="_compute_amount_written_off",
        groups=BALANCE_GROUPS,
        help="Of this item alone: an entry can have items of several customers.",
    )

    # All that the balance reads of an open item, so that a balance over a whole
    # ledger is an index-only scan of its few open items.
    _ar_open_item_idx = models.Index(
        "(account_id, partner_id) "
        "INCLUDE (company_id, amount_residual, date_maturity, date, invoice_date) "
        "WHERE reconciled IS NOT TRUE AND parent_state = 'posted'"
    )
    # The few items that are matched though they are not posted, whatever number of drafts.
    _ar_matched_draft_idx = models.Index(
        "(id) WHERE parent_state != 'posted' AND matching_number IS NOT NULL"
    )

    @api.depends("date_maturity", "date")
    def _compute_days_overdue(self):
        balances = self.env["ar.balance"]
        today = fields.Date.context_today(self)
        for line in self:
            due = balances._get_reference_date(line, "due_date")
            line.days_overdue = max(age(due, today), 0) if due else 0

    @api.depends("amount_residual", "matched_debit_ids", "matched_credit_ids")
    def _compute_amount_written_off(self):
        amounts = self.env["ar.balance"]._get_written_off(
            self._origin, settled="", in_currency=True
        )
        for line in self:
            amount = amounts.get(line._origin.id, 0)
            line.amount_written_off = amount
            if not line.currency_id or line.currency_id.is_zero(amount):
                line.write_off_state = "none"
            else:
                line.write_off_state = "full" if line.reconciled else "partial"

    # ------------------------------------------------------------------
    # What is open, drafts aside
    # ------------------------------------------------------------------

    @api.depends("amount_residual", "amount_residual_currency", "parent_state")
    def _compute_open_balance(self):
        amounts = self.env["ar.balance"]._get_open_amounts(self._origin)
        for line in self:
            values = amounts.get(line._origin.id, (0, 0))
            line.open_balance, line.open_balance_currency = values

    def _search_open_balance(self, operator, value):
        field = self._fields["open_balance"]
        return self.env["ar.amount.search"]._get_domain(field, operator, value)

    @api.depends("matched_debit_ids", "matched_credit_ids", "parent_state")
    def _compute_draft_match(self):
        posted = self._origin.filtered(lambda line: line.parent_state == "posted")
        notes = self.env["ar.draft.matching"]._get_notes(posted)
        for line in self:
            line.draft_match = notes.get(line._origin.id, False)
            line.has_draft_match = bool(line.draft_match)

    def _search_has_draft_match(self, operator, value):
        self._check_field_access(self._fields["has_draft_match"], "read")
        if operator != "in":
            return NotImplemented
        if set(value) >= {True, False}:
            return Domain.TRUE

        def to_sql(model, alias, _query):
            found = SQL(
                "%s = ANY(ARRAY(SELECT part.item FROM (%s) part))",
                model._field_to_sql(alias, "id"),
                model.env["ar.draft.matching"]._select(),
            )
            posted = SQL("%s = 'posted'", model._field_to_sql(alias, "parent_state"))
            return SQL("%s(%s AND %s)", SQL("" if True in value else "NOT "), posted, found)

        return Domain.custom(to_sql=to_sql, predicate=lambda line: line.has_draft_match in value)

    @api.depends("open_balance", "account_id.account_type", "company_id")
    @api.depends_context("company")
    def _compute_in_account_balance(self):
        owed = self.filtered_domain(self._search_in_account_balance("in", {True}))
        for line in self:
            line.in_account_balance = line in owed

    def _search_in_account_balance(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = self.env["ar.balance"]._get_owed_item_domain(self.env.company)
        answers = {True: domain, False: ~domain}
        return Domain.OR(answers[answer] for answer in set(map(bool, value)))

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr not in _OPEN_AMOUNTS:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        residual, more = _OPEN_AMOUNTS[field_expr]
        matched = self.env["ar.draft.matching"]._join(
            query, alias, "id", super()._field_to_sql(alias, "id", query)
        )
        return SQL(
            "CASE WHEN %s = 'posted' THEN %s + COALESCE(%s, 0) ELSE 0 END",
            super()._field_to_sql(alias, "parent_state", query),
            super()._field_to_sql(alias, residual, query),
            SQL.identifier(matched, more),
        )
