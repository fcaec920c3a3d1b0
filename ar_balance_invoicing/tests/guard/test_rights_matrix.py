"""What each kind of user gets from each method, held against a table that people read."""

import logging
import os
from datetime import timedelta
from pathlib import Path

from odoo.tests import tagged

from ..rights_common import (
    ELSEWHERE,
    KINDS,
    POWERLESS,
    RightsCommon,
    public_methods,
    stored_models,
)

_logger = logging.getLogger(__name__)

TABLE = Path(__file__).with_name("rights_matrix.md")
REWRITE = "AR_WRITE_MATRIX"

# What a person changes by hand, and what only methods change; a model without the first
# is written by its methods only.
BY_HAND = {
    "ar.write.off.batch": {"note": "Checked"},
    "ar.write.off.batch.move": {"batch_id": "batch"},
    "ar.billing.period": {"invoice_date": "today"},
    "ar.billing.profile": {"lead_days": 3},
    "ar.billing.service": {"price_unit": 41},
    "ar.billing.customers.add": {"name": "Ann"},
    "ar.billing.service.add": {"quantity": 2},
    "ar.billing.service.change": {"percent": 4},
    "ar.create.invoices": {"profile_id": "profile"},
    "ar.create.invoices.confirm": {"skip_zero": True},
    "ar.give.away": {"note": "Never again"},
    "ar.invoice.group": {"note": "Sent on paper"},
    "ar.invoice.group.add": {"name": "August"},
    "ar.write.off": {"note": "Moved away"},
    "ar.write.off.line": {"selected": False},
    "ar.write.off.search": {"balance_below": 7},
    "ar.write.off.process": {"note": "Moved away"},
    "ar.write.off.take.back": {"date": "today"},
    "ar.write.off.reason": {"sequence": 5},
    "ar.write.off.reason.tax": {"bad_debt_tax_id": "tax_sale_a"},
}
BY_METHODS = {
    "ar.write.off.batch": {"state": "closed"},
    "ar.billed.days": {"live": False},
    "ar.billing.charge": {"price_unit": 0.01},
    "ar.billing.place": {"live": False},
    "ar.billing.period": {"company_id": "other"},
    "ar.billing.run": {"state": "queued"},
    "ar.billing.service": {"previous_id": False},
    "ar.billing.run.ask": {"task": "retry"},
    "ar.billing.run.line": {"state": "done"},
    "ar.invoice.task": {"user_id": 1},
    "ar.invoice.task.ask": {"task": "delete"},
    "ar.invoice.task.line": {"move_id": "other_draft"},
    "ar.give.away": {"days": [[1, "2026-01-01", "2026-01-31"]]},
    "ar.late.fee": {"overdue_move_id": "other_draft"},
    "ar.unbilled.days": {"days": 1},
    "ar.write.off": {"company_id": "other"},
    "ar.write.off.application": {"amount": 999.0},
    "ar.write.off.credit": {"amount": 999.0},
    "ar.write.off.line": {"state": "done"},
}
# Arguments of methods that need some, for models of ours and of core.
# A name of the class's attribute stands for its ids.
ARGUMENTS = {
    "account.move.create": [{"move_type": "out_invoice"}],
    "account.move.write": [{"ref": "Seen"}],
    "account.move.line.write": [{"name": "Seen"}],
    "ar.billing.run.make": ["period"],
    # A service that there is not, in whatever order the tests run.
    "ar.billing.run.make_of_days": ["profile", [[10**9, "2026-01-01", "2026-01-31"]]],
    "account.move.action_ask": ["mark_sent"],
    "ar.invoice.group.action_ask": ["mark_sent"],
    "ar.invoice.group.add_invoices": ["drafts"],
    "ar.invoice.group.remove_invoices": ["drafts"],
    "ar.invoice.task.run": ["confirm", "drafts"],
    "ar.write.off.find": [{"balance_below": 50}],
    "ar.write.off.search_again": [{"balance_below": 50}],
    "res.company.create": [{"name": "New"}],
    "res.company.write": [{"ar_zero_policy": "skip_zero"}],
    "res.partner.create": [{"name": "New"}],
    "res.partner.write": [{"comment": "Seen"}],
    "res.users.write": [{"ar_default_write_off_batch_id": False}],
}
# Methods that need another document than the model's first one: name of the attribute.
DOCUMENTS = {
    "ar.write.off.batch.action_reopen": "closed_batch",
    "ar.write.off.batch.unlink": "spare_batch",
    "ar.billing.period.unlink": "last_period",
    # One period of it is still to be made.
    "ar.billing.profile.action_make_periods": "spare_profile",
    "ar.billing.profile.unlink": "spare_profile",
    "ar.billing.run.action_retry": "cancelled_run",
    "ar.billing.run.action_undo": "done_run",
    "ar.billing.run.action_view_invoices": "done_run",
    "ar.billing.run.action_view_result": "done_run",
    "ar.billing.run.unlink": "cancelled_run",
    "ar.billing.service.action_undo_price_change": "following_service",
    "ar.invoice.task.action_retry": "failed_task",
    "ar.write.off.action_retry": "failed_write_off",
    "ar.write.off.action_retry_on": "failed_write_off",
    "ar.write.off.action_undo": "done_write_off",
    "ar.write.off.action_undo_on": "done_write_off",
    "ar.write.off.action_view_entries": "done_write_off",
    "ar.write.off.line.action_leave_out": "failed_line",
    "ar.write.off.line.action_move_to_batch": "done_line",
    "ar.write.off.line.action_undo": "done_line",
    "ar.write.off.line.action_undo_on": "done_line",
    "ar.write.off.reason.unlink": "spare_reason",
    "res.users.write": "own user",
}
CRUD = ("create", "read", "write", "unlink")

INTRODUCTION = f"""# What each kind of user gets

Every public method of this addon, and create, read, write and unlink of every model of
it, called over RPC by each kind of user on a document of his company in a fitting state
(`rights_common.py`). “other” and “branch” have the rights of “write_off”, in the other
company and in the branch; the documents are the parent company's.

- `ok`: it is done
- `access`: refused, for want of the right
- `user`: refused with another sentence for people
- `missing`: refused, for there is no such record

“write state” writes one field: the first such row of a model is a field that people change
by hand, the second one that only methods change.

`{REWRITE}=1 ./test :TestRightsMatrix` writes this table anew. Read what has changed: that is
the review.
"""


@tagged("post_install", "-at_install")
class TestRightsMatrix(RightsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.done_line = cls.done_write_off.line_ids
        cls.failed_line = cls.failed_write_off.line_ids
        cls.last_period = cls.profile.period_ids.sorted("date_from")[-1]
        cls.spare_profile = cls._make_profile("Spare")
        cls.spare_profile.period_ids.sorted("date_from")[-1].unlink()
        cls.following_service = cls.later_service._change_prices(
            cls.today + timedelta(days=99), {cls.later_service: 13}
        )
        cls.spare_reason = cls._make_reason("Spare")
        cls.records = cls._get_records()
        cls.new_vals = cls._get_new_vals()
        cls.wizard_vals = cls._get_wizard_vals()
        cls.wizards = cls._make_wizards()

    def test_every_kind_of_user_gets_what_the_table_says(self):
        rows = self._get_rows()
        self.wrong = {}
        found = {row: self._try_everybody(*row) for row in rows}
        if os.environ.get(REWRITE):  # with what is wrong, if anything: no table to keep then
            TABLE.write_text(self._format(found), encoding="utf-8")
            _logger.info("%s is written anew: %s rows", TABLE.name, len(found))
        wrong = [f"{row} ({', '.join(who)}): {what}" for (row, what), who in self.wrong.items()]
        self.assertFalse(wrong, "No answer that anybody should get:\n" + "\n".join(wrong))
        table = self._parse(TABLE.read_text(encoding="utf-8"))
        self._assert_same_rows(found, table)
        wrong = [
            f"{model}.{row} as {kind}: {word}, the table says {table[model, row][kind]}"
            for (model, row), words in found.items()
            for kind, word in words.items()
            if word != table[model, row][kind]
        ]
        self.assertFalse(
            wrong,
            "If that is meant, write the table anew (see its head) and review it:\n"
            + "\n".join(wrong),
        )

    # --- rows -------------------------------------------------------------------

    def _get_rows(self):
        """``[(model, row)]``: a row is a method, or "write" with a field."""
        rows = []
        methods = {pair for pair in public_methods(self.env) if pair[1] not in CRUD}
        ours = stored_models(self.env)
        methods |= {pair for pair in public_methods(self.env) if pair[0] not in ours}
        for model in sorted({*ours, *(model for model, _method in methods)}):
            if model in ours:
                rows += [(model, "create"), (model, "read")]
                for fields in (BY_HAND, BY_METHODS):
                    rows += [(model, f"write {name}") for name in fields.get(model, ())]
                rows.append((model, "unlink"))
            rows += [(model, method) for other, method in sorted(methods) if other == model]
        return rows

    def test_the_checksums_see_a_change_of_one_row(self):
        """What the other tests rest on."""
        changes = [
            lambda: self._invoice(self.customer, 1),
            lambda: self.env["ar.invoice.group"].create({"name": "One more"}),
            lambda: self._ledger_change("UPDATE ar_write_off SET note = 'x' WHERE id = %s"),
            lambda: self._ledger_change("DELETE FROM account_move_line_ar_write_off_line_rel"),
        ]
        for number, change in enumerate(changes):
            for kind in (None, *POWERLESS, *ELSEWHERE):
                with self.subTest(f"{number} {kind}"), self._undone():
                    before = self._checksum(kind)
                    self.assertEqual(self._checksum(kind), before)
                    change()
                    # Links have no company.
                    seen = self._checksum(kind) != before
                    self.assertEqual(seen, number < 3 or kind not in ELSEWHERE)

    def _ledger_change(self, query):
        self.env.cr.execute(query, [self.draft_write_off.id] if "%s" in query else [])

    def test_the_table_knows_a_field_to_write_of_every_model(self):
        self.assertFalse(
            set(stored_models(self.env)) - {*BY_HAND, *BY_METHODS},
            "Say in BY_HAND or BY_METHODS which field of these models is written.",
        )
        self.assertFalse(
            set(stored_models(self.env)) - {*self.new_vals},
            "Say in rights_common._get_new_vals with what these models are created.",
        )

    def _assert_same_rows(self, found, table):
        new = [f"{model}.{row}" for model, row in found if (model, row) not in table]
        self.assertFalse(
            new,
            f"{TABLE.name} has no row for these. If a method needs arguments or a document in "
            "another state, say so in ARGUMENTS or DOCUMENTS; then write the table anew with "
            f"{REWRITE}=1 ./test :TestRightsMatrix, and read what each kind of user gets.",
        )
        gone = [f"{model}.{row}" for model, row in table if (model, row) not in found]
        self.assertFalse(gone, f"{TABLE.name} has rows of methods that are no more.")

    # --- calls ------------------------------------------------------------------

    def _try_everybody(self, model, row):
        return {kind: self._try(kind, model, row) for kind in KINDS}

    def _try(self, kind, model, row):
        """The word of one call, which leaves nothing behind."""
        what = f"{model}.{row} as {kind}"
        with self._undone():
            method, arguments = self._prepare(kind, model, row)
            before = self._checksum(kind)
            attempt = self._attempt(kind, model, method, arguments)
            if kind in POWERLESS or attempt.word != "ok":
                self._assert_unchanged(before, kind, what)
        if leak := self._get_leak(kind, attempt):
            row_and_what = (f"{model}.{row}", f"is told a name, “{leak} …”")
            self.wrong.setdefault(row_and_what, []).append(kind)
        if attempt.word == "crash":
            self.wrong.setdefault((f"{model}.{row}", attempt.describe()), []).append(kind)
        return attempt.word

    def _prepare(self, kind, model, row):
        """(method, arguments as over RPC)"""
        method, _space, name = row.partition(" ")
        case = f"{model}.{method}"
        if row == "create" and model in self.new_vals:
            return method, [dict(self.new_vals[model])]
        if method == "create":
            return method, ARGUMENTS[case]
        if method == "action_print":
            # Left to the workers: it is not to be printed here.
            self._leave_all_to_workers()
        if method == "onchange":
            return method, [[], {}, [], {"display_name": {}}]
        if method == "get_empty_list_help":
            return method, ["<p>Nothing here</p>"]
        if method == "default_get":
            return method, [sorted(self.env[model]._fields)]
        if getattr(getattr(type(self.env[model]), method, None), "_api_model", False):
            return method, self._get_arguments(case)
        ids = self._get_document(kind, model, case).ids
        if name:
            value = {**BY_HAND.get(model, {}), **BY_METHODS.get(model, {})}[name]
            named = isinstance(value, str) and getattr(self, value, None)
            if named:
                value = named.id if hasattr(named, "_name") else named
            return method, [ids, {name: value}]
        return method, [ids, *self._get_arguments(case)]

    def _get_arguments(self, case):
        """As they come over RPC."""
        arguments = ARGUMENTS.get(case, [])
        return [
            getattr(self, given).ids if isinstance(given, str) and hasattr(self, given) else given
            for given in arguments
        ]

    def _get_document(self, kind, model, case):
        if model in self.wizards:
            return self._get_wizard(kind, model)
        if model == "res.users":
            return self.users[kind]
        return getattr(self, DOCUMENTS[case]) if case in DOCUMENTS else self.records[model]

    def _get_wizard(self, kind, model):
        """The user's own window; if he may open none, somebody else's."""
        attempt = self._attempt(kind, model, "create", [dict(self.wizard_vals[model])])
        if attempt.word == "ok":
            return self.env[model].browse(attempt.value)
        return self.wizards[model]

    # --- table ------------------------------------------------------------------

    def _format(self, found):
        parts = [INTRODUCTION]
        head = [f"| {'':36} | " + " | ".join(f"{kind:10}" for kind in KINDS) + " |"]
        head.append(f"|{'-' * 38}|" + "|".join("-" * 12 for _kind in KINDS) + "|")
        for model in dict.fromkeys(model for model, _row in found):
            parts += ["", f"## {model}", "", *head]
            for row, words in ((r, words) for (m, r), words in found.items() if m == model):
                cells = " | ".join(f"{words[kind]:10}" for kind in KINDS)
                parts.append(f"| {row:36} | {cells} |")
        return "\n".join(parts) + "\n"

    def _parse(self, text):
        """``{(model, row): {kind: word}}``"""
        table, model = {}, None
        for line in text.splitlines():
            if line.startswith("## "):
                model = line[3:].strip()
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if len(cells) == len(KINDS) + 1 and cells[0] and not cells[0].startswith("-"):
                table[model, cells[0]] = dict(zip(KINDS, cells[1:], strict=True))
        return table
