import contextlib
import logging
import time
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_datetime, plaintext2html

from ...tools.work_limits import cpu_seconds_left
from .ar_bulk_document import CHUNK_SECONDS, WORKING

_logger = logging.getLogger(__name__)

# Scheduled actions that work documents off, at the same time.
LANES = (
    "ar_balance_invoicing.ir_cron_bulk_document_lane_1",
    "ar_balance_invoicing.ir_cron_bulk_document_lane_2",
)
# How often a chunk is tried again when another transaction was faster.
ATTEMPTS = 5
# A line that was begun so often, the last time alone, is what stops the server.
STOPS = 3
# A chunk that stopped a server is begun again with an eighth of its lines, then singly.
SMALLER = 3
# Another worker may be about to lock again what it has just counted as begun.
SECONDS_OF_CLAIMING = 5
# No further chunk is begun when the server grants less computing time than this.
CPU_SECONDS_TO_SPARE = 3
# Whatever a killed worker left is looked at so much later.
LOOK_AGAIN = timedelta(minutes=1)
REMINDER = "mail.mail_activity_data_todo"


class ArBulkDocument(models.AbstractModel):
    """Documents worked off in the background, by lanes that no document can stop."""

    _inherit = "ar.bulk.document"

    # ------------------------------------------------------------------
    # Lanes
    # ------------------------------------------------------------------

    @api.model
    def _get_document_models(self):
        """Names of the models that are bulk documents."""
        registry = self.env.registry
        return sorted(name for name in registry if getattr(registry[name], "_line_model", None))

    @api.model
    def _get_lanes(self):
        """The scheduled actions that work documents off, also those switched off."""
        lanes = self.env["ir.cron"].sudo().with_context(active_test=False)
        for name in LANES:
            lanes |= self.env.ref(name, raise_if_not_found=False) or lanes
        return lanes.sudo()

    @api.model
    def _trigger_workers(self, at=None):
        for lane in self._get_lanes():
            lane._trigger(at=at)

    @api.model
    def _cron_work(self):
        """Scheduled action: work on queued documents until time is up.

        Any number of workers on any number of hosts may run this at once. Whatever goes
        wrong with a document ends in its own state, and the next one is taken up.
        """
        self = self.sudo()
        cron = self.env["ir.cron"]
        passed_over, given_up = set(), False
        time_left = 1.0
        while time_left > 0:
            self.env.invalidate_all()
            document = self._get_next_document(passed_over)
            if not document or cpu_seconds_left() < CPU_SECONDS_TO_SPARE:
                break
            handled = document._take_turn()
            if not handled:
                # Nothing left, or other workers hold it: they will finish it.
                passed_over.add(document)
                given_up |= handled is None
            waiting = self._count_waiting(passed_over)
            time_left = cron._commit_progress(handled or 0, remaining=waiting)
        if given_up or self._get_next_document(passed_over):
            # At once: workers look by themselves every minute only.
            self._trigger_workers()
        elif self._get_next_document(set()):
            # Others hold it, or a worker that was killed just now.
            self._look_again()
        # The rest is left to the next call: else Odoo would go on in this one, for ten
        # times as long, and servers stop workers after a minute of computing.
        cron._commit_progress(0, remaining=0)

    @api.model
    def _look_again(self):
        """Have the lanes called in a while, unless they will be."""
        now, lanes = fields.Datetime.now(), self._get_lanes()
        if not self.env["ir.cron.trigger"].search_count(
            [("cron_id", "in", lanes.ids), ("call_at", ">", now)], limit=1
        ):
            self._trigger_workers(at=now + LOOK_AGAIN)

    @api.model
    def _get_next_document(self, passed_over):
        for name in self._get_document_models():
            for document in self.env[name].search([("state", "in", WORKING)], order="id"):
                if document not in passed_over:
                    return document
        return None

    @api.model
    def _count_waiting(self, passed_over):
        """Lines that this worker could still take up."""
        count = 0
        for name in self._get_document_models():
            documents = self.env[name].search([("state", "in", WORKING)])
            documents = documents.filtered(lambda document: document not in passed_over)
            count += sum(documents.mapped("waiting_count"))
        return count

    # ------------------------------------------------------------------
    # A turn of a document
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
                _logger.info("%s: chunk tried %s times (%s)", self.sudo().name, attempt, error)
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
                _logger.info("%s: end tried %s times (%s)", self.sudo().name, attempt, error)

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

    # ------------------------------------------------------------------
    # A document that fails, fails alone
    # ------------------------------------------------------------------

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

    # ------------------------------------------------------------------
    # What a document waits for
    # ------------------------------------------------------------------

    @api.depends("state", "queued_at")
    def _compute_waiting_text(self):
        for document in self:
            document.waiting_text = document._get_waiting_text()

    def _get_waiting_text(self):
        """Since when and for what the document waits: a sentence, or False."""
        if self.state not in WORKING:
            return False
        lanes = self._get_lanes()
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
        text = self.env._("Queued since %s.", self._format_moment(since))
        other = self._get_document_in_hand()
        if other:
            return self.env._(
                "%(text)s The background work is busy with %(other)s.", text=text, other=other
            )
        return f"{text} {self._get_next_look(active)}"

    def _get_document_in_hand(self):
        """Name of a document that is being worked on, as far as this user may know it."""
        for name in self._get_document_models():
            others = self.env[name].sudo().search([("state", "=", "running")], limit=2, order="id")
            for other in others.filtered(lambda other: other != self):
                mine = other.sudo(False)
                return mine.display_name if mine.has_access("read") else self.env._("another one")
        return False

    def _get_next_look(self, lanes):
        triggers = self.env["ir.cron.trigger"].sudo().search([("cron_id", "in", lanes.ids)])
        moment = min([*lanes.mapped("nextcall"), *triggers.mapped("call_at")])
        if moment <= fields.Datetime.now() + LOOK_AGAIN:
            return self.env._("It is taken up within a minute or two.")
        return self.env._("The next look at it is at %s.", self._format_moment(moment))

    def _format_moment(self, moment):
        with contextlib.suppress(ValueError):
            return format_datetime(self.env, moment, dt_format="short")
        return fields.Datetime.to_string(moment)

    @api.model
    def _get_lane_notice(self):
        """What is wrong with the lanes, for administrators: text, or False."""
        notices = []
        for lane in self._get_lanes():
            if not lane.active:
                notices.append(
                    self.env._(
                        "The scheduled action “%s” is switched off: documents wait longer, or "
                        "for ever. Switch it on in Settings, Technical, Scheduled Actions.",
                        lane.name,
                    )
                )
            elif lane.failure_count:
                notices.append(
                    self.env._(
                        "The scheduled action “%(lane)s” has failed %(count)s times since "
                        "%(moment)s. The server's log says why; Odoo switches it off when it "
                        "goes on failing for a week.",
                        lane=lane.name,
                        count=lane.failure_count,
                        moment=self._format_moment(lane.first_failure_date),
                    )
                )
        return "\n".join(notices) or False
