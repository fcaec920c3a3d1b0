"""The fields against the ledger, on a large random set of accounts."""

import logging
import random
from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from ...tools.aging import BUCKETS, age, bucket_of
from ..common import BalanceCommon, new_seed

_logger = logging.getLogger(__name__)

CUSTOMERS = 220
COMPARE = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@tagged("post_install", "-at_install")
class TestBalanceProperty(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random accounts: AR_SEED=%s", cls.seed)
        cls.random = random.Random(cls.seed)
        cls._make_population()
        cls.companies = cls.company | cls.branch | cls.other
        cls.env = cls.env(context={**cls.env.context, "allowed_company_ids": cls.companies.ids})
        cls.customers = cls.customers.with_env(cls.env)
        cls.invoices = cls.env["account.move"].search(
            [
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("company_id", "in", cls.companies.ids),
            ]
        )
        cls.env.flush_all()
        cls.env.invalidate_all()
        cls.ledger = cls._ledger_balances()

    @classmethod
    def _make_population(cls):
        rnd = cls.random
        partners = cls.env["res.partner"]
        kinds = [rnd.choice(["person", "company", "contact"]) for _n in range(CUSTOMERS)]
        cls.customers = partners.create(
            [{"name": f"R{n:03}", "is_company": kind != "person"} for n, kind in enumerate(kinds)]
        )
        contacts = partners.create(
            [
                {"name": "Billing", "parent_id": customer.id}
                for customer, kind in zip(cls.customers, kinds, strict=True)
                if kind == "contact"
            ]
        )
        billed = {contact.parent_id: contact for contact in contacts}
        plans = defaultdict(list)
        for customer in cls.customers:
            for _n in range(rnd.choice([0, 1, 1, 2, 3, 4])):
                company = rnd.choice([cls.company] * 4 + [cls.branch, cls.other])
                vals = cls._random_document(billed.get(customer, customer), company)
                plans[company].append((vals, rnd.choice(["post"] * 6 + ["draft", "cancel"])))
        for company, plan in plans.items():
            moves = (
                cls.env["account.move"].with_company(company).create([vals for vals, _s in plan])
            )
            states = [state for _vals, state in plan]
            moves.browse(
                move.id for move, state in zip(moves, states, strict=True) if state == "post"
            )._post(soft=False)
            moves.browse(
                move.id for move, state in zip(moves, states, strict=True) if state == "cancel"
            ).button_cancel()
            cls._random_payments(company, moves.filtered(lambda move: move.state == "posted"))
            cls._random_returns(company)

    @classmethod
    def _random_returns(cls, company):
        """Documents of all kinds go back to draft, whatever they are matched with.

        Some are cancelled then, some posted again; credits are matched with drafts, too.
        """
        rnd = cls.random
        moves = cls.env["account.move"].search([("company_id", "=", company.id)], order="id")
        posted = moves.filtered(lambda move: move.state == "posted" and not move.is_invoice())
        posted = posted.filtered("origin_payment_id") + moves.filtered(
            lambda move: move.state == "posted" and move.is_sale_document()
        )
        cls._match_with_drafts(moves)
        returned = {"draft": posted.browse(), "cancel": posted.browse(), "post": posted.browse()}
        for move in posted:
            if fate := rnd.choice(["", "", "", "", "", "draft", "draft", "cancel", "post"]):
                returned[fate] |= move
        for fate, some in returned.items():
            payments, bills = some.origin_payment_id, some.filtered(lambda m: m.is_invoice())
            payments.action_draft()
            bills.button_draft()
            if fate == "cancel":
                payments.action_cancel()
                bills.button_cancel()
            elif fate == "post":
                payments.action_post()
                bills._post(soft=False)

    @classmethod
    def _match_with_drafts(cls, moves):
        """What core's screen calls outstanding credits, put on invoices before they are posted."""
        rnd = cls.random
        receivable = moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        )
        for _customer, items in receivable.grouped("partner_id").items():
            drafts = items.filtered(lambda line: line.parent_state == "draft" and line.balance > 0)
            credits = items.filtered(
                lambda line: line.parent_state == "posted" and line.balance < 0
            )
            if drafts and credits and rnd.random() < 0.5:
                (drafts[:1] | credits[:1]).reconcile()

    @classmethod
    def _random_document(cls, partner, company):
        rnd = cls.random
        amount = round(rnd.choice([0, 0.01, 5, rnd.uniform(1, 50), rnd.uniform(50, 5000)]), 2)
        values = {
            "days_ago": rnd.randint(0, 200),
            "company": company,
            "move_type": rnd.choice(["out_invoice"] * 5 + ["out_refund"]),
            "invoice_payment_term_id": rnd.choice(
                [cls.pay_terms_a, cls.term_30, cls.term_parts]
            ).id,
        }
        if company == cls.company:
            values["taxes"] = rnd.choice([cls.tax_sale_a, cls.env["account.tax"]])
            values["currency_id"] = rnd.choice([cls.company.currency_id, cls.foreign]).id
        return cls._invoice_vals(partner, amount, **values)

    @classmethod
    def _random_payments(cls, company, moves):
        """Part payments, full ones, overpayments and payments on account."""
        rnd = cls.random
        invoices = moves.filtered(lambda m: m.move_type == "out_invoice" and m.amount_total)
        for invoice in invoices:
            share = rnd.choice([0] * 5 + [0.3, 1, 1.2])
            amount = invoice.currency_id.round(invoice.amount_total * share)
            if amount:
                matched = invoice if rnd.random() < 0.8 else None
                cls._pay(
                    invoice.partner_id,
                    amount,
                    matched,
                    days_ago=rnd.randint(0, 30),
                    company=company,
                    currency=invoice.currency_id,
                )

    # --- fields -------------------------------------------------------------

    def _expected_balance(self, customer, company):
        return self.ledger[(customer.id, company.root_id.id)]

    def test_every_customer_equals_the_ledger_in_every_company(self):
        for company in self.companies:
            for customer in self.customers.with_company(company):
                self.assertEqual(
                    company.currency_id.compare_amounts(
                        customer.account_balance, float(self._expected_balance(customer, company))
                    ),
                    0,
                    f"{customer.name} in {company.name}",
                )

    def test_every_document_equals_the_ledger(self):
        for move in self.invoices:
            expected = self._expected_balance(move.commercial_partner_id, move.company_id)
            self.assertEqual(
                move.company_currency_id.compare_amounts(move.account_balance, float(expected)), 0
            )
        sorted_by_field = self.invoices.search(
            [("id", "in", self.invoices.ids)], order="account_balance, id"
        )
        expected = self.invoices.sorted(
            lambda move: (
                self._expected_balance(move.commercial_partner_id, move.company_id),
                move.id,
            )
        )
        self.assertEqual(sorted_by_field.ids, expected.ids)

    def test_every_bucket_equals_the_ledger(self):
        for company in (self.company, self.other):
            expected = defaultdict(Decimal)
            for customer, due, _invoiced, amount in self._ledger_open_items(company):
                expected[customer, bucket_of(age(due, self.today)).field] += amount
                if due < self.today:
                    expected[customer, "account_overdue"] += amount
            names = [bucket.field for bucket in BUCKETS] + ["account_overdue"]
            for customer in self.customers.with_company(company):
                for name in names:
                    self.assertAlmostEqual(
                        customer[name], float(expected[customer.id, name]), 6, (customer.name, name)
                    )
                total = sum(customer[bucket.field] for bucket in BUCKETS)
                self.assertAlmostEqual(total, customer.account_balance, 6)
            totals = self.customers._read_group(
                [("id", "in", self.customers.ids)],
                aggregates=[f"{name}:sum" for name in names],
            )
            if company == self.env.company:
                for name, total in zip(names, totals[0], strict=True):
                    self.assertAlmostEqual(
                        float(total), float(sum(expected[c.id, name] for c in self.customers)), 4
                    )

    def test_every_list_of_open_items_adds_up_to_the_ledger(self):
        noted = self.env["account.move.line"]
        for company in self.companies:
            for customer in self.customers.with_company(company)[::5]:
                items = noted.search(customer.action_open_receivable_items()["domain"])
                self.assertAlmostEqual(
                    sum(items.mapped("open_balance")),
                    float(self._expected_balance(customer, company)),
                    6,
                    f"{customer.name} in {company.name}",
                )
                held = items.filtered("has_draft_match")
                self.assertEqual(
                    held,
                    items.filtered(
                        lambda i: (
                            not i.currency_id.is_zero(i.open_balance - i.amount_residual)
                            or i.open_balance_currency != i.amount_residual_currency
                        )
                    ),
                )
                noted |= held
        self.assertTrue(noted, "the population has documents back in draft")

    def test_every_invoice_owes_what_posted_documents_leave_open(self):
        for move, expected in self._ledger_invoice_balances().items():
            self.assertAlmostEqual(move.invoice_balance, expected, 6, move.display_name)
            found = move.search([("id", "=", move.id), ("invoice_balance", "=", expected)])
            self.assertEqual(found, move)

    def _ledger_invoice_balances(self):
        """{posted invoice: open amount} of matchings whose both sides are posted."""
        rows = self._ledger(
            """
            SELECT line.move_id, SUM(line.balance) - SUM(COALESCE((
                       SELECT SUM(CASE WHEN partial.debit_move_id = line.id
                                       THEN partial.amount ELSE -partial.amount END)
                         FROM account_partial_reconcile partial
                         JOIN account_move_line other ON other.id IN (
                              partial.debit_move_id, partial.credit_move_id)
                          AND other.id != line.id AND other.parent_state = 'posted'
                        WHERE line.id IN (partial.debit_move_id, partial.credit_move_id)), 0))
              FROM account_move_line line
             WHERE line.move_id IN %s AND line.display_type = 'payment_term'
               AND line.parent_state = 'posted'
          GROUP BY line.move_id
            """,
            tuple(self.invoices.ids),
        )
        return {self.invoices.browse(move_id): round(float(amount), 2) for move_id, amount in rows}

    def test_every_currency_equals_the_ledger(self):
        for company in (self.company, self.other):
            rows = self._ledger(
                """
                SELECT partner.commercial_partner_id, line.currency_id,
                       SUM(line.amount_currency) - SUM(COALESCE((
                           SELECT SUM(partial.debit_amount_currency)
                             FROM account_partial_reconcile partial
                             JOIN account_move_line other ON other.id = partial.credit_move_id
                            WHERE partial.debit_move_id = line.id
                              AND other.parent_state = 'posted'), 0))
                       + SUM(COALESCE((
                           SELECT SUM(partial.credit_amount_currency)
                             FROM account_partial_reconcile partial
                             JOIN account_move_line other ON other.id = partial.debit_move_id
                            WHERE partial.credit_move_id = line.id
                              AND other.parent_state = 'posted'), 0))
                  FROM account_move_line line
                  JOIN account_account account ON account.id = line.account_id
                  JOIN res_company company ON company.id = line.company_id
                  JOIN res_partner partner ON partner.id = line.partner_id
                 WHERE line.parent_state = 'posted' AND account.account_type = 'asset_receivable'
                   AND split_part(company.parent_path, '/', 1)::int = %s
              GROUP BY 1, 2
                """,
                company.id,
            )
            expected = {
                (customer, currency): round(float(amount), 2)
                for customer, currency, amount in rows
                if round(float(amount), 2)
            }
            found = self.env["ar.total.due"]._get_currency_balances(self.customers, company)
            self.assertEqual(
                {
                    (customer, currency.id): amount
                    for customer, amounts in found.items()
                    for currency, (amount, _booked) in amounts.items()
                    if amount and customer in self.customers.ids
                },
                {key: amount for key, amount in expected.items() if key[0] in self.customers.ids},
            )

    # --- searches -----------------------------------------------------------

    def _amounts(self):
        """Amounts worth comparing with: those in the ledger, their neighbours, others."""
        known = sorted({float(amount) for amount in self.ledger.values()} | {0.0})
        return st.one_of(
            st.sampled_from(known),
            st.sampled_from(known).map(lambda amount: round(amount + 0.01, 2)),
            st.sampled_from([0, 0.01, -0.01, 0.005]),
            st.floats(-6000, 6000).map(lambda amount: round(amount, 3)),
        )

    def test_every_operator_finds_the_customers_of_the_ledger(self):
        @settings(max_examples=120)
        @given(
            operator=st.sampled_from([*COMPARE, "in", "not in"]),
            amount=self._amounts(),
            more=st.lists(self._amounts(), max_size=3),
            company=st.sampled_from(self.companies.ids),
        )
        def check(operator, amount, more, company):
            company = self.companies.browse(company)
            value = [amount, *more] if "in" in operator else amount
            found = self.customers.with_company(company).search(
                [("id", "in", self.customers.ids), ("account_balance", operator, value)]
            )
            expected = {
                customer.id
                for customer in self.customers
                if self._matches(self._expected_balance(customer, company), operator, value)
            }
            self.assertEqual(set(found.ids), expected)

        check()

    def test_every_operator_finds_the_documents_of_the_ledger(self):
        @settings(max_examples=80)
        @given(operator=st.sampled_from([*COMPARE, "in", "not in"]), amount=self._amounts())
        def check(operator, amount):
            value = [amount, 0] if "in" in operator else amount
            domain = [("id", "in", self.invoices.ids), ("account_balance", operator, value)]
            expected = {
                move.id
                for move in self.invoices
                if self._matches(
                    self._expected_balance(move.commercial_partner_id, move.company_id),
                    operator,
                    value,
                )
            }
            self.assertEqual(set(self.invoices.search(domain).ids), expected)
            self.assertEqual(set(self.invoices.filtered_domain(domain).ids), expected)

        check()

    def test_every_class_finds_the_documents_that_show_it(self):
        shown = defaultdict(set)
        for move in self.invoices:
            shown[move.balance_class].add(move.id)
        self.assertGreaterEqual(len(shown), 5)
        for name in [False, *dict(self.invoices._fields["balance_class"].selection)]:
            found = self.invoices.search(
                [("id", "in", self.invoices.ids), ("balance_class", "=", name)]
            )
            self.assertEqual(set(found.ids), shown[name], name)
            other = self.invoices.search(
                [("id", "in", self.invoices.ids), ("balance_class", "!=", name)]
            )
            self.assertEqual(set(other.ids), set(self.invoices.ids) - shown[name], name)

    @staticmethod
    def _matches(ledger, operator, value):
        def exact(number):
            return Decimal(str(number))

        if operator == "in":
            return ledger in [exact(item) for item in value]
        if operator == "not in":
            return ledger not in [exact(item) for item in value]
        return COMPARE[operator](ledger, exact(value))
