from odoo import api, fields, models
from odoo.tools import SQL


class ArInvoiceTaskConfirm(models.AbstractModel):
    """All invoices of a customer that a task confirms say the same total due."""

    _inherit = "ar.invoice.task.confirm"

    @api.model
    def _do(self, task, lines):
        elsewhere = self._get_lines_elsewhere(task, lines)
        self._wait_for_each_other(elsewhere, lines)
        result = super()._do(task, lines)
        if done := elsewhere.filtered(lambda line: line.state == "done"):
            # What other chunks have confirmed is told anew, with what this one adds.
            customers = done.move_id.partner_id.commercial_partner_id
            done |= lines.filtered(
                lambda line: line.move_id.partner_id.commercial_partner_id in customers
            )
            self._get_untold(done)._ar_keep_total_due()
        return result

    @api.model
    def _get_lines_elsewhere(self, task, lines):
        """Lines of the task with other invoices of the same customers."""
        customers = lines.move_id.partner_id.commercial_partner_id
        return task.line_ids.search(
            [
                ("document_id", "=", task.id),
                ("id", "not in", lines.ids),
                ("move_id.partner_id.commercial_partner_id", "in", customers.ids),
                ("move_id.billing_period_id", "!=", False),
                ("state", "in", ("todo", "done")),
            ]
        )

    @api.model
    def _wait_for_each_other(self, elsewhere, lines):
        """Let one worker at a time confirm what one customer gets.

        Each writes the first line of each such customer. Whoever did not see what another
        worker has confirmed meanwhile is refused by the database then, and begins again.
        """
        customers = elsewhere.move_id.partner_id.commercial_partner_id
        by_customer = (elsewhere | lines).grouped(
            lambda line: line.move_id.partner_id.commercial_partner_id
        )
        first = [min(by_customer[customer].ids) for customer in customers]
        if first:
            self.env.cr.execute(
                SQL(
                    "UPDATE ar_invoice_task_line SET write_date = write_date WHERE id IN %s",
                    tuple(sorted(first)),
                )
            )

    @api.model
    def _get_untold(self, lines):
        """Their invoices, without those of which the customer has been told a total already."""
        today = fields.Date.to_string(fields.Date.context_today(self))
        return lines.move_id.filtered(
            lambda move: (
                move.state == "posted"
                and not move.is_move_sent
                and (move.total_due_confirmed or {}).get("date") in (None, today)
            )
        )
