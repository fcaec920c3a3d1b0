from datetime import timedelta

from odoo import api, fields, models

from .ar_bulk_lanes import WORKING


class ArBulkProgress(models.AbstractModel):
    """What people see of a bulk document: how far it is, what it waits for, what they can do.

    A form shows it by ``<div name="bulk_document_header"/>`` before its sheet.
    """

    _name = "ar.bulk.progress"
    _description = "Progress of a Bulk Document"

    line_count = fields.Integer(string="Lines", compute="_compute_progress")
    waiting_count = fields.Integer(string="Waiting", compute="_compute_progress")
    done_count = fields.Integer(string="Done", compute="_compute_progress")
    failed_count = fields.Integer(string="Failed", compute="_compute_progress")
    skipped_count = fields.Integer(string="Left Out", compute="_compute_progress")
    progress = fields.Float(compute="_compute_progress", help="Per cent of the lines to do.")
    progress_text = fields.Char(compute="_compute_progress")
    waiting_text = fields.Char(
        compute="_compute_waiting_text", help="Since when and for what the document waits."
    )
    failure_text = fields.Char(
        compute="_compute_progress", help="What became of lines that failed, and what to do."
    )
    is_editable = fields.Boolean(
        compute="_compute_is_editable", help="What the document is to do may still be changed."
    )
    is_correctable = fields.Boolean(
        compute="_compute_is_editable",
        help="What keeps failed lines may be put right; not what waits for somebody's approval.",
    )
    is_startable = fields.Boolean(compute="_compute_is_editable", help="It may be started (again).")
    can_retry = fields.Boolean(compute="_compute_possible")
    can_cancel = fields.Boolean(compute="_compute_possible")
    can_undo = fields.Boolean(compute="_compute_possible")

    # ------------------------------------------------------------------
    # Progress
    # ------------------------------------------------------------------

    def _get_line_counts(self):
        """``{document id: {state: lines}}`` by one query."""
        rows = self.env[self._line_model]._read_group(
            [("document_id", "in", self.ids)], ["document_id", "state"], ["__count"]
        )
        counts = {document.id: {} for document in self._origin}
        for document, state, count in rows:
            counts[document.id][state] = count
        return counts

    def _compute_progress(self):
        counts = self._get_line_counts()
        for document in self:
            by_state = counts.get(document._origin.id, {})
            waiting = by_state.get(document._get_waiting_state(), 0)
            total = document.operation_count
            # What earlier operations did is not progress of this one.
            handled = max(total - waiting, 0)
            document.line_count = sum(by_state.values())
            document.waiting_count = waiting
            document.done_count = by_state.get("done", 0)
            document.failed_count = by_state.get("failed", 0)
            document.skipped_count = by_state.get("skipped", 0)
            document.failure_text = document._get_failure_text()
            document.progress = 100 * handled / total if total else 0
            document.progress_text = document._get_progress_text(handled, total)

    def _get_waiting_state(self):
        """State of the lines that the current operation has still to do."""
        return "undo" if self.operation == "undo" else "todo"

    def _get_progress_text(self, handled, total):
        """Count, rate and time left, for people."""
        text = self.env._("%(handled)s of %(total)s", handled=handled, total=total)
        if self.state != "running" or not handled or not self.started_at:
            return text
        seconds = max((fields.Datetime.now() - self.started_at).total_seconds(), 1)
        left = timedelta(seconds=round((total - handled) * seconds / handled))
        return self.env._(
            "%(text)s · %(rate).1f per second · %(left)s left",
            text=text,
            rate=handled / seconds,
            left=left,
        )

    def _get_failure_text(self):
        """What to say above the document when lines of it failed, or False."""
        return bool(self.failed_count) and self.env._(
            "%s could not be done. See the reason on each, mend it, then Retry.",
            self.failed_count,
        )

    # ------------------------------------------------------------------
    # What can be done now
    # ------------------------------------------------------------------

    def _get_editable_states(self):
        """States in which a person may change what the document is to do."""
        return ("draft",)

    def _get_correctable_states(self):
        """States in which a person may put right what keeps lines from being done."""
        return ("draft", "failed", "cancelled")

    def _get_startable_states(self):
        """States from which the document may be started (again)."""
        return self._get_correctable_states()

    @api.depends("state")
    def _compute_is_editable(self):
        for document in self:
            document.is_editable = document.state in document._get_editable_states()
            document.is_correctable = document.state in document._get_correctable_states()
            document.is_startable = document.state in document._get_startable_states()

    @api.depends("state", "cancel_requested")
    def _compute_possible(self):
        """For the buttons of forms; the methods behind them check it themselves."""
        for document in self:
            document.can_retry = document.state in ("failed", "cancelled")
            document.can_cancel = document._is_stoppable() and not document.cancel_requested
            document.can_undo = (
                document._is_undoable()
                and bool(document.done_count)
                and bool(document._get_lines_to_undo())
            )

    def _is_stoppable(self):
        """A draft, what is worked on, or what failed as a whole and still has lines waiting."""
        return self.state in ("draft", *WORKING) or (
            self.state == "failed" and bool(self.waiting_count)
        )

    def _is_undoable(self):
        return self.state in ("done", "failed", "cancelled")

    # ------------------------------------------------------------------
    # What the document waits for
    # ------------------------------------------------------------------

    @api.depends("state", "queued_at")
    def _compute_waiting_text(self):
        for document in self:
            document.waiting_text = document._get_waiting_text()

    def _get_waiting_text(self):
        """Since when and for what the document waits: a sentence, or False."""
        if self.state not in WORKING:
            return False
        manager = self.env["ar.bulk.lanes"]
        lanes = manager._get_lanes()
        active = lanes.filtered("active")
        if not active:
            return self.env._(
                "Nothing is done: the scheduled actions “%s” are switched off. Ask an "
                "administrator to switch them on.",
                "”, “".join(lanes.mapped("name")),
            )
        if self.state == "running":
            return False
        since = self.queued_at or self.write_date
        text = self.env._("Queued since %s.", manager._format_moment(since))
        other = manager._get_document_in_hand(besides=self)
        if other:
            return self.env._(
                "%(text)s The background work is busy with %(other)s.", text=text, other=other
            )
        return f"{text} {manager._get_next_look(active)}"

    # ------------------------------------------------------------------
    # Form
    # ------------------------------------------------------------------

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Forms say where the header goes; what it shows is said once, for all documents."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for place in arch.xpath("//div[@name='bulk_document_header']"):
            header = self.env.ref("ar_balance_invoicing.bulk_document_header").sudo()
            place.extend(header._get_combined_arch())
        return arch, view
