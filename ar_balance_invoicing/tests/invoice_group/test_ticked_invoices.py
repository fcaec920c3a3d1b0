"""Invoices that are ticked in a list, and what another addon has to say about them."""

from datetime import timedelta

from odoo import Command, models
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.fields import Domain
from odoo.tests import tagged

from ..invoice_group_common import GroupCommon
from ..throw_away import ThrowAwayAddon


class TickedCommon(GroupCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("ticking.clerk", "account.group_account_invoice")

    def _draft(self, customer, amount=5, **values):
        return self._invoice(customer, amount, post=False, **values)

    def _last_tasks(self, count=1):
        return self.env["ar.invoice.task"].sudo().search([], order="id desc", limit=count)

    def _praise(self, invoices):
        return self.env["ar.invoice.task"].run("praise", invoices=invoices)

    def _lines(self, task):
        """{invoice: (state, reason)}"""
        return {line.move_id: (line.state, line.reason or "") for line in task.line_ids}


@tagged("post_install", "-at_install")
class TestTickedInvoices(TickedCommon):
    # --- mark as sent -------------------------------------------------------

    def test_mark_as_sent_confirms_without_an_e_mail(self):
        self._make_everybody()
        run = self._run()
        run.create_invoices()
        mails = self.env["mail.mail"].search_count([])
        result = run.invoice_ids.action_mark_as_sent()
        self.assertEqual(result["params"]["type"], "success")
        self.assertEqual(set(run.invoice_ids.mapped("state")), {"posted"})
        self.assertTrue(all(run.invoice_ids.mapped("is_move_sent")))
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)

    def test_mark_as_sent_confirms_a_draft_that_was_sent_before_it_was_reset(self):
        self._make_everybody()
        run = self._run()
        run.create_invoices()
        run.invoice_ids.action_mark_as_sent()
        reset = run.invoice_ids[0]
        reset.button_draft()
        self.assertTrue(reset.is_move_sent)
        reset.action_mark_as_sent()
        self.assertEqual((reset.state, reset.is_move_sent), ("posted", True))

    def test_mark_as_sent_names_what_cannot_be_confirmed(self):
        self._make_everybody()
        run = self._run()
        run.create_invoices()
        bad = run.invoice_ids[0]
        bad.invoice_line_ids.unlink()
        result = run.invoice_ids.action_mark_as_sent()
        task = self._last_tasks()
        self.assertEqual((result["res_model"], result["res_id"]), (task._name, task.id))
        self.assertEqual((task.state, task.done_count, task.failed_count), ("failed", 4, 1))
        state, reason = self._lines(task)[bad]
        self.assertEqual(state, "failed")
        self.assertIn("post nothing", reason)
        self.assertEqual(bad.state, "draft")
        self.assertFalse(bad.is_move_sent)
        self.assertEqual(set((run.invoice_ids - bad).mapped("state")), {"posted"})
        self.assertTrue(all((run.invoice_ids - bad).mapped("is_move_sent")))
        bad.invoice_line_ids = [Command.create({"name": "Mended", "price_unit": 6})]
        task.action_retry()
        self.assertEqual((task.state, bad.state, bad.is_move_sent), ("done", "posted", True))

    # --- what is ticked -----------------------------------------------------

    def test_what_a_task_does_not_concern_is_left_out_and_said(self):
        good, posted = self._draft(self.anna), self._invoice(self.bert, 6)
        cancelled = self._draft(self.cleo)
        cancelled.button_cancel()
        bill = self.init_invoice("in_invoice", amounts=[10], invoice_date=self.today)
        result = (good | posted | cancelled | bill).action_confirm_drafts()
        self.assertEqual(result["tag"], "display_notification")
        self.assertEqual(result["params"]["title"], "Confirm drafts: 1 invoice done")
        self.assertIn("2 left out: Only drafts are confirmed.", result["params"]["message"])
        self.assertIn("1 left out: No customer invoice.", result["params"]["message"])
        states = (good | posted | cancelled | bill).mapped("state")
        self.assertEqual(states, ["posted", "posted", "cancel", "draft"])
        lines = self._lines(self._last_tasks())
        self.assertEqual(len(lines), 4, "all that were ticked are listed")
        self.assertEqual(lines[bill], ("skipped", "No customer invoice."))

    def test_nothing_to_do_is_refused_with_why(self):
        posted, bill = self._invoice(self.anna, 5), self.init_invoice("in_invoice", amounts=[10])
        before = self._last_tasks()
        for invoices, why in (
            (posted, "Nothing to do: Only drafts are confirmed"),
            (bill, "Nothing to do: No customer invoice"),
            (posted.browse(), "no invoice is ticked"),
        ):
            with self.assertRaisesRegex(UserError, why):
                invoices.action_confirm_drafts()
        posted.is_move_sent = True
        with self.assertRaisesRegex(UserError, "Sent already"):
            posted.action_mark_as_sent()
        with self.assertRaisesRegex(UserError, "Only drafts that a billing run made"):
            self._draft(self.anna).action_regenerate()
        self.assertEqual(self._last_tasks(), before)

    def test_drafts_are_deleted_and_still_named(self):
        drafts, posted = (
            self._draft(self.anna) | self._draft(self.bert),
            self._invoice(self.cleo, 7),
        )
        names = set(drafts.mapped("display_name"))
        (drafts | posted).action_delete_drafts()
        self.assertEqual((drafts | posted).exists(), posted)
        task = self._last_tasks()
        done = task.line_ids.filtered(lambda line: line.state == "done")
        self.assertEqual(set(done.mapped("display_name")), names)

    def test_a_closed_period_is_refused_and_not_moved(self):
        late, good = self._draft(self.anna, days_ago=60), self._draft(self.bert)
        self.company.sale_lock_date = self.today - timedelta(days=30)
        for action in ("action_confirm_drafts", "action_mark_as_sent"):
            getattr(late | good, action)()
            self.assertIn("closed period", self._lines(self._last_tasks())[late][1])
            self.assertEqual((late.state, late.date), ("draft", self.today - timedelta(days=60)))
        self.assertEqual(good.state, "posted")

    def test_a_mandatory_analytic_plan_is_asked_for_as_by_the_button(self):
        plan = self.env["account.analytic.plan"].create(
            {"name": "Routes", "default_applicability": "mandatory"}
        )
        route = self.env["account.analytic.account"].create({"name": "North", "plan_id": plan.id})
        bad, good = self._draft(self.anna), self._draft(self.bert)
        good.invoice_line_ids.analytic_distribution = {str(route.id): 100}
        (bad | good).action_confirm_drafts()
        self.assertEqual((bad.state, good.state), ("draft", "posted"))
        self.assertIn("100% analytic distribution", self._lines(self._last_tasks())[bad][1])

    def test_invoices_of_several_companies_make_a_task_for_each(self):
        mine, branch = self._draft(self.anna), self._draft(self.bert, company=self.branch)
        other = self._draft(self.cleo, company=self.other)
        # Of the third, nothing is a draft, yet it was ticked.
        sent = self._invoice(self.cleo, 5, company=self.other)
        everywhere = (self.company | self.branch | self.other).ids
        ticked = (mine | branch | other | sent).with_context(allowed_company_ids=everywhere)
        result = ticked.action_confirm_drafts()
        self.assertEqual(result["params"]["title"], "Confirm drafts: 3 invoices done")
        tasks = self._last_tasks(3)
        self.assertEqual(tasks.company_id, self.company | self.branch | self.other)
        for task in tasks:
            self.assertEqual(task.line_ids.move_id.company_id, task.company_id)
        self.assertEqual(set(ticked.mapped("state")), {"posted"})
        [(unbalanced,)] = self._ledger(
            "SELECT COUNT(*) FROM account_move_line line JOIN account_move move "
            "ON move.id = line.move_id WHERE line.company_id != move.company_id"
        )
        self.assertEqual(unbalanced, 0)

    def test_failures_in_several_companies_are_listed_as_tasks(self):
        bad, good = self._draft(self.anna), self._draft(self.bert, company=self.branch)
        bad.invoice_line_ids.unlink()
        result = (bad | good).action_confirm_drafts()
        tasks = self.env["ar.invoice.task"].search(result["domain"])
        self.assertEqual(sorted(tasks.mapped("state")), ["done", "failed"])
        self.assertEqual((bad.state, good.state), ("draft", "posted"))

    # --- who, how many ------------------------------------------------------

    def test_other_peoples_invoices_are_not_for_the_ticking(self):
        theirs, mine = self._draft(self.cleo, company=self.other), self._draft(self.anna)
        for task in ("confirm", "delete", "mark_sent"):
            run = self._as(self.clerk, self.env["ar.invoice.task"]).run
            with self.assertRaises(AccessError):
                run(task, invoices=(theirs | mine).ids)
        self.assertEqual((theirs.state, mine.state), ("draft", "draft"))
        reader = self._make_user("ticking.reader", "account.group_account_readonly")
        for action in ("action_mark_as_sent", "action_confirm_drafts", "action_delete_drafts"):
            with self.assertRaises(AccessError):
                getattr(self._as(reader, mine), action)()
        with self.assertRaises(AccessError):
            self._as(reader, self.group).add_invoices(mine)
        self.assertEqual(mine.exists().state, "draft")

    def test_many_are_left_to_the_background(self):
        drafts = self.env["account.move"].create([self._invoice_vals(self.anna, 5)] * 200)
        self.company.ar_background_seconds = 1
        result = self._as(self.clerk, drafts).action_confirm_drafts()
        task = self._last_tasks()
        self.assertEqual((task.state, result["res_id"]), ("queued", task.id))
        self.assertEqual(task.user_id, self.clerk)
        drafts[:3].action_post()
        drafts[3].unlink()
        with self.enter_registry_test_mode():
            self.env.ref(
                "ar_balance_invoicing.ir_cron_bulk_document_lane_1"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual((task.state, task.done_count, task.skipped_count), ("done", 196, 4))
        reasons = set(task.line_ids.mapped("reason"))
        self.assertEqual(reasons, {False, "Only drafts are confirmed.", "Deleted meanwhile."})
        numbers = drafts.exists().mapped("name")
        self.assertEqual(len(set(numbers)), 199)

    def test_a_queued_task_is_cancelled(self):
        draft = self._draft(self.anna)
        self.company.ar_background_seconds = 0.001
        draft.action_delete_drafts()
        task = self._last_tasks()
        task.action_cancel()
        self.assertEqual((task.state, draft.exists()), ("cancelled", draft))
        task.action_retry()
        task._work_all()
        self.assertFalse(draft.exists())

    def test_ticking_costs_what_core_takes(self):
        customers = self.env["res.partner"].create([{"name": f"C{n:02}"} for n in range(80)])
        drafts = self.env["account.move"].create(
            [self._invoice_vals(customer, 9) for customer in customers]
        )
        core = self._count_queries(lambda: drafts[:40].action_post())
        self._assert_queries(drafts[40:].action_confirm_drafts, core + 40)
        self._assert_queries(drafts.action_mark_as_sent, 60)

    # --- for scripts --------------------------------------------------------

    def test_a_script_makes_a_group_and_has_it_confirmed(self):
        drafts = self._draft(self.anna) | self._draft(self.bert) | self._draft(self.cleo)
        tasks = self._as(self.clerk, self.env["ar.invoice.task"])
        group = self._as(self.clerk, self.env["ar.invoice.group"]).create({"name": "Script"})
        self.assertEqual(group.add_invoices(drafts.ids), drafts)
        self.assertEqual(group.remove_invoices(drafts[2].ids), drafts[2])
        self.assertFalse(group.remove_invoices(drafts[2]))
        other = self.env["ar.invoice.group"].create({"name": "Other"})
        self.assertFalse(other.add_invoices(drafts[:2], move_others=False))
        task = tasks.run("confirm", group=group.id)
        self.assertEqual((task.group_id, task.state, task.done_count), (group, "done", 2))
        self.assertEqual(drafts.mapped("state"), ["posted", "posted", "draft"])
        task = tasks.run("mark_sent", invoices=drafts[0].id)
        self.assertEqual((task.state, drafts[0].is_move_sent), ("done", True))
        task = tasks.run("send", group=group, scope="not_sent")
        self.assertEqual(task.line_ids.move_id, drafts[1])

    def test_a_script_is_told_what_is_wrong(self):
        draft = self._draft(self.anna)
        tasks = self._as(self.clerk, self.env["ar.invoice.task"])
        for arguments, why in (
            (("frame", draft.ids), "There is no task “frame”"),
            ((None, draft.ids), "There is no task"),
            (("confirm", draft.ids, None, "some"), "There is no choice “some”"),
            (("confirm", ["x"]), "as a list of whole numbers"),
            (("confirm", {"id": 1}), "as a list of whole numbers"),
            (("confirm", [0]), "as a list of whole numbers"),
            (("confirm", None, ["x"]), "as a list of whole numbers"),
            (("confirm", None, [self.group.id, self.group.id + 1]), "choose exactly one"),
            (("confirm", None, self.group, []), "There is no choice"),
            (("confirm", draft.ids, self.group.id), "not both"),
            (("confirm",), "no invoice is ticked"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(UserError, why):
                tasks.run(*arguments)
        self.assertEqual(draft.state, "draft")


def answering_addon(customer, answer):
    """It answers something else, when it is to confirm invoices of a customer."""

    class Move(models.Model):
        _name = "account.move"
        _inherit = ["account.move"]
        _module = "ar_test_addon"

        def action_post(self):
            if self.partner_id & customer:
                return answer(self)
            return super().action_post()

    return Move


def telling_addon():
    """It shows a window after it has confirmed."""

    class Move(models.Model):
        _name = "account.move"
        _inherit = ["account.move"]
        _module = "ar_test_addon"

        def action_post(self):
            done = super().action_post()
            return done or {"type": "ir.actions.act_window", "name": "Well done"}

    return Move


def praising_addon():
    """It brings a task, by one class."""

    class Praise(models.AbstractModel):
        _name = "ar.invoice.task.praise"
        _inherit = ["ar.invoice.task.kind"]
        _description = "Task: Praise"
        _module = "ar_test_addon"
        _task = "praise"
        _sequence = 15

        def _get_label(self):
            return "Praise the customers"

        def _get_domain(self, scope):
            return super()._get_domain(scope) & Domain("payment_state", "=", "paid")

        def _get_left_out_reason(self):
            return "Who does not pay is not praised."

        def _do(self, task, lines):
            if any(line.move_id.partner_id.name == "Bert" for line in lines):
                raise UserError(self.env._("Bert cannot bear it."))
            for line in lines:
                line.move_id.message_post(body=self.env._("Well done"))
            lines._mark_done()

    return Praise


@tagged("post_install", "-at_install")
class TestOtherAddons(ThrowAwayAddon, TickedCommon):
    """What other addons refuse, ask and bring."""

    def _assert_only_bert_fails(self, sentence):
        anna, bert, cleo = (self._draft(who) for who in (self.anna, self.bert, self.cleo))
        self.group.add_invoices(anna | bert | cleo)
        self.group.action_confirm_drafts()
        task = self._task()
        self.assertEqual((task.state, task.done_count, task.failed_count), ("failed", 2, 1))
        self.assertEqual(self._lines(task)[anna][0], "done")
        self.assertIn(sentence, self._lines(task)[bert][1])
        self.assertEqual((anna | bert | cleo).mapped("state"), ["posted", "draft", "posted"])
        (anna | bert | cleo).action_mark_as_sent()
        self.assertIn(sentence, self._lines(self._last_tasks())[bert][1])
        self.assertEqual((anna | bert | cleo).mapped("is_move_sent"), [True, False, True])

    def test_who_is_over_the_credit_limit_is_refused(self):
        def refuse(moves):
            raise UserError(moves.env._("Bert is over the limit."))

        self._bring(answering_addon(self.bert, refuse))
        self._assert_only_bert_fails("Bert is over the limit.")

    def test_who_is_sent_to_the_settings_is_told_why(self):
        def send_away(moves):
            raise RedirectWarning(moves.env._("Bert has no route yet."), {}, "Make one")

        self._bring(answering_addon(self.bert, send_away))
        self._assert_only_bert_fails("Bert has no route yet.")

    def test_a_question_fails_the_invoice_that_is_asked_about(self):
        def ask(moves):
            moves.filtered(lambda move: move.partner_id.name == "Bert").ref = "Asked"
            return {"type": "ir.actions.act_window", "name": "Over the Limit?"}

        self._bring(answering_addon(self.bert, ask))
        self._assert_only_bert_fails("(Over the Limit?). Open the invoice and confirm it there.")
        bert = self.env["account.move"].search([("partner_id", "=", self.bert.id)])
        self.assertFalse(bert.ref, "what the question did is taken back")

    def test_what_is_left_a_draft_in_silence_is_failed(self):
        self._bring(answering_addon(self.bert, lambda moves: False))
        self._assert_only_bert_fails("left it a draft without saying why")

    def test_a_window_after_confirming_is_no_refusal(self):
        self._bring(telling_addon())
        drafts = self._draft(self.anna) | self._draft(self.bert)
        drafts.action_confirm_drafts()
        self.assertEqual(set(drafts.mapped("state")), {"posted"})
        self.assertEqual(self._last_tasks().state, "done")

    def test_an_addon_brings_a_task_and_takes_it_away(self):
        paid, bert, owing = (self._invoice(who, 5) for who in (self.anna, self.bert, self.cleo))
        self._pay(self.anna, 5, paid)
        self._pay(self.bert, 5, bert)
        with self.assertRaisesRegex(UserError, "There is no task “praise”"):
            self._praise(paid)
        take_away = self._bring_model(praising_addon())
        tasks = self.env["ar.invoice.task"]
        labels = [label for _value, label in tasks._fields["task"]._description_selection(self.env)]
        self.assertEqual(labels[:2], ["Confirm drafts", "Praise the customers"])
        task = self._praise(paid | bert | owing)
        self.assertEqual(task.display_name, "Praise the customers · 3 invoices")
        self.assertEqual(
            self._lines(task),
            {
                paid: ("done", ""),
                bert: ("failed", "Bert cannot bear it."),
                owing: ("skipped", "Who does not pay is not praised."),
            },
        )
        self.assertIn("Well done", paid.message_ids[0].body)
        self.group.add_invoices(paid | owing)
        of_group = tasks.run("praise", group=self.group)
        self.assertEqual(self._lines(of_group), {paid: ("done", "")})
        take_away()
        with self.assertRaisesRegex(UserError, "Is the addon that brought it gone"):
            task.action_retry()
        self.assertEqual(of_group.display_name, "Praise the customers · July")
