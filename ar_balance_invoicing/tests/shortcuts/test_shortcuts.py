"""Shortcuts beside other addons: read back, refused where need be, and for our own work only."""
# pylint: disable=missing-return
# Tests define classes whose methods call super, which is not the tests'.

import contextlib
import functools
import logging

from odoo import Command, api, fields, models
from odoo.tests import tagged

from ...models.shortcuts.ar_shortcuts import PARAMETER
from ...tools.context_keys import MATCHED_APART, NOTES, NUMBER_FORMATS
from ..billing_common import BillingCommon
from ..invoice_comparison import InvoiceComparison
from ..invoice_maker_common import InvoiceMakerCommon
from ..throw_away import ThrowAwayAddon
from ..write_off_common import WriteOffCommon

# With the level's number: Odoo gives its name to another one.
OUR_LOGS = "odoo.addons.ar_balance_invoicing"


class InvoiceMakerTest(ThrowAwayAddon, InvoiceComparison, InvoiceMakerCommon):
    def _vals(self, count, product=0):
        seller = self.sellers["root"]
        return [
            {
                "move_type": "out_invoice",
                "company_id": self.company.id,
                "journal_id": seller.journal.id,
                "currency_id": self.company.currency_id.id,
                "fiscal_position_id": False,
                "invoice_date": self.today,
                "ref": "RUN",
                "invoice_payment_term_id": self.pay_terms_a.id,
                "partner_id": self.partners[number].id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.products[product].id,
                            "name": "Pick-up",
                            "quantity": 1,
                            "price_unit": 10.07 + number,
                            "tax_ids": [Command.set(seller.tax_sets[1].ids)],
                        }
                    )
                ],
            }
            for number in range(count)
        ]


@tagged("post_install", "-at_install")
class TestShortcutsBesideAddons(InvoiceMakerTest):
    def test_a_step_that_an_addon_adds_to_core_is_never_skipped(self):
        """As India's does: a step of its own when core brings lines into step."""

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"
            ar_test_section = fields.Char()

        class Move(models.Model):
            _name = "account.move"
            _inherit = ["account.move"]
            _module = "ar_test_addon"

            def _get_sync_stack(self, container):
                stack, update_containers = super()._get_sync_stack(container)
                stack.append((9, self._set_sections(container)))
                return stack, update_containers

            @contextlib.contextmanager
            def _set_sections(self, container):
                yield
                for line in container["records"].line_ids:
                    if not line.ar_test_section:
                        line.ar_test_section = f"{line.account_id.code} {line.balance:.2f}"

        self._bring(Line, Move)
        with self.assertLogs(OUR_LOGS, logging.INFO) as logs:
            made = self._assert_same(self._vals(5))
        self.assertTrue(all(made.line_ids.mapped("ar_test_section")))
        self.assertFalse(self.quick)
        self.assertIn("5 invoices left to core (5: ar_test_addon extends", logs.output[-1])

    def test_what_an_addon_does_when_core_writes_is_seen_on_the_second(self):
        """A field that something computes: only a twin shows that core's is another one."""

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"
            ar_test_section = fields.Char(
                compute="_compute_ar_test_section", store=True, readonly=False
            )

            @api.depends("product_id")
            def _compute_ar_test_section(self):
                for line in self:
                    line.ar_test_section = "computed"

            def write(self, vals):
                if "balance" in vals:
                    vals = {**vals, "ar_test_section": "written"}
                return super().write(vals)

        self._bring(Line)
        with self.assertLogs(OUR_LOGS, logging.INFO) as logs:
            made = self._assert_same(self._vals(6))
        self.assertIn("written", made.line_ids.mapped("ar_test_section"))
        self.assertFalse(self.quick)
        self.assertIn("another account.move.line.ar_test_section", logs.output[-1])

    def test_a_switch_leaves_invoices_to_core(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for value, quick in (("off", 0), ("entries, notes", 0), ("notes, invoices", 4)):
            parameters.set_param(PARAMETER, value)
            self._assert_same(self._vals(6))
            self.assertEqual(self.quick.total(), quick, value)

    def test_a_run_compares_once(self):
        run = self._run()
        vals_list = [
            {**vals, "billing_run_id": run.id, "invoice_origin": run.name} for vals in self._vals(6)
        ]
        for compared, quick in ((1, 4), (0, 5)):
            self.quick.clear()
            self.compared.clear()
            self.maker._create_invoices(
                [{**vals, "invoice_line_ids": [*vals["invoice_line_ids"]]} for vals in vals_list]
            )
            self.env.flush_all()
            # As a commit does.
            self.env.cr.clear()
            self.assertEqual((self.compared.total(), self.quick.total()), (compared, quick))

    def test_a_twin_leaves_nothing_behind(self):
        messages = self.env["mail.message"].sudo()
        before = self.env["account.move"].search_count([]), messages.search_count([])
        told = []
        move = type(self.env["account.move"])
        original = move.create

        def create(records, vals_list):
            made = original(records, vals_list)
            for move_id in made.ids:
                records.env.cr.postcommit.add(functools.partial(told.append, move_id))
            return made

        self.patch(move, "create", create)
        made = self.maker._create_invoices(self._vals(6))
        self.assertTrue(self.compared)
        after = self.env["account.move"].search_count([]), messages.search_count([])
        self.assertEqual(after, (before[0] + 6, before[1] + 6))
        self.env.cr.postcommit.run()
        self.assertEqual(len(told), len(made))


@tagged("post_install", "-at_install")
class TestShortcutsBesideCreate(InvoiceMakerTest):
    def _record_hooks(self, calls):
        """None, for what is patched here does not see what an addon brings later."""

    def test_what_an_addon_fills_in_for_one_product(self):
        """Only lines of bins have it, and all of them do."""
        bin_product = self.products[0]

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"
            ar_test_section = fields.Char()

            @api.model_create_multi
            def create(self, vals_list):
                lines = super().create(vals_list)
                bins = lines.filtered(lambda line: line.product_id.id == bin_product.id)
                bins.ar_test_section = "Bins"
                return lines

        self._bring(Line)
        made = self._assert_same(self._vals(5) + self._vals(6, product=1))
        sections = made.invoice_line_ids.mapped("ar_test_section")
        self.assertEqual(sections, ["Bins"] * 5 + [False] * 6)
        # Nothing is filled in for tips, so they are made quickly but for two.
        self.assertEqual(self.quick.total(), 4)
        # The kind that was to be compared is refused: in a run, the next one is, later.
        run = self._run()
        for quick in (0, 3):
            vals_list = self._vals(6) + self._vals(5, product=1)
            self.quick.clear()
            made = self.maker._create_invoices(
                [{**vals, "billing_run_id": run.id} for vals in vals_list]
            )
            sections = made.invoice_line_ids.mapped("ar_test_section")
            self.assertEqual(sections, ["Bins"] * 6 + [False] * 5)
            self.assertEqual(self.quick.total(), quick)


@tagged("post_install", "-at_install")
class TestBillingReadBack(BillingCommon):
    def test_what_was_not_reviewed_is_not_billed(self):
        """The tax was raised after the list was made: that customer is named, nobody else."""
        customers = self._make_customers(*(f"R{number}" for number in range(5)))
        services = [self._serve(customer, price=100) for customer in customers]
        services[2].tax_ids = tax = self.tax_sale_a.copy({"name": "Raised"})
        run = self._run()
        line = self._line(run, customers[2])
        tax.amount += 1
        run.create_invoices()
        self.assertEqual((run.state, line.state), ("failed", "failed"))
        self.assertIn("R2 was reviewed with", line.reason)
        self.assertIn("then Retry", line.reason)
        self.assertFalse(line.move_id)
        self.assertEqual(run.invoice_ids.partner_id, customers - customers[2])
        totals = set(run.invoice_ids.mapped("amount_total"))
        self.assertEqual(totals, {self._line(run, customers[0]).amount_total})
        # Whoever has read that bills it.
        run.action_retry()
        self.assertEqual((line.state, line.move_id.amount_total), ("done", 116))


@tagged("post_install", "-at_install")
class TestWriteOffReadBack(ThrowAwayAddon, WriteOffCommon):
    def setUp(self):
        super().setUp()
        self.invoices = self.env["account.move"].union(
            *(self._invoice(self.customer, 10 + number) for number in range(3))
        )

    def _owed(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.invoices.mapped("amount_residual")

    def _book_elsewhere(self, get_changed):
        """An addon moves losses to another account: those that this says of new items."""
        loss, elsewhere = self.loss, self.gain

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"

            @api.model_create_multi
            def create(self, vals_list):
                lines = super().create(vals_list)
                changed = get_changed(lines)
                changed.filtered(lambda line: line.account_id == loss).account_id = elsewhere
                return lines

        self._bring(Line)

    def test_an_entry_that_is_changed_behind_our_back_is_not_posted(self):
        """An addon books losses above 11.50 elsewhere, whoever makes the entry."""
        self._book_elsewhere(lambda lines: lines.filtered(lambda line: line.balance > 11.5))
        document = self._write_off(self.invoices)
        states = document.line_ids.sorted("id").mapped("state")
        self.assertEqual(sorted(states), ["done", "done", "failed"])
        failed = document.line_ids.filtered(lambda line: line.state == "failed")
        self.assertEqual(failed.move_id, self.invoices[2])
        self.assertIn("would not be booked as it was prepared", failed.reason)
        self.assertFalse(failed.entry_id)
        self.assertEqual(self._owed(), [0, 0, 12])
        self.assertEqual(self._account_sum(self.loss, self.gain), 21)
        self._assert_balanced()

    def test_what_only_the_shortcut_gets_wrong_is_done_by_core(self):
        self._book_elsewhere(
            lambda lines: lines if lines.env.context.get("skip_invoice_sync") else lines.browse()
        )
        with self.assertLogs(OUR_LOGS, logging.INFO) as logs:
            document = self._write_off(self.invoices)
        self.assertIn("is repeated line by line", logs.output[0])
        self.assertEqual(document.state, "done")
        self.assertEqual(self._owed(), [0, 0, 0])
        self.assertEqual(self._account_sum(self.loss), 33)
        self.assertEqual(self._account_sum(self.gain), 0)

    def test_an_invoice_that_would_stay_open_is_not_marked_as_done(self):
        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"

            def _reconcile_plan(self, reconciliation_plan):
                return None

        self._bring(Line)
        document = self._write_off(self.invoices)
        self.assertEqual(set(document.line_ids.mapped("state")), {"failed"})
        self.assertIn("would be open afterwards, and not", document.line_ids[0].reason)
        self.assertEqual(self._owed(), [10, 11, 12])
        self.assertEqual(self._account_sum(self.loss), 0)

    def test_an_undo_that_leaves_something_settled_is_not_marked_as_done(self):
        document = self._write_off(self.invoices)

        class Line(models.Model):
            _name = "account.move.line"
            _inherit = ["account.move.line"]
            _module = "ar_test_addon"

            def remove_move_reconcile(self):
                some = self.filtered(lambda item: abs(item.balance) < 11.5)
                return super(Line, some).remove_move_reconcile()

        self._bring(Line)
        document.action_undo()
        stuck = document.line_ids.filtered(lambda line: line.move_id == self.invoices[2])
        self.assertEqual(set((document.line_ids - stuck).mapped("state")), {"undone"})
        self.assertEqual(stuck.state, "done")
        self.assertTrue(stuck.reason)
        self.assertFalse(stuck.reversal_id)
        self.assertEqual(self._owed(), [10, 11, 0])
        self.assertEqual(self._account_sum(self.loss), 12)

    def test_counterparts_are_found_wherever_they_stand(self):
        """An addon puts an item of its own first: each item meets its own all the same."""
        line_class = type(self.env["ar.write.off.line"])
        original = line_class._prepare_entry

        def with_others_first(line):
            vals, pairs = original(line)
            vals["line_ids"].reverse()
            return vals, pairs

        self.patch(line_class, "_prepare_entry", with_others_first)
        invoice = self._invoice(self.customer, 90, invoice_payment_term_id=self.term_parts.id)
        document = self._write_off(invoice)
        self.assertEqual(document.state, "done")
        self.assertEqual(invoice.amount_residual, 0)
        document.action_undo()
        self.assertEqual((document.state, invoice.amount_residual), ("undone", 90))


@tagged("post_install", "-at_install")
class TestOnlyOurOwnWork(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # With messages, as when people work.
        names = ("tracking_disable", "mail_create_nolog", "mail_notrack")
        cls.env = cls.env(context={**cls.env.context, **dict.fromkeys(names, False)})

    def test_nothing_sent_over_rpc_takes_our_ways(self):
        """Whatever a caller sends in the context, core numbers, logs and matches as ever."""
        formats, notes = {}, []
        sent = {NUMBER_FORMATS: formats, NOTES: notes, MATCHED_APART: True}
        invoices = self._invoice(self.customer, 10, post=False) | self._invoice(
            self.customer, 20, post=False
        )
        invoices.with_context(**sent)._post(soft=False)
        self.assertEqual(formats, {})
        message = (
            invoices[0]
            .with_context(**sent)
            ._message_log(body="Hello", author_id=None, tracking_value_ids=False)
        )
        self.assertTrue(message)
        self.assertEqual(notes, [])
        reversal = invoices[0].with_context(**sent)._reverse_moves(cancel=True)
        self.assertEqual(reversal.state, "posted")
        self.assertEqual(invoices[0].payment_state, "reversed")

    def test_what_others_change_in_the_same_transaction_is_noted_by_core(self):
        ours, other = self._invoice(self.customer, 10), self._invoice(self.customer, 20)
        self.cr.flush()
        together = []
        moves = type(self.env["account.move"])
        original = moves._ar_log_notes

        def noted(records, notes):
            together.extend(move_id for move_id, _values in notes)
            return original(records, notes)

        self.patch(moves, "_ar_log_notes", noted)
        self._pay(self.customer, 5, other)
        document = self._write_off(ours)
        self.cr.flush()
        self.assertEqual(document.state, "done")
        self.assertEqual(together, ours.ids)
        self.assertIn("Written off: ", ours.message_ids.sorted("id")[-1].body)
        self.assertTrue(other.message_ids.tracking_value_ids)
