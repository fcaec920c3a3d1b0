from odoo import models


class MailMail(models.Model):
    """An e-mail about an invoice that did not leave: whoever sent it is told.

    Core notes each e-mail as failed before it tries it; so only this end of it says so.
    """

    _inherit = "mail.mail"

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        messages = self.sudo().mail_message_id if failure_type else None
        result = super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason, failure_type
        )
        if messages:
            messages._ar_tell_of_failed_emails()
        return result
