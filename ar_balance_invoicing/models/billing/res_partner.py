from odoo import api, fields, models

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
