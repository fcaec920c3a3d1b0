import logging
import math
import time
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.tools import SQL, clean_context

from ...tools.context_keys import BY_CORE
from ...tools.work_limits import cpu_seconds_left
from ..shortcuts.ar_shortcuts import Differs
from .ar_bulk_document import CHUNK_SECONDS, LONGEST_WAIT

_logger = logging.getLogger(__name__)

# How often a chunk is tried again when another transaction was faster.
ATTEMPTS = 5
# A line that was begun so often, the last time alone, is what stops the server.
STOPS = 3
# A chunk that stopped a server is begun again with an eighth of its lines, then singly.
SMALLER = 3
# Another worker may be about to lock again what it has just counted as begun.
SECONDS_OF_CLAIMING = 5


class ArBulkDocument(models.AbstractModel):
    """How the lines of a document are worked off: in the request, or in the background."""

    _inherit = "ar.bulk.document"

    # ------------------------------------------------------------------
    # Chunks
    # ------------------------------------------------------------------

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
            _logger.info("%s: a chunk is repeated line by line (%s)", self.display_name, error)
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
        if isinstance(error, (UserError, RedirectWarning)):
            return text
        _logger.error("%s: unexpected error", self.sudo().display_name, exc_info=error)
        if isinstance(error, psycopg2.IntegrityError):
            # The database's own words are of no use to a bookkeeper.
            return self.env._("The database refused this line; see the server log.")
        return self.env._("Unexpected error: %(error)s", error=error)

    # ------------------------------------------------------------------
    # While the user waits
    # ------------------------------------------------------------------

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
                self.env["ar.bulk.lanes"]._trigger_workers()
                return
        self._finish()

    def _get_expected_seconds(self):
        """Seconds that a line takes, before any of this document was measured."""
        return 0.02

    def _get_line_seconds(self):
        """Seconds that a line takes: as measured, else as expected."""
        return self.line_seconds or self._get_expected_seconds()

    def _mark_running(self, began):
        """A worker took the document at this moment: rate and time left count from it."""
        self.sudo()._write_inside({"state": "running", "started_at": began})

    def _note_pace(self, pace):
        """Keep how many seconds a line takes, unless it is about the same."""
        known = self.line_seconds
        if pace and not math.isclose(pace, known, rel_tol=0.25):
            self.sudo()._write_inside({"line_seconds": (pace + known) / 2 if known else pace})

    def _get_chunk_limit(self, seconds=CHUNK_SECONDS):
        """How many lines are worked off at once, so that it takes so many seconds."""
        return max(1, min(self._chunk_size, int(seconds / self._get_line_seconds())))

    # ------------------------------------------------------------------
    # A turn in the background
    # ------------------------------------------------------------------

    def _take_turn(self):
        """Work on the document for one chunk, and end it after the last.

        :return: lines handled; 0 when there was none to claim or the document failed as a
            whole, None when other transactions were faster each time.
        """
        began, clock = fields.Datetime.now(), time.monotonic()
        try:
            worker, handled, pace = self, 0, 0
            # Cancelling needs nobody's rights.
            if not self.cancel_requested:
                self._check_owner()
                worker = self._as_owner()
                handled = worker.sudo()._fail_stopped()
                if not handled:
                    handled = worker._work_or_retry()
                    pace = (time.monotonic() - clock) / handled if handled else 0
            self.env["ir.cron"]._commit_progress(handled or 0)
            # In a transaction of its own: what other workers have committed counts.
            self.env.invalidate_all()
            worker._finish_in_background(began, pace)
            self.env["ir.cron"]._commit_progress()
        except psycopg2.OperationalError as error:
            self.env.cr.rollback()
            _logger.info("%s(%s): left to the next look (%s)", self._name, self.id, error)
            return None
        except Exception as error:
            self._fail_in_background(error)
            return 0
        return handled

    def _as_owner(self):
        """The document with the rights, language and company it was started with."""
        self.ensure_one()
        user = self.user_id or self.env.user
        return (
            self.with_user(user)
            .with_company(self.company_id)
            .with_context(allowed_company_ids=self.company_id.ids, lang=user.lang, tz=user.tz)
        )

    def _check_owner(self):
        """Whoever started it must still be allowed to have the work done, here.

        Only what a superuser's own code has queued is done as superuser.

        :raise UserError: who may not, why, and how the work goes on.
        """
        owner = self.user_id
        if owner.id == SUPERUSER_ID:
            return
        document = self.with_context(lang=owner.lang)
        if problem := document._get_user_problem(owner, self.company_id):
            raise UserError(
                document.env._(
                    "This is done with the rights of whoever has started it. %(problem)s Nothing "
                    "more was done. Somebody with the right presses Retry: it then goes on as his.",
                    problem=problem,
                )
            )

    @api.model
    def _get_user_problem(self, user, company):
        """Why such documents are not worked off with a user's rights: a sentence, or False."""
        if not user:
            return self.env._("There is no such user (any more).")
        if not user.active:
            return self.env._("%s is archived.", user.name)
        if company not in user.company_ids:
            return self.env._(
                "%(user)s may not work in %(company)s.", user=user.name, company=company.name
            )
        if not user.has_group(self._work_group):
            return self.env._(
                "%(user)s does not have the right “%(right)s”.",
                user=user.name,
                right=self.env.ref(self._work_group).sudo().name,
            )
        return False

    def _work_or_retry(self):
        """One chunk; repeated when another transaction came in between.

        :return: lines handled, 0 when there is none to claim, None when others were
            faster each time.
        """
        lines = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self.cancel_requested:
                    return 0
                lines = lines or self._begin_chunk()
                if not lines:
                    return 0
                begun = [("id", "in", lines.ids), ("state", "=", self._get_waiting_state())]
                in_hand = self._lock_lines(begun, "id")
                return self._work_on(in_hand) or None
            except psycopg2.OperationalError as error:
                self.env.cr.rollback()
                _logger.info(
                    "%s: chunk tried %s times (%s)", self.sudo().display_name, attempt, error
                )
        if lines:
            self._count_attempt(lines, -1)
        return None

    def _finish_in_background(self, began, pace=0):
        """Show that the work has begun, and when nothing waits any more, that it ended.

        Whoever ends the last chunk must get through: nobody comes after him.

        :param pace: seconds per line of the chunk before.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._wait_for_lock()
                if self.state == "queued":
                    self._mark_running(began)
                if self.state == "running":
                    self._note_pace(pace)
                    if attempt == 1 and not self.sudo().waiting_count:
                        self._begin_end()
                    if self.state == "running":
                        self._finish()
                self.env.flush_all()
                return
            except psycopg2.OperationalError as error:
                self.env.cr.rollback()
                _logger.info(
                    "%s: end tried %s times (%s)", self.sudo().display_name, attempt, error
                )

    def _wait_for_lock(self):
        """Lock the document, after whoever holds it now, who takes milliseconds.

        A lock that lets chunks in hand go on referring to the document, and that they
        do not keep from being taken.
        """
        table = SQL.identifier(self._table)
        self.env.execute_query(
            SQL("SELECT FROM %s WHERE id = %s FOR NO KEY UPDATE", table, self.id)
        )

    # ------------------------------------------------------------------
    # What stops the server is not begun for ever
    # ------------------------------------------------------------------

    def _begin_chunk(self):
        """Choose the next lines and commit that they are begun.

        A server that is stopped leaves this count behind. Lines with a count come last and
        in smaller chunks; but first of all, as long as nothing shows how long a line takes.

        :return: lines to lock again and work on.
        """
        limit = self._get_chunk_limit(min(CHUNK_SECONDS, cpu_seconds_left() / 3))
        order = "attempts nulls first" if self.line_seconds else "attempts desc nulls last"
        lines = self._lock_lines(self._get_to_do(), f"{order}, id", limit)
        attempts = lines[:1].attempts
        lines = lines.filtered(lambda line: line.attempts == attempts)
        if attempts:
            lines = lines[: max(1, limit >> SMALLER) if attempts == 1 else 1]
        self._count_attempt(lines)
        return lines

    def _get_to_do(self):
        """Domain of lines to do that no other worker is about to begin."""
        settled = self.env.cr.now() - timedelta(seconds=SECONDS_OF_CLAIMING)
        return [
            ("state", "=", self._get_waiting_state()),
            *("|", ("attempts", "=", 0), ("write_date", "<", settled)),
        ]

    def _fail_stopped(self):
        """Set aside the lines that have stopped the server too often; return how many."""
        lines = self._lock_lines([*self._get_to_do(), ("attempts", ">=", STOPS)], "id")
        if lines:
            lines._mark_failed(self._get_stopped_message())
        return len(lines)

    def _count_attempt(self, lines, count=1):
        if not lines:
            return
        for attempts, alike in lines.sudo().grouped("attempts").items():
            alike._write_inside({"attempts": max(0, attempts + count)})
        self.env["ir.cron"]._commit_progress()

    def _get_stopped_message(self):
        return self.env._(
            "The server stopped the work on it %(count)s times: it may take longer, or more "
            "memory, than the server allows. Ask an administrator to look into the server's "
            "log; then retry, or do it by hand.",
            count=STOPS,
        )

    def _begin_end(self):
        """Commit that the end is begun, and lock the document again.

        :raise UserError: when it has stopped the server too often.
        """
        if self.end_attempts >= STOPS:
            raise UserError(
                self.env._(
                    "All lines were handled, but the end was begun %(count)s times and never "
                    "reached: the server stopped it, or other work was in its way. Ask an "
                    "administrator to look into the server's log, then retry.",
                    count=STOPS,
                )
            )
        self.sudo()._write_inside({"end_attempts": self.end_attempts + 1})
        self.env["ir.cron"]._commit_progress()
        self.env.invalidate_all()
        self._wait_for_lock()

    def _fail_in_background(self, error):
        """Nothing of what was begun stays; the document says why it ended."""
        cr = self.env.cr
        cr.rollback()
        try:
            sentence = self._as_owner()._explain(error)
        except Exception:
            cr.rollback()
            _logger.exception("%s: could not be explained", self)
            sentence = str(error)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._fail(sentence)
                self.env["ir.cron"]._commit_progress()
                return
            except psycopg2.OperationalError as conflict:
                cr.rollback()
                _logger.info("%s: failing tried %s times (%s)", self, attempt, conflict)
            except Exception:
                cr.rollback()
                _logger.exception("%s: could not be marked as failed", self)
                return
