"""Charge sources of other addons: found, told what became of their charges, billed exactly."""

import inspect
import logging
import textwrap
from collections import Counter
from datetime import date

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tests import tagged

from ...models.billing.ar_charge_source import ArChargeSource
from ..billing_common import BillingCommon
from ..throw_away import ThrowAwayAddon

SOURCE = "ar.charge.source.test"
MAKER_LOGS = "odoo.addons.ar_balance_invoicing.models.shortcuts.ar_shortcuts"


class SourceCommon(ThrowAwayAddon, BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls._make_customers("Ann", "Bob", "Cleo", "Dan", "Eve", "Fay")

    def _bring_source(self, **values):
        """A source that charges everybody a line of these values, and counts what it is told."""
        told = self.told = Counter()
        users = self.users = []
        given = self.given = values
        # Other values by customer.
        wrong = self.wrong = {}
        # A price of his own for each, whoever he is asked for with.
        prices = {customer.id: 10 + number for number, customer in enumerate(self.customers)}

        class Source(models.AbstractModel):
            _name = SOURCE
            _inherit = ["ar.charge.source"]
            _description = "Charges of a test"
            _module = "ar_test_addon"

            @api.model
            def _get_charges(self, period, customers, options):
                currency = period.company_id.currency_id
                return [
                    {
                        **self._prepare_charge(
                            customer, currency, "Rent", prices.get(customer.id, 10), **given
                        ),
                        **wrong.get(customer.id, {}),
                    }
                    for customer in customers
                ]

            @api.model
            def _charges_invoiced(self, charges):
                users.append(self.env.user)
                if given.get("refuses"):
                    raise UserError(self.env._("The tip is closed."))
                told["invoiced", len(charges.move_id)] += 1
                return super()._charges_invoiced(charges)

            @api.model
            def _charges_freed(self, charges):
                users.append(self.env.user)
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
        code = self._get_example()
        scope = {"__name__": "odoo.addons.ar_test_addon.models"}
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
        run.action_undo()
        self.assertEqual(run.state, "undone")
        self.assertFalse(run.invoice_ids)
        self.assertEqual(len(self._bill().invoice_ids), 6, "and once more")

    def _get_example(self):
        """What is indented below the first ``::``, as somebody copies it."""
        _before, _colons, rest = inspect.getdoc(ArChargeSource).partition("::\n")
        lines = rest.splitlines()
        end = next(n for n, line in enumerate(lines) if line and not line.startswith("    "))
        return textwrap.dedent("\n".join(lines[:end]))

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

    def test_regenerating_leaves_the_list_of_another_run_alone(self):
        """A run that found its customers billed names the same invoices."""
        self._bring_source()
        first, second = self._run(), self._run()
        first.create_invoices()
        second.create_invoices()
        self.assertEqual(second.line_ids.move_id, first.invoice_ids)
        listed = second.line_ids.charge_ids
        self.told.clear()
        first.invoice_ids.action_regenerate()
        self.assertEqual(self.told, {("freed", 6): 1, ("invoiced", 6): 1})
        self.assertEqual(second.line_ids.charge_ids, listed)
        for line in first.line_ids:
            self.assertEqual(len(line.move_id.invoice_line_ids), 1, "no line twice")
            self.assertEqual(line.move_id.amount_total, line.amount_total)

    def test_each_chunk_is_told_once(self):
        self._bring_source()
        self.patch(type(self.env["ar.billing.run"]), "_chunk_size", 4)
        self._bill()
        self.assertEqual(self.told, {("invoiced", 4): 1, ("invoiced", 2): 1})

    def test_a_source_that_refuses_keeps_the_invoices(self):
        """What it raises is said of the customers, and nothing is made or undone."""
        self._bring_source(refuses=True)
        run = self._bill()
        self.assertEqual(set(run.line_ids.mapped("state")), {"failed"})
        self.assertEqual(set(run.line_ids.mapped("reason")), {"The tip is closed."})
        self.assertFalse(run.invoice_ids)

    def test_a_clerk_is_told_of_in_his_own_name(self):
        self._bring_source()
        clerk = self._make_user("clerk", "account.group_account_invoice")
        run = self._as(clerk, self._run())
        run.create_invoices()
        run.invoice_ids[0].unlink()
        run.invoice_ids[0].button_cancel()
        run.action_undo()
        self.assertEqual(set(self.users), {clerk})
        self.assertEqual(self.told, {("invoiced", 6): 1, ("freed", 1): 2, ("freed", 4): 1})

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
        self.assertEqual(run.state, "done", run.line_ids.mapped("reason"))
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
            self.assertEqual(self._get_items(invoice), self._get_items(by_hand))
            for name in ("amount_untaxed", "amount_tax", "amount_total", "amount_total_signed"):
                self.assertEqual(invoice[name], by_hand[name], name)
            self.assertEqual(candidate.amount_total, by_hand.amount_total)
            self.assertEqual(candidate.amount_charge, by_hand.amount_untaxed)

    def _get_items(self, invoice):
        return [
            (line.display_type, line.account_id, line.amount_currency, line.balance)
            for line in invoice.line_ids.sorted("id")
        ]

    def test_a_discount_is_billed_to_the_cent(self):
        included = self.tax_sale_a.copy({"name": "In", "price_include_override": "tax_included"})
        both = self.tax_sale_a | self.tax_sale_b
        parameters = self.env["ir.config_parameter"].sudo()
        self._bring_source(discount=33.33, quantity=3)
        for taxes in (self.tax_sale_a, both, included):
            for currency in (self.company.currency_id, self.foreign):
                for shortcuts in ("invoices", "off"):
                    parameters.set_param("ar_balance_invoicing.shortcuts", shortcuts)
                    self.given.update(tax_ids=taxes.ids, currency_id=currency.id)
                    case = (taxes.mapped("name"), currency.name, shortcuts)
                    with self.subTest(case=case):
                        run = self._bill()
                        self.assertEqual(run.line_ids.currency_id, currency)
                        self._assert_as_by_hand(run, discount=33.33, quantity=3)
                        self.assertEqual(
                            set(run.invoice_ids.line_ids.mapped("discount")), {0, 33.33}
                        )
                        run.action_undo()

    def test_a_discount_that_is_booked_apart_is_booked_by_core(self):
        """Then core makes a line more, with the discount given or not."""
        expense = self.company_data["default_account_expense"]
        self.company.account_discount_expense_allocation_id = expense
        self._bring_source(discount=10)
        run = self._bill()
        self._assert_as_by_hand(run, discount=10)
        self.assertIn(expense, run.invoice_ids[-1].line_ids.account_id)

    def test_any_value_of_the_line_arrives_and_is_made_quickly(self):
        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"

            x_route = fields.Char()
            x_day = fields.Date()
            x_driver_id = fields.Many2one("res.partner")
            x_trip = fields.Json()

        dozen = self.env.ref("uom.product_uom_dozen")
        driver = self.env["res.partner"].create({"name": "Driver"})
        self._bring(Line)
        self._bring_source(
            line_values={
                "x_route": "North",
                "x_day": "2026-01-31",
                "x_driver_id": driver.id,
                "x_trip": {"stops": [1, 2]},
                "product_uom_id": dozen.id,
            },
            discount=5,
        )
        left = "2 invoices left to core (1: first of a kind; 1: second of a kind, to compare with)"
        parameters = self.env["ir.config_parameter"].sudo()
        for shortcuts, text in (("invoices", left), ("off", "6: switched off by")):
            parameters.set_param("ar_balance_invoicing.shortcuts", shortcuts)
            with self.subTest(shortcuts), self.assertLogs(MAKER_LOGS, logging.INFO) as logs:
                run = self._bill()
                self.assertEqual(run.state, "done", run.line_ids.mapped("reason"))
                self.assertIn(text, " ".join(logs.output))
                lines = run.invoice_ids.invoice_line_ids
                self.assertEqual(lines.mapped("x_route"), ["North"] * 6)
                self.assertEqual(set(lines.mapped("x_day")), {date(2026, 1, 31)})
                self.assertEqual(lines.x_driver_id, driver)
                self.assertEqual(lines.mapped("x_trip"), [{"stops": [1, 2]}] * 6)
                self.assertEqual(lines.product_uom_id, dozen)
                run.action_undo()

    def test_what_a_line_does_not_take_fails_its_customers_only(self):
        """Whatever a source gives: the others are billed, and the sentence names the source."""
        ann, bob, *_others = self.customers
        cases = (
            ({"discount": 120}, "(discount = 120)"),
            ({"discount": "much"}, "(discount = 'much')"),
            ({"line_values": {"x_nothing": 1}}, "(x_nothing = 1)"),
            ({"line_values": {"price_unit": 1}}, "(price_unit = 1)"),
            ({"line_values": {"x_nothing": 1}, "discount": -1}, "(discount = -1, x_nothing = 1)"),
            ({"line_values": {"is_imported": object}}, "(is_imported = <class 'object'>)"),
            ({"line_values": {"product_uom_id": "dozen"}}, "(product_uom_id = 'dozen')"),
            ({"line_values": ["x_nothing"]}, "(line_values = ['x_nothing'])"),
            ({"source_data": {1, 2}}, "(source_data = {1, 2})"),
            ({"price_unit": None}, "(price_unit = None)"),
            ({"name": ""}, "(name = '')"),
        )
        self._bring_source()
        for values, wrong in cases:
            with self.subTest(wrong):
                self.wrong.clear()
                self.wrong[ann.id] = values
                run = self._bill()
                failed = run.line_ids.filtered(lambda line: line.state == "failed")
                self.assertEqual(failed.partner_id, ann)
                self.assertIn(f"its source ({SOURCE})", failed.reason)
                self.assertIn(wrong, failed.reason)
                self.assertEqual(len(run.invoice_ids), 5)
                self.assertIn(bob, run.invoice_ids.partner_id)
                run.action_undo()
