from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import client_actions
from ...tools.records import chosen_records

# A row is known by its service and its first day: both stay what they are while it stands.
DAYS_PER_SERVICE = 2**17
FIRST_DAY = date(1900, 1, 1)


class ArUnbilledDays(models.Model):
    """Days of services that are due and stand on no live invoice, with what they cost.

    Also days that are billed and on which the service does not run (any more), which are to
    be given back, below zero.

    Not stored: it is what the services say less what is billed, at this moment.
    """

    _name = "ar.unbilled.days"
    _description = "Unbilled Days"
    _inherit = ["ar.guarded"]
    _auto = False
    _order = "date_from, partner_id, id"
    _person_creates = False
    _person_writes = False
    _person_deletes = False

    service_id = fields.Many2one("ar.billing.service", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    profile_id = fields.Many2one("ar.billing.profile", string="Billing Profile", readonly=True)
    period_ids = fields.Many2many(
        "ar.billing.period",
        string="Billing Periods",
        compute="_compute_period_ids",
        search="_search_period_ids",
        help="Those of the customer's billing profile in which one of the days lies.",
    )
    product_id = fields.Many2one(related="service_id.product_id")
    date_from = fields.Date(string="From", readonly=True)
    date_to = fields.Date(string="To", readonly=True)
    days = fields.Integer(readonly=True)
    amount = fields.Monetary(
        readonly=True, help="What these days cost, before tax, in the currency of the service."
    )
    currency_id = fields.Many2one("res.currency", readonly=True)
    status = fields.Selection(
        [
            ("waiting", "For the next billing run"),
            ("not_prorated", "Not prorated, billed in part"),
            ("hold", "On billing hold"),
            ("no_profile", "No billing profile"),
            ("archived", "Customer archived"),
            ("ended", "Service archived"),
        ],
        string="Why",
        readonly=True,
    )

    @property
    def _table_query(self):
        rows = self._get_rows()
        if not rows:
            rows = [(0, None, None, None, None, None, None, 0, 0, None, None)]
        values = SQL(", ").join(SQL("%s", row) for row in rows)
        return SQL(
            """
            SELECT id::bigint, service_id::int4, partner_id::int4, company_id::int4,
                   profile_id::int4, date_from::date, date_to::date, days::int4,
                   amount::numeric, currency_id::int4, status::varchar
              FROM (VALUES %s) AS unbilled (id, service_id, partner_id, company_id, profile_id,
                   date_from, date_to, days, amount, currency_id, status)
             WHERE id > 0
            """,
            values,
        )

    @api.depends("service_id", "date_from", "date_to")
    def _compute_display_name(self):
        for row in self:
            row.display_name = (
                f"{row.partner_id.display_name} · {row.service_id.display_name} · "
                f"{row.date_from} – {row.date_to}"
            )

    @api.depends("profile_id", "date_from", "date_to")
    def _compute_period_ids(self):
        for row in self:
            row.period_ids = row.profile_id.period_ids.filtered(
                lambda period, row=row: (
                    period.date_from <= row.date_to and period.date_to >= row.date_from
                )
            )

    def _search_period_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        numbers = [number for number in value if number]
        return Domain.OR(
            Domain("profile_id", "=", period.profile_id.id)
            & Domain("date_from", "<=", period.date_to)
            & Domain("date_to", ">=", period.date_from)
            for period in self.env["ar.billing.period"].search([("id", "in", numbers)])
        )

    # ------------------------------------------------------------------
    # What is unbilled
    # ------------------------------------------------------------------

    @api.model
    def _get_rows(self):
        """Values of the rows, of the services that the user may read in his companies."""
        today = fields.Date.context_today(self)
        due = self._get_due_days(today)
        latest = max([today, *due.values()])
        services = self.env["ar.billing.service"].with_context(active_test=False)
        services = services.search([("company_id", "in", self.env.companies.ids)])
        days = self.env["ar.billed.days"]
        rows = [self._prepare_credit_row(*part) for part in days._get_beyond(services)]
        gaps = days._get_gaps(services, latest)
        slices = {}
        for service in services.filtered(lambda service: service.id in gaps):
            customer = service.partner_id.commercial_partner_id.with_company(service.company_id)
            profile = customer.sudo().billing_profile_id.sudo(False)
            until = due.get(profile.id, today)
            known = slices.setdefault(profile, {})
            for first, end in gaps[service.id]:
                if first <= until:
                    rows += self._prepare_rows(
                        service, customer, profile, first, min(end, until), known
                    )
        return rows

    @api.model
    def _get_due_days(self, today):
        """``{profile id: last day that is due}``: of the periods whose invoice date has come.

        Who has no profile owes what was served until today.
        """
        due = {}
        for profile in self.env["ar.billing.profile"].with_context(active_test=False).search([]):
            periods = profile.period_ids.filtered(lambda period: period.invoice_date <= today)
            begun = min(profile.period_ids.mapped("date_from"), default=today + timedelta(days=1))
            last = max(periods.mapped("date_to"), default=min(begun - timedelta(days=1), today))
            # An archived profile makes no more periods.
            due[profile.id] = last if profile.active else max(last, today)
        return due

    @api.model
    def _prepare_credit_row(self, billed, first, last):
        """Row of days that are to be given back.

        :param billed: ``ar.billed.days``
        """
        service, line = billed.service_id, billed.move_line_id
        customer = service.partner_id.commercial_partner_id.with_company(service.company_id)
        profile = customer.sudo().billing_profile_id.sudo(False)
        amount = billed._get_credit_amount(first, last) * (1 - line.discount / 100)
        return (
            service.id * DAYS_PER_SERVICE + (first - FIRST_DAY).days,
            service.id,
            customer.id,
            service.company_id.id,
            profile.id or None,
            first,
            last,
            (last - first).days + 1,
            -line.currency_id.round(amount),
            line.currency_id.id,
            self._get_certain_status(service, customer, profile) or "waiting",
        )

    @api.model
    def _prepare_rows(self, service, customer, profile, first, last, known):
        """Rows of one gap: one for each period of the customer's calendar."""
        rows = []
        source = self.env["ar.charge.source.service"]
        for slice_, begin, end in source._get_parts(
            profile, service, [(first, last)], known, in_full=True
        ):
            charge = source._prepare_days(service, slice_, begin, end)
            rows.append(
                (
                    service.id * DAYS_PER_SERVICE + (begin - FIRST_DAY).days,
                    service.id,
                    customer.id,
                    service.company_id.id,
                    profile.id or None,
                    begin,
                    end,
                    (end - begin).days + 1,
                    service.currency_id.round(charge["quantity"] * charge["price_unit"]),
                    service.currency_id.id,
                    self._get_status(service, customer, profile, slice_, begin, end),
                )
            )
        return rows

    @api.model
    def _get_status(self, service, customer, profile, slice_, begin, end):
        """Why nobody has billed the days."""
        if why := self._get_certain_status(service, customer, profile):
            return why
        source = self.env["ar.charge.source.service"]
        return "waiting" if source._takes_part(service, slice_, begin, end) else "not_prorated"

    @api.model
    def _get_certain_status(self, service, customer, profile):
        """Why no run bills the customer or his service, or False."""
        if not customer.active:
            return "archived"
        if customer.billing_hold:
            return "hold"
        if not profile:
            return "no_profile"
        return not service.active and "ended"

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_bill(self):
        """List the customers of these days in a billing run of no period, to be reviewed.

        A service that is not prorated is billed in full for the period that the days are in.

        :raise UserError: when it is not clear by which billing profile a customer is billed.
        """
        self = chosen_records(self)
        self.check_access("read")
        self.env["ar.billing.run"].check_access("create")
        if not self:
            raise UserError(self.env._("Choose the days that are to be billed."))
        runs = self.env["ar.billing.run"]
        for profile, rows in self.grouped(lambda row: row._get_billing_profile()).items():
            runs |= runs.make_of_days(
                profile, [(row.service_id, row.date_from, row.date_to) for row in rows]
            )
        return runs._list_together().action_view_lines()

    def _get_billing_profile(self):
        """By whose journal and terms the days are billed: the customer's, or the last that did."""
        if self.profile_id:
            return self.profile_id
        billed = self.service_id.billed_day_ids.move_id.filtered("billing_run_id")
        profile = billed.sorted("id")[-1:].billing_run_id.profile_id
        if not profile:
            profiles = self.env["ar.billing.profile"].search(
                [("company_id", "=", self.company_id.id)], limit=2
            )
            profile = profiles if len(profiles) == 1 else profile
        if not profile:
            raise UserError(
                self.env._(
                    "%(customer)s has no billing profile, and it is not clear whose journal and "
                    "terms to bill by. Choose a profile on the customer's page, then bill.",
                    customer=self.partner_id.display_name,
                )
            )
        return profile

    def action_give_away(self):
        """Ask for a note, then say that these days are never billed."""
        self = chosen_records(self)
        self.check_access("read")
        self.env["ar.billed.days"].check_access("create")
        if not self:
            raise UserError(self.env._("Choose the days that are given away."))
        days = [[row.service_id.id, str(row.date_from), str(row.date_to)] for row in self]
        window = self.env["ar.give.away"]._create_inside({"days": days})
        return client_actions.form(window, self.env._("Give Away"), target="new")
