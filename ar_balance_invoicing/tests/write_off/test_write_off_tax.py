"""Tax of what is written off: as a credit note would say it, and never more than declared."""

from collections import Counter
from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..write_off_tax_common import TaxCommon


@tagged("post_install", "-at_install")
class TestWriteOffTax(TaxCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # With messages, as when people work.
        names = ("tracking_disable", "mail_create_nolog", "mail_notrack")
        cls.env = cls.env(context={**cls.env.context, **dict.fromkeys(names, False)})
        cls.vat = cls._make_tax("VAT 20", 20)
        cls.none = cls.env["account.tax"]
        cls._goods = cls._make_category("GOODS")

    def _match_receivables(self, moves):
        moves.line_ids.filtered(
            lambda item: item.account_type == "asset_receivable" and not item.reconciled
        ).reconcile()

    def _assert_like_credit_note(self, invoice):
        """All written off with reclaim: base and tax of each box as a credit note has them."""
        document = self._write_off(invoice, reason=self.reclaim)
        self.assertEqual(document.state, "done", document.line_ids.mapped("reason"))
        entry = self._entries(document)
        self._assert_entries_sound(entry)
        self._assert_settled(invoice)
        taken = self._boxes(entry)
        document.action_undo()
        note = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        note._post(soft=False)
        self.assertEqual(taken, self._boxes(note))
        self.assertFalse(self._boxes(entry | document.line_ids.reversal_id), "given back")
        return taken

    # --- as a credit note (W11 and its kind) ------------------------------------

    def test_tax_on_tax(self):
        first = self._make_tax("Eco 10", 10, include_base_amount=True, sequence=1)
        second = self._make_tax("VAT 5", 5, sequence=2)
        taken = self._assert_like_credit_note(self._bill((100, first | second)))
        self.assertEqual(taken["VAT 5 refund base"], 110)
        self.assertEqual(taken["VAT 5 refund tax 100"], Decimal("5.5"))

    def test_three_taxes_on_each_other_and_lines_with_few_of_them(self):
        taxes = self.none.union(
            *(
                self._make_tax(f"T{n}", n + 3, include_base_amount=True, sequence=n)
                for n in range(3)
            )
        )
        invoice = self._bill((33.33, taxes), (12.49, taxes[1:]), (7.77, taxes[0]), (5, self.none))
        self._assert_like_credit_note(invoice)

    def test_a_tax_that_others_do_not_raise(self):
        first = self._make_tax("Eco 10", 10, include_base_amount=True, sequence=1)
        second = self._make_tax("VAT 5", 5, sequence=2, is_base_affected=False)
        taken = self._assert_like_credit_note(self._bill((100, first | second)))
        self.assertEqual(taken["VAT 5 refund base"], 100)

    def test_a_group_of_taxes(self):
        children = self._make_tax("Federal", 7.33) | self._make_tax("City", 2.1)
        group = self.env["account.tax"].create(
            {
                "name": "Group",
                "amount_type": "group",
                "type_tax_use": "sale",
                "company_id": self.company.id,
                "children_tax_ids": [Command.set(children.ids)],
            }
        )
        self._assert_like_credit_note(self._bill((99.95, group), (10.01, group | self.vat)))

    def test_tax_in_the_price(self):
        included = self._make_tax("VAT 19 in", 19, price_include_override="tax_included")
        self._assert_like_credit_note(self._bill((9.99, included), (5.55, included)))

    def test_a_fixed_tax_also_on_what_costs_nothing(self):
        fixed = self._make_tax("Bag", 0.35, amount_type="fixed", include_base_amount=True)
        self._assert_like_credit_note(self._bill((20, fixed | self.vat), (0, fixed)))

    def test_cash_rounding_of_both_kinds(self):
        for strategy in ("add_invoice_line", "biggest_tax"):
            with self.subTest(strategy):
                rounding = self.env["account.cash.rounding"].create(
                    {
                        "name": strategy,
                        "rounding": 0.05,
                        "strategy": strategy,
                        "profit_account_id": self.company_data["default_account_revenue"].id,
                        "loss_account_id": self.company_data["default_account_expense"].id,
                    }
                )
                first = self._make_tax(strategy, 10, include_base_amount=True, sequence=1)
                invoice = self._bill(
                    (10.02, first | self.vat), invoice_cash_rounding_id=rounding.id
                )
                self.assertTrue(invoice.line_ids.filtered(lambda i: i.display_type == "rounding"))
                self._assert_like_credit_note(invoice)

    def test_deposits_with_the_same_tax_another_and_none(self):
        other, deposit = self._make_tax("VAT 7", 7), self._make_category("DEP")
        for taxes in (self.vat, other, self.none):
            for price in (-40, -99.99, -100):
                if taxes == self.vat and price == -100:
                    continue  # owes nothing
                with self.subTest(price=price, taxes=taxes.name):
                    self._assert_like_credit_note(
                        self._bill(
                            (100, self.vat),
                            (price, taxes, deposit),
                        )
                    )

    def test_tax_that_is_distributed(self):
        split = self._make_tax("Split", 17.5, factors=(60, 40))
        reverse = self._make_tax("Reverse", 21, factors=(100, -100))
        self._assert_like_credit_note(self._bill((33.33, split), (50, reverse), (1, self.vat)))

    def test_tax_due_on_payment_beside_declared_tax(self):
        waiting = self._make_cash_basis_tax()
        self.vat.write({"include_base_amount": True, "sequence": 10})
        for sequence in (1, 30):
            with self.subTest(sequence=sequence):
                waiting.write({"include_base_amount": True, "sequence": sequence})
                taken = self._assert_like_credit_note(self._bill((100, waiting | self.vat)))
                self.assertEqual(taken["VAT 20 refund base"], 115 if sequence == 1 else 100)

    def test_boxes_of_a_product(self):
        box = self.env["account.account.tag"].create({"name": "Goods", "applicability": "products"})
        product = self._make_category("Goods")
        product.account_tag_ids = box
        taken = self._assert_like_credit_note(
            self._bill((100, self.vat, product), (50, self.none, product), (1, self.vat))
        )
        self.assertIn("Goods", taken)

    def test_early_payment_discounts_that_lower_the_tax(self):
        term = self._make_term("3 %", [(100, 30)])
        term.write(
            {
                "early_discount": True,
                "discount_percentage": 3,
                "discount_days": 10,
                "early_pay_discount_computation": "mixed",
            }
        )
        self._assert_like_credit_note(
            self._bill((100, self.vat), (33.33, self.vat), invoice_payment_term_id=term.id)
        )

    def test_other_currencies_receipts_and_credit_notes(self):
        first = self._make_tax("Eco 10", 10, include_base_amount=True, sequence=1)
        for values in (
            {"currency_id": self.foreign.id},
            {"move_type": "out_receipt"},
            {"move_type": "out_refund"},
            {"move_type": "out_refund", "currency_id": self.foreign.id},
        ):
            with self.subTest(**values):
                invoice = self._bill((33.33, first | self.vat), (0.99, self.vat), **values)
                document = self._write_off(
                    invoice, reason=self.reclaim, with_credits=invoice.move_type == "out_refund"
                )
                self.assertEqual(document.state, "done", document.line_ids.mapped("reason"))
                taken = self._boxes(self._entries(document))
                document.action_undo()
                if invoice.move_type == "out_receipt":
                    continue
                note = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
                note._post(soft=False)
                self.assertEqual(taken, self._boxes(note))
                self.assertTrue(taken)

    # --- never more than declared (W10 and its kind) ------------------------------

    def _write_off_part(self, invoice, amount, reason=None):
        document = self._write_off(invoice, process=False, reason=reason or self.reclaim)
        document.line_ids.amount = amount
        document.action_process()
        self.assertEqual(document.state, "done", document.line_ids.mapped("reason"))
        return document

    def _tax_taken(self, *documents):
        return self._boxes(self._entries(*documents)).get("VAT 20 refund tax 100", 0)

    def test_two_halves_take_no_cent_more_than_was_declared(self):
        invoice = self._bill((100.05, self.vat))
        documents = [
            self._write_off_part(invoice, 60.03),
            self._write_off(invoice, reason=self.reclaim),
        ]
        self.assertEqual(self._tax_taken(*documents), Decimal("20.01"))
        self.assertEqual(
            self._boxes(self._entries(*documents))["VAT 20 refund base"], Decimal("100.05")
        )
        self._assert_settled(invoice)

    def test_twenty_one_parts_take_no_cent_more_than_was_declared(self):
        invoice = self._bill((100.05, self.vat))
        documents = []
        for n in range(21):
            amount = 5.72 if n < 20 else invoice.amount_residual
            documents.append(self._write_off_part(invoice, amount))
            share = Decimal(str(round(120.06 - invoice.amount_residual, 2))) / Decimal("120.06")
            off = self._tax_taken(*documents) - Decimal("20.01") * share
            self.assertLessEqual(abs(off), Decimal("0.005"), "as if it was one until here")
        self.assertEqual(self._tax_taken(*documents), Decimal("20.01"))
        self.assertEqual(
            self._boxes(self._entries(*documents))["VAT 20 refund base"], Decimal("100.05")
        )

    def test_what_was_paid_keeps_its_tax(self):
        invoice = self._bill((100.05, self.vat))
        documents = [self._write_off_part(invoice, 20.01)]
        self._pay(self.customer, 60.03, invoice)
        documents.append(self._write_off(invoice, reason=self.reclaim))
        self.assertIn(self._tax_taken(*documents), (Decimal("10"), Decimal("10.01")))
        self._assert_settled(invoice)

    def test_what_credit_notes_took_back_is_not_taken_back_again(self):
        for made_of_it in (True, False):
            with self.subTest(made_of_it=made_of_it):
                invoice = self._bill((100.05, self.vat))
                note = self._bill((50.03, self.vat), move_type="out_refund")
                if made_of_it:
                    note.reversed_entry_id = invoice
                self._match_receivables(invoice | note)
                before = self._boxes(note)["VAT 20 refund tax 100"]
                document = self._write_off(invoice, reason=self.reclaim)
                self.assertEqual(before + self._tax_taken(document), Decimal("20.01"))
                self._assert_settled(invoice)

    def test_a_credit_note_of_one_line_leaves_the_other_line_to_lose(self):
        goods, trip = self._make_category("Goods"), self._make_category("Trip")
        for reason in (self.reason, self.reclaim):
            with self.subTest(reason.name):
                invoice = self._bill((100, self.vat, goods), (100, self.none, trip))
                note = self._bill((100, self.none, trip), move_type="out_refund")
                self._match_receivables(invoice | note)
                document = self._write_off(invoice, reason=reason)
                entry = self._entries(document)
                losses = entry.line_ids.filtered(
                    lambda i: i.account_id == goods.categ_id.ar_loss_account_id
                )
                reclaims = reason == self.reclaim
                self.assertEqual(sum(losses.mapped("balance")), 100 if reclaims else 120)
                self.assertEqual(self._tax_taken(document), 20 if reclaims else 0)
                self.assertFalse(
                    entry.line_ids.filtered(
                        lambda i: i.account_id == trip.categ_id.ar_loss_account_id
                    )
                )

    def test_a_credit_without_tax_is_like_a_payment(self):
        invoice = self._bill((100, self.vat))
        note = self._bill((60, self.none), move_type="out_refund")
        self._match_receivables(invoice | note)
        document = self._write_off(invoice, reason=self.reclaim)
        self.assertEqual(self._tax_taken(document), 10)

    def test_an_undone_part_gives_its_room_back(self):
        invoice = self._bill((100.05, self.vat))
        first = self._write_off_part(invoice, 60.03)
        second = self._write_off(invoice, reason=self.reclaim)
        first.action_undo()
        self.assertEqual(self._tax_taken(first, second), 10)
        third = self._write_off(invoice, reason=self.reclaim)
        self.assertEqual(self._tax_taken(first, second, third), Decimal("20.01"))
        # By hand it is the same, whoever reverses it.
        entry = self._entries(third)
        reversal = entry._reverse_moves(cancel=True)
        self.assertFalse(self._boxes(entry | reversal))
        self.assertEqual(self._tax_taken(first, second), 10)
        fourth = self._write_off(invoice, reason=self.reclaim)
        boxes = self._boxes(self._entries(first, second, third, fourth) | reversal)
        self.assertEqual(boxes["VAT 20 refund tax 100"], Decimal("20.01"))

    def test_an_entry_that_only_says_so_takes_nothing_back(self):
        """Any script may give an item of its own entry the name of somebody's tax."""
        invoice = self._bill((100, self.vat))
        tax = invoice.line_ids.filtered("tax_repartition_line_id")
        self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.tax_account.id,
                            "debit": 20,
                            "written_off_item_id": tax.id,
                        }
                    ),
                    Command.create({"account_id": self.loss.id, "credit": 20}),
                ],
            }
        )._post(soft=False)
        document = self._write_off(invoice, reason=self.reclaim)
        self.assertEqual(self._tax_taken(document), 20)

    def test_a_part_that_leaves_its_tax_takes_none_of_the_others(self):
        invoice = self._bill((100.05, self.vat))
        first = self._write_off_part(invoice, 60.03, reason=self.reason)
        second = self._write_off(invoice, reason=self.reclaim)
        self.assertIn(self._tax_taken(first, second), (Decimal("10"), Decimal("10.01")))

    def test_parts_with_and_without_a_bad_debt_tax(self):
        relief = self._make_tax("Relief", 20)
        mapped = self._make_reason(
            "Law",
            tax_treatment="reclaim",
            bad_debt_tax_ids=[
                Command.create({"tax_id": self.vat.id, "bad_debt_tax_id": relief.id})
            ],
        )
        invoice = self._bill((100.05, self.vat))
        first = self._write_off_part(invoice, 60.03, reason=mapped)
        second = self._write_off(invoice, reason=self.reclaim)
        boxes = self._boxes(self._entries(first, second))
        self.assertEqual(
            boxes["Relief refund tax 100"] + boxes["VAT 20 refund tax 100"], Decimal("20.01")
        )
        self.assertEqual(
            boxes["Relief refund base"] + boxes["VAT 20 refund base"], Decimal("100.05")
        )

    def test_what_is_asked_of_the_database_does_not_grow_with_the_invoices(self):
        relief = self._make_tax("Relief", 20)
        law = self._make_reason(
            "Law",
            tax_treatment="reclaim",
            tax_minimum_age=1,
            bad_debt_tax_ids=[
                Command.create({"tax_id": self.vat.id, "bad_debt_tax_id": relief.id})
            ],
        )
        waiting = self._make_cash_basis_tax()
        costs = []
        for count in (3, 9):
            lines = self.env["ar.write.off.line"]
            for _n in range(count):
                invoice = self._bill(
                    (100, self.vat), (50, waiting | self.vat, self._goods), days_ago=60
                )
                note = self._bill((30, self.vat), move_type="out_refund")
                self._match_receivables(invoice | note)
                self._pay(self.customer, 10, invoice)
                self._write_off_part(invoice, 20)
                lines |= self._write_off(invoice, process=False, reason=law).line_ids
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            lines._prefetch_documents()
            lines = lines._with_taken_back()
            for line in lines:
                line._prepare_entry()
            costs.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*costs)

    # --- boxes for bad debts -----------------------------------------------------

    def test_bad_debts_have_boxes_of_their_own(self):
        sale = self._make_tax("Relief", 20)
        bill = self._make_tax("Relief on bills", 20, type_tax_use="purchase")
        for relief, document, account in (
            (sale, "refund", self.refund_account),
            (bill, "invoice", self.tax_account),
        ):
            with self.subTest(relief.name):
                reason = self._make_reason(
                    "Law",
                    tax_treatment="reclaim",
                    bad_debt_tax_ids=[
                        Command.create({"tax_id": self.vat.id, "bad_debt_tax_id": relief.id})
                    ],
                )
                invoice = self._bill((100, self.vat), (50, self.none))
                entry = self._entries(self._write_off(invoice, reason=reason))
                self.assertEqual(
                    self._boxes(entry),
                    {
                        f"{relief.name} {document} base": 100,
                        f"{relief.name} {document} tax 100": 20,
                    },
                )
                tax = entry.line_ids.filtered("tax_line_id")
                self.assertEqual((tax.tax_line_id, tax.account_id), (relief, account))

    def test_a_bad_debt_tax_must_fit(self):
        cash_basis = self._make_cash_basis_tax()
        split = self._make_tax("Split", 20, factors=(50, 50))
        for tax, relief, sentence in (
            (self.vat, split, "distributed differently"),
            (cash_basis, self.vat, "never declared"),
        ):
            with self.assertRaisesRegex(ValidationError, sentence):
                self._make_reason(
                    "Law",
                    bad_debt_tax_ids=[
                        Command.create({"tax_id": tax.id, "bad_debt_tax_id": relief.id})
                    ],
                )

    def test_tax_of_young_debts_stays_and_the_row_says_so(self):
        self.reclaim.tax_minimum_age = 180
        old = self._bill((100, self.vat), days_ago=200)
        young = self._bill((100, self.vat), days_ago=100)
        document = self._write_off(old | young, process=False, reason=self.reclaim)
        hints = {line.move_id: line.tax_hint for line in document.line_ids}
        self.assertFalse(hints[old])
        self.assertIn("100 days overdue", hints[young])
        self.assertIn("180", hints[young])
        document.action_process()
        self.assertEqual(
            [
                self._boxes(line.entry_id).get("VAT 20 refund tax 100", 0)
                for line in document.line_ids.sorted(lambda line: line.move_id != old)
            ],
            [20, 0],
        )
        # What counts is the day of the write-off.
        later = self._bill((100, self.vat), days_ago=170)
        document = self._write_off(later, process=False, reason=self.reclaim)
        self.assertTrue(document.line_ids.tax_hint)
        document.reason_id = self.reason
        self.assertFalse(document.line_ids.tax_hint, "nothing is asked back anyway")
        with self.assertRaisesRegex(ValidationError, "less than zero"):
            self.reclaim.tax_minimum_age = -1

    def test_the_youngest_instalment_counts(self):
        self.reclaim.tax_minimum_age = 180
        invoice = self._bill(
            (100, self.vat), days_ago=200, invoice_payment_term_id=self.term_parts.id
        )
        document = self._write_off(invoice, process=False, reason=self.reclaim)
        self.assertIn("140 days overdue", document.line_ids.tax_hint)

    def test_evidence_is_kept_with_entry_and_invoice(self):
        self.reclaim.evidence_required = True
        invoice = self._invoice(self.customer, 100, taxes=self.vat)
        document = self._write_off(invoice, process=False, reason=self.reclaim)
        document.tax_evidence = "Court of Mons,\n12 IN 34/26"
        document.action_process()
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.assertIn("12 IN 34/26", invoice.message_ids.sorted("id")[-1].body)
        tax = self._entries(document).line_ids.filtered("tax_line_id")
        self.assertIn("Court of Mons, 12 IN 34/26", tax.name)
        with self.assertRaisesRegex(UserError, "was processed"):
            document.tax_evidence = "Something else"

    def test_evidence_is_asked_for_where_tax_is_asked_back(self):
        self.reclaim.evidence_required = True
        document = self._write_off(self._bill((100, self.vat)), process=False, reason=self.reclaim)
        for nothing in (False, "  \n"):
            document.tax_evidence = nothing
            with self.assertRaisesRegex(UserError, "evidence"):
                document.action_process()
        self.assertFalse(document.line_ids.entry_id)
        # Where no tax is asked back, there is nothing to prove.
        self.reason.evidence_required = True
        other = self._write_off(self._bill((5, self.vat)), reason=self.reason)
        self.assertEqual(other.state, "done")

    # --- accounts (W13) ----------------------------------------------------------

    def _losses(self, document):
        """{account code: balance} of the expenses of a document's entries."""
        items = self._entries(document).line_ids.filtered(
            lambda item: item.account_id.account_type == "expense"
        )
        losses = Counter()
        for item in items:
            losses[item.account_id.code] += round(item.balance, 2)
        return {code: round(amount, 2) for code, amount in losses.items() if round(amount, 2)}

    def test_tax_that_was_not_due_is_no_loss_of_its_category(self):
        a, b = self._make_category("A"), self._make_category("B")
        waiting = self._make_cash_basis_tax()
        invoice = self._bill((100, waiting, a), (100, self.none, b))
        document = self._write_off(invoice)
        self.assertEqual(self._losses(document), {"WOA": 100, "WOB": 100})
        mixed = self._bill((100, waiting | self.vat, a), (100, self.vat, b))
        self.assertEqual(self._losses(self._write_off(mixed)), {"WOA": 120, "WOB": 120})
        half = self._bill((100, waiting, a), (100, self.none, b))
        self.assertEqual(
            self._losses(self._write_off_part(half, 107.5, self.reason)), {"WOA": 50, "WOB": 50}
        )
        self.assertEqual(self._account_sum(waiting.cash_basis_transition_account_id), -7.5)

    def test_a_deposit_lowers_the_loss_of_what_it_was_for(self):
        a, b, deposit = (self._make_category(name) for name in ("A", "B", "DEP"))
        waiting = self._make_cash_basis_tax()
        for taxes, deposit_taxes, expected in (
            (self.none, self.none, {"WOA": 75, "WOB": 25}),
            (waiting, waiting, {"WOA": 75, "WOB": 25}),
            (waiting, self.none, {"WOA": 75, "WOB": 25}),
            (self.vat, self.vat, {"WOA": 90, "WOB": 30}),
        ):
            with self.subTest(taxes=taxes.name, deposit=deposit_taxes.name):
                invoice = self._bill(
                    (150, taxes, a), (50, taxes, b), (-100, deposit_taxes, deposit)
                )
                self.assertEqual(self._losses(self._write_off(invoice)), expected)
        # One cent is left of much: one cent is lost, and on one account.
        invoice = self._bill((1000, self.none, a), (-999.99, self.none, deposit))
        self.assertEqual(self._losses(self._write_off(invoice)), {"WOA": 0.01})


@tagged("post_install", "-at_install")
class TestSmallAmounts(TaxCommon):
    """Down to one unit of either currency (W12, W15)."""

    def _assert_written_off(self, move, reason):
        """Written off as a row of the list would be, and taken back."""
        items = move.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        before = self._snapshot(items)
        line = self._book_row(move, reason)
        document = line.document_id
        self._assert_entries_sound(line.entry_id)
        self._assert_settled(move)
        entry = line.entry_id
        document.action_undo()
        self.assertEqual(line.state, "undone", line.reason)
        self._assert_entries_sound(entry | line.reversal_id)
        self.assertEqual(self._snapshot(items), before)
        return entry

    def _snapshot(self, items):
        return self._ledger(
            "SELECT id, amount_residual::text, amount_residual_currency::text "
            "FROM account_move_line WHERE id IN %s ORDER BY id",
            tuple(items.ids),
        )

    def test_two_cents_worth_one_over_four_analytics(self):
        currency = self._currency("CHF", 2.5)
        plan = self.env["account.analytic.plan"].create({"name": "Routes"})
        routes = self.env["account.analytic.account"].create(
            [{"name": f"R{n}", "plan_id": plan.id} for n in range(4)]
        )
        vat = self._make_tax("VAT 20", 20)
        for taxes in (self.env["account.tax"], vat):
            invoice = self._bill((1, taxes), post=False, currency_id=currency.id)
            invoice.invoice_line_ids = [
                Command.clear(),
                *(
                    Command.create(
                        self._line_vals(25, taxes, analytic_distribution={str(route.id): 100})
                    )
                    for route in routes
                ),
            ]
            invoice._post(soft=False)
            for left in (0.09, 0.05, 0.03, 0.02, 0.01):
                paid = invoice.amount_residual - left
                self._pay(self.customer, paid, invoice, currency=currency)
                self.assertAlmostEqual(invoice.amount_residual, left, 6)
                for reason in (self.reason, self.reclaim):
                    with self.subTest(taxes=taxes.name, reason=reason.name, left=left):
                        self._assert_written_off(invoice, reason)

    def test_one_yen_that_is_worth_nothing(self):
        yen = self._currency("JPY", 250, rounding=1)
        invoice = self._bill((1, self.env["account.tax"]), currency_id=yen.id)
        self.assertEqual((invoice.amount_residual, invoice.amount_residual_signed), (1, 0))
        entry = self._assert_written_off(invoice, self.reason)
        self.assertEqual(set(entry.line_ids.mapped("balance")), {0})

    def test_yens_paid_one_by_one(self):
        """Each yen was worth nothing, so that more company currency is left than its rate says."""
        vat = self._make_tax("VAT 10", 10)
        for rate in (250, 150):
            yen = self._currency("JPY", rate, rounding=1)
            for taxes in (self.env["account.tax"], vat):
                invoice = self._bill((6, taxes), (2, taxes), currency_id=yen.id)
                while invoice.amount_residual:
                    for reason in (self.reason, self.reclaim):
                        with self.subTest(
                            rate=rate, taxes=taxes.name, left=invoice.amount_residual
                        ):
                            self._assert_written_off(invoice, reason)
                    self._pay(self.customer, 1, invoice, currency=yen)

    def test_what_is_open_in_company_currency_only(self):
        receivable = self.company_data["default_account_receivable"]
        for amount, balance in ((0, 0.5), (0, 0.01), (0, -0.5)):
            with self.subTest(balance=balance):
                lines = [
                    {
                        "account_id": account.id,
                        "partner_id": self.customer.id,
                        "currency_id": self.foreign.id,
                        "amount_currency": sign * amount,
                        "balance": sign * balance,
                    }
                    for account, sign in (
                        (receivable, 1),
                        (self.company_data["default_account_revenue"], -1),
                    )
                ]
                entry = self.env["account.move"].create(
                    {"date": self.today, "line_ids": [Command.create(line) for line in lines]}
                )
                entry._post(soft=False)
                booked = self._assert_written_off(entry, self.reason)
                account = self.loss if balance > 0 else self.gain
                self.assertEqual(
                    [item.balance for item in booked.line_ids if item.account_id == account],
                    [balance],
                )
