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
    move_id = fields.Many2one(related="line_id.move_id", string="Invoice")
    company_id = fields.Many2one(related="line_id.company_id")
    currency_id = fields.Many2one(related="line_id.currency_id")
    sequence = fields.Integer()
    product_id = fields.Many2one("product.product")
    name = fields.Char(string="Description", required=True)
    quantity = fields.Float(digits="Product Unit", default=1)
    price_unit = fields.Float(string="Price", digits="Product Price")
    discount = fields.Float(string="Discount (%)", digits="Discount")
    tax_ids = fields.Many2many("account.tax", string="Taxes")
    amount = fields.Monetary(
        compute="_compute_amount", help="Quantity × price less discount, before tax."
    )
    analytic_distribution = fields.Json()
    line_values = fields.Json(help="Further values of the invoice line, by field.")
    source = fields.Char(help="The charge source that gave it: its model.")
    source_ref = fields.Char(help="The record the charge comes from, as “model,id”.")
    source_data = fields.Json(help="What the source wants to know of it again.")
    problem = fields.Char(help="Why the charge cannot be invoiced.")

    @api.depends("quantity", "price_unit", "discount", "currency_id")
    def _compute_amount(self):
        for charge in self:
            full = charge.quantity * charge.price_unit
            charge.amount = round_amount(charge.currency_id, full * (1 - charge.discount / 100))

    def _prepare_invoice_line(self, fiscal_position):
        """Values of the invoice line; taxes as the fiscal position maps them."""
        self.ensure_one()
        taxes = fiscal_position.map_tax(self.tax_ids)
        vals = {
            **(self.line_values or {}),
            "product_id": self.product_id.id,
            "name": self.name,
            "quantity": self.quantity,
            "price_unit": self.price_unit,
            "tax_ids": [fields.Command.set(taxes.ids)],
            "sequence": self.sequence,
        }
        if self.discount:
            vals["discount"] = self.discount
        if self.analytic_distribution:
            # Left out otherwise, so that core's distribution models apply.
            vals["analytic_distribution"] = self.analytic_distribution
        return vals

    # ------------------------------------------------------------------
    # Their sources
    # ------------------------------------------------------------------

    def _tell_invoiced(self):
        """Tell each source once that these charges are on invoices now."""
        for source, charges in self._get_by_source():
            source._charges_invoiced(charges)

    def _tell_freed(self):
        """Tell each source once that these charges can be invoiced again."""
        for source, charges in self._get_by_source():
            source._charges_freed(charges)

    def _get_by_source(self):
        """``[(source, its charges)]``; of an addon that is gone, nobody is told."""
        return [
            (self.env[name].with_company(charges.company_id[:1]), charges)
            for name, charges in self.grouped("source").items()
            if name in self.env
        ]
