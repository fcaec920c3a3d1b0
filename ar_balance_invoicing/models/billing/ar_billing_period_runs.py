from odoo import api, fields, models


class ArBillingPeriod(models.Model):
    """What was billed in the period, and who was not."""

    _inherit = "ar.billing.period"

    run_ids = fields.One2many("ar.billing.run", "period_id", string="Billing Runs")
    billed_count = fields.Integer(string="Billed", compute="_compute_billed_counts")
    not_billed_count = fields.Integer(string="Not Billed", compute="_compute_billed_counts")

    @api.depends("profile_id")
    def _compute_billed_counts(self):
        """Customers with and without a live invoice of the period."""
        rows = self.env["account.move"]._read_group(
            [("billing_period_id", "in", self.ids), ("state", "!=", "cancel")],
            ["billing_period_id"],
            ["commercial_partner_id:recordset"],
        )
        billed = {period.id: customers for period, customers in rows}
        for profile, periods in self.grouped("profile_id").items():
            customers = self.env["res.partner"]
            if profile:
                customers = profile._get_customers().filtered("active")
            for period in periods:
                theirs = billed.get(period._origin.id, customers.browse())
                period.billed_count = len(theirs)
                period.not_billed_count = len(customers - theirs)

    def _get_draft_run(self):
        """The user's own unconfirmed run of the period, with today's candidates.

        Not somebody else's, who may be ticking its lines at this moment.
        """
        self.ensure_one()
        runs = self.env["ar.billing.run"]
        run = runs.search(
            [
                ("period_id", "=", self.id),
                ("state", "=", "draft"),
                ("user_id", "=", self.env.uid),
            ],
            limit=1,
        )
        if not run:
            return runs._create_for_period(self)
        run._populate()
        return run

    def action_create_invoices(self):
        """List the customers of the period with what each would be billed and owes."""
        return self._get_draft_run().action_view_lines()

    def action_view_not_billed(self):
        """Whoever has no invoice in this period, each with the reason if there is one."""
        action = self._get_draft_run().action_view_lines()
        action["display_name"] = self.env._("Not billed: %s", self.display_name)
        action["context"]["search_default_not_billed"] = 1
        return action

    def action_view_billed(self):
        """The invoices of the period."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_out_invoice")
        return {
            **action,
            "display_name": self.env._("Invoices of %s", self.display_name),
            "domain": [("billing_period_id", "=", self.id)],
            "context": {"default_move_type": "out_invoice"},
        }
