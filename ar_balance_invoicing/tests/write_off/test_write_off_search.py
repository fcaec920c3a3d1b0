"""What a search finds: whole invoices, by criteria that hold whatever became of what they name."""

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestWriteOffSearch(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.thirds = cls._make_term("Three parts", [(34, 0), (33, 30), (33, 60)])
        for line, value in zip(cls.thirds.line_ids, (100 / 3, 100 / 3, 100 / 3), strict=True):
            line.value_amount = value

    def _find(self, **criteria):
        return self._write_off(process=False, **criteria).line_ids

    def _find_of(self, customers, **criteria):
        return self._find(partner_ids=[Command.set(customers.ids)], **criteria)

    def _in_parts(self, amount=180, days_ago=40, **values):
        """An invoice in three parts, due at once, after 30 and after 60 days."""
        return self._invoice(
            self.customer,
            amount,
            invoice_payment_term_id=self.thirds.id,
            days_ago=days_ago,
            **values,
        )

    # --- the whole invoice ---------------------------------------------------

    def test_the_balance_is_what_the_whole_invoice_owes(self):
        """W5: the first of three parts is 40 days old, the second 10, the third not due."""
        invoice = self._in_parts()
        older = {"aging_choice": "30"}
        self.assertFalse(self._find_of(self.customer, balance_below=100, **older))
        line = self._find_of(self.customer, balance_below=200, **older)
        self.assertEqual(line.move_id, invoice)
        self.assertEqual((line.amount_residual, line.amount), (180, 180))
        self.assertEqual(len(line.item_ids), 3)
        self.assertEqual(line.days, 40)

    def test_of_which_not_due(self):
        for days_ago, not_due in ((40, 60), (10, 120), (100, 0)):
            invoice = self._in_parts(days_ago=days_ago)
            line = self._find_of(self.customer).filtered(lambda line, i=invoice: line.move_id == i)
            self.assertEqual(line.amount_not_due, not_due, days_ago)

    def test_of_three_parts_one_is_old_and_two_are_not_due(self):
        invoice = self._in_parts()
        items = invoice.line_ids.filtered("date_maturity").sorted("date_maturity")
        items[1].date_maturity = self.today
        line = self._find_of(self.customer, balance_below=200, aging_choice="30")
        self.assertEqual((line.amount_residual, line.amount_not_due), (180, 120))

    def test_what_is_left_of_a_part_paid_invoice_is_its_balance(self):
        invoice = self._in_parts()
        self._pay(self.customer, 90, invoice)
        line = self._find_of(self.customer, balance_below=100)
        self.assertEqual((line.amount_residual, len(line.item_ids)), (90, 2))
        # Its oldest open part is 10 days old: the one before was paid.
        self.assertFalse(self._find_of(self.customer, aging_choice="30"))
        self.assertEqual(line.days, 10)

    def test_a_due_date_range_finds_the_whole_invoice(self):
        invoice = self._in_parts()
        due = invoice.line_ids.filtered("date_maturity").mapped("date_maturity")
        line = self._find_of(self.customer, due_date_from=max(due), due_date_to=max(due))
        self.assertEqual((line.move_id, line.amount_residual), (invoice, 180))

    def test_a_part_of_another_customer_does_not_find_this_ones(self):
        """One entry, two customers: each has his own row, his own balance and age."""
        other = self.env["res.partner"].create({"name": "Other Debtor"})
        receivable = self.company_data["default_account_receivable"]
        revenue = self.company_data["default_account_revenue"]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": self.today,
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": receivable.id,
                            "partner_id": customer.id,
                            "debit": amount,
                            "date_maturity": self.today.replace(year=self.today.year - years),
                        }
                    )
                    for customer, amount, years in ((self.customer, 30, 1), (other, 40, 0))
                ]
                + [Command.create({"account_id": revenue.id, "credit": 70})],
            }
        )
        entry._post(soft=False)
        found = self._find_of(self.customer | other, aging_choice="30")
        self.assertEqual(
            found.mapped(lambda line: (line.partner_id, line.amount)), [(self.customer, 30)]
        )

    # --- the customer's balance ------------------------------------------------

    def test_an_account_in_credit_does_not_owe_less(self):
        """W2: it owes nothing at all."""
        self._invoice(self.customer, 30)
        self._pay(self.customer, 500)
        self.assertEqual(self.customer.account_balance, -470)
        self.assertFalse(self._find_of(self.customer, customer_balance_below=5))
        self.assertFalse(self._find_of(self.customer, customer_balance_below=5, with_credits=True))

    def test_an_account_that_is_even_does_not_owe_less(self):
        self._invoice(self.customer, 30)
        self._pay(self.customer, 30)
        self.assertFalse(self._find_of(self.customer, customer_balance_below=5))

    # --- criteria that were archived, or are gone --------------------------------

    def _named(self):
        """{criterion: (what it names, the invoice that it finds)}, beside one that none finds."""
        user = self._make_user("seller", "account.group_account_invoice")
        tag = self.env["res.partner.category"].create({"name": "Slow"})
        journal = self.company_data["default_journal_sale"].copy({"code": "SLOW"})
        category = self.env["product.category"].create({"name": "Slow"})
        pound = self.setup_other_currency("GBP")
        profile = self.env["ar.billing.profile"].create(
            {"name": "Slow", "company_id": self.company.id}
        )
        customers = self.env["res.partner"].create([{"name": f"C{n}"} for n in range(7)])
        customers[1].category_id = tag
        customers[2].billing_profile_id = profile
        product = self.env["product.product"].create({"name": "P", "categ_id": category.id})
        invoices = {
            "salesperson_ids": self._invoice(customers[0], 9, invoice_user_id=user.id),
            "tag_ids": self._invoice(customers[1], 9),
            "profile_ids": self._invoice(customers[2], 9),
            "sale_journal_ids": self._invoice(customers[3], 9, journal_id=journal.id),
            "partner_ids": self._invoice(customers[4], 9),
            "currency_ids": self._invoice(customers[5], 9, currency_id=pound.id),
            "product_category_ids": self._invoice(customers[6], 9, post=False),
        }
        invoices["product_category_ids"].invoice_line_ids.product_id = product
        invoices["product_category_ids"]._post(soft=False)
        self._invoice(self.customer, 9)
        named = {
            "salesperson_ids": user,
            "tag_ids": tag,
            "profile_ids": profile,
            "sale_journal_ids": journal,
            "partner_ids": customers[4],
            "currency_ids": pound,
            "product_category_ids": category,
        }
        return {name: (named[name], invoices[name]) for name in named}

    def test_a_criterion_holds_although_what_it_names_was_archived(self):
        """W6, of every criterion that names records, before the search and after it."""
        criteria = self._named()
        names = self.env["ar.write.off"]._get_record_criteria()
        self.assertEqual(set(criteria), names, "each criterion is looked at")
        documents = {
            name: self._write_off(process=False, balance_below=50, **{name: record.ids})
            for name, (record, _invoice) in criteria.items()
        }
        for name, (record, invoice) in criteria.items():
            if "active" in record._fields:
                record.active = False
            self.env.invalidate_all()
            again = documents[name]
            again.action_search()
            self.assertEqual(again.line_ids.move_id, invoice, name)
            found = self._find(balance_below=50, **{name: record.ids})
            self.assertEqual(found.move_id, invoice, name)
            self.assertIn(record.display_name, again.criteria_text)
            values = again._get_criteria_values()
            window = self.env["ar.write.off.search"].create(values)
            self.assertEqual(window[name], record, "Change Criteria keeps it")

    def test_customers_and_products_that_were_archived_are_found(self):
        invoice = self._invoice(self.customer, 9)
        invoice.button_draft()
        product = self.env["product.product"].create({"name": "Gone", "type": "service"})
        invoice.invoice_line_ids.product_id = product
        invoice.action_post()
        product.active = self.customer.active = False
        found = self._find_of(self.customer, product_type="service", partner_name="Debtor, Old")
        self.assertEqual(found.move_id, invoice)

    def test_a_criterion_that_is_gone_finds_nothing_and_says_so(self):
        self._invoice(self.customer, 9)
        tag = self.env["res.partner.category"].create({"name": "Short-lived"})
        self.customer.category_id = tag
        document = self._write_off(process=False, tag_ids=tag.ids, balance_below=50)
        self.assertEqual(len(document.line_ids), 1)
        alone = self._write_off(process=False, tag_ids=tag.ids)
        tag.unlink()
        self.env.invalidate_all()
        for searched in (document, alone):
            searched.action_search()
            self.assertFalse(searched.line_ids)
            self.assertIn("does not exist any more", searched.criteria_text)
        with self.assertRaisesRegex(UserError, "at least one criterion"):
            alone.search_again({})

    # --- cents in one currency only -------------------------------------------------

    def _invoice_and_entry(self, currency, amount, balance):
        """An open item of both amounts, as an opening entry brings it."""
        receivable = self.company_data["default_account_receivable"]
        revenue = self.company_data["default_account_revenue"]
        values = {"partner_id": self.customer.id, "currency_id": currency.id}
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": self.today,
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            **values,
                            "account_id": account.id,
                            "amount_currency": sign * amount,
                            "balance": sign * balance,
                        }
                    )
                    for account, sign in ((receivable, 1), (revenue, -1))
                ],
            }
        )
        entry._post(soft=False)
        return entry

    def test_what_is_open_in_one_currency_only_is_found(self):
        """W15: 1 yen that is 0.00 at home; 0.50 at home that is nothing abroad."""
        yen = self.setup_other_currency("JPY", rates=[("2000-01-01", 1000.0)])
        abroad = self._invoice_and_entry(yen, 1, 0)
        home = self._invoice_and_entry(self.foreign, 0, 0.5)
        found = self._find_of(self.customer, balance_below=5)
        self.assertEqual(found.move_id, abroad | home)
        amounts = {
            line.move_id: (line.amount_residual, line.amount_residual_company) for line in found
        }
        self.assertEqual(amounts, {abroad: (1, 0), home: (0, 0.5)})
        self.assertEqual(self._find_of(self.customer, balance_from=0.5).move_id, home)

    def test_a_credit_in_one_currency_only_is_one_of_the_credits(self):
        credit = self._invoice_and_entry(self.foreign, 0, -0.5)
        self.assertFalse(self._find_of(self.customer, balance_below=5))
        found = self._find_of(self.customer, balance_below=5, with_credits=True)
        self.assertEqual(found.move_id, credit)

    # --- what arrives unticked ------------------------------------------------------

    def test_an_invoice_in_a_payment_in_process_arrives_unticked(self):
        """W19: somebody is paying it; there is no entry yet."""
        invoice, other = self._invoice(self.customer, 30), self._invoice(self.customer, 40)
        journal = self.company_data["default_journal_bank"]
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.customer.id,
                "amount": 30,
                "date": self.today,
                "journal_id": journal.id,
            }
        )
        # As where the bank statement is what books it.
        payment.outstanding_account_id = False
        payment.invoice_ids = invoice
        payment.action_post()
        self.assertEqual((payment.state, payment.move_id.id), ("in_process", False))
        document = self._write_off(invoice | other, process=False)
        line = document.line_ids.filtered(lambda line: line.move_id == invoice)
        self.assertEqual((line.selected, line.hindrance), (False, "in_process"))
        self.assertIn(payment.display_name, line.reason)
        self.assertTrue((document.line_ids - line).selected)
        document.action_process()
        self.assertEqual((line.state, invoice.amount_residual), ("skipped", 30))
        self.assertIn(payment.display_name, line.reason)
        # Once it is rejected, the invoice is owed as any other.
        payment.action_reject()
        line = self._write_off(invoice, process=False).line_ids
        self.assertEqual((line.selected, line.reason), (True, False))

    def test_what_is_matched_with_a_draft_arrives_unticked(self):
        """Core keeps the matching; the ledger, which holds what is posted, does not."""
        invoice = self._invoice(self.customer, 100)
        payment = self._pay(self.customer, 60, invoice)
        payment.move_id.button_draft()
        document = self._write_off(invoice, process=False)
        line = document.line_ids
        self.assertEqual((line.selected, line.hindrance), (False, "draft"))
        self.assertIn(payment.move_id.display_name, line.reason)
        payment.move_id.action_post()
        document.action_search()
        self.assertTrue(document.line_ids.selected, "what was not decided is decided anew")

    def test_a_hindered_row_that_was_ticked_stays_ticked(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 60, invoice).move_id.button_draft()
        document = self._write_off(invoice, process=False)
        document.line_ids.selected = True
        document.action_search()
        self.assertTrue(document.line_ids.selected)
