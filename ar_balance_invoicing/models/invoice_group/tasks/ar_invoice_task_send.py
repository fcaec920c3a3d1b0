from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class ArInvoiceTaskSend(models.AbstractModel):
    """Hand invoices over to Odoo's own sending, which works in the background."""

    _name = "ar.invoice.task.send"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Send by E-Mail"
    _task = "send"
    _sequence = 30
    _seconds = 0.01

    def _get_label(self):
        return self.env._("Send by e-mail")

    def _get_left_out_reason(self):
        return self.env._("Cancelled, or not among those asked for (any more).")

    @api.model
    def _before(self, task):
        """Odoo's own scheduled action does the sending.

        :raise UserError: when it is switched off.
        """
        cron = self.env.ref("account.ir_cron_account_move_send").sudo()
        if not cron.active:
            raise UserError(
                self.env._(
                    "Odoo's scheduled action “%s” is switched off, so that nothing would be "
                    "sent. Ask an administrator to switch it on.",
                    cron.name,
                )
            )

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "E-mail %(invoices)s of %(customers)s, %(amount)s.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hindrances(self):
        by_hand = Domain("commercial_partner_id.invoice_sending_method", "=", "manual")
        return [
            (Domain("state", "=", "draft"), self.env._("not confirmed: confirm them first")),
            (Domain("sending_data", "!=", False), self.env._("being sent already")),
            (by_hand, self.env._("of customers who get invoices by hand")),
            (
                Domain("partner_id.email", "in", (False, "")),
                self.env._("of customers without an e-mail address"),
            ),
        ]

    @api.model
    def _do(self, task, lines):
        lines = lines._skip_each(self._get_sending_reason)._fail_each(self._get_send_problem)
        lines.move_id._ar_write_beside_accounting({"sending_data": self._prepare_sending_data()})
        lines._mark_done()

    @api.model
    def _prepare_sending_data(self):
        return {
            "author_user_id": self.env.user.id,
            "author_partner_id": self.env.user.partner_id.id,
        }

    @api.model
    def _get_sending_reason(self, line):
        """Why an invoice need not be handed over: a sentence, or False."""
        return line.move_id.is_being_sent and self.env._("Is being sent already.")

    @api.model
    def _get_send_problem(self, line):
        """Why an invoice cannot be e-mailed: a sentence, or False."""
        invoice, send = line.move_id, self.env["account.move.send"]
        if invoice.state != "posted":
            return self.env._("Not confirmed: confirm it first.")
        constraints = send._get_move_constraints(invoice)
        if constraints:
            return next(iter(constraints.values()))
        methods = send._get_default_sending_methods(invoice)
        if methods <= {"manual"}:
            return self.env._(
                "%s gets invoices by hand, as the contact's Invoicing page says.",
                invoice.commercial_partner_id.display_name,
            )
        if "email" in methods and not invoice.partner_id.email:
            return self.env._(
                "%s has no e-mail address. Type one on the contact, then retry.",
                invoice.partner_id.display_name,
            )
        return False

    @api.model
    def _after_finish(self, task):
        if task.done_count:
            self.env.ref("account.ir_cron_account_move_send").sudo()._trigger()
