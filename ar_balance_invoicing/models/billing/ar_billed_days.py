from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ...tools.amounts import round_amount
from ...tools.apportion import exact, spread


class ArBilledDays(models.Model):
    """Days of a service that stand on an invoice line, or were given away.

    Every day once, by the database: no two live rows of a service overlap. A row that is not
    ``live`` remembers: its invoice was cancelled or fully credited, or a later invoice
    credits its days. What becomes of rows stands in ``ar_billed_days_life.py``.
    """

    _name = "ar.billed.days"
    _description = "Billed Days"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False
    _person_deletes = False
    _order = "service_id, date_from desc, id desc"

    service_id = fields.Many2one(
        "ar.billing.service", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="service_id.company_id", store=True)
    date_from = fields.Date(string="From", required=True)
    date_to = fields.Date(string="To", required=True)
    amount = fields.Float(
        digits=(16, 6),
        help="Quantity × price of the invoice line for these days, before discount and tax, "
        "in the currency of the invoice.",
    )
    amount_billed = fields.Float(
        string="Billed",
        digits=(16, 6),
        compute="_compute_amount_billed",
        help="What of the invoice line is for these days as the line is now: somebody may have "
        "changed its price since it was made.",
    )
    move_line_id = fields.Many2one(
        "account.move.line", string="Invoice Line", index="btree_not_null", ondelete="cascade"
    )
    move_id = fields.Many2one(related="move_line_id.move_id", string="Invoice")
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    credit_line_id = fields.Many2one(
        "account.move.line",
        string="Credited On",
        index="btree_not_null",
        ondelete="set null",
        help="The invoice line that credits these days.",
    )
    credit_move_id = fields.Many2one(related="credit_line_id.move_id", string="Crediting Invoice")
    note = fields.Char(help="Why the days were given away.")
    live = fields.Boolean(default=True, string="Counts", help="Whether these days are billed.")

    _each_day_once = models.Constraint(
        "EXCLUDE USING gist (int4range(service_id, service_id, '[]') WITH &&, "
        "daterange(date_from, date_to, '[]') WITH &&) WHERE (live)",
        "Some of these days of the service are billed already.",
    )

    @api.depends("service_id", "date_from", "date_to")
    def _compute_display_name(self):
        for row in self:
            dates = f"{row.date_from} – {row.date_to}"
            row.display_name = f"{row.service_id.display_name}: {dates}"

    # ------------------------------------------------------------------
    # Questions
    # ------------------------------------------------------------------

    @api.model
    def _get_gaps(self, services, until, period_from=None):
        """Days of services that nobody has billed: ``{service id: [(first, last), …]}``.

        From each service's "billed by us from" on, in the order of days; one query.

        :param until: the last day that is asked for.
        :param period_from: days from here on count also where a service is billed by us
            from a later day: somebody bills that period on purpose.
        """
        self.flush_model()
        services.flush_model()
        gaps = defaultdict(list)
        if not services:
            return gaps
        since = SQL(
            "LEAST(service.billed_from, %s)", period_from or fields.Date.to_date("9999-12-31")
        )
        rows = self.env.execute_query(
            SQL(
                """
                WITH asked AS (
                    SELECT service.id,
                           GREATEST(service.date_from, %(since)s) AS first,
                           LEAST(service.date_to, %(until)s, CASE WHEN NOT service.active
                                 THEN COALESCE(service.archived_on, service.date_from - 1) END
                           ) AS last
                      FROM ar_billing_service service
                     WHERE service.id IN %(ids)s),
                billed AS (
                    SELECT asked.id, days.date_from, days.date_to
                      FROM asked
                      JOIN ar_billed_days days ON days.service_id = asked.id AND days.live
                       AND days.date_from <= asked.last AND days.date_to >= asked.first
                     UNION ALL
                    -- The end, as if billed: what lies before it may be a gap, too.
                    SELECT id, last + 1, last + 1 FROM asked),
                gaps AS (
                    SELECT asked.id,
                           COALESCE(LAG(billed.date_to) OVER one + 1, asked.first) AS first,
                           billed.date_from - 1 AS last
                      FROM asked
                      JOIN billed ON billed.id = asked.id
                     WHERE asked.first <= asked.last
                    WINDOW one AS (PARTITION BY asked.id ORDER BY billed.date_from))
                SELECT id, first, last FROM gaps WHERE first <= last ORDER BY id, first
                """,
                since=since,
                until=until,
                ids=tuple(services.ids),
            )
        )
        for service_id, first, last in rows:
            gaps[service_id].append((first, last))
        return gaps

    @api.model
    def _get_beyond(self, services):
        """Rows that are billed for days on which their service does not run (any more).

        Of a service that is not prorated, a row counts when none of its days is served.

        :return: ``[(row, first day, last day)]``
        """
        self.flush_model()
        services.flush_model()
        if not services:
            return []
        rows = self.env.execute_query(
            SQL(
                """
                SELECT days.id
                  FROM ar_billed_days days
                  JOIN ar_billing_service service ON service.id = days.service_id
                 WHERE days.live AND days.move_line_id IS NOT NULL
                   AND service.id IN %s
                   AND (days.date_to > service.date_to OR days.date_from < service.date_from)
              ORDER BY days.service_id, days.date_from
                """,
                tuple(services.ids),
            )
        )
        beyond = []
        for row in self.browse([row_id for (row_id,) in rows]):
            beyond += [(row, first, last) for first, last in row._get_parts_beyond()]
        return beyond

    def _get_parts_beyond(self):
        """The days of the row that its service does not run: ``[(first, last)]``, two at most."""
        service = self.service_id
        begin, end = service.date_from, service.date_to
        if self.date_to < begin or (end and self.date_from > end):
            return [(self.date_from, self.date_to)]
        if not service.prorate:
            return []
        parts = []
        if self.date_from < begin:
            parts.append((self.date_from, begin - timedelta(days=1)))
        if end and self.date_to > end:
            parts.append((end + timedelta(days=1), self.date_to))
        return parts

    def _get_day_count(self):
        return (self.date_to - self.date_from).days + 1

    @api.depends("amount", "move_line_id.quantity", "move_line_id.price_unit")
    def _compute_amount_billed(self):
        """The parts of one line add up to what it bills; nothing of a line that gives back."""
        rows = self.search([("move_line_id", "in", self.move_line_id.ids)])
        billed = {}
        for line, parts in rows.grouped("move_line_id").items():
            now, weights = exact(line._ar_get_billed_amount()), [exact(row.amount) for row in parts]
            if not sum(weights):
                weights = [exact(row._get_day_count()) for row in parts]
            elif now * sum(weights) < 0:
                now = exact(0)
            wanted = [now * weight / sum(weights) for weight in weights]
            shares = spread(now, wanted, exact(line.currency_id.rounding))
            billed |= dict(zip(parts, map(float, shares), strict=True))
        for row in self:
            row.amount_billed = billed.get(row._origin, 0)

    def _get_share(self, first, last, amount=None):
        """What some of the row's days cost: rounded, or all that is left.

        :param amount: what the whole row costs, if it is not ``amount``.
        """
        self.ensure_one()
        amount = self.amount if amount is None else amount
        days = (last - first).days + 1
        if days == self._get_day_count():
            return amount
        return round_amount(self._get_currency(), amount * days / self._get_day_count())

    def _get_credit_amount(self, first, last):
        """What is given back of some of the row's days, as the invoice line is now."""
        return self._get_share(first, last, self.amount_billed)

    def _is_whole_line(self):
        """Whether the row holds all of what its invoice line bills."""
        line = self.move_line_id
        return not line.currency_id.compare_amounts(
            self.amount_billed, line._ar_get_billed_amount()
        )

    def _describe_obstacle(self):
        """Why what these days cost does not change any more, as the end of a sentence."""
        last = format_date(self.env, self.date_to)
        if not self.move_line_id:
            return self.env._("days up to %s are given away; take them back first", last)
        return self.env._(
            "days up to %(last)s are billed on %(invoice)s",
            last=last,
            invoice=self.sudo().move_id.display_name,
        )

    def _get_currency(self):
        return self.move_line_id.currency_id or self.service_id.currency_id

    # ------------------------------------------------------------------
    # Of invoices
    # ------------------------------------------------------------------

    @api.model
    def _get_of_invoices(self, moves):
        """``{(invoice id, service id): rows}``, also those that do not count."""
        rows = defaultdict(self.browse)
        for row in self.search([("move_line_id.move_id", "in", moves.ids)]):
            rows[row.move_id.id, row.service_id.id] += row
        return rows

    def _touches(self, first, last):
        """Whether one of these rows holds one of these days."""
        return any(row.date_from <= last and row.date_to >= first for row in self)

    # ------------------------------------------------------------------
    # Giving away
    # ------------------------------------------------------------------

    def action_take_back(self):
        """Days that were given away can be billed again."""
        given = self.filtered(lambda row: not row.move_line_id)
        given.check_access("unlink")
        if given != self or not given:
            raise UserError(
                self.env._(
                    "Choose days that were given away; billed days are freed by their invoice."
                )
            )
        given._unlink_inside()

    # ------------------------------------------------------------------
    # From before days were kept
    # ------------------------------------------------------------------

    @api.model
    def _enter_existing(self):
        """Enter the days that invoices bill which were made before days were kept.

        Those of the service in the period of the invoice. Where two invoices bill a day, the
        first counts.
        """
        charges = self.env["ar.billing.charge"].search(
            [
                ("source", "=", "ar.charge.source.service"),
                ("line_id.state", "in", ("done", "undo")),
                ("line_id.move_id", "!=", False),
            ],
            order="id",
        )
        charges = charges.filtered(lambda charge: not charge.source_data and charge.source_ref)
        alive = self._get_alive(charges.move_id)
        lines = charges._get_invoice_lines()
        entered = self.search([]).move_line_id
        services = self.env["ar.billing.service"].with_context(active_test=False).search([])
        known = {f"{service._name},{service.id}": service for service in services}
        taken = defaultdict(list)
        vals_list = []
        for charge in charges.filtered(lambda charge: charge.source_ref in known):
            service, period = known[charge.source_ref], charge.line_id.period_id
            first = max(period.date_from, service.date_from)
            last = min(period.date_to, service.date_to or period.date_to)
            if first > last or not lines[charge] or lines[charge] in entered:
                continue
            live = charge.move_id in alive and not any(
                begin <= last and first <= end for begin, end in taken[service]
            )
            if live:
                taken[service].append((first, last))
            vals_list.append(
                {
                    "service_id": service.id,
                    "date_from": first,
                    "date_to": last,
                    "amount": round_amount(charge.currency_id, charge.quantity * charge.price_unit),
                    "move_line_id": lines[charge].id,
                    "live": live,
                }
            )
        self._create_inside(vals_list)
