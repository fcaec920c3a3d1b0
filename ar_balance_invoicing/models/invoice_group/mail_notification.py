from odoo import models


class MailNotification(models.Model):
    """An e-mail about an invoice that came back: whoever sent it is told."""

    _inherit = "mail.notification"

    def write(self, vals):
        result = super().write(vals)
        if vals.get("notification_status") == "bounce":
            self.sudo().mail_message_id._ar_tell_of_failed_emails()
        return result
