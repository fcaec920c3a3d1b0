from odoo import api, models
from odoo.fields import Domain


class ArInvoiceStatus(models.AbstractModel):
    _inherit = "ar.invoice.status"

    @api.model
    def _get_billed_domain(self):
        # Days that are billed by themselves have no period; a run can be deleted.
        made = Domain("billing_run_id", "!=", False) | Domain("billing_period_id", "!=", False)
        return super()._get_billed_domain() | made
