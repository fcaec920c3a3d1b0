"""How a write-off document is taken back, and its dates."""

from datetime import date as date_type

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...tools import client_actions
from ...tools.amounts import round_amount


class ArWriteOffUndo(models.AbstractModel):
    """The part of a write-off document that is about undoing it, whole or in part."""

    _name = "ar.write.off.undo"
    _description = "Undoing of a Write-Off"
    _inherit = ["ar.bulk.document"]

    taken_back_count = fields.Integer(
        string="Taken Back by Hand",
        compute="_compute_taken_back_count",
        help="Write-offs whose entries settle nothing any more, for somebody has reversed, reset, "
        "cancelled, deleted or unmatched them.",
    )

    undone_count = fields.Integer(string="Undone", compute="_compute_undone")
    amount_undone = fields.Monetary(compute="_compute_undone", help="In company currency.")

    @api.depends("state")
    def _compute_undone(self):
        rows = self.env[self._line_model]._read_group(
            [("document_id", "in", self._origin.ids), ("state", "=", "undone")],
            ["document_id"],
            ["__count", "amount_company:sum"],
        )
        figures = {document.id: (count, amount) for document, count, amount in rows}
        for document in self:
            count, amount = figures.get(document._origin.id, (0, 0))
            document.undone_count = count
            document.amount_undone = round_amount(document.currency_id, amount)

    def _compute_taken_back_count(self):
        counts = self._get_line_counts()
        for document in self:
            by_state = counts.get(document._origin.id, {})
            document.taken_back_count = by_state.get("taken_back", 0)

    @api.depends("state", "cancel_requested")
    def _compute_possible(self):
        result = super()._compute_possible()
        for document in self.filtered("taken_back_count"):
            document.can_undo = document._is_undoable() and bool(document._get_lines_to_undo())
        return result

    def _is_undoable(self):
        """Also what was undone, if somebody has taken back that undoing by hand."""
        return super()._is_undoable() or (
            self.state == "undone" and bool(self._get_lines_to_undo())
        )

    # ------------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------------

    def action_undo(self, date=False):
        """Undo the whole document: each invoice owes again exactly what it did.

        What was taken back by hand is left out, but where its loss is still booked.

        :param date: of the reversals; by default that of each entry, or the first open day.
        :raise UserError: when nothing was written off, or for a date in the future.
        """
        self._check_may_write_off()
        chosen = self._check_undo_date(date)
        for document in self:
            lines = document._get_lines_to_undo()
            if lines or not document.taken_back_count:
                document._start_undo_of(lines, chosen)
            else:
                document._lock()
                document._settle_taken_back()
        left = self._get_lines("taken_back")
        return left._get_undo_notification(left.browse()) if left else None

    def action_undo_on(self):
        """Say what is undone, and ask for the date.

        :raise UserError: when there is nothing to undo.
        """
        self.ensure_one()
        self._check_may_write_off()
        self.check_access("write")
        if not self._get_lines_to_undo() and not self.taken_back_count:
            raise UserError(
                self.env._(
                    "Nothing of %s is written off: there is nothing to undo.", self.display_name
                )
            )
        return client_actions.pop_up(
            "ar.write.off.take.back",
            self.env._("Undo Write-Offs"),
            {"default_document_id": self.id},
        )

    def _get_lines_to_undo(self):
        """What was written off and still stands in the books."""
        return self._get_lines("done") | self._get_lines("taken_back")._get_undoable()

    def _start_undo_of(self, lines, date=False):
        """Take back some of the lines, on a date that somebody has chosen."""
        self._lock()
        if self._is_undoable():
            # From here on like any other; see ``_finish`` for those that are left over.
            lines.filtered(lambda line: line.state == "taken_back")._write_inside({"state": "done"})
            lines._write_inside({"undo_date": date})
        return super()._start_undo_of(lines)

    def _finish(self):
        undone = self.operation == "undo"
        result = super()._finish()
        if undone:
            self.env["ar.write.off.by.hand"]._follow_ledger(
                self._get_lines("done"), keep_reason=True
            )
        return result

    def _settle_taken_back(self):
        """A document of which nothing is left in the books is undone, by whatever hand."""
        for document in self.filtered(lambda document: document.state in ("done", "failed")):
            counts = document._get_line_counts()[document.id]
            if not counts.keys() & {"done", "undo", "todo", "failed"}:
                document._write_inside({"state": "undone"})

    # ------------------------------------------------------------------
    # Dates
    # ------------------------------------------------------------------

    def _check_undo_date(self, date):
        """The date that somebody gives, or False.

        :raise UserError: when it is none, or in the future.
        """
        if date is None or date is False:
            return False
        try:
            chosen = fields.Date.to_date(date) if isinstance(date, (str, date_type)) else False
        except ValueError:
            chosen = False
        if not chosen:
            raise UserError(self.env._("The date of undoing is given as 2026-12-31, or left out."))
        if problem := self._get_future_problem(chosen):
            raise UserError(problem)
        return chosen

    def _get_future_problem(self, date):
        """Why nothing is booked on a day that is still to come: a sentence, or False."""
        today = fields.Date.context_today(self)
        return date > today and self.env._(
            "%(date)s lies in the future: nobody knows yet what will be owed then. Choose today, "
            "%(today)s, or an earlier date.",
            date=format_date(self.env, date),
            today=format_date(self.env, today),
        )
