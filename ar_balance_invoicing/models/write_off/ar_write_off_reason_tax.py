"""Boxes of the tax report that are there for bad debts only."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ArWriteOffReasonTax(models.Model):
    """With which tax the tax of an invoice is asked back, instead of with itself."""

    _name = "ar.write.off.reason.tax"
    _inherit = ["ar.guarded"]
    _description = "Bad-Debt Tax of a Write-Off Reason"
    _order = "reason_id, id"
    _check_company_auto = True

    reason_id = fields.Many2one(
        "ar.write.off.reason", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="reason_id.company_id", store=True)
    tax_id = fields.Many2one(
        "account.tax",
        string="Sale Tax",
        required=True,
        check_company=True,
        ondelete="restrict",
        domain=[
            ("type_tax_use", "!=", "purchase"),
            ("amount_type", "!=", "group"),
            ("tax_exigibility", "=", "on_invoice"),
        ],
        help="The tax of the invoice's lines; of a group of taxes, each of them.",
    )
    bad_debt_tax_id = fields.Many2one(
        "account.tax",
        string="Bad-Debt Tax",
        required=True,
        check_company=True,
        ondelete="restrict",
        domain=[("amount_type", "!=", "group"), ("tax_exigibility", "=", "on_invoice")],
        help="Whose accounts and boxes of the tax report are used: those of a credit note for a "
        "sale tax, those of a bill for a purchase tax. The amount is that of the invoice.",
    )

    _tax_uniq = models.Constraint(
        "UNIQUE (reason_id, tax_id)", "A tax has one bad-debt tax in each reason."
    )

    @api.constrains("tax_id", "bad_debt_tax_id")
    def _check_taxes(self):
        for mapping in self:
            taxes = mapping.tax_id | mapping.bad_debt_tax_id
            if any(tax.amount_type == "group" for tax in taxes):
                raise ValidationError(
                    self.env._("A group of taxes has no boxes of its own: name the taxes in it.")
                )
            if any(tax.tax_exigibility == "on_payment" for tax in taxes):
                raise ValidationError(
                    self.env._(
                        "Tax that falls due on payment was never declared for an unpaid "
                        "invoice: there is nothing to ask back."
                    )
                )
            if mapping._get_factors(mapping.tax_id) != mapping._get_factors(
                mapping.bad_debt_tax_id
            ):
                raise ValidationError(
                    self.env._(
                        "%(tax)s and %(bad_debt)s are distributed differently: both need the "
                        "same percentages in the same order.",
                        tax=mapping.tax_id.display_name,
                        bad_debt=mapping.bad_debt_tax_id.display_name,
                    )
                )

    def _get_factors(self, tax):
        """How a tax is distributed, line by line."""
        lines = tax.invoice_repartition_line_ids
        return [(line.repartition_type, line.factor_percent) for line in lines]
