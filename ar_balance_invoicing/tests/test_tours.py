"""The screens, walked in Chromium."""

import json
import threading

from odoo import SUPERUSER_ID, Command
from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from .billing_common import BillingCommon


@tagged("post_install", "-at_install")
class TestTours(BillingCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = new_test_user(
            cls.env,
            "tour.clerk",
            groups="account.group_account_invoice",
            name="Receivables Clerk",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def test_filter_invoices_by_both_balances(self):
        owes, balance, nothing, credit = self.env["res.partner"].create(
            [{"name": f"Tour {name}"} for name in ("Owes", "Balance", "Nothing", "Credit")]
        )
        old = self._invoice(balance, 250, days_ago=70) | self._invoice(owes, 30, days_ago=70)
        self._pay(credit, 15)
        self.env["account.move"].create(
            [
                self._invoice_vals(customer, amount)
                for customer, amount in ((owes, 99), (balance, 0), (nothing, 0), (credit, 0))
            ]
        )
        self.assertEqual(sum(old.mapped("amount_residual")), 280)
        self.start_tour("/odoo/customer-invoices?debug=0", "ar_invoice_balance", login="tour.clerk")

    def test_amounts_as_people_type_them_into_a_search(self):
        """The same in the browser as over the API."""
        typed = {"$0": 0, "$0.00": 0, "(5)": -5, "5-": -5, "1,234.50": 1234.5, "$ (12)": -12}
        refused = ["1.234,56", "1,5", "(5", "(-5)", "abc", "$", "1 2", "5+", "1a2", "x" * 5000]
        for text in typed:
            field = self.env["account.move"]._fields["account_balance"]
            self.assertEqual(self.env["ar.amount.search"]._parse(field, text), typed[text])
        for text in refused:
            with self.assertRaisesRegex(UserError, "not an amount"):
                self.env["account.move"].search([("account_balance", "=", text)])
        code = """
            const parsers = odoo.loader.modules.get("@web/core/registry").registry
                .category("parsers");
            const parse = (text) => {
                try { return parsers.get("monetary")(text); } catch { return "refused"; }
            };
            const typed = TYPED;
            const wrong = Object.keys(typed).filter((text) => parse(text) !== typed[text]);
            console.log(wrong.length ? "wrong: " + wrong.map((t) => t + " → " + parse(t))
                : "test successful");
        """
        expected = json.dumps(typed | dict.fromkeys(refused, "refused"))
        self.browser_js(
            "/odoo/customer-invoices",
            code.replace("TYPED", expected),
            ready="odoo.isReady === true",
            login="tour.clerk",
        )

    def test_create_account_balance_invoices(self):
        """The seed page, in its order."""
        self.profile.name = "Tour Monthly"
        service, balance, _nothing = self._make_customers(
            "Tour Service", "Tour Balance", "Tour Nothing"
        )
        self._serve(service)
        self._invoice(balance, 70, days_ago=50)
        self.start_tour(
            "/odoo/action-ar_balance_invoicing.ar_create_invoices_action",
            "ar_create_invoices",
            login="tour.clerk",
        )
        invoices = self.env["account.move"].search([("billing_period_id", "=", self.period.id)])
        self.assertEqual(invoices.partner_id, service | balance)
        group = invoices.invoice_group_id
        self.assertEqual((group.name, group.invoice_ids), ("Tour Balance Only", invoices))

    def test_the_next_period_in_five_clicks(self):
        for customer in self._make_customers("Tour Ann", "Tour Bob"):
            self._serve(customer)
        self._run().create_invoices()
        following = self.profile.period_ids.sorted("date_from").filtered(
            lambda period: period.date_from > self.period.date_to
        )[:1]
        self.start_tour("/odoo/customer-invoices", "ar_next_period", login="tour.clerk")
        invoices = self.env["account.move"].search([("billing_period_id", "=", following.id)])
        self.assertEqual(invoices.mapped("state"), ["draft", "draft"])

    def test_invoice_groups_in_four_clicks(self):
        """A group of invoices of zero; a group of drafts, confirmed and e-mailed."""
        anna, bert = self.env["res.partner"].create(
            [{"name": f"Tour {name}", "email": f"{name}@example.com"} for name in ("Anna", "Bert")]
        )
        self._invoice(anna, 120, days_ago=40)
        self._invoice(bert, 7, days_ago=100)
        zero = self._invoice(anna, 0) | self._invoice(bert, 0)
        self.start_tour(
            "/odoo/customer-invoices?debug=0", "ar_balance_only_group", login="tour.clerk"
        )
        self.assertTrue(zero.invoice_group_id.is_balance_only)
        group = self.env["ar.invoice.group"].create({"name": "Tour Drafts"})
        drafts = self._invoice(anna, 5, post=False) | self._invoice(bert, 6, post=False)
        group.add_invoices(drafts)
        self.start_tour(
            f"/odoo/invoice-groups/{group.id}", "ar_confirm_and_email_group", login="tour.clerk"
        )
        self.assertEqual(set(drafts.mapped("email_state")), {"waiting"})
        self.assertEqual(set(drafts.mapped("state")), {"posted"})

    def test_write_off_in_a_batch_process(self):
        """The seed page about writing off, in its order."""
        self.clerk.group_ids |= self.env.ref("ar_balance_invoicing.group_write_off")
        delgado, other, young = self.env["res.partner"].create(
            [{"name": name} for name in ("Tour Rosa Delgado", "Tour Other", "Tour Young")]
        )
        old = self._invoice(delgado, 4.5, days_ago=100)
        keep = self._invoice(other, 3.25, days_ago=100)
        self._invoice(young, 2, days_ago=10)
        self._invoice(delgado, 400, days_ago=100)
        self.start_tour(
            "/odoo/action-ar_balance_invoicing.ar_write_off_search_action",
            "ar_write_off",
            login="tour.clerk",
        )
        self.assertEqual((old.write_off_state, old.amount_residual), ("full", 0))
        self.assertEqual(keep.amount_residual, 3.25)
        again = self._invoice(delgado, 4.5, days_ago=100)
        self.start_tour("/odoo/customer-invoices", "ar_write_off_in_six_clicks", login="tour.clerk")
        self.assertEqual((again.write_off_state, keep.amount_residual), ("full", 3.25))

    def test_progress_is_live(self):
        """A long run, worked off in the background while its form is open."""
        self.company.ar_background_seconds = 0.01
        self._make_customers("Tour One", "Tour Two", "Tour Three")
        run = self._run()
        run.create_invoices()
        self.assertEqual(run.state, "queued")
        self.env.flush_all()
        worker = threading.Timer(8, self._work_in_background)
        worker.start()
        self.start_tour(
            f"/odoo/action-ar_balance_invoicing.ar_billing_run_action/{run.id}",
            "ar_live_progress",
            login="tour.clerk",
        )
        worker.join()
        run.invalidate_recordset()
        self.assertEqual((run.state, len(run.invoice_ids)), ("done", 3))

    def test_a_group_follows_its_task(self):
        """The figures and the pictures, when the drafts were confirmed in the background."""
        self.company.ar_background_seconds = 0.01
        customer = self.env["res.partner"].create({"name": "Tour Anna"})
        group = self.env["ar.invoice.group"].create({"name": "Tour Drafts"})
        group.add_invoices(
            self._invoice(customer, 5, post=False) | self._invoice(customer, 6, post=False)
        )
        group.action_confirm_drafts()
        self.assertEqual(group.task_ids.state, "queued")
        self.env.flush_all()
        worker = threading.Timer(12, self._work_in_background)
        worker.start()
        self.start_tour(
            f"/odoo/invoice-groups/{group.id}", "ar_group_follows_its_task", login="tour.clerk"
        )
        worker.join()
        group.invalidate_recordset()
        self.assertEqual(group.draft_count, 0)

    def _work_in_background(self):
        """What a cron worker does, in a thread of its own while the browser looks on."""
        with self.registry.cursor() as cr:
            env = self.env(cr=cr, user=SUPERUSER_ID)
            env["ar.bulk.lanes"]._cron_work()
