from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ...tools import client_actions
from ...tools.records import chosen_records
from ..balance.account_move import BALANCE_GROUPS
from .res_company import CUSTOMER_ZERO_POLICIES, ZERO_INVOICES


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "ar.guarded"]

    billing_profile_id = fields.Many2one(
        "ar.billing.profile",
        company_dependent=True,
        check_company=True,
        copy=False,
        index="btree_not_null",
        groups=BALANCE_GROUPS,
        help="The customers of a profile are billed together. Each company has its own.",
    )
    billing_zero_policy = fields.Selection(
        CUSTOMER_ZERO_POLICIES,
        string=ZERO_INVOICES,
        company_dependent=True,
        groups=BALANCE_GROUPS,
        help="Whether this customer gets an invoice in a period without charges.",
    )
    billing_hold = fields.Boolean(
        company_dependent=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="Billing runs leave this customer out, and say so.",
    )
    billing_hold_reason = fields.Char(
        string="Hold Reason", company_dependent=True, copy=False, groups=BALANCE_GROUPS
    )
    billing_late_fee_free = fields.Boolean(
        string="No Late Fees",
        company_dependent=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="This customer is never charged late fees.",
    )
    billing_service_ids = fields.One2many(
        "ar.billing.service", "partner_id", string="Services", groups=BALANCE_GROUPS
    )

    @api.model
    def _commercial_fields(self):
        """A contact is billed as its commercial entity is."""
        return [
            *super()._commercial_fields(),
            "billing_profile_id",
            "billing_zero_policy",
            "billing_hold",
            "billing_hold_reason",
            "billing_late_fee_free",
        ]

    # ------------------------------------------------------------------
    # Setting up
    # ------------------------------------------------------------------

    def _ar_get_accounts(self, company):
        """The customers with an account in a company that these partners belong to.

        :return: ``(customers by name, {partner: why it is left out})``
        """
        customers = self.commercial_partner_id.with_company(company)
        known = customers.filtered_domain(customers._check_company_domain(company))
        left_out = {
            customer: self.env._("belongs to another company") for customer in customers - known
        }
        archived = known.filtered(lambda customer: not customer.active)
        left_out.update((customer, self.env._("is archived")) for customer in archived)
        return (known - archived).sorted(lambda c: (c.name or "", c.id)), left_out

    def action_set_billing_profile(self):
        """Open the window that gives a billing profile to the customers chosen in a list."""
        customers = self._ar_get_chosen_customers()
        window = self.env["ar.billing.customers.add"].create(
            {"source": "chosen", "partner_ids": [Command.set(customers.ids)]}
        )
        return client_actions.form(window, self.env._("Set Billing Profile"), target="new")

    def action_add_billing_service(self):
        """Open the window that adds a service to the customers chosen in a list."""
        customers = self._ar_get_chosen_customers()
        window = self.env["ar.billing.service.add"].create(
            {"partner_ids": [Command.set(customers.ids)]}
        )
        return client_actions.form(window, self.env._("Add a Service"), target="new")

    def _ar_get_chosen_customers(self):
        customers = chosen_records(self)
        customers.check_access("read")
        if not customers:
            raise UserError(self.env._("Choose the customers."))
        return customers
