import json
from decimal import Decimal
from numbers import Real

from odoo import Command, api, fields, models
from odoo.tools import float_compare

from ...tools.amounts import round_amount

# What the charge itself says of the line, or what makes it a line: not for ``line_values``.
OWN_LINE_FIELDS = {
    *("product_id", "name", "quantity", "price_unit", "discount", "tax_ids", "sequence"),
    *("analytic_distribution", "move_id", "currency_id", *models.MAGIC_COLUMNS),
}


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
    # With all its decimals, as on an invoice line: a price of 0.00325 is one.
    price_unit = fields.Float(
        string="Price",
        min_display_digits="Product Price",
        help="Before the customer's fiscal position.",
    )
    discount = fields.Float(string="Discount (%)", digits="Discount")
    tax_ids = fields.Many2many(
        "account.tax", string="Taxes", help="Before the customer's fiscal position."
    )
    taxes_mapped = fields.Boolean(
        help="Taxes and price are as they are to stand on the invoice, whatever the position."
    )
    invoice_price = fields.Float(
        compute="_compute_invoice_values",
        min_display_digits="Product Price",
        help="The price on the invoice: where the customer's fiscal position changes a tax "
        "that the price includes, it is converted as Odoo converts a product's price.",
    )
    invoice_tax_ids = fields.Many2many(
        "account.tax",
        string="Invoice Taxes",
        compute="_compute_invoice_values",
        help="The taxes on the invoice: as the customer's fiscal position maps them.",
    )
    amount = fields.Monetary(
        compute="_compute_invoice_values",
        help="Quantity × price on the invoice less discount, before tax that is added.",
    )
    analytic_distribution = fields.Json()
    line_values = fields.Json(help="Further values of the invoice line, by field.")
    source = fields.Char(help="The charge source that gave it: its model.")
    source_ref = fields.Char(help="The record the charge comes from, as “model,id”.")
    source_data = fields.Json(help="What the source wants to know of it again.")
    is_catch_up = fields.Boolean(help="For days of earlier periods, which no run has billed.")
    problem = fields.Char(help="Why the charge cannot be invoiced.")

    @api.depends(
        *("product_id", "quantity", "price_unit", "discount", "tax_ids", "currency_id"),
        "taxes_mapped",
        "line_id.fiscal_position_id",
    )
    def _compute_invoice_values(self):
        for charge in self:
            position = charge.line_id.fiscal_position_id
            charge.invoice_price = charge._get_invoice_price(position)
            charge.invoice_tax_ids = charge._get_invoice_taxes(position)
            full = charge.quantity * charge.invoice_price
            charge.amount = round_amount(charge.currency_id, full * (1 - charge.discount / 100))

    @api.model
    def _prepare_given(self, given, number):
        """Values of the record of a charge that a source has given.

        :param given: as ``_prepare_charge`` of the source makes it, with its ``source``.
        :param number: its place on the invoice.
        """
        problem = self._get_given_problem(given)
        if problem:
            # Whom it is for can be seen, and why he is not billed; the rest is of no use.
            return {
                "sequence": number,
                "name": str(given.get("name") or given["source"]),
                "source": given["source"],
                "problem": problem,
            }
        return {
            "sequence": number,
            "product_id": given.get("product_id"),
            "name": given["name"],
            "quantity": given["quantity"],
            "price_unit": given["price_unit"],
            "discount": given.get("discount", 0),
            "tax_ids": [Command.set(given.get("tax_ids") or [])],
            "taxes_mapped": bool(given.get("taxes_mapped")),
            "analytic_distribution": given.get("analytic_distribution"),
            "line_values": given.get("line_values"),
            "source": given["source"],
            "source_ref": given.get("source_ref"),
            "source_data": given.get("source_data"),
            "is_catch_up": bool(given.get("is_catch_up")),
            "problem": given.get("problem"),
        }

    def _is_as_given(self, vals):
        """Whether the charge is what a source gives now, as ``_prepare_given`` has it.

        What stands in the way of billing may differ: that is asked for anew.
        """
        self.ensure_one()
        if self.problem and self.problem == vals.get("problem"):
            return True  # is not billed anyway
        for name in ("name", "source", "source_ref", "source_data", "line_values"):
            if (self[name] or False) != (vals.get(name) or False):
                return False
        for name in ("quantity", "price_unit", "discount"):
            field_ = self._fields[name]
            if float_compare(
                self[name], field_.convert_to_cache(vals.get(name, 0), self), precision_digits=9
            ):
                return False
        taxes = vals["tax_ids"][0][2] if vals.get("tax_ids") else []
        return (
            self.product_id.id == (vals.get("product_id") or False)
            and set(self.tax_ids.ids) == set(taxes)
            and self.taxes_mapped == vals.get("taxes_mapped", False)
            and (self.analytic_distribution or {}) == (vals.get("analytic_distribution") or {})
        )

    @api.model
    def _get_given_problem(self, given):
        """Why what a source has given cannot be invoiced: a sentence, or False."""
        wrong = self._get_wrong_values(given)
        return bool(wrong) and self.env._(
            "“%(charge)s” cannot be invoiced: its source (%(model)s) gives what an invoice line "
            "does not take (%(wrong)s). Ask an administrator to look into that addon.",
            charge=given.get("name"),
            model=given["source"],
            wrong=", ".join(wrong),
        )

    @api.model
    def _get_wrong_values(self, given):
        """What of a charge cannot be, as ``name = value``, in the order of the charge."""
        wrong = []
        if not isinstance(given.get("name"), str) or not given["name"]:
            wrong.append(f"name = {given.get('name')!r}")
        for name in ("quantity", "price_unit", "discount"):
            value = given.get(name, 0 if name == "discount" else None)
            if not isinstance(value, (Real, Decimal)) or (
                name == "discount" and not 0 <= value <= 100
            ):
                wrong.append(f"{name} = {value!r}")
        for name in ("analytic_distribution", "source_data"):
            if not self._is_json(given.get(name)):
                wrong.append(f"{name} = {given[name]!r}")
        values = given.get("line_values") or {}
        if not isinstance(values, dict):
            return [*wrong, f"line_values = {values!r}"]
        return wrong + [
            f"{name} = {value!r}"
            for name, value in values.items()
            if not self._is_line_value(name, value)
        ]

    def _is_line_value(self, name, value):
        """Whether an invoice line can be given such a value beside what the charge itself says."""
        lines = self.env["account.move.line"]
        field_ = lines._fields.get(name)
        if not field_ or not field_.store or name in OWN_LINE_FIELDS or not self._is_json(value):
            return False
        if field_.type == "many2one" and value and type(value) is not int:
            return False
        try:
            field_.convert_to_cache(value, lines)
        except (TypeError, ValueError):
            return False
        return True

    def _is_json(self, value):
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            return False
        return True

    def _get_invoice_price(self, fiscal_position):
        """The price on the invoice, in the currency of the charge.

        A price that includes a tax which the position changes is converted as core converts
        the price of a product.
        """
        self.ensure_one()
        if self.taxes_mapped:
            return self.price_unit
        company = self.company_id
        # Core leaves prices as they are where the taxes are those of a parent company.
        taxes = self.tax_ids.filtered(lambda tax: tax.company_id == company)
        return self.product_id._get_tax_included_unit_price_from_price(
            self.price_unit, taxes, fiscal_position=fiscal_position
        )

    def _prepare_amounts(self, fiscal_position):
        """What decides the amounts of the line: quantity, price, discount and taxes."""
        return {
            "quantity": self.quantity,
            "price_unit": self._get_invoice_price(fiscal_position),
            "discount": self.discount,
            "tax_ids": self._get_invoice_taxes(fiscal_position),
        }

    def _get_invoice_taxes(self, fiscal_position):
        """Taxes of the invoice line."""
        return self.tax_ids if self.taxes_mapped else fiscal_position.map_tax(self.tax_ids)

    @api.model
    def _turn(self, vals):
        """Values of a line with its sign turned, for a credit note.

        By the quantity, as core does it: a tax by the piece follows it always.
        """
        quantity, price = -vals.get("quantity", 1), vals["price_unit"]
        if quantity < 0 and price < 0:
            quantity, price = -quantity, -price
        return {**vals, "quantity": quantity, "price_unit": price}

    def _prepare_invoice_line(self, fiscal_position):
        """Values of the invoice line; price and taxes as the fiscal position maps them."""
        self.ensure_one()
        amounts = self._prepare_amounts(fiscal_position)
        vals = {
            **(self.line_values or {}),
            "product_id": self.product_id.id,
            "name": self.name,
            "quantity": amounts["quantity"],
            "price_unit": amounts["price_unit"],
            "tax_ids": [fields.Command.set(amounts["tax_ids"].ids)],
            "sequence": self.sequence,
        }
        if self.discount:
            vals["discount"] = self.discount
        if self.analytic_distribution:
            # Left out otherwise, so that core's distribution models apply.
            vals["analytic_distribution"] = self.analytic_distribution
        return vals

    def _get_invoice_lines(self):
        """``{charge: invoice line}`` of charges that were invoiced; one query.

        An invoice's lines are made in the order of its charges; a line that a person added
        has another text or place.
        """
        products = self.env["account.move.line"].search(
            [("move_id", "in", self.move_id.ids), ("display_type", "=", "product")], order="id"
        )
        # Of two alike, the later one: what was regenerated comes last. Whose text a person
        # has changed on the invoice is known by its place, and else is some line of it.
        known = {}
        for line in products:
            known.setdefault(line.move_id, line)
            known[line.move_id, line.sequence] = line
            known[line.move_id, line.sequence, line.name] = line
        found = {}
        for charge in self:
            move = charge.move_id
            keys = ((move, charge.sequence, charge.name), (move, charge.sequence), move)
            found[charge] = next((known[key] for key in keys if key in known), products.browse())
        return found

    # ------------------------------------------------------------------
    # Their sources
    # ------------------------------------------------------------------

    def _tell_invoiced(self):
        """Tell each source once that these charges are on invoices now."""
        for source, charges in self._get_by_source():
            source._charges_invoiced(charges)

    def _tell_invoiced_again(self):
        """Tell each source once that an invoice of these charges came back, or its copy."""
        for source, charges in self._get_by_source():
            source._charges_invoiced_again(charges)

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
