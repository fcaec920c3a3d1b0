from odoo import api, models


class MailThread(models.AbstractModel):
    """An e-mail about an invoice that came back: whoever sent it is told."""

    _inherit = "mail.thread"

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        result = super()._routing_handle_bounce(email_message, message_dict)
        if message := message_dict.get("bounced_message"):
            message.sudo()._ar_tell_of_failed_emails()
        return result
