"""Somebody who knows the API tries to forge documents, on every road that writes one."""

import json

from odoo import Command
from odoo.tests import tagged

from ..rights_common import RightsCommon, own_models

# Who tries, and what he puts where: {model: {field: attribute of the test or value}}.
BILLING = {
    "account.move": {
        "write_off_line_id": "done_line",
        "billing_period_id": "period",
        "billing_run_id": "done_run",
        "previous_balance_confirmed": 999.0,
        "total_due_confirmed": {"date": "2020-01-01", "total": 999.0},
    },
    "ar.billing.charge": {"price_unit": 999.0, "problem": "Forged"},
    "ar.billing.period": {"company_id": "other"},
    "ar.billing.run": {
        "cancel_requested": True,
        "company_id": "other",
        "invoice_group_id": "other_group",
        "name": "FORGED/1",
        "operation": "undo",
        "operation_count": 999,
        "profile_id": "other_profile",
        "state": "queued",
        "user_id": "superuser",
    },
    "ar.billing.run.line": {
        "account_balance": 999.0,
        "amount_total": 999.0,
        "company_id": "other",
        "move_id": "other_draft",
        "state": "done",
    },
    "ar.invoice.task": {
        "company_id": "other",
        "group_id": "other_group",
        "operation": "undo",
        "state": "queued",
        "task": "delete",
        "user_id": "superuser",
    },
    "ar.invoice.task.line": {
        "company_id": "other",
        "label": "Forged",
        "move_id": "other_draft",
        "state": "done",
    },
    "ar.late.fee": {
        "company_id": "other",
        "fee_move_id": "other_draft",
        "overdue_move_id": "other_draft",
    },
}
WRITE_OFF = {
    "ar.write.off.batch": {
        "closed_amount": 999.0,
        "closed_by_id": "superuser",
        "closed_count": 999,
        "company_id": "other",
        "mode": "automatic",
        "owner_id": "superuser",
        "state": "closed",
    },
    "ar.write.off": {
        "company_id": "other",
        "name": "FORGED/1",
        "operation": "undo",
        "operation_count": 999,
        "cancel_requested": True,
        "state": "queued",
        "user_id": "superuser",
    },
    "ar.write.off.application": {
        "amount": 999.0,
        "company_id": "other",
        "item_id": "other_items",
        "state": "applied",
    },
    "ar.write.off.credit": {"amount": 999.0, "company_id": "other", "item_id": "other_items"},
    "ar.write.off.line": {
        "account_balance": 999.0,
        "applied_reviewed": 999.0,
        "amount_company": 999.0,
        "amount_residual": 999.0,
        "batch_id": "closed_batch",
        "company_id": "other",
        "entry_id": "other_debt",
        "item_ids": "other_items",
        "move_id": "other_debt",
        "reversal_id": "other_debt",
        "state": "done",
    },
}
# Lines through their document: {document: one2many of its lines}.
PARENTS = {
    "ar.billing.charge": ("ar.billing.run.line", "charge_ids"),
    "ar.billing.run.line": ("ar.billing.run", "line_ids"),
    "ar.invoice.task.line": ("ar.invoice.task", "line_ids"),
    "ar.write.off.application": ("ar.write.off.line", "application_ids"),
    "ar.write.off.credit": ("ar.write.off", "credit_ids"),
    "ar.write.off.line": ("ar.write.off", "line_ids"),
}


class AttackCommon(RightsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.superuser = cls.env.ref("base.user_root")
        cls.done_line = cls.done_write_off.line_ids
        cls.other_items = cls._receivables(cls.other_debt)
        cls.other_draft.invoice_group_id = cls.other_group
        # The company's own, from before any billing: no place for a run's links.
        cls.plain_draft = cls._invoice(cls.customer, 11, post=False)
        cls.records = cls._get_records() | {
            "account.move": cls.plain_draft,
            # With a line that the clerk may change.
            "ar.write.off": cls.draft_write_off,
        }
        cls.new_vals = cls._get_new_vals() | {
            "account.move": {"move_type": "out_invoice", "partner_id": cls.customer.id}
        }

    @classmethod
    def _receivables(cls, move):
        return move.line_ids.filtered(lambda item: item.account_type == "asset_receivable")

    def _forgeries(self):
        """(kind of user, model, field, forged value as written over RPC)"""
        for kind, models in (("invoicing", BILLING), ("write_off", WRITE_OFF)):
            for model, values in models.items():
                for name, value in values.items():
                    yield kind, model, name, self._get_value(model, name, value)

    def _get_value(self, model, name, value):
        field = self.env[model]._fields[name]
        if not field.relational:
            return value
        records = getattr(self, value)
        return [Command.set(records.ids)] if field.type == "many2many" else records.id

    def _holds(self, record, name, value):
        """Whether a record holds the forged value, asked of the database."""
        self.env.invalidate_all()
        record = record.sudo().with_context(active_test=False)
        if not record.exists():
            return False
        stored = record[name]
        if isinstance(value, list):
            return bool(set(stored.ids) & set(value[0][2]))
        return (stored.id if record._fields[name].relational else stored) == value

    def _assert_refused(self, attempt, what):
        self.assertNotEqual(attempt.word, "ok", f"{what} was done")
        self.assertNotEqual(attempt.word, "crash", f"{what}: {attempt.describe()}")

    def _assert_not_forged(self, attempt, records, name, value, what):
        """Refused, or done without the forged value; never a server error."""
        self.assertNotEqual(attempt.word, "crash", f"{what}: {attempt.describe()}")
        for record in records:
            self.assertFalse(self._holds(record, name, value), f"{what} put it into the row")

    def _all(self, model):
        return self.env[model].sudo().with_context(active_test=False).search([])

    def _work(self):
        """The scheduled action comes by."""
        with self.enter_registry_test_mode():
            self.env.ref(
                "ar_balance_invoicing.ir_cron_bulk_document_lane_1"
            ).method_direct_trigger()
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestForgedValues(AttackCommon):
    """Each field that only methods write, on each road that leads to the row."""

    def test_creating_with_a_forged_value(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: create {model} with {name}"
            with self.subTest(what), self._undone():
                vals = self.new_vals[model]
                if self._is_said_at_first(model, name, vals):
                    continue
                before = self._all(model)
                attempt = self._attempt(kind, model, "create", [{**vals, name: value}])
                self._assert_refused(attempt, what)
                self.assertEqual(self._all(model), before, what)

    def _is_said_at_first(self, model, name, vals):
        """What a new record is for, its creator says; on another company's, see below."""
        return name in vals and name not in ("company_id", "price_unit", "amount_residual")

    def test_writing_a_forged_value(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: write {name} of {model}"
            with self.subTest(what), self._undone():
                record = self.records[model]
                attempt = self._attempt(kind, model, "write", [record.ids, {name: value}])
                self._assert_refused(attempt, what)
                self.assertFalse(self._holds(record, name, value), what)

    def test_saving_a_form_with_a_forged_value(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: web_save {name} of {model}"
            with self.subTest(what), self._undone():
                record = self.records[model]
                arguments = [record.ids, {name: value}, {"display_name": {}}]
                attempt = self._attempt(kind, model, "web_save", arguments)
                self._assert_refused(attempt, what)
                self.assertFalse(self._holds(record, name, value), what)

    def test_a_default_in_the_context(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: create {model} with default_{name}"
            with self.subTest(what), self._undone():
                vals = {key: val for key, val in self.new_vals[model].items() if key != name}
                before = self._all(model)
                attempt = self._attempt(
                    kind, model, "create", [vals], {"context": {f"default_{name}": value}}
                )
                made = self._all(model) - before
                self._assert_not_forged(attempt, made, name, value, what)

    def test_a_default_of_the_users_own(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: create {model} with his own default for {name}"
            with self.subTest(what), self._undone():
                arguments = [model, name, value, True]
                if self._attempt(kind, "ir.default", "set", arguments).word != "ok":
                    continue
                vals = {key: val for key, val in self.new_vals[model].items() if key != name}
                before = self._all(model)
                attempt = self._attempt(kind, model, "create", [vals])
                made = self._all(model) - before
                self._assert_not_forged(attempt, made, name, value, what)

    def test_a_copy_with_a_forged_value(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: copy {model} with {name}"
            with self.subTest(what), self._undone():
                before = self._all(model)
                record = self.records[model]
                attempt = self._attempt(kind, model, "copy", [record.ids, {name: value}])
                made = self._all(model) - before
                self._assert_not_forged(attempt, made, name, value, what)

    def test_a_plain_copy_is_no_second_document(self):
        before = self._all("ar.write.off")
        attempt = self._attempt("write_off", "ar.write.off", "copy", [self.done_write_off.ids])
        self.assertEqual(attempt.word, "ok", attempt.describe())
        copy = self._all("ar.write.off") - before
        self.assertEqual((copy.state, copy.user_id), ("draft", self.users["write_off"]))
        self.assertFalse(copy.line_ids)
        self.assertFalse(copy.searched)
        for model in ("ar.invoice.task", "ar.billing.run", "ar.write.off.line"):
            with self.subTest(model), self._undone():
                attempt = self._attempt("write_off", model, "copy", [self.records[model].ids])
                self._assert_refused(attempt, f"Copying {model}")

    def test_an_imported_value(self):
        for kind, model, name, value in self._forgeries():
            what = f"{kind}: import {name} of {model}"
            with self.subTest(what), self._undone():
                before = self._all(model)
                record = self.records[model]
                column, cell = self._get_cell(model, name, value)
                for id_column, id_cell in ((".id", str(record.id)), ("id", "forged.new")):
                    arguments = [[id_column, column], [[id_cell, cell]]]
                    attempt = self._attempt(kind, model, "load", arguments)
                    records = record | (self._all(model) - before)
                    self._assert_not_forged(attempt, records, name, value, what)

    def _get_cell(self, model, name, value):
        """(column, cell) of an import file"""
        field = self.env[model]._fields[name]
        if field.type == "many2many":
            return f"{name}/.id", ",".join(map(str, value[0][2]))
        if field.type == "many2one":
            return f"{name}/.id", str(value)
        return name, str(value)

    def test_a_line_through_its_document(self):
        for kind, model, name, value in self._forgeries():
            if model not in PARENTS:
                continue
            parent_model, lines = PARENTS[model]
            record = self.records[model]
            parent = record[self.env[parent_model]._fields[lines].inverse_name]
            new = {**self.new_vals[model], name: value}
            for command in (Command.update(record.id, {name: value}), Command.create(new)):
                what = f"{kind}: {name} of {model} by command {json.dumps(command[0])}"
                with self.subTest(what), self._undone():
                    before = self._all(model)
                    attempt = self._attempt(
                        kind, parent_model, "write", [parent.ids, {lines: [command]}]
                    )
                    self._assert_refused(attempt, what)
                    self.assertFalse(self._holds(record, name, value), what)
                    self.assertEqual(self._all(model), before, what)

    def test_lines_of_a_new_document(self):
        """A new document brings its lines along, done already."""
        line = dict(self.new_vals["ar.write.off.line"], state="done")
        line.pop("document_id")
        vals = dict(self.new_vals["ar.write.off"], line_ids=[Command.create(line)])
        with self._undone():
            self._assert_refused(self._attempt("write_off", "ar.write.off", "create", [vals]), "")
        vals = {"group_id": self.group.id, "task": "delete"}
        vals["line_ids"] = [Command.create({"move_id": self.drafts[0].id})]
        with self._undone():
            self._assert_refused(
                self._attempt("invoicing", "ar.invoice.task", "create", [vals]), ""
            )
        vals = dict(self.new_vals["ar.billing.run"])
        line = {"partner_id": self.customer.id, "currency_id": self.foreign.id, "state": "todo"}
        vals["line_ids"] = [Command.create(line)]
        with self._undone():
            self._assert_refused(self._attempt("invoicing", "ar.billing.run", "create", [vals]), "")

    def test_lines_taken_from_another_document(self):
        """A command that links a line moves it here, with what it has done."""
        mine = self.draft_write_off
        for command in (Command.link(self.done_line.id), Command.set(self.done_line.ids)):
            with self.subTest(command[0]), self._undone():
                attempt = self._attempt(
                    "write_off", "ar.write.off", "write", [mine.ids, {"line_ids": [command]}]
                )
                self._assert_refused(attempt, "Taking another document's line")
                self.assertEqual(self.done_line.document_id, self.done_write_off)

    def test_write_offs_through_the_invoice(self):
        """The list of write-offs on an invoice is no way to make or change them."""
        vals = dict(self.new_vals["ar.write.off.line"])
        for command in (
            Command.create(vals),
            Command.update(self.done_line.id, {"state": "todo"}),
            Command.link(self.done_line.id),
        ):
            with self.subTest(command[0]), self._undone():
                before = self._all("ar.write.off.line")
                arguments = [self.plain_draft.ids, {"write_off_line_ids": [command]}]
                attempt = self._attempt("write_off", "account.move", "write", arguments)
                self._assert_refused(attempt, "A write-off through an invoice")
                self.assertEqual(self._all("ar.write.off.line"), before)
                self.assertEqual(self.done_line.state, "done")

    def test_invoices_through_a_group(self):
        """A group's list of invoices is no way to change them, or take other companies'."""
        for command in (
            Command.link(self.other_draft.id),
            Command.set(self.other_draft.ids),
            Command.update(self.plain_draft.id, {"billing_period_id": self.period.id}),
        ):
            with self.subTest(command[0]), self._undone():
                arguments = [self.group.ids, {"invoice_ids": [command]}]
                attempt = self._attempt("invoicing", "ar.invoice.group", "write", arguments)
                self._assert_refused(attempt, "Other invoices through a group")
                self.assertEqual(self.other_draft.invoice_group_id, self.other_group)
                self.assertFalse(self.plain_draft.billing_period_id)


@tagged("post_install", "-at_install")
class TestFixedDocuments(AttackCommon):
    """What is recorded stays as it was, whatever road is tried."""

    def test_a_line_with_an_entry_is_not_deleted(self):
        for arguments in (
            ("ar.write.off.line", "unlink", [self.done_line.ids]),
            (
                "ar.write.off",
                "write",
                [self.done_write_off.ids, {"line_ids": [Command.delete(self.done_line.id)]}],
            ),
            (
                "ar.write.off",
                "write",
                [self.done_write_off.ids, {"line_ids": [Command.clear()]}],
            ),
        ):
            with self.subTest(arguments[:2]), self._undone():
                attempt = self._attempt("write_off", *arguments)
                self._assert_refused(attempt, "Deleting what was written off")
                self.assertTrue(self.done_line.exists())

    def test_the_lines_of_a_run_and_a_task_are_not_deleted(self):
        line = self.done_run.line_ids.filtered("move_id")[:1]
        for model, record in (
            ("ar.billing.run.line", line),
            ("ar.invoice.task.line", self.failed_task.line_ids[:1]),
            ("ar.late.fee", self.fee),
            ("ar.billing.charge", line.charge_ids[:1]),
        ):
            with self.subTest(model), self._undone():
                if not record:
                    record = self.records[model]
                attempt = self._attempt("invoicing", model, "unlink", [record.ids])
                self._assert_refused(attempt, f"Deleting {model}")
                self.assertTrue(record.exists())

    def test_a_closed_batch_is_fixed(self):
        batch = self.done_write_off.batch_id
        self._as("write_off", self.failed_write_off.line_ids).action_leave_out()
        self._as("write_off", batch).action_close()
        batch.invalidate_recordset()
        figures = (batch.closed_count, batch.closed_amount)
        self.assertEqual(figures, (1, 6))
        for values in (
            {"closed_count": 5},
            {"closed_amount": 0},
            {"state": "open"},
            {"control_amount": 1},
            {"date": "2020-01-01"},
            {"user_ids": [Command.clear()]},
        ):
            with self.subTest(values), self._undone():
                attempt = self._attempt(
                    "write_off", "ar.write.off.batch", "write", [batch.ids, values]
                )
                self._assert_refused(attempt, f"Writing {values} on a closed batch")
        for name, value in (("batch_id", self.batch.id), ("amount", 1), ("selected", False)):
            with self.subTest(name), self._undone():
                arguments = [self.done_line.ids, {name: value}]
                attempt = self._attempt("write_off", "ar.write.off.line", "write", arguments)
                self._assert_refused(attempt, f"Writing {name} of a line that is done")
        with self._undone():
            arguments = [self.draft_write_off.ids, {"batch_id": batch.id}]
            attempt = self._attempt("write_off", "ar.write.off", "write", arguments)
            self.assertNotEqual(attempt.word, "crash", attempt.describe())
            self._attempt("write_off", "ar.write.off", "action_process", [self.draft_write_off.ids])
            self.assertEqual(batch.closed_count, 1)
            lines = self.env["ar.write.off.line"].search([("batch_id", "=", batch.id)])
            self.assertEqual(lines, self.done_line)
        self.assertEqual((batch.closed_count, batch.closed_amount), figures)

    def test_a_default_batch_is_one_that_its_user_may_use(self):
        for kind, batch in (
            ("write_off", self.other_batch),
            ("write_off", self.closed_batch),
            ("invoicing", self.batch),
            ("nobody", self.batch),
            ("other", self.batch),
        ):
            with self.subTest(f"{kind}: {batch.name}"), self._undone():
                user = self.users[kind]
                values = {"ar_default_write_off_batch_id": batch.id}
                attempt = self._attempt(kind, "res.users", "write", [user.ids, values])
                self._assert_refused(attempt, f"{kind} choosing {batch.name}")

    def test_the_amounts_of_a_line_are_reckoned(self):
        """A person lowers what is written off, in the line's currency, and nothing else."""
        line = self.draft_write_off.line_ids
        self.assertEqual((line.amount, line.amount_company), (5, 5))
        with self._undone():
            attempt = self._attempt("write_off", line._name, "write", [line.ids, {"amount": 2}])
            self.assertEqual(attempt.word, "ok", attempt.describe())
            self.env.invalidate_all()
            self.assertEqual((line.amount, line.amount_company), (2, 2))
        for values in (
            {"amount": 5.01},
            {"amount": -1},
            {"amount": 2, "amount_company": 999},
            {"amount": 999, "amount_residual": 999},
        ):
            with self.subTest(values), self._undone():
                attempt = self._attempt("write_off", line._name, "write", [line.ids, values])
                self._assert_refused(attempt, f"Writing {values}")


@tagged("post_install", "-at_install")
class TestBroughtAlong(AttackCommon):
    """What a caller brings in the context, or keeps as a default of ours, changes nothing.

    His own defaults for fields of core's entries are core's: they hold whoever makes one.
    """

    def _get_luggage(self):
        return {
            "default_amount": 999,
            "default_batch_id": self.closed_batch.id,
            "default_company_id": self.other.id,
            "default_currency_id": self.foreign.id,
            "default_date": "2000-01-01",
            "default_discount": 100,
            "default_invoice_group_id": self.other_group.id,
            "default_move_type": "in_invoice",
            "default_name": "FORGED",
            "default_operation": "undo",
            "default_partner_id": self.superuser.partner_id.id,
            "default_price_unit": 999,
            "default_quantity": 7,
            "default_selected": False,
            "default_state": "cancelled",
            "default_user_id": 1,
            "ar_inside": True,
            "ar_notes": [],
        }

    def _get_moves(self, moves):
        """What people see of entries, without numbers and times."""
        return sorted(
            (
                move.move_type,
                move.state,
                move.company_id.id,
                move.partner_id.id,
                move.invoice_group_id.id,
                move.date,
                move.amount_total,
                sorted(
                    (item.account_id.id, item.name or "", item.quantity, item.discount)
                    + (item.balance, item.amount_currency, item.currency_id.id)
                    for item in move.line_ids
                ),
            )
            for move in moves
        )

    def _assert_same(self, kind, model, method, ids, look):
        """The same is made with the luggage, with defaults of one's own, and without."""
        seen = []
        for context, defaults in (({}, {}), (self._get_luggage(), {}), ({}, self._get_luggage())):
            with self._undone():
                for name, value in defaults.items():
                    for target in own_models(self.env):
                        field = name.removeprefix("default_")
                        self._attempt(kind, "ir.default", "set", [target, field, value, True])
                before = self._all("account.move")
                attempt = self._attempt(kind, model, method, [ids], {"context": context})
                self.assertEqual(attempt.word, "ok", attempt.describe())
                self.env.invalidate_all()
                made = self._all("account.move") - before
                seen.append((self._get_moves(made), look()))
        self.assertEqual(seen[1], seen[0], "with the context")
        self.assertEqual(seen[2], seen[0], "with defaults of his own")
        return seen[0]

    def test_a_billing_run(self):
        run = self.listed_run
        made, _seen = self._assert_same(
            "invoicing",
            "ar.billing.run",
            "create_invoices",
            run.ids,
            lambda: (run.state, run.user_id, run.line_ids.mapped("state")),
        )
        self.assertEqual(len(made), 5)

    def test_drafts_that_are_regenerated(self):
        self._assert_same(
            "invoicing",
            "account.move",
            "action_regenerate",
            self.drafts.ids,
            lambda: self._get_moves(self.drafts),
        )

    def test_ticked_drafts_that_are_confirmed(self):
        tasks = self.env["ar.invoice.task"]
        self._assert_same(
            "invoicing",
            "account.move",
            "action_confirm_drafts",
            self.drafts.ids,
            lambda: (
                self._get_moves(self.drafts),
                tasks.search([], limit=1).mapped(
                    lambda task: (task.task, task.state, task.user_id.id, len(task.line_ids))
                ),
            ),
        )

    def test_a_group_that_is_confirmed(self):
        self._assert_same(
            "invoicing",
            "ar.invoice.group",
            "action_confirm_drafts",
            self.group.ids,
            lambda: (
                self._get_moves(self.drafts),
                self.group.task_ids.mapped(lambda task: (task.task, task.state, task.user_id.id)),
            ),
        )

    def test_a_write_off_and_its_undoing(self):
        document = self.draft_write_off
        made, _seen = self._assert_same(
            "write_off",
            "ar.write.off",
            "action_process",
            document.ids,
            lambda: (
                document.state,
                document.user_id,
                document.batch_id.owner_id,
                document.line_ids.mapped("state"),
            ),
        )
        self.assertEqual([move[1:3] for move in made], [("posted", self.company.id)])
        made, _seen = self._assert_same(
            "write_off",
            "ar.write.off",
            "action_undo",
            self.done_write_off.ids,
            lambda: self.done_line.mapped("state"),
        )
        self.assertEqual(len(made), 1)

    def test_a_printed_page_is_not_exchanged(self):
        """The pages that are put together are the printer's; nobody attaches another one."""
        line = self.failed_task.line_ids[:1]
        vals = {
            "name": "pdf",
            "res_model": line._name,
            "res_id": line.id,
            "res_field": "pdf",
            "raw": "Forged",
        }
        for kind in ("invoicing", "write_off", "admin"):
            with self.subTest(kind), self._undone():
                attempt = self._attempt(kind, "ir.attachment", "create", [vals])
                self.assertNotEqual(attempt.word, "crash", attempt.describe())
                self.env.invalidate_all()
                self.assertFalse(line.with_context(bin_size=False).pdf)


@tagged("post_install", "-at_install")
class TestNamesThatAreNotTold(AttackCommon):
    """Nobody learns the name of a batch or a group by asking, guessing or failing."""

    OURS = (
        "write_off_line_id",
        "billing_period_id",
        "billing_profile_id",
        "billing_run_id",
        "invoice_group_id",
        "previous_balance_confirmed",
        "total_due_confirmed",
        "write_off_line_ids",
    )

    def test_a_customer_sees_no_links_of_ours_on_his_invoice(self):
        portal = self.users["portal"]
        invoice = self._invoice(portal.partner_id, 12)
        self.group.add_invoices(invoice)
        invoice.message_subscribe(portal.partner_id.ids)
        attempt = self._attempt("portal", "account.move", "read", [invoice.ids, ["name"]])
        self.assertEqual(attempt.word, "ok", "it is his invoice")
        for name in self.OURS:
            for method, asked in (("read", [name]), ("web_read", {name: {"fields": {}}})):
                with self.subTest(f"{method} {name}"):
                    arguments = [invoice.ids, asked]
                    attempt = self._attempt("portal", "account.move", method, arguments)
                    self._assert_refused(attempt, f"Reading {name}")
                    self.assertIsNone(self._get_leak("portal", attempt))
        for name in self.OURS:
            with self.subTest(f"search {name}"):
                domain = [("id", "=", invoice.id), (name, "!=", False)]
                attempt = self._attempt("portal", "account.move", "search", [domain])
                self._assert_refused(attempt, f"Searching by {name}")

    def test_a_foreign_id_is_answered_without_its_name(self):
        """Named in a value, in a default, or as the record itself."""
        foreign = {
            "ar.write.off.batch": self.other_batch,
            "ar.billing.profile": self.other_profile,
            "ar.invoice.group": self.other_group,
            "ar.write.off.reason": self.other_reason,
        }
        for model in sorted({*self.new_vals, "account.move", "res.partner", "res.users"}):
            for name, field in self.env[model]._fields.items():
                if field.type != "many2one" or field.comodel_name not in foreign:
                    continue
                value = foreign[field.comodel_name].id
                record = self.records.get(model) or self._get_wizard(model)
                vals = {**self.new_vals.get(model, {}), name: value}
                spec = {name: {"fields": {"display_name": {}}}}
                context = {"context": {f"default_{name}": value}}
                for method, arguments, options in (
                    ("write", [record.ids, {name: value}], {}),
                    ("web_save", [record.ids, {name: value}, spec], {}),
                    ("create", [vals], {}),
                    ("onchange", [[], {name: value}, [name], spec], {}),
                    ("onchange", [[], {}, [], spec], context),
                    ("default_get", [[name]], context),
                ):
                    what = f"{model}.{method} with {name}"
                    with self.subTest(what), self._undone():
                        attempt = self._attempt("write_off", model, method, arguments, options)
                        self.assertNotEqual(attempt.word, "crash", attempt.describe())
                        self.assertIsNone(self._get_leak("write_off", attempt), attempt.describe())

    def _get_wizard(self, model):
        if model == "res.users":
            return self.users["write_off"]
        vals = self._get_wizard_vals()[model]
        records = self._as("write_off", self.env[model])
        return getattr(records, "_create_inside", records.create)([vals])


@tagged("post_install", "-at_install")
class TestBackgroundWork(AttackCommon):
    """The workers have many rights: nobody borrows them."""

    def _try_all(self, kind, *calls):
        """Each call; what is refused is refused, but not by a server error."""
        words = []
        for model, method, arguments in calls:
            attempt = self._attempt(kind, model, method, arguments)
            self.assertNotEqual(attempt.word, "crash", f"{model}.{method}: {attempt.describe()}")
            words.append(attempt.word)
        return words

    def test_nobody_deletes_another_companys_drafts_by_a_task_of_his_own(self):
        """A task that is queued rightly is turned to other drafts and another user."""
        self._leave_all_to_workers()
        attempt = self._attempt(
            "invoicing", "ar.invoice.group", "action_delete_drafts", [self.group.ids]
        )
        self.assertEqual(attempt.word, "ok", attempt.describe())
        task = self.group.task_ids.sorted("id")[-1]
        self.assertEqual((task.state, task.task), ("queued", "delete"))
        line = task.line_ids[0]
        theirs = {"company_id": self.other.id, "group_id": self.other_group.id}
        words = self._try_all(
            "invoicing",
            ("ar.invoice.task.line", "write", [line.ids, {"move_id": self.other_draft.id}]),
            ("ar.invoice.task", "write", [task.ids, {"user_id": 1, **theirs}]),
            ("ar.invoice.task", "write", [task.ids, {"user_id": 2}]),
        )
        self._work()
        self.assertTrue(self.other_draft.exists(), "the other company's draft is gone")
        self.assertNotIn("ok", words)
        self.assertEqual(task.user_id, self.users["invoicing"])
        self.assertEqual(task.company_id, self.company)

    def test_nobody_deletes_another_companys_drafts_by_a_forged_task(self):
        """A task is made as it should look when it waits for a worker."""
        for user in (1, 2, self.users["admin"].id):
            for company, group in ((self.company, self.group), (self.other, self.other_group)):
                vals = {
                    "name": "Delete drafts",
                    "group_id": group.id,
                    "company_id": company.id,
                    "task": "delete",
                    "state": "queued",
                    "user_id": user,
                }
                line = Command.create({"move_id": self.other_draft.id, "label": "Theirs"})
                context = {f"default_{name}": value for name, value in vals.items()}
                with self.subTest(f"{user} in {company.name}"), self._undone():
                    before = self._all("ar.invoice.task")
                    tries = [
                        ([{**vals, "line_ids": [line]}], {}),
                        ([{"line_ids": [line]}], {"context": context}),
                    ]
                    for arguments, options in tries:
                        attempt = self._attempt(
                            "invoicing", "ar.invoice.task", "create", arguments, options
                        )
                        self._assert_refused(attempt, "Making a task")
                    self.assertEqual(self._all("ar.invoice.task"), before)
                    self._work()
                    self.assertTrue(self.other_draft.exists(), "their draft is gone")

    def test_nobody_posts_in_another_companys_books(self):
        """A reviewed write-off is turned to another company's invoice and journal."""
        document, line = self.draft_write_off, self.draft_write_off.line_ids
        journal = self.env["account.journal"].search(
            [("company_id", "=", self.other.id), ("type", "=", "general")], limit=1
        )
        entries = self._count_entries(self.other)
        self._leave_all_to_workers()
        theirs = {
            "company_id": self.other.id,
            "journal_id": journal.id,
            "reason_id": self.other_reason.id,
            "batch_id": self.other_batch.id,
        }
        target = {
            "move_id": self.other_debt.id,
            "item_ids": [Command.set(self.other_items.ids)],
            "amount_residual": 800,
            "amount_residual_company": 800,
            "amount": 800,
            "currency_id": self.other.currency_id.id,
            "company_id": self.other.id,
        }
        words = self._try_all(
            "write_off",
            ("ar.write.off.line", "write", [line.ids, target]),
            *(
                ("ar.write.off.line", "write", [line.ids, {name: value}])
                for name, value in target.items()
            ),
            # At once, for afterwards it is another company's.
            ("ar.write.off", "write", [document.ids, {**theirs, "user_id": 1, "state": "queued"}]),
            ("ar.write.off", "write", [document.ids, theirs]),
            ("ar.write.off", "write", [document.ids, {"user_id": 1, "state": "queued"}]),
            ("ar.write.off", "write", [document.ids, {"user_id": 2, "state": "queued"}]),
            ("ar.write.off.line", "create", [{**target, "document_id": document.id}]),
            ("ar.write.off", "create", [{**theirs, "state": "queued", "user_id": 1}]),
        )
        self._work()
        self.assertEqual(self._count_entries(self.other), entries, "there is a new entry")
        self.assertEqual(self.other_debt.amount_residual, 800)
        self.assertNotIn("ok", words)
        # What he reviewed is still what he can write off.
        document.invalidate_recordset()
        self.assertEqual((document.state, document.company_id), ("draft", self.company))
        attempt = self._attempt("write_off", "ar.write.off", "action_process", [document.ids])
        self.assertEqual(attempt.word, "ok", attempt.describe())
        self._work()
        self.assertEqual(line.entry_id.company_id, self.company)
        self.assertEqual(self._count_entries(self.other), entries)

    def test_nobody_writes_off_what_is_not_his_to_read(self):
        """A line accepts only items of its document's company and customer."""
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        debt = self._invoice(stranger, 40, days_ago=50)
        vals = dict(
            self.new_vals["ar.write.off.line"], item_ids=[Command.set(self._receivables(debt).ids)]
        )
        for items in (self._receivables(debt), self.other_items):
            with self.subTest(items.company_id.name), self._undone():
                before = self._all("ar.write.off.line")
                vals["item_ids"] = [Command.set(items.ids)]
                attempt = self._attempt("write_off", "ar.write.off.line", "create", [vals])
                self._assert_refused(attempt, "Items of somebody else on a line")
                self.assertEqual(self._all("ar.write.off.line"), before)

    def test_nobody_bills_in_another_companys_books(self):
        """A listed run is turned to another company, user, or customer."""
        self._leave_all_to_workers()
        run = self.listed_run
        moves = self._count_entries(self.other)
        theirs = {
            "company_id": self.other.id,
            "profile_id": self.other_profile.id,
            "period_id": self.other_profile.period_ids[:1].id,
            "user_id": 1,
            "state": "queued",
        }
        line = run.line_ids[:1]
        words = self._try_all(
            "invoicing",
            ("ar.billing.run", "write", [run.ids, theirs]),
            ("ar.billing.run", "write", [run.ids, {"user_id": 1, "state": "queued"}]),
            ("ar.billing.run.line", "write", [line.ids, {"company_id": self.other.id}]),
            ("ar.billing.run", "create", [{**theirs, "invoice_date": str(self.today)}]),
        )
        self._work()
        self.assertEqual(self._count_entries(self.other), moves)
        self.assertFalse(run.invoice_ids, "nobody has pressed the button")
        self.assertNotIn("ok", words)

    def test_work_is_done_with_the_rights_of_who_pressed_the_button(self):
        """The document belongs to whoever started it, not to whoever made it."""
        self._leave_all_to_workers()
        attempt = self._attempt(
            "invoicing", "ar.billing.run", "create_invoices", [self.listed_run.ids]
        )
        self.assertEqual(attempt.word, "ok", attempt.describe())
        self.listed_run.invalidate_recordset()
        self.assertEqual(self.listed_run.user_id, self.users["invoicing"])
        self._work()
        self.assertEqual(self.listed_run.state, "done")
        self.assertEqual(self.listed_run.invoice_ids.create_uid, self.users["invoicing"])

    def _count_entries(self, company):
        [(count,)] = self._ledger(
            "SELECT COUNT(*) FROM account_move WHERE company_id = %s", company.id
        )
        return count
