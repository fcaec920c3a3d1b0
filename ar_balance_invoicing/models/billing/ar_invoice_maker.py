from odoo import api, models


class ArInvoiceMaker(models.AbstractModel):
    """What billing runs say of invoices that are alike otherwise."""

    _inherit = "ar.invoice.maker"

    @api.model
    def _get_free_fields(self):
        names = {"billing_run_id", "billing_period_id", "invoice_group_id"}
        return super()._get_free_fields() | names

    @api.model
    def _get_unique_fields(self):
        return super()._get_unique_fields() | {"billing_period_id"}

    @api.model
    def _get_memory_key(self, vals_list):
        """Verdicts are kept for a run."""
        return vals_list[0].get("billing_run_id") or super()._get_memory_key(vals_list)
