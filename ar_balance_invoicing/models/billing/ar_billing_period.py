from datetime import timedelta
from itertools import pairwise

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_date
from odoo.tools.misc import babel_locale_parse

from ...tools import client_actions
from ...tools.period_names import day_range_name, iso_week, period_name

# Changes of these are told in the history of the profile.
DATES = ("date_from", "date_to", "invoice_date")


class ArBillingPeriod(models.Model):
    """One slice of a billing profile's calendar; billed once per customer.

    It tells what was billed in it, and who was not.
    """

    _name = "ar.billing.period"
    _description = "Billing Period"
    _inherit = ["ar.guarded"]
    _order = "date_from desc, id desc"
    _check_company_auto = True

    profile_id = fields.Many2one(
        "ar.billing.profile",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="profile_id.company_id", store=True, index=True)
    date_from = fields.Date(string="From", required=True)
    date_to = fields.Date(string="To", required=True)
    invoice_date = fields.Date(
        compute="_compute_invoice_date",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="The date that is proposed for this period's invoices: the first day when the "
        "profile bills in advance, the last day when it bills in arrears.",
    )
    run_ids = fields.One2many("ar.billing.run", "period_id", string="Billing Runs")
    billed_count = fields.Integer(string="Billed", compute="_compute_billed_counts")
    not_billed_count = fields.Integer(string="Not Billed", compute="_compute_billed_counts")

    _profile_date_from_uniq = models.UniqueIndex(
        "(profile_id, date_from)", "This billing profile has a period from that day already."
    )

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends("date_from", "date_to")
    def _compute_invoice_date(self):
        for period in self:
            period.invoice_date = period._get_default_invoice_date()

    def _get_default_invoice_date(self):
        return self.date_to if self.profile_id.billing_timing == "arrears" else self.date_from

    @api.depends("date_from", "date_to")
    @api.depends_context("lang", "formatted_display_name")
    def _compute_display_name(self):
        """In a drop-down with how far the period is billed, in grey."""
        telling = self.env.context.get("formatted_display_name")
        texts = self._origin._get_progress_texts() if telling else {}
        for period in self:
            name = period._get_name(self.env.lang)
            text = texts.get(period._origin)
            period.display_name = f"{name} \t --{text}--" if text else name

    def _get_name(self, lang):
        """What people call the period, in the language with this code."""
        if not (self.date_from and self.date_to):
            return ""
        locale = babel_locale_parse(lang)
        week = iso_week(self.date_from, self.date_to)
        if week:
            return self.with_context(lang=lang).env._(
                "W %(week)s %(year)s (%(dates)s)",
                week=week[1],
                year=week[0],
                dates=day_range_name(self.date_from, self.date_to, locale),
            )
        return period_name(self.date_from, self.date_to, locale)

    def _search_display_name(self, operator, value):
        """Find periods by what they are called in the user's language.

        The names exist in no column; a profile has some dozens of periods.
        """
        if operator not in ("ilike", "like", "=ilike", "in"):
            return NotImplemented
        periods = self.search_fetch(Domain("date_from", "!=", False), ["date_from", "date_to"])
        if operator == "in":
            wanted = set(value)
            return Domain("id", "in", [p.id for p in periods if p.display_name in wanted])
        words = str(value or "").lower().split()
        found = [p.id for p in periods if all(word in p.display_name.lower() for word in words)]
        return Domain("id", "in", found)

    @api.depends("profile_id")
    def _compute_billed_counts(self):
        """Customers with and without a live invoice of the period."""
        billed = self.env["ar.billing.place"]._get_billed_customers(self._origin)
        for profile, periods in self.grouped("profile_id").items():
            customers = self.env["res.partner"]
            if profile:
                customers = profile._get_customers().filtered("active")
            for period in periods:
                theirs = billed.get(period._origin.id, customers.browse())
                period.billed_count = len(theirs)
                period.not_billed_count = len(customers - theirs)

    # ------------------------------------------------------------------
    # Constraints
    # ------------------------------------------------------------------

    @api.constrains("date_from", "date_to", "profile_id")
    def _check_dates(self):
        for period in self:
            if period.date_to < period.date_from:
                raise ValidationError(
                    self.env._(
                        "A period of “%(profile)s” ends on %(date_to)s, before it begins on "
                        "%(date_from)s. Choose a later end.",
                        profile=period.profile_id.display_name,
                        date_to=fields.Date.to_string(period.date_to),
                        date_from=fields.Date.to_string(period.date_from),
                    )
                )
        siblings = self.sudo().search(
            [("profile_id", "in", self.profile_id.ids)], order="profile_id, date_from, id"
        )
        for earlier, later in pairwise(siblings):
            if earlier.profile_id == later.profile_id and earlier.date_to >= later.date_from:
                raise ValidationError(
                    self.env._(
                        "The periods %(earlier)s and %(later)s of “%(profile)s” overlap. A day "
                        "can be billed in one period only: change their dates.",
                        earlier=earlier.display_name,
                        later=later.display_name,
                        profile=later.profile_id.display_name,
                    )
                )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    def write(self, vals):
        self._check_writes(vals)
        if changed := self._filter_changing(vals):
            changed._check_unused(self.env._("Its dates stay; only the invoice date can change."))
        names = [name for name in DATES if name in vals]
        before = {period: (period.display_name, [period[n] for n in names]) for period in self}
        result = super().write(vals)
        if names:
            self._note_changes(names, before)
        return result

    def _note_changes(self, names, before):
        """In the history of their profiles: periods have none of their own.

        :param before: ``{period: (its name, its former values of the named fields)}``
        """
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

    def _filter_changing(self, vals):
        names = vals.keys() & {"profile_id", "date_from", "date_to"}
        converters = {name: self._fields[name].convert_to_cache for name in names}
        return self.filtered(
            lambda period: any(
                convert(vals[name], period) != convert(period[name], period)
                for name, convert in converters.items()
            )
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self._check_unused(self.env._("Delete those first, if it was a mistake."))

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_list_customers(self):
        """List the customers of the period with what each would be billed and owes."""
        return self._list_customers()._list_together().action_view_lines()

    def action_view_not_billed(self):
        """Whoever has no invoice in this period, each with the reason if there is one."""
        action = self._list_customers()._list_together().action_view_lines()
        action["display_name"] = self.env._("Not billed: %s", self.display_name)
        action["context"]["search_default_not_billed"] = 1
        return action

    def action_view_billed(self):
        """The invoices of these periods; of one, in a list with an address of its own."""
        names = ", ".join(self.mapped("display_name"))
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_period_action_invoices",
            self.env._("Invoices of %s", names),
            [("billing_period_id", "in", self.ids)],
            {"default_move_type": "out_invoice", "active_id": self[:1].id},
        )

    def action_view_unbilled_days(self):
        """Days of the period that are due and that no invoice bills."""
        self.ensure_one()
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_period_action_unbilled_days",
            self.env._("Unbilled days of %s", self.display_name),
            [("period_ids", "in", self.ids)],
            {"active_id": self.id},
        )

    # ------------------------------------------------------------------
    # Business methods
    # ------------------------------------------------------------------

    def _list_customers(self):
        """List the customers of the period in the user's own draft run, anew if there is one.

        Not in somebody else's, who may be ticking its lines at this moment.

        :return: the run.
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
            return runs.make(self)
        run._populate()
        return run

    def _filter_used(self):
        """The periods with billing runs, invoices or late fees, which must keep their dates.

        Cancelled ones as well: they are still of this period.
        """
        used = set()
        for model, name in (
            ("account.move", "billing_period_id"),
            ("ar.billing.run", "period_id"),
            ("ar.late.fee", "period_id"),
            ("ar.billing.place", "period_id"),
        ):
            groups = self.env[model].sudo()._read_group([(name, "in", self.ids)], [name])
            used.update(period.id for (period,) in groups)
        return self.filtered(lambda period: period.id in used)

    def _check_unused(self, advice):
        """Refuse what may not happen to a used period.

        :param advice: a sentence that says what can be done.
        :raise UserError: when one of the periods is used.
        """
        for period in self._filter_used()[:1]:
            raise UserError(
                self.env._(
                    "The period %(period)s of “%(profile)s” has billing runs or invoices. "
                    "%(advice)s",
                    period=period.display_name,
                    profile=period.profile_id.display_name,
                    advice=advice,
                )
            )

    def _get_day_count(self):
        """Number of days in the period, both ends included."""
        self.ensure_one()
        return (self.date_to - self.date_from + timedelta(days=1)).days
