"""Documents back in draft keep their matchings; the account owes what the ledger says."""

from odoo import Command
from odoo.tests import tagged

from ..common import BalanceCommon


@tagged("post_install", "-at_install")
class TestDraftMatching(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create({"name": "Rosa's Diner", "is_company": True})

    def _owes(self, amount, customer=None, company=None):
        """The account by every road: field, search, list of open items, and the ledger."""
        company = company or self.company
        customer = (customer or self.customer).with_company(company)
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(customer.account_balance, amount)
        found = customer.search([("id", "=", customer.id), ("account_balance", "=", amount)])
        self.assertEqual(found, customer)
        aged = sum(customer[name] for name in self._aging_names())
        self.assertAlmostEqual(aged, amount, 6)
        items = self._open_items(customer)
        self.assertAlmostEqual(sum(items.mapped("open_balance")), amount, 6)
        root = company.root_id.id
        self.assertEqual(float(self._ledger_balances()[customer.id, root]), amount)

    def _aging_names(self):
        names = self.env["ar.balance"]._get_figure_names()
        return [name for name in names if name not in ("account_balance", "account_overdue")]

    def _open_items(self, customer=None):
        customer = customer or self.customer
        action = customer.action_open_receivable_items()
        return customer.env["account.move.line"].search(action["domain"])

    def _receivable(self, *documents):
        moves = self.env["account.move"].concat(*documents)
        return moves.line_ids.filtered(lambda line: line.account_type == "asset_receivable")

    # --- an invoice goes back to draft ---------------------------------------

    def test_a_paid_invoice_back_in_draft_leaves_its_payment_unapplied(self):
        invoice = self._invoice(self.customer, 100, days_ago=10)
        payment = self._pay(self.customer, 100, invoice)
        self._owes(0)
        invoice.button_draft()
        self._owes(-100)
        item = self._receivable(payment.move_id)
        self.assertEqual(item.amount_residual, 0, "core's own word")
        self.assertTrue(item.reconciled, "core's own word")
        self.assertEqual(self._open_items(), item)
        self.assertEqual(item.open_balance, -100)
        self.assertEqual(item.draft_match, f"matched with draft {invoice.name}")
        # Somebody bills him again meanwhile.
        draft = self._invoice(self.customer, 10, post=False)
        self.assertEqual((draft.account_balance, draft.balance_class), (-100, "credit"))
        draft._post(soft=False)
        self._owes(-90)
        # The first one is confirmed again, with its payment.
        invoice._post(soft=False)
        self._owes(10)
        self.assertFalse(item.draft_match)
        self.assertEqual(self._open_items(), self._receivable(draft))

    def test_the_draft_itself_owes_its_total_again(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 100, invoice)
        invoice.button_draft()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual((invoice.invoice_balance, invoice.balance_class), (100, "credit"))
        for domain in (
            [("invoice_balance", "=", 100)],
            [("balance_class", "=", "credit")],
            [("account_balance", "<", 0)],
        ):
            self.assertTrue(invoice.search([("id", "=", invoice.id), *domain]), domain)

    def test_partly_paid_and_back_in_draft(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 30, invoice)
        self._owes(70)
        invoice.button_draft()
        self._owes(-30)
        invoice.button_cancel()  # core removes the matching now
        self._owes(-30)

    def test_cancelled_from_posted_it_lets_the_payment_go(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 100, invoice)
        invoice.button_cancel()
        self._owes(-100)

    # --- what has paid goes back to draft --------------------------------------

    def test_a_payment_back_in_draft_leaves_its_invoices_unpaid_and_overdue(self):
        old = self._invoice(self.customer, 60, days_ago=45)
        new = self._invoice(self.customer, 50)
        payment = self._pay(self.customer, 80, old | new)
        self._owes(30)
        payment.action_draft()
        self._owes(110)
        self.assertEqual(self.customer.account_overdue, 60)
        self.assertEqual(self.customer.account_aged_60, 60)
        self.assertTrue(
            self.customer.search([("id", "=", self.customer.id), ("account_overdue", "=", 60)])
        )
        both = old | new
        both.invalidate_recordset()
        self.assertEqual(both.mapped("invoice_balance"), [60, 50])
        self.assertEqual(both.mapped("balance_class"), ["service_balance", "service_balance"])
        found = both.search([("id", "in", both.ids), ("invoice_balance", "in", [50, 60])])
        self.assertEqual(found, both)
        groups = both._read_group(
            [("id", "in", both.ids)], ["balance_class"], ["invoice_balance:sum"]
        )
        self.assertEqual(groups, [("service_balance", 110)])
        items = self.env["ar.balance"]._get_customers_items(self.customer, self.company)
        self.assertEqual(items & both.line_ids, self._receivable(old, *(both - old)))
        self.assertEqual(self._receivable(old).open_balance, 60)

    def test_a_credit_note_back_in_draft_credits_nothing(self):
        invoice = self._invoice(self.customer, 100)
        note = self._invoice(self.customer, 100, move_type="out_refund")
        self._receivable(invoice, note).reconcile()
        note.button_draft()
        self._owes(100)
        invoice.button_draft()
        self._owes(0)
        invoice._post(soft=False)
        self._owes(100)

    def test_a_draft_that_was_matched_before_it_was_ever_posted(self):
        payment = self._pay(self.customer, 40)
        draft = self._invoice(self.customer, 100, post=False)
        self._receivable(payment.move_id, draft).reconcile()
        self._owes(-40)
        draft.invalidate_recordset()
        self.assertEqual(draft.invoice_balance, 100)
        draft._post(soft=False)
        self._owes(60)

    # --- currencies --------------------------------------------------------------

    def test_in_foreign_currency_with_the_exchange_difference(self):
        invoice = self._invoice(self.customer, 100, currency_id=self.foreign.id, days_ago=400)
        payment = self._pay(self.customer, 100, invoice, currency=self.foreign)
        self._owes(0)
        invoice.button_draft()
        self.env.flush_all()
        self.env.invalidate_all()
        [(ledger,)] = self._ledger(
            """SELECT SUM(l.balance) FROM account_move_line l
                 JOIN account_account a ON a.id = l.account_id
                WHERE a.account_type = 'asset_receivable' AND l.parent_state = 'posted'
                  AND l.partner_id = %s""",
            self.customer.id,
        )
        self._owes(float(ledger))
        item = self._receivable(payment.move_id)
        self.assertEqual(item.open_balance_currency, -100)
        amounts = self.env["ar.balance"]._get_open_amounts(item)
        self.assertEqual(amounts[item.id], (item.balance, -100))

    # --- who else ------------------------------------------------------------------

    def test_another_companys_drafts_change_nothing_here(self):
        here = self._invoice(self.customer, 10)
        there = self._invoice(self.customer, 1000, company=self.other)
        self._pay(self.customer, 1000, there, company=self.other)
        there.with_company(self.other).button_draft()
        self._owes(10)
        self._owes(-1000, company=self.other)
        both = (here | there).with_context(allowed_company_ids=[self.company.id, self.other.id])
        self.assertEqual(both.mapped("account_balance"), [10, -1000])

    def test_a_branch_pays_with_a_draft_and_the_company_sees_it(self):
        invoice = self._invoice(self.customer, 50, company=self.branch)
        payment = self._pay(self.customer, 50, invoice, company=self.company)
        payment.action_draft()
        self._owes(50)
        self._owes(50, company=self.branch)

    def test_paid_by_another_customer_with_a_document_back_in_draft(self):
        parent = self.env["res.partner"].create({"name": "Head Office", "is_company": True})
        invoice = self._invoice(self.customer, 70)
        payment = self._pay(parent, 70)
        self._receivable(invoice, payment.move_id).reconcile()
        self.env.invalidate_all()
        self.assertEqual((self.customer | parent).mapped("account_balance"), [0, 0])
        payment.action_draft()
        self._owes(70)
        self._owes(0, customer=parent)

    def test_the_list_of_open_items_adds_up_however_it_is_grouped(self):
        invoice = self._invoice(self.customer, 100, invoice_payment_term_id=self.term_parts.id)
        payment = self._pay(self.customer, 45, invoice)
        self._invoice(self.customer, 5)
        payment.action_draft()
        self._owes(105)
        action = self.customer.action_open_receivable_items()
        lines = self.env["account.move.line"]
        [(total, in_currency)] = lines._read_group(
            action["domain"], [], ["open_balance:sum", "open_balance_currency:sum"]
        )
        self.assertEqual((total, in_currency), (105, 105))
        noted = lines.search([*action["domain"], ("has_draft_match", "=", True)])
        self.assertEqual(
            set(noted.mapped("draft_match")), {f"matched with draft {payment.move_id.name}"}
        )
        others = lines.search([*action["domain"], ("has_draft_match", "!=", True)])
        self.assertEqual(others | noted, lines.search(action["domain"]))
        debits = lines.search([*action["domain"], ("open_balance", ">", 35)])
        self.assertEqual(debits.mapped("open_balance"), [])

    def test_what_is_held_by_a_draft_can_not_be_matched_or_lost(self):
        invoice = self._invoice(self.customer, 100)
        payment = self._pay(self.customer, 40, invoice)
        payment.action_draft()
        self._owes(100)
        item = self._receivable(invoice)
        balances = self.env["ar.balance"]
        self.assertIn(item, item.search(balances._get_open_item_domain(self.company)))
        self.assertEqual(item.amount_residual, 60, "all that can be lost")
        self.assertEqual(balances._get_open_amounts(item), {item.id: (100, 100)})

    def test_open_amounts_cost_one_query_for_any_number_of_items(self):
        customers = self.env["res.partner"].create([{"name": f"C{n}"} for n in range(12)])
        invoices = self.env["account.move"].concat(*[self._invoice(c, 10) for c in customers])
        for invoice in invoices[::3]:
            self._pay(invoice.partner_id, 10, invoice).action_draft()
        items = self._receivable(invoices)
        costs = []
        for some in (items[:2], items):
            self.env.flush_all()
            some.mapped("amount_residual")
            some.mapped("currency_id.rounding")
            some.mapped("company_currency_id.rounding")
            before = self.env.cr.sql_log_count
            amounts = self.env["ar.balance"]._get_open_amounts(some)
            costs.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(amounts.values()), {(10, 10)})
        self.assertEqual(costs, [1, 1])

    def test_an_opening_entry_with_two_customers(self):
        second = self.env["res.partner"].create({"name": "Second"})
        receivable = self.company_data["default_account_receivable"]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {"account_id": receivable.id, "partner_id": partner.id, "debit": amount}
                    )
                    for partner, amount in ((self.customer, 100), (second, 50))
                ]
                + [
                    Command.create(
                        {
                            "account_id": self.company_data["default_account_revenue"].id,
                            "credit": 150,
                        }
                    )
                ],
            }
        )
        entry._post(soft=False)
        payment = self._pay(self.customer, 100)
        item = self._receivable(entry).filtered(lambda line: line.partner_id == self.customer)
        (item | self._receivable(payment.move_id)).reconcile()
        payment.action_draft()
        self._owes(100)
        self._owes(50, customer=second)
        entry.button_draft()
        self._owes(0)
        self._owes(0, customer=second)
