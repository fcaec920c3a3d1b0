from odoo import api, fields, models

from ...tools.aging import age


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    days_overdue = fields.Integer(
        compute="_compute_days_overdue",
        help="Days since the due date; empty for what is not due yet.",
    )

    # All that the balance reads of an open item, so that a balance over a whole
    # ledger is an index-only scan of its few open items.
    _ar_open_item_idx = models.Index(
        "(account_id, partner_id) "
        "INCLUDE (company_id, amount_residual, date_maturity, date, invoice_date) "
        "WHERE reconciled IS NOT TRUE AND parent_state = 'posted'"
    )

    @api.depends("date_maturity", "date")
    def _compute_days_overdue(self):
        balances = self.env["ar.balance"]
        today = fields.Date.context_today(self)
        for line in self:
            due = balances._get_reference_date(line, "due_date")
            line.days_overdue = max(age(due, today), 0) if due else 0
