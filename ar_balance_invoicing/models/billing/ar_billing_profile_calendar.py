"""When the customers of a profile are billed: its periods, and by itself."""

import logging
from datetime import date, timedelta

import psycopg2
from dateutil.relativedelta import relativedelta
from psycopg2.errors import UniqueViolation

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import plaintext2html

from ...tools import client_actions
from ...tools.billing_calendar import MONTHS, period_dates, period_index

_logger = logging.getLogger(__name__)

LONGEST_PERIOD_MONTHS = 120
EARLIEST_ANCHOR = date(1900, 1, 1)
LATEST_ANCHOR = date(2199, 12, 31)
# Periods are made this far ahead, however short or long they are.
MONTHS_AHEAD = 12
PERIODS_AHEAD = 3
# How long a period that was not billed on its day is still billed automatically.
DAYS_TO_CATCH_UP = 31
REMINDER = "mail.mail_activity_data_todo"


class ArBillingProfile(models.Model):
    """The calendar of a billing profile, made ahead as periods, and what is due by it."""

    _inherit = "ar.billing.profile"

    cadence_unit = fields.Selection(
        [
            ("week", "Weeks"),
            ("month", "Months"),
            ("quarter", "Quarters"),
            ("half_year", "Half-years"),
            ("year", "Years"),
        ],
        string="Billed Every",
        required=True,
        default="month",
        tracking=True,
    )
    cadence_count = fields.Integer(
        string="Number of Units",
        required=True,
        default=1,
        tracking=True,
        help="How many weeks, months, … a billing period lasts.",
    )
    anchor_date = fields.Date(
        string="First Period Begins",
        required=True,
        default=lambda self: fields.Date.context_today(self).replace(month=1, day=1),
        tracking=True,
        help="First day of the first period; all others are counted from it. A period that "
        "would begin on the 29th, 30th or 31st begins on the last day of a shorter month.",
    )
    billing_timing = fields.Selection(
        [("advance", "In advance"), ("arrears", "In arrears")],
        string="Billed",
        required=True,
        default="advance",
        tracking=True,
        help="In advance: invoices are dated the first day of the period.\n"
        "In arrears: the last day.",
    )
    period_ids = fields.One2many("ar.billing.period", "profile_id", string="Periods")
    period_count = fields.Integer(compute="_compute_period_count")

    # --- automation ---------------------------------------------------------

    auto_create = fields.Boolean(
        string="Create Invoices Automatically",
        tracking=True,
        help="A scheduled action makes the invoices of each period, as drafts.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        default=lambda self: self.env.user if self.env.uid != SUPERUSER_ID else False,
        copy=False,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        ondelete="restrict",
        tracking=True,
        help="What is made automatically is made with this user's rights, and he is told "
        "when it fails.",
    )
    lead_days = fields.Integer(
        string="Days Ahead",
        tracking=True,
        help="How many days before the invoice date that is done.",
    )

    # ------------------------------------------------------------------
    # Computes and constraints
    # ------------------------------------------------------------------

    @api.depends("period_ids")
    def _compute_period_count(self):
        groups = self.env["ar.billing.period"]._read_group(
            [("profile_id", "in", self.ids)], ["profile_id"], ["__count"]
        )
        counts = {profile.id: count for profile, count in groups}
        for profile in self:
            profile.period_count = counts.get(profile.id, 0)

    @api.constrains("cadence_unit", "cadence_count", "anchor_date")
    def _check_calendar(self):
        for profile in self:
            if profile.cadence_count < 1:
                raise ValidationError(
                    self.env._(
                        "“%(profile)s” is billed every %(count)s units. Type 1 or more.",
                        profile=profile.display_name,
                        count=profile.cadence_count,
                    )
                )
            # A week counts as a quarter of a month, which is close enough for a limit.
            months = profile.cadence_count * MONTHS.get(profile.cadence_unit, 0.25)
            if months > LONGEST_PERIOD_MONTHS:
                raise ValidationError(
                    self.env._(
                        "A billing period of “%s” lasts more than ten years. Choose a shorter one.",
                        profile.display_name,
                    )
                )
            if not EARLIEST_ANCHOR <= profile.anchor_date <= LATEST_ANCHOR:
                raise ValidationError(
                    self.env._(
                        "The first period of “%(profile)s” begins on %(date)s. Choose a day "
                        "between 1900 and 2199.",
                        profile=profile.display_name,
                        date=fields.Date.to_string(profile.anchor_date),
                    )
                )

    @api.constrains("auto_create", "user_id", "company_id")
    def _check_responsible(self):
        for profile in self.filtered("auto_create"):
            if problem := profile._get_responsible_problem():
                raise ValidationError(
                    self.env._(
                        "“%(profile)s” is billed automatically, with the rights of its "
                        "responsible user. %(problem)s Choose a user who may invoice there.",
                        profile=profile.display_name,
                        problem=problem,
                    )
                )

    def _get_responsible_problem(self):
        """Why nothing is made with the rights of the responsible user: a sentence, or False."""
        if self.user_id.id == SUPERUSER_ID:
            return self.env._("%s is Odoo itself and may do everything.", self.user_id.name)
        runs = self.env["ar.billing.run"]
        return runs._get_user_problem(self.user_id, self.company_id)

    # ------------------------------------------------------------------
    # Periods
    # ------------------------------------------------------------------

    def action_open_periods(self):
        """Open the periods of these profiles."""
        self.check_access("read")
        one = len(self) == 1
        name = "ar_billing_profile_action_periods" if one else "ar_billing_period_action"
        return client_actions.records(
            self.env,
            f"ar_balance_invoicing.{name}",
            self.env._("Billing Periods"),
            [("profile_id", "in", self.ids)],
            {"active_id": self.id, "default_profile_id": self.id} if one else {},
        )

    def action_make_periods(self):
        """Make the periods of today and the next twelve months, and show all there are."""
        self.check_access("read")
        self._make_periods()
        return self.action_open_periods()

    def action_view_unbilled_days(self):
        """Days of these profiles' customers that are due and that no invoice bills."""
        self.check_access("read")
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_profile_action_unbilled_days",
            self.env._("Unbilled days of %s", ", ".join(self.mapped("name"))),
            [("profile_id", "in", self.ids)],
            {"active_id": self[:1].id},
        )

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

    def _get_cadence(self):
        """(anchor, unit, count) of the calendar; months where there is no profile."""
        if not self:
            return date(2000, 1, 1), "month", 1
        return self.anchor_date, self.cadence_unit, self.cadence_count

    def _get_period_starts(self, day):
        """First day of the period that holds a day, and of the one before it."""
        first, _last = self._get_slices(day, day)[0]
        before = first - timedelta(days=1)
        return first, self._get_slices(before, before)[0][0]

    def _get_slices(self, first, last):
        """The periods that hold the days from first to last, as ``[(first, last), …]``.

        The periods there are; where there are none (before the profile was made), what the
        calendar says. No slice overlaps another.
        """
        taken = sorted((period.date_from, period.date_to) for period in self.period_ids)
        cadence = self._get_cadence()
        slices = []
        day = first
        while day <= last:
            known = next((dates for dates in taken if dates[0] <= day <= dates[1]), None)
            if not known:
                begin, end = period_dates(*cadence, period_index(*cadence, day))
                earlier = [to for _from, to in taken if to < day]
                later = [from_ for from_, _to in taken if from_ > day]
                known = (
                    max([begin, *(to + timedelta(days=1) for to in earlier)]),
                    min([end, *(from_ - timedelta(days=1) for from_ in later)]),
                )
            slices.append(known)
            day = known[1] + timedelta(days=1)
        return slices

    def _remake_periods(self):
        """Make the periods anew after the calendar has changed; none of them was billed."""
        for profile in self:
            since = min(profile.period_ids.mapped("date_from"), default=None)
            profile.period_ids.unlink()
            profile._make_periods(since=since)

    def _check_no_used_period(self):
        for period in self.sudo().period_ids._filter_used()[:1]:
            raise UserError(
                self.env._(
                    "“%(profile)s” has billing runs or invoices for %(period)s, so its company "
                    "and calendar stay. Make another profile, and give it to the customers.",
                    profile=period.profile_id.display_name,
                    period=period.display_name,
                )
            )

    # ------------------------------------------------------------------
    # Billing by itself
    # ------------------------------------------------------------------

    def _bill_automatically(self, today):
        """Queue the runs of the periods due, with the rights of the responsible user.

        What is wrong with one profile stops no other: its responsible user, or whoever
        made it, is reminded of it.
        """
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                self._make_periods()
                periods = self._get_periods_due(today)
                if not periods:
                    return
                if problem := self._get_responsible_problem():
                    raise UserError(problem)
                for period in periods.with_env(self._as_responsible().env):
                    period.env["ar.billing.run"].make(period)._launch_in_background()
                self.activity_unlink([REMINDER])
        except psycopg2.OperationalError:
            raise  # another transaction was faster
        except Exception as error:
            profile = self._as_responsible() if self.user_id else self
            self._remind_of_failure(profile.env["ar.billing.run"]._explain(error))

    def _as_responsible(self):
        """The profile with the rights, language and company of its responsible user."""
        user, company = self.user_id, self.company_id
        return (
            self.with_user(user)
            .with_company(company)
            .with_context(allowed_company_ids=company.ids, lang=user.lang, tz=user.tz)
        )

    def _remind_of_failure(self, reason):
        """Ask somebody to look after what was not billed; once, however often it fails."""
        try:
            with self.env.cr.savepoint():
                self.activity_unlink([REMINDER])
                user = self._get_person_to_tell()
                if user:
                    self.activity_schedule(
                        REMINDER,
                        summary=self.env._("Not billed automatically"),
                        note=plaintext2html(reason),
                        user_id=user.id,
                    )
                else:
                    self._message_log(body=plaintext2html(reason))
        except psycopg2.OperationalError:
            raise
        except Exception:
            # The other profiles are to be billed all the same.
            _logger.exception("%s: nobody could be told (%s)", self.name, reason)

    def _get_person_to_tell(self):
        """The first of the responsible user and who made the profile that can still open it."""
        for user in self.user_id | self.create_uid:
            if user.active and self.company_id in user.company_ids:
                profile = self.with_user(user)
                if profile.with_context(allowed_company_ids=self.company_id.ids).has_access("read"):
                    return user
        return self.env["res.users"]

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
