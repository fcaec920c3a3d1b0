from odoo import api, models
from odoo.fields import Domain


class ArInvoiceTaskMarkSent(models.AbstractModel):
    """Confirm drafts and mark all as sent, without any e-mail."""

    _name = "ar.invoice.task.mark.sent"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Mark as Sent"
    _task = "mark_sent"
    _sequence = 20
    # Most are drafts, which are confirmed.
    _seconds = 0.016

    def _get_label(self):
        return self.env._("Mark as sent")

    def _get_domain(self, scope):
        # A draft may have been sent before it was reset: it is to be confirmed all the same.
        unsent = Domain("is_move_sent", "=", False) | Domain("state", "=", "draft")
        # What the post brings need not fail any more.
        unsent |= Domain("email_state", "=", "failed")
        return super()._get_domain(scope) & unsent

    def _get_nothing_message(self):
        return self.env._("every invoice was sent already.")

    def _get_left_out_reason(self):
        return self.env._("Sent already, or cancelled.")

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "Mark %(invoices)s of %(customers)s as sent, %(amount)s.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hint(self):
        return self.env._("Drafts among them are confirmed. Nobody gets an e-mail.")

    @api.model
    def _do(self, task, lines):
        drafts = lines.filtered(lambda line: line.move_id.state == "draft")
        lines = (lines - drafts) | self.env["ar.invoice.task.confirm"]._confirm_lines(drafts)
        lines.move_id._ar_write_beside_accounting({"is_move_sent": True})
        lines.move_id._ar_forget_email_failures()
        lines._mark_done()
