from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.client_actions import form
from ...tools.records import chosen_records
from ..balance.account_move import BALANCE_GROUPS

# What wants to be looked at stands first.
PLACES = ("failed", "todo", "skipped", "done")


class ArInvoiceTaskLine(models.Model):
    """One invoice of a task, with its outcome."""

    _name = "ar.invoice.task.line"
    _description = "Invoice Task Line"
    _inherit = ["ar.bulk.document.line"]
    _order = "document_id, id"
    _person_creates = False
    _person_writes = False
    _person_deletes = False

    document_id = fields.Many2one(
        "ar.invoice.task", string="Task", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="document_id.company_id", store=True)
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    label = fields.Char(
        string="Was Called", readonly=True, help="The invoice's name when the task was made."
    )
    partner_id = fields.Many2one(related="move_id.partner_id", string="Customer")
    email_state = fields.Selection(related="move_id.email_state", groups=BALANCE_GROUPS)
    email_problem = fields.Char(
        related="move_id.email_problem", string="What Went Wrong", groups=BALANCE_GROUPS
    )
    place = fields.Integer(
        compute="_compute_place",
        store=True,
        help="Failed lines stand first, then those to do.",
    )
    pdf = fields.Binary(
        readonly=True,
        # Whoever may write a record may give it attachments, past its ``write``.
        attachment=False,
        help="Until all are put together into one.",
    )

    @api.depends("state")
    def _compute_place(self):
        for line in self:
            line.place = PLACES.index(line.state) if line.state in PLACES else len(PLACES)

    def _compute_display_name(self):
        for line in self:
            line.display_name = line.move_id.display_name or line.label

    def action_open_invoice(self):
        """The invoice itself; what was deleted meanwhile is only named here.

        :raise UserError: when it is gone.
        """
        self.ensure_one()
        if not self.move_id:
            raise UserError(self.env._("%s was deleted meanwhile.", self.display_name))
        return form(self.move_id)

    def action_retry_email(self):
        """Send the e-mail of these invoices again, of ticked rows or of all that are shown.

        :raise UserError: when no e-mail about them has failed.
        """
        return chosen_records(self).move_id.action_retry_email()

    def action_ask_retry_email(self):
        """Say how many e-mails are about to be sent again; see ``action_retry_email``."""
        invoices = chosen_records(self).move_id
        return self.env["ar.invoice.task.ask"]._ask("send", "failed", invoices)

    @api.model
    def _tell_of_failed_emails(self, moves):
        """Tell whoever had these invoices e-mailed: one reminder for each task, not for each.

        :param moves: invoices whose e-mail has just failed.
        """
        moves.invalidate_recordset(["email_state", "email_problem", "status_in_payment"])
        # A colleague who was not reached is nothing that the customer misses.
        failed = moves.filtered(lambda move: move.email_state == "failed")
        lines = self.sudo().search(
            [
                ("move_id", "in", failed.ids),
                ("document_id.task", "=", "send"),
                ("state", "=", "done"),
            ],
            order="id desc",
        )
        last = {}
        for line in lines:
            last.setdefault(line.move_id, line)
        for task in self.browse().union(*last.values()).document_id:
            task._remind_of_failed_emails()
