import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import SQL, clean_context

from .ar_shortcuts import BY_CORE

_logger = logging.getLogger(__name__)

# Documents that a worker may pick up, and those that may be started (again).
WORKING = ("queued", "running")
STARTABLE = ("draft", "failed", "cancelled")
# How often a chunk is tried again when another transaction was faster.
ATTEMPTS = 5


class ArBatchDocument(models.AbstractModel):
    """Long work as a document: lines worked off in chunks, visible and resumable.

    The states of a document are draft → queued → running → done, failed (done with
    failures) or cancelled → undone. A *chunk* is one transaction: it claims lines
    that nobody else works on, does the work for all of them together and marks them.
    If it fails, it is repeated line by line, so that only the bad line is marked as
    failed, with its reason. A worker may be killed at any moment: its claim ends with
    its transaction and the lines are claimed again by the next one.

    A concrete model names its lines (``_line_model``) and implements
    ``_process_lines`` and ``_undo_lines``; they do the work for many lines at once,
    write the lines' state and never commit. Only ``_cron_work`` commits.
    """

    _name = "ar.batch.document"
    _description = "Batch Document"
    _inherit = ["ar.guarded", "mail.thread", "mail.activity.mixin"]

    # Model of the lines; it inherits ``ar.batch.document.line``.
    _line_model = None
    # Lines per transaction: large enough to share the fixed costs of accounting
    # entries, small enough that a killed worker loses little.
    _chunk_size = 100

    name = fields.Char(readonly=True, copy=False, default="New")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        readonly=True,
        copy=False,
        default=lambda self: self.env.user,
        help="Whose rights the work is done with.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("queued", "Queued"),
            ("running", "Running"),
            ("done", "Done"),
            ("failed", "Done with failures"),
            ("cancelled", "Cancelled"),
            ("undone", "Undone"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        index=True,
    )
    operation = fields.Selection(
        [("process", "Process"), ("undo", "Undo")],
        default="process",
        required=True,
        readonly=True,
        copy=False,
    )
    cancel_requested = fields.Boolean(readonly=True, copy=False)
    operation_count = fields.Integer(
        readonly=True, copy=False, help="How many lines the current operation began with."
    )
    started_at = fields.Datetime(
        readonly=True, copy=False, help="When a worker first took up the current operation."
    )
    ended_at = fields.Datetime(readonly=True, copy=False)

    line_count = fields.Integer(string="Lines", compute="_compute_progress")
    waiting_count = fields.Integer(string="Waiting", compute="_compute_progress")
    done_count = fields.Integer(string="Done", compute="_compute_progress")
    failed_count = fields.Integer(string="Failed", compute="_compute_progress")
    skipped_count = fields.Integer(string="Left Out", compute="_compute_progress")
    progress = fields.Float(compute="_compute_progress", help="Per cent of the lines to do.")
    progress_text = fields.Char(compute="_compute_progress")

    # ------------------------------------------------------------------
    # Progress
    # ------------------------------------------------------------------

    def _get_line_counts(self):
        """``{document id: {state: lines}}`` by one query."""
        rows = self.env[self._line_model]._read_group(
            [("document_id", "in", self.ids)], ["document_id", "state"], ["__count"]
        )
        counts = {document.id: {} for document in self}
        for document, state, count in rows:
            counts[document.id][state] = count
        return counts

    def _compute_progress(self):
        counts = self._get_line_counts()
        for document in self:
            by_state = counts.get(document.id, {})
            waiting = by_state.get(document._get_waiting_state(), 0)
            total = document.operation_count
            # What earlier operations did is not progress of this one.
            handled = max(total - waiting, 0)
            document.line_count = sum(by_state.values())
            document.waiting_count = waiting
            document.done_count = by_state.get("done", 0)
            document.failed_count = by_state.get("failed", 0)
            document.skipped_count = by_state.get("skipped", 0)
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

    # ------------------------------------------------------------------
    # Starting and stopping
    # ------------------------------------------------------------------

    def _start(self):
        """Work off the lines to do: now when they are few, else in the background.

        :raise UserError: when the document is not in a state to be started, or
            somebody else is starting it at this moment.
        """
        self._check_startable()
        self._launch("process")

    def _check_startable(self):
        """Lock the document; refuse it when it was started already."""
        self._lock()
        if self.state not in STARTABLE:
            raise UserError(self._get_wrong_state_message())

    def _start_undo(self):
        """Take back the lines that are done.

        :raise UserError: when there is nothing to take back.
        """
        self._start_undo_of(self._get_lines("done"))

    def _start_undo_of(self, lines):
        """Take back some of the lines that are done.

        :raise UserError: when there is nothing to take back, or the document is being
            worked on.
        """
        self._lock()
        if self.state not in ("done", "failed", "cancelled"):
            raise UserError(self._get_wrong_state_message())
        not_done = lines.filtered(lambda line: line.state != "done")
        if not lines or not_done:
            raise UserError(
                self.env._(
                    "%(name)s: %(line)s is not done, so it cannot be undone.",
                    name=self.display_name,
                    line=not_done[:1].display_name or self.env._("nothing"),
                )
            )
        lines.write({"state": "undo", "reason": False})
        self._launch("undo")

    def _launch_in_background(self):
        """Queue the document whatever its size (scheduled actions)."""
        self._check_startable()
        self._queue("process")
        self._trigger_workers()

    def _launch(self, operation):
        self._queue(operation)
        if self._is_small():
            self._work_all()
        else:
            self._trigger_workers()

    def _queue(self, operation):
        self.write(
            {
                "operation": operation,
                "state": "queued",
                "cancel_requested": False,
                "ended_at": False,
            }
        )
        counts = self._get_line_counts()[self.id]
        self.operation_count = counts.get(self._get_waiting_state(), 0)

    def _mark_running(self, began):
        """A worker took the document at this moment: rate and time left count from it."""
        self.write({"state": "running", "started_at": began})

    def _lock(self):
        self.ensure_one()
        self.check_access("write")
        try:
            self.lock_for_update()
        except LockError:
            raise UserError(
                self.env._(
                    "%(name)s is being worked on by somebody else. Wait a moment and "
                    "open it again.",
                    name=self.display_name,
                )
            ) from None
        self.invalidate_recordset()

    def _get_wrong_state_message(self):
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "%(name)s is %(state)s: open it again to see what became of it.",
            name=self.display_name,
            state=states[self.state].lower(),
        )

    def _is_small(self):
        """Whether the work is short enough for the user to wait for it."""
        return self.waiting_count <= self.company_id.sudo().ar_batch_threshold

    def _trigger_workers(self):
        for number in (1, 2):
            self.env.ref(f"ar_balance_invoicing.ir_cron_batch_{number}").sudo()._trigger()

    def action_cancel(self):
        """Stop after the chunks in hand; what is done stays done."""
        self.check_access("write")
        for document in self:
            if document.state == "draft":
                document.state = "cancelled"
            elif document.state in WORKING:
                document.cancel_requested = True
                if not document._is_being_worked_on():
                    document._finish()
            else:
                raise UserError(document._get_wrong_state_message())

    def action_retry(self):
        """Take up failed lines again, and those that a cancellation left."""
        for document in self:
            document._lock()
            document._get_lines("failed").write({"state": "todo", "reason": False})
            if not document._get_lines("todo"):
                raise UserError(
                    self.env._(
                        "%(name)s has no failed or waiting line.", name=document.display_name
                    )
                )
            document._start()

    def action_undo(self):
        """Take everything back that the document did."""
        for document in self:
            document._start_undo()

    def _is_being_worked_on(self):
        waiting = self._get_lines(self._get_waiting_state())
        return len(waiting.try_lock_for_update(allow_referencing=True)) < len(waiting)

    # ------------------------------------------------------------------
    # Working off
    # ------------------------------------------------------------------

    def _process_lines(self, lines):
        """Do the work for all lines together and write their state. No commit."""
        raise NotImplementedError

    def _undo_lines(self, lines):
        """Take the work back for all lines together and write their state. No commit."""
        raise NotImplementedError

    def _get_lines(self, state):
        return self.env[self._line_model].search(
            [("document_id", "in", self.ids), ("state", "=", state)]
        )

    def _claim_lines(self, limit):
        """Lines to do that nobody else works on, locked until the transaction ends."""
        lines = self.env[self._line_model]
        query = lines._search(
            [("document_id", "=", self.id), ("state", "=", self._get_waiting_state())],
            order="id",
            limit=limit,
        )
        claim = SQL("%s FOR NO KEY UPDATE SKIP LOCKED", query.select())
        return lines.browse([line_id for (line_id,) in self.env.execute_query(claim)])

    def _work_chunk(self):
        """Handle the next lines and return how many; 0 when there is none to claim."""
        self.ensure_one()
        # Defaults meant for a window must not end up on the records made here.
        self = self.with_context(clean_context(self.env.context))
        lines = self._claim_lines(self._chunk_size)
        if not lines:
            return 0
        try:
            with self.env.cr.savepoint():
                self._apply(lines)
        except psycopg2.OperationalError:
            raise  # another transaction was faster: the whole chunk is tried again
        except Exception as error:
            _logger.info("%s: a chunk is repeated line by line (%s)", self.name, error)
            by_core = self.with_context(**{BY_CORE: True})
            for line in lines:
                by_core._apply_one(line)
        return len(lines)

    def _apply(self, lines):
        if self.operation == "undo":
            self._undo_lines(lines)
        else:
            self._process_lines(lines)
        waiting = self._get_waiting_state()
        if any(line.state == waiting for line in lines):
            # Such lines would be claimed for ever.
            raise AssertionError(f"{self._name} left lines without an outcome")

    def _apply_one(self, line):
        try:
            with self.env.cr.savepoint():
                self._apply(line)
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            line._mark_failed(self._explain(error))

    def _explain(self, error):
        """A sentence for the bookkeeper; what nobody foresaw goes to the log too."""
        text = str(error.args[0]) if error.args else ""
        if isinstance(error, AccessError) and "\n" in text:
            # Core's page about record rules, which jokes and does not name the record.
            return self.env._(
                "%s has no right to this document, or to its journal. Ask an administrator for "
                "it, then retry.",
                self.env.user.name,
            )
        if isinstance(error, UserError):
            return text
        _logger.exception("%s: unexpected error on a line", self.name)
        if isinstance(error, psycopg2.IntegrityError):
            # The database's own words are of no use to a bookkeeper.
            return self.env._("The database refused this line; see the server log.")
        return self.env._("Unexpected error: %(error)s", error=error)

    def _work_all(self):
        """Work off everything in the running transaction (small documents)."""
        self._mark_running(fields.Datetime.now())
        while self._work_chunk():
            pass
        self._finish()

    def _finish(self):
        """Set the final state, if nothing waits any more or a cancellation was asked."""
        self.ensure_one()
        self.invalidate_recordset()
        counts = self._get_line_counts()[self.id]
        waiting = counts.get(self._get_waiting_state(), 0)
        if waiting and not self.cancel_requested:
            return
        if waiting and self.operation == "undo":
            # Not taken back, so they are still done.
            self._get_lines("undo").write({"state": "done"})
            counts["done"] = counts.get("done", 0) + waiting
        self.write(
            {
                "state": self._get_final_state(counts, waiting),
                "operation": "process",
                "cancel_requested": False,
                "ended_at": fields.Datetime.now(),
            }
        )

    def _get_final_state(self, counts, waiting):
        if self.operation == "undo":
            if counts.get("done"):
                return "failed" if counts.get("failed") else "done"
            return "undone"
        if waiting:
            return "cancelled"
        return "failed" if counts.get("failed") else "done"

    # ------------------------------------------------------------------
    # Background
    # ------------------------------------------------------------------

    @api.model
    def _get_batch_models(self):
        """Names of the models that are batch documents."""
        registry = self.env.registry
        return sorted(name for name in registry if getattr(registry[name], "_line_model", None))

    @api.model
    def _cron_work(self):
        """Scheduled action: work on queued documents until time is up.

        Any number of workers on any number of hosts may run this at once; it is the
        one place that commits.
        """
        passed_over = set()
        time_left, worked, waiting = 1.0, 0, 0
        while time_left > 0:
            self.env.invalidate_all()
            document = self._get_next_document(passed_over)
            if not document:
                break
            began = fields.Datetime.now()
            handled = document._as_owner()._work_or_retry()
            if not handled:
                # Nothing left, or other workers hold it: they will finish it.
                passed_over.add((document._name, document.id))
            waiting = self._count_waiting(passed_over)
            if handled is None:
                # Given up for now: not done, so the scheduler has to come back soon.
                waiting = max(waiting, 1)
            time_left = self.env["ir.cron"]._commit_progress(handled or 0, remaining=waiting)
            # In a transaction of its own: what other workers have committed counts.
            self.env.invalidate_all()
            document._as_owner()._finish_in_background(began)
            self.env["ir.cron"]._commit_progress(0, remaining=waiting)
            worked += handled or 0
        if worked and waiting:
            # Odoo puts the rest of long work off until its workers look again by
            # themselves, which they do every minute.
            self._trigger_workers()
            self.env["ir.cron"]._commit_progress(0, remaining=waiting)

    @api.model
    def _get_next_document(self, passed_over):
        for name in self._get_batch_models():
            for document in self.env[name].search([("state", "in", WORKING)], order="id"):
                if (name, document.id) not in passed_over:
                    return document
        return None

    @api.model
    def _count_waiting(self, passed_over):
        """Lines that this worker could still take up."""
        count = 0
        for name in self._get_batch_models():
            documents = self.env[name].search([("state", "in", WORKING)])
            documents = documents.filtered(
                lambda document, name=name: (name, document.id) not in passed_over
            )
            count += sum(documents.mapped("waiting_count"))
        return count

    def _as_owner(self):
        """The document with the rights, language and company it was started with."""
        self.ensure_one()
        user = self.user_id or self.env.user
        return (
            self.with_user(user)
            .with_company(self.company_id)
            .with_context(allowed_company_ids=self.company_id.ids, lang=user.lang, tz=user.tz)
        )

    def _work_or_retry(self):
        """One chunk; repeated when another transaction came in between.

        :return: lines handled, 0 when there is none to claim, None when others were
            faster each time.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self.cancel_requested:
                    return 0
                return self._work_chunk()
            except psycopg2.OperationalError as error:
                self.env.cr.rollback()
                _logger.info("%s: chunk tried %s times (%s)", self.name, attempt, error)
        return None

    def _finish_in_background(self, began):
        """Show that the work has begun, and when nothing waits any more, that it ended.

        Whoever ends the last chunk must get through: nobody comes after him.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._wait_for_lock()
                if self.state == "queued":
                    self._mark_running(began)
                if self.state == "running":
                    self._finish()
                self.env.flush_all()
                return
            except psycopg2.OperationalError as error:
                self.env.cr.rollback()
                _logger.info("%s: end tried %s times (%s)", self.name, attempt, error)

    def _wait_for_lock(self):
        """Lock the document, after whoever holds it now, who takes milliseconds.

        A lock that lets chunks in hand go on referring to the document, and that they
        do not keep from being taken.
        """
        table = SQL.identifier(self._table)
        self.env.execute_query(
            SQL("SELECT FROM %s WHERE id = %s FOR NO KEY UPDATE", table, self.id)
        )
