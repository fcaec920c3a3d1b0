"""Forms in the middle of being filled in: nothing of ours falls over."""

from odoo import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import Form, tagged

from ..access_common import MODULE, EveryModelCommon


@tagged("post_install", "-at_install")
class TestIncompleteRecords(EveryModelCommon):
    """Every field of ours is read on records that have next to nothing yet."""

    def _get_own_fields(self, model):
        own = model._original_module == MODULE
        return [name for name, field in model._fields.items() if own or MODULE in field._modules]

    def _read_all(self, record, story):
        for name in self._get_own_fields(record):
            with self.subTest(model=record._name, field=name, story=story):
                record.mapped(name)

    def _empty_in_turn(self, record):
        """The record in a form, with each of its links emptied: one at a time, then all."""
        links = [
            name
            for name, field in record._fields.items()
            if field.type == "many2one" and (field.store or field.inverse)
            if name not in MAGIC_COLUMNS
        ]
        for name in links:
            form = record.new(origin=record)
            form[name] = False
            self._read_all(form, f"{name} emptied")
        form = record.new(origin=record)
        for name in links:
            form[name] = False
        self._read_all(form, "all links emptied")

    def test_there_is_one_of_each(self):
        concrete = {model._name for model in self._get_own_models() if not model._abstract}
        self.assertEqual(set(self.records), concrete)

    def test_records_that_are_empty(self):
        for model in [*self._get_own_models(), *self._get_extended_models()]:
            if model._name.startswith("account.move.send"):
                # Core opens its windows of sending from an invoice, and nowhere else.
                invoice = self.records["ar.write.off.line"].move_id
                model = model.with_context(active_model="account.move", active_ids=invoice.ids)
            if not model._abstract:
                self._read_all(model.new({}), "new and empty")
                self._read_all(model.new(model.default_get(list(model._fields))), "new")
                self._read_all(model.browse(), "none at all")

    def test_own_records_with_each_link_emptied(self):
        for record in self.records.values():
            self._read_all(record, "complete")
            self._empty_in_turn(record)

    def test_records_of_core_with_each_link_emptied(self):
        invoice = self.records["ar.billing.run.line"].move_id
        written_off = self.records["ar.write.off.line"].move_id
        records = [
            *(invoice, written_off, self._invoice(self.anna, 5, post=False)),
            *(invoice.line_ids[0], invoice.partner_id, self.company, self.env.user),
            *(self.pickup.categ_id, self.loss, self.company_data["default_journal_misc"]),
            self.env["res.config.settings"].create({}),
        ]
        # Reports that are questions to the database have no records to be emptied.
        extended = {
            model._name
            for model in self._get_extended_models()
            if not model._abstract and model._auto
        }
        stored = {name for name in extended if self._get_own_fields(self.env[name])}
        self.assertLessEqual(stored, {record._name for record in records})
        for record in records:
            self._empty_in_turn(record)


@tagged("post_install", "-at_install")
class TestInvoiceForm(EveryModelCommon):
    """Core's invoice form, as people type in it."""

    def _assert_currency_may_be_emptied(self, form):
        form.currency_id = self.env["res.currency"]
        with self.assertRaisesRegex(AssertionError, "currency_id is a required field"):
            form.save()
        form.currency_id = self.company.currency_id
        return form.save()

    def test_the_currency_of_a_new_invoice_is_emptied_and_chosen_again(self):
        for move_type in ("out_invoice", "out_refund", "in_invoice"):
            with self.subTest(move_type=move_type):
                moves = self.env["account.move"].with_context(default_move_type=move_type)
                form = Form(moves)
                form.partner_id = self.anna
                with form.invoice_line_ids.new() as line:
                    line.name = "Pick-up"
                    line.price_unit = 12
                if move_type == "in_invoice":
                    form.invoice_date = self.today
                invoice = self._assert_currency_may_be_emptied(form)
                self.assertTrue(invoice.amount_total)

    def test_the_currency_of_a_draft_is_emptied_and_chosen_again(self):
        draft = self._invoice(self.anna, 12, post=False)
        self.assertEqual(self._assert_currency_may_be_emptied(Form(draft)).amount_total, 12)

    def test_the_customer_of_a_draft_is_emptied(self):
        draft = self._invoice(self.anna, 12, post=False)
        with Form(draft) as form:
            form.partner_id = self.env["res.partner"]
            form.partner_id = self.bert
        self.assertEqual(draft.partner_id, self.bert)

    def test_emptied_by_the_screen_itself(self):
        """What the web client sends, with all fields of ours asked for."""
        draft = self._invoice(self.anna, 12, post=False)
        fields = {name: {} for name in draft._fields if MODULE in draft._fields[name]._modules}
        for name in ("currency_id", "partner_id", "journal_id"):
            with self.subTest(name=name):
                values = {name: False, "move_type": "out_invoice"}
                draft.onchange(values, [name], {name: {}, "amount_total": {}, **fields})
                self.env["account.move"].onchange(
                    {**values, "invoice_line_ids": [Command.create({"price_unit": 1})]},
                    [name],
                    {name: {}, "amount_total": {}, **fields},
                )
