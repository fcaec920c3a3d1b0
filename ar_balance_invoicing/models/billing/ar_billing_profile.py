from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ...tools import client_actions
from .res_company import ZERO_INVOICES, ZERO_POLICIES

CALENDAR_FIELDS = ("cadence_unit", "cadence_count", "anchor_date")


class ArBillingProfile(models.Model):
    """Customers that are billed alike: how often, from which journal, on which terms.

    How often, and whether by itself, stands in the file of its calendar beside this one; what
    late fees it charges in ``ar.late.fee.terms``.
    """

    _name = "ar.billing.profile"
    _inherit = ["ar.guarded", "ar.late.fee.terms", "mail.thread", "mail.activity.mixin"]
    _description = "Billing Profile"
    _order = "name, id"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")

    # --- invoices -----------------------------------------------------------

    journal_id = fields.Many2one(
        "account.journal",
        compute="_compute_journal_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        check_company=True,
        domain="[('type', '=', 'sale')]",
        ondelete="restrict",
        tracking=True,
    )
    balance_journal_id = fields.Many2one(
        "account.journal",
        string="Journal of Balance-Only Invoices",
        check_company=True,
        domain="[('type', '=', 'sale')]",
        ondelete="restrict",
        tracking=True,
        help="Invoices without charges, which only show what the account owes, are numbered "
        "in this journal and not among the real ones. Empty: in the same journal.",
    )
    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        check_company=True,
        ondelete="restrict",
        tracking=True,
        help="For customers who have no payment terms of their own.",
    )
    terms_for_all = fields.Boolean(
        string="Terms for All",
        tracking=True,
        help="These payment terms are for all customers of the profile, also for those who "
        "have payment terms of their own. Otherwise a customer's own come first.",
    )
    zero_policy = fields.Selection(
        [("company", "As the company says"), *ZERO_POLICIES],
        string=ZERO_INVOICES,
        required=True,
        default="company",
        tracking=True,
        help="What happens with customers who have nothing to bill in a period. A customer "
        "can be set apart on the contact.",
    )
    zero_policy_text = fields.Char(
        string="What the Company Says", compute="_compute_zero_policy_text"
    )
    balance_line_text = fields.Char(
        string="Text Without Charges",
        translate=True,
        required=True,
        default=lambda self: self.env._(
            "No new charges in this period. The amount due is your account balance."
        ),
        tracking=True,
        help="The one line of an invoice without charges.",
    )

    # --- invoice groups -----------------------------------------------------

    group_policy = fields.Selection(
        [
            ("none", "None"),
            ("period", "A new group for each period"),
            ("fixed", "Always the same group"),
        ],
        string="Invoice Groups",
        required=True,
        default="none",
        tracking=True,
        help="Where a billing run puts its invoices, unless its pop-up says otherwise.",
    )
    invoice_group_id = fields.Many2one(
        "ar.invoice.group", check_company=True, ondelete="restrict", tracking=True
    )
    group_split = fields.Boolean(
        string="Split by Balance Class",
        tracking=True,
        help="One invoice group for each balance class.",
    )

    customer_count = fields.Integer(compute="_compute_customer_count")
    service_count = fields.Integer(compute="_compute_service_count")

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends("company_id")
    def _compute_journal_id(self):
        journals = self.env["account.journal"]
        for company, profiles in self.grouped("company_id").items():
            journal = journals.search(
                [*journals._check_company_domain(company), ("type", "=", "sale")], limit=1
            )
            for profile in profiles:
                # Of the company's parent, with which it shares the journals, also right.
                kept = profile.journal_id.filtered_domain(journals._check_company_domain(company))
                profile.journal_id = kept or journal

    def _compute_customer_count(self):
        partners = self.env["res.partner"]
        for company, profiles in self.grouped("company_id").items():
            domain = profiles._get_customer_domain()
            groups = partners.with_company(company)._read_group(
                domain, ["billing_profile_id"], ["__count"]
            )
            counts = {profile.id: count for profile, count in groups}
            for profile in profiles:
                profile.customer_count = counts.get(profile.id, 0)

    def _compute_service_count(self):
        for profile in self:
            services = self.env["ar.billing.service"].with_company(profile.company_id)
            profile.service_count = services.search_count(profile._get_service_domain())

    # ------------------------------------------------------------------
    # Constraints
    # ------------------------------------------------------------------

    @api.constrains("journal_id", "balance_journal_id")
    def _check_journals(self):
        for profile in self:
            for journal in profile.journal_id | profile.balance_journal_id:
                if journal.type != "sale":
                    raise ValidationError(
                        self.env._(
                            "“%(profile)s” makes customer invoices, and the journal "
                            "“%(journal)s” is not for sales. Choose a sales journal.",
                            profile=profile.display_name,
                            journal=journal.display_name,
                        )
                    )

    @api.constrains("lead_days")
    def _check_lead_days(self):
        self._check_from_zero("lead_days")

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        profiles = super().create(vals_list)
        # A profile without periods cannot be billed; nobody should wait for the night.
        profiles._make_periods()
        return profiles

    def copy_data(self, default=None):
        names = super().copy_data(default)
        if "name" in (default or {}):
            return names
        return [
            {**vals, "name": self.env._("%s (copy)", profile.name)}
            for profile, vals in zip(self, names, strict=True)
        ]

    def write(self, vals):
        self._check_writes(vals)
        remade = self._filter_changing(vals, CALENDAR_FIELDS)
        redated = self._filter_changing(vals, ("billing_timing",))
        moved = self._filter_changing(vals, ("company_id",))
        (remade | moved)._check_no_used_period()
        moved._check_no_customer()
        # What a person has set on a period stays.
        following = redated.period_ids.filtered(
            lambda period: period.invoice_date == period._get_default_invoice_date()
        )
        result = super().write(vals)
        open_periods = following - following._filter_used()
        for period in open_periods:
            period.invoice_date = period._get_default_invoice_date()
        remade._remake_periods()
        return result

    def _filter_changing(self, vals, names):
        """The profiles of which one of the named fields gets another value."""
        changing = [name for name in names if name in vals]
        return self.filtered(
            lambda profile: any(
                self._fields[name].convert_to_cache(vals[name], profile)
                != self._fields[name].convert_to_cache(profile[name], profile)
                for name in changing
            )
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        used = self.sudo().period_ids._filter_used().profile_id
        for profile in used[:1]:
            raise UserError(
                self.env._(
                    "The billing profile “%s” has billing runs or invoices. Archive it instead "
                    "of deleting it.",
                    profile.display_name,
                )
            )
        self._check_no_customer()

    def _check_no_customer(self):
        for profile in self:
            customers = profile.sudo()._get_customers()
            if customers:
                raise UserError(
                    self.env._(
                        "“%(profile)s” has %(count)s customers, “%(customer)s” among them. Give "
                        "them another billing profile first, or archive this one.",
                        profile=profile.display_name,
                        count=len(customers),
                        customer=customers[0].display_name,
                    )
                )

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_choose_period(self):
        """Open the first window of Create Invoices, with this profile chosen."""
        self.ensure_one()
        self.check_access("read")
        self.env["ar.billing.run"].check_access("create")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_create_invoices_action"
        )
        return {**action, "context": {"default_profile_id": self.id}}

    def action_add_customers(self):
        """Open the window that finds customers for this profile."""
        self.ensure_one()
        self.check_access("read")
        self.env["res.partner"].check_access("write")
        window = self.env["ar.billing.customers.add"].create({"profile_id": self.id})
        return client_actions.form(window, self.env._("Add Customers"), target="new")

    def action_add_service(self):
        """Open the window that adds a service to all customers of this profile."""
        self.ensure_one()
        self.check_access("read")
        self.env["ar.billing.service"].check_access("create")
        window = self.env["ar.billing.service.add"].create({"profile_id": self.id})
        return client_actions.form(window, self.env._("Add a Service"), target="new")

    def action_open_customers(self):
        """Open the customers that have this profile, archived ones included."""
        self.ensure_one()
        self.check_access("read")
        # The field means the user's current company: only there it can be the filter.
        domain = self._get_customer_domain()
        if self.company_id != self.env.company:
            domain = Domain("id", "in", self._get_customers().ids)
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_profile_action_customers",
            self.env._("Customers of %s", self.display_name),
            domain,
            {
                # The action finds the same by the profile's id, which is in the address.
                "active_id": self.id,
                "active_test": False,
                "default_is_company": True,
                "default_billing_profile_id": self.id,
                "res_partner_search_mode": "customer",
            },
        )

    def action_open_services(self):
        """Open the services of this profile's customers."""
        self.ensure_one()
        self.check_access("read")
        services = self.env["ar.billing.service"].with_company(self.company_id)
        domain = self._get_service_domain()
        if self.company_id != self.env.company:
            domain = Domain("id", "in", services.search(domain).ids)
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_profile_action_services",
            self.env._("Services of %s", self.display_name),
            domain,
            {"active_id": self.id, "default_company_id": self.company_id.id},
        )

    # ------------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------------

    def _get_customer_domain(self):
        """Domain on ``res.partner``, in the profile's company: commercial entities.

        Contacts show the profile of their company and are billed with it.
        """
        return Domain("billing_profile_id", "in", self.ids) & (
            Domain("is_company", "=", True) | Domain("parent_id", "=", False)
        )

    def _get_service_domain(self):
        return Domain("company_id", "=", self.company_id.id) & Domain(
            "partner_id.commercial_partner_id.billing_profile_id", "in", self.ids
        )

    def _get_customers(self):
        """Commercial partners that have this profile, archived ones included, by name."""
        self.ensure_one()
        partners = self.env["res.partner"].with_company(self.company_id)
        return partners.with_context(active_test=False).search(
            self._get_customer_domain(), order="name, id"
        )

    # ------------------------------------------------------------------
    # Decisions
    # ------------------------------------------------------------------

    @api.model
    def _get_charge_sources(self):
        """Names of the models that are asked for charges, in the order of printing.

        Add yours here; see ``ar.charge.source``.
        """
        return ["ar.charge.source.service", "ar.charge.source.late.fee"]

    @api.depends("zero_policy", "company_id.ar_zero_policy")
    def _compute_zero_policy_text(self):
        labels = dict(self._fields["zero_policy"]._description_selection(self.env))
        for profile in self:
            follows = profile.zero_policy == "company"
            profile.zero_policy_text = follows and labels.get(profile._get_zero_policy())

    def _get_zero_policy(self):
        """``create``, ``skip_settled`` or ``skip_zero``: the profile's, or its company's."""
        self.ensure_one()
        if self.zero_policy == "company":
            return self.company_id.ar_zero_policy
        return self.zero_policy

    def _prepare_group_options(self, period):
        """Values of a run of this profile: where its invoices are put by default."""
        self.ensure_one()
        values = {"group_split": self.group_split}
        if self.group_policy == "fixed":
            values["invoice_group_id"] = self.invoice_group_id.id
        elif self.group_policy == "period":
            values["group_name"] = self._get_group_name(period)
        return values

    def _get_group_name(self, period):
        """What the invoice group of a period is called."""
        return f"{self.name} {period.display_name}"
