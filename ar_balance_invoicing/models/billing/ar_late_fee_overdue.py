from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from odoo import api, models
from odoo.fields import Domain

from ...tools.late_fees import Open, joined, left_after_credits, started_months, without_charged

INVOICES = ("out_invoice", "out_receipt")


@dataclass
class Overdue:
    """An overdue item, and what late fees are charged on of it."""

    # ``account.move.line``, with complete rights.
    item: models.BaseModel
    # In the currency of the item: what is left of it after credits, and without late fees.
    base: Fraction
    # First and last days that are charged; none if all are charged already.
    days: list[tuple[date, date]]
    # How often the percentage is charged.
    times: int
    # What is charged once: ``(invoice id, item id)``, or ``(invoice id, False)`` for the whole.
    key: tuple


class ArLateFeeOverdue(models.AbstractModel):
    """What customers are overdue by after their own credits, and what was charged before."""

    _name = "ar.late.fee.overdue"
    _description = "What Late Fees Are Charged On"

    @api.model
    def _get_overdue(self, period, customers, day):
        """``{customer: [Overdue, …]}`` past their days of grace, the oldest first.

        Branches bill and dun for themselves: credits and debts are those of the whole ledger,
        charged are invoices of the company only.

        :param day: invoice date of the run.
        """
        items = self.env["ar.balance"]._get_customers_items(customers, period.company_id)
        names = ["name", "move_type", "amount_total", "origin_payment_id", "statement_line_id"]
        items.move_id.fetch([*names, "matched_payment_ids"])
        by_customer = defaultdict(list)
        for item in items:
            by_customer[item.partner_id.commercial_partner_id.id].append(item)
        before = day - timedelta(days=period.profile_id.late_fee_grace_days)
        left = {}
        for own in by_customer.values():
            left |= self._get_left(own, before)
        late = items.filtered(lambda item: left.get(item) and self._is_charged(period, item))
        shares = self._get_fee_shares(period.profile_id, late.move_id)
        charged = self.env["ar.late.fee"]._get_by_overdue(late.move_id)
        overdue = defaultdict(list)
        for item in late:
            if base := left[item] * (1 - shares.get(item.move_id.id, 0)):
                debt = self._prepare_overdue(period, item, base, day, charged)
                overdue[customers.browse(item.partner_id.commercial_partner_id.id)].append(debt)
        return overdue

    @api.model
    def _get_left(self, items, before):
        """``{item: amount}``: what of each debt that was due before a day credits leave.

        In the currency of the item.

        :param items: all open items of one customer, the oldest first.
        """
        debts, credits = {}, []
        for item in items:
            amount, booked = self._get_open_amounts(item)
            if booked < 0:
                credits.append(Open(item.currency_id.id, -amount, -booked))
            elif booked > 0 and (item.date_maturity or item.date) < before:
                debts[item] = Open(item.currency_id.id, amount, booked)
        credits += self._get_payments_in_process(items)
        return dict(zip(debts, left_after_credits(debts.values(), credits), strict=True))

    @api.model
    def _get_payments_in_process(self, items):
        """What is being paid of invoices by payments that have no entry (yet), as credits.

        Such an invoice reads "In Payment": who has paid is charged no late fee because the bank
        has not said so yet.

        :param items: of one customer.
        """
        moves = items[0].browse([item.id for item in items]).move_id
        payments = moves.matched_payment_ids.filtered(
            lambda payment: payment.state == "in_process" and not payment.move_id
        )
        return [
            Open(
                payment.currency_id.id,
                Fraction(str(payment.amount)),
                Fraction(str(payment.amount_company_currency_signed)),
            )
            for payment in payments
            if payment.payment_type == "inbound"
        ]

    @api.model
    def _get_open_amounts(self, item):
        """(in the currency of the item, in company currency): what is open of it, exact."""
        return Fraction(str(item.open_balance_currency)), Fraction(str(item.open_balance))

    @api.model
    def _is_charged(self, period, item):
        """Whether late fees are charged on an item that is open and late.

        Invoices, and what was brought forward from other books by an entry with a due date. Not
        money that was paid back to the customer.
        """
        move = item.move_id
        if item.company_id != period.company_id or not item.date_maturity:
            return False
        if move.move_type == "entry":
            return not (move.origin_payment_id or move.statement_line_id)
        return move.move_type in INVOICES

    @api.model
    def _get_fee_shares(self, profile, moves):
        """``{invoice id: share}`` of invoices that is late fees itself and does not count.

        What was credited of an invoice is no part of it: a fee that was taken back alone leaves
        the rest as it is.
        """
        if profile.late_fee_on_fees:
            return {}
        credits = moves.reversal_move_ids.filtered(lambda move: move.state == "posted")
        fees = self._get_fees(moves | credits)
        left = {
            move.id: [fees.get(move.id, Fraction(0)), Fraction(str(move.amount_total))]
            for move in moves
        }
        for credit in credits:
            own = left[credit.reversed_entry_id.id]
            own[0] -= fees.get(credit.id, 0)
            own[1] -= Fraction(str(credit.amount_total))
        return {
            move_id: max(Fraction(0), min(Fraction(1), fee / total))
            for move_id, (fee, total) in left.items()
            if fee and total > 0
        }

    @api.model
    def _get_fees(self, moves):
        """``{invoice id: amount}`` of the late fees that invoices charge, with tax."""
        domain = [
            ("move_id", "in", moves.ids),
            ("billing_late_fee", "=", True),
            ("display_type", "=", "product"),
        ]
        items = self.env["account.move.line"].sudo()
        rows = items._read_group(domain, ["move_id"], ["price_total:sum"])
        return {move.id: Fraction(str(fees)) for move, fees in rows}

    @api.model
    def _prepare_overdue(self, period, item, base, day, charged):
        """What is charged of an item: for which days, and how often."""
        profile = period.profile_id
        rows = charged.get(item.move_id.id, ())
        by_item = profile.late_fee_monthly or item.move_id.move_type == "entry"
        if by_item:
            # What was charged by instalments is charged of the whole, not the other way round.
            rows = [row for row in rows if row.overdue_item_id in (item, item.browse())]
        spans = [(row.date_from, row.date_to) for row in rows]
        if profile.late_fee_monthly:
            days = without_charged(started_months(item.date_maturity, day), spans)
        else:
            days = without_charged([(period.date_from, period.date_to)], spans)
        key = (item.move_id.id, by_item and item.id)
        return Overdue(item, base, joined(days), len(days), key)

    @api.model
    def _get_fixed_charged(self, period, customers):
        """Customers who were charged the fixed part for some days of the period."""
        rows = (
            self.env["ar.late.fee"]
            .sudo()
            .search(
                Domain("company_id", "=", period.company_id.id)
                & Domain("customer_number", ">", 0)
                & Domain("date_from", "<=", period.date_to)
                & Domain("date_to", ">=", period.date_from)
                & (
                    Domain("customer_number", "in", customers.ids)
                    # Who was merged, or put below a company, since.
                    | Domain("fee_move_id.partner_id.commercial_partner_id", "in", customers.ids)
                )
            )
        )
        numbers = {row.customer_number for row in rows}
        numbers.update(rows.fee_move_id.partner_id.commercial_partner_id.ids)
        return customers.filtered(lambda customer: customer.id in numbers)
