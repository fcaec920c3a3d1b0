from odoo import models

from ...tools import client_actions


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def _fill_sale_purchase_dashboard_data(self, dashboard_data):
        """On the cards of the journals that billing profiles use: a way to unbilled days."""
        result = super()._fill_sale_purchase_dashboard_data(dashboard_data)
        profiles = self.env["ar.billing.profile"]
        if profiles.has_access("read"):
            used = profiles.sudo().search([("journal_id", "in", self.ids)]).journal_id
            for journal in self & used:
                dashboard_data[journal.id]["has_billing_profile"] = True
        return result

    def action_view_unbilled_days(self):
        """Days of services that are due and stand on no invoice, of this journal's profiles."""
        self.check_access("read")
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.account_journal_action_unbilled_days",
            self.env._("Unbilled Days"),
            ["|", ("profile_id.journal_id", "in", self.ids), ("profile_id", "=", False)],
            {"active_id": self[:1].id},
        )
