"""Invoice groups: figures against the ledger, adding and moving."""

import json
from decimal import Decimal

from odoo.exceptions import AccessError, MissingError, UserError, ValidationError
from odoo.tests import tagged

from ..invoice_group_common import GroupCommon


@tagged("post_install", "-at_install")
class TestInvoiceGroup(GroupCommon):
    # --- figures ------------------------------------------------------------

    def _make_mixed(self):
        """Every kind of invoice; returns those of the group."""
        open_invoice = self._invoice(self.anna, 100, days_ago=40)
        partial = self._invoice(self.bert, 80, days_ago=100, taxes=self.tax_sale_a)
        self._pay(self.bert, 30, partial)
        paid = self._invoice(self.anna, 50)
        self._pay(self.anna, 50, paid)
        foreign = self._invoice(self.cleo, 60, currency_id=self.foreign.id, days_ago=5)
        parts = self._invoice(self.cleo, 90, invoice_payment_term_id=self.term_parts.id)
        written_off = self._invoice(self.bert, 7, days_ago=200)
        self._write_off(written_off)
        credited = self._invoice(self.anna, 20)
        credit = self._invoice(self.anna, 20, move_type="out_refund")
        (credited | credit).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        draft = self._invoice(self.bert, 33, post=False)
        cancelled = self._invoice(self.bert, 44, post=False)
        cancelled.button_cancel()
        return (
            open_invoice | partial | paid | foreign | parts | written_off | credited | credit
        ) | (draft | cancelled)

    def test_figures_are_those_of_the_ledger(self):
        invoices = self._make_mixed()
        self.group.add_invoices(invoices)
        rows = self._ledger(
            """
            SELECT move.state, COALESCE(SUM(line.balance), 0)::text,
                   COALESCE(SUM(line.balance
                     - COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE debit_move_id = line.id), 0)
                     + COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE credit_move_id = line.id), 0)), 0)::text
              FROM account_move move
              JOIN account_move_line line ON line.move_id = move.id
              JOIN account_account account ON account.id = line.account_id
             WHERE move.invoice_group_id = %s AND account.account_type = 'asset_receivable'
               AND move.state != 'cancel'
          GROUP BY move.state
            """,
            self.group.id,
        )
        invoiced = sum(Decimal(row[1]) for row in rows)
        # A draft matches nothing, so its open amount is its total here as well.
        still_open = sum(Decimal(row[2]) for row in rows)
        group = self.group
        self.assertAlmostEqual(group.amount_invoiced, float(invoiced), 6)
        self.assertAlmostEqual(group.amount_open, float(still_open), 6)
        self.assertEqual(group.amount_written_off, 7)
        self.assertAlmostEqual(
            group.amount_collected, float(invoiced - still_open) - 7, 6, "paid and credited"
        )
        self.assertEqual((group.invoice_count, group.draft_count, group.customer_count), (9, 1, 3))

    def test_pictures(self):
        self.group.add_invoices(self._make_mixed())
        self.assertEqual(
            self._picture("status_graph"),
            {
                "Draft": 1,
                "Open": 3,
                "Partial": 1,
                "Paid": 2,
                "Reversed": 1,
                "Written off": 1,
                "Cancelled": 1,
            },
        )
        items = self.group.invoice_ids.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        ).filtered(lambda line: line.parent_state == "posted")
        ages = {}
        for item in items:
            days = (self.today - item.date_maturity).days
            label = "Not due"
            for first, last in ((1, 30), (31, 60), (61, 90), (91, 120)):
                if first <= days <= last:
                    label = f"{first}-{last}"
            if days > 120:
                label = "121+"
            ages[label] = round(ages.get(label, 0) + item.amount_residual, 2)
        self.assertEqual(self._picture("aging_graph"), ages)
        self.assertGreater(len(ages), 2)
        self.assertEqual(sum(self._picture("email_graph").values()), 9, "cancelled ones are not")
        self.assertEqual(self._picture("email_graph"), {"Not sent": 7, "No address": 2})

    def test_an_empty_group_draws_nothing(self):
        self.assertEqual(self._picture("status_graph"), {})
        self.assertRecordValues(
            self.group, [{"invoice_count": 0, "amount_invoiced": 0, "amount_open": 0}]
        )
        new = self.env["ar.invoice.group"].new({"name": "Not saved"})
        self.assertTrue(json.loads(new.status_graph))

    def test_figures_of_many_groups_cost_the_same(self):
        groups = self.env["ar.invoice.group"].create([{"name": f"G{n}"} for n in range(30)])
        for group in groups:
            group.add_invoices(self._invoice(self.anna, 5))
        names = ["invoice_count", "amount_open", "status_graph", "aging_graph", "email_graph"]
        costs = [
            self._count_queries(lambda some=some: some.read([*names, "running_task_id"]))
            for some in (groups[:2], groups[:2], groups)
        ]
        self.assertEqual(*costs[1:])
        self.assertLess(costs[1], 20)

    def test_search_by_status_age_and_email(self):
        def found(*condition):
            domain = [("invoice_ids", "any", [condition])]
            return self.group in self.env["ar.invoice.group"].search(domain)

        self.group.add_invoices(self._invoice(self.cleo, 5, post=False))
        self.assertTrue(found("state", "=", "draft"))
        self.assertTrue(found("email_state", "=", "no_address"))
        self.assertFalse(found("email_state", "=", "sent"))
        self.group.action_mark_as_sent()
        self.assertFalse(found("state", "=", "draft"))
        self.assertTrue(found("email_state", "=", "marked"))
        self.assertFalse(found("email_state", "=", "sent"), "nobody got an e-mail")
        view = self.env.ref("ar_balance_invoicing.ar_invoice_group_view_search")
        self.assertIn("today -90d", view.arch)

    # --- adding and removing ------------------------------------------------

    def test_ticked_invoices_go_into_a_new_group(self):
        invoices = self._invoice(self.anna, 5) | self._invoice(self.bert, 6)
        wizard = self._wizard(invoices.action_add_to_invoice_group(), name="Fresh")
        self.assertEqual((wizard.found_count, wizard.elsewhere_count), (2, 0))
        action = wizard.action_add()
        group = self.env["ar.invoice.group"].browse(action["res_id"])
        self.assertEqual((group.name, group.invoice_ids), ("Fresh", invoices))
        wizard = self._wizard(invoices.action_add_to_invoice_group())
        self.assertTrue(wizard.name, "a name is proposed")
        wizard.name = "  "
        with self.assertRaisesRegex(UserError, "Type a name"):
            wizard.action_add()

    def test_an_invoice_is_in_one_group_and_may_be_moved(self):
        mine, theirs = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        other = self.env["ar.invoice.group"].create({"name": "Other"})
        other.add_invoices(theirs)
        action = (mine | theirs).action_add_to_invoice_group()
        wizard = self._wizard(action, choice="existing", group_id=self.group.id, elsewhere="leave")
        self.assertEqual((wizard.found_count, wizard.here_count, wizard.elsewhere_count), (2, 0, 1))
        self.assertEqual(wizard.elsewhere_text, "Other (1)")
        wizard.action_add()
        self.assertEqual((self.group.invoice_ids, other.invoice_ids), (mine, theirs))
        wizard = self._wizard(action, choice="existing", group_id=self.group.id, elsewhere="leave")
        self.assertEqual(wizard.here_count, 1)
        with self.assertRaisesRegex(UserError, "All 2 invoices are in a group already"):
            wizard.action_add()
        wizard = self._wizard(action, choice="existing", group_id=self.group.id)
        self.assertEqual(wizard.elsewhere, "move", "as most people mean it")
        said = wizard.action_add()["params"]
        self.assertEqual(
            (said["title"], said["message"]), ("1 invoice moved here", "From: Other (1)")
        )
        self.assertEqual(said["next"]["res_id"], self.group.id)
        self.assertEqual((self.group.invoice_ids, len(other.invoice_ids)), (mine | theirs, 0))
        self.assertIn("moved to the group July", other.message_ids[:1].body)

    def test_add_from_the_group_by_profile_period_or_filter(self):
        self._make_everybody()
        run = self._run()
        run.create_invoices()
        stranger = self._invoice(self.anna, 77)
        self._invoice(self.bert, 5)
        action = self.group.action_add_invoices()
        wizard = self._wizard(action, profile_id=self.profile.id, period_id=self.period.id)
        self.assertEqual(wizard.found_count, 5)
        wizard.action_add()
        self.assertEqual(self.group.invoice_ids, run.invoice_ids)
        wizard = self._wizard(action)
        with self.assertRaisesRegex(UserError, "Choose a billing profile or type a condition"):
            wizard.action_add()
        wizard.domain = "[('amount_total', '=', 77)]"
        self.assertEqual(wizard.found_count, 1)
        wizard.action_add()
        self.assertEqual(self.group.invoice_ids, run.invoice_ids | stranger)
        for nonsense in ("[('no_such_field', '=', 1)]", "__import__('os')", "[("):
            with self.assertRaisesRegex(UserError, "cannot be understood"):
                wizard.domain = nonsense
                wizard.action_add()

    def test_removing_and_deleting_leave_the_invoices(self):
        first, second = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self.group.add_invoices(first | second)
        first.action_remove_from_invoice_group()
        self.assertEqual(self.group.invoice_ids, second)
        self.group.unlink()
        self.assertEqual((second.exists().state, second.invoice_group_id.id), ("posted", False))

    def test_only_customer_invoices_of_the_same_company(self):
        bill = self.init_invoice("in_invoice", amounts=[10])
        with self.assertRaisesRegex(ValidationError, "no customer invoice"):
            self.group.add_invoices(bill)
        foreign = self._invoice(self.anna, 5, company=self.branch)
        with self.assertRaisesRegex(ValidationError, "group of the invoice's company"):
            self.group.add_invoices(foreign)
        mine = self._invoice(self.anna, 5)
        self.group.add_invoices(mine)
        with self.assertRaisesRegex(UserError, "is not changed by hand"):
            self.group.company_id = self.branch

    def test_list_filters_and_groups_by_group(self):
        mine, other = self._invoice(self.anna, 5), self._invoice(self.anna, 6)
        self.group.add_invoices(mine)
        moves = self.env["account.move"]
        found = moves.search(
            [("invoice_group_id", "ilike", "jul"), ("partner_id", "=", self.anna.id)]
        )
        self.assertEqual(found, mine)
        groups = moves._read_group(
            [("partner_id", "=", self.anna.id)], ["invoice_group_id"], ["__count"]
        )
        self.assertEqual(dict(groups), {self.group: 1, self.env["ar.invoice.group"]: 1})
        self.assertNotIn(other, self.group.invoice_ids)
        self.assertFalse(mine.copy().invoice_group_id)

    def test_no_group_has_no_invoices_to_show(self):
        nothing = self.env["ar.invoice.group"].browse([0])
        for name in ("invoices", "open", "drafts", "customers", "tasks"):
            with self.subTest(name), self.assertRaises(MissingError):
                getattr(nothing, f"action_view_{name}")()

    # --- rights -------------------------------------------------------------

    def test_who_only_reads_starts_no_task(self):
        self.group.add_invoices(self._invoice(self.anna, 5, post=False))
        reader = self._make_user("group.reader", "account.group_account_readonly")
        theirs = self._as(reader, self.group)
        self.assertEqual(theirs.invoice_count, 1)
        for action in ("action_confirm_drafts", "action_delete_drafts", "action_send_all"):
            with self.assertRaises(AccessError):
                getattr(theirs, action)()
        with self.assertRaises(AccessError):
            self.env["ar.invoice.task"].with_user(reader).create(
                {"group_id": self.group.id, "task": "delete"}
            )
        self.assertEqual(self.group.draft_count, 1)

    def test_other_companies_see_no_group(self):
        stranger = self._make_user("group.stranger", "account.group_account_manager", self.other)
        with self.assertRaises(AccessError):
            self._as(stranger, self.group).read(["name"])


@tagged("post_install", "-at_install")
class TestGroupOfRun(GroupCommon):
    """A billing run puts its invoices straight into groups."""

    def test_the_profile_asks_for_a_group_for_each_period(self):
        self._make_everybody()
        self.profile.group_policy = "period"
        run = self._run()
        self.assertEqual(run.group_name, f"Monthly {self.period.display_name}")
        run.create_invoices()
        group = run.invoice_ids.invoice_group_id
        self.assertEqual((group.name, len(group.invoice_ids)), (run.group_name, 5))
        # Whoever comes later is put beside the others.
        self._make_customers("Late")
        second = self._run()
        second.create_invoices()
        self.assertEqual(second.invoice_ids.invoice_group_id, group)

    def test_the_same_group_always(self):
        self._make_everybody()
        self.profile.write({"group_policy": "fixed", "invoice_group_id": self.group.id})
        run = self._run()
        run.create_invoices()
        self.assertEqual(run.invoice_ids.invoice_group_id, self.group)

    def test_split_by_balance_class_in_the_pop_up(self):
        customers = self._make_everybody()
        run = self._run()
        wizard = self._wizard(run.action_open_confirm())
        self.assertEqual(wizard.group_choice, "none")
        wizard.write({"group_choice": "new", "group_name": "August", "group_split": True})
        wizard.action_confirm()
        groups = {move.partner_id.name: move.invoice_group_id.name for move in run.invoice_ids}
        self.assertEqual(
            groups,
            {
                "service_balance": "August · Service and balance",
                "service_only": "August · Service only",
                "balance_only": "August · Balance only",
                "nothing_owed": "August · Nothing owed",
                "credit": "August · Credit",
            },
        )
        self.assertEqual(len(customers), 5)

    def test_the_pop_up_asks_for_what_is_missing(self):
        self._make_everybody()
        wizard = self._wizard(self._run().action_open_confirm())
        wizard.write({"group_choice": "new", "group_name": " "})
        with self.assertRaisesRegex(UserError, "Type a name"):
            wizard.action_confirm()
        wizard.write({"group_choice": "existing", "group_id": False})
        with self.assertRaisesRegex(UserError, "Choose the invoice group"):
            wizard.action_confirm()
        wizard.write({"group_choice": "none"})
        wizard.action_confirm()
        self.assertFalse(wizard.run_ids.invoice_ids.invoice_group_id)
