import logging
import math
import time
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import SQL, clean_context

from ..shortcuts.ar_shortcuts import BY_CORE, Differs

_logger = logging.getLogger(__name__)

# Documents that a worker may pick up, and those that may be started (again).
WORKING = ("queued", "running")
STARTABLE = ("draft", "failed", "cancelled")
# A user is never made to wait longer than this for a document, whatever the company has
# chosen: servers stop requests, after a minute of computing by default.
LONGEST_WAIT = 20
# What a chunk should take, in seconds: long enough to share the fixed costs of
# accounting entries, short enough that no server stops it and little is lost by a kill.
CHUNK_SECONDS = 6


class ArBulkDocument(models.AbstractModel):
    """Long work as a document: lines worked off in chunks, visible and resumable.

    The states of a document are draft → queued → running → done, failed (done with
    failures) or cancelled → undone. A *chunk* is one transaction: it claims lines
    that nobody else works on, does the work for all of them together and marks them.
    If it fails, it is repeated line by line, so that only the bad line is marked as
    failed, with its reason. A worker may be killed at any moment: its claim ends with
    its transaction and the lines are claimed again by the next one.

    A concrete model names its lines (``_line_model``) and implements
    ``_process_lines`` and ``_undo_lines``; they do the work for many lines at once,
    write the lines' state and never commit. What is to be done once at the end goes
    into ``_after_finish``. Only the work in the background commits.

    An error that is not a line's is the document's: it ends as failed with a sentence
    (``error``), and a reminder for whoever started it.
    """

    _name = "ar.bulk.document"
    _description = "Bulk Document"
    _inherit = ["ar.guarded", "mail.thread", "mail.activity.mixin"]

    # Model of the lines; it inherits ``ar.bulk.document.line``.
    _line_model = None
    # Read-only like other fields of the document, but whose it is can be said at first.
    _initial_fields = frozenset({"company_id"})
    # Lines per transaction at most; fewer when they take long (``_get_chunk_limit``).
    _chunk_size = 100
    # XML id of the group whose users may have the work done.
    _work_group = "account.group_account_invoice"

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
        help="Who started it last, and whose rights the work is done with.",
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
    queued_at = fields.Datetime(
        readonly=True, copy=False, help="When somebody started the current operation."
    )
    error = fields.Char(
        readonly=True, copy=False, help="What ended the document as a whole, and what to do."
    )
    line_seconds = fields.Float(
        readonly=True,
        copy=False,
        digits=(16, 6),
        help="Seconds that a line took lately: the next chunk is as large as fits.",
    )
    end_attempts = fields.Integer(
        readonly=True, copy=False, help="How often a worker has begun to end the operation."
    )

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

    @api.model
    def _next_number(self, code, vals):
        """The number of a new document, by the sequence of its company."""
        company = vals.get("company_id") or self.env.company.id
        return self.env["ir.sequence"].with_company(company).next_by_code(code) or "New"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_working(self):
        for document in self:
            if document.state in WORKING:
                raise UserError(
                    self.env._(
                        "%s is being worked on. Cancel it before you delete it.",
                        document.display_name,
                    )
                )

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
        if self._before_start():
            self._launch("process")

    def _before_start(self):
        return True

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
        lines._write_inside({"state": "undo", "reason": False})
        self._launch("undo")

    def _launch_in_background(self):
        """Queue the document whatever its size (scheduled actions)."""
        self._check_startable()
        if self._before_start():
            self._queue("process")
            self._trigger_workers()

    def _launch(self, operation):
        self._queue(operation)
        if self._is_small():
            self._work_all()
        else:
            self._trigger_workers()

    def _queue(self, operation):
        """Whoever starts it is responsible: the work is done with his rights."""
        self._forget_reminders()
        self._forget_attempts()
        self._write_inside(
            {
                "user_id": self.env.uid,
                "operation": operation,
                "state": "queued",
                "cancel_requested": False,
                "queued_at": fields.Datetime.now(),
                "ended_at": False,
                "error": False,
                "line_seconds": 0,
                "end_attempts": 0,
            }
        )
        counts = self._get_line_counts()[self.id]
        self._write_inside({"operation_count": counts.get(self._get_waiting_state(), 0)})

    def _forget_attempts(self):
        """A line that took servers down is given its tries anew."""
        lines = self.env[self._line_model].search(
            [("document_id", "=", self.id), ("attempts", ">", 0)]
        )
        lines._write_inside({"attempts": 0})

    def _mark_running(self, began):
        """A worker took the document at this moment: rate and time left count from it."""
        self.sudo()._write_inside({"state": "running", "started_at": began})

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
        longest = min(self.company_id.sudo().ar_background_seconds, LONGEST_WAIT)
        return self.waiting_count * self._get_line_seconds() <= longest

    def _get_expected_seconds(self):
        """Seconds that a line takes, before any of this document was measured."""
        return 0.02

    def _get_line_seconds(self):
        """Seconds that a line takes: as measured, else as expected."""
        return self.line_seconds or self._get_expected_seconds()

    def _note_pace(self, pace):
        """Keep how many seconds a line takes, unless it is about the same."""
        known = self.line_seconds
        if pace and not math.isclose(pace, known, rel_tol=0.25):
            self.sudo()._write_inside({"line_seconds": (pace + known) / 2 if known else pace})

    def _get_chunk_limit(self, seconds=CHUNK_SECONDS):
        """How many lines are worked off at once, so that it takes so many seconds."""
        return max(1, min(self._chunk_size, int(seconds / self._get_line_seconds())))

    def action_cancel(self):
        """Stop after the chunks in hand; what is done stays done.

        What failed as a whole and still has lines waiting is given up by it.

        :raise UserError: when there is nothing to stop.
        """
        self.check_access("write")
        for document in self:
            if document.state == "draft":
                document._write_inside({"state": "cancelled"})
            elif document.state in WORKING or (
                document.state == "failed" and document.waiting_count
            ):
                document._write_inside({"cancel_requested": True})
                if not document._is_being_worked_on():
                    document._finish()
            else:
                raise UserError(document._get_wrong_state_message())

    def action_retry(self):
        """Take up failed lines again, those that wait, and an end that failed.

        :raise UserError: when there is nothing to take up.
        """
        for document in self:
            document._lock()
            if document._get_lines("undo"):
                document._check_startable()
                document._launch("undo")
                continue
            document._get_lines("failed")._write_inside({"state": "todo", "reason": False})
            if not document._get_lines("todo") and not document.error:
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
        return self._lock_lines([("state", "=", self._get_waiting_state())], "id", limit)

    def _lock_lines(self, domain, order, limit=None):
        """Lines of the document that nobody else has locked."""
        lines = self.env[self._line_model]
        query = lines._search([("document_id", "=", self.id), *domain], order=order, limit=limit)
        claim = SQL("%s FOR NO KEY UPDATE SKIP LOCKED", query.select())
        return lines.browse([line_id for (line_id,) in self.env.execute_query(claim)])

    def _work_chunk(self):
        """Handle the next lines and return how many; 0 when there is none to claim."""
        self.ensure_one()
        return self._work_on(self._claim_lines(self._get_chunk_limit()))

    def _work_on(self, lines):
        """Handle lines that are claimed, and return how many."""
        if not lines:
            return 0
        # Defaults meant for a window must not end up on the records made here.
        self = self.with_context(clean_context(self.env.context))
        lines = lines.with_env(self.env)
        try:
            with self.env.cr.savepoint():
                self._apply(lines)
        except psycopg2.OperationalError:
            raise  # another transaction was faster: the whole chunk is tried again
        except Exception as error:
            _logger.info("%s: a chunk is repeated line by line (%s)", self.name, error)
            worker = self._by_core() if isinstance(error, Differs) else self
            for line in lines:
                worker._apply_one(line)
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
            if isinstance(error, Differs) and not self.env.context.get(BY_CORE):
                self._by_core()._apply_one(line)
            else:
                line._mark_failed(self._explain(error))

    def _by_core(self):
        """The document, with its work done by core's own ways, without our shortcuts."""
        return self.with_context(**{BY_CORE: True})

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
        _logger.error("%s: unexpected error", self.sudo().name, exc_info=error)
        if isinstance(error, psycopg2.IntegrityError):
            # The database's own words are of no use to a bookkeeper.
            return self.env._("The database refused this line; see the server log.")
        return self.env._("Unexpected error: %(error)s", error=error)

    def _work_all(self):
        """Work off everything in the running transaction (small documents).

        What takes much longer than expected is left to the workers.
        """
        began = clock = time.monotonic()
        self._mark_running(fields.Datetime.now())
        while handled := self._work_chunk():
            now = time.monotonic()
            self._note_pace((now - clock) / handled)
            clock = now
            if now - began > LONGEST_WAIT and self._get_lines(self._get_waiting_state()):
                self._trigger_workers()
                return
        self._finish()

    def _finish(self):
        """Set the final state, if nothing waits any more or a cancellation was asked."""
        self.ensure_one()
        self.invalidate_recordset()
        # It ends whatever became of the rights of its owner.
        document = self.sudo()
        counts = document._get_line_counts()[self.id]
        waiting = counts.get(self._get_waiting_state(), 0)
        if waiting and not self.cancel_requested:
            return
        if waiting and self.operation == "undo":
            # Not taken back, so they are still done.
            document._get_lines("undo")._write_inside({"state": "done"})
            counts["done"] = counts.get("done", 0) + waiting
        document._write_inside(
            {
                "state": self._get_final_state(counts, waiting),
                "operation": "process",
                "cancel_requested": False,
                "ended_at": fields.Datetime.now(),
                "error": False,
            }
        )
        document._forget_reminders()
        if self.state in ("done", "failed"):
            self._end_well()

    def _end_well(self):
        """Do what is done once at the end; its error fails the document, not its lines."""
        try:
            with self.env.cr.savepoint():
                self._after_finish()
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            self._fail(self._explain(error))

    def _after_finish(self):
        """What is done when the last line was, in the state that it ended with.

        An error fails the document with its sentence; Retry then tries the end again.
        """

    def _get_final_state(self, counts, waiting):
        if self.operation == "undo":
            if counts.get("done"):
                return "failed" if counts.get("failed") else "done"
            return "undone"
        if waiting:
            return "cancelled"
        return "failed" if counts.get("failed") else "done"
