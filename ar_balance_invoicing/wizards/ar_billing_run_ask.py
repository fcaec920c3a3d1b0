from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import client_actions, counted


class ArBillingRunAsk(models.TransientModel):
    """The pop-up before a billing run is undone or retried: how many, and how much.

    What it says is what is done, or nothing.
    """

    _name = "ar.billing.run.ask"
    _description = "Undo or Retry a Billing Run"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False

    run_id = fields.Many2one("ar.billing.run", required=True, readonly=True, ondelete="cascade")
    task = fields.Selection([("undo", "Undo"), ("retry", "Retry")], required=True, readonly=True)
    question = fields.Text(readonly=True, help="What is about to be done, in words and money.")

    @api.model
    def _ask(self, run, task):
        """Open the pop-up.

        :raise UserError: when there is nothing to undo or to retry.
        """
        question = self._get_question(run, task)
        wizard = self._create_inside({"run_id": run.id, "task": task, "question": question})
        label = dict(self._fields["task"]._description_selection(self.env))[task]
        return client_actions.form(wizard, label, target="new")

    @api.model
    def _get_question(self, run, task):
        if task == "undo" or run._get_lines("undo"):
            return self._get_undo_question(run)
        return self._get_retry_question(run)

    @api.model
    def _get_undo_question(self, run):
        lines = run._get_lines("undo") or run._get_lines_to_undo()
        moves = lines.move_id.filtered(lambda move: move.billing_run_id == run)
        drafts = moves.filtered(lambda move: move.state == "draft")
        if not drafts:
            raise UserError(self.env._("%s: there is nothing to undo.", run.display_name))
        posted = moves.filtered(lambda move: move.state == "posted")
        amount = "amount_total_in_currency_signed"
        sentences = [
            self.env._(
                "%(drafts)s deleted: %(amounts)s.",
                drafts=counted.drafts(self.env, len(drafts)),
                amounts=self._say_amounts(drafts, amount),
            )
        ]
        if posted:
            text = (
                self.env._("%(invoices)s is confirmed and stays: %(amounts)s.")
                if len(posted) == 1
                else self.env._("%(invoices)s are confirmed and stay: %(amounts)s.")
            )
            invoices = counted.invoices(self.env, len(posted))
            amounts = self._say_amounts(posted, amount)
            sentences.append(text % {"invoices": invoices, "amounts": amounts})
        return "\n".join(sentences)

    @api.model
    def _get_retry_question(self, run):
        """Whom *Retry* bills, with what their charges come to as taxes are now."""
        lines = run._get_lines("failed") | run._get_lines("todo")
        if run.line_ids.filtered("selected"):
            lines = lines.filtered("selected")
        if not lines:
            return self.env._("%s: nobody is billed by it.", run.display_name)
        totals = {}
        for line, position in lines._get_fiscal_positions().items():
            _charge, total = line._get_totals(position)
            totals[line.currency_id] = totals.get(line.currency_id, 0) + total
        return self.env._(
            "%(customers)s billed now: %(amounts)s. Who cannot be billed fails again, with why.",
            customers=counted.customers(self.env, len(lines.partner_id)),
            amounts=", ".join(currency.format(total) for currency, total in totals.items()),
        )

    @api.model
    def _say_amounts(self, records, name):
        """“$ 1.00, € 2.00”: the sum of a field, each currency on its own."""
        return ", ".join(
            currency.format(sum(group.mapped(name)))
            for currency, group in records.grouped("currency_id").items()
        )

    def action_do(self):
        """Do what was said.

        :raise UserError: when it would be something else by now.
        """
        self.ensure_one()
        if self._get_question(self.run_id, self.task) != self.question:
            raise UserError(
                self.env._(
                    "%s has changed since this window was opened. Discard it, and look again.",
                    self.run_id.display_name,
                )
            )
        if self.task == "undo":
            self.run_id.action_undo()
        else:
            self.run_id.action_retry()
        return client_actions.show_anew()
