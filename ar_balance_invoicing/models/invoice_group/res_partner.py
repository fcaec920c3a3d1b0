from odoo import fields, models
from odoo.fields import Domain

from ..balance.account_move import BALANCE_GROUPS


class ResPartner(models.Model):
    """The groups that the invoices of a customer are in: only to be searched."""

    _inherit = "res.partner"

    invoice_group_ids = fields.Many2many(
        "ar.invoice.group",
        string="Invoice Groups",
        compute="_compute_invoice_group_ids",
        search="_search_invoice_group_ids",
        groups=BALANCE_GROUPS,
        help="Groups with an invoice of this customer that is not cancelled.",
    )

    def _compute_invoice_group_ids(self):
        rows = self.env["account.move"]._read_group(
            [
                ("commercial_partner_id", "in", self.ids),
                ("invoice_group_id", "!=", False),
                ("state", "!=", "cancel"),
            ],
            ["commercial_partner_id"],
            ["invoice_group_id:recordset"],
        )
        groups = dict(rows)
        for partner in self:
            partner.invoice_group_ids = groups.get(partner._origin)

    def _search_invoice_group_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        invoices = self.env["account.move"]._search(
            Domain("invoice_group_id", operator, value) & Domain("state", "!=", "cancel")
        )
        return Domain("id", "in", invoices.subselect("commercial_partner_id"))
