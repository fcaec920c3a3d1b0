from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..bulk_document.ar_bulk_document import LONGEST_WAIT


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
    ar_background_seconds = fields.Float(
        string="Work in the Background Above (seconds)",
        default=5,
        required=True,
        help="Documents that are expected to take longer than this are worked off by scheduled "
        "actions, so that nobody has to wait for them with an open browser.",
    )

    @api.constrains("ar_background_seconds")
    def _check_ar_background_seconds(self):
        for company in self:
            if not 0 < company.ar_background_seconds <= LONGEST_WAIT:
                raise ValidationError(
                    self.env._(
                        "%(company)s is to work in the background above %(seconds)s seconds. "
                        "Type a number above 0, and not above %(longest)s: servers stop what "
                        "takes much longer.",
                        company=company.display_name,
                        seconds=company.ar_background_seconds,
                        longest=LONGEST_WAIT,
                    )
                )

    def _get_company_root_delegated_field_names(self):
        """Branches share the ledger of their root company, so also its aging."""
        return [*super()._get_company_root_delegated_field_names(), "ar_aging_basis"]
