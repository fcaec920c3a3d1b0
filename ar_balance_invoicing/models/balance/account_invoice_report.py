from odoo import fields, models


class AccountInvoiceReport(models.Model):
    """Core's invoice analysis, with the status that the list of invoices shows."""

    _inherit = "account.invoice.report"

    account_status = fields.Selection(
        related="move_id.status_in_payment",
        string="Status",
        help="As in the list of invoices, where “Paid” stands only for what was paid.",
    )
