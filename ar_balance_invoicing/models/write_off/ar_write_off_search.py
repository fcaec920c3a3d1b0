from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import escape_psql

from .ar_write_off import CRITERIA

# A hundred years: older than any debt, and still a date.
MOST_AGING_DAYS = 36_500


class ArWriteOff(models.Model):
    """The search of the write-off window."""

    _inherit = "ar.write.off"

    # --- criteria: blank means not applied, all that are given must hold -------

    partner_name = fields.Char(
        string="Customer Name", help="“last, first” and “first last” both find a person."
    )
    partner_ids = fields.Many2many("res.partner", string="Customers", copy=True)
    balance_below = fields.Monetary(
        string="Balance Due Less Than", help="In company currency; strictly less."
    )
    balance_from = fields.Monetary(string="Balance Due at Least", help="In company currency.")
    aging_choice = fields.Selection(
        [("30", "30"), ("60", "60"), ("90", "90"), ("120", "120"), ("other", "Other…")],
        string="Aging Days Greater Than",
    )
    aging_days = fields.Integer(
        string="Days",
        compute="_compute_aging_days",
        store=True,
        readonly=False,
        help="Strictly more days than these, from the due date or the invoice date as the "
        "settings say.",
    )
    product_type = fields.Selection(
        selection=lambda self: (
            self.env["product.template"]._fields["type"]._description_selection(self.env)
        ),
        help="Invoices with a product of this type.",
    )
    product_category_ids = fields.Many2many("product.category", string="Product Categories")
    invoice_date_from = fields.Date()
    invoice_date_to = fields.Date()
    due_date_from = fields.Date()
    due_date_to = fields.Date()
    sale_journal_ids = fields.Many2many("account.journal", string="Journals")
    salesperson_ids = fields.Many2many("res.users", string="Salespersons")
    tag_ids = fields.Many2many("res.partner.category", string="Customer Tags")
    profile_ids = fields.Many2many("ar.billing.profile", string="Billing Profiles")
    currency_ids = fields.Many2many("res.currency", string="Currencies")
    customer_balance_below = fields.Monetary(
        string="Customer's Balance Less Than",
        help="The whole account, in company currency: to write off by customer total.",
    )
    with_credits = fields.Boolean(
        string="Credits Too",
        help="Small overpayments, unapplied payments and credit notes as well; the amounts "
        "above then count without their sign.",
    )

    criteria_changed = fields.Boolean(
        compute="_compute_criteria_changed",
        store=True,
        help="The list was found by other criteria than those that are given now.",
    )

    @api.depends("aging_choice")
    def _compute_aging_days(self):
        for document in self:
            if document.aging_choice != "other":
                document.aging_days = int(document.aging_choice or 0)

    @api.depends(lambda self: sorted(self._get_criteria_fields()))
    def _compute_criteria_changed(self):
        for document in self:
            document.criteria_changed = document.searched and document.state == "draft"

    def onchange(self, values, field_names, fields_spec):
        """The lines found, maybe thousands, are not compared: no criterion changes them."""
        if "line_ids" in fields_spec:
            fields_spec = {**fields_spec, "line_ids": {}}
        return super().onchange(values, field_names, fields_spec)

    def action_search(self):
        """Find what meets all criteria and list it, everything ticked.

        :raise UserError: when the document was processed already, or no criterion is
            given at all.
        """
        self.ensure_one()
        self._check_may_write_off()
        self._check_startable()
        if self.state != "draft":
            raise UserError(self._get_wrong_state_message())
        self._check_criteria()
        self.line_ids._unlink_inside()
        self._list_found()
        self._write_inside({"searched": True, "criteria_changed": False})
        return True

    @api.model
    def _get_criteria_fields(self):
        """Names of the fields that say what is searched."""
        return set(CRITERIA)

    def _check_criteria(self):
        """A search for everything is a mistake, not a wish."""
        names = self._get_criteria_fields() - {"with_credits", "aging_choice"}
        if not any(self[name] for name in names) and not self._get_aging_days():
            raise UserError(
                self.env._(
                    "Give at least one criterion, for instance “Balance Due Less Than”: "
                    "without any, everything that is owed would be listed."
                )
            )
        if not 0 <= self.aging_days <= MOST_AGING_DAYS:
            raise UserError(
                self.env._(
                    "Aging days count from 0 to %(most)s: %(days)s are not among them.",
                    most=MOST_AGING_DAYS,
                    days=self.aging_days,
                )
            )
        if self.partner_name and not self._get_name_words():
            raise UserError(
                self.env._(
                    "“%s” is no customer's name: type letters or numbers of it.", self.partner_name
                )
            )

    def _get_item_domain(self):
        """Domain on ``account.move.line``: open items that meet the criteria.

        What concerns an invoice as a whole (its balance) is checked afterwards.
        """
        domain = self.env["ar.balance"]._get_open_item_domain(self.company_id)
        domain &= Domain("company_id", "=", self.company_id.id)
        domain &= self._get_customer_domain() & self._get_date_domain() & self._get_move_domain()
        if not self.with_credits:
            domain &= Domain("amount_residual", ">", 0)
        return domain

    def _get_customer_domain(self):
        domain = Domain.TRUE
        if self.partner_name:
            domain &= self._get_name_domain()
        if self.partner_ids:
            customers = self.partner_ids.commercial_partner_id
            domain &= Domain("partner_id.commercial_partner_id", "in", customers.ids)
        if self.tag_ids:
            domain &= Domain("partner_id.category_id", "child_of", self.tag_ids.ids)
        if self.profile_ids:
            domain &= Domain("partner_id.billing_profile_id", "in", self.profile_ids.ids)
        return domain

    def _get_name_words(self):
        return (self.partner_name or "").replace(",", " ").split()

    def _get_name_domain(self):
        """Every word of the name, in any order: “Last, First” finds “First Last”.

        What the database takes for wildcards are letters here.
        """
        return Domain.AND(
            Domain("partner_id.complete_name", "ilike", escape_psql(word))
            for word in self._get_name_words()
        )

    def _get_aging_days(self):
        """More days than these, or None; a choice holds whatever was typed beside it."""
        if self.aging_choice and self.aging_choice != "other":
            return int(self.aging_choice)
        return self.aging_days if self.aging_days or self.aging_choice else None

    def _get_date_domain(self):
        domain = Domain.TRUE
        days = self._get_aging_days()
        if days is not None:
            latest = fields.Date.context_today(self) - timedelta(days=days)
            by_invoice = self.company_id.ar_aging_basis == "invoice_date"
            reference = "invoice_date" if by_invoice else "date_maturity"
            domain &= Domain(reference, "<", latest) | (
                Domain(reference, "=", False) & Domain("date", "<", latest)
            )
        for name, operator, day in (
            ("move_id.invoice_date", ">=", self.invoice_date_from),
            ("move_id.invoice_date", "<=", self.invoice_date_to),
            ("date_maturity", ">=", self.due_date_from),
            ("date_maturity", "<=", self.due_date_to),
        ):
            if day:
                domain &= Domain(name, operator, day)
        return domain

    def _get_move_domain(self):
        domain = Domain.TRUE
        products = Domain.TRUE
        if self.product_type:
            products &= Domain("product_id.type", "=", self.product_type)
        if self.product_category_ids:
            products &= Domain("product_id.categ_id", "child_of", self.product_category_ids.ids)
        if products != Domain.TRUE:
            domain &= Domain("move_id.invoice_line_ids", "any", products)
        for name, records in (
            ("move_id.journal_id", self.sale_journal_ids),
            ("move_id.invoice_user_id", self.salesperson_ids),
            ("currency_id", self.currency_ids),
        ):
            if records:
                domain &= Domain(name, "in", records.ids)
        return domain
