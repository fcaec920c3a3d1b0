from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools.misc import babel_locale_parse

from ...tools.billing_calendar import overlap_days, prorated_amount
from ...tools.period_names import date_range_name, day_range_name


class ArChargeSourceService(models.AbstractModel):
    """Every day of a service once: the period's, those that earlier runs missed, credits.

    What is billed are days (``ar.billed.days``), whatever profile or period bills them.
    """

    _name = "ar.charge.source.service"
    _inherit = "ar.charge.source"
    _description = "Services as Charges"

    @api.model
    def _get_charges(self, period, customers, options):
        services = self._get_services(period, customers)
        gaps = self.env["ar.billed.days"]._get_gaps(services, period.date_to, period.date_from)
        beyond = defaultdict(list)
        for row, first, last in self.env["ar.billed.days"]._get_beyond(services):
            beyond[row.service_id].append((row, first, last))
        known = {}
        charges = defaultdict(list)
        for service in services:
            customer = service.partner_id.commercial_partner_id
            parts = self._get_parts(period.profile_id, service, gaps[service.id], known)
            # What the period itself costs stands first, then what comes late or goes back.
            parts.sort(key=lambda part: part[0][0] != period.date_from)
            charges[customer] += [
                {
                    **self._prepare_service_charge(period.profile_id, customer, service, *part),
                    "is_catch_up": part[2] < period.date_from,
                }
                for part in parts
            ]
            charges[customer] += [self._prepare_credit(customer, *part) for part in beyond[service]]
        return [charge for customer in customers for charge in charges[customer]]

    @api.model
    def _get_charges_of_days(self, profile, days):
        """Charges of days that somebody bills on purpose, in a run of no period.

        Priced as a period of the customer's calendar would have been.

        :param profile: of the run.
        :param days: ``[(service, first day, last day), …]``; of those that are billed by now,
            nothing is charged.
        """
        rows = self.env["ar.billed.days"]
        services = self.env["ar.billing.service"].union(*(service for service, *_ in days))
        latest = max((last for *_, last in days), default=fields.Date.context_today(self))
        gaps = rows._get_gaps(services, latest)
        beyond = defaultdict(list)
        for row, first, last in rows._get_beyond(services):
            beyond[row.service_id].append((row, first, last))
        charges, known, in_full = [], defaultdict(dict), set()
        for service, first, last in days:
            customer = service.partner_id.commercial_partner_id.with_company(service.company_id)
            own = customer.billing_profile_id
            charges += [
                self._prepare_credit(customer, *part)
                for part in beyond[service]
                if first <= part[1] and part[2] <= last
            ]
            wanted = [
                (max(first, begin), min(last, end))
                for begin, end in gaps[service.id]
                if begin <= last and end >= first
            ]
            for slice_, *part in self._get_parts(own, service, wanted, known[own], in_full=True):
                # Without proration a period costs once, however many gaps of it are billed here.
                if service.prorate or (service, slice_) not in in_full:
                    in_full.add((service, slice_))
                    charges.append(
                        self._prepare_service_charge(profile, customer, service, slice_, *part)
                    )
        return charges

    @api.model
    def _get_services(self, period, customers):
        """Services of the customers that have begun by the end of the period.

        Also those that have ended, or begin later than they did: some of their days may be
        unbilled, or billed too far.
        """
        return self.env["ar.billing.service"].search(
            [
                ("company_id", "=", period.company_id.id),
                # Also of a person who was put below a company later on.
                ("partner_id.commercial_partner_id", "in", customers.ids),
                "|",
                ("date_from", "<=", period.date_to),
                ("billed_day_ids", "any", [("live", "=", True)]),
            ],
            order="sequence, id",
        )

    @api.model
    def _get_parts(self, profile, service, gaps, known=None, in_full=False):
        """What is charged of unbilled days: ``[(slice, first day, last day), …]``.

        A slice is a period of the profile's calendar, (first, last): the price is for one.
        A service that is not prorated takes all of its days in a slice, if none is billed.

        :param known: cache of slices by days.
        :param in_full: also where a service that is not prorated is billed in part already.
        """
        known = {} if known is None else known
        parts = []
        for first, last in gaps:
            if (first, last) not in known:
                known[first, last] = profile._get_slices(first, last)
            for begin, end in known[first, last]:
                part = max(begin, first), min(end, last)
                if in_full or self._takes_part(service, (begin, end), *part):
                    parts.append(((begin, end), *part))
        return parts

    @api.model
    def _takes_part(self, service, slice_, first, last):
        """Whether some unbilled days are charged by themselves when their period comes."""
        begin, end = slice_
        served = max(begin, service.date_from), min(end, service.date_to or end)
        return service.prorate or (first, last) == served

    @api.model
    def _prepare_service_charge(self, profile, customer, service, slice_, first, last):
        """The charge of some days of a service, all in one period of the calendar."""
        days = self._prepare_days(service, slice_, first, last)
        return self._prepare_charge(
            customer,
            service.currency_id,
            self._get_line_name(customer, service, slice_, days["prorated"] and (first, last)),
            days["price_unit"],
            quantity=days["quantity"],
            product_id=service.product_id.id,
            tax_ids=service.tax_ids.ids,
            analytic_distribution=service.analytic_distribution or False,
            source_ref=f"{service._name},{service.id}",
            source_data={
                "service_id": service.id,
                "days": [fields.Date.to_string(first), fields.Date.to_string(last)],
            },
            problem=self._get_problem(profile, service),
        )

    @api.model
    def _prepare_days(self, service, slice_, first, last):
        """Quantity and price of some days of a service, in its currency."""
        all_days = overlap_days(*slice_, None, None)
        days = overlap_days(first, last, None, None)
        if not service.prorate or days == all_days:
            return {
                "quantity": service.quantity,
                "price_unit": service.price_unit,
                "prorated": False,
            }
        price = self._get_prorated_price(service, days, all_days)
        return {"quantity": 1.0, "price_unit": price, "prorated": True}

    @api.model
    def _get_prorated_price(self, service, days, all_days):
        """Amount for some days of a period, in the service's currency, rounded to it."""
        # Through text: what was typed, not the binary fraction beside it.
        full = Decimal(str(service.quantity)) * Decimal(str(service.price_unit))
        rounding = Decimal(str(service.currency_id.rounding))
        return float(prorated_amount(full, days, all_days, rounding))

    @api.model
    def _get_line_name(self, customer, service, slice_, dates):
        """The service and its period, in the customer's language.

        :param slice_: first and last day of the period.
        :param dates: first and last day of those that are charged; False for all.
        """
        lang = customer.lang or self.env.lang
        locale = babel_locale_parse(lang)
        title, newline, details = service.name.partition("\n")
        parts = [title, date_range_name(*slice_, locale)]
        if dates:
            parts.append(self._get_days_text(lang, dates, overlap_days(*slice_, None, None)))
        return " · ".join(parts) + newline + details

    @api.model
    def _get_days_text(self, lang, dates, all_days):
        return self.with_context(lang=lang).env._(
            "%(days)s of %(all_days)s days (%(dates)s)",
            days=overlap_days(*dates, None, None),
            all_days=all_days,
            dates=day_range_name(*dates, babel_locale_parse(lang)),
        )

    @api.model
    def _prepare_credit(self, customer, row, first, last):
        """Take back what days cost on which their service does not run any more.

        At price, discount, taxes and account of the invoice line, in its currency; the
        customer's fiscal position was applied then.

        :param row: ``ar.billed.days``
        """
        line = row.move_line_id
        lang = customer.lang or self.env.lang
        locale = babel_locale_parse(lang)
        quantity, price_unit = 1.0, -row._get_credit_amount(first, last)
        if row._is_whole_line() and (first, last) == (row.date_from, row.date_to):
            quantity, price_unit = line.quantity * line._ar_get_billing_sign(), -line.price_unit
        name = self.with_context(lang=lang).env._(
            "Credit: %(service)s · %(dates)s (%(invoice)s)",
            service=row.service_id.display_name,
            dates=date_range_name(first, last, locale),
            invoice=line.move_id.name or line.move_id.with_context(lang=lang).display_name,
        )
        return self._prepare_charge(
            customer,
            line.currency_id,
            name,
            price_unit,
            quantity=quantity,
            discount=line.discount,
            product_id=line.product_id.id,
            tax_ids=line.tax_ids.ids,
            taxes_mapped=True,
            analytic_distribution=line.analytic_distribution or False,
            line_values={"account_id": line.account_id.id},
            source_ref=f"{row.service_id._name},{row.service_id.id}",
            source_data={
                "service_id": row.service_id.id,
                "credited_id": row.id,
                "days": [fields.Date.to_string(first), fields.Date.to_string(last)],
            },
        )

    @api.model
    def _get_problem(self, profile, service):
        """Why a service cannot be billed, or False."""
        return self._get_product_problem(service.product_id, profile) or self._get_currency_problem(
            service.currency_id
        )

    # ------------------------------------------------------------------
    # What became of the charges
    # ------------------------------------------------------------------

    @api.model
    def _charges_invoiced(self, charges):
        """The days that are charged, or credited, stand on these invoice lines now."""
        rows = self.env["ar.billed.days"]
        lines = charges._get_invoice_lines()
        known = rows._get_of_invoices(charges.move_id)
        # After a change of price, days that did not count are those of the row that follows.
        by_line = rows.union(*known.values()).grouped("move_line_id")
        # An invoice may be brought back after its service is gone.
        numbers = {charge.source_data["service_id"] for charge in charges}
        there = set(self.env["ar.billing.service"].browse(numbers).exists().ids)
        vals_list, credits = [], []
        for charge in charges:
            data, line = charge.source_data, lines[charge]
            first, last = map(fields.Date.to_date, data["days"])
            if credited_id := data.get("credited_id"):
                credits.append((credited_id, first, last, line))
            elif line and data["service_id"] in there:
                mine = known[charge.move_id.id, data["service_id"]] | by_line.get(line, rows)
                if mine._touches(first, last):
                    continue
                vals_list.append(self._prepare_billed_days(charge, line, first, last))
        rows._credit(credits)
        rows._create_inside(vals_list)
        # The database says now if another invoice bills one of these days.
        rows.flush_model()

    @api.model
    def _charges_invoiced_again(self, charges):
        """The days follow their invoices themselves, line by line: a line may be gone."""

    @api.model
    def _prepare_billed_days(self, charge, line, first, last):
        return {
            "service_id": charge.source_data["service_id"],
            "date_from": first,
            "date_to": last,
            "amount": line._ar_get_billed_amount(),
            "move_line_id": line.id,
        }
