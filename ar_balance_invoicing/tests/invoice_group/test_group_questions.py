"""What buttons say before they do it, of groups and of ticked invoices; balance-only groups."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from ..invoice_group_common import GroupCommon


class QuestionCommon(GroupCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("asking.clerk", "account.group_account_invoice")

    def _draft(self, customer, amount=5, **values):
        return self._invoice(customer, amount, post=False, **values)

    def _asked(self, action):
        """The pop-up that a button opens."""
        self.assertEqual((action["res_model"], action["target"]), ("ar.invoice.task.ask", "new"))
        return self.env[action["res_model"]].browse(action["res_id"])

    def _ask(self, records, *arguments):
        return self._asked(self._as(self.clerk, records).action_ask(*arguments))

    def _money(self, amount):
        return self.company.currency_id.format(amount)


@tagged("post_install", "-at_install")
class TestGroupQuestions(QuestionCommon):
    def test_confirming_says_how_many_of_whom_and_how_much(self):
        drafts = (
            self._draft(self.anna, 1000) | self._draft(self.anna, 200.5) | self._draft(self.bert)
        )
        posted = self._invoice(self.cleo, 7)
        self.group.add_invoices(drafts | posted)
        asked = self._ask(self.group, "confirm")
        self.assertEqual(asked.question, f"Confirm 3 drafts of 2 customers, {self._money(1205.5)}.")
        self.assertEqual(asked.left_out, "1 invoice left out: only drafts are confirmed.")
        self.assertEqual(set(drafts.mapped("state")), {"draft"}, "nothing was done yet")
        self._as(self.clerk, asked).action_do()
        self.assertEqual(set(drafts.mapped("state")), {"posted"})

    def test_each_currency_is_said_on_its_own(self):
        other = self._invoice(self.bert, 286.4, currency_id=self.foreign.id, post=False)
        asked = self._ask(self._draft(self.anna, 10) | other, "confirm")
        self.assertIn("Confirm 2 drafts of 2 customers", asked.question)
        self.assertIn(self._money(10), asked.question)
        self.assertIn(self.foreign.format(286.4), asked.question)

    def test_e_mailing_says_who_will_not_get_one(self):
        fine, other = self._invoice(self.anna, 30), self._invoice(self.anna, 1)
        nowhere, draft = self._invoice(self.cleo, 6), self._draft(self.cleo)
        by_hand, queued = self._invoice(self.bert, 7), self._invoice(self.anna, 8)
        self.bert.invoice_sending_method = "manual"
        queued.sending_data = {"author_user_id": self.clerk.id}
        self.group.add_invoices(fine | other | nowhere | draft | by_hand | queued)
        asked = self._ask(self.group, "send")
        self.assertEqual(asked.question, f"E-mail 2 invoices of 1 customer, {self._money(31)}.")
        self.assertEqual(
            asked.left_out.splitlines(),
            [
                "1 invoice left out: not confirmed: confirm them first.",
                "1 invoice left out: being sent already.",
                "1 invoice left out: of customers who get invoices by hand.",
                "1 invoice left out: of customers without an e-mail address.",
            ],
        )
        self._as(self.clerk, asked).action_do()
        states = {line.move_id: line.state for line in self._task().line_ids}
        self.assertEqual((states[fine], states[other]), ("done", "done"))
        self.assertEqual(states[nowhere], "failed", "it is named, to be mended and retried")

    def test_nothing_to_do_is_said_before_any_pop_up(self):
        self.group.add_invoices(self._invoice(self.cleo, 5))
        before = self.env["ar.invoice.task.ask"].search_count([])
        for task, why in (
            ("confirm", "Only drafts are confirmed|only drafts are confirmed"),
            ("delete", "only drafts are deleted"),
            ("send", "1 invoice left out: of customers without an e-mail address"),
        ):
            with self.subTest(task), self.assertRaisesRegex(UserError, why):
                self._ask(self.group, task)
        with self.assertRaisesRegex(UserError, "There is no task"):
            self._ask(self.group, "dance")
        with self.assertRaisesRegex(UserError, "There is no choice"):
            self._ask(self.group, "confirm", "everybody")
        self.assertEqual(self.env["ar.invoice.task.ask"].search_count([]), before)

    def test_what_was_said_is_done_though_the_group_has_grown(self):
        said, done, late = (self._draft(self.anna, amount) for amount in (5, 6, 7))
        self.group.add_invoices(said | done)
        asked = self._ask(self.group, "confirm")
        self.group.add_invoices(late)
        done._post(soft=False)
        self._as(self.clerk, asked).action_do()
        self.assertEqual((said.state, late.state), ("posted", "draft"))
        self.assertEqual(self._task().line_ids.move_id, said)
        with self.assertRaisesRegex(UserError, "Nothing to do"):
            self._as(self.clerk, asked).action_do()

    def test_deleting_says_it_in_the_money_of_each_company(self):
        mine, branch = self._draft(self.anna, 5), self._draft(self.bert, 6, company=self.branch)
        other = self._draft(self.cleo, 7, company=self.other)
        everywhere = (self.company | self.branch | self.other).ids
        ticked = (mine | branch | other).with_context(allowed_company_ids=everywhere)
        asked = self._asked(ticked.action_ask("delete"))
        said = asked.question.splitlines()
        self.assertEqual(len(said), 4)
        for company, amount in ((self.company, 5), (self.other, 7)):
            money = company.currency_id.format(amount)
            self.assertIn(f"{company.display_name}: Delete 1 draft of 1 customer, {money}.", said)
        self.assertIn("A billing run can make its own drafts again.", said)
        asked.with_context(allowed_company_ids=everywhere).action_do()
        self.assertFalse((mine | branch | other).exists())

    def _pressed_in_actions(self, name, ticked, domain):
        """What the menu Actions of a list does, or asks."""
        action = self._as(self.clerk, self.env.ref(f"ar_balance_invoicing.{name}"))
        return action.with_context(
            active_model="account.move",
            active_id=ticked.ids[0],
            active_ids=ticked.ids,
            active_domain=domain,
        ).run()

    def test_regenerating_from_the_actions_of_the_list_asks_first(self):
        [customer] = self._make_customers("Ray")
        self._serve(customer, price=40)
        run = self._run()
        run.create_invoices()
        draft, by_hand = run.invoice_ids, self._draft(self.anna)
        bill = self.init_invoice("in_invoice", amounts=[10])
        draft.invoice_line_ids[0].name = "Typed by hand"
        press = "account_move_action_regenerate"
        self.env["ir.config_parameter"].sudo().set_param("web.active_ids_limit", "1")
        domain = [("id", "in", (draft | by_hand | bill).ids)]
        asked = self._asked(self._pressed_in_actions(press, draft, domain))
        money = self._money(draft.amount_total)
        self.assertIn(f"Regenerate 1 draft of 1 customer, {money} as they are now.", asked.question)
        self.assertEqual(len(asked.left_out.splitlines()), 2)
        self.assertIn("No customer invoice".lower(), asked.left_out)
        self.assertEqual(draft.invoice_line_ids[0].name, "Typed by hand", "nothing was done yet")
        self._as(self.clerk, asked).action_do()
        self.assertNotIn("Typed by hand", draft.invoice_line_ids.mapped("name"))
        with self.assertRaisesRegex(UserError, "no customer invoice"):
            self._pressed_in_actions(press, bill, [("id", "=", bill.id)])

    def test_taking_out_of_groups_asks_first(self):
        mine, other = self._invoice(self.anna, 30), self._invoice(self.bert, 7)
        gone, alone = self._invoice(self.anna, 9), self._invoice(self.cleo, 4)
        second = self.env["ar.invoice.group"].create({"name": "August"})
        self.group.add_invoices(mine | gone)
        second.add_invoices(other)
        gone.button_draft()
        gone.button_cancel()
        everything = mine | other | gone | alone
        press = "account_move_action_remove_from_group"
        self.env["ir.config_parameter"].sudo().set_param("web.active_ids_limit", "2")
        domain = [("id", "in", everything.ids)]
        asked = self._asked(self._pressed_in_actions(press, everything[:2], domain))
        self.assertEqual(
            asked.question.splitlines(),
            [
                f"Take 3 invoices of 2 customers, {self._money(46)}, out of their groups.",
                "The invoices themselves stay as they are.",
            ],
        )
        self.assertEqual(asked.left_out, "1 invoice left out: in no group.")
        self.assertEqual(len(everything.invoice_group_id), 2, "nothing was done yet")
        said = self._as(self.clerk, asked).action_do()["params"]
        self.assertEqual(said["title"], "3 invoices taken out of their groups")
        self.assertIn("July (2)", said["message"])
        self.assertFalse(everything.invoice_group_id)
        self.assertIn("2 invoices taken out", self.group.message_ids[:1].body)
        self.assertFalse(self.env["ar.invoice.task"].search([("task", "=", "take_out")]))
        with self.assertRaisesRegex(UserError, "Nothing to do"):
            self._as(self.clerk, asked).action_do()

    def test_a_script_takes_them_out_as_a_task(self):
        drafts = self._draft(self.anna) | self._draft(self.bert)
        self.group.add_invoices(drafts)
        task = self.env["ar.invoice.task"].run("take_out", group=self.group)
        self.assertEqual((task.state, task.done_count), ("done", 2))
        self.assertFalse(drafts.invoice_group_id)

    # --- more rows than the client names ------------------------------------

    def test_ticked_beyond_the_limit_the_list_decides(self):
        self.env["ir.config_parameter"].sudo().set_param("web.active_ids_limit", "4")
        drafts = self.env["account.move"].union(
            *(self._draft(self.anna, amount) for amount in (1, 2, 3, 4, 5, 6))
        )
        domain = [("id", "in", drafts.ids)]

        def pressed(ticked):
            return self._as(self.clerk, ticked).with_context(
                active_model="account.move", active_ids=ticked.ids, active_domain=domain
            )

        asked = self._asked(pressed(drafts[:4]).action_ask("confirm"))
        self.assertIn("Confirm 6 drafts of 1 customer", asked.question)
        asked = self._asked(pressed(drafts[:3]).action_ask("confirm"))
        self.assertIn("Confirm 3 drafts of 1 customer", asked.question)
        window = self._wizard(pressed(drafts[:4]).action_add_to_invoice_group())
        self.assertEqual(window.found_count, 6)
        self.group.add_invoices(drafts)
        pressed(drafts[:4]).action_remove_from_invoice_group()
        self.assertFalse(self.group.invoice_ids)

    # --- scripts, and rights --------------------------------------------------

    def test_a_script_is_asked_nothing(self):
        self.group.add_invoices(self._draft(self.anna) | self._draft(self.bert))
        self._as(self.clerk, self.group).action_confirm_drafts()
        self.assertEqual(self.group.draft_count, 0)
        self.assertFalse(self.env["ar.invoice.task.ask"].search([]))

    def test_nobody_makes_or_changes_a_pop_up_by_hand(self):
        self.group.add_invoices(self._draft(self.anna))
        asked = self._as(self.clerk, self._ask(self.group, "confirm"))
        with self.assertRaises(UserError):
            asked.task = "delete"
        with self.assertRaises(UserError):
            asked.create({"task": "delete", "scope": "all"})
        reader = self._make_user("asking.reader", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self._as(reader, self.group).action_ask("confirm")
        colleague = self._make_user("asking.colleague", "account.group_account_invoice")
        with self.assertRaises(AccessError):
            self._as(colleague, asked).action_do()

    def test_asking_about_many_costs_the_same(self):
        many = self.env["account.move"].create(
            [self._invoice_vals(self.anna, 5) for _number in range(60)]
        )
        costs = [
            self._count_queries(lambda some=some: some.action_ask("mark_sent"))
            for some in (many[:3], many[:3], many)
        ]
        self.assertLessEqual(costs[2], costs[1] + 2)

    # --- history --------------------------------------------------------------

    def test_the_group_keeps_how_it_was_called_and_what_it_was_for(self):
        # With messages, as when people work.
        silent = ("tracking_disable", "mail_create_nolog", "mail_notrack")
        noting = self.env["ar.invoice.group"].with_context(**dict.fromkeys(silent, False))
        group = noting.create({"name": "August", "note": "First"})
        self.env.flush_all()
        self.env.cr.precommit.run()
        theirs = self._as(self.clerk, group)
        theirs.write({"name": "September", "note": "Second", "active": False})
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
        noted = {
            value.field_id.name: (value.old_value_char or value.old_value_text)
            for value in group.message_ids.sudo().tracking_value_ids
        }
        self.assertEqual(noted.get("name"), "August")
        self.assertEqual(noted.get("note"), "First")
        self.assertIn("active", noted)
        [message] = group.message_ids.filtered("tracking_value_ids")
        self.assertEqual(message.author_id, self.clerk.partner_id)

    def test_the_group_keeps_who_did_what_with_how_many(self):
        first, second = self._draft(self.anna), self._draft(self.bert)
        theirs = self._as(self.clerk, self.group)
        theirs.add_invoices(first | second)
        theirs.remove_invoices(second)
        theirs.action_confirm_drafts()
        notes = " ".join(str(body) for body in self.group.message_ids.sorted("id").mapped("body"))
        for said in ("2 invoices added", "1 invoice taken out", "Confirm drafts: 1 invoice"):
            self.assertEqual(notes.count(said), 1, notes)
        mine = self.group.message_ids.filtered(lambda m: m.author_id == self.clerk.partner_id)
        self.assertGreaterEqual(len(mine), 3)


@tagged("post_install", "-at_install")
class TestBalanceOnlyGroups(QuestionCommon):
    """Invoices of zero, for what their customers owe otherwise."""

    def _make_group_of_zero(self):
        self._invoice(self.anna, 100, days_ago=40)
        self._invoice(self.anna, 20)
        self._invoice(self.bert, 7, days_ago=100)
        zero = self.env["account.move"].union(
            *(self._invoice(who, 0) for who in (self.anna, self.anna, self.bert))
        )
        self.group.add_invoices(zero)
        return zero

    def test_it_shows_what_the_accounts_owe_each_customer_once(self):
        self._make_group_of_zero()
        [(owed,)] = self._ledger(
            """
            SELECT SUM(line.amount_residual)::text FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE account.account_type = 'asset_receivable' AND line.parent_state = 'posted'
               AND line.partner_id IN (%s, %s)
            """,
            self.anna.id,
            self.bert.id,
        )
        self.assertEqual(float(owed), 127)
        self.assertTrue(self.group.is_balance_only)
        self.assertEqual(self.group.amount_account, 127)
        self.assertEqual(self._picture("aging_graph"), {"Not due": 20, "31-60": 100, "91-120": 7})
        self._pay(self.anna, 60)
        self.env.invalidate_all()
        self.assertEqual(self.group.amount_account, 67, "a credit that is not matched counts too")

    def test_e_mailing_them_says_what_the_accounts_owe(self):
        self._make_group_of_zero()
        self._invoice(self.anna, 999, company=self.other)
        asked = self._ask(self.group, "send")
        said = f"{self._money(0)}; their accounts owe {self._money(127)}"
        self.assertEqual(asked.question, f"E-mail 3 invoices of 2 customers, {said}.")
        self.group.add_invoices(self._invoice(self.bert, 3))
        asked = self._ask(self.group, "send")
        self.assertEqual(asked.question, f"E-mail 4 invoices of 2 customers, {self._money(3)}.")

    def test_asking_about_many_of_zero_costs_the_same(self):
        many = self.env["account.move"].create(
            [self._invoice_vals(who, 0) for who in (self.anna, self.bert) for _number in range(20)]
        )
        ask = self.env["ar.invoice.task.ask"]._say_accounts
        currency = self.company.currency_id
        few = self._count_queries(lambda: ask(many[18:22], currency), warm=True)
        self.assertLessEqual(self._count_queries(lambda: ask(many, currency), warm=True), few)

    def test_what_was_credited_is_reversed_in_the_picture(self):
        credited, paid = self._invoice(self.anna, 30), self._invoice(self.bert, 8)
        note = self._invoice(self.anna, 30, move_type="out_refund")
        (credited | note).line_ids.filtered(
            lambda item: item.account_type == "asset_receivable"
        ).reconcile()
        self._pay(self.bert, 8, paid)
        self.group.add_invoices(credited | paid)
        self.assertEqual(self._picture("status_graph"), {"Reversed": 1, "Paid": 1})

    def test_a_customer_that_went_below_a_company_is_counted_with_it(self):
        self._make_group_of_zero()
        boss = self.env["res.partner"].create({"name": "Boss", "is_company": True})
        self.anna.parent_id = boss
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(
            self.group.amount_account, boss.account_balance + self.bert.account_balance
        )

    def test_one_invoice_that_owes_makes_it_an_ordinary_group(self):
        self._make_group_of_zero()
        self.group.add_invoices(self._invoice(self.cleo, 3, days_ago=5))
        self.env.invalidate_all()
        self.assertFalse(self.group.is_balance_only)
        self.assertEqual((self.group.amount_open, self.group.amount_account), (3, 130))
        self.assertEqual(self._picture("aging_graph"), {"1-30": 3})

    def test_other_companies_accounts_are_not_in_it(self):
        zero = self._make_group_of_zero()
        self._invoice(self.anna, 999, company=self.other)
        self.env.invalidate_all()
        self.assertEqual(self.group.amount_account, 127)
        zero[2].button_draft()
        zero[2].button_cancel()
        self.env.invalidate_all()
        self.assertEqual(self.group.amount_account, 120, "of what is cancelled nobody is asked")
        empty = self.env["ar.invoice.group"].create({"name": "Empty"})
        self.assertEqual((empty.is_balance_only, empty.amount_account), (False, 0))

    # --- names and moving -------------------------------------------------------

    def test_the_proposed_name_says_what_all_have_in_common(self):
        customers = self._make_everybody()
        run = self._run()
        run.create_invoices()
        of_class = run.invoice_ids.filtered(
            lambda move: move.partner_id == customers["balance_only"]
        )
        period = f"Monthly {self.period.display_name}"
        for invoices, name in (
            (of_class, f"Balance only · {period}"),
            (run.invoice_ids, period),
        ):
            window = self._wizard(invoices.action_add_to_invoice_group())
            self.assertEqual(window.name, name)
        by_hand = self._invoice(self.cleo, 5)
        window = self._wizard((run.invoice_ids | by_hand).action_add_to_invoice_group())
        self.assertNotIn("Monthly", window.name)
        window = self._wizard(by_hand.action_add_to_invoice_group())
        self.assertTrue(window.name.startswith("Service only · "), window.name)

    def test_what_is_in_other_groups_is_moved_and_said(self):
        invoices = self.env["account.move"].union(*(self._draft(self.anna) for _n in range(5)))
        one, two = self.env["ar.invoice.group"].create([{"name": "One"}, {"name": "Two"}])
        one.add_invoices(invoices[:3])
        two.add_invoices(invoices[3])
        window = self._wizard(invoices.action_add_to_invoice_group(), name="All")
        self.assertEqual(window.elsewhere_text, "One (3), Two (1)")
        said = window.action_add()["params"]
        self.assertEqual(said["title"], "4 invoices moved here")
        self.assertEqual(said["message"], "From: One (3), Two (1)")
        self.assertEqual(len(invoices.invoice_group_id), 1)
        self.assertEqual(invoices.invoice_group_id.name, "All")
        self.assertIn("3 invoices moved to the group All", one.message_ids[:1].body)

    # --- addresses ----------------------------------------------------------------

    def test_lists_are_found_again_by_the_group_alone(self):
        """As after a reload: the stored action with the group's id, and nothing else."""
        draft, owing = self._draft(self.anna), self._invoice(self.bert, 6)
        elsewhere = self._invoice(self.cleo, 7, days_ago=3)
        self.group.add_invoices(draft | owing)
        self.env["ar.invoice.group"].create({"name": "Other"}).add_invoices(elsewhere)
        self.group.action_confirm_drafts()
        task = self._task()
        draft.button_draft()
        for records, method in (
            (self.group, "action_view_invoices"),
            (self.group, "action_view_open"),
            (self.group, "action_view_drafts"),
            (self.group, "action_view_failed_emails"),
            (self.group, "action_view_customers"),
            (self.group, "action_view_tasks"),
            (task, "action_view_lines"),
            (task, "action_view_failed_emails"),
        ):
            with self.subTest(method, model=records._name):
                opened = getattr(records, method)()
                stored = self.env["ir.actions.act_window"].browse(opened["id"])
                self.assertTrue(stored.path)
                self.assertEqual(opened["context"]["active_id"], records.id)
                domain = self._domain_of(stored, records)
                model = self.env[opened["res_model"]]
                self.assertEqual(model.search(domain), model.search(opened["domain"]))
        customers = self.env["res.partner"].search(self.group.action_view_customers()["domain"])
        self.assertEqual(customers, self.anna | self.bert)
        self.assertEqual(self.anna.invoice_group_ids, self.group)

    def _domain_of(self, action, record):
        return safe_eval(action.domain, {"active_id": record.id})
