"""Charge sources of other addons: found, told what became of their charges, billed exactly."""

import inspect
import logging
import textwrap
from collections import Counter

from odoo import Command, api, fields, models
from odoo.tests import tagged

from ...models.billing.ar_charge_source import ArChargeSource
from ..billing_common import BillingCommon
from ..throw_away import ThrowAwayAddon

SOURCE = "ar.charge.source.test"


class SourceCommon(ThrowAwayAddon, BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls._make_customers("Ann", "Bob", "Cleo", "Dan", "Eve", "Fay")

    def _bring_source(self, **values):
        """A source that charges everybody a line of these values, and counts what it is told."""
        told = self.told = Counter()
        given = self.given = values

        class Source(models.AbstractModel):
            _name = SOURCE
            _inherit = ["ar.charge.source"]
            _description = "Charges of a test"
            _module = "ar_test_addon"

            @api.model
            def _get_charges(self, period, customers, options):
                currency = period.company_id.currency_id
                return [
                    self._prepare_charge(customer, currency, "Rent", 10 + number, **given)
                    for number, customer in enumerate(customers)
                ]

            @api.model
            def _charges_invoiced(self, charges):
                told["invoiced", len(charges.move_id)] += 1
                return super()._charges_invoiced(charges)

            @api.model
            def _charges_freed(self, charges):
                told["freed", len(charges.move_id)] += 1
                return super()._charges_freed(charges)

        class Profile(models.Model):
            _name = "ar.billing.profile"
            _inherit = ["ar.billing.profile"]
            _module = "ar_test_addon"

            @api.model
            def _get_charge_sources(self):
                return [*super()._get_charge_sources(), SOURCE]

        self._bring_model(Source)
        self._bring(Profile)
        return told

    def _bill(self):
        return self._run().create_invoices()


@tagged("post_install", "-at_install")
class TestChargeHooks(SourceCommon):
    def test_the_example_of_the_docstring_works_as_it_stands(self):
        text = inspect.getdoc(ArChargeSource)
        code = text[text.index("class ArChargeSourcePaper") : text.index("A source that must not")]
        code = textwrap.dedent(" " * 4 + code)
        scope = {"__name__": "odoo.addons.ar_test_addon.models", "models": models, "api": api}
        exec(code, scope)  # noqa: S102 that is what the test is about
        self._bring_model(scope["ArChargeSourcePaper"])
        self._bring(scope["ArBillingProfile"])
        self.customers[0].email = "ann@example.com"
        run = self._bill()
        self.assertEqual(run.state, "done", run.line_ids.mapped("reason"))
        totals = {move.partner_id.name: move.amount_total for move in run.invoice_ids}
        self.assertEqual(totals.pop("Ann"), 0)
        self.assertEqual(set(totals.values()), {1.5})
        names = run.invoice_ids.filtered("amount_total").invoice_line_ids.mapped("name")
        self.assertEqual(set(names), {"Invoice by post"})

    # --- what they are told -----------------------------------------------------

    def test_a_source_is_told_once_for_all(self):
        self._bring_source()
        run = self._bill()
        self.assertEqual(self.told, {("invoiced", 6): 1})
        run.action_undo()
        self.assertEqual(run.state, "undone")
        self.assertEqual(self.told, {("invoiced", 6): 1, ("freed", 6): 1})

    def test_deleting_cancelling_and_taking_back_are_told(self):
        self._bring_source()
        run = self._bill()
        first, second, third = run.invoice_ids[:3]
        self.told.clear()
        first.unlink()
        self.assertEqual(self.told, {("freed", 1): 1})
        (second | third).button_cancel()
        self.assertEqual(self.told, {("freed", 1): 1, ("freed", 2): 1})
        self.told.clear()
        second.button_draft()
        self.assertEqual(self.told, {("invoiced", 1): 1})
        second.unlink()
        third.unlink()
        self.assertEqual(
            self.told, {("invoiced", 1): 1, ("freed", 1): 1}, "a cancelled one was freed already"
        )

    def test_confirming_and_taking_back_to_draft_change_nothing(self):
        self._bring_source()
        invoice = self._bill().invoice_ids[0]
        self.told.clear()
        invoice.action_post()
        invoice.button_draft()
        self.assertFalse(self.told)

    def test_regenerating_frees_and_charges_again(self):
        self._bring_source()
        run = self._bill()
        self.told.clear()
        run.invoice_ids.action_regenerate()
        self.assertEqual(self.told, {("freed", 6): 1, ("invoiced", 6): 1})

    def test_who_finds_his_customer_billed_charges_nothing(self):
        self._bring_source()
        first, second = self._run(), self._run()
        first.create_invoices()
        second.create_invoices()
        self.assertEqual(self.told, {("invoiced", 6): 1})
        second.invoice_ids.unlink()
        first.invoice_ids.unlink()
        self.assertEqual(self.told, {("invoiced", 6): 1, ("freed", 6): 1})

    # --- exact, and quick -------------------------------------------------------

    def _assert_as_by_hand(self, run, **line):
        """Preview and invoice are what somebody types who makes the invoice by hand."""
        for candidate in run.line_ids:
            invoice = candidate.move_id
            by_hand = self.env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": invoice.partner_id.id,
                    "invoice_date": invoice.invoice_date,
                    "currency_id": invoice.currency_id.id,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Rent",
                                "product_id": False,
                                "price_unit": candidate.charge_ids.price_unit,
                                "tax_ids": [Command.set(candidate.charge_ids.tax_ids.ids)],
                                **line,
                            }
                        )
                    ],
                }
            )
            for name in ("amount_untaxed", "amount_tax", "amount_total"):
                self.assertEqual(invoice[name], by_hand[name], name)
            self.assertEqual(candidate.amount_total, by_hand.amount_total)
            self.assertEqual(candidate.amount_charge, by_hand.amount_untaxed)

    def test_a_discount_is_billed_to_the_cent(self):
        included = self.tax_sale_a.copy({"name": "In", "price_include_override": "tax_included"})
        self._bring_source(discount=33.33, quantity=3)
        for taxes in (self.tax_sale_a, self.tax_sale_a | self.tax_sale_b, included):
            with self.subTest(taxes=taxes.mapped("name")):
                self.given["tax_ids"] = taxes.ids
                run = self._bill()
                self.assertEqual(run.state, "done", run.line_ids.mapped("reason"))
                self._assert_as_by_hand(run, discount=33.33, quantity=3)
                run.action_undo()

    def test_any_value_of_the_line_arrives_and_is_made_quickly(self):
        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"

            x_route = fields.Char()

        dozen = self.env.ref("uom.product_uom_dozen")
        self._bring(Line)
        self._bring_source(line_values={"x_route": "North", "product_uom_id": dozen.id})
        with self.assertLogs("odoo.addons.ar_balance_invoicing", logging.INFO) as logs:
            run = self._bill()
        self.assertEqual(run.state, "done", run.line_ids.mapped("reason"))
        lines = run.invoice_ids.invoice_line_ids
        self.assertEqual(lines.mapped("x_route"), ["North"] * 6)
        self.assertEqual(lines.product_uom_id, dozen)
        left = "2 invoices left to core (1: first of a kind; 1: second of a kind, to compare with)"
        self.assertTrue(any(left in text for text in logs.output), logs.output)

    def test_what_a_line_does_not_take_fails_its_customers_only(self):
        self._bring_source(line_values={"x_nothing": 1}, discount=120)
        run = self._run()
        run.create_invoices()
        self.assertEqual(set(run.line_ids.mapped("state")), {"failed"})
        self.assertIn(f"its source ({SOURCE})", run.line_ids[0].reason)
        self.assertIn("discount = 120, x_nothing", run.line_ids[0].reason)
