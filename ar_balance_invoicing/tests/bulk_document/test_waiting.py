"""Another addon makes documents wait before their work begins, for an approval, say."""

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..throw_away import ThrowAwayAddon
from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestWaiting(ThrowAwayAddon, WriteOffCommon):
    def setUp(self):
        super().setUp()

        class WriteOff(models.Model):
            _name = "ar.write.off"
            _inherit = ["ar.write.off"]
            _module = "ar_test_addon"

            state = fields.Selection(
                selection_add=[("to_approve", "To approve")],
                ondelete={"to_approve": "set default"},
            )

            def _get_startable_states(self):
                return (*super()._get_startable_states(), "to_approve")

            def _before_start(self):
                begins = super()._before_start()
                if self.state != "draft" or self.ticked_amount <= 100:
                    return begins
                self._write_inside({"state": "to_approve"})
                return False

        self._bring(WriteOff)

    def test_what_is_above_the_limit_waits_with_a_number_and_books_nothing(self):
        invoice = self._invoice(self.customer, 150)
        document = self._write_off(invoice)
        self.assertEqual((document.state, document.entry_count), ("to_approve", 0))
        self.assertTrue(document.name, "it can be spoken of")
        self.assertEqual(invoice.amount_residual, 150)
        self.assertEqual((document.is_editable, document.is_startable), (False, True))
        for records, vals in (
            (document, {"reason_id": False}),
            (document, {"date": "2026-01-01"}),
            (document, {"note": "For whom?"}),
            (document.line_ids, {"amount": 149}),
            (document.line_ids, {"selected": False}),
        ):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                records.write(vals)
        for action in (document.line_ids.action_untick, document.action_untick_all):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                action()

    def test_the_batch_of_what_waits_is_not_closed(self):
        document = self._write_off(self._invoice(self.customer, 150))
        batch = document.batch_id
        self.assertIn(f"{document.display_name} is not processed yet (To approve)", batch.conflicts)
        with self.assertRaisesRegex(UserError, "To approve"):
            batch.action_close()
        # By whoever else: what waits is not recorded in it all the same.
        batch._write_inside({"state": "closed"})
        for approve in (document.action_process, document._start):
            with self.assertRaisesRegex(UserError, "is closed"):
                approve()
        self.assertEqual((document.state, document.entry_count), ("to_approve", 0))

    def test_the_second_start_is_the_approval(self):
        invoice = self._invoice(self.customer, 150)
        document = self._write_off(invoice)
        number = document.name
        document.action_process()
        self.assertEqual((document.state, document.name), ("done", number))
        self.assertEqual(invoice.amount_residual, 0)

    def test_what_is_below_begins_at_once(self):
        invoice = self._invoice(self.customer, 99)
        self.assertEqual(self._write_off(invoice).state, "done")
        self.assertEqual(invoice.amount_residual, 0)
