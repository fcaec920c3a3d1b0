from odoo import api, fields, models

from ..tools.named_records import check_named_records, drop_unreadable_default
from .account_move import BALANCE_GROUPS


class ResPartner(models.Model):
    _inherit = "res.partner"

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
        [
            ("follow", "As the profile says"),
            ("always", "Always create"),
            ("never", "Never create"),
        ],
        string="$0 Invoices",
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
    ar_service_ids = fields.One2many(
        "ar.billing.service", "partner_id", string="Services", groups=BALANCE_GROUPS
    )

    @api.model
    def default_get(self, fields):
        return drop_unreadable_default(self, "billing_profile_id", super().default_get(fields))

    def onchange(self, values, field_names, fields_spec):
        if "billing_profile_id" in values:
            check_named_records(self, "billing_profile_id", [values])
        return super().onchange(values, field_names, fields_spec)

    @api.model_create_multi
    def create(self, vals_list):
        check_named_records(self, "billing_profile_id", vals_list)
        return super().create(vals_list)

    def write(self, vals):
        if "billing_profile_id" in vals:
            check_named_records(self, "billing_profile_id", [vals])
        return super().write(vals)

    @api.model
    def _commercial_fields(self):
        """A contact is billed as its commercial entity is."""
        return [
            *super()._commercial_fields(),
            "billing_profile_id",
            "billing_zero_policy",
            "billing_hold",
            "billing_hold_reason",
        ]
