import hashlib
from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import format_date


class ArCreateInvoicesSummary(models.AbstractModel):
    """What Create Invoices is about to do, in words and money, before anybody confirms it.

    For the pop-up, which inherits it. Amounts are those that the invoices will have with the
    options as they stand in the pop-up at this moment, each currency on its own.
    """

    _name = "ar.create.invoices.summary"
    _description = "What Create Invoices Is About to Do"

    line_ids = fields.Many2many(
        "ar.billing.run.line",
        compute="_compute_chosen",
        store=True,
        precompute=True,
        readonly=False,
        string="Chosen Customers",
        help="Those who were chosen when the pop-up was opened.",
    )
    choice = fields.Selection(
        [
            ("all", "All who are listed"),
            ("ticked", "Those who are ticked"),
            ("shown", "Those whom the filter shows"),
            ("selected", "Those who are selected"),
        ],
        compute="_compute_chosen",
        store=True,
        precompute=True,
        readonly=False,
    )
    choice_note = fields.Char(
        readonly=True, help="Who was chosen, and who of them the list does not show."
    )
    customer_count = fields.Integer(compute="_compute_summary")
    listed_count = fields.Integer(compute="_compute_summary")
    billed_count = fields.Integer(compute="_compute_summary")
    summary = fields.Char(compute="_compute_summary")
    of_these = fields.Char(compute="_compute_summary")
    class_note = fields.Char(string="By Balance Class", compute="_compute_summary")
    not_billed_note = fields.Char(compute="_compute_summary")
    date_note = fields.Text(compute="_compute_summary")
    catch_up_note = fields.Char(compute="_compute_summary")
    told = fields.Char(
        compute="_compute_told",
        store=True,
        readonly=False,
        precompute=True,
        help="Stands for what the pop-up said last: whom it bills, and for how much.",
    )

    @api.depends("run_ids")
    def _compute_chosen(self):
        """Whoever is ticked, or all if nobody is."""
        for wizard in self:
            lines = wizard.run_ids._origin.line_ids
            ticked = lines.filtered("selected")
            wizard.line_ids = ticked or lines
            wizard.choice = "ticked" if ticked else "all"

    # ------------------------------------------------------------------
    # Whom it would bill
    # ------------------------------------------------------------------

    def _get_lines_to_bill(self):
        """Of those chosen, whom the options of this moment leave to be billed.

        Who would be billed otherwise with these options is a new record, not stored.
        """
        found = self.env["ar.billing.run.line"]
        chosen = self.line_ids._origin
        for run in self.run_ids._origin.filtered("profile_id"):
            lines = run._preview(run.line_ids & chosen, self.invoice_date, self.late_fees)
            found = found.union(*lines._get_to_bill(self._get_zero_policy(run)))
        return found

    # ------------------------------------------------------------------
    # Words and money
    # ------------------------------------------------------------------

    @api.depends("run_ids", "line_ids", "skip_zero", "late_fees", "invoice_date")
    def _compute_summary(self):
        for wizard in self:
            lines = wizard._get_lines_to_bill()
            listed = wizard.run_ids._origin.line_ids
            billed = listed.filtered(lambda line: line.state == "skipped" and line.move_id)
            wizard.customer_count = len(lines.partner_id)
            wizard.listed_count = len(listed.partner_id)
            wizard.billed_count = len(billed.partner_id)
            wizard.summary = wizard._get_summary(lines)
            wizard.of_these = wizard._get_of_these(lines)
            wizard.class_note = wizard._get_class_note(lines)
            wizard.not_billed_note = wizard._get_not_billed_note(lines)
            wizard.catch_up_note = wizard._get_catch_up_note(lines)
            wizard.date_note = "\n".join(wizard._get_date_warnings(lines))

    @api.depends("run_ids", "line_ids", "skip_zero", "late_fees", "invoice_date")
    def _compute_told(self):
        for wizard in self:
            wizard.told = wizard._get_told(wizard._get_lines_to_bill())

    @api.model
    def _get_told(self, lines):
        """The same for the same customers and amounts only, however many they are."""
        told = sorted(
            (line.partner_id.id, line.currency_id.id, line.currency_id.round(line.amount_total))
            for line in lines
        )
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _get_summary(self, lines):
        """“41 of 47 customers, $ 29,345.32”."""
        if not lines:
            return self._get_nobody_text()
        customers = self.env._(
            "%(count)s of %(customers)s",
            count=self.customer_count,
            customers=self._say_customers(self.listed_count),
        )
        if len(lines) > self.customer_count:
            customers = self.env._(
                "%(customers)s (%(count)s invoices)", customers=customers, count=len(lines)
            )
        return ", ".join([customers, *self._say_amounts(lines)])

    def _get_nobody_text(self):
        if self.billed_count and self.billed_count == self.listed_count:
            return self.env._(
                "Nobody is left to bill: all of the %s are billed already.",
                self._say_customers(self.listed_count),
            )
        return self.env._("Nobody of those chosen is left to bill.")

    def _say_customers(self, count):
        if count == 1:
            return self.env._("1 customer")
        return self.env._("%s customers", count)

    def _say_amounts(self, lines):
        """What is owed by the invoices of these lines, in each currency: ``["$ 1.00", …]``."""
        return [
            currency.format(sum(group.mapped("amount_total")))
            for currency, group in lines.grouped("currency_id").items()
        ]

    def _get_of_these(self, lines):
        """“Of these 5 with $ 0.00; 6 in credit”, or False."""
        parts = []
        zero = lines.filtered(lambda line: line.currency_id.is_zero(line.amount_total))
        for currency, group in zero.grouped("currency_id").items():
            parts.append(
                self.env._("%(count)s with %(zero)s", count=len(group), zero=currency.format(0))
            )
        credit = lines.filtered(lambda line: line.balance_class == "credit")
        if credit:
            parts.append(self.env._("%s in credit", len(credit.partner_id)))
        notes = lines.filtered(lambda line: line._is_credit_note())
        if notes:
            parts.append(self.env._("%s with a credit note", len(notes)))
        return bool(parts) and self.env._("Of these %s", "; ".join(parts))

    def _get_class_note(self, lines):
        labels = lines._fields["balance_class"]._description_selection(self.env)
        counts = {value: len(group) for value, group in lines.grouped("balance_class").items()}
        return " · ".join(f"{label} {counts[value]}" for value, label in labels if value in counts)

    def _get_not_billed_note(self, lines):
        """Who of those chosen gets no invoice, in how many words as needed; or False."""
        left = self.line_ids._origin - lines - lines._origin
        billed = left.filtered("move_id")
        by_hand = left.filtered("left_out")
        others = left - billed - by_hand
        parts = [
            (billed, self.env._("%s billed already", len(billed.partner_id))),
            (by_hand, self.env._("%s left out by hand", len(by_hand.partner_id))),
            (others, self.env._("%s for the reasons in the list", len(others.partner_id))),
        ]
        texts = [text for group, text in parts if group]
        return bool(texts) and self.env._("Not billed: %s", "; ".join(texts))

    def _get_catch_up_note(self, lines):
        """Says so when days of earlier periods cost more than the period itself."""
        charges = lines.charge_ids
        late = charges.filtered("is_catch_up")
        totals = {}
        for charge in charges if late else ():
            sums = totals.setdefault(charge.currency_id, [0, 0])
            sums[charge in late] += charge.amount
        return ", ".join(
            self.env._(
                "%(late)s are for days of earlier periods, %(now)s for this one",
                late=currency.format(caught_up),
                now=currency.format(now),
            )
            for currency, (now, caught_up) in totals.items()
            if currency.compare_amounts(caught_up, now) > 0
        )

    # ------------------------------------------------------------------
    # The date
    # ------------------------------------------------------------------

    def _get_date_warnings(self, lines):
        """What to think of before confirming this date; nothing of it forbids it."""
        if not self.invoice_date:
            return []
        return [
            *self._get_outside_warnings(),
            *self._get_past_warnings(lines),
            *self._get_closed_warnings(lines),
        ]

    def _get_outside_warnings(self):
        periods = self.run_ids._origin.period_id
        outside = periods.filtered(
            lambda period: (
                not period.date_from <= self.invoice_date <= period.date_to
                and period.invoice_date != self.invoice_date
            )
        )
        return [
            self.env._(
                "%(date)s lies outside of %(period)s.",
                date=format_date(self.env, self.invoice_date),
                period=period.display_name,
            )
            for period in outside
        ]

    def _get_past_warnings(self, lines):
        """An invoice date gone by, and who is overdue at birth by it."""
        today = fields.Date.context_today(self)
        if self.invoice_date >= today:
            return []
        days = (today - self.invoice_date).days
        text = (
            self.env._("The invoice date was yesterday.")
            if days == 1
            else self.env._("The invoice date was %s days ago.", days)
        )
        overdue = lines.filtered(
            lambda line: line.currency_id.compare_amounts(line.amount_total, 0) > 0
        )
        due = {}
        for line in overdue:
            term = line._get_payment_term()
            if term not in due:
                days_due = [part._get_due_date(self.invoice_date) for part in term.line_ids]
                # A draft without terms is due the day it is made, as core dates it.
                due[term] = min(days_due, default=max(self.invoice_date, today))
        born = overdue.filtered(lambda line: due[line._get_payment_term()] < today)
        if not born:
            return [text]
        first = min(due[line._get_payment_term()] for line in born)
        count = self.env._("1 invoice") if len(born) == 1 else self.env._("%s invoices", len(born))
        return [
            self.env._(
                "%(text)s By the payment terms, %(invoices)s would be overdue at once (due from "
                "%(due)s).",
                text=text,
                invoices=count,
                due=format_date(self.env, first),
            )
        ]

    def _get_closed_warnings(self, lines):
        """The date lies in a closed period of a journal, so that these fail."""
        problems = defaultdict(lambda: self.env["ar.billing.run.line"])
        for line in lines:
            problems[line.company_id, line._get_journal(), bool(line.charge_ids.tax_ids)] |= line
        texts = {
            company._ar_get_closed_period_problem(self.invoice_date, journal, has_tax)
            for company, journal, has_tax in problems
        }
        return sorted(text for text in texts if text)
