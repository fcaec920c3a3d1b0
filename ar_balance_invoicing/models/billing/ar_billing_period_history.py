from markupsafe import Markup

from odoo import models
from odoo.tools import format_date

DATES = ("date_from", "date_to", "invoice_date")


class ArBillingPeriod(models.Model):
    """Which dates of a period were changed is told in the history of its profile."""

    _inherit = "ar.billing.period"

    def write(self, vals):
        names = [name for name in DATES if name in vals]
        before = {period: (period.display_name, [period[n] for n in names]) for period in self}
        result = super().write(vals)
        if names:
            self._note_changes(names, before)
        return result

    def _note_changes(self, names, before):
        """:param before: ``{period: (its name, its former values of the named fields)}``"""
        bodies = {}
        for profile, periods in self.grouped("profile_id").items():
            lines = []
            for period in periods:
                title, values = before[period]
                lines += [
                    Markup("%s · %s: %s → %s")
                    % (
                        title,
                        self._fields[name]._description_string(self.env),
                        format_date(self.env, value),
                        format_date(self.env, period[name]),
                    )
                    for name, value in zip(names, values, strict=True)
                    if value != period[name]
                ]
            if lines:
                bodies[profile.id] = Markup("<br/>").join(lines)
        if bodies:
            # Whoever sets the date of a period may not change its profile.
            profiles = self.env["ar.billing.profile"].sudo().browse(bodies)
            profiles._message_log_batch(bodies=bodies, author_id=self.env.user.partner_id.id)
