from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import chain

from babel.numbers import format_decimal

from odoo import api, models
from odoo.tools import formatLang
from odoo.tools.misc import babel_locale_parse

from ...tools.billing_calendar import round_half_up

# A name that lists a hundred invoices is read by nobody.
NAMED_INVOICES = 5


class ArChargeSourceLateFee(models.AbstractModel):
    _name = "ar.charge.source.late.fee"
    _inherit = "ar.charge.source"
    _description = "Late Fees as Charges"

    @api.model
    def _get_charges(self, period, customers, options):
        profile = period.profile_id
        if not options.get("late_fees") or not profile._has_late_fees():
            return []
        overdue = self._get_overdue(period, customers, options["invoice_date"])
        charged = self._get_charged(period, customers)
        charges = []
        for customer in customers:
            items = overdue.get(customer)
            if items:
                charges += self._prepare_late_fees(profile, customer, items, charged)
        return charges

    @api.model
    def _get_overdue(self, period, customers, invoice_date):
        """Items past their days of grace: ``{customer: items}``, the oldest first."""
        grace = timedelta(days=period.profile_id.late_fee_grace_days)
        items = self.env["ar.balance"]._get_overdue_items(
            customers, period.company_id, invoice_date - grace
        )
        # At once, as below each customer's items are read for themselves.
        items.move_id.fetch(["name"])
        by_customer = defaultdict(items.browse)
        for item in items:
            by_customer[item.partner_id.commercial_partner_id] += item
        return by_customer

    @api.model
    def _get_charged(self, period, customers):
        """Overdue invoices that were charged in this period before: ``{customer: invoices}``."""
        fees = self.env["ar.late.fee"].search(
            [
                ("period_id", "=", period.id),
                ("overdue_move_id.partner_id.commercial_partner_id", "in", customers.ids),
            ]
        )
        charged = defaultdict(self.env["account.move"].browse)
        for fee in fees:
            invoice = fee.overdue_move_id
            charged[invoice.partner_id.commercial_partner_id] += invoice
        return charged

    @api.model
    def _prepare_late_fees(self, profile, customer, items, charged):
        """The late fee of one customer: no or one charge.

        :param items: all overdue items of the customer.
        :param charged: invoices charged before in this period, by customer.
        """
        minimum = Decimal(str(profile.late_fee_minimum))
        if self._sum_residuals(items) < minimum:
            return []
        before = charged[customer]
        items = items.filtered(lambda item: item.move_id not in before)
        if not items:
            return []
        # The fixed part is once per customer and period.
        fixed = Decimal(0) if before else Decimal(str(profile.late_fee_fixed))
        overdue = self._sum_residuals(items)
        amount = self._get_fee_amount(profile, fixed, overdue)
        if not amount:
            return []
        product = profile.late_fee_product_id
        return [
            self._prepare_charge(
                customer,
                profile.company_id.currency_id,
                self._get_line_name(profile, customer, items.move_id, fixed, overdue),
                float(amount),
                product_id=product.id,
                tax_ids=self._get_product_taxes(product, profile.company_id).ids,
                source_data={"overdue_move_ids": items.move_id.ids},
                problem=self._get_product_problem(product, profile),
            )
        ]

    @api.model
    def _sum_residuals(self, items):
        """Open amount of items, exact, in company currency."""
        return sum((Decimal(str(item.amount_residual)) for item in items), Decimal(0))

    @api.model
    def _get_fee_amount(self, profile, fixed, overdue):
        """Fixed part and percentage of the overdue amount, rounded half up once."""
        share = Fraction(str(profile.late_fee_percent)) / 100
        rounding = Decimal(str(profile.company_id.currency_id.rounding))
        return round_half_up(Fraction(fixed) + share * Fraction(overdue), rounding)

    @api.model
    def _get_line_name(self, profile, customer, invoices, fixed, overdue):
        """What is charged and for which invoices, in the customer's language."""
        lang = customer.lang or self.env.lang
        env = self.with_context(lang=lang).env
        percent = format_decimal(profile.late_fee_percent, locale=babel_locale_parse(lang))
        currency = profile.company_id.currency_id
        values = {
            "fixed": formatLang(env, float(fixed), currency_obj=currency),
            "percent": percent,
            "overdue": formatLang(env, float(overdue), currency_obj=currency),
            "invoices": self._get_invoice_names(env, invoices),
        }
        if fixed and profile.late_fee_percent:
            return env._(
                "Late fee: %(fixed)s and %(percent)s %% of %(overdue)s overdue (%(invoices)s)",
                **values,
            )
        if fixed:
            return env._("Late fee: %(fixed)s on %(overdue)s overdue (%(invoices)s)", **values)
        return env._("Late fee: %(percent)s %% of %(overdue)s overdue (%(invoices)s)", **values)

    @api.model
    def _get_invoice_names(self, env, invoices):
        names = ", ".join(invoice.name for invoice in invoices[:NAMED_INVOICES])
        more = len(invoices) - NAMED_INVOICES
        if more > 0:
            return env._("%(names)s and %(count)s more", names=names, count=more)
        return names

    # ------------------------------------------------------------------
    # What became of the charges
    # ------------------------------------------------------------------

    @api.model
    def _charges_invoiced(self, charges):
        """Remember which overdue invoice was charged in which period, and by which once."""
        fees = self.env["ar.late.fee"].search([("fee_move_id", "in", charges.move_id.ids)])
        known = {(fee.fee_move_id.id, fee.overdue_move_id.id) for fee in fees}
        named = {charge: charge.source_data["overdue_move_ids"] for charge in charges}
        overdue_ids = chain.from_iterable(named.values())
        there = set(self.env["account.move"].browse(overdue_ids).exists().ids)
        self.env["ar.late.fee"]._create_inside(
            [
                {
                    "period_id": charge.line_id.period_id.id,
                    "overdue_move_id": overdue_id,
                    "fee_move_id": charge.move_id.id,
                }
                for charge, overdue_ids in named.items()
                for overdue_id in overdue_ids
                if overdue_id in there and (charge.move_id.id, overdue_id) not in known
            ]
        )

    @api.model
    def _charges_freed(self, charges):
        """Their overdue invoices can be charged again."""
        fees = self.env["ar.late.fee"].search([("fee_move_id", "in", charges.move_id.ids)])
        fees._unlink_inside()
