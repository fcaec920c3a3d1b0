import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import plaintext2html

from .ar_bulk_lanes import WORKING

_logger = logging.getLogger(__name__)

# A user is never made to wait longer than this for a document, whatever the company has
# chosen: servers stop requests, after a minute of computing by default.
LONGEST_WAIT = 20
# What a chunk should take, in seconds: long enough to share the fixed costs of
# accounting entries, short enough that no server stops it and little is lost by a kill.
CHUNK_SECONDS = 6
REMINDER = "mail.mail_activity_data_todo"


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
    _inherit = ["ar.guarded", "ar.bulk.progress", "mail.thread", "mail.activity.mixin"]

    # Model of the lines; it inherits ``ar.bulk.document.line``.
    _line_model = None
    # Read-only like other fields of the document, but whose it is can be said at first.
    _initial_fields = frozenset({"company_id"})
    # Code of the sequence of its numbers, if it has any.
    _number_sequence = None
    # Lines per transaction at most; fewer when they take long (``_get_chunk_limit``).
    _chunk_size = 100
    # XML id of the group whose users may have the work done.
    _work_group = "account.group_account_invoice"

    name = fields.Char(
        readonly=True, copy=False, help="Its number, which it gets when it is started."
    )
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

    # ------------------------------------------------------------------
    # Names and numbers
    # ------------------------------------------------------------------

    @api.depends("name")
    def _compute_display_name(self):
        for document in self:
            document.display_name = document.name or document._get_draft_name()

    def _get_draft_name(self):
        """What a document is called that has no number yet."""
        number = self._origin.id
        return self.env._("Draft %s", number) if number else self.env._("Draft")

    def _give_number(self):
        """The number, by the sequence of the company; once, when it is started.

        So looking at what would be done spends none.
        """
        for document in self.filtered(lambda document: not document.name):
            if self._number_sequence:
                sequences = self.env["ir.sequence"].with_company(document.company_id)
                number = sequences.next_by_code(self._number_sequence)
                document._write_inside({"name": number or document._get_draft_name()})

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
        """What is done first, in the transaction of whoever starts the document.

        :return: whether the work is launched now. If not (it waits for an approval, say),
            the method has given it the state that shows this.
        """
        self._give_number()
        return True

    def _check_startable(self):
        """Lock the document; refuse it when it was started already."""
        self._lock()
        if self.state not in self._get_startable_states():
            raise UserError(self._get_wrong_state_message())

    def _start_undo(self):
        """Take back the lines that are done.

        :raise UserError: when there is nothing to take back.
        """
        self._start_undo_of(self._get_lines_to_undo())

    def _start_undo_of(self, lines):
        """Take back some of the lines that are done.

        :raise UserError: when there is nothing to take back, or the document is being
            worked on.
        """
        self._lock()
        if not self._is_undoable():
            raise UserError(self._get_wrong_state_message())
        if not lines:
            raise UserError(self.env._("%s: there is nothing to undo.", self.display_name))
        if not_done := lines.filtered(lambda line: line.state != "done"):
            raise UserError(
                self.env._(
                    "%(name)s: %(line)s is not done, so it cannot be undone.",
                    name=self.display_name,
                    line=not_done[:1].display_name,
                )
            )
        lines._write_inside({"state": "undo", "reason": False})
        self._launch("undo")

    def _launch_in_background(self):
        """Queue the document whatever its size (scheduled actions)."""
        self._check_startable()
        if self._before_start():
            self._queue("process")
            self.env["ar.bulk.lanes"]._trigger_workers()

    def _launch(self, operation):
        self._queue(operation)
        if self._is_small():
            self._work_all()
        else:
            self.env["ar.bulk.lanes"]._trigger_workers()

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

    def action_cancel(self):
        """Stop after the chunks in hand; what is done stays done.

        What failed as a whole and still has lines waiting is given up by it.

        :raise UserError: when there is nothing to stop.
        """
        self.check_access("write")
        for document in self:
            if document.state == "draft":
                document._write_inside({"state": "cancelled"})
            elif document._is_stoppable():
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

    def _get_lines_to_undo(self):
        """Lines of which something can be taken back still."""
        return self._get_lines("done")

    def _is_being_worked_on(self):
        waiting = self._get_lines(self._get_waiting_state())
        return len(waiting.try_lock_for_update(allow_referencing=True)) < len(waiting)

    # ------------------------------------------------------------------
    # The work
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

    # ------------------------------------------------------------------
    # The end
    # ------------------------------------------------------------------

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

    # ------------------------------------------------------------------
    # A document that fails, fails alone
    # ------------------------------------------------------------------

    def _fail(self, sentence):
        """End the document as failed; what waits goes on waiting, for Retry."""
        document = self.sudo()
        sentence = sentence.replace("\0", "") or self.env._("It failed without a word.")
        now = fields.Datetime.now()
        document._write_inside(
            {
                "state": "failed",
                "error": sentence,
                "cancel_requested": False,
                "started_at": document.started_at or now,
                "ended_at": now,
            }
        )
        try:
            with self.env.cr.savepoint():
                document._remind(sentence)
        except psycopg2.OperationalError:
            raise
        except Exception:
            # It is said on the document itself; that is what counts.
            _logger.exception("%s: nobody could be told", self)

    def _remind(self, sentence):
        """An activity for whoever started the document, or made it; else a note."""
        self._forget_reminders()
        user = self._get_person_to_tell()
        if not user:
            self._message_log(body=sentence)
            return
        document = self.with_context(lang=user.lang)
        document.activity_schedule(
            REMINDER,
            user_id=user.id,
            summary=document.env._("%s has failed", document.display_name),
            note=plaintext2html(sentence),
        )

    def _get_person_to_tell(self):
        """The first who can still open the document."""
        for user in self.user_id | self.create_uid:
            if user.active and self.company_id in user.company_ids:
                document = self.with_user(user).with_context(
                    allowed_company_ids=self.company_id.ids
                )
                if document.has_access("read"):
                    return user
        return self.env["res.users"]

    def _forget_reminders(self):
        self.sudo().activity_unlink([REMINDER])
