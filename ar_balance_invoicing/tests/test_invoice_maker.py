"""Invoices made quickly are, field by field, those that core makes."""

import logging
import random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.tests import tagged

from .billing_common import BillingCommon
from .common import new_seed

_logger = logging.getLogger(__name__)
# What two invoices of the same values cannot share.
DIFFERENT = {
    "id",
    "access_token",
    "create_date",
    "write_date",
    "message_ids",
    "message_follower_ids",
    "move_id",
    "line_ids",
    "invoice_line_ids",
}


@tagged("post_install", "-at_install")
class TestInvoiceMaker(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random invoices: AR_SEED=%s", cls.seed)
        # With messages and followers, as when people work.
        names = ("tracking_disable", "mail_create_nolog", "mail_create_nosubscribe", "mail_notrack")
        cls.env = cls.env(context={**cls.env.context, **dict.fromkeys(names, False)})
        cls.maker = cls.env["ar.invoice.maker"]
        cls._make_taxes()
        cls.fixed_term = cls.env["account.payment.term"].create(
            {
                "name": "10 fixed, 20 %, the rest",
                "line_ids": [
                    Command.create({"value": "fixed", "value_amount": 10, "nb_days": 5}),
                    Command.create({"value": "percent", "value_amount": 20, "nb_days": 30}),
                    Command.create({"value": "percent", "value_amount": 80, "nb_days": 60}),
                ],
            }
        )
        cls.discount = cls._make_term("2 % within 10 days", [(100, 30)])
        cls.discount.write({"early_discount": True, "discount_percentage": 2, "discount_days": 10})
        cls.position = cls.env["account.fiscal.position"].create({"name": "Abroad"})
        plan = cls.env["account.analytic.plan"].create({"name": "Routes"})
        cls.route = cls.env["account.analytic.account"].create(
            {"name": "North", "plan_id": plan.id}
        )
        cls.products = cls.env["product.product"].create(
            [{"name": name, "type": kind} for name, kind in (("Bin", "consu"), ("Tip", "service"))]
        )
        cls.partners = cls._make_partners()

    @classmethod
    def _make_taxes(cls):
        taxes = cls.env["account.tax"]
        vals = {"type_tax_use": "sale", "company_id": cls.company.id}
        included = taxes.create(
            {**vals, "name": "Included", "amount": 7, "price_include_override": "tax_included"}
        )
        per_piece = taxes.create(
            {
                **vals,
                "name": "Per piece",
                "amount": 0.33,
                "amount_type": "fixed",
                "include_base_amount": True,
            }
        )
        below_zero = taxes.create({**vals, "name": "Withheld", "amount": -3})
        cls.company.tax_exigibility = True
        cls.company_data["default_account_tax_sale"].reconcile = True
        on_payment = taxes.create(
            {
                **vals,
                "name": "On payment",
                "amount": 15,
                "tax_exigibility": "on_payment",
                "cash_basis_transition_account_id": cls.company_data["default_account_tax_sale"].id,
            }
        )
        cls.tax_sets = [
            taxes,
            cls.tax_sale_a,
            cls.tax_sale_a | cls.tax_sale_b,
            included,
            per_piece | cls.tax_sale_a,
            cls.tax_sale_a | below_zero,
            on_payment,
        ]

    @classmethod
    def _make_partners(cls):
        terms = [False, cls.pay_terms_a.id, cls.term_parts.id]
        partners = cls.env["res.partner"].create(
            [
                {"name": f"Alike {number}", "property_payment_term_id": terms[number % 3]}
                for number in range(12)
            ]
        )
        contact = cls.env["res.partner"].create(
            {"name": "Invoices", "type": "invoice", "parent_id": partners[0].id}
        )
        partners[1].user_id = cls.env.user
        return partners | contact

    # --- random values --------------------------------------------------------

    def _random_kind(self, rnd):
        """Values that all invoices of a kind share, and its lines."""
        head = {
            "move_type": "out_invoice",
            "company_id": self.company.id,
            "journal_id": self.company_data["default_journal_sale"].id,
            "currency_id": rnd.choice([self.company.currency_id, self.foreign]).id,
            "fiscal_position_id": rnd.choice([False, self.position.id]),
            "invoice_date": rnd.choice([self.today, self.today.replace(day=1)]),
            "invoice_origin": "RUN",
        }
        if rnd.random() < 0.6:
            head["invoice_payment_term_id"] = rnd.choice(
                [self.pay_terms_a, self.term_parts, self.fixed_term, self.discount]
            ).id
        lines = []
        for _number in range(rnd.randint(1, 3)):
            line = {"tax_ids": [Command.set(rnd.choice(self.tax_sets).ids)]}
            if rnd.random() < 0.7:
                line["product_id"] = rnd.choice(self.products).id
            else:
                line["account_id"] = self.company_data["default_account_revenue"].id
            if rnd.random() < 0.3:
                line["analytic_distribution"] = {str(self.route.id): 100}
            lines.append(line)
        return head, lines

    def _random_vals(self, rnd):
        vals_list = []
        for _kind in range(rnd.randint(1, 3)):
            head, lines = self._random_kind(rnd)
            for _number in range(rnd.randint(2, 12)):
                vals_list.append(
                    {
                        **head,
                        "partner_id": rnd.choice(self.partners).id,
                        "invoice_line_ids": [
                            Command.create(self._random_line(rnd, line)) for line in lines
                        ],
                    }
                )
        rnd.shuffle(vals_list)
        return vals_list

    def _random_line(self, rnd, line):
        price = rnd.choice([0.01, round(rnd.uniform(0.1, 50), 2), round(rnd.uniform(50, 9e3), 2)])
        if rnd.random() < 0.1:
            price = 0
        return {
            **line,
            "name": rnd.choice(["Pick-up", "Container, two weeks", "Rent"]),
            "quantity": rnd.choice([1, 1, 2, 0.35, 13]),
            "price_unit": -price if rnd.random() < 0.1 else price,
        }

    # --- what was made ----------------------------------------------------------

    def _describe(self, moves):
        """Everything stored about the invoices, without what is of their own."""
        self.env.flush_all()
        self.env.invalidate_all()
        return [
            {
                "move": self._read(move),
                "lines": [self._read(line) for line in move.line_ids.sorted("id")],
                "followers": move.message_partner_ids.ids,
                "messages": [
                    self._read(message, ["body", "subtype_id", "author_id", "message_type"])
                    | self._read(message, ["email_from", "is_internal", "notified_partner_ids"])
                    for message in move.sudo().message_ids.sorted("id")
                ],
            }
            for move in moves
        ]

    def _read(self, record, names=None):
        names = names or [
            name
            for name, field in record._fields.items()
            if field.store and field.type != "one2many" and name not in DIFFERENT
        ]
        return {name: record._fields[name].convert_to_read(record[name], record) for name in names}

    def _assert_same(self, vals_list):
        """By core, taken back; by us; compared."""
        copies = [
            [
                {
                    **vals,
                    "invoice_line_ids": [tuple(command) for command in vals["invoice_line_ids"]],
                }
                for vals in vals_list
            ]
            for _time in range(2)
        ]
        savepoint = self.env.cr.savepoint()
        by_core = self._describe(self.env["account.move"].create(copies[0]))
        savepoint.close(rollback=True)
        self.env.invalidate_all()
        made = self.maker._create_invoices(copies[1])
        by_us = self._describe(made)
        self.assertEqual(len(by_us), len(by_core))
        for ours, theirs in zip(by_us, by_core, strict=True):
            self._assert_due(ours, theirs)
            for part in ("move", "followers", "messages"):
                self.assertEqual(ours[part], theirs[part], part)
            self.assertEqual(len(ours["lines"]), len(theirs["lines"]))
            for mine, other in zip(ours["lines"], theirs["lines"], strict=True):
                self.assertEqual(mine, other)
        return made

    def _assert_due(self, ours, theirs):
        """Due with the last instalment; core sometimes leaves today's date instead."""
        days = [line["date_maturity"] for line in ours["lines"] if line["date_maturity"]]
        self.assertEqual(ours["move"].pop("invoice_date_due"), max(days))
        self.assertIn(theirs["move"].pop("invoice_date_due"), (max(days), self.today))

    def _count_complete(self, vals_list):
        """How many of the invoices are not left to core."""
        kinds, _alone = self.maker._sort_by_kind(vals_list)
        return sum(len(kind) - 1 for kind in kinds)

    # --- the property -------------------------------------------------------------

    def test_random_invoices_are_those_of_core(self):
        complete = 0

        @settings(max_examples=15, phases=(Phase.explicit, Phase.generate))
        @given(st.integers(0, 10**6))
        def check(number):
            nonlocal complete
            rnd = random.Random(f"{self.seed}-{number}")
            self.company.tax_calculation_rounding_method = rnd.choice(
                ["round_per_line", "round_globally"]
            )
            vals_list = self._random_vals(rnd)
            complete += self._count_complete(vals_list)
            self._assert_same(vals_list)

        check()
        self.assertGreater(complete, 10, "the quick way was taken")

    # --- examples -------------------------------------------------------------------

    def _vals(self, count, **values):
        return [
            {
                "move_type": "out_invoice",
                "partner_id": self.partners[number].id,
                "company_id": self.company.id,
                "journal_id": self.company_data["default_journal_sale"].id,
                "currency_id": self.company.currency_id.id,
                "fiscal_position_id": False,
                "invoice_date": self.today,
                "invoice_payment_term_id": self.pay_terms_a.id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.products[0].id,
                            "name": "Pick-up",
                            "quantity": 1,
                            "price_unit": 10 + number,
                            "tax_ids": [Command.set(self.tax_sale_a.ids)],
                        }
                    )
                ],
                **values,
            }
            for number in range(count)
        ]

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
        self.maker._log_creation(moves)
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

    def test_what_another_addon_adds_is_left_to_core(self):
        """A line that core makes and we would not: then core makes all of the kind."""
        maker = type(self.maker)
        original = maker._get_instalments

        def one_day_later(model, template, amounts):
            return [
                (day.replace(year=day.year + 1), *values)
                for day, *values in original(model, template, amounts)
            ]

        self.patch(maker, "_get_instalments", one_day_later)
        self._assert_same(self._vals(5))

    def test_rules_that_depend_on_the_customer_are_left_to_core(self):
        self.env["account.analytic.distribution.model"].create(
            {
                "partner_id": self.partners[2].id,
                "analytic_distribution": {str(self.route.id): 100},
            }
        )
        vals_list = self._vals(5)
        self.assertEqual(self._count_complete(vals_list), 0)
        made = self._assert_same(vals_list)
        self.assertTrue(made[2].invoice_line_ids.analytic_distribution)
