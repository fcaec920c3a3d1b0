"""Account balance: the cases an accountant would try first."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from ..common import BalanceCommon

OPERATORS = ("=", "!=", "<", "<=", ">", ">=")


@tagged("post_install", "-at_install")
class TestAccountBalance(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create({"name": "Rosa's Diner", "is_company": True})

    def _found(self, *domain, model="res.partner", records=None):
        records = self.customer if records is None else records
        return self.env[model].search([("id", "in", records.ids), *domain])

    # --- what counts --------------------------------------------------------

    def test_a_draft_is_no_part_of_the_account_it_is_made_for(self):
        draft = self._invoice(self.customer, 80, post=False)
        self.assertEqual(draft.account_balance, 0)
        self.assertEqual(draft.amount_residual_signed, 80)
        self.assertEqual(draft.balance_class, "service_only")
        draft._post(soft=False)
        draft.invalidate_recordset()
        self.assertEqual(draft.account_balance, 80)
        self.assertEqual(draft.balance_class, "service_only")

    def test_a_cancelled_invoice_is_owed_by_nobody(self):
        invoice = self._invoice(self.customer, 80)
        invoice.button_draft()
        invoice.button_cancel()
        self.assertEqual(self.customer.account_balance, 0)
        self.assertEqual(invoice.balance_class, "other")
        self.assertEqual(invoice.invoice_balance, 0)
        for domain in ([("balance_class", "=", "other")], [("invoice_balance", "=", 0)]):
            self.assertTrue(self._found(*domain, model="account.move", records=invoice))

    def test_unapplied_payment_and_credit_note_count_negative(self):
        self._invoice(self.customer, 100)
        self._pay(self.customer, 30)
        self._invoice(self.customer, 25, move_type="out_refund")
        self.customer.invalidate_recordset()
        self.assertEqual(self.customer.account_balance, 45)
        self._pay(self.customer, 60)
        self.customer.invalidate_recordset()
        self.assertEqual(self.customer.account_balance, -15)
        self.assertTrue(self._found(("account_balance", "<", 0)))
        self.assertTrue(self._found(("account_balance", "<", 0.01)))
        self.assertFalse(self._found(("account_balance", "=", 0)))

    def test_items_that_add_up_to_zero_are_zero(self):
        self._invoice(self.customer, 100)
        self._pay(self.customer, 100)
        self.assertEqual(self.customer.account_balance, 0)
        self.assertTrue(self._found(("account_balance", "=", 0)))
        self.assertTrue(self._found(("account_balance", "<=", 0)))
        self.assertFalse(self._found(("account_balance", "!=", 0)))

    def test_a_customer_without_any_item_is_zero_too(self):
        self.assertEqual(self.customer.account_balance, 0)
        for operator in ("=", "<=", ">="):
            self.assertTrue(self._found(("account_balance", operator, 0)), operator)
        for operator in ("!=", "<", ">"):
            self.assertFalse(self._found(("account_balance", operator, 0)), operator)
        self.assertTrue(self._found(("account_balance", "in", [0, 7])))
        self.assertTrue(self._found(("account_balance", "not in", [1, 7])))
        self.assertTrue(self._found(("account_balance", "=", False)))

    def test_a_cent_is_a_cent(self):
        self._invoice(self.customer, 0.01)
        self.assertTrue(self._found(("account_balance", ">", 0)))
        self.assertTrue(self._found(("account_balance", ">", 0.009)))
        self.assertTrue(self._found(("account_balance", "=", 0.01)))
        self.assertFalse(self._found(("account_balance", "<", 0.01)))
        self.assertTrue(self._found(("account_balance", "<=", 0.01)))

    def test_payables_of_a_customer_who_is_a_vendor_are_not_his_account(self):
        self._invoice(self.customer, 50)
        self._invoice(
            self.customer,
            500,
            move_type="in_invoice",
            journal_id=self.company_data["default_journal_purchase"].id,
        )
        self.assertEqual(self.customer.account_balance, 50)

    def test_a_foreign_invoice_counts_in_company_currency(self):
        invoice = self._invoice(self.customer, 100, currency_id=self.foreign.id)
        expected = invoice.amount_total_signed
        self.assertNotEqual(expected, 100)
        self.assertEqual(invoice.account_balance, expected)
        self.assertEqual(self.customer.account_balance, expected)
        self.assertTrue(self._found(("account_balance", "=", expected)))

    def test_debts_on_an_archived_account_are_still_debts(self):
        account = self.company_data["default_account_receivable"].copy()
        self.customer.property_account_receivable_id = account
        self._invoice(self.customer, 60)
        account.active = False
        self.assertEqual(self.customer.account_balance, 60)
        self.assertTrue(self._found(("account_balance", "=", 60)))

    # --- whose account ------------------------------------------------------

    def test_a_contact_shows_the_account_of_its_company_and_totals_count_it_once(self):
        contact = self.env["res.partner"].create({"name": "Billing", "parent_id": self.customer.id})
        invoice = self._invoice(contact, 70)
        both = self.customer | contact
        self.assertEqual(both.mapped("account_balance"), [70, 70])
        self.assertEqual(invoice.account_balance, 70)
        self.assertEqual(self._found(("account_balance", "=", 70), records=both), both)
        [(total,)] = self.env["res.partner"]._read_group(
            [("id", "in", both.ids)], aggregates=["account_balance:sum"]
        )
        self.assertEqual(total, 70)

    def test_a_person_put_below_a_company_brings_his_debts_along(self):
        person = self.env["res.partner"].create({"name": "Joe"})
        old = self._invoice(person, 40)
        self._invoice(self.customer, 2)
        person.parent_id = self.customer
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.customer.account_balance, 42)
        self.assertEqual(person.account_balance, 42)
        self.assertEqual(old.account_balance, 42)
        self.assertTrue(
            self._found(("account_balance", "=", 42), model="account.move", records=old)
        )

    # --- whose ledger -------------------------------------------------------

    def test_another_company_has_its_own_ledger(self):
        here = self._invoice(self.customer, 10)
        there = self._invoice(self.customer, 1000, company=self.other)
        self.assertEqual(self.customer.account_balance, 10)
        self.assertEqual(self.customer.with_company(self.other).account_balance, 1000)
        both = (here | there).with_context(allowed_company_ids=[self.company.id, self.other.id])
        self.assertEqual(both.mapped("account_balance"), [10, 1000])
        moves = self.env["account.move"].with_context(**both.env.context)
        for amount, invoice in ((10, here), (1000, there)):
            found = moves.search([("id", "in", both.ids), ("account_balance", "=", amount)])
            self.assertEqual(found, invoice)
        ordered = moves.search([("id", "in", both.ids)], order="account_balance DESC")
        self.assertEqual(ordered.ids, [there.id, here.id])

    def test_a_branch_shares_the_ledger_of_its_company(self):
        self._invoice(self.customer, 10)
        in_branch = self._invoice(self.customer, 5, company=self.branch)
        for company in (self.company, self.branch):
            self.assertEqual(self.customer.with_company(company).account_balance, 15)
        self.assertEqual(in_branch.account_balance, 15)
        # Somebody who may work in the branch only sees the same figure.
        clerk = new_test_user(
            self.env,
            "branch.clerk",
            groups="account.group_account_invoice",
            company_id=self.branch.id,
            company_ids=[Command.set(self.branch.ids)],
        )
        customer = self.customer.with_user(clerk).with_context(allowed_company_ids=self.branch.ids)
        self.assertEqual(customer.account_balance, 15)
        self.assertTrue(customer.search([("id", "=", customer.id), ("account_balance", "=", 15)]))

    # --- aging --------------------------------------------------------------

    def test_instalments_age_one_by_one(self):
        self._invoice(self.customer, 100, days_ago=45, invoice_payment_term_id=self.term_parts.id)
        self.assertEqual(self.customer.account_aged_60, 30, "due at once, 45 days ago")
        self.assertEqual(self.customer.account_aged_30, 35, "due 15 days ago")
        self.assertEqual(self.customer.account_not_due, 35, "due in 15 days")
        self.assertEqual(self.customer.account_overdue, 65)
        self.assertTrue(self._found(("account_aged_60", "=", 30), ("account_overdue", ">", 64.99)))

    def test_what_is_due_today_is_not_overdue(self):
        self._invoice(self.customer, 10, invoice_date_due=self.today)
        self.assertEqual(self.customer.account_overdue, 0)
        self.assertEqual(self.customer.account_not_due, 10)

    def test_aging_from_the_invoice_date_leaves_overdue_alone(self):
        self._invoice(self.customer, 100, days_ago=40, invoice_payment_term_id=self.term_30.id)
        self.assertEqual(self.customer.account_aged_30, 100)
        self.company.ar_aging_basis = "invoice_date"
        self.customer.invalidate_recordset()
        self.assertEqual(self.customer.account_aged_30, 0)
        self.assertEqual(self.customer.account_aged_60, 100)
        self.assertTrue(self._found(("account_aged_60", "=", 100)))
        self.assertEqual(self.customer.account_overdue, 100)
        self.assertEqual(self.branch.ar_aging_basis, "invoice_date", "branches age as their root")

    # --- classes ------------------------------------------------------------

    def test_the_classes_of_the_seed(self):
        names = ["service only", "service and balance", "balance only", "nothing", "credit"]
        customers = self.env["res.partner"].create([{"name": name} for name in names])
        only, both, balance, nothing, credit = customers
        for customer in (both, balance):
            self._invoice(customer, 20, days_ago=60)
        self._pay(credit, 5)
        drafts = self.env["account.move"].create(
            [
                self._invoice_vals(customer, amount)
                for customer, amount in zip(customers, (9, 9, 0, 0, 0), strict=True)
            ]
        )
        classes = ["service_only", "service_balance", "balance_only", "nothing_owed", "credit"]
        self.assertEqual(drafts.mapped("balance_class"), classes)
        for name, draft in zip(classes, drafts, strict=True):
            domain = [("balance_class", "=", name)]
            self.assertEqual(self._found(*domain, model="account.move", records=drafts), draft)
            self.assertEqual(drafts.filtered_domain(domain), draft)
        groups = self.env["account.move"]._read_group(
            [("id", "in", drafts.ids)], ["balance_class"], ["__count"]
        )
        self.assertEqual(dict(groups), dict.fromkeys(classes, 1))
        # The seed's own filters, typed.
        zero = ("invoice_balance", "=", 0)
        true_zero = self._found(
            zero, ("account_balance", "=", 0), model="account.move", records=drafts
        )
        self.assertEqual(true_zero, drafts[3])
        below = self._found(
            ("invoice_balance", "<", 0.01),
            ("account_balance", "<", 0.01),
            model="account.move",
            records=drafts,
        )
        self.assertEqual(below, drafts[3] | drafts[4])
        owing = self._found(zero, ("account_balance", ">", 0), model="account.move", records=drafts)
        self.assertEqual(owing, drafts[2])
        # Confirming moves nobody into another class.
        drafts._post(soft=False)
        drafts.invalidate_recordset()
        self.assertEqual(drafts.mapped("balance_class"), classes)

    def test_a_paid_invoice_or_a_credit_note_is_not_balance_only(self):
        paid = self._invoice(self.customer, 40)
        self._pay(self.customer, 40, paid)
        note = self._invoice(self.customer, 10, move_type="out_refund")
        self._invoice(self.customer, 500)
        documents = (paid | note).with_env(self.env)
        documents.invalidate_recordset()
        self.assertEqual(documents.mapped("balance_class"), ["other", "other"])
        self.assertFalse(
            self._found(
                ("balance_class", "in", ["balance_only", "service_balance"]),
                model="account.move",
                records=documents,
            )
        )

    def test_other_documents_have_no_class(self):
        bill = self._invoice(
            self.customer,
            500,
            move_type="in_invoice",
            journal_id=self.company_data["default_journal_purchase"].id,
        )
        self.assertFalse(bill.balance_class)
        self.assertEqual(
            self._found(("balance_class", "=", False), model="account.move", records=bill), bill
        )

    def test_a_form_in_the_making_does_not_stumble(self):
        self._invoice(self.customer, 30)
        with Form(self.env["account.move"].with_context(default_move_type="out_invoice")) as form:
            self.assertEqual(form.account_balance, 0)
            form.partner_id = self.customer
            self.assertEqual(form.account_balance, 30)
            with form.invoice_line_ids.new() as line:
                line.name = "Pick-up"
                line.price_unit = 7
        self.assertEqual(self.env["res.partner"].new({"name": "New"}).account_balance, 0)

    # --- bad input and rights -----------------------------------------------

    def test_bad_input_is_refused_with_a_sentence(self):
        for model in ("res.partner", "account.move"):
            for value in ("abc", "1,5", float("nan"), float("inf"), None):
                for operator in ("<", ">="):
                    with self.assertRaisesRegex(UserError, "Type a number"):
                        self.env[model].search([("account_balance", operator, value)])
            with self.assertRaisesRegex(UserError, "Account Balance cannot be compared with “abc”"):
                self.env[model].search([("account_balance", "=", "abc")])
        with self.assertRaisesRegex(UserError, "Invoice Balance cannot be compared with “abc”"):
            self.env["account.move"].search([("invoice_balance", "=", "abc")])

    def test_a_huge_number_matches_nobody_or_everybody(self):
        self._invoice(self.customer, 10)
        for value in (1e18, 1e300, 10**60):
            self.assertFalse(self._found(("account_balance", ">", value)))
            self.assertTrue(self._found(("account_balance", "<", value)))
            self.assertFalse(self._found(("account_balance", "=", value)))

    def test_no_company_at_all_is_no_traceback(self):
        env = self.env(context={"allowed_company_ids": []})
        customer = self.customer.with_env(env)
        self._invoice(self.customer, 10)
        self.assertEqual(
            customer.account_balance, customer.with_company(env.company).account_balance
        )

    def test_who_does_no_accounting_sees_no_balance(self):
        user = new_test_user(self.env, "no.accounting", groups="base.group_user")
        partners = self.env["res.partner"].with_user(user)
        with self.assertRaises(AccessError):
            partners.search([("account_balance", ">", 0)])
        with self.assertRaises(AccessError):
            partners.search([], order="account_balance")
        with self.assertRaises(AccessError):
            self.customer.with_user(user).account_balance  # noqa: B018
        with self.assertRaises(AccessError):
            self.customer.with_user(user).action_open_receivable_items()

    def test_an_auditor_who_may_only_read_sees_it(self):
        self._invoice(self.customer, 10)
        user = new_test_user(
            self.env,
            "auditor",
            groups="account.group_account_readonly",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        customer = self.customer.with_user(user).with_context(allowed_company_ids=self.company.ids)
        self.assertEqual(customer.account_balance, 10)

    def test_the_button_opens_what_the_balance_consists_of(self):
        contact = self.env["res.partner"].create({"name": "Billing", "parent_id": self.customer.id})
        self._invoice(contact, 70, invoice_payment_term_id=self.term_parts.id)
        self._invoice(self.customer, 5, company=self.branch)
        self._invoice(self.customer, 900, company=self.other)
        self._invoice(self.customer, 33, post=False)
        action = contact.action_open_receivable_items()
        items = self.env["account.move.line"].search(action["domain"])
        self.assertEqual(sum(items.mapped("amount_residual")), contact.account_balance)
        self.assertEqual(len(items), 4)
        # The list's address, opened again: in the same company, or in another.
        window = self.env["ir.actions.act_window"].browse(action["id"])
        self.assertEqual(window.path, "open-items")
        domain = safe_eval(window.domain, {"active_id": action["context"]["active_id"]})
        self.assertEqual(self.env["account.move.line"].search(domain), items)
        self.assertTrue(all(items.mapped("in_account_balance")))
        elsewhere = self.env["account.move.line"].with_company(self.other).search(domain)
        self.assertEqual(elsewhere.mapped("amount_residual"), [900])
        others = self.env["account.move.line"].search([("in_account_balance", "=", False)])
        self.assertFalse(others & items)
        self.assertFalse(any(others.mapped("in_account_balance")))
