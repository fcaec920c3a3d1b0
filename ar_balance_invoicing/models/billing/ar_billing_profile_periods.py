from dateutil.relativedelta import relativedelta
from psycopg2.errors import UniqueViolation

from odoo import api, fields, models

from ...tools.billing_calendar import period_dates, period_index

# Periods are made this far ahead, however short or long they are.
MONTHS_AHEAD = 12
PERIODS_AHEAD = 3


class ArBillingProfile(models.Model):
    """Makes the periods of a billing profile ahead."""

    _inherit = "ar.billing.profile"

    def action_make_periods(self):
        """Make the periods of today and the next twelve months, and show all there are."""
        self.check_access("read")
        self._make_periods()
        return self.action_open_periods()

    @api.model
    def _cron_make_periods(self):
        """Make the periods ahead of all active profiles."""
        self.search([("active", "=", True)])._make_periods()

    def _make_periods(self, until=None, since=None):
        """Make the periods that are missing, and touch no other.

        From today's period on (in arrears: from the last one that is over), or from where
        the periods end, so that a server that slept leaves no gap. Nothing is made before
        the profile's first day.

        :param until: a day in the last period; by default a year from now, and three
            periods at least.
        :param since: a day in the first period.
        :return: the new periods.
        """
        missing = self._prepare_missing_periods(until, since)
        # Who holds a profile's lock is making its periods at this moment.
        profiles = self.browse(missing).try_lock_for_update(allow_referencing=True)
        if not profiles:
            return self.env["ar.billing.period"]
        try:
            return profiles._create_periods(missing)
        except UniqueViolation:
            # Somebody has just made them, in a transaction that ours cannot see yet.
            made = self.env["ar.billing.period"]
            for profile in profiles:
                try:
                    made += profile._create_periods(missing)
                except UniqueViolation:
                    continue
            return made

    def _create_periods(self, missing):
        vals_list = [vals for profile in self for vals in missing[profile.id]]
        with self.env.cr.savepoint():
            return self.env["ar.billing.period"].create(vals_list)

    def _prepare_missing_periods(self, until, since):
        """``{profile id: [values, …]}``, of profiles that lack a period."""
        all_taken = self._get_taken_days()
        missing = {}
        for profile in self:
            taken = all_taken.get(profile.id, [])
            vals_list = [
                {"profile_id": profile.id, "date_from": first, "date_to": last}
                for first, last in profile._get_calendar(until, since, taken)
                # A period made by hand may begin anywhere.
                if not any(begin <= last and first <= end for begin, end in taken)
            ]
            if vals_list:
                missing[profile.id] = vals_list
        return missing

    def _get_taken_days(self):
        """``{profile id: [(first day, last day), …]}`` of the periods there are."""
        taken = {}
        periods = self.env["ar.billing.period"].search_fetch(
            [("profile_id", "in", self.ids)], ["profile_id", "date_from", "date_to"]
        )
        for period in periods:
            taken.setdefault(period.profile_id.id, []).append((period.date_from, period.date_to))
        return taken

    def _get_calendar(self, until, since, taken):
        """First and last days of the periods that should exist.

        :param taken: days of those that do.
        """
        self.ensure_one()
        calendar = (self.anchor_date, self.cadence_unit, self.cadence_count)
        today = fields.Date.context_today(self)
        current = period_index(*calendar, today)
        first = current - 1 if self.billing_timing == "arrears" else current
        if since:
            first = min(first, period_index(*calendar, since))
        if taken:
            latest = max(end for _begin, end in taken)
            resumed = period_index(*calendar, latest) + 1
            # A profile that was archived for years does not owe all their periods.
            year_ago = period_index(*calendar, today - relativedelta(months=MONTHS_AHEAD))
            first = min(first, max(resumed, year_ago))
        first = max(first, 0)
        last = period_index(*calendar, until or today + relativedelta(months=MONTHS_AHEAD))
        if not until:
            last = max(last, max(current, first) + PERIODS_AHEAD)
        return [period_dates(*calendar, index) for index in range(first, last + 1)]

    def _remake_periods(self):
        """Make the periods anew after the calendar has changed; none of them was billed."""
        for profile in self:
            since = min(profile.period_ids.mapped("date_from"), default=None)
            profile.period_ids.unlink()
            profile._make_periods(since=since)
