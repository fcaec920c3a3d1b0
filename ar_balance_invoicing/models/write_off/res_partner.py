from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

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
