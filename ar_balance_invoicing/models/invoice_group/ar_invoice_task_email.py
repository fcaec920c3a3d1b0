from odoo import fields, models

from ...tools.client_actions import records
from ..bulk_document.ar_bulk_document import REMINDER


class ArInvoiceTask(models.Model):
    """What became of the e-mails of a task after it was done."""

    _inherit = "ar.invoice.task"

    email_failed_count = fields.Integer(
        string="E-Mails Failed",
        compute="_compute_email_failed_count",
        help="Invoices of this task whose last e-mail could not be sent, or came back.",
    )

    def _get_failed_email_domain(self):
        """Domain on ``ar.invoice.task.line``: invoices that were sent and did not arrive."""
        return [
            ("document_id", "in", self.ids),
            ("state", "=", "done"),
            ("move_id.email_state", "=", "failed"),
        ]

    def _compute_email_failed_count(self):
        sending = self.filtered(lambda task: task.task == "send")
        counts = {}
        if sending:
            rows = self.env["ar.invoice.task.line"]._read_group(
                sending._get_failed_email_domain(), ["document_id"], ["__count"]
            )
            counts = {task.id: count for task, count in rows}
        for task in self:
            task.email_failed_count = counts.get(task._origin.id, 0)

    def _get_failed_emails(self):
        """The invoices whose e-mail failed, in the order of the task."""
        return self.env["ar.invoice.task.line"].search(self._get_failed_email_domain()).move_id

    def action_view_failed_emails(self):
        """The invoices of this task whose e-mail failed."""
        self.ensure_one()
        return records(
            self.env,
            "ar_balance_invoicing.ar_invoice_task_action_failed_emails",
            self.env._("Failed E-Mails of %s", self.display_name),
            self._get_failed_email_domain(),
            {"active_id": self.id},
        )

    def action_view_lines(self):
        """Each invoice of this task, with what became of it."""
        self.ensure_one()
        return records(
            self.env,
            "ar_balance_invoicing.ar_invoice_task_line_action",
            self.env._("Invoices of %s", self.display_name),
            [("document_id", "=", self.id)],
            {"active_id": self.id},
        )

    def action_retry_emails(self):
        """Send the e-mails that failed again.

        :raise UserError: when none has failed.
        """
        self.ensure_one()
        self.check_access("write")
        return self._get_failed_emails().action_retry_email()

    def action_ask_retry_emails(self):
        """Say how many e-mails are about to be sent again; see ``action_retry_emails``."""
        self.ensure_one()
        self.check_access("write")
        return self.env["ar.invoice.task.ask"]._ask("send", "failed", self._get_failed_emails())

    def _remind_of_failed_emails(self):
        """One activity for whoever sent them, however many there are."""
        for task in self:
            user = task._get_person_to_tell()
            if not user or task.activity_search([REMINDER]):
                continue
            told = task.with_context(lang=user.lang)
            told.activity_schedule(
                REMINDER,
                user_id=user.id,
                summary=told.env._("E-mails of “%s” did not arrive", told.display_name),
                note=told.env._(
                    "Open it to see which, and why. Mend what is wrong, then retry them there."
                ),
            )
