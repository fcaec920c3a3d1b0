from odoo import models

from ...tools import client_actions
from .ar_write_off_by_hand import BOOKED


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_view_write_offs(self):
        """The write-offs of this customer, also those that were undone."""
        self.ensure_one()
        customer = self.commercial_partner_id
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_write_off_line_action_customer",
            self.env._("Write-offs of %s", self.display_name),
            [("partner_id", "=", customer.id), ("state", "in", BOOKED)],
            {"active_id": customer.id},
        )
