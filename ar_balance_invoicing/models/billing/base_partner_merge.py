from odoo import api, models


class MergePartnerAutomatic(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Customers that become one are one candidate of a billing run, with all charges."""
        lines = self.env["ar.billing.run.line"].sudo()
        lines._join_customers(src_partners | dst_partner, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)
