from collections import defaultdict

from odoo import fields
from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import TransactionCase, tagged

from ..demo.accounts import ACCOUNTS
from ..tools.aging import BUCKETS

MODULE = "ar_balance_invoicing"


@tagged("post_install", "-at_install", "-standard", "ar_demo")
class TestDemo(TransactionCase):
    """On a database with demo data: every screen shows something, and shows it right.

    All but the XML ids is read from the database as it is, so the customers that
    Odoo's own demo data brings are looked at too.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.ref("base.main_company")
        cls.roots = cls.env["res.company"].search([("parent_id", "=", False)])
        admin = cls.env.ref("base.user_admin")
        admin.company_ids |= cls.roots
        allowed = (cls.company | cls.roots).ids  # the first one is current
        cls.env = cls.env(user=admin, context={"allowed_company_ids": allowed})
        cls.company, cls.roots = cls.company.with_env(cls.env), cls.roots.with_env(cls.env)
        cls.currency = cls.company.currency_id
        cls.partners = cls.env["res.partner"].with_context(active_test=False)
        cls.moves = cls.env["account.move"]

    @classmethod
    def _ledger(cls):
        """{(customer, root company): balance} of the whole ledger, debits less credits."""
        cls.env.flush_all()
        cls.env.cr.execute(
            """
            SELECT partner.commercial_partner_id,
                   split_part(company.parent_path, '/', 1)::int,
                   SUM(line.balance)
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
              JOIN account_move move ON move.id = line.move_id
              JOIN res_company company ON company.id = move.company_id
              JOIN res_partner partner ON partner.id = line.partner_id
             WHERE account.account_type = 'asset_receivable'
               AND move.state = 'posted'
          GROUP BY 1, 2
            """
        )
        rows = cls.env.cr.fetchall()
        return defaultdict(float, {(customer, root): amount for customer, root, amount in rows})

    def _find(self, model, *domain):
        found = model.search(list(domain))
        self.assertTrue(found, f"nothing meets {domain}")
        return found

    def _customer(self, key):
        return self.env.ref(f"{MODULE}.partner_{key}")

    def setUp(self):
        super().setUp()
        # The demo leaves this month to Create Invoices.
        profile = self.env.ref(f"{MODULE}.billing_profile_monthly")
        today = fields.Date.context_today(self.env.user)
        period = profile.period_ids.filtered(lambda p: p.date_from <= today <= p.date_to)
        self.run_of_month = self.env["ar.billing.run"].search([("period_id", "=", period.id)])
        if not self.run_of_month:
            self.run_of_month = self.env["ar.billing.run"].make(period)
            self.run_of_month.create_invoices()

    # --- something everywhere -----------------------------------------------

    def test_every_balance_class_has_drafts(self):
        for name, _label in self.moves._fields["balance_class"].selection:
            with self.subTest(name):
                domain = [("balance_class", "=", name)]
                if name != "other":
                    domain.append(("state", "=", "draft"))
                self.assertGreaterEqual(self.moves.search_count(domain), 3)

    def test_every_aging_bucket_has_customers(self):
        for bucket in BUCKETS:
            with self.subTest(bucket.field):
                self._find(self.partners, (bucket.field, ">", 0))

    def test_every_sign_of_balance_is_found(self):
        for operator in ("<", "=", ">"):
            with self.subTest(operator):
                self._find(self.partners, ("account_balance", operator, 0))
                self._find(self.moves, ("account_balance", operator, 0))
                self._find(self.moves, ("invoice_balance", operator, 0))
        self._find(self.partners, ("account_overdue", ">", 0))

    def test_every_kind_of_document(self):
        invoice = ("move_type", "=", "out_invoice")
        kinds = {
            "draft of nothing": [invoice, ("state", "=", "draft"), ("amount_total", "=", 0)],
            "cancelled": [invoice, ("state", "=", "cancel")],
            "disputed": [invoice, ("payment_state", "=", "blocked")],
            "part paid": [invoice, ("payment_state", "=", "partial")],
            "paid": [invoice, ("payment_state", "=", "paid")],
            "foreign": [invoice, ("currency_id", "!=", self.currency.id)],
            "open credit note": [("move_type", "=", "out_refund"), ("amount_residual", ">", 0)],
            "small remainder": [("amount_residual", ">", 0), ("amount_residual", "<", 2)],
            "to a billing contact": [invoice, ("partner_id.parent_id", "!=", False)],
        }
        for kind, domain in kinds.items():
            with self.subTest(kind):
                customers = ("commercial_partner_id.category_id", "!=", False)
                self._find(self.moves, customers, *domain)

    def test_customers_of_note(self):
        archived = self._customer("jensen")
        self.assertFalse(archived.active)
        self.assertGreater(archived.account_balance, 0)
        self.assertAlmostEqual(self._customer("nair").account_balance, 0.03)
        self.assertAlmostEqual(self._customer("carter").account_balance, -4.90)
        self.assertGreater(self._customer("whitfield").account_aged_older, 0)
        without_email = [key for key in ACCOUNTS if not self._customer(key).email]
        self.assertEqual(without_email, ["lindqvist", "sunny_acres"])

    # --- and right -----------------------------------------------------------

    def _assert_customers_show_the_ledger(self, company):
        ledger = self._ledger()
        for partner in self.partners.with_company(company).search([]):
            expected = ledger[partner.commercial_partner_id.id, company.root_id.id]
            if self.currency.compare_amounts(partner.account_balance, expected):
                self.fail(f"{partner.display_name}: {partner.account_balance}, not {expected}")

    def _assert_documents_show_the_ledger(self):
        ledger = self._ledger()
        for move in self.moves.search([("partner_id", "!=", False)]):
            customer = move.partner_id.commercial_partner_id
            expected = ledger[customer.id, move.company_id.root_id.id]
            if self.currency.compare_amounts(move.account_balance, expected):
                self.fail(f"{move.display_name}: {move.account_balance}, not {expected}")

    def _assert_search_finds_the_ledger(self, company):
        ledger = self._ledger()
        debtors = {
            customer
            for (customer, root), balance in ledger.items()
            if root == company.root_id.id and self.currency.compare_amounts(balance, 0) > 0
        }
        partners = self.partners.with_company(company)
        found = partners.search([("account_balance", ">", 0)])
        self.assertEqual(set(found.commercial_partner_id.ids), debtors)

    def test_customers_show_the_ledger(self):
        for company in self.roots:
            with self.subTest(company.name):
                self._assert_customers_show_the_ledger(company)
                self._assert_search_finds_the_ledger(company)

    def test_documents_show_the_ledger(self):
        self._assert_documents_show_the_ledger()

    def test_the_same_with_one_ledger(self):
        """Odoo's demo data has a second company. As its branch it shares the ledger."""
        self.assertFalse(self.env["ar.balance"]._has_one_root())
        others = self.roots - self.company
        self.assertEqual(others.currency_id, self.currency)
        # Odoo refuses to move a company that has documents.
        self.env.cr.execute(
            "UPDATE res_company SET parent_id = %s, parent_path = %s || id || '/' WHERE id IN %s",
            [self.company.id, self.company.parent_path, tuple(others.ids)],
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.addCleanup(self.env.registry.clear_cache)
        self.assertTrue(self.env["ar.balance"]._has_one_root())
        self._assert_customers_show_the_ledger(self.company)
        self._assert_search_finds_the_ledger(self.company)
        self._assert_documents_show_the_ledger()

    def test_an_archived_company_keeps_its_ledger(self):
        others = self.roots - self.company
        # Odoo refuses to archive a company that is somebody's own.
        self.env.cr.execute(
            "UPDATE res_company SET active = FALSE WHERE id IN %s", [tuple(others.ids)]
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.addCleanup(self.env.registry.clear_cache)
        self.assertFalse(self.env["ar.balance"]._has_one_root())
        self._assert_customers_show_the_ledger(self.company)
        self._assert_documents_show_the_ledger()

    def test_aging_adds_up(self):
        for partner in self.partners.search([("account_balance", "!=", 0)]):
            aged = sum(partner[bucket.field] for bucket in BUCKETS)
            with self.subTest(partner.display_name):
                self.assertEqual(self.currency.compare_amounts(aged, partner.account_balance), 0)

    # --- the making of it ----------------------------------------------------

    def test_made_only_once(self):
        before = self.moves.search_count([])
        self.env["res.company"].sudo()._ar_load_demo("create_documents")
        self.assertEqual(self.moves.search_count([]), before)

    def test_nobody_can_call_it_from_outside(self):
        with self.assertRaises(AccessError):
            get_public_method(self.env["res.company"], "_ar_load_demo")
