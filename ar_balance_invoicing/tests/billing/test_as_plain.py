"""What a run bills is, to the cent, what a person would get who types the invoice by hand."""

import logging
import random

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..billing_common import BillingCommon
from ..common import new_seed

_logger = logging.getLogger(__name__)
EXAMPLES = 3
HEAD = [
    *("move_type", "partner_id", "partner_shipping_id", "commercial_partner_id", "currency_id"),
    *("journal_id", "fiscal_position_id", "invoice_payment_term_id"),
    *("partner_bank_id", "invoice_user_id", "invoice_incoterm_id", "invoice_cash_rounding_id"),
    *("preferred_payment_method_line_id", "invoice_currency_rate", "narration"),
    *("amount_untaxed", "amount_tax", "amount_total", "amount_total_signed"),
]
ITEM = [
    *("display_type", "account_id", "partner_id", "product_id", "product_uom_id", "quantity"),
    *("price_unit", "discount", "tax_ids", "tax_line_id", "tax_repartition_line_id"),
    *("tax_tag_ids", "date_maturity", "balance", "amount_currency", "price_total"),
]


class PlainCommon(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.abroad = cls.env.ref("base.be")
        cls.home = cls.company.account_fiscal_country_id
        cls.included = cls._make_tax("20 % included", 20, price_include_override="tax_included")

    @classmethod
    def _make_tax(cls, name, amount, **values):
        return cls.env["account.tax"].create(
            {
                "name": name,
                "amount": amount,
                "type_tax_use": "sale",
                "company_id": cls.company.id,
                **values,
            }
        )

    @classmethod
    def _make_position(cls, name, taxes=None, **values):
        """A fiscal position; ``taxes`` says which tax it makes of which."""
        position = cls.env["account.fiscal.position"].create(
            {"name": name, "company_id": cls.company.id, **values}
        )
        for source, target in (taxes or {}).items():
            target.write(
                {
                    "fiscal_position_ids": [Command.link(position.id)],
                    "original_tax_ids": [Command.link(source.id)],
                }
            )
        return position

    @classmethod
    def _make_product(cls, price, taxes=(), **values):
        return cls.env["product.product"].create(
            {
                "name": "Rent",
                "type": "service",
                "list_price": price,
                "taxes_id": [Command.set([tax.id for tax in taxes])],
                "property_account_income_id": cls.company_data["default_account_revenue"].id,
                **values,
            }
        )

    @classmethod
    def _make_address(cls, customer, kind, **values):
        return cls.env["res.partner"].create(
            {"name": kind, "type": kind, "parent_id": customer.id, **values}
        )

    # --- what a person would type -------------------------------------------------

    def _type(self, customer, lines, currency=None, refund=False):
        """A draft typed into core's own form: customer, date, and lines.

        :param lines: ``[(product, {field: value})]``
        """
        contact = self.env["res.partner"].browse(customer.address_get(["invoice"])["invoice"])
        moves = self.env["account.move"].with_context(
            default_move_type="out_refund" if refund else "out_invoice"
        )
        with Form(moves) as form:
            form.partner_id = contact
            form.invoice_date = self.today
            if currency and currency != self.company.currency_id:
                form.currency_id = currency
            for product, values in lines:
                with form.invoice_line_ids.new() as line:
                    line.product_id = product
                    for name, value in values.items():
                        setattr(line, name, value)
        return form.record

    def _bill(self, *customers, **options):
        """``{customer: its line}`` of a run that is done."""
        run = self._run(invoice_date=self.today, **options)
        lines = {customer: self._line(run, customer) for customer in customers}
        reviewed = {line: line.amount_total for line in run.line_ids}
        run.create_invoices()
        self.assertEqual(run.line_ids.filtered("reason").mapped("reason"), [])
        for line, total in reviewed.items():
            signed = line.move_id.amount_total_in_currency_signed
            self.assertEqual(line.currency_id.compare_amounts(signed, total), 0)
        return lines

    def _describe(self, move):
        items = [self._read(line, ITEM) for line in move.line_ids]
        head = self._read(move, HEAD)
        # Core's form sometimes leaves today's date where the instalments are due later.
        due = max(day for day in move.line_ids.mapped("date_maturity") if day)
        self.assertIn(move.invoice_date_due, (due, self.today))
        return {**head, "due": due}, sorted(items, key=repr)

    def _read(self, record, names):
        values = {}
        for name in names:
            field, value = record._fields[name], record[name]
            if field.type == "monetary":
                value = round(value, 6) + 0.0
            elif field.type == "float":
                value = round(value, 9) + 0.0
            elif field.relational:
                value = sorted(value.ids)
            values[name] = str(value) if name == "narration" else value
        return values

    def _assert_as_plain(self, invoice, plain):
        ours, theirs = self._describe(invoice), self._describe(plain)
        self.assertEqual(ours[0], theirs[0])
        self.assertEqual(ours[1], theirs[1])


@tagged("post_install", "-at_install")
class TestAsPlain(PlainCommon):
    # --- decimals -------------------------------------------------------------

    def test_prices_keep_all_their_decimals(self):
        product = self._make_product(1)
        cases = [(10000, 0.00325, 32.50), (1234, 0.0149, 18.39), (0.5, 1e-05, 0.0), (3, 9.999, 30)]
        customers = self._make_customers(*(f"Tiny {price}" for _many, price, _total in cases))
        for customer, (quantity, price, _total) in zip(customers, cases, strict=True):
            self._serve(
                customer,
                price,
                quantity=quantity,
                product_id=product.id,
                tax_ids=[Command.clear()],
            )
        lines = self._bill(*customers)
        for customer, (quantity, price, total) in zip(customers, cases, strict=True):
            with self.subTest(price=price):
                invoice = lines[customer].move_id
                self.assertEqual(lines[customer].charge_ids.invoice_price, price)
                self.assertEqual(invoice.amount_total, total)
                plain = self._type(
                    customer, [(product, {"quantity": quantity, "price_unit": price})]
                )
                self._assert_as_plain(invoice, plain)

    def test_a_tiny_price_is_not_nothing_owed(self):
        (customer,) = self._make_customers("Tiny")
        self._serve(customer, 0.00325, quantity=10000, tax_ids=[Command.clear()])
        line = self._line(self._run(), customer)
        self.assertEqual((line.amount_total, line.balance_class), (32.50, "service_only"))

    # --- fiscal positions -----------------------------------------------------

    def test_the_delivery_address_decides_about_taxes(self):
        nothing = self._make_tax("Export", 0)
        self._make_position(
            "Export",
            {self.tax_sale_a: nothing},
            auto_apply=True,
            country_id=self.abroad.id,
            sequence=1,
        )
        away, near, alike = self._make_customers(
            "Delivered away", "At home", "Alike", country_id=self.home.id
        )
        address = self._make_address(away, "delivery", country_id=self.abroad.id)
        for customer in away | near | alike:
            self._serve(customer, product_id=self.pickup.id, price=100)
        lines = self._bill(away, near, alike)
        self.assertEqual(lines[away].move_id.partner_shipping_id, address)
        self.assertEqual(
            [lines[who].move_id.amount_tax for who in (away, near, alike)], [0, 15, 15]
        )
        for customer, line in lines.items():
            plain = self._type(customer, [(self.pickup, {"price_unit": 100})])
            self._assert_as_plain(line.move_id, plain)

    def test_a_position_set_by_hand_on_any_contact(self):
        nothing = self._make_tax("None", 0)
        by_hand = self._make_position("By hand", {self.tax_sale_a: nothing})
        other = self._make_position("Another", {self.tax_sale_a: self._make_tax("Half", 7.5)})
        company, delivered, invoiced, neither = self._make_customers(
            *("On company", "On delivery", "On invoices", "On none"), country_id=self.home.id
        )
        company.property_account_position_id = by_hand
        delivered.property_account_position_id = other
        self._make_address(delivered, "delivery").property_account_position_id = by_hand
        self._make_address(invoiced, "invoice").property_account_position_id = other
        self._make_address(neither, "other").property_account_position_id = other
        customers = company | delivered | invoiced | neither
        for customer in customers:
            self._serve(customer, 100)
        for customer, line in self._bill(*customers).items():
            with self.subTest(customer.name):
                plain = self._type(customer, [(self.pickup, {"price_unit": 100})])
                self._assert_as_plain(line.move_id, plain)
                self.assertEqual(line.fiscal_position_id, plain.fiscal_position_id)

    def test_a_tax_number_that_is_valid_or_not(self):
        """Of two customers alike but for a valid number, only one is billed without tax."""
        nothing = self._make_tax("Reverse charge", 0)
        self._make_position(
            "Reverse charge",
            {self.tax_sale_a: nothing},
            auto_apply=True,
            vat_required=True,
            country_id=self.abroad.id,
            sequence=1,
        )
        self._make_position(
            "Abroad",
            {self.tax_sale_a: self._make_tax("Abroad", 21)},
            auto_apply=True,
            country_id=self.abroad.id,
            sequence=2,
        )
        customers = self._make_customers(
            "Valid", "Invalid", "None", "Valid, too", country_id=self.abroad.id
        )
        customers[:2].vat = customers[3].vat = "BE0477472701"
        invalid = customers[1]
        partners = type(self.env["res.partner"])
        original = partners._get_vat_required_valid

        def looked_up(partner, company=None):
            return partner != invalid and original(partner, company=company)

        self.patch(partners, "_get_vat_required_valid", looked_up)
        for customer in customers:
            self._serve(customer, 100)
        lines = self._bill(*customers)
        self.assertEqual([lines[who].move_id.amount_tax for who in customers], [0, 21, 21, 0])
        for customer, line in lines.items():
            plain = self._type(customer, [(self.pickup, {"price_unit": 100})])
            self._assert_as_plain(line.move_id, plain)

    def test_another_addon_chooses_positions_its_own_way(self):
        """Then core is asked for each customer, whatever it depends on."""
        nothing = self._make_tax("None", 0)
        position = self._make_position(
            "Odd ones", {self.tax_sale_a: nothing}, auto_apply=True, sequence=1
        )
        self._make_position("All", auto_apply=True, sequence=2)
        customers = self._make_customers("One", "Two", "Three", country_id=self.home.id)
        odd = customers[::2]
        positions = type(self.env["account.fiscal.position"])
        original = positions._get_fpos_validation_functions

        def of_an_addon(records, partner):
            mine = [lambda one: one != position or partner in odd]
            return original(records, partner) + mine

        self.patch(positions, "_get_fpos_validation_functions", of_an_addon)
        for customer in customers:
            self._serve(customer, 100)
        for customer, line in self._bill(*customers).items():
            plain = self._type(customer, [(self.pickup, {"price_unit": 100})])
            self.assertEqual(plain.fiscal_position_id == position, customer in odd)
            self._assert_as_plain(line.move_id, plain)

    def test_a_tax_that_is_the_income_accounts(self):
        """Of a product without taxes, core takes those of its account."""
        account = self.company_data["default_account_revenue"].copy()
        account.tax_ids = self._make_tax("On the account", 11)
        product = self._make_product(10, property_account_income_id=account.id)
        (customer,) = self._make_customers("Account")
        self._serve(customer, 10, product_id=product.id)
        invoice = self._bill(customer)[customer].move_id
        self.assertEqual(invoice.amount_total, 11.1)
        self._assert_as_plain(invoice, self._type(customer, [(product, {})]))

    def test_a_branch_bills_as_its_invoices_are_typed(self):
        """With its parent's taxes, from which core converts no price."""
        product = self._make_product(120, self.included)
        removing = self._make_position("Removes all")
        moved, stays = self._make_customers("Moved", "Stays")
        branch = self.env(context={**self.env.context, "allowed_company_ids": self.branch.ids})
        profile = self._make_profile("Of the branch", company_id=self.branch.id)
        (moved | stays).with_env(branch).billing_profile_id = profile
        moved.with_env(branch).property_account_position_id = removing
        for customer in moved | stays:
            self._serve(customer, 120, product_id=product.id, company_id=self.branch.id)
        period = profile.period_ids.filtered(
            lambda period: period.date_from <= self.today <= period.date_to
        )
        run = self._run(period, invoice_date=self.today)
        run.create_invoices()
        self.env = branch
        for customer in moved | stays:
            invoice = self._line(run, customer).move_id.with_env(branch)
            self._assert_as_plain(invoice, self._type(customer.with_env(branch), [(product, {})]))

    def test_positions_cost_the_same_number_of_queries_for_few_and_for_many(self):
        self._make_position(
            "Here", auto_apply=True, country_id=self.home.id, zip_from="1000", zip_to="5999"
        )
        self.company.vat = "BE0477472701"
        costs = []
        for count in (5, 40):
            customers = self._make_customers(
                *(f"C{count}-{number}" for number in range(count)), country_id=self.home.id
            )
            for number, customer in enumerate(customers):
                customer.zip, customer.vat = str(1000 + number), f"US{count}{number}"
                self._make_address(customer, "delivery", country_id=self.home.id, zip=str(number))
                self._make_address(customer, "invoice")
                self._serve(customer)
            self._run()
            cost = [self._count_queries(self._run)]
            # As a chunk has them, which lives longer than the cache.
            lines = self.env["ar.billing.run.line"].browse(self._run().line_ids.ids)
            cost.append(self._count_queries(lines._prepare_invoices))
            costs.append(cost)
        for few, many in zip(*costs, strict=True):
            self.assertLessEqual(many - few, 12, costs)

    # --- taxes that a price includes ------------------------------------------

    def test_an_included_tax_that_is_mapped_away(self):
        """120 with 20 % in it are 100 where the position takes the tax away; also by the day."""
        other = self._make_tax("5 % included", 5, price_include_override="tax_included")
        added = self._make_tax("10 % added", 10, price_include_override="tax_excluded")
        targets = {"0 %": self._make_tax("0 %", 0), "5 % in it": other, "10 % on it": added}
        product = self._make_product(120, self.included)
        totals = {"0 %": 100, "5 % in it": 105, "10 % on it": 110, "removed": 100, "kept": 120}
        customers = {}
        for name in totals:
            (customer,) = self._make_customers(name)
            customers[name] = customer
            self._serve(customer, product_id=product.id, price=120)
            if name == "removed":
                customer.property_account_position_id = self._make_position(name)
            elif name in targets:
                customer.property_account_position_id = self._make_position(
                    name, {self.included: targets[name]}
                )
        run = self._run(invoice_date=self.today)
        for name, customer in customers.items():
            self.assertEqual(self._line(run, customer).amount_total, totals[name])
        for customer, line in self._bill(*customers.values()).items():
            with self.subTest(customer.name):
                self.assertEqual(line.move_id.amount_total, totals[customer.name])
                self.assertEqual(
                    line.charge_ids.invoice_price, line.move_id.invoice_line_ids.price_unit
                )
                self._assert_as_plain(line.move_id, self._type(customer, [(product, {})]))

    # --- terms ----------------------------------------------------------------

    def test_the_customers_own_terms_come_first(self):
        week, month = self._make_term("7 days", [(100, 7)]), self.term_30
        self.profile.payment_term_id = month
        own, none = self._make_customers("Own", "None")
        contact = self._make_address(own, "invoice")
        own.property_payment_term_id = week
        for customer in own | none:
            self._serve(customer)
        lines = self._bill(own, none)
        self.assertEqual(lines[own].move_id.partner_id, contact)
        terms = [lines[customer].move_id.invoice_payment_term_id for customer in (own, none)]
        self.assertEqual(terms, [week, month])
        self.profile.terms_for_all = True
        lines[own].move_id.action_regenerate()
        self.assertEqual(lines[own].move_id.invoice_payment_term_id, month)
        self.assertEqual((lines[own].move_id.invoice_date_due - self.today).days, 30)
        self.profile.terms_for_all = False
        own.property_payment_term_id = False
        lines[own].move_id.action_regenerate()
        self.assertEqual(lines[own].move_id.invoice_payment_term_id, month)

    # --- totals that core alone knows -------------------------------------------

    def test_what_else_decides_about_a_total(self):
        """A rounding of cash that is everybody's default; terms that take off tax early."""
        term = self._make_term("2 % early", [(100, 30)])
        term.write(
            {
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "early_pay_discount_computation": "mixed",
            }
        )
        early, late = self._make_customers("Early", "Late")
        early.property_payment_term_id = term
        for customer in early | late:
            self._serve(customer, 33.33)
        typed = [(self.pickup, {"price_unit": 33.33})]
        for rounding in (None, "add_invoice_line", "biggest_tax"):
            with self.subTest(rounding):
                if rounding:
                    method = self.env["account.cash.rounding"].create(
                        {
                            "name": rounding,
                            "strategy": rounding,
                            "rounding": 0.05,
                            "profit_account_id": self.company_data["default_account_revenue"].id,
                            "loss_account_id": self.company_data["default_account_expense"].id,
                        }
                    )
                    self.env["ir.default"].set(
                        "account.move", "invoice_cash_rounding_id", method.id
                    )
                lines = self._bill(early, late)
                for customer, line in lines.items():
                    self._assert_as_plain(line.move_id, self._type(customer, typed))
                for line in lines.values():
                    line.move_id.unlink()

    # --- credit notes ---------------------------------------------------------

    def test_charges_below_zero_make_a_credit_note(self):
        (customer,) = self._make_customers("Credit")
        self._serve(customer, -50, tax_ids=[Command.clear()])
        line = self._line(self._run(invoice_date=self.today), customer)
        self.assertEqual((line.amount_total, line.balance_class), (-50, "credit"))
        line = self._bill(customer)[customer]
        note = line.move_id
        self.assertEqual((note.move_type, note.amount_total), ("out_refund", 50))
        self.assertEqual(
            (note.invoice_line_ids.quantity, note.invoice_line_ids.price_unit), (1, 50)
        )
        self.assertEqual((note.state, note.balance_class), ("draft", "credit"))
        self.assertEqual((note.previous_balance, note.amount_due_account), (0, -50))
        found = self.env["account.move"].search(line.document_id.action_view_invoices()["domain"])
        self.assertIn(note, found)
        again = self._line(self._run(invoice_date=self.today), customer)
        self.assertEqual((again.state, again.amount_total), ("skipped", -50))
        note.action_post()
        self.env.flush_all()
        self.assertEqual(note.state, "posted")
        self.assertEqual(self._balances(customer)[customer], -50)
        note.invalidate_recordset()
        self.assertEqual(note.balance_class, "credit")
        self.assertIn(note, note.search([("balance_class", "=", "credit")]))
        self.assertNotIn(note, note.search([("balance_class", "!=", "credit")]))
        with self.assertRaises(UserError):
            note.action_regenerate()

    def test_a_credit_note_has_the_signs_of_all_lines_turned(self):
        """With taxes of every kind, as somebody types it who turns the signs himself."""
        per_piece = self._make_tax("Per piece", 0.33, amount_type="fixed")
        product = self._make_product(1, self.included | per_piece)
        (customer,) = self._make_customers("Mixed")
        services = [
            (self.pickup, -2, 100),
            (self.pickup, 3, 10.07),
            (product, -1, 59.99),
            (product, 1, -7.77),
            (self.pickup, 1, -0.01),
            (product, 2, 0),
        ]
        for bought, quantity, price in services:
            self._serve(customer, price, quantity=quantity, product_id=bought.id)
        for rounding in ("round_per_line", "round_globally"):
            self.company.tax_calculation_rounding_method = rounding
            with self.subTest(rounding):
                note = self._bill(customer)[customer].move_id
                self.assertEqual(note.move_type, "out_refund")
                typed = [
                    (bought, {"quantity": abs(quantity), "price_unit": abs(price)})
                    if quantity * price < 0
                    else (bought, {"quantity": -quantity, "price_unit": price})
                    for bought, quantity, price in services
                ]
                self._assert_as_plain(note, self._type(customer, typed, refund=True))
                note.action_post()
                note.button_draft()
                note.button_cancel()

    def test_charges_that_add_up_to_nothing_are_an_invoice(self):
        (customer,) = self._make_customers("Even")
        self._serve(customer, 30)
        self._serve(customer, -30)
        invoice = self._bill(customer)[customer].move_id
        self.assertEqual((invoice.move_type, invoice.amount_total), ("out_invoice", 0))
        self.assertEqual(len(invoice.invoice_line_ids), 2)
        invoice.action_post()

    def test_credit_notes_and_invoices_of_one_run(self):
        """Of several currencies, all at once; undone all at once."""
        customers = self._make_customers(*(f"C{number}" for number in range(8)))
        for number, customer in enumerate(customers):
            self._serve(customer, 10 * (number - 4) + 5)
            self._serve(customer, -3, currency_id=self.foreign.id)
        run = self._run(invoice_date=self.today)
        run.create_invoices()
        notes = run.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual((len(run.invoice_ids), len(notes)), (16, 12))
        self.assertEqual(
            set(
                notes.filtered(lambda move: move.currency_id == self.foreign).mapped(
                    "amount_untaxed"
                )
            ),
            {3},
        )
        run.action_undo()
        self.assertFalse(run.invoice_ids)

    def test_a_group_confirms_its_credit_notes_too(self):
        credit, debit = self._make_customers("Credit", "Debit")
        self._serve(credit, -20)
        self._serve(debit, 20)
        lines = self._bill(credit, debit, group_name="All of them")
        moves = lines[credit].move_id | lines[debit].move_id
        group = moves.invoice_group_id
        self.assertEqual(group.invoice_ids, moves)
        group.action_confirm_drafts()
        self.assertEqual(moves.mapped("state"), ["posted", "posted"])
        self.env.flush_all()
        balances = self._balances(credit | debit)
        self.assertEqual([balances[credit], balances[debit]], [-23, 23])

    # --- regenerate -----------------------------------------------------------

    def test_a_draft_becomes_a_credit_note_and_an_invoice_again(self):
        (customer,) = self._make_customers("Wavering")
        service = self._serve(customer, 40, tax_ids=[Command.clear()])
        move = self._bill(customer)[customer].move_id
        for price in (-60, 25, -10):
            service.price_unit = price
            move.action_regenerate()
            kind = "out_refund" if price < 0 else "out_invoice"
            self.assertEqual((move.move_type, move.amount_total), (kind, abs(price)))
            plain = self._type(
                customer,
                [(self.pickup, {"price_unit": abs(price), "tax_ids": self._no_taxes()})],
                refund=price < 0,
            )
            self._assert_as_plain(move, plain)
            plain.unlink()
        move.action_post()
        move.button_draft()
        service.price_unit = 5
        task = self.env["ar.invoice.task"].run("regenerate", invoices=move)
        self.assertEqual(task.line_ids.state, "failed")
        self.assertIn("was confirmed before", task.line_ids.reason)
        self.assertEqual((move.move_type, move.amount_total), ("out_refund", 10))

    def _no_taxes(self):
        return self.env["account.tax"]

    def test_a_regenerated_draft_reads_contact_and_position_again(self):
        """Whatever somebody changed about the customer meanwhile."""
        nothing = self._make_tax("Export", 0)
        export = self._make_position(
            "Export",
            {self.included: nothing},
            auto_apply=True,
            country_id=self.abroad.id,
            sequence=1,
        )
        product = self._make_product(120, self.included)
        (customer,) = self._make_customers("Moving", country_id=self.home.id)
        self._serve(customer, product_id=product.id, price=120)
        move = self._bill(customer, note="<p>Thank you</p>")[customer].move_id
        self.assertEqual(move.amount_untaxed, 100)
        self.assertEqual(move.amount_total, 120)
        contact = self._make_address(customer, "invoice", country_id=self.home.id)
        delivery = self._make_address(customer, "delivery", country_id=self.abroad.id)
        customer.property_payment_term_id = self.term_parts
        move.action_regenerate()
        self.assertEqual((move.partner_id, move.partner_shipping_id), (contact, delivery))
        self.assertEqual((move.fiscal_position_id, move.amount_total), (export, 100))
        self.assertIn("Thank you", move.narration)
        move.narration = False
        self._assert_as_plain(move, self._type(customer, [(product, {})]))

    def test_a_regenerated_draft_keeps_what_somebody_added(self):
        (customer,) = self._make_customers("Added")
        service = self._serve(customer, 40, tax_ids=[Command.clear()])
        move = self._bill(customer)[customer].move_id
        with Form(move) as form:
            with form.invoice_line_ids.new() as line:
                line.product_id = self.pickup
                line.name = "A bin that was lost"
                line.price_unit = 15
                line.tax_ids.clear()
        added = move.invoice_line_ids.filtered(lambda line: line.name == "A bin that was lost")
        for price, kind, total in [
            (55, "out_invoice", 70),
            (-5, "out_invoice", 10),
            (-35, "out_refund", 20),
            (-10, "out_invoice", 5),
        ]:
            service.price_unit = price
            move.action_regenerate()
            self.assertEqual((move.move_type, move.amount_total), (kind, total))
            self.assertTrue(added.exists())
            self.assertEqual(len(move.invoice_line_ids), 2)
            self.assertIn("A bin that was lost", move.message_ids[0].body)
        service.unlink()
        move.action_regenerate()
        self.assertEqual(move.amount_total, 15)
        move.action_post()

    # --- the property ---------------------------------------------------------

    def test_random_customers_are_billed_as_plain(self):
        seed = new_seed()
        _logger.info("Random customers: AR_SEED=%s", seed)
        quick = self._count_quick()
        for number in range(EXAMPLES):
            with self.subTest(f"AR_SEED={seed}", number=number):
                with self.env.cr.savepoint() as savepoint:
                    self._try_random_customers(random.Random(f"{seed}-{number}"))
                    savepoint.rollback()
                self.env.invalidate_all()
        self.assertGreater(sum(quick), 0, "the quick way was taken")

    def _count_quick(self):
        """How many invoices each chunk does not leave to core, from now on."""
        counts = []
        maker = type(self.env["ar.invoice.maker"])
        original = maker._create_complete

        def counted(model, vals_list):
            counts.append(len(vals_list))
            return original(model, vals_list)

        self.patch(maker, "_create_complete", counted)
        return counts

    def _try_random_customers(self, rnd):
        """Some are alike, so that they are made together; how much, is each one's own."""
        company = self.company
        company.tax_calculation_rounding_method = rnd.choice(["round_per_line", "round_globally"])
        products = self._make_world()
        self._discount_services()
        typed = {}
        for kind in range(4):
            customers = self._make_customers(*(f"Random {kind}, {number}" for number in range(4)))
            self._change_at_random(rnd, customers)
            kinds = {
                currency: [
                    self._choose_service(rnd, rnd.choice(products), currency)
                    for _number in range(rnd.randint(1, 3))
                ]
                for currency in rnd.sample([company.currency_id, self.foreign], rnd.randint(1, 2))
            }
            for customer in customers:
                for currency, chosen in kinds.items():
                    typed[customer, currency] = [
                        self._serve_at_random(rnd, customer, currency, *one) for one in chosen
                    ]
        run = self._run(invoice_date=self.today)
        lines = {(line.partner_id, line.currency_id): line for line in run.line_ids}
        run.create_invoices()
        for (customer, currency), services in typed.items():
            self._assert_billed_as_plain(lines[customer, currency], services)

    def _assert_billed_as_plain(self, line, services):
        self.assertFalse(line.reason)
        refund = line.amount_total < 0
        plain = self._type(
            line.partner_id,
            [(product, self._turn(values, refund)) for product, values in services],
            line.currency_id,
            refund,
        )
        self._assert_as_plain(line.move_id, plain)
        signed = plain.amount_total_in_currency_signed
        self.assertEqual(line.currency_id.compare_amounts(line.amount_total, signed), 0)

    def _make_world(self):
        """Taxes and positions of every kind; returns products."""
        nothing = self._make_tax("0 %", 0)
        low = self._make_tax("7 % included", 7, price_include_override="tax_included")
        on_tax = self._make_tax("On tax", 3, include_base_amount=True, sequence=0)
        piece = self._make_tax("Per piece", 0.25, amount_type="fixed")
        maps = [
            {self.included: nothing, self.tax_sale_a: nothing},
            {self.included: low},
            {self.tax_sale_a: self._make_tax("Elsewhere", 4.5), self.included: self.tax_sale_a},
        ]
        criteria = [
            {"country_id": self.abroad.id, "vat_required": True},
            {"country_id": self.abroad.id},
            {"country_id": self.home.id, "zip_from": "2000", "zip_to": "2999"},
        ]
        for number, (taxes, values) in enumerate(zip(maps, criteria, strict=True)):
            self._make_position(f"P{number}", taxes, auto_apply=True, sequence=number, **values)
        self.by_hand = self._make_position("Removes all") | self._make_position("M", maps[1])
        return [
            self._make_product(120, self.included),
            self._make_product(0.00325, self.tax_sale_a),
            self._make_product(17.777, on_tax | self.tax_sale_a),
            self._make_product(9.99, self.included | piece),
            self._make_product(64.5, self.included | low),
            self._make_product(3.3333),
        ]

    def _change_at_random(self, rnd, customers):
        """Give all of these the same addresses, tax number, terms and position."""
        countries = [False, self.home.id, self.abroad.id]

        def place():
            return {"country_id": rnd.choice(countries), "zip": rnd.choice([False, "2500", "100"])}

        vat = rnd.choice([False, "BE0477472701"])
        customers.write({**place(), "vat": vat, "is_company": rnd.random() < 0.5})
        customers.property_payment_term_id = rnd.choice([False, self.term_30, self.term_parts])
        if rnd.random() < 0.3:
            customers.property_account_position_id = rnd.choice(self.by_hand)
        for kind in ("invoice", "delivery"):
            values = rnd.random() < 0.5 and place()
            position = rnd.random() < 0.2 and rnd.choice(self.by_hand)
            for customer in customers if values else ():
                contact = self._make_address(customer, kind, **values)
                contact.property_account_position_id = position

    def _choose_service(self, rnd, product, currency):
        """(product, what it costs, discount); typed prices are in another currency, say."""
        prices = [product.list_price]
        if currency != self.company.currency_id or rnd.random() < 0.2:
            # Typed by hand, a price is not converted: so without a tax that it includes.
            product = self._make_product(5, rnd.choice([(), self.tax_sale_a]))
            prices = rnd.choice([[0.0149, 10.005, 999.99, 3], [-20.5, -0.333, 7.77]])
        return product, prices, rnd.choice([0, 0, 5, 33.33])

    def _serve_at_random(self, rnd, customer, currency, product, prices, discount):
        """A service; returns its product and what has to be typed for it."""
        price, quantity = rnd.choice(prices), rnd.choice([1, 1, 2, 0.35, 1234, -1])
        values = {"product_id": product.id, "quantity": quantity, "currency_id": currency.id}
        self._serve(customer, price, sequence=1, name=f"{discount}", **values)
        typed = {"quantity": quantity, "discount": discount}
        return product, typed if price == product.list_price else {**typed, "price_unit": price}

    def _discount_services(self):
        """A source that gives discounts, as another addon's may."""
        source = type(self.env["ar.charge.source.service"])
        original = source._prepare_service_charge

        def discounted(model, profile, customer, service, *days):
            charge = original(model, profile, customer, service, *days)
            return {**charge, "discount": float(service.name)}

        self.patch(source, "_prepare_service_charge", discounted)

    def _turn(self, values, refund):
        if not refund:
            return values
        price = values.get("price_unit", 1)
        turned = {**values, "quantity": -values["quantity"]}
        if turned["quantity"] < 0 and price < 0:
            turned |= {"quantity": -turned["quantity"], "price_unit": -price}
        return turned
