from collections import defaultdict
from decimal import Decimal

from odoo import api, models
from odoo.tools.misc import babel_locale_parse

from ...tools.billing_calendar import overlap_days, prorated_amount
from ...tools.period_names import date_range_name, day_range_name


class ArChargeSourceService(models.AbstractModel):
    _name = "ar.charge.source.service"
    _inherit = "ar.charge.source"
    _description = "Services as Charges"

    @api.model
    def _get_charges(self, period, customers, options):
        services = self._get_services(period, customers)
        by_customer = defaultdict(list)
        for service in services:
            by_customer[service.partner_id.commercial_partner_id].append(service)
        return [
            self._prepare_service_charge(period, customer, service)
            for customer in customers
            for service in by_customer[customer]
        ]

    @api.model
    def _get_services(self, period, customers):
        """Services of the customers that are active on a day of the period."""
        return self.env["ar.billing.service"].search(
            [
                ("company_id", "=", period.company_id.id),
                # Also of a person who was put below a company later on.
                ("partner_id.commercial_partner_id", "in", customers.ids),
                ("date_from", "<=", period.date_to),
                "|",
                ("date_to", "=", False),
                ("date_to", ">=", period.date_from),
            ],
            order="sequence, id",
        )

    @api.model
    def _prepare_service_charge(self, period, customer, service):
        quantity, price_unit = service.quantity, service.price_unit
        days = overlap_days(period.date_from, period.date_to, service.date_from, service.date_to)
        prorated = service.prorate and days < period._get_day_count()
        if prorated:
            quantity, price_unit = 1.0, self._get_prorated_price(period, service, days)
        return self._prepare_charge(
            customer,
            service.currency_id,
            self._get_line_name(period, customer, service, days if prorated else 0),
            price_unit,
            quantity=quantity,
            product_id=service.product_id.id,
            tax_ids=service.tax_ids.ids,
            analytic_distribution=service.analytic_distribution or False,
            source_ref=f"{service._name},{service.id}",
            problem=self._get_problem(period, service),
        )

    @api.model
    def _get_prorated_price(self, period, service, days):
        """Amount for some days of the period, in the service's currency, rounded to it."""
        # Through text: what was typed, not the binary fraction beside it.
        full = Decimal(str(service.quantity)) * Decimal(str(service.price_unit))
        rounding = Decimal(str(service.currency_id.rounding))
        return float(prorated_amount(full, days, period._get_day_count(), rounding))

    @api.model
    def _get_line_name(self, period, customer, service, days):
        """The service and its period, in the customer's language.

        :param days: of the period that are charged; 0 for all.
        """
        lang = customer.lang or self.env.lang
        locale = babel_locale_parse(lang)
        title, newline, details = service.name.partition("\n")
        parts = [title, date_range_name(period.date_from, period.date_to, locale)]
        if days:
            first = max(period.date_from, service.date_from)
            last = min(period.date_to, service.date_to or period.date_to)
            parts.append(
                self.with_context(lang=lang).env._(
                    "%(days)s of %(all_days)s days (%(dates)s)",
                    days=days,
                    all_days=period._get_day_count(),
                    dates=day_range_name(first, last, locale),
                )
            )
        return " · ".join(parts) + newline + details

    @api.model
    def _get_problem(self, period, service):
        """Why a service cannot be billed, or False."""
        return self._get_product_problem(
            service.product_id, period.profile_id
        ) or self._get_currency_problem(service.currency_id)
