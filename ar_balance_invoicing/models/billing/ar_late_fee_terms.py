from odoo import api, fields, models
from odoo.exceptions import ValidationError

MOST_DAYS = 3650


class ArLateFeeTerms(models.AbstractModel):
    """What is charged to whoever pays late; for billing profiles.

    Amounts are in company currency. They are charged in the currency of the overdue invoice,
    converted at the invoice date of the run.
    """

    _name = "ar.late.fee.terms"
    _inherit = ["mail.thread"]
    _description = "Terms of Late Fees"

    company_id = fields.Many2one("res.company")
    currency_id = fields.Many2one(related="company_id.currency_id")
    late_fee_fixed = fields.Monetary(
        string="Fixed Fee",
        tracking=True,
        help="Once per customer and period, when something is overdue. In company currency.",
    )
    late_fee_percent = fields.Float(
        string="Percentage",
        digits=(6, 3),
        tracking=True,
        help="Of what is overdue after the customer's own open credits, which are set against "
        "his oldest debts first. Each overdue invoice is charged once per period, whatever "
        "profile bills it.",
    )
    late_fee_monthly = fields.Boolean(
        string="Per Started Month",
        tracking=True,
        help="The percentage is charged for each month that has begun since the due date and "
        "was not charged yet, instead of once per period.",
    )
    late_fee_on_fees = fields.Boolean(
        string="Fees on Fees",
        tracking=True,
        help="Charge late fees on unpaid late fees, too. Otherwise the part of an overdue invoice "
        "that is a late fee itself does not count.",
    )
    late_fee_grace_days = fields.Integer(
        string="Days of Grace",
        tracking=True,
        help="An invoice is charged when the invoice date of the run is later than its due "
        "date and so many days.",
    )
    late_fee_minimum = fields.Monetary(
        string="Minimum Overdue",
        tracking=True,
        help="A customer who is overdue by less is charged nothing. In company currency.",
    )
    late_fee_product_id = fields.Many2one(
        "product.product",
        check_company=True,
        domain="[('sale_ok', '=', True)]",
        ondelete="restrict",
        tracking=True,
        help="Account and taxes of the fee.",
    )

    @api.constrains(
        "late_fee_fixed",
        "late_fee_percent",
        "late_fee_grace_days",
        "late_fee_minimum",
        "late_fee_product_id",
    )
    def _check_late_fees(self):
        for terms in self:
            if not 0 <= terms.late_fee_percent <= 100:
                raise ValidationError(
                    self.env._(
                        "The late fee of “%(profile)s” is %(percent)s percent of what is overdue. "
                        "Type a percentage between 0 and 100.",
                        profile=terms.display_name,
                        percent=terms.late_fee_percent,
                    )
                )
        self._check_from_zero("late_fee_fixed", "late_fee_grace_days", "late_fee_minimum")
        for terms in self:
            if terms._has_late_fees() and not terms.late_fee_product_id:
                raise ValidationError(
                    self.env._(
                        "“%s” charges late fees: choose the product that gives them their account "
                        "and taxes.",
                        terms.display_name,
                    )
                )

    def _check_from_zero(self, *names):
        """Refuse amounts and numbers of days below zero, and days that nobody means.

        :raise ValidationError: with the field and what to type.
        """
        for terms in self:
            for name in names:
                if terms[name] < 0:
                    raise ValidationError(
                        self.env._(
                            "%(field)s of “%(profile)s” is below zero. Type 0 or more.",
                            field=self._fields[name]._description_string(self.env),
                            profile=terms.display_name,
                        )
                    )
                if name.endswith("_days") and terms[name] > MOST_DAYS:
                    raise ValidationError(
                        self.env._(
                            "%(field)s of “%(profile)s” are more than %(most)s. Type fewer days.",
                            field=self._fields[name]._description_string(self.env),
                            profile=terms.display_name,
                            most=MOST_DAYS,
                        )
                    )

    def _has_late_fees(self):
        self.ensure_one()
        return bool(self.late_fee_fixed or self.late_fee_percent)
