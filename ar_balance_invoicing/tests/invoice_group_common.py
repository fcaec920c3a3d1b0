"""An invoice group, three customers, and how its tasks came out."""

import json
import logging
import smtplib
from contextlib import contextmanager
from unittest.mock import patch

from odoo.tools.misc import mute_logger

from .billing_common import BillingCommon
from .write_off_common import WriteOffCommon

_logger = logging.getLogger(__name__)


class PostOffice:
    """A mail server beyond the wire: it takes what it is given, but for refused addresses."""

    def __init__(self, refused):
        self.refused = refused

    def __call__(self, *_address, **_options):
        return self

    def set_debuglevel(self, level):
        pass

    def ehlo_or_helo_if_needed(self):
        pass

    def send_message(self, _message, _sender, recipients):
        if refused := {
            address: (550, b"Unknown") for address in recipients if self._knows(address)
        }:
            raise smtplib.SMTPRecipientsRefused(refused)

    def _knows(self, address):
        return any(refused in address for refused in self.refused)

    def quit(self):
        pass


class GroupCommon(WriteOffCommon, BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna, cls.bert, cls.cleo = cls.env["res.partner"].create(
            [
                {"name": "Anna", "email": "anna@example.com"},
                {"name": "Bert", "email": "bert@example.com"},
                {"name": "Cleo"},
            ]
        )
        cls.group = cls.env["ar.invoice.group"].create({"name": "July"})

    def _outcomes(self, task):
        """{customer: (state, reason)}"""
        return {line.partner_id.name: (line.state, line.reason) for line in task.line_ids}

    def _task(self):
        return self.group.task_ids.sorted("id")[-1:]

    def _picture(self, name):
        """{label: value} of the bars that are not empty."""
        self.group.invalidate_recordset()
        [graph] = json.loads(self.group[name])
        return {bar["label"]: bar["value"] for bar in graph["values"] if bar["value"]}

    def _assert_queries(self, action, limit):
        count = self._count_queries(action)
        _logger.info("%s: %s queries", action, count)
        self.assertLess(count, limit, action)

    def _wizard(self, action, **values):
        return self.env[action["res_model"]].with_context(**action["context"]).create(values)

    def _hand_over_now(self):
        """What Odoo's scheduled action for invoices does, without its commit."""
        waiting = self.env["account.move"].search([("sending_data", "!=", False)])
        self.env["account.move.send"]._generate_and_send_invoices(waiting, from_cron=True)
        self._see_anew()

    def _empty_mail_queue(self, refused=()):
        """What Odoo's scheduled action for e-mails does, without its commit.

        :param refused: addresses that the mail server does not take.
        """
        with self._post_office(refused), mute_logger("odoo.addons.mail.models.mail_mail"):
            self.env["mail.mail"].sudo().search([("state", "=", "outgoing")]).send()
        self._see_anew()

    @contextmanager
    def _post_office(self, refused):
        # Odoo sends nothing while it is tested; here it does, down to the wire.
        server = type(self.env["ir.mail_server"])
        with (
            patch.object(server, "_disable_send", classmethod(lambda cls: False)),
            patch.object(smtplib, "SMTP", PostOffice(refused)),
        ):
            yield

    def _send_now(self):
        self._hand_over_now()
        self._empty_mail_queue()

    def _see_anew(self):
        self.env.flush_all()
        self.env.invalidate_all()
