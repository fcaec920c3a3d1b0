"""The scheduled actions that work documents off, at the same time."""

import contextlib
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

from ...tools.work_limits import cpu_seconds_left

LANES = (
    "ar_balance_invoicing.ir_cron_bulk_document_lane_1",
    "ar_balance_invoicing.ir_cron_bulk_document_lane_2",
)
# States of documents that a worker may pick up.
WORKING = ("queued", "running")
# No further chunk is begun when the server grants less computing time than this.
CPU_SECONDS_TO_SPARE = 3
# Whatever a killed worker left is looked at so much later.
LOOK_AGAIN = timedelta(minutes=1)


class ArBulkLanes(models.AbstractModel):
    """Lanes: scheduled actions that take up one bulk document after the other.

    Any number of cron workers on any number of hosts serve them at once. No document can
    stop them: whatever goes wrong with one ends in its own state.
    """

    _name = "ar.bulk.lanes"
    _description = "Lanes of Bulk Documents"

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
    # What people are told about them
    # ------------------------------------------------------------------

    @api.model
    def _get_document_in_hand(self, besides):
        """Name of a document that is being worked on, as far as this user may know it."""
        for name in self._get_document_models():
            others = self.env[name].sudo().search([("state", "=", "running")], limit=2, order="id")
            for other in others.filtered(lambda other: other != besides):
                mine = other.sudo(False)
                return mine.display_name if mine.has_access("read") else self.env._("another one")
        return False

    @api.model
    def _get_next_look(self, lanes):
        triggers = self.env["ir.cron.trigger"].sudo().search([("cron_id", "in", lanes.ids)])
        moment = min([*lanes.mapped("nextcall"), *triggers.mapped("call_at")])
        if moment <= fields.Datetime.now() + LOOK_AGAIN:
            return self.env._("It is taken up within a minute or two.")
        return self.env._("The next look at it is at %s.", self._format_moment(moment))

    @api.model
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
