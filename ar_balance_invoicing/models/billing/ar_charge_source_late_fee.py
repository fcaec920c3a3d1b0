from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from babel.numbers import format_decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang
from odoo.tools.misc import babel_locale_parse

from ...tools.billing_calendar import round_half_up

# A name that lists a hundred invoices is read by nobody.
NAMED_INVOICES = 5


class ArChargeSourceLateFee(models.AbstractModel):
    """Late fees of whoever is overdue, after his own open credits; one per currency.

    What was charged is remembered as days of an overdue invoice (``ar.late.fee``), so that it
    is charged once, whatever profile bills it.
    """

    _name = "ar.charge.source.late.fee"
    _inherit = "ar.charge.source"
    _description = "Late Fees as Charges"

    @api.model
    def _get_charges(self, period, customers, options):
        profile = period.profile_id
        if not options.get("late_fees") or not profile._has_late_fees():
            return []
        customers = self._get_charged_customers(customers.with_company(period.company_id))
        day = options["invoice_date"]
        finder = self.env["ar.late.fee.overdue"]
        overdue = finder._get_overdue(period, customers, day)
        fixed_charged = finder._get_fixed_charged(period, customers)
        amounts = self._get_amounts(profile, overdue, day)
        charges = []
        for customer in customers:
            debts = overdue[customer]
            if debts and self._is_minimum_reached(debts, amounts):
                charges += self._prepare_late_fees(
                    profile, customer, debts, amounts, customer in fixed_charged
                )
        return charges

    @api.model
    def _get_charged_customers(self, customers):
        """Those who are charged late fees at all; read together."""
        customers.fetch(["billing_late_fee_free", "lang"])
        return customers.filtered(lambda customer: not customer.billing_late_fee_free)

    # ------------------------------------------------------------------
    # What is charged
    # ------------------------------------------------------------------

    @api.model
    def _get_amounts(self, profile, overdue, day):
        """``{currency: (fixed part, minimum)}`` of all that is overdue, at the rates of a day.

        Both are in company currency on the profile; converted, they are rounded.
        """
        company = profile.company_id
        currencies = {debt.item.currency_id for debts in overdue.values() for debt in debts}
        return {
            currency: tuple(
                Fraction(str(company.currency_id._convert(amount, currency, company, day)))
                for amount in (profile.late_fee_fixed, profile.late_fee_minimum)
            )
            for currency in currencies
        }

    @api.model
    def _is_minimum_reached(self, debts, amounts):
        """Whether a customer is overdue by the minimum: in each currency by a part of it."""
        reached = Fraction(0)
        for debt in debts:
            _fixed, minimum = amounts[debt.item.currency_id]
            if not minimum:
                return True
            reached += debt.base / minimum
        return reached >= 1

    @api.model
    def _prepare_late_fees(self, profile, customer, debts, amounts, fixed_charged):
        """The late fees of one customer: one charge per currency.

        The fixed part is once per customer and period, in the currency of the oldest debt.

        :param debts: all that is overdue of the customer, the oldest first.
        :param fixed_charged: whether the fixed part was charged before.
        """
        by_currency = defaultdict(list)
        for debt in debts:
            if debt.days:
                by_currency[debt.item.currency_id].append(debt)
        charges = []
        for currency, alike in by_currency.items():
            fixed = 0 if fixed_charged or charges else amounts[currency][0]
            amount = self._get_fee_amount(profile, fixed, alike, currency)
            if amount:
                charges.append(
                    self._prepare_late_fee(profile, customer, alike, fixed, amount, currency)
                )
        return charges

    @api.model
    def _prepare_late_fee(self, profile, customer, debts, fixed, amount, currency):
        """The late fee of one customer in one currency, as a charge.

        :param fixed: part of ``amount``, both in that currency.
        """
        currency = self.env["res.currency"].browse(currency.id)
        product = profile.late_fee_product_id
        moves = self.env["account.move"].browse(
            dict.fromkeys(debt.item.move_id.id for debt in debts)
        )
        days = {debt.key: debt.days for debt in debts}
        return self._prepare_charge(
            customer,
            currency,
            self._get_line_name(profile, customer, debts, fixed, currency),
            float(amount),
            product_id=product.id,
            tax_ids=self._get_product_taxes(product, profile.company_id).ids,
            line_values={"billing_late_fee": True},
            source_data={
                "overdue_move_ids": moves.ids,
                "days": [
                    [move_id, item_id, str(first), str(last)]
                    for (move_id, item_id), spans in days.items()
                    for first, last in spans
                ],
                "amount": str(amount),
                "fixed": bool(fixed),
            },
            problem=self._get_product_problem(product, profile)
            or self._get_currency_problem(currency),
        )

    @api.model
    def _get_fee_amount(self, profile, fixed, debts, currency):
        """Fixed part and percentage of what is overdue, rounded half up once."""
        share = Fraction(str(profile.late_fee_percent)) / 100
        rounding = Decimal(str(currency.rounding))
        return round_half_up(
            fixed + share * sum(debt.base * debt.times for debt in debts), rounding
        )

    # ------------------------------------------------------------------
    # What it says
    # ------------------------------------------------------------------

    @api.model
    def _get_line_name(self, profile, customer, debts, fixed, currency):
        """What is charged and for which invoices, in the customer's language."""
        lang = customer.lang or self.env.lang
        env = self.with_context(lang=lang).env
        percent = format_decimal(profile.late_fee_percent, locale=babel_locale_parse(lang))
        overdue = sum(debt.base for debt in debts)
        values = {
            "fixed": formatLang(env, float(fixed), currency_obj=currency),
            "percent": percent,
            "overdue": formatLang(env, float(overdue), currency_obj=currency),
            "invoices": self._get_invoice_names(env, profile, debts),
        }
        if not profile.late_fee_percent:
            return env._("Late fee: %(fixed)s on %(overdue)s overdue (%(invoices)s)", **values)
        if profile.late_fee_monthly:
            values["percent"] = env._("%(percent)s %% per started month", percent=percent)
        else:
            values["percent"] = env._("%(percent)s %%", percent=percent)
        if fixed:
            return env._(
                "Late fee: %(fixed)s and %(percent)s of %(overdue)s overdue (%(invoices)s)",
                **values,
            )
        return env._("Late fee: %(percent)s of %(overdue)s overdue (%(invoices)s)", **values)

    @api.model
    def _get_invoice_names(self, env, profile, debts):
        """The overdue documents by name, with how often each is charged where that differs."""
        times = {}
        for debt in debts:
            move = debt.item.move_id
            name = move.name
            if move.move_type == "entry":
                name = debt.item.name or name
            times[name] = max(debt.times, times.get(name, 0))
        texts = [
            f"{name} × {count}" if profile.late_fee_monthly else name
            for name, count in times.items()
        ]
        names = ", ".join(texts[:NAMED_INVOICES])
        more = len(texts) - NAMED_INVOICES
        if more > 0:
            return env._("%(names)s and %(count)s more", names=names, count=more)
        return names

    # ------------------------------------------------------------------
    # Read again before it is billed
    # ------------------------------------------------------------------

    @api.model
    def _accepts_change(self, charges, given):
        """A fee that has fallen is taken as it is now; one that has risen is to be reviewed."""
        return self._get_fee(charges.mapped("source_data")) >= self._get_fee(
            vals["source_data"] for vals in given
        )

    @api.model
    def _get_fee(self, datas):
        """What is charged, exact, in the currency of the line."""
        return sum((Decimal((data or {}).get("amount", 0)) for data in datas), Decimal(0))

    # ------------------------------------------------------------------
    # What became of the charges
    # ------------------------------------------------------------------

    @api.model
    def _charges_invoiced(self, charges):
        """Remember which days of which overdue invoice were charged, and by which invoice."""
        fees = self.env["ar.late.fee"]
        known = fees.search([("fee_move_id", "in", charges.move_id.ids)]).fee_move_id
        vals_list = []
        for charge in charges.filtered(lambda charge: charge.move_id not in known):
            vals_list += self._prepare_rows(charge)
        vals_list = self._filter_there(vals_list)
        self._check_uncharged(vals_list)
        fees._create_inside(vals_list)

    @api.model
    def _prepare_rows(self, charge):
        """Values of the rows that remember what a charge has charged."""
        shared = {"period_id": charge.line_id.period_id.id, "fee_move_id": charge.move_id.id}
        rows = [
            {
                **shared,
                "overdue_move_id": move_id,
                "overdue_item_id": item_id,
                "date_from": fields.Date.to_date(first),
                "date_to": fields.Date.to_date(last),
            }
            for move_id, item_id, first, last in charge.source_data["days"]
        ]
        if charge.source_data["fixed"]:
            rows.append({**shared, "customer_number": charge.line_id.partner_id.id})
        return rows

    @api.model
    def _filter_there(self, vals_list):
        """Without what was overdue and is deleted by now."""
        for model, name in (
            ("account.move", "overdue_move_id"),
            ("account.move.line", "overdue_item_id"),
        ):
            ids = {vals[name] for vals in vals_list if vals.get(name)}
            there = set(self.env[model].browse(ids).exists().ids)
            vals_list = [vals for vals in vals_list if not vals.get(name) or vals[name] in there]
        return vals_list

    @api.model
    def _check_uncharged(self, vals_list):
        """Refuse to charge twice what another invoice has charged meanwhile.

        :raise UserError: with both invoices.
        """
        ids = {vals.get("overdue_move_id") for vals in vals_list} - {None}
        charged = self.env["ar.late.fee"]._get_by_overdue(self.env["account.move"].browse(ids))
        for vals in vals_list:
            for row in charged.get(vals.get("overdue_move_id"), ()):
                item = row.overdue_item_id.id
                alike = not item or not vals["overdue_item_id"] or item == vals["overdue_item_id"]
                if alike and row._overlaps(vals["date_from"], vals["date_to"]):
                    raise UserError(
                        self.env._(
                            "%(overdue)s was charged a late fee for these days already, on "
                            "%(invoice)s. List the customers again.",
                            overdue=row.overdue_move_id.display_name,
                            invoice=row.fee_move_id.display_name,
                        )
                    )

    @api.model
    def _charges_freed(self, charges):
        """Their overdue invoices can be charged again."""
        fees = self.env["ar.late.fee"].search([("fee_move_id", "in", charges.move_id.ids)])
        fees._unlink_inside()
