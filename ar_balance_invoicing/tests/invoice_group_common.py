"""An invoice group, three customers, and how its tasks came out."""

import json
import logging

from .billing_common import BillingCommon
from .write_off_common import WriteOffCommon

_logger = logging.getLogger(__name__)


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
