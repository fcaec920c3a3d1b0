from odoo import api, models
from odoo.fields import Domain


class ArInvoiceTaskRegenerate(models.AbstractModel):
    """Read prices, services, terms and fees of a billing run's drafts again."""

    _name = "ar.invoice.task.regenerate"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Regenerate Drafts"
    _task = "regenerate"
    _sequence = 50
    _seconds = 0.1

    def _get_label(self):
        return self.env._("Regenerate drafts")

    def _get_domain(self, scope):
        drafts = Domain("state", "=", "draft") & Domain("billing_run_id", "!=", False)
        return super()._get_domain(scope) & drafts

    def _get_nothing_message(self):
        return self.env._("no invoice is a draft made by a billing run.")

    def _get_left_out_reason(self):
        return self.env._("Only drafts that a billing run made are regenerated.")

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "Regenerate %(invoices)s of %(customers)s, %(amount)s as they are now.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hint(self):
        return self.env._(
            "Prices, services, terms and fees are read again; changes made by hand are lost."
        )

    @api.model
    def _do(self, task, lines):
        for run, moves in lines.move_id.grouped("billing_run_id").items():
            run._regenerate(moves)
        lines._mark_done()
