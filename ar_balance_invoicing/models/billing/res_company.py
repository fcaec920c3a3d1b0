from odoo import fields, models

# What becomes of customers who have nothing to bill in a period: by company, by billing
# profile and by run.
ZERO_INVOICES = "Zero Invoices"
ZERO_POLICIES = [
    ("create", "An invoice for everyone"),
    ("skip_settled", "None for customers with neither charge nor balance"),
    ("skip_zero", "None for customers with nothing to bill"),
]
# Whether a customer is set apart from that.
CUSTOMER_ZERO_POLICIES = [
    ("follow", "As the profile says"),
    ("always", "Always an invoice"),
    ("never", "None when there is nothing to bill"),
]


class ResCompany(models.Model):
    _inherit = "res.company"

    ar_zero_policy = fields.Selection(
        ZERO_POLICIES,
        string=ZERO_INVOICES,
        default="create",
        required=True,
        help="What billing runs do with customers who have nothing to bill in a period. A "
        "billing profile or a customer can differ.",
    )
