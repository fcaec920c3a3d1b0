from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class ArInvoiceTaskConfirm(models.AbstractModel):
    """Confirm drafts, each as if by its own button."""

    _name = "ar.invoice.task.confirm"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: Confirm"
    _task = "confirm"
    _sequence = 10
    _seconds = 0.016

    def _get_label(self):
        return self.env._("Confirm drafts")

    def _get_domain(self, scope):
        return super()._get_domain(scope) & Domain("state", "=", "draft")

    def _get_nothing_message(self):
        return self.env._("no invoice is a draft.")

    def _get_left_out_reason(self):
        return self.env._("Only drafts are confirmed.")

    @api.model
    def _get_question(self, invoices, customers, amount):
        return self.env._(
            "Confirm %(invoices)s of %(customers)s, %(amount)s.",
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _do(self, task, lines):
        self._confirm_lines(lines)._mark_done()

    @api.model
    def _confirm_lines(self, lines):
        """Confirm the drafts of these lines together.

        By ``action_post``, as the button does: other addons refuse there, or ask.

        :return: the lines whose invoice is confirmed; others are failed, with why.
        :raise UserError: when one was refused. The lines are then tried one by one.
        """
        lines = self._fail_closed_periods(lines)
        moves = lines.move_id
        if not moves:
            return lines
        # As the button: mandatory analytic plans are asked for.
        together = moves._ar_numbered_together().with_context(validate_analytic=True)
        answer = together.action_post()
        left = moves.filtered(lambda move: move.state == "draft")
        if left:
            raise UserError(self._get_left_message(left[0], answer))
        return lines

    @api.model
    def _get_left_message(self, move, answer):
        """Why an invoice is a draft still, though nothing was raised."""
        if not isinstance(answer, dict):
            return self.env._(
                "%s was not confirmed: Odoo or another addon left it a draft without saying why. "
                "Open the invoice and confirm it there.",
                move.display_name,
            )
        return self.env._(
            "Odoo or another addon asks something before %(invoice)s is confirmed "
            "(%(question)s). Open the invoice and confirm it there.",
            invoice=move.display_name,
            question=answer.get("name") or self.env._("a window"),
        )

    @api.model
    def _fail_closed_periods(self, lines):
        """Core would silently move an invoice out of a closed period."""
        known = {}

        def problem(line):
            invoice = line.move_id
            company, journal = invoice.company_id, invoice.journal_id
            day = invoice.invoice_date or fields.Date.context_today(self)
            has_tax = bool(invoice.line_ids.tax_ids)
            key = (company, journal, day, has_tax)
            if key not in known:
                known[key] = company._ar_get_closed_period_problem(day, journal, has_tax)
            return known[key]

        return lines._fail_each(problem)
