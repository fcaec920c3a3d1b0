"""What an invoice is said to be: nobody reads “Paid” where nobody has paid."""

import re

from lxml import etree

from odoo import Command
from odoo.tests import HttpCase, tagged

from ..billing_common import BillingCommon
from ..write_off_common import WriteOffCommon

OURS = {"balance_only": "Balance only", "nothing_owed": "Nothing owed", "credit": "In credit"}


# With messages, as when people work.
NOTED = dict.fromkeys(("tracking_disable", "mail_create_nolog", "mail_notrack"), False)


class StatusCommon(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, **NOTED})
        cls.customers = cls._make_everybody()
        cls.run_ = cls._run()
        cls.run_.create_invoices()
        cls.invoices = {
            name: cls.run_.invoice_ids.filtered(lambda move, owner=owner: move.partner_id == owner)
            for name, owner in cls.customers.items()
        }

    @classmethod
    def _confirm(cls):
        cls.run_.invoice_ids.action_post()
        cls.env.flush_all()
        cls.env.invalidate_all()

    def _status_by_sql(self, invoice):
        """The status as a list groups by it and as a search finds it."""
        [(status, count)] = self.env["account.move"]._read_group(
            [("id", "=", invoice.id)], ["status_in_payment"], ["__count"]
        )
        self.assertEqual(count, 1)
        found = self.env["account.move"].search(
            [("id", "=", invoice.id), ("status_in_payment", "=", status)]
        )
        self.assertEqual(found, invoice, status)
        self.assertFalse(
            self.env["account.move"].search(
                [("id", "=", invoice.id), ("status_in_payment", "not in", [status])]
            )
        )
        return status

    def _assert_status(self, invoice, status):
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(invoice.status_in_payment, status)
        self.assertEqual(self._status_by_sql(invoice), status)

    def _notes(self, invoice):
        """All that the chatter of an invoice says: texts, kinds and tracked words."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
        messages = invoice.message_ids
        tracked = messages.sudo().tracking_value_ids
        words = tracked.mapped("old_value_char") + tracked.mapped("new_value_char")
        return " | ".join(
            [
                *(str(message.body).replace("&nbsp;", " ") for message in messages),
                *messages.subtype_id.mapped("name"),
                *(word for word in words if word),
            ]
        )


@tagged("post_install", "-at_install")
class TestStatus(StatusCommon):
    def test_an_invoice_of_zero_of_a_run_says_how_the_account_stands(self):
        for invoice in self.invoices.values():
            self._assert_status(invoice, "draft")
        self._confirm()
        for name in OURS:
            invoice = self.invoices[name]
            self.assertEqual(invoice.amount_total, 0)
            self._assert_status(invoice, name)
            self.assertEqual(invoice.payment_state, "paid", "core's own stays core's")
            self.assertEqual(invoice._ar_get_status_word(), OURS[name])
        for name in ("service_balance", "service_only"):
            self.assertEqual(self.invoices[name].status_in_payment, "posted")
            self.assertFalse(self.invoices[name]._ar_get_status_word())

    def test_it_is_what_is_true_now(self):
        self._confirm()
        customer, invoice = self.customers["balance_only"], self.invoices["balance_only"]
        payment = self._pay(customer, 70)
        self._assert_status(invoice, "nothing_owed")
        self._pay(customer, 5)
        self._assert_status(invoice, "credit")
        payment.action_draft()
        self._assert_status(invoice, "balance_only")

    def test_each_company_has_its_own_account_with_its_branches(self):
        self._confirm()
        owner, invoice = self.customers["nothing_owed"], self.invoices["nothing_owed"]
        self._invoice(owner, 900, company=self.other)
        self._assert_status(invoice, "nothing_owed")
        self._invoice(owner, 30, currency_id=self.foreign.id, post=False)
        self._assert_status(invoice, "nothing_owed")
        self._invoice(owner, 5, company=self.branch)
        self._assert_status(invoice, "balance_only")
        self._pay(owner, 20, currency=self.foreign)
        self._assert_status(invoice, "credit")

    def test_what_people_make_or_customers_pay_stays_as_odoo_says(self):
        self._confirm()
        owner = self.customers["balance_only"]
        by_hand = self._invoice(owner, 0)
        copied = self.invoices["balance_only"].copy()
        copied.action_post()
        paid = self.invoices["service_only"]
        self._pay(self.customers["service_only"], paid.amount_total, paid)
        credited = self._invoice(owner, 30)
        credit = self._invoice(owner, 30, move_type="out_refund")
        (credited | credit).line_ids.filtered(
            lambda item: item.account_type == "asset_receivable"
        ).reconcile()
        for invoice in (by_hand, copied, paid):
            self.assertEqual(invoice.billing_run_id, invoice.billing_run_id & self.run_)
            self._assert_status(invoice, invoice.payment_state)
            self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        self._assert_status(credited, "reversed")
        self._assert_status(credit, "paid")

    def test_cancelled_reset_and_taken_back_ones(self):
        self._confirm()
        invoice = self.invoices["balance_only"]
        invoice.button_draft()
        self._assert_status(invoice, "draft")
        invoice.button_cancel()
        self._assert_status(invoice, "cancel")
        invoice.button_draft()
        invoice.action_post()
        self._assert_status(invoice, "balance_only")

    def test_a_run_that_is_gone_leaves_what_it_made(self):
        self._confirm()
        invoice = self.invoices["nothing_owed"]
        invoice._write_inside({"billing_run_id": False})
        self._assert_status(invoice, "nothing_owed")

    def test_charges_that_net_to_zero_are_nothing_that_was_paid(self):
        [customer] = self._make_customers("Netted")
        self._invoice(customer, 12)
        self._serve(customer, price=40)
        self._serve(customer, price=-40)
        run = self._run(self.profile.period_ids.sorted("date_from")[0])
        run.create_invoices()
        invoice = run.invoice_ids.filtered(lambda move: move.partner_id == customer)
        self.assertEqual((invoice.amount_total, len(invoice.invoice_line_ids) > 1), (0, True))
        invoice.action_post()
        self._assert_status(invoice, "balance_only")

    def test_sent_and_confirmed_are_found_apart(self):
        self._confirm()
        sent, confirmed = self.invoices["service_only"], self.invoices["service_balance"]
        sent.is_move_sent = True
        found = self.env["account.move"].search
        ours = [("id", "in", (sent | confirmed).ids)]
        self.assertEqual(found([*ours, ("status_in_payment", "=", "sent")]), sent)
        self.assertEqual(found([*ours, ("status_in_payment", "=", "posted")]), confirmed)
        self.assertEqual(
            found([*ours, ("status_in_payment", "in", ["sent", "posted"])]), sent | confirmed
        )

    def test_the_chatter_does_not_say_paid(self):
        self._confirm()
        for name, word in OURS.items():
            notes = self._notes(self.invoices[name])
            self.assertIn(word, notes)
            self.assertNotRegex(notes, r"(?i)(?<!not )\bpaid\b")

    def test_in_the_language_of_who_reads(self):
        self._confirm()
        self.env["res.lang"]._activate_lang("de_DE")
        value = self.env["ir.model.fields.selection"].search(
            [
                ("field_id.model", "=", "account.move"),
                ("field_id.name", "=", "status_in_payment"),
                ("value", "=", "balance_only"),
            ]
        )
        value.with_context(lang="de_DE").name = "Nur Altsaldo"
        invoice = self.invoices["balance_only"]
        self.assertEqual(invoice.with_context(lang="de_DE")._ar_get_status_word(), "Nur Altsaldo")
        self.assertEqual(invoice._ar_get_status_word(), "Balance only")

    def test_no_query_for_each_row_of_a_list(self):
        names = [f"Row {number}" for number in range(20)]
        customers = self._make_customers(*names)
        for customer in customers[::2]:
            self._invoice(customer, 10)
        run = self._run(self.profile.period_ids.sorted("date_from")[0])
        run.create_invoices()
        invoices = run.invoice_ids.filtered(lambda move: move.partner_id in customers)
        invoices.action_post()
        self.assertEqual(len(invoices), 20)
        spec = {name: {} for name in ("name", "status_in_payment", "account_balance")}
        few = self._count_queries(lambda: invoices[:2].web_read(spec), warm=True)
        many = self._count_queries(lambda: invoices.web_read(spec))
        self.assertEqual(many, few)
        self.assertEqual(
            set(invoices.mapped("status_in_payment")), {"balance_only", "nothing_owed"}
        )

    def test_the_invoice_analysis_says_the_same(self):
        self._confirm()
        reader = self._make_user("status.analyst", "account.group_account_readonly")
        report = self._as(reader, self.env["account.invoice.report"])
        [customer] = self._make_customers("Netted")
        self._invoice(customer, 12)
        self._serve(customer, price=40)
        self._serve(customer, price=-40)
        run = self._run(self.profile.period_ids.sorted("date_from")[0])
        run.create_invoices()
        invoice = run.invoice_ids.filtered(lambda move: move.partner_id == customer)
        invoice.action_post()
        self.env.flush_all()
        domain = [("move_id", "=", invoice.id)]
        rows = report._read_group(domain, ["account_status"], ["price_subtotal:sum"])
        self.assertEqual(rows, [("balance_only", 0.0)])
        found = report.search([*domain, ("account_status", "=", "balance_only")])
        self.assertEqual(found.move_id, invoice)
        self.assertFalse(report.search([*domain, ("account_status", "=", "paid")]))
        self.assertEqual(set(found.mapped("payment_state")), {invoice.payment_state})
        self.assertTrue(report.fields_get(["account_status"])["account_status"]["groupable"])

    def test_who_reads_only_reads_the_same(self):
        self._confirm()
        reader = self._make_user("status.reader", "account.group_account_readonly")
        for name in OURS:
            theirs = self._as(reader, self.invoices[name])
            self.assertEqual(theirs.status_in_payment, name)

    def test_the_e_mail_calls_nothing_paid(self):
        self._confirm()
        bodies = {}
        for name in OURS:
            invoice = self.invoices[name]
            template = self.env["account.move.send"]._get_default_mail_template_id(invoice)
            body = template._render_field("body_html", invoice.ids)[invoice.id]
            bodies[name] = " ".join(re.sub(r"<[^>]+>", " ", str(body)).split())
            self.assertNotIn("paid", bodies[name])
            self.assertIn(invoice.name, bodies[name])
        self.assertIn("your account owed $ 70.00", bodies["balance_only"].replace("\xa0", " "))
        self.assertIn("in credit by $ 15.00", bodies["credit"].replace("\xa0", " "))
        self.assertIn("nothing to pay", bodies["credit"])
        self.assertIn("owes nothing", bodies["nothing_owed"])
        self.assertNotIn("Please name this when you pay", bodies["nothing_owed"])
        ordinary = self.invoices["service_only"]
        self.assertEqual(
            ordinary._get_mail_template(), self.env.ref("account.email_template_edi_invoice")
        )

    def test_no_paid_ribbon_on_the_form(self):
        arch = self.env["account.move"].get_view(view_type="form")["arch"]
        ribbons = dict(
            re.findall(r'<widget name="web_ribbon" title="([^"]+)"[^>]*invisible="([^"]+)"', arch)
        )
        for name, word in OURS.items():
            self.assertEqual(ribbons[word], f"status_in_payment != '{name}'")
            self.assertIn(name, ribbons["Paid"])

    def test_a_card_shows_both_balances_and_the_status(self):
        shown = {"invoice_balance", "account_balance", "status_in_payment"}
        self.assertLess(shown, self._get_fields("account.view_account_move_kanban"))
        shown = {"complete_name", "account_balance", "account_overdue"}
        kind = "ar_balance_invoicing.res_partner_view_kanban_account_balance"
        self.assertLess(shown, self._get_fields(kind))

    def _get_arch(self, view):
        view = self.env.ref(view)
        return etree.fromstring(self.env[view.model].get_view(view.id, view_type=view.type)["arch"])

    def _get_fields(self, view):
        return set(self._get_arch(view).xpath("//field/@name"))

    def test_footers_are_in_one_currency(self):
        """Else today's rates make another total than those of the invoices."""
        several = self.env.ref("base.group_multi_currency")
        foreign = {"amount_total_in_currency_signed", "amount_untaxed_in_currency_signed"}
        for user_sees, total in (
            (True, "amount_total_signed"),
            (False, "amount_total_in_currency_signed"),
        ):
            if not user_sees:
                several.implied_by_ids.implied_ids = [Command.unlink(several.id)]
                self.env.user.group_ids -= several
            self.assertEqual(self.env.user.has_group("base.group_multi_currency"), user_sees)
            for view in ("view_out_invoice_tree", "view_out_credit_note_tree"):
                summed = set(self._get_arch(f"account.{view}").xpath("//field[@sum]/@name"))
                self.assertLessEqual({total, "invoice_balance"}, summed)
                self.assertEqual(summed & foreign, {total} & foreign)

    def test_the_print_does_not_name_the_run(self):
        self._confirm()
        self.assertTrue(self.run_.name)
        for invoice in self.invoices.values():
            html = self.env["ir.actions.report"]._render_qweb_html(
                "account.report_invoice", invoice.ids
            )[0]
            self.assertNotIn(self.run_.name, html.decode())
            owes = invoice not in (self.invoices["nothing_owed"] | self.invoices["credit"])
            self.assertEqual("Payment Communication" in html.decode(), owes)
            self.assertNotIn("Paid on", html.decode())


@tagged("post_install", "-at_install")
class TestStatusInThePortal(StatusCommon, HttpCase):
    def test_the_customer_reads_how_his_account_stands(self):
        self._confirm()
        for name, word in OURS.items():
            invoice = self.invoices[name]
            user = self._make_user(f"portal.{name}", "base.group_portal")
            user.partner_id.parent_id = self.customers[name]
            invoice.message_subscribe(user.partner_id.ids)
            self.authenticate(user.login, user.login)
            pages = [
                self.url_open("/my/invoices").text,
                self.url_open(f"/my/invoices/{invoice.id}").text,
                self.url_open(f"/my/invoices/{invoice.id}?report_type=html").text,
            ]
            for page in pages[:2]:
                self.assertIn(invoice.name, page)
                self.assertEqual(page.count('name="ar_status_badge"'), 1)
                self.assertRegex(page, rf'name="ar_status_badge"[^>]*>{word}<')
            for page in pages:
                self.assertNotRegex(page, r">\s*Paid\s*<")
                self.assertNotIn("Paid on", page)

    def test_what_was_paid_reads_paid(self):
        self._confirm()
        invoice = self.invoices["service_only"]
        self._pay(self.customers["service_only"], invoice.amount_total, invoice)
        self.env.flush_all()
        page = self.url_open(invoice.get_portal_url()).text
        self.assertNotIn("ar_status_badge", page)
        self.assertRegex(page, r"Paid\s*<")


@tagged("post_install", "-at_install")
class TestWrittenOffStatus(WriteOffCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, **NOTED})

    def _notes(self, invoice):
        return StatusCommon._notes(self, invoice)

    def _page(self, invoice):
        self.env.flush_all()
        return self.url_open(invoice.get_portal_url()).text

    def test_whole_and_undone(self):
        invoice = self._invoice(self.customer, 12.34, days_ago=60)
        document = self._write_off(invoice)
        self.assertEqual(invoice._ar_get_status_word(), "Written Off")
        notes = self._notes(invoice)
        self.assertIn("Written off: $ 12.34 (Small)", notes)
        self.assertIn(document.name, notes)
        self.assertNotRegex(notes, r"(?i)(?<!not )\bpaid\b")
        page = self._page(invoice)
        self.assertRegex(page, r'name="ar_status_badge"[^>]*>Written Off<')
        self.assertNotRegex(page, r">\s*Paid\s*<")
        document.action_undo()
        notes = self._notes(invoice)
        self.assertIn("Write-off undone: $ 12.34 (Small)", notes)
        self.assertNotRegex(notes, r"(?i)(?<!not )\bpaid\b")
        self.assertNotIn("ar_status_badge", self._page(invoice))

    def test_partly_paid_and_the_rest_written_off(self):
        invoice = self._invoice(self.customer, 100, days_ago=60)
        payment = self._pay(self.customer, 60, invoice)
        self._write_off(invoice)
        self.assertEqual(invoice.status_in_payment, "written_off")
        self.assertNotRegex(self._notes(invoice), r"(?i)(?<!not |lly )\bpaid\b")
        # The money goes back: it never was paid as a whole.
        payment.action_draft()
        self.assertEqual(invoice.amount_written_off, 40)
        self.assertNotRegex(self._notes(invoice), r"(?i)(?<!not |lly )\bpaid\b")

    def test_a_part_written_off_is_not_already_paid(self):
        invoice = self._invoice(self.customer, 100, days_ago=60)
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 30
        document.action_process()
        page = self._page(invoice)
        self.assertNotIn("Already Paid", page)
        self.assertRegex(page, r"Written off:\s*<span[^>]*>\$[^<]*<span[^>]*>30.00")
        self._pay(self.customer, 20, invoice)
        page = self._page(invoice)
        self.assertRegex(page, r"Already Paid:\s*<span[^>]*>\$[^<]*<span[^>]*>20.00")
        self.assertRegex(page, r"Written off:\s*<span[^>]*>\$[^<]*<span[^>]*>30.00")

    def test_settled_by_own_money_alone_was_paid(self):
        invoice = self._invoice(self.customer, 50, days_ago=60)
        self._pay(self.customer, 50, days_ago=10)
        document = self._write_off(invoice)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertIn(invoice.status_in_payment, ("paid", "in_payment"))
        self.assertFalse(invoice._ar_get_status_word())
        self.assertEqual(document.state, "done")

    def test_the_e_mail_of_a_written_off_invoice(self):
        invoice = self._invoice(self.customer, 50, days_ago=60)
        self._write_off(invoice)
        template = invoice._get_mail_template()
        body = str(template._render_field("body_html", invoice.ids)[invoice.id])
        self.assertNotIn("paid", body)
        self.assertIn("was written off", body)

    def test_the_payments_widget_marks_it(self):
        invoice = self._invoice(self.customer, 100, days_ago=60)
        self._pay(self.customer, 60, invoice)
        self._write_off(invoice)
        rows = invoice.invoice_payments_widget["content"]
        self.assertEqual(
            sorted((row["amount"], row["ar_written_off"]) for row in rows),
            [(40.0, True), (60.0, False)],
        )
        assets = self.env["ir.qweb"]._get_asset_bundle("web.assets_backend", js=True, css=False)
        self.assertTrue(any("payments_widget.xml" in str(asset.url) for asset in assets.templates))
