"""What a customer reads of his account: one truth on all that one confirmation makes."""

import re

from odoo.tests import tagged

from ..billing_common import BillingCommon


@tagged("post_install", "-at_install")
class TestTotalDue(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pickup.taxes_id = False
        [cls.customer] = cls._make_customers("Rosa's Diner")

    def _bill(self, *amounts, customer=None):
        """Drafts of a run: a service in the company's currency and one in euros, by amounts."""
        for amount, currency in zip(
            amounts, (self.company.currency_id, self.foreign), strict=False
        ):
            if amount:
                self._serve(
                    customer or self.customer, price=amount, currency_id=currency.id, quantity=1
                )
        run = self._run()
        run.create_invoices()
        drafts = run.invoice_ids.filtered(
            lambda move: move.partner_id == (customer or self.customer)
        )
        return drafts.sorted(lambda move: move.currency_id == self.foreign)

    def _printed(self, invoice):
        """[(label, amount as printed)] of the block about the account."""
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("account.report_invoice", invoice.ids)[0]
            .decode()
        )
        block = html[html.index('name="account_balance"') :]
        block = block[: block.index("</table>")]
        rows = []
        for row in re.findall(r"<tr.*?</tr>", block, re.DOTALL):
            cells = re.findall(r"<td.*?</td>", row, re.DOTALL)
            texts = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]
            # Spaces that do not break, and marks that keep a sign at its number.
            rows.append(tuple(re.sub("\xa0", " ", text).replace("\ufeff", "") for text in texts))
        return rows

    def _due(self, invoice):
        """{currency: what the total says}, of what was kept."""
        return {
            self.env["res.currency"].browse(int(key)).name: amount
            for key, amount in invoice.total_due_confirmed["due"].items()
        }

    def _renew(self, *records):
        self.env.flush_all()
        self.env.invalidate_all()

    # --- one confirmation ------------------------------------------------------

    def test_dollars_and_euros_confirmed_together_say_the_same(self):
        self._invoice(self.customer, 40, days_ago=40)
        in_dollars, in_euros = both = self._bill(100, 77.92)
        self.assertEqual(in_euros.amount_total_signed, 38.96)
        both.action_post()
        self._renew()
        for invoice in both:
            self.assertEqual(self._due(invoice), {"USD": 140.0, "EUR": 77.92})
            self.assertEqual(invoice.previous_balance, 40)
            self.assertEqual(invoice.amount_due_account, 178.96, "on screens")
            rows = self._printed(invoice)
            self.assertEqual(rows[0], ("Previous balance", "$ 40.00"))
            self.assertNotIn("178.96", str(rows))
            self.assertNotIn("38.96", str(rows))
            totals = [amount for label, amount in rows[-2:]]
            self.assertEqual(set(totals), {"$ 140.00", "77.92 €"})
            self.assertTrue(any(label.startswith("Total due on") for label, _amount in rows))
        self.assertEqual(in_dollars.total_due_confirmed, in_euros.total_due_confirmed)
        labels = [label for label, _amount in self._printed(in_dollars)]
        self.assertIn("Other invoices of this day", labels)

    def test_what_happens_later_does_not_change_what_was_said(self):
        both = self._bill(100, 77.92)
        both.action_post()
        said = [self._printed(invoice) for invoice in both]
        self._pay(self.customer, 100, both[0])
        self._invoice(self.customer, 7)
        self._renew()
        self.assertEqual([self._printed(invoice) for invoice in both], said)
        self.assertEqual(both.mapped("amount_due_account"), [138.96, 138.96])

    def test_confirmed_one_by_one_each_is_true_at_its_own_moment(self):
        first, second = self._bill(100, 77.92)
        first.action_post()
        second.action_post()
        self._renew()
        self.assertEqual(self._due(first), {"USD": 100.0})
        self.assertEqual(self._due(second), {"USD": 100.0, "EUR": 77.92})
        self.assertEqual((second.previous_balance, second.amount_due_account), (100, 138.96))

    def test_a_task_says_the_same_in_all_of_its_chunks(self):
        self._invoice(self.customer, 40, days_ago=40)
        other = self._make_customers("Other")
        self._serve(other, price=9)
        both = self._bill(100, 77.92)
        others = both.billing_run_id.invoice_ids - both
        task = self.env["ar.invoice.task"]._create_for_invoices(both | others, "confirm")
        # One after the other, as chunks of one line.
        self.patch(type(task), "_get_chunk_limit", lambda *args: 1)
        task._start()
        self._renew()
        self.assertEqual(set((both | others).mapped("state")), {"posted"})
        for invoice in both:
            self.assertEqual(self._due(invoice), {"USD": 140.0, "EUR": 77.92})
            self.assertEqual((invoice.previous_balance, invoice.amount_due_account), (40, 178.96))
        self.assertEqual(self._due(others), {"USD": 9.0})

    def test_what_was_sent_already_is_not_told_anew(self):
        both = self._bill(100, 77.92)
        task = self.env["ar.invoice.task"]._create_for_invoices(both, "confirm")
        lines = task.line_ids
        kind = task._get_kind()
        kind._do(task, lines[0])
        lines[0].move_id.is_move_sent = True
        kind._do(task, lines[1])
        self._renew()
        self.assertEqual(len(self._due(lines[0].move_id)), 1)
        self.assertEqual(len(self._due(lines[1].move_id)), 2)

    def test_an_invoice_typed_by_hand_and_confirmed_with_them_is_in_the_total(self):
        typed = self._invoice(self.customer, 5, post=False)
        [billed] = self._bill(100)
        (typed | billed).action_post()
        self._renew()
        self.assertEqual(self._due(billed), {"USD": 105.0})
        self.assertEqual(billed.previous_balance, 0)
        rows = self._printed(billed)
        self.assertEqual(
            [amount for _label, amount in rows], ["$ 0.00", "$ 100.00", "$ 5.00", "$ 105.00"]
        )

    # --- credits ---------------------------------------------------------------

    def test_an_account_in_credit_says_so_and_asks_nothing(self):
        paid = self._invoice(self.customer, 100, days_ago=10)
        self._pay(self.customer, 100, paid)
        paid.button_draft()
        [invoice] = self._bill(10)
        self.assertEqual((invoice.account_balance, invoice.amount_due_account), (-100, -90))
        invoice.action_post()
        self._renew()
        self.assertEqual(self._due(invoice), {"USD": -90.0})
        self.assertEqual((invoice.previous_balance, invoice.amount_due_account), (-100, -90))
        rows = self._printed(invoice)
        self.assertEqual(rows[0], ("Previous balance", "$ -100.00"))
        self.assertEqual(rows[-1], ("Credit on your account, nothing to pay", "$ 90.00"))
        self.assertFalse([row for row in rows if row[0].startswith("Total due")])

    def test_credit_in_one_currency_pays_nothing_of_the_other(self):
        self._pay(self.customer, 150)
        both = self._bill(100, 77.92)
        both.action_post()
        self._renew()
        for invoice in both:
            self.assertEqual(self._due(invoice), {"USD": -50.0, "EUR": 77.92})
            labels = {amount: label for label, amount in self._printed(invoice)[-2:]}
            self.assertEqual(labels["$ 50.00"], "Credit on your account, nothing to pay")
            self.assertTrue(labels["77.92 €"].startswith("Total due on"))

    def test_nothing_owed_is_a_zero(self):
        run = self._run()
        run.create_invoices()
        invoice = run.invoice_ids
        invoice.action_post()
        self._renew()
        self.assertEqual(self._due(invoice), {})
        self.assertEqual([amount for _label, amount in self._printed(invoice)][-1], "$ 0.00")

    # --- who and when ------------------------------------------------------------

    def test_a_draft_shows_what_would_be_due(self):
        self._invoice(self.customer, 40)
        [invoice] = self._bill(100)
        rows = self._printed(invoice)
        self.assertEqual([amount for _l, amount in rows], ["$ 40.00", "$ 100.00", "$ 140.00"])
        self._invoice(self.customer, 3)
        self._renew()
        self.assertEqual(self._printed(invoice)[-1][1], "$ 143.00")

    def test_back_to_draft_and_confirmed_again_it_says_what_is_true_then(self):
        self._invoice(self.customer, 40)
        [invoice] = self._bill(100)
        invoice.action_post()
        self._pay(self.customer, 40)
        invoice.button_draft()
        invoice.action_post()
        self._renew()
        self.assertEqual(self._due(invoice), {"USD": 100.0})
        self.assertEqual(invoice.previous_balance, 0)

    def test_branches_and_contacts_are_one_account(self):
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        self._invoice(contact, 11, company=self.branch)
        self._invoice(self.customer, 1000, company=self.other)
        [invoice] = self._bill(100)
        invoice.action_post()
        self._renew()
        self.assertEqual(self._due(invoice), {"USD": 111.0})

    def test_many_customers_cost_no_more_queries(self):
        costs = []
        for count in (3, 24):
            customers = self._make_customers(*[f"T{count}-{n}" for n in range(count)])
            for customer in customers:
                self._invoice(customer, 12)
                self._serve(customer, price=5)
            run = self._run()
            run.create_invoices()
            drafts = run.invoice_ids.filtered(lambda move: move.partner_id in customers)  # noqa: B023
            drafts._post(soft=False)
            costs.append(self._count_queries(drafts._ar_keep_total_due))
            self.assertEqual(drafts.mapped("amount_due_account"), [17.0] * count)
        self.assertLessEqual(costs[1], costs[0] + 1, costs)
