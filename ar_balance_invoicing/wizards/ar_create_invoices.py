from odoo import api, fields, models
from odoo.exceptions import UserError

# How many periods before the proposed one are offered too.
SHOWN_BEFORE = 2


class ArCreateInvoices(models.TransientModel):
    """First window of Create Invoices: for whom, and for which period."""

    _name = "ar.create.invoices"
    _description = "Create Invoices"
    _inherit = ["ar.guarded"]

    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    profile_id = fields.Many2one(
        "ar.billing.profile",
        string="Billing Profile",
        required=True,
        default=lambda self: self._default_profile(),
        domain="[('company_id', '=', company_id)]",
    )
    period_id = fields.Many2one(
        "ar.billing.period",
        string="Billing Period",
        required=True,
        compute="_compute_period_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('profile_id', '=', profile_id)]",
    )
    more_profile_ids = fields.Many2many(
        "ar.billing.profile",
        string="Further Profiles",
        domain="[('company_id', '=', company_id), ('id', '!=', profile_id)]",
        help="Billed one after another, each for its own period that holds the first day "
        "of the period chosen above.",
    )

    periods_since = fields.Date(
        compute="_compute_periods_since", help="From where on periods are offered at first."
    )
    progress_note = fields.Char(compute="_compute_progress")
    billed_period_id = fields.Many2one(
        "ar.billing.period",
        compute="_compute_progress",
        help="The chosen period if anybody is billed in it, else the one before.",
    )

    @api.model
    def _default_profile(self):
        profiles = self.env["ar.billing.profile"].search(
            [("company_id", "=", self.env.company.id)], limit=2
        )
        return profiles if len(profiles) == 1 else profiles.browse()

    @api.depends("profile_id")
    def _compute_period_id(self):
        """The oldest period of the profile that is not fully billed."""
        periods = self.env["ar.billing.period"]
        for wizard in self:
            if wizard.period_id.profile_id != wizard.profile_id:
                profile = wizard.profile_id
                wizard.period_id = periods._get_proposed(profile) if profile else periods

    @api.depends("profile_id")
    def _compute_periods_since(self):
        for wizard in self:
            proposed = self.env["ar.billing.period"]._get_proposed(wizard.profile_id)
            since = proposed and proposed._get_periods_before(SHOWN_BEFORE)
            wizard.periods_since = since.date_from if since else False

    @api.depends("period_id")
    def _compute_progress(self):
        """“45 of 47 billed, $ 29,345.32”, and what there is to be thought of."""
        for wizard in self:
            period = wizard.period_id._origin
            before = period._get_periods_before(1) - period if period else period
            progress = (period | before)._get_progress()
            texts = (period | before)._get_progress_texts()
            billed, left = progress.get(period, ((), ()))
            notes = [texts[period], *period._get_progress_hints(billed, left)] if period else []
            if before and progress[before][0] and not billed:
                notes.append(
                    self.env._(
                        "%(period)s: %(progress)s",
                        period=before.display_name,
                        progress=texts[before],
                    )
                )
            wizard.progress_note = " · ".join(notes)
            shown = period if billed else before
            wizard.billed_period_id = shown if shown and progress[shown][0] else False

    @api.model
    def _get_period(self, profile, day):
        return self.env["ar.billing.period"].search(
            [
                ("profile_id", "=", profile.id),
                ("date_from", "<=", day),
                ("date_to", ">=", day),
            ],
            limit=1,
        )

    def action_list_customers(self):
        """List the customers with what each would be billed and what each owes."""
        self.ensure_one()
        runs = self.env["ar.billing.run"]
        for period in self._get_periods():
            runs |= period._list_customers()
        action = runs._list_together().action_view_lines()
        if len(runs) > 1:
            action["context"]["search_default_group_by_run"] = 1
        # Not below what stood behind the window: its records have other ids in the address.
        return {**action, "target": "main"}

    def action_view_billed(self):
        """The invoices that there are of the chosen period, or of the one before."""
        self.ensure_one()
        return (self.billed_period_id or self.period_id).action_view_billed()

    def _get_periods(self):
        """The chosen period, then those of further profiles that hold its first day."""
        periods = self.period_id
        self.more_profile_ids._make_periods(
            until=self.period_id.date_to, since=self.period_id.date_from
        )
        for profile in self.more_profile_ids:
            period = self._get_period(profile, self.period_id.date_from)
            if not period:
                raise UserError(
                    self.env._(
                        "%(profile)s has no billing period that holds %(day)s. Make its "
                        "periods first.",
                        profile=profile.display_name,
                        day=fields.Date.to_string(self.period_id.date_from),
                    )
                )
            periods |= period
        return periods
