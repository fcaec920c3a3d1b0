from odoo import api, fields, models
from odoo.exceptions import ValidationError

ZERO_POLICIES = [
    ("create", "Create for every customer"),
    ("skip_settled", "Skip customers who have no charge and owe nothing"),
    ("skip_zero", "Skip all $0 invoices"),
]


class ResCompany(models.Model):
    _inherit = "res.company"

    ar_aging_basis = fields.Selection(
        [("due_date", "Due date"), ("invoice_date", "Invoice date")],
        string="Aging Counts From",
        default="due_date",
        required=True,
        help="The date from which the days of an open item are counted in aging "
        "columns and in write-off searches. What is overdue always counts from the "
        "due date.",
    )
    ar_zero_policy = fields.Selection(
        ZERO_POLICIES,
        string="$0 Invoices",
        default="create",
        required=True,
        help="What billing runs do with customers who have nothing to bill in a period. A "
        "billing profile or a customer can differ.",
    )
    ar_batch_threshold = fields.Integer(
        string="Process in the Background Above",
        default=200,
        required=True,
        help="Documents with more lines than this are processed by scheduled actions, so "
        "that nobody has to wait for them with an open browser.",
    )

    @api.constrains("ar_batch_threshold")
    def _check_ar_batch_threshold(self):
        for company in self:
            if company.ar_batch_threshold <= 0:
                raise ValidationError(
                    self.env._(
                        "%(company)s is to process documents in the background above %(count)s "
                        "lines. Type 1 or more.",
                        company=company.display_name,
                        count=company.ar_batch_threshold,
                    )
                )

    def _get_company_root_delegated_field_names(self):
        """Branches share the ledger of their root company, so also its aging."""
        return [*super()._get_company_root_delegated_field_names(), "ar_aging_basis"]
