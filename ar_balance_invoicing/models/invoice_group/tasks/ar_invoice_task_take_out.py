from odoo import api, models
from odoo.fields import Domain


class ArInvoiceTaskTakeOut(models.AbstractModel):
    """Take invoices out of their groups; the invoices themselves stay."""

    _name = "ar.invoice.task.take.out"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Remove from Invoice Group"
    _task = "take_out"
    _sequence = 70

    def _get_label(self):
        return self.env._("Remove from invoice group")

    def _get_domain(self, scope):
        # What is cancelled can be in a group as well.
        in_groups = Domain("invoice_group_id", "!=", False)
        return in_groups if scope == "all" else super()._get_domain(scope) & in_groups

    def _get_nothing_message(self):
        return self.env._("it has no invoices.")

    def _get_left_out_reason(self):
        return self.env._("In no group.")

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "Take %(invoices)s of %(customers)s, %(amount)s, out of their groups.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hint(self):
        return self.env._("The invoices themselves stay as they are.")

    @api.model
    def _do(self, task, lines):
        lines.move_id._ar_leave_invoice_groups()
        lines._mark_done()

    @api.model
    def _do_at_once(self, invoices):
        return invoices._ar_take_out_of_groups()
