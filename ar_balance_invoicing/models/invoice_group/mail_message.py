from odoo import models


class MailMessage(models.Model):
    _inherit = "mail.message"

    def _ar_tell_of_failed_emails(self):
        """Tell whoever e-mailed the invoices that these messages are about."""
        about = self.filtered(lambda message: message.model == "account.move")
        if about:
            moves = self.env["account.move"].sudo().browse(set(about.mapped("res_id")))
            self.env["ar.invoice.task.line"]._tell_of_failed_emails(moves.exists())
