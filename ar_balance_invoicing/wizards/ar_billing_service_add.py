from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..tools.client_actions import notification
from ..tools.sentences import listed


class ArBillingServiceAdd(models.TransientModel):
    """The pop-up of Add a Service: one service for many customers at once."""

    _name = "ar.billing.service.add"
    _description = "Add a Service to Customers"
    _inherit = ["ar.guarded"]

    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    profile_id = fields.Many2one(
        "ar.billing.profile", string="Billing Profile", help="All its customers get the service."
    )
    partner_ids = fields.Many2many(
        "res.partner", string="Customers", context={"active_test": False}
    )
    product_id = fields.Many2one("product.product", domain="[('sale_ok', '=', True)]")
    quantity = fields.Float(default=1, required=True, digits="Product Unit")
    price_choice = fields.Selection(
        [("product", "As the product says"), ("given", "One price for all")],
        string="Price",
        required=True,
        default="product",
    )
    price_unit = fields.Float(
        string="Unit Price",
        min_display_digits="Product Price",
        help="Of one unit for a whole period, in company currency.",
    )
    date_from = fields.Date(string="From", default=lambda self: fields.Date.context_today(self))
    date_to = fields.Date(string="To")
    prorate = fields.Boolean(
        default=True,
        help="A period in which the service begins or ends is charged by the day. "
        "Otherwise it is charged in full.",
    )
    summary = fields.Char(compute="_compute_found")
    left_out = fields.Text(compute="_compute_found")

    @api.depends("profile_id")
    def _compute_company_id(self):
        for wizard in self:
            company = wizard.profile_id.company_id or wizard.company_id
            wizard.company_id = company or self.env.company

    @api.depends("profile_id", "partner_ids", "product_id", "date_from", "date_to")
    def _compute_found(self):
        for wizard in self:
            customers, left_out = wizard._get_customers()
            wizard.summary = self.env._("Customers who get the service: %s", len(customers))
            wizard.left_out = listed(
                self.env,
                list(left_out.items()),
                lambda item: f"{item[0].display_name} {item[1]}",
            )

    def _get_customers(self):
        """``(customers who get the service, {customer: why not})``"""
        company = self.company_id or self.env.company
        asked = self.partner_ids._origin
        if self.profile_id:
            asked |= self.profile_id._origin._get_customers().with_env(self.env)
        customers, left_out = asked._ar_get_accounts(company)
        for service in self._get_running(customers, company):
            left_out.setdefault(
                service.partner_id.commercial_partner_id.with_company(company),
                self.env._("has it already, from %s on", format_date(self.env, service.date_from)),
            )
        kept = customers.filtered(lambda customer: customer not in left_out)
        return kept, left_out

    def _get_running(self, customers, company):
        """Services of the same product on some of the same days."""
        services = self.env["ar.billing.service"]
        if not self.product_id or not self.date_from:
            return services
        domain = [
            ("company_id", "=", company.id),
            ("partner_id.commercial_partner_id", "in", customers.ids),
            ("product_id", "=", self.product_id.id),
            "|",
            ("date_to", "=", False),
            ("date_to", ">=", self.date_from),
        ]
        if self.date_to:
            domain.append(("date_from", "<=", self.date_to))
        return services.search(domain, order="date_from, id")

    def action_add(self):
        """Add the service to all who do not have it; the others are named.

        :raise UserError: without a product, a first day, or a customer who is to get it.
        """
        self.ensure_one()
        if not self.product_id or not self.date_from:
            raise UserError(self.env._("Choose the product and the first day."))
        customers, _left_out = self._get_customers()
        left_out = self.left_out
        if not customers:
            raise UserError(
                self.env._("Nobody gets the service.\n%s", left_out)
                if left_out
                else self.env._("There are no customers. Add customers to the profile first.")
            )
        services = self.env["ar.billing.service"].with_company(self.company_id)
        services.create([self._prepare_service(customer) for customer in customers])
        return notification(
            self.env._(
                "“%(product)s” added to customers: %(count)s",
                product=self.product_id.display_name,
                count=len(customers),
            ),
            self.env._("Left out:\n%s", left_out) if left_out else "",
            warning=bool(left_out),
        )

    def _prepare_service(self, customer):
        values = {
            "partner_id": customer.id,
            "company_id": self.company_id.id,
            "product_id": self.product_id.id,
            "quantity": self.quantity,
            "date_from": self.date_from,
            "date_to": self.date_to,
            "prorate": self.prorate,
        }
        if self.price_choice == "given":
            values["price_unit"] = self.price_unit
        return values
