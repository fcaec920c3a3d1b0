"""How far periods are billed, and which of them is to be billed next."""

from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ...tools.context_keys import PERIODS_SINCE

# Older ones are history: nobody is asked to bill them any more.
LOOK_BACK = 24


class ArBillingPeriod(models.Model):
    """Says of periods who is billed in them and who is still to be billed.

    Still to be billed is who has the profile, is active and not on hold, has no live invoice
    of the period, was not left out by hand or by the zero policy in its last run, and was a
    customer then: was billed in that period's time or before, failed in it, or the period is
    the current one or a later one. So nobody who joined late opens old periods again.
    """

    _inherit = "ar.billing.period"

    progress_text = fields.Char(string="How Far Billed", compute="_compute_progress_text")

    @api.depends("profile_id")
    def _compute_progress_text(self):
        texts = self._origin._get_progress_texts()
        for period in self:
            period.progress_text = texts.get(period._origin, "")

    # ------------------------------------------------------------------
    # Who is billed
    # ------------------------------------------------------------------

    def _get_progress(self):
        """``{period: (customers billed, customers still to be billed)}``, as sets of ids.

        Queries do not depend on the number of periods or customers.
        """
        billed = self.env["ar.billing.place"]._get_billed_customers(self)
        decided, failed = self._get_decisions()
        first_days = self._get_first_billed_days()
        progress = {}
        for profile, periods in self.grouped("profile_id").items():
            customers = profile._get_customers()
            asked = set(customers.filtered(lambda c: c.active and not c.billing_hold).ids)
            current = periods._get_current_day(profile)
            for period in periods:
                theirs = set(billed[period.id].ids) if period.id in billed else set()
                left = asked - theirs - decided[period.id]
                if period.date_from < current:
                    known = first_days[profile.id]
                    left = {
                        number
                        for number in left
                        if number in failed[period.id]
                        or (number in known and known[number] <= period.date_from)
                    }
                progress[period] = (theirs, left)
        return progress

    def _get_current_day(self, profile):
        """The first day of the last period of a profile whose invoice date has come."""
        today = fields.Date.context_today(self)
        last = self.search(
            [("profile_id", "=", profile.id), ("invoice_date", "<=", today)],
            order="date_from DESC",
            limit=1,
        )
        return last.date_from or today

    def _get_decisions(self):
        """``({period id: {customer ids}}, …)``: left out on purpose, and failed, last time."""
        self.env["ar.billing.run.line"].flush_model()
        self.env["ar.billing.run"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (line.period_id, line.partner_id)
                       line.period_id, line.partner_id, line.state,
                       line.zero_skipped OR line.left_out
                  FROM ar_billing_run_line line
                  JOIN ar_billing_run run ON run.id = line.document_id
                 WHERE line.period_id IN %s AND line.move_id IS NULL
                       AND line.state IN ('failed', 'skipped')
                       AND run.state NOT IN ('draft', 'cancelled', 'undone')
              ORDER BY line.period_id, line.partner_id, line.id DESC
                """,
                tuple(self.ids) or (0,),
            )
        )
        decided, failed = defaultdict(set), defaultdict(set)
        for period_id, customer_id, state, on_purpose in rows:
            if state == "failed":
                failed[period_id].add(customer_id)
            elif on_purpose:
                decided[period_id].add(customer_id)
        return decided, failed

    def _get_first_billed_days(self):
        """``{profile id: {customer id: first day of the first period he was billed in}}``."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT period.profile_id, move.commercial_partner_id, MIN(period.date_from)
                  FROM ar_billing_place place
                  JOIN ar_billing_period period ON period.id = place.period_id
                  JOIN account_move move ON move.id = place.move_id
                 WHERE place.live AND period.profile_id IN %s
              GROUP BY period.profile_id, move.commercial_partner_id
                """,
                tuple(self.profile_id.ids) or (0,),
            )
        )
        days = defaultdict(dict)
        for profile_id, customer_id, day in rows:
            days[profile_id][customer_id] = day
        return days

    def _get_billed_amounts(self):
        """``{period id: ["$ 1.00", …]}``: what their live invoices come to, by currency."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT place.period_id, place.currency_id,
                       SUM(move.amount_total_in_currency_signed)
                  FROM ar_billing_place place
                  JOIN account_move move ON move.id = place.move_id
                 WHERE place.live AND place.period_id IN %s
              GROUP BY place.period_id, place.currency_id
              ORDER BY place.currency_id
                """,
                tuple(self.ids) or (0,),
            )
        )
        currencies = self.env["res.currency"]
        amounts = defaultdict(list)
        for period_id, currency_id, amount in rows:
            amounts[period_id].append(currencies.browse(currency_id).format(amount))
        return amounts

    def _get_progress_texts(self):
        """``{period: “45 of 47 billed, $ 29,345.32”}``."""
        if not self:
            return {}
        self.check_access("read")
        progress = self._get_progress()
        amounts = self._get_billed_amounts()
        return {
            period: ", ".join(
                [
                    self.env._(
                        "%(billed)s of %(all)s billed",
                        billed=len(billed),
                        all=len(billed) + len(left),
                    ),
                    *amounts[period.id],
                ]
            )
            for period, (billed, left) in progress.items()
        }

    def _get_progress_hints(self, billed, left):
        """What to think of before the period is billed: sentences.

        :param billed: who is billed, and who is left, as ``_get_progress`` has it.
        """
        self.ensure_one()
        hints = []
        if billed and not left:
            hints.append(self.env._("Nobody is left to bill."))
        if self.date_from > fields.Date.context_today(self):
            hints.append(
                self.env._(
                    "The period has not begun: it begins on %s.",
                    format_date(self.env, self.date_from),
                )
            )
        return hints

    # ------------------------------------------------------------------
    # Which is next
    # ------------------------------------------------------------------

    @api.model
    def _get_proposed(self, profile):
        """The period to be billed next: the oldest that is not fully billed.

        Never one before the first that was billed at all; of a profile that was never billed
        the period of today. Where everything due is billed, the next one.
        """
        today = fields.Date.context_today(self)
        periods = self.search([("profile_id", "=", profile.id)], order="date_from, id")
        due = periods.filtered(lambda period: period.invoice_date <= today)
        periods -= due[:-LOOK_BACK]
        now = periods.filtered(lambda period: period.date_from <= today <= period.date_to)
        progress = periods._get_progress()
        billed = [period for period in periods if progress[period][0]]
        if billed:
            asked = periods.filtered(lambda period: period.date_from >= billed[0].date_from)
            open_periods = asked.filtered(lambda period: progress[period][1])
            now = open_periods[:1] or now
        return now[:1] or due[-1:] or periods[:1]

    def _get_periods_before(self, count):
        """The period so many before this one, or the first of its profile."""
        self.ensure_one()
        before = self.search(
            [("profile_id", "=", self.profile_id.id), ("date_from", "<=", self.date_from)],
            order="date_from DESC",
            limit=count + 1,
        )
        return before[-1:]

    @api.model
    def name_search(self, name="", domain=None, operator="ilike", limit=100):
        """In the window of Create Invoices: in the order of time, with how far each is billed."""
        try:
            since = fields.Date.to_date(self.env.context.get(PERIODS_SINCE))
        except (TypeError, ValueError):
            since = None
        if not since:
            return super().name_search(name, domain, operator, limit)
        asked = Domain(domain or Domain.TRUE)
        # Who types a name means any of them.
        asked &= (
            Domain("display_name", operator, name) if name else Domain("date_from", ">=", since)
        )
        periods = self.search(asked, order="date_from, id", limit=limit)
        # All at once: the web client asks for the name of each on its own.
        periods.with_context(formatted_display_name=True).mapped("display_name")
        return [(period.id, period.display_name) for period in periods]
