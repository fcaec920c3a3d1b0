from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

# Nobody means nothing by nothing here: the product, the company or the form says it.
EMPTY = (
    *("name", "quantity", "price_unit", "currency_id", "tax_ids", "company_id"),
    "billed_from",
)


class ArBillingService(models.Model):
    """A recurring charge of a customer, billed once in each period it is active in.

    How its price changes from a day on stands in the file of its prices beside this one.
    """

    _name = "ar.billing.service"
    _inherit = ["ar.guarded", "analytic.mixin", "mail.thread"]
    _description = "Billing Service"
    _order = "partner_id, sequence, id"
    _check_company_auto = True

    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    archived_on = fields.Date(
        readonly=True, copy=False, help="No day after it is due while the service is archived."
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
        domain="['|', ('is_company', '=', True), ('parent_id', '=', False)]",
        tracking=True,
        help="Accounts belong to companies: a contact's service is its company's.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    product_id = fields.Many2one(
        "product.product",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
        domain="[('sale_ok', '=', True)]",
        tracking=True,
    )
    name = fields.Text(
        string="Description",
        compute="_compute_name",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
        help="Printed on the invoice, followed by the dates of the period.",
    )
    quantity = fields.Float(default=1, required=True, digits="Product Unit", tracking=True)
    price_unit = fields.Float(
        string="Price",
        compute="_compute_price_unit",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        min_display_digits="Product Price",
        tracking=True,
        help="Price of one unit for a whole period, in the currency of the service.",
    )
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
    )
    tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes",
        compute="_compute_tax_ids",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        domain="[('type_tax_use', '=', 'sale')]",
        context={"active_test": False},
        tracking=True,
        help="Before the customer's fiscal position, which is applied when billing.",
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: fields.Date.context_today(self),
        tracking=True,
    )
    date_to = fields.Date(
        string="To", tracking=True, help="Last day of the service. Empty: until further notice."
    )
    billed_from = fields.Date(
        string="Billed by Us From",
        compute="_compute_billed_from",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
        help="Days before are never caught up: somebody else has billed them, or nobody will. "
        "The first day of the service if that is at most one period ago when it is entered, "
        "else the first day of the running period.",
    )
    billed_day_ids = fields.One2many(
        "ar.billed.days", "service_id", string="Billed Days", readonly=True
    )
    prorate = fields.Boolean(
        default=True,
        tracking=True,
        help="A period in which the service begins or ends is charged by the day. "
        "Otherwise it is charged in full.",
    )

    # ------------------------------------------------------------------
    # Defaults from the product
    # ------------------------------------------------------------------

    @api.depends("company_id")
    def _compute_currency_id(self):
        for service in self:
            service.currency_id = service.company_id.currency_id

    @api.depends("product_id")
    def _compute_name(self):
        for service in self:
            lang = service.partner_id.lang or self.env.lang
            product = service.product_id.with_context(lang=lang)
            if product:
                service.name = product.get_product_multiline_description_sale()

    @api.depends("product_id", "currency_id", "company_id")
    def _compute_price_unit(self):
        today = fields.Date.context_today(self)
        for service in self:
            product, company = service.product_id, service.company_id
            if not (product and company):
                service.price_unit = service.price_unit
                continue
            service.price_unit = product.with_company(company)._get_tax_included_unit_price(
                company, service.currency_id or company.currency_id, today, "sale"
            )

    @api.depends("product_id", "company_id")
    def _compute_tax_ids(self):
        sources = self.env["ar.charge.source"]
        for service in self:
            service.tax_ids = sources._get_product_taxes(service.product_id, service.company_id)

    @api.depends("date_from")
    def _compute_billed_from(self):
        """Entered late is not billed late: what was served long ago is history.

        A service whose first day moves back later on keeps the days that count already.
        """
        today = fields.Date.context_today(self)
        for service in self:
            first = service.date_from
            if not first:
                service.billed_from = service.billed_from or today
                continue
            running, earlier = service._get_running_period(today)
            entered = first if first >= earlier else running
            known = service.billed_from if service._origin else False
            # It never moves on by itself: the days before would be billed by nobody.
            service.billed_from = min(known, entered) if known else entered

    def _get_running_period(self, day):
        """First day of the period that holds a day, and of the one before it.

        By the calendar of the customer's billing profile; by months where he has none.
        """
        customer = self.partner_id.commercial_partner_id.with_company(self.company_id)
        return customer.sudo().billing_profile_id._get_period_starts(day)

    # ------------------------------------------------------------------
    # Constraints
    # ------------------------------------------------------------------

    @api.constrains("date_from", "date_to")
    def _check_dates(self):
        for service in self:
            if service.date_to and service.date_to < service.date_from:
                raise ValidationError(
                    self.env._(
                        "The service “%(service)s” of %(customer)s ends on %(date_to)s, before "
                        "it begins on %(date_from)s. Choose a later end, or none.",
                        service=service.display_name,
                        customer=service.partner_id.display_name,
                        date_to=fields.Date.to_string(service.date_to),
                        date_from=fields.Date.to_string(service.date_from),
                    )
                )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.depends("name")
    def _compute_display_name(self):
        for service in self:
            service.display_name = (service.name or "").split("\n", 1)[0]

    @api.model
    def get_import_templates(self):
        """A spreadsheet to begin with, for the import of the list."""
        return [
            *super().get_import_templates(),
            {
                "label": self.env._("Import Template for Services"),
                "template": "/ar_balance_invoicing/static/import/services.csv",
            },
        ]

    @api.model_create_multi
    def create(self, vals_list):
        self._check_creates(vals_list)
        given = [self._leave_out_empty(self._normalize(vals)) for vals in vals_list]
        return super().create(given)

    def write(self, vals):
        """What was served until it is archived is still due.

        :raise UserError: when a billed service is given to another customer.
        """
        self._check_writes(vals)
        vals = self._normalize(vals)
        if vals.get("partner_id"):
            self._check_customer_stays(vals["partner_id"])
        if "active" in vals:
            changed = self.filtered(lambda service: service.active != bool(vals["active"]))
            today = fields.Date.context_today(self)
            changed._write_inside({"archived_on": not vals["active"] and today})
        return super().write(vals)

    def _check_customer_stays(self, partner_id):
        moved = self.filtered(lambda service: service.partner_id.id != partner_id)
        billed = self.env["ar.billed.days"].search(
            [("service_id", "in", moved.ids), ("live", "=", True)], limit=1
        )
        if billed:
            raise UserError(
                self.env._(
                    "“%(service)s” is billed to %(customer)s, and stays his. Give it a last day, "
                    "and enter a new service for the other customer.",
                    service=billed.service_id.display_name,
                    customer=billed.service_id.partner_id.display_name,
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed(self):
        for service in self.filtered(
            lambda service: "posted" in service.sudo().billed_day_ids.move_id.mapped("state")
        )[:1]:
            raise UserError(
                self.env._(
                    "The service “%(service)s” of %(customer)s has been billed, and stays as the "
                    "record of that. Give it a last day, or archive it.",
                    service=service.display_name,
                    customer=service.partner_id.display_name,
                )
            )

    @api.model
    def _leave_out_empty(self, vals):
        """An empty cell of a spreadsheet means what an untouched field of the form means.

        A price of 0 is a price; none at all is the product's.
        """
        return {
            name: value for name, value in vals.items() if value is not False or name not in EMPTY
        }

    @api.model
    def _normalize(self, vals):
        """Give a service to the commercial entity, which is what has an account."""
        if not vals.get("partner_id"):
            return vals
        partner = self.env["res.partner"].sudo().browse(vals["partner_id"])
        return {**vals, "partner_id": partner.commercial_partner_id.id}
