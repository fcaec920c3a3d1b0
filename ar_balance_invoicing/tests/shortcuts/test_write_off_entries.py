"""Entries made all at once are those that core makes one after the other."""

import contextlib
import logging
import random
import re

from odoo.tests import tagged

from ..common import new_seed
from ..write_off_population import WriteOffPopulation

_logger = logging.getLogger(__name__)
# With the level's number: Odoo gives its name to another one.
OUR_LOGS = "odoo.addons.ar_balance_invoicing"
# What is of each entry's own, whoever made it; matchings are compared by themselves.
DIFFERENT = {
    "id",
    "access_token",
    "create_date",
    "write_date",
    # Some of core computes with the rights of the system, now or later.
    "write_uid",
    "move_id",
    "full_reconcile_id",
    "matching_number",
    "debit_move_id",
    "credit_move_id",
    "exchange_move_id",
    "reversed_entry_id",
    # Core sets it on what it matches, though nobody has changed anything.
    "is_manually_modified",
}
EXAMPLES = 3


@tagged("post_install", "-at_install")
class TestWriteOffEntries(WriteOffPopulation):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random entries: AR_SEED=%s", cls.seed)
        # With messages, as when people work.
        names = ("tracking_disable", "mail_create_nolog", "mail_notrack")
        cls.env = cls.env(context={**cls.env.context, **dict.fromkeys(names, False)})

    # --- core, one by one -------------------------------------------------------

    @contextlib.contextmanager
    def _left_to_core(self):
        """All shortcuts are switched off: core makes, posts, matches and notes everything."""
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("ar_balance_invoicing.shortcuts", "off")
        try:
            with self.assertLogs(OUR_LOGS, logging.INFO) as logs:
                yield
        finally:
            parameters.set_param("ar_balance_invoicing.shortcuts", False)
        for what in ("entries", "matchings"):
            said = f"{what} left to core .* switched off"
            self.assertTrue(any(re.search(said, text) for text in logs.output), logs.output)

    # --- described ----------------------------------------------------------------

    def _read(self, record):
        names = [
            name
            for name, field in record._fields.items()
            if field.store and field.type != "one2many" and name not in DIFFERENT
        ]
        return {name: record._fields[name].convert_to_read(record[name], record) for name in names}

    def _describe(self, documents, invoices):
        """Everything stored about entries, their items and matchings, and the invoices."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
        lines = documents.line_ids.sorted("id")
        entries = [move for line in lines for move in (line.entry_id, line.reversal_id) if move]
        return {
            "entries": [self._read(entry) for entry in entries],
            "reversed": [entry.reversed_entry_id.name for entry in entries],
            "items": [self._describe_item(item) for move in entries for item in move.line_ids],
            "analytic": [
                (item.account_id.code, item.amount, item.date)
                for move in entries
                for item in move.line_ids.analytic_line_ids.sorted("id")
            ],
            "invoices": [self._read(invoice) for invoice in invoices],
            "invoice items": [self._describe_item(item) for item in invoices.line_ids],
            "notes": [self._describe_notes(invoice) for invoice in invoices],
        }

    def _describe_item(self, item):
        matchings = item.matched_debit_ids | item.matched_credit_ids
        return {
            **self._read(item),
            "settled": bool(item.full_reconcile_id),
            "matchings": sorted(
                (
                    matching.debit_move_id.move_id.name,
                    matching.credit_move_id.move_id.name,
                    matching.exchange_move_id.name or "",
                    str(self._read(matching)),
                )
                for matching in matchings
            ),
        }

    def _describe_notes(self, invoice):
        """What core notes: something tracked has changed."""
        return [
            (
                # Taking back a transaction gives no number of a sequence back.
                re.sub(r"WO/\d+/\d+", "WO", message.body),
                message.subtype_id,
                message.author_id,
                message.message_type,
                message.is_internal,
                [
                    (value.field_id, value.old_value_char, value.new_value_char)
                    for value in message.tracking_value_ids
                ],
            )
            for message in invoice.message_ids.sorted("id")
            if message.tracking_value_ids
        ]

    # --- compared -----------------------------------------------------------------

    def _write_off_and_undo(self, documents, invoices):
        """What there is after processing, and after taking all of it back."""
        for document in documents:
            document.action_process()
        processed = self._describe(documents, invoices)
        for document in documents:
            document.action_undo()
        return processed, self._describe(documents, invoices)

    def test_the_chatter_says_written_off_and_not_paid(self):
        invoice = self._invoice(self.customer, 12)
        document = self._write_off(invoice)
        document.action_undo()
        self.env.flush_all()
        self.env.cr.precommit.run()
        written, undone = invoice.message_ids.sorted("id")[-2:]
        self.assertIn("Written off: ", written.body)
        self.assertIn("Write-off undone: ", undone.body)
        for message in written | undone:
            self.assertIn(f">{document.name}</a>", message.body)
            self.assertIn("12.00", message.body)
        self.assertNotIn(self.env.ref("account.mt_invoice_paid"), invoice.message_ids.subtype_id)

    def test_all_at_once_is_one_by_one(self):
        for number in range(EXAMPLES):
            with self.subTest(number):
                self._compare(random.Random(f"{self.seed}-{number}"))

    def _compare(self, rnd):
        invoices = self._make_invoices(rnd)
        reason = rnd.choice([self.reason, self.reclaim])
        documents = self.env["ar.write.off"].union(
            *(
                self._write_off(
                    some, reason=reason, process=False, company_id=company.id, with_credits=True
                )
                for company, some in invoices.grouped("company_id").items()
            )
        )
        for line in documents.line_ids:
            if rnd.random() < 0.3:
                part = line.currency_id.round(line.amount * rnd.uniform(0.1, 0.9))
                line.amount = part or line.amount
            # Core by itself makes no item that is worth nothing in company currency: it
            # reckons another balance. The property test has them.
            vals, _pairs = line._prepare_entry()
            line.selected = all(item["balance"] for _command, _id, item in vals["line_ids"])
        documents = documents.filtered("ticked_count")
        self.env.flush_all()
        with self.env.cr.savepoint() as savepoint:
            with self._left_to_core():
                by_core = self._write_off_and_undo(documents, invoices)
            savepoint.rollback()
        self.env.invalidate_all()
        # Nothing is repeated line by line, nor left to core.
        with self.assertNoLogs(OUR_LOGS, logging.INFO):
            at_once = self._write_off_and_undo(documents, invoices)
        for theirs, ours in zip(by_core, at_once, strict=True):
            self.assertTrue(ours["entries"])
            for part, values in theirs.items():
                self.assertEqual(len(ours[part]), len(values), part)
                for mine, other in zip(ours[part], values, strict=True):
                    self.assertEqual(mine, other, part)
