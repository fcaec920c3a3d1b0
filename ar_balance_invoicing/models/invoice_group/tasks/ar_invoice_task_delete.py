from odoo import api, models
from odoo.fields import Domain


class ArInvoiceTaskDelete(models.AbstractModel):
    """Delete drafts; a billing run can make its own again."""

    _name = "ar.invoice.task.delete"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Delete Drafts"
    _task = "delete"
    _sequence = 60

    def _get_label(self):
        return self.env._("Delete drafts")

    def _get_domain(self, scope):
        return super()._get_domain(scope) & Domain("state", "=", "draft")

    def _get_nothing_message(self):
        return self.env._("no invoice is a draft.")

    def _get_left_out_reason(self):
        return self.env._("Only drafts are deleted.")

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "Delete %(invoices)s of %(customers)s, %(amount)s.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hint(self):
        return self.env._("A billing run can make its own drafts again.")

    @api.model
    def _do(self, task, lines):
        lines.move_id.unlink()
        lines._mark_done()
