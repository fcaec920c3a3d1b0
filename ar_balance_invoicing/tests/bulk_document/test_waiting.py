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
        with self.assertRaisesRegex(UserError, "stays as it is"):
            document.write({"reason_id": False})

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
