from odoo import models


class ArBillingProfile(models.Model):
    _inherit = "ar.billing.profile"

    def action_create_invoices(self):
        """Open the first window of Create Invoices for this profile."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_create_invoices_action"
        )
        return {**action, "context": {"default_profile_id": self.id}}
