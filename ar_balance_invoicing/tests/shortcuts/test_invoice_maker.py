"""Invoices made quickly are, field by field, those that core makes."""

import logging
import random
from collections import defaultdict
from datetime import timedelta

from odoo import Command, fields, models
from odoo.tests import tagged

from ..common import new_seed
from ..invoice_comparison import InvoiceComparison
from ..invoice_maker_common import InvoiceMakerCommon
from ..throw_away import ThrowAwayAddon

_logger = logging.getLogger(__name__)
# Each company with each rounding of taxes.
EXAMPLES = 9
ROUNDINGS = ["round_per_line", "round_globally"]


@tagged("post_install", "-at_install")
class TestInvoiceMaker(ThrowAwayAddon, InvoiceComparison, InvoiceMakerCommon):
    # --- random values --------------------------------------------------------

    def _random_kind(self, rnd, seller):
        """Values that all invoices of a kind share, and its lines."""
        head = {
            "move_type": "out_invoice",
            "company_id": seller.company.id,
            "journal_id": seller.journal.id,
            "currency_id": rnd.choice(seller.currencies).id,
            "fiscal_position_id": rnd.choice([False, *seller.positions.ids]),
            "invoice_date": self.today
            - timedelta(days=rnd.choice([0, 0, self.today.day - 1, 400])),
            "ref": "RUN",
        }
        if rnd.random() < 0.6:
            terms = [self.pay_terms_a, self.term_parts, self.fixed_term, *self.discounts]
            term = rnd.choice(terms)
            head["invoice_payment_term_id"] = term.id
            if term.early_pay_discount_computation == "mixed":
                # In another currency, core's own lines may lack a cent: "not balanced".
                head["currency_id"] = seller.company.currency_id.id
        if rnd.random() < 0.15:
            head["invoice_cash_rounding_id"] = rnd.choice(seller.roundings).id
        lines = [self._random_line_kind(rnd, seller) for _number in range(rnd.randint(1, 2))]
        return head, lines

    def _random_line_kind(self, rnd, seller):
        line = {"tax_ids": [Command.set(rnd.choice(seller.tax_sets).ids)]}
        if rnd.random() < 0.7:
            line["product_id"] = rnd.choice(self.products).id
            if rnd.random() < 0.3:
                del line["tax_ids"]
        else:
            line["account_id"] = seller.revenue.id
        if rnd.random() < 0.3:
            line["analytic_distribution"] = {str(self.route.id): 100}
        if rnd.random() < 0.3:
            line["discount"] = True  # how much is each line's own
        return line

    def _random_vals(self, rnd, seller):
        vals_list = []
        for _kind in range(2):
            head, lines = self._random_kind(rnd, seller)
            customers = rnd.sample(self.partners.ids, 2)
            for _number in range(rnd.randint(3, 10)):
                vals_list.append(
                    {
                        **head,
                        "partner_id": rnd.choice(customers),
                        "invoice_origin": rnd.choice(["RUN/1", "RUN/2"]),
                        "invoice_line_ids": [
                            Command.create(self._random_line(rnd, line)) for line in lines
                        ],
                    }
                )
        rnd.shuffle(vals_list)
        return vals_list

    def _random_line(self, rnd, line):
        price = rnd.choice([rnd.uniform(0.1, 50), rnd.uniform(50, 9e3)])
        # One so low that its tax is nothing, a free one, and one that is taken off.
        # Most in cents, some with more decimals, as for what is sold by the litre.
        price = round(price, rnd.choice([2, 2, 5]))
        price = rnd.choices([price, 0.01, 0.00325, 0, -price], [16, 1, 1, 1, 1])[0]
        values = {
            **line,
            "name": rnd.choice(["Pick-up", "Container, two weeks", "Rent"]),
            "quantity": rnd.choice([1, 1, 2, 0.35, 13, 1234]),
            "price_unit": price,
        }
        if "discount" in line:
            values["discount"] = rnd.choices([5, 12.5, 33.33, 100, 0], [9, 9, 9, 1, 1])[0]
        # What is not given, core takes from the product, in the customer's language.
        for name in ("name", "quantity", "price_unit"):
            if "product_id" in line and rnd.random() < 0.04:
                del values[name]
        return values

    # --- the property -------------------------------------------------------------

    def test_random_invoices_are_those_of_core(self):
        seed = new_seed()
        _logger.info("Random invoices: AR_SEED=%s", seed)
        quick = everything = 0
        for number in range(EXAMPLES):
            rnd = random.Random(f"{seed}-{number}")
            name = sorted(self.sellers)[number % 3]
            seller = self.sellers[name]
            seller.company.tax_calculation_rounding_method = ROUNDINGS[number // 3 % 2]
            vals_list = self._random_vals(rnd, seller)
            lang = rnd.choice(["en_US", "fr_FR"])
            with self.subTest(f"AR_SEED={seed}", number=number, seller=name, lang=lang):
                self._assert_same(vals_list, seller.company, lang)
                quick += self.quick.total()
                everything += len(vals_list)
        _logger.info("%s of %s invoices were made quickly", quick, everything)
        self.assertGreater(quick, 5, "the quick way was taken")

    # --- which way each feature takes -------------------------------------------------

    def _vals(self, count, seller="root", line=None, first=0, **values):
        """Values of invoices of one kind.

        :param line: other values of their line. None, there and here, leaves a value out.
        :param first: number of the first customer; the twelve first read English.
        """
        seller = self.sellers[seller]
        lines = [
            {
                "product_id": self.products[0].id,
                "name": "Pick-up",
                "quantity": 1,
                "price_unit": 10.07 + number,
                "tax_ids": [Command.set(seller.tax_sets[1].ids)],
                **(line or {}),
            }
            for number in range(count)
        ]
        shared = {
            "move_type": "out_invoice",
            "company_id": seller.company.id,
            "journal_id": seller.journal.id,
            "currency_id": seller.company.currency_id.id,
            "fiscal_position_id": False,
            "invoice_date": self.today,
            "ref": "RUN",
            "invoice_payment_term_id": self.pay_terms_a.id,
            **values,
        }
        return [
            {
                **self._given(shared),
                "partner_id": self.partners[first + number].id,
                "invoice_line_ids": [Command.create(self._given(line))],
            }
            for number, line in enumerate(lines)
        ]

    def _given(self, values):
        return {name: value for name, value in values.items() if value is not None}

    def _assert_ways(self, ways, quick):
        """All are made quickly, but the first of each kind and the second of some; or none is.

        They are the same as core's anyway.
        """
        batches = defaultdict(list)
        for feature, vals_list in ways.items():
            batches[vals_list[0]["company_id"]] += [{**vals, "ref": feature} for vals in vals_list]
        for company_id, vals_list in batches.items():
            made = self._assert_same(vals_list, self.env["res.company"].browse(company_id), "fr_FR")
            for feature, moves in made.grouped("ref").items():
                languages = {partner.lang for partner in moves.partner_id}
                with self.subTest(feature):
                    by_core = len(languages) + self.compared[feature]
                    self.assertEqual(self.quick[feature], len(moves) - by_core if quick else 0)
                    self.assertEqual(bool(self.quick[feature]), quick)

    def test_features_of_the_quick_way(self):
        root = self.sellers["root"]
        mapped, plain = root.positions
        ways = {
            "plain": self._vals(3),
            "branch": self._vals(3, "branch"),
            "another company, storno": self._vals(3, "other", {"quantity": -1}),
            "foreign currency": self._vals(3, currency_id=self.foreign.id),
            "currency without cents": self._vals(3, currency_id=root.currencies[2].id),
            "old invoice": self._vals(3, invoice_date=self.today - timedelta(days=400)),
            "the product's name in two languages": self._vals(6, line={"name": None}, first=9),
            "a discount": self._vals(3, line={"discount": 12.5}),
            "another unit": self._vals(
                3, line={"product_uom_id": self.env.ref("uom.product_uom_dozen").id}
            ),
            "fiscal position": self._vals(3, fiscal_position_id=plain.id),
            "position that maps accounts": self._vals(3, fiscal_position_id=mapped.id),
            "instalments": self._vals(3, invoice_payment_term_id=self.term_parts.id),
            "fixed instalment": self._vals(3, invoice_payment_term_id=self.fixed_term.id),
            "no payment term": self._vals(3, invoice_payment_term_id=False),
            "no tax": self._vals(3, line={"tax_ids": [Command.clear()]}),
            "no tax, as JSON says it": self._vals(3, line={"tax_ids": [[5]]}),
            "the product's taxes": self._vals(3, line={"tax_ids": None}),
            "analytic": self._vals(3, line={"analytic_distribution": {str(self.route.id): 100}}),
        }
        for taxes in root.tax_sets[2:]:
            name = " + ".join(taxes.mapped("name"))
            ways[name] = self._vals(3, line={"tax_ids": [Command.set(taxes.ids)]})
        for term in self.discounts[:2]:
            ways[term.name] = self._vals(3, invoice_payment_term_id=term.id)
        self._assert_ways(ways, quick=True)

    def test_both_roundings_of_taxes_are_quick(self):
        taxes = []
        for rounding in ROUNDINGS:
            self.company.tax_calculation_rounding_method = rounding
            vals_list = self._vals(3, line={"price_unit": 10.03})
            for vals in vals_list:
                vals["invoice_line_ids"] *= 5
            self._assert_ways({rounding: vals_list}, quick=True)
            made = self.env["account.move"].search([("ref", "=", rounding)])
            taxes.append(sum(made.mapped("amount_tax")))
        self.assertNotEqual(*taxes, "these amounts tell one from the other")

    def test_features_that_are_left_to_core(self):
        add_line, biggest_tax = self.sellers["root"].roundings
        ways = {
            "cash rounding, a line": self._vals(3, invoice_cash_rounding_id=add_line.id),
            "cash rounding, a tax": self._vals(3, invoice_cash_rounding_id=biggest_tax.id),
            "the product's price": self._vals(3, line={"price_unit": None}),
            "a line booked by hand": self._vals(3, line={"discount_date": "2026-01-01"}),
            "a note": self._vals(3, line={"display_type": "line_note", "product_id": None}),
            "credit notes": self._vals(3, move_type="out_refund"),
            "position found by core": self._vals(3, fiscal_position_id=None),
            "too few of a kind": self._vals(2),
            self.discounts[2].name: self._vals(3, invoice_payment_term_id=self.discounts[2].id),
        }
        self._assert_ways(ways, quick=False)

    def test_a_discount_that_is_booked_apart_is_left_to_core(self):
        """Those without are quick: whether there is one is part of the kind, how much is not."""
        expense = self.company_data["default_account_expense"]
        self.company.account_discount_expense_allocation_id = expense
        without = self._vals(4, line={"discount": 0}, ref="without")
        some = self._vals(4, line={"discount": 10}, first=4, ref="some")
        made = self._assert_same([*without, *some])
        self.assertEqual(self.quick, {"without": 2})
        self.assertNotIn(expense, made[3].line_ids.account_id)
        self.assertIn(expense, made[7].line_ids.account_id)

    def test_values_of_another_addons_fields(self):
        """Whole values are given quickly, in whatever form; of commands, core makes the outcome."""

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"
            ar_test_day = fields.Date()
            ar_test_text = fields.Char()
            ar_test_json = fields.Json()
            ar_test_tags = fields.Many2many(
                "account.account.tag", "ar_test_tag_rel", "line_id", "tag_id"
            )

        self.cr.execute("CREATE TABLE ar_test_tag_rel (line_id integer, tag_id integer)")
        self._bring(Line)
        tags = self.env["account.account.tag"].search([], limit=2)
        quick = {
            "a day": {"ar_test_day": self.today},
            "a day as text": {"ar_test_day": "2026-02-28"},
            "a text": {"ar_test_text": "North"},
            "no text": {"ar_test_text": False},
            "json": {"ar_test_json": {"stops": [1, {"2": "two"}]}},
            "tags": {"ar_test_tags": [Command.set(tags.ids)]},
            "no tags": {"ar_test_tags": [Command.clear()]},
        }
        self._assert_ways({key: self._vals(4, line=line) for key, line in quick.items()}, True)
        by_core = {
            "linked tags": {"ar_test_tags": [Command.link(tags[0].id)]},
            "two commands": {"ar_test_tags": [Command.clear(), Command.link(tags[0].id)]},
            "booked by hand": {"tax_tag_ids": [Command.set(tags.ids)]},
        }
        self._assert_ways({key: self._vals(4, line=line) for key, line in by_core.items()}, False)

    # --- examples -------------------------------------------------------------------

    def test_a_price_of_zero_is_not_the_products_price(self):
        self._assert_same(
            self._vals(4, line={"price_unit": 0}) + self._vals(2, line={"price_unit": None})
        )
        self.assertEqual(self.quick.total(), 2)

    def test_each_company_has_its_own_terms(self):
        """Asked for in the name of one company, the terms are those of the invoice's."""
        vals_list = self._vals(9, invoice_payment_term_id=None)
        made = self._assert_same(vals_list + self._vals(9, "other", invoice_payment_term_id=None))
        terms = [move.invoice_payment_term_id for move in made]
        self.assertNotEqual(terms[:9], terms[9:])
        self.assertEqual(self.quick.total(), 6)

    def test_queries_do_not_grow_with_the_invoices(self):
        costs = []
        for count in (4, 4, 12):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.maker._create_invoices(self._vals(count))
            self.env.flush_all()
            costs.append(self.env.cr.sql_log_count - before)
        self.assertLess(costs[2] - costs[1], 12, costs)

    def test_followers_of_new_invoices_are_told(self):
        """Core posts one message for each, because somebody may want to be told."""
        moves = self.env["account.move"].create(self._vals(3))
        subtype = self.env.ref("account.mt_invoice_created")
        moves[1].message_subscribe(self.partners[5].ids, subtype.ids)
        moves._ar_log_creation()
        told = [
            move.sudo().message_ids.filtered(lambda m: m.subtype_id == subtype)[:1]
            for move in moves
        ]
        self.assertEqual([len(message) for message in told], [1, 1, 1])
        posted = told[1].message_type, told[1].is_internal, told[1].body
        self.assertEqual(
            [(message.message_type, message.is_internal, message.body) for message in told],
            [posted] * 3,
        )
        self.assertIn(self.partners[5], told[1].notification_ids.res_partner_id)

    def test_an_addon_may_log_creation_otherwise(self):
        """Core asks each invoice under which subtype; without one, it logs a plain note."""
        discussions = self.env.ref("mail.mt_comment")
        other, none = self.partners[2], self.partners[3]
        original = type(self.env["account.move"])._creation_subtype

        def by_customer(move):
            if move.partner_id in other | none:
                return discussions if move.partner_id == other else discussions.browse()
            return original(move)

        self.patch(type(self.env["account.move"]), "_creation_subtype", by_customer)
        self._assert_same(self._vals(5))
        self.assertEqual(self.quick.total(), 3)

    def test_what_another_addon_adds_is_left_to_core(self):
        """A line that core makes and we would not: then core makes all of the kind."""
        maker = type(self.maker)
        original = maker._get_instalments

        def one_day_later(model, template, amounts):
            return [
                {**part, "date_maturity": part["date_maturity"] + timedelta(days=1)}
                for part in original(model, template, amounts)
            ]

        self.patch(maker, "_get_instalments", one_day_later)
        self._assert_same(self._vals(5))
        self.assertFalse(self.quick)

    def test_rules_that_depend_on_the_customer_are_left_to_core(self):
        self.env["account.analytic.distribution.model"].create(
            {
                "partner_id": self.partners[2].id,
                "analytic_distribution": {str(self.route.id): 100},
            }
        )
        made = self._assert_same(self._vals(5))
        self.assertFalse(self.quick)
        self.assertTrue(made[2].invoice_line_ids.analytic_distribution)
