"""Writing off and taking back, as the accountant sees it."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from ..write_off_common import WriteOffCommon


@tagged("post_install", "-at_install")
class TestWriteOff(WriteOffCommon):
    # --- search -------------------------------------------------------------

    def test_criteria_combine_and_are_strict(self):
        small, exact, large = (
            self._invoice(self.customer, amount, days_ago=100) for amount in (4.99, 5, 80)
        )
        young = self._invoice(self.customer, 3, days_ago=30)
        found = self._write_off(process=False, balance_below=5, aging_choice="30")
        self.assertEqual(found.line_ids.move_id & (small | exact | large | young), small)
        self.assertTrue(all(found.line_ids.mapped("selected")), "everything arrives ticked")
        by_days = self._write_off(
            process=False, aging_choice="other", aging_days=29, balance_below=5
        )
        self.assertEqual(by_days.line_ids.move_id, small | young)
        from_to = self._write_off(
            process=False, balance_from=5, balance_below=80, aging_choice="90"
        )
        self.assertEqual(from_to.line_ids.move_id, exact)

    def test_a_name_is_found_in_both_orders(self):
        person = self.env["res.partner"].create({"name": "Rosa Delgado"})
        invoice = self._invoice(person, 9)
        for name in ("Delgado, Rosa", "rosa delgado", "Delgado"):
            found = self._write_off(process=False, partner_name=name)
            self.assertEqual(found.line_ids.move_id, invoice, name)
        self.assertFalse(self._write_off(process=False, partner_name="Delgado, Rita").line_ids)

    def test_product_type_and_category(self):
        goods = self.env["product.product"].create({"name": "Cart", "type": "consu"})
        service = self.env["product.product"].create({"name": "Haul", "type": "service"})
        invoices = {}
        for product in (goods, service):
            invoice = self._invoice(self.customer, 7, post=False)
            invoice.invoice_line_ids.product_id = product
            invoice._post(soft=False)
            invoices[product.type] = invoice
        for product_type, invoice in invoices.items():
            found = self._write_off(
                process=False,
                product_type=product_type,
                partner_ids=[Command.set(self.customer.ids)],
            )
            self.assertEqual(found.line_ids.move_id, invoice)

    def test_what_is_found_is_listed_as_create_would_list_it(self):
        """The lines are made by SQL: every stored field, as the ORM would have it."""
        invoice = self._invoice(
            self.customer, 300, invoice_payment_term_id=self.term_parts.id, days_ago=90
        )
        self._pay(self.customer, 17, invoice)
        line = self._write_off(invoice, process=False).line_ids
        items = invoice.line_ids.filtered(
            lambda item: item.account_type == "asset_receivable" and not item.reconciled
        )
        self.assertEqual(line.item_ids, items)
        again = line._create_inside(
            {
                "document_id": line.document_id.id,
                "move_id": invoice.id,
                "partner_id": self.customer.id,
                "currency_id": invoice.currency_id.id,
                "item_ids": [Command.set(items.ids)],
                "date_maturity": min(items.mapped("date_maturity")),
                "amount_residual": 283,
                "amount_residual_company": 283,
                "amount": 283,
                "account_balance": self.customer.account_balance,
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()
        names = [name for name, field in line._fields.items() if field.store and name != "id"]
        self.assertEqual(line.read(names)[0] | {"id": 0}, again.read(names)[0] | {"id": 0})

    def test_a_search_costs_the_same_whatever_it_finds(self):
        costs = []
        for count in (2, 2, 30):
            customers = self.env["res.partner"].create([{"name": f"F{n}"} for n in range(count)])
            invoices = self.env["account.move"].create(
                [self._invoice_vals(customer, 9) for customer in customers]
            )
            invoices._post(soft=False)
            document = self.env["ar.write.off"].create(
                {"partner_ids": [Command.set(customers.ids)]}
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            document.action_search()
            costs.append(self.env.cr.sql_log_count - before)
            self.assertEqual(len(document.line_ids), count)
        self.assertEqual(costs[1], costs[2])

    def test_a_search_for_everything_is_refused(self):
        document = self.env["ar.write.off"].create({})
        with self.assertRaisesRegex(UserError, "at least one criterion"):
            document.action_search()

    def test_by_customer_total(self):
        small = self.env["res.partner"].create({"name": "Owes little"})
        invoice = self._invoice(small, 4)
        self._invoice(self.customer, 4)
        self._invoice(self.customer, 400)
        found = self._write_off(
            process=False,
            customer_balance_below=5,
            partner_ids=[Command.set((small | self.customer).ids)],
        )
        self.assertEqual(found.line_ids.move_id, invoice)

    def test_what_is_found_is_listed_by_customer_the_oldest_first(self):
        berta, anton = self.env["res.partner"].create([{"name": "Berta"}, {"name": "anton"}])
        young = self._invoice(anton, 3, days_ago=30)
        other, old = self._invoice(berta, 3), self._invoice(anton, 4, days_ago=60)
        found = self._write_off(young | other | old, process=False)
        self.assertEqual(found.line_ids.mapped("move_id.id"), (old | young | other).ids)

    def test_criteria_change_by_another_search_only(self):
        """So that the list is always what the criteria say."""
        document = self._write_off(self._invoice(self.customer, 5), process=False)
        document.note = "Not a criterion"
        for vals in ({"balance_below": 3}, {"partner_ids": [Command.clear()]}):
            with self.assertRaisesRegex(UserError, "Use “Change Criteria”"):
                document.write(vals)
        document.search_again({"balance_below": 3, "partner_name": "Old Debtor"})
        self.assertFalse(document.line_ids)
        self.assertFalse(document.partner_ids, "what is not given is not applied")
        document.search_again({"balance_below": 5.01, "partner_ids": self.customer.ids})
        self.assertEqual(document.line_ids.amount, 5)
        self.assertFalse(document.partner_name)

    def test_what_was_unticked_stays_so_in_the_next_search(self):
        keep, lower, paid, drop = (self._invoice(self.customer, amount) for amount in (5, 6, 7, 8))
        document = self._write_off(keep | lower | paid, process=False)
        lines = document.line_ids.grouped("move_id")
        lines[keep].action_untick()
        lines[lower].amount = 4
        lines[paid].amount = 4
        self._pay(self.customer, 1, paid)
        document.search_again({"partner_ids": [Command.set(self.customer.ids)]})
        lines = document.line_ids.grouped("move_id")
        self.assertEqual(document.line_ids.move_id, keep | lower | paid | drop)
        self.assertEqual(document.line_ids.filtered("selected").move_id, lower | paid | drop)
        self.assertEqual((lines[lower].amount, lines[lower].amount_company), (4, 4))
        self.assertEqual(lines[paid].amount, 6, "less is owed now: it is reviewed anew")
        document.action_search()
        self.assertFalse(document.line_ids.grouped("move_id")[keep].selected)
        self.assertEqual(len(document.line_ids), 4)

    def test_what_a_search_between_did_not_find_stays_unticked(self):
        keep, lower, drop = (self._invoice(self.customer, amount) for amount in (5, 6, 2))
        document = self._write_off(keep | lower | drop, process=False)
        lines = document.line_ids.grouped("move_id")
        lines[keep].action_untick()
        lines[lower].amount = 4
        for criteria in ({"balance_below": 3}, {"partner_name": "Nobody"}):
            document.search_again({"partner_ids": self.customer.ids, **criteria})
            self.assertFalse(document.line_ids.move_id & (keep | lower))
        parent = self.env["res.partner"].create({"name": "New Parent", "is_company": True})
        self.customer.parent_id = parent
        document.search_again({"partner_ids": parent.ids})
        lines = document.line_ids.grouped("move_id")
        self.assertEqual(document.line_ids.partner_id, parent)
        self.assertEqual(document.line_ids.filtered("selected").move_id, lower | drop)
        self.assertEqual((lines[lower].amount, lines[lower].amount_company), (4, 4))
        # What is ticked again is forgotten.
        lines[keep].action_tick()
        lines[lower].amount = 6
        document.search_again({"partner_name": "Nobody"})
        document.search_again({"partner_ids": parent.ids})
        self.assertEqual(set(document.line_ids.mapped("selected")), {True})
        self.assertEqual(sum(document.line_ids.mapped("amount")), 13)
        self.assertFalse(document.copy().decisions)
        document.action_process()
        self.assertEqual((keep | lower | drop).mapped("amount_residual"), [0, 0, 0])

    def test_customers_of_one_entry_are_unticked_each_for_himself(self):
        other = self.env["res.partner"].create({"name": "Old Debtor's Brother"})
        receivable = self.company_data["default_account_receivable"]
        values = [
            {"account_id": receivable.id, "partner_id": customer.id, "balance": 7}
            for customer in self.customer | other
        ]
        opening = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(vals)
                    for vals in (*values, {"account_id": self.gain.id, "balance": -14})
                ],
            }
        )
        opening.action_post()
        document = self._write_off(process=False, partner_ids=(self.customer | other).ids)
        unticked = document.line_ids.filtered(lambda line: line.partner_id == other)
        self.assertEqual((len(document.line_ids), unticked.move_id), (2, opening))
        unticked.action_untick()
        document.action_search()
        self.assertEqual(document.line_ids.filtered("selected").partner_id, self.customer)

    def test_zero_days_alone_are_no_criterion(self):
        self._invoice(self.customer, 5, days_ago=100)
        for criteria in ({"aging_choice": "other"}, {"aging_choice": "other", "aging_days": 0}):
            with self.assertRaisesRegex(UserError, "at least one criterion"):
                self._write_off(process=False, **criteria)

    def test_a_script_finds_and_processes_without_windows(self):
        invoice = self._invoice(self.customer, 5)
        documents = self.env["ar.write.off"]
        document = documents.find(
            {"partner_ids": self.customer.ids, "balance_below": "5.01"},
            reason_id=self.reclaim.id,
            note="By script",
        )
        self.assertEqual((document.line_ids.move_id, document.reason_id), (invoice, self.reclaim))
        document.action_process()
        self.assertEqual((document.state, invoice.amount_residual), ("done", 0))
        document.action_undo()
        self.assertEqual((document.state, invoice.amount_residual), ("undone", 5))
        with self.assertRaisesRegex(UserError, "“Accounting Date” is no criterion"):
            documents.find({"date": self.today, "balance_below": 5})
        with self.assertRaisesRegex(UserError, "no field “balance”"):
            documents.find({"balance": 5})
        with self.assertRaisesRegex(UserError, "undone"):
            document.search_again({"balance_below": 5})

    def test_looking_spends_no_number(self):
        invoice = self._invoice(self.customer, 5)
        sequence = self.env["ir.sequence"].search([("code", "=", "ar.write.off")], limit=1)
        before = sequence.number_next_actual
        document = self._write_off(invoice, process=False)
        self.assertEqual((document.name, sequence.number_next_actual), (False, before))
        self.assertIn("Draft", document.display_name)
        document.action_process()
        number = document.name
        self.assertEqual(document.display_name, number)
        document.action_undo()
        self.assertEqual(document.name, number)

    def test_a_blank_amount_is_none_and_zero_is_told(self):
        documents = self.env["ar.write.off"]
        with self.assertRaisesRegex(UserError, "“Balance Due Less Than” is zero"):
            documents.find({"balance_below": 0, "partner_ids": self.customer.ids})
        document = documents.find({"balance_below": False, "partner_ids": self.customer.ids})
        self.assertEqual(document.criteria_text, "Customers: Old Debtor")
        self.assertEqual(document.copy().criteria_text, document.criteria_text)

    def test_the_criteria_as_a_sentence(self):
        document = self.env["ar.write.off"].create(
            {
                "partner_name": "Ann",
                "balance_below": 5,
                "aging_choice": "90",
                "due_date_from": "2026-01-31",
                "tag_ids": [Command.create({"name": f"T{n}"}) for n in range(5)],
                "with_credits": True,
            }
        )
        self.assertEqual(
            document.criteria_text,
            "Balance less than $\xa05.00, more than 90 days old, due from 01/31/2026, customer "
            "“Ann”, customer tags: T0, T1, T2, and 2 more, credits too",
        )

    # --- many lines ---------------------------------------------------------

    def test_totals_do_not_read_the_lines(self):
        costs = []
        for count in (2, 2, 12):
            document = self._write_off(self._found(count), process=False)
            spec = {name: {} for name in ("ticked_count", "amount_written_off", "criteria_text")}
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            [values] = document.web_read(spec)
            self.assertEqual(values["ticked_count"], count)
            costs.append(self.env.cr.sql_log_count - before)
            read = self.env["ar.write.off.line"]._fields["amount"]._get_cache(self.env)
            self.assertFalse(read.keys() & set(document.line_ids.ids))
        self.assertEqual(*costs[1:])

    def test_an_amount_that_is_typed_counts_at_once(self):
        document = self._write_off(self._found(3), process=False)
        before = document.ticked_amount
        line = document.line_ids[0]
        line.web_save({"amount": line.amount - 0.5}, {"amount": {}})
        self.assertEqual(document.ticked_amount, before - 0.5)

    def test_amounts_of_several_currencies_are_said_one_by_one(self):
        own = self._invoice(self.customer, 5)
        document = self._write_off(own, process=False)
        self.assertFalse(document.ticked_by_currency, "the total says it")
        foreign = self._invoice(self.customer, 7, currency_id=self.foreign.id)
        document = self._write_off(own | foreign, process=False)
        self.assertEqual((document.ticked_count, document.ticked_customers), (2, 1))
        for currency, amount in ((self.company.currency_id, 5), (self.foreign, 7)):
            self.assertIn(currency.format(amount), document.ticked_by_currency)

    def test_the_customers_account_is_not_added_up(self):
        self.assertFalse(self.env["ar.write.off.line"]._fields["account_balance"].aggregator)

    def _found(self, count):
        customers = self.env["res.partner"].create([{"name": f"F{n}"} for n in range(count)])
        return self.env["account.move"].union(*(self._invoice(each, 5) for each in customers))

    # --- screens ------------------------------------------------------------

    def test_what_a_button_counts_is_what_it_lists(self):
        keep, drop, undone = (self._invoice(self.customer, amount) for amount in (5, 6, 7))
        document = self._write_off(keep | drop | undone, process=False)
        document.line_ids.filtered(lambda line: line.move_id == keep).action_untick()
        document.action_process()
        document.line_ids.filtered(lambda line: line.move_id == undone).action_undo()
        self.assertEqual(document.entry_count, 3)
        entries = document.line_ids.entry_id | document.line_ids.reversal_id
        self.assertEqual(self._listed(document.action_view_entries()), entries)
        action = document.action_view_lines()
        self.assertEqual(self._listed(action), document.line_ids)
        self.assertEqual(action["display_name"], f"Lines of {document.display_name}")

    def test_the_pop_up_lists_processes_and_searches_again(self):
        """The windows one after another, as the browser opens them."""
        keep, drop = self._invoice(self.customer, 5), self._invoice(self.customer, 6)
        window = Form(self.env["ar.write.off.search"])
        window.partner_name = "Old Debtor"
        window.balance_below = 6
        action = window.save().action_search()
        document = self.env["ar.write.off"].browse(action["context"]["ar_write_off_id"])
        self.assertEqual(self._listed(action), document.line_ids)
        self.assertEqual(
            action["display_name"], "Balance less than $\xa06.00, customer “Old Debtor”"
        )
        self.assertEqual(document.line_ids.move_id, keep)
        in_list = self.env["ar.write.off.line"].with_context(**action["context"])
        in_list.action_untick()
        self.assertFalse(document.line_ids.selected)
        with self.assertRaisesRegex(UserError, "Nothing is ticked"):
            in_list.action_process_selection()
        again = in_list.action_change_criteria()
        self.assertEqual(again["target"], "new")
        window = Form(self.env[again["res_model"]].browse(again["res_id"]))
        self.assertEqual((window.partner_name, window.balance_below), ("Old Debtor", 6))
        window.balance_below = 0
        action = window.save().action_search()
        self.assertEqual(action["context"]["ar_write_off_id"], document.id)
        self.assertEqual(document.line_ids.move_id, keep | drop)
        self.assertEqual(document.line_ids.filtered("selected").move_id, drop)
        pop_up = in_list.action_process_selection()
        self.assertEqual(pop_up["target"], "new")
        window = self.env[pop_up["res_model"]].browse(pop_up["res_id"])
        self.assertEqual(window.document_id, document)
        self.assertEqual((document.ticked_count, document.ticked_amount), (1, 6))
        with Form(window) as form:
            self.assertEqual(form.text, "1 invoice of 1 customer: $\xa06.00 lost; 1 not yet due")
            form.note = "Moved away"
        outcome = window.action_process()
        self.assertEqual(document.note, "Moved away")
        self.assertEqual((outcome["res_id"], document.state), (document.id, "done"))
        self.assertEqual((keep.amount_residual, drop.amount_residual), (5, 0))
        with self.assertRaisesRegex(UserError, "is done"):
            in_list.action_change_criteria()

    def test_buttons_of_a_list_that_is_of_no_document(self):
        lines = self.env["ar.write.off.line"]
        for listed in (None, "1", [1], True, 10**30, -1):
            with self.assertRaisesRegex(UserError, "choose exactly one"):
                lines.with_context(ar_write_off_id=listed).action_tick()

    def test_the_chosen_batch_becomes_the_default(self):
        self.company.ar_write_off_batch_mode = "manual"
        first, second = self.env["ar.write.off.batch"].create([{"name": "A"}, {"name": "B"}])
        first.action_set_default()
        window = Form(self.env["ar.write.off.search"])
        self.assertEqual(window.batch_id, first)
        window.batch_id = second
        window.balance_below = 5
        action = window.save().action_search()
        document = self.env["ar.write.off"].browse(action["context"]["ar_write_off_id"])
        self.assertEqual(document.batch_id, second)
        self.assertEqual(self.env.user.ar_default_write_off_batch_id, second)
        # Searched again, the batch that it has was not chosen.
        first.action_set_default()
        again = document.action_change_criteria()
        self.env[again["res_model"]].browse(again["res_id"]).action_search()
        self.assertEqual(self.env.user.ar_default_write_off_batch_id, first)
        self.assertEqual(document.batch_id, second)

    # --- the plain case -----------------------------------------------------

    def test_an_invoice_written_off_owes_nothing_and_is_not_paid(self):
        invoice = self._invoice(self.customer, 12.34, days_ago=100)
        document = self._write_off(invoice)
        line = document.line_ids
        self.assertEqual((document.state, line.state, line.reason), ("done", "done", False))
        self.assertEqual((invoice.amount_residual, invoice.amount_written_off), (0, 12.34))
        self.assertEqual(invoice.write_off_state, "full")
        self.assertEqual(invoice.status_in_payment, "written_off")
        entry = line.entry_id
        self.assertRecordValues(
            entry.line_ids.sorted("balance"),
            [
                {
                    "account_id": self.company_data["default_account_receivable"].id,
                    "partner_id": self.customer.id,
                    "balance": -12.34,
                    "reconciled": True,
                },
                {
                    "account_id": self.loss.id,
                    "partner_id": self.customer.id,
                    "balance": 12.34,
                    "reconciled": False,
                },
            ],
        )
        self.assertEqual(self.customer.account_balance, 0)
        found = self.env["account.move"].search(
            [("id", "=", invoice.id), ("write_off_state", "=", "full")]
        )
        self.assertEqual(found, invoice)
        groups = self.env["account.move"]._read_group(
            [("id", "=", invoice.id)], ["status_in_payment"], ["__count"]
        )
        self.assertEqual(groups, [("written_off", 1)])

    def test_customer_and_print_show_that_it_was_written_off(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 60, invoice)
        document = self._write_off(invoice)
        contact = self.env["res.partner"].create({"name": "Billing", "parent_id": self.customer.id})
        self.assertEqual((self.customer | contact).mapped("amount_written_off"), [40, 40])
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("account.report_invoice_with_payments", invoice.ids)[0]
            .decode()
        )
        self.assertEqual((html.count("Written off on"), html.count("Paid on")), (1, 1))
        document.action_undo()
        self.env.invalidate_all()
        self.assertEqual(self.customer.amount_written_off, 0)

    def test_what_a_branch_wrote_off_is_seen_by_who_has_the_branch_open(self):
        branch = self._invoice(self.customer, 30, company=self.branch)
        self._write_off(branch, company_id=self.branch.id)
        self._write_off(self._invoice(self.customer, 4))
        both, root = (
            self.customer.with_context(allowed_company_ids=companies.ids)
            for companies in (self.company | self.branch, self.company)
        )
        # In one transaction, in both orders: nothing of the other is remembered.
        for _again in range(2):
            self.assertEqual((both.amount_written_off, root.amount_written_off), (34, 4))
            self.env.invalidate_all()
            self.assertEqual((root.amount_written_off, both.amount_written_off), (4, 34))

    def test_unticked_lines_stay(self):
        keep, drop = self._invoice(self.customer, 5), self._invoice(self.customer, 6)
        document = self._write_off(keep | drop, process=False)
        document.line_ids.filtered(lambda line: line.move_id == keep).action_untick()
        self.assertEqual((document.ticked_count, document.ticked_amount), (1, 6))
        document.action_process()
        self.assertEqual((keep.amount_residual, drop.amount_residual), (5, 0))
        self.assertEqual(
            document.line_ids.filtered(lambda line: line.move_id == keep).reason, "Not ticked."
        )

    def test_nothing_ticked_is_said(self):
        document = self._write_off(self._invoice(self.customer, 5), process=False)
        document.action_untick_all()
        with self.assertRaisesRegex(UserError, "Nothing is ticked"):
            document.action_process()

    def test_partly_paid_then_written_off_shows_both(self):
        invoice = self._invoice(self.customer, 100)
        self._pay(self.customer, 60, invoice)
        self._write_off(invoice)
        self.assertEqual((invoice.amount_residual, invoice.amount_written_off), (0, 40))
        self.assertEqual(self._account_sum(self.loss), 40)

    def test_a_part_can_be_written_off(self):
        invoice = self._invoice(self.customer, 100)
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 30
        document.action_process()
        self.assertEqual((invoice.amount_residual, invoice.write_off_state), (70, "partial"))
        self.assertEqual(invoice.payment_state, "partial")
        again = self._write_off(invoice)
        self.assertEqual(again.line_ids.amount, 70)
        self.assertEqual((invoice.amount_residual, invoice.amount_written_off), (0, 100))

    def test_more_than_is_open_is_refused(self):
        document = self._write_off(self._invoice(self.customer, 10), process=False)
        for amount in (10.01, -1):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                document.line_ids.amount = amount

    def test_instalments_are_cleared_one_by_one(self):
        invoice = self._invoice(
            self.customer, 100, days_ago=45, invoice_payment_term_id=self.term_parts.id
        )
        document = self._write_off(invoice, process=False)
        document.line_ids.amount = 40  # 30 due first, 10 of the second
        document.action_process()
        open_items = invoice.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        self.assertEqual(open_items.sorted("date_maturity").mapped("amount_residual"), [0, 25, 35])
        self._write_off(invoice)
        self.assertEqual(set(open_items.mapped("amount_residual")), {0})

    # --- credits ------------------------------------------------------------

    def test_small_credits_the_other_way_round(self):
        note = self._invoice(self.customer, 3, move_type="out_refund")
        payment = self._pay(self.customer, 2)
        self.assertFalse(
            self._write_off(process=False, partner_ids=[Command.set(self.customer.ids)]).line_ids
        )
        document = self._write_off(
            partner_ids=[Command.set(self.customer.ids)], with_credits=True, balance_below=5
        )
        self.assertEqual(document.line_ids.move_id, note | payment.move_id)
        self.assertEqual(document.state, "done")
        self.assertEqual(self.customer.account_balance, 0)
        self.assertEqual(self._account_sum(self.gain), -5)
        self.assertEqual(note.amount_written_off, 3)

    # --- currency -----------------------------------------------------------

    def test_a_foreign_invoice_goes_at_its_booked_rate(self):
        before = self.env["account.move"].search_count([])
        invoice = self._invoice(self.customer, 100, days_ago=60, currency_id=self.foreign.id)
        booked = invoice.amount_total_signed
        self.env["res.currency.rate"].create(
            {
                "name": self.today,
                "rate": 7.77,
                "currency_id": self.foreign.id,
                "company_id": self.company.id,
            }
        )
        document = self._write_off(invoice)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(float(self._account_sum(self.loss)), booked)
        self.assertEqual(self.env["account.move"].search_count([]), before + 2, "no exchange entry")
        self.assertEqual(document.line_ids.entry_id.currency_id, self.foreign)
        self.assertEqual(invoice.amount_written_off, 100)

    # --- tax ----------------------------------------------------------------

    def test_leave_tax_books_the_gross_loss(self):
        invoice = self._invoice(self.customer, 100, taxes=self.tax_sale_a)
        self._write_off(invoice)
        self.assertEqual(self._account_sum(self.loss), 115)
        tax_account = invoice.line_ids.filtered("tax_line_id").account_id
        self.assertEqual(self._account_sum(tax_account), -15)

    def test_reclaimed_tax_is_what_a_credit_note_would_show(self):
        tags = self.tax_sale_a.repartition_line_ids.tag_ids
        if not tags:
            base, tax = self.env["account.account.tag"].create(
                [{"name": name, "applicability": "taxes"} for name in ("base", "tax")]
            )
            for line in self.tax_sale_a.repartition_line_ids:
                line.tag_ids = base if line.repartition_type == "base" else tax
        base = self.tax_sale_a.refund_repartition_line_ids.filtered(
            lambda line: line.repartition_type == "base"
        ).tag_ids
        invoice = self._invoice(self.customer, 100, taxes=self.tax_sale_a)
        self._pay(self.customer, 46, invoice)  # two fifths are paid and stay declared
        document = self._write_off(invoice, reason=self.reclaim)
        self.assertEqual(self._account_sum(self.loss), 60)
        entry = document.line_ids.entry_id
        tax_item = entry.line_ids.filtered("tax_line_id")
        self.assertEqual(tax_item.balance, 9)
        self.assertIn(tax_item.tax_repartition_line_id, self.tax_sale_a.refund_repartition_line_ids)
        loss_item = entry.line_ids.filtered(lambda item: item.account_id == self.loss)
        self.assertEqual(loss_item.tax_ids, self.tax_sale_a)
        self.assertEqual(loss_item.tax_tag_ids, base)
        # What remains in the report is the tax of what was paid.
        note = self._invoice(self.customer, 60, move_type="out_refund", taxes=self.tax_sale_a)
        note_tax = note.line_ids.filtered("tax_line_id")
        self.assertEqual(
            (tax_item.balance, tax_item.tax_tag_ids, tax_item.account_id),
            (note_tax.balance, note_tax.tax_tag_ids, note_tax.account_id),
        )
        document.action_undo()
        self.assertEqual(self._account_sum(self.loss), 0)

    def test_cash_basis_tax_is_never_declared_for_what_nobody_paid(self):
        tax = self._make_cash_basis_tax()
        tags = tax.repartition_line_ids.tag_ids
        invoice = self._invoice(self.customer, 100, taxes=tax)
        self._pay(self.customer, 57.5, invoice)
        payable = tax.invoice_repartition_line_ids.account_id
        declared = (self._tag_sum(tags), self._account_sum(payable))
        self.assertEqual(declared[1], Decimal("-7.5"), "half was paid, half the tax is due")
        for reason in (self.reason, self.reclaim):
            document = self._write_off(invoice, reason=reason)
            self.assertEqual((document.state, invoice.amount_residual), ("done", 0))
            self.assertEqual((self._tag_sum(tags), self._account_sum(payable)), declared)
            self.assertEqual(self._account_sum(tax.cash_basis_transition_account_id), 0)
            self.assertEqual(self._account_sum(self.loss), 50)
            document.action_undo()
            self.assertEqual(invoice.amount_residual, 57.5)
            self.assertEqual((self._tag_sum(tags), self._account_sum(payable)), declared)
            self.assertEqual(
                self._account_sum(tax.cash_basis_transition_account_id), Decimal("-7.5")
            )

    # --- accounts and analytic ----------------------------------------------

    def test_the_loss_follows_category_and_analytic(self):
        category = self.env["product.category"].create({"name": "Rolls"})
        own = self._make_account("WOCAT", "expense")
        category.ar_loss_account_id = own
        product = self.env["product.product"].create({"name": "Roll", "categ_id": category.id})
        plan = self.env["account.analytic.plan"].create({"name": "Routes"})
        route = self.env["account.analytic.account"].create({"name": "North", "plan_id": plan.id})
        invoice = self._invoice(self.customer, 75, post=False)
        invoice.invoice_line_ids = [
            Command.create(
                {
                    "product_id": product.id,
                    "quantity": 1,
                    "price_unit": 25,
                    "tax_ids": [Command.clear()],
                    "account_id": self.company_data["default_account_revenue"].id,
                    "analytic_distribution": {str(route.id): 100},
                }
            )
        ]
        invoice._post(soft=False)
        document = self._write_off(invoice)
        self.assertEqual((self._account_sum(self.loss), self._account_sum(own)), (75, 25))
        item = document.line_ids.entry_id.line_ids.filtered(lambda item: item.account_id == own)
        self.assertEqual(item.analytic_distribution, {str(route.id): 100})

    # --- undo ---------------------------------------------------------------

    def test_undo_restores_exactly_what_was_owed(self):
        invoice = self._invoice(
            self.customer,
            99.99,
            days_ago=70,
            taxes=self.tax_sale_a,
            invoice_payment_term_id=self.term_parts.id,
        )
        self._pay(self.customer, 20, invoice)
        items = invoice.line_ids.filtered(lambda item: item.account_type == "asset_receivable")

        def state():
            return (
                items.mapped("amount_residual"),
                invoice.payment_state,
                invoice.status_in_payment,
                invoice.amount_written_off,
                invoice.write_off_state,
                self.customer.with_context(fresh=1).account_balance,
            )

        before = state()
        document = self._write_off(invoice, reason=self.reclaim)
        self.assertNotEqual(state(), before)
        document.action_undo()
        self.env.invalidate_all()
        self.assertEqual(state(), before)
        self.assertEqual(document.state, "undone")
        line = document.line_ids
        self.assertEqual(line.reversal_id.reversed_entry_id, line.entry_id)
        self.assertTrue(
            all(line.entry_id.line_ids.filtered("account_id.reconcile").mapped("reconciled"))
        )
        self.assertEqual(invoice.write_off_count, 1, "the history stays")
        with self.assertRaisesRegex(UserError, "undone"):
            document.action_undo()
        self._assert_balanced()

    def test_one_line_can_be_undone(self):
        first, second = self._invoice(self.customer, 5), self._invoice(self.customer, 6)
        document = self._write_off(first | second)
        line = document.line_ids.filtered(lambda line: line.move_id == first)
        line.action_undo()
        self.assertEqual((first.amount_residual, second.amount_residual), (5, 0))
        self.assertEqual(document.state, "done")
        with self.assertRaisesRegex(UserError, "not done"):
            line.action_undo()
        notification = document.line_ids.action_undo()["params"]
        self.assertEqual(second.amount_residual, 6, "what is undone already keeps none back")
        self.assertIn("1 undone. 1 left as they are", notification["message"])

    def test_the_progress_of_undoing_counts_what_is_to_be_undone(self):
        # A line is undone at once, and three are too many.
        self.company.ar_background_seconds = 0.03
        document = self._write_off(self._found(4), process=False)
        document.action_process()
        self.assertFalse(document.started_at, "nobody has begun")
        document._work_all()
        self.assertTrue(document.started_at)
        document.line_ids[0].action_undo()
        document.line_ids[1:].action_undo()
        self.assertEqual((document.operation, document.operation_count), ("undo", 3))
        self.assertEqual((document.progress, document.progress_text), (0, "0 of 3"))
        document._work_all()
        self.assertEqual((document.state, document.progress), ("undone", 100))

    def test_undo_in_a_closed_period_is_dated_the_first_open_day(self):
        invoice = self._invoice(self.customer, 5, days_ago=90)
        document = self._write_off(invoice, process=False)
        document.date = self.today - timedelta(days=60)
        document.action_process()
        self.company.fiscalyear_lock_date = self.today - timedelta(days=10)
        document.action_undo()
        reversal = document.line_ids.reversal_id
        self.assertEqual(reversal.date, self.today - timedelta(days=9))
        self.assertEqual(invoice.amount_residual, 5)

    # --- cancelled ----------------------------------------------------------

    def test_cancelled_before_it_was_processed_it_is_a_draft_again(self):
        keep = self._invoice(self.customer, 5)
        drop = self._found(2)
        self.company.ar_background_seconds = 0.01
        document = self._write_off(keep | drop, process=False)
        kept = document.line_ids.filtered(lambda line: line.move_id == keep)
        kept.action_untick()
        for process in (False, True):
            if process:
                document.action_process()
                self.assertEqual((document.state, kept.state), ("queued", "skipped"))
            document.action_cancel()
            document.action_retry()
            self.assertRecordValues(document, [{"state": "draft", "batch_id": False}])
            self.assertEqual(set(document.line_ids.mapped("state")), {"todo"})
            self.assertEqual(document.line_ids.filtered("selected").move_id, drop)
        self.assertEqual((keep | drop).mapped("amount_residual"), [5, 5, 5])

    def test_what_a_cancellation_left_is_retried_as_it_is_ticked_now(self):
        document = self._cancelled_half_way()
        waiting = document.line_ids.filtered(lambda line: line.state == "todo")
        waiting[0].action_untick()
        document.reason_id.note_required = True
        with self.assertRaisesRegex(UserError, "asks for a note"):
            document.action_retry()
        document.note = "Moved away"
        document.action_retry()
        self.assertEqual(waiting.mapped("state"), ["skipped", "done"])
        self.assertEqual(document.state, "done")
        self.assertTrue(all(line.batch_id for line in document.line_ids - waiting[0]))
        self.assertEqual(waiting[0].move_id.amount_residual, 5)

    def test_no_row_is_written_off_that_is_not_ticked_or_in_no_batch(self):
        document = self._write_off(self._found(2), process=False)
        document.line_ids[0].selected = False
        document._process_lines(document.line_ids)
        self.assertEqual(document.line_ids.mapped("state"), ["skipped", "failed"])
        self.assertIn("has no batch", document.line_ids[1].reason)
        self.assertFalse(document.line_ids.entry_id)

    def _cancelled_half_way(self):
        """One row of three written off, two left."""
        self.company.ar_background_seconds = 0.01
        document = self._write_off(self._found(3), process=False)
        document.action_process()
        with patch.object(type(document), "_chunk_size", 1):
            document._work_chunk()
        # Before the worker could say that it has begun.
        document.action_cancel()
        self.company.ar_background_seconds = 5
        self.assertEqual(document.state, "cancelled")
        return document

    # --- what goes wrong ----------------------------------------------------

    def test_bad_rows_are_named_and_the_others_go_through(self):
        names = ("Paid", "Cancelled", "Changed", "Fine")
        customers = self.env["res.partner"].create([{"name": name} for name in names])
        paid, cancelled, changed, fine = invoices = [
            self._invoice(customer, 8) for customer in customers
        ]
        document = self._write_off(self.env["account.move"].union(*invoices), process=False)
        self._pay(customers[0], 8, paid)
        cancelled.button_draft()
        cancelled.button_cancel()
        self._pay(customers[2], 3, changed)
        document.action_process()
        reasons = {line.move_id: line.reason for line in document.line_ids}
        self.assertIn("settled meanwhile", reasons[paid])
        self.assertIn("not posted any more", reasons[cancelled])
        self.assertIn("changed since it was reviewed", reasons[changed])
        self.assertFalse(reasons[fine])
        self.assertEqual((document.state, fine.amount_residual), ("failed", 0))
        self.assertEqual(changed.amount_residual, 5)

    def test_a_closed_date_is_said_before_anything_happens(self):
        invoice = self._invoice(self.customer, 5, days_ago=90)
        document = self._write_off(invoice, process=False)
        document.date = self.today - timedelta(days=60)
        self.company.fiscalyear_lock_date = self.today - timedelta(days=30)
        with self.assertRaisesRegex(UserError, "closed period"):
            document.action_process()
        self.assertEqual(invoice.amount_residual, 5)

    def test_a_period_closed_while_it_waited_fails_each_row(self):
        """Core would silently book on another day."""
        self.company.ar_background_seconds = 0.01
        invoices = self._invoice(self.customer, 5) | self._invoice(self.customer, 6)
        document = self._write_off(invoices, process=False)
        document.date = self.today - timedelta(days=60)
        document.action_process()
        self.assertEqual(document.state, "queued")
        self.company.fiscalyear_lock_date = self.today - timedelta(days=30)
        document._work_all()
        self.assertEqual(document.state, "failed")
        self.assertEqual(document.line_ids.mapped("state"), ["failed", "failed"])
        self.assertIn("closed period", document.line_ids[0].reason)
        self.assertEqual(sum(invoices.mapped("amount_residual")), 11)
        with self.assertRaisesRegex(UserError, "closed period"):
            document.action_retry()
        self.company.ar_background_seconds = 5
        document.date = self.today
        document.action_retry()
        self.assertEqual((document.state, sum(invoices.mapped("amount_residual"))), ("done", 0))

    def test_no_right_on_a_journal_fails_its_rows_only(self):
        """A record rule that came after the review."""
        journal = self.company_data["default_journal_sale"].copy()
        mine = self._invoice(self.customer, 5)
        theirs = self._invoice(self.customer, 6, post=False)
        theirs.journal_id = journal
        theirs._post(soft=False)
        document = self._write_off(mine | theirs, process=False)
        self._hide("account.move", [("journal_id", "!=", journal.id)])
        document.action_process()
        self.env.invalidate_all()
        states = {line.move_id.sudo(): line for line in document.line_ids}
        self.assertEqual(states[mine].state, "done")
        self.assertEqual(states[theirs].state, "failed")
        self.assertIn("has no right to this document", states[theirs].reason)
        self.assertEqual(mine.amount_residual, 0)
        self.assertEqual(theirs.sudo().amount_residual, 6)

    def test_no_right_on_the_journal_of_the_entries(self):
        invoice = self._invoice(self.customer, 5)
        document = self._write_off(invoice, process=False)
        self._hide("account.journal", [("id", "!=", document.journal_id.id)])
        with self.assertRaises(AccessError):
            document.action_process()
        self.assertEqual((document.state, invoice.amount_residual), ("draft", 5))

    def _hide(self, model, domain):
        self.env["ir.rule"].sudo().create(
            {
                "name": "Not yours",
                "model_id": self.env["ir.model"]._get_id(model),
                "domain_force": repr(domain),
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()

    def test_a_missing_account_is_named(self):
        invoice = self._invoice(self.customer, 5)
        self.company.ar_loss_account_id = False
        document = self._write_off(invoice)
        self.assertEqual(document.line_ids.state, "failed")
        self.assertIn("account", document.line_ids.reason)
        self.company.ar_loss_account_id = self.loss
        document.action_retry()
        self.assertEqual(invoice.amount_residual, 0)

    def test_two_overlapping_documents(self):
        invoice = self._invoice(self.customer, 5)
        first = self._write_off(invoice, process=False)
        second = self._write_off(invoice, process=False)
        first.action_process()
        second.action_process()
        self.assertEqual(second.line_ids.state, "failed")
        self.assertIn(first.name, second.line_ids.reason)
        self.assertEqual(invoice.amount_written_off, 5)

    def test_who_may_not_write_off_cannot(self):
        invoice = self._invoice(self.customer, 5)
        document = self._write_off(invoice, process=False)
        clerk = new_test_user(
            self.env,
            "no.write.off",
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        theirs = document.with_user(clerk)
        for action in ("action_process", "action_search", "action_undo"):
            with self.assertRaises(AccessError):
                getattr(theirs, action)()
        self.assertEqual(invoice.amount_residual, 5)

    def test_processing_costs_the_same_number_of_queries_per_line(self):
        costs = []
        for count in (5, 40):
            customers = self.env["res.partner"].create([{"name": f"Q{n}"} for n in range(count)])
            invoices = self.env["account.move"].create(
                [self._invoice_vals(customer, 9) for customer in customers]
            )
            invoices._post(soft=False)
            document = self._write_off(invoices, process=False)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            document.action_process()
            self.env.flush_all()
            costs.append((self.env.cr.sql_log_count - before) / count)
        self.assertLess(costs[1], 3.2, costs)
        self.assertLess(costs[1], costs[0])
