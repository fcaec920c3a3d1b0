from odoo import api, fields, models

from ..balance.account_move import BALANCE_GROUPS


class ResPartner(models.Model):
    _inherit = "res.partner"

    amount_written_off = fields.Monetary(
        string="Written Off",
        compute="_compute_amount_written_off",
        groups=BALANCE_GROUPS,
        help="Debt of this customer that was written off and not taken back, in the current "
        "company's currency; credits that were written off are taken off it.",
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company")
    def _compute_amount_written_off(self):
        rows = self.env["ar.write.off.line"]._read_group(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("state", "=", "done"),
                ("company_id", "child_of", self.env.company.sudo().root_id.id),
            ],
            ["partner_id"],
            ["amount_company:sum"],
        )
        amounts = {partner.id: amount for partner, amount in rows}
        for partner in self:
            partner.amount_written_off = amounts.get(partner.commercial_partner_id.id, 0)

    def action_view_write_offs(self):
        """The write-offs of this customer, also those that were undone."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_write_off_line_action"
        )
        return {
            **action,
            "display_name": self.env._("Write-offs of %s", self.display_name),
            "domain": [
                ("partner_id", "=", self.commercial_partner_id.id),
                ("state", "in", ("done", "undone")),
            ],
            "context": {},
        }
