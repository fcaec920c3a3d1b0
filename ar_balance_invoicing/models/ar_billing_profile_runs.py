from datetime import timedelta

from odoo import fields, models

# How long a period that was not billed on its day is still billed automatically.
DAYS_TO_CATCH_UP = 31


class ArBillingProfile(models.Model):
    """How a profile is billed: by hand, or when its day has come."""

    _inherit = "ar.billing.profile"

    def action_create_invoices(self):
        """Open the first window of Create Invoices for this profile."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_create_invoices_action"
        )
        return {**action, "context": {"default_profile_id": self.id}}

    def _get_periods_due(self, today):
        """Periods whose invoice date has come (less the lead days) and that nobody billed.

        None from before the profile was made: a new profile bills no past by itself.
        """
        self.ensure_one()
        made_on = fields.Datetime.context_timestamp(self, self.create_date).date()
        earliest = max(made_on, today - timedelta(days=DAYS_TO_CATCH_UP))
        periods = self.env["ar.billing.period"].search(
            [
                ("profile_id", "=", self.id),
                ("invoice_date", ">=", earliest),
                ("invoice_date", "<=", today + timedelta(days=self.lead_days)),
            ],
            order="date_from",
        )
        # A list that somebody only looked at bills nobody.
        runs = self.env["ar.billing.run"].search(
            [("period_id", "in", periods.ids), ("state", "not in", ("draft", "cancelled"))]
        )
        return periods - runs.period_id
