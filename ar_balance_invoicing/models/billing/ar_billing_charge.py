from odoo import api, fields, models

from ...tools.amounts import round_amount


class ArBillingCharge(models.Model):
    """What a run is about to put on an invoice: one line of it, as reviewed."""

    _name = "ar.billing.charge"
    _description = "Charge"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False
    _person_deletes = False
    _order = "line_id, sequence, id"

    line_id = fields.Many2one("ar.billing.run.line", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="line_id.company_id")
    currency_id = fields.Many2one(related="line_id.currency_id")
    sequence = fields.Integer()
    product_id = fields.Many2one("product.product")
    name = fields.Char(string="Description", required=True)
    quantity = fields.Float(digits="Product Unit", default=1)
    price_unit = fields.Float(string="Price", digits="Product Price")
    tax_ids = fields.Many2many("account.tax", string="Taxes")
    amount = fields.Monetary(
        compute="_compute_amount", help="Quantity × price, before tax, in the line's currency."
    )
    analytic_distribution = fields.Json()
    source_ref = fields.Char(help="The record the charge comes from, as “model,id”.")
    overdue_move_ids = fields.Many2many(
        "account.move", string="Overdue Invoices", help="The invoices that a late fee is for."
    )
    problem = fields.Char(help="Why the charge cannot be invoiced.")

    @api.depends("quantity", "price_unit", "currency_id")
    def _compute_amount(self):
        for charge in self:
            charge.amount = round_amount(charge.currency_id, charge.quantity * charge.price_unit)

    def _prepare_invoice_line(self, fiscal_position):
        """Values of the invoice line; taxes as the fiscal position maps them."""
        self.ensure_one()
        taxes = fiscal_position.map_tax(self.tax_ids)
        vals = {
            "product_id": self.product_id.id,
            "name": self.name,
            "quantity": self.quantity,
            "price_unit": self.price_unit,
            "tax_ids": [fields.Command.set(taxes.ids)],
            "sequence": self.sequence,
        }
        if self.analytic_distribution:
            # Left out otherwise, so that core's distribution models apply.
            vals["analytic_distribution"] = self.analytic_distribution
        return vals
