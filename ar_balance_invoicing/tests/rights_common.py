"""Every kind of user, a document of every kind, and calls as they come over RPC."""

import os
import traceback
from contextlib import contextmanager, suppress
from datetime import timedelta
from inspect import isfunction
from pathlib import Path

import psycopg2

from odoo import Command
from odoo.exceptions import AccessError, MissingError, RedirectWarning, UserError
from odoo.service.model import call_kw
from odoo.tests import new_test_user
from odoo.tools import SQL, mute_logger

from .billing_common import BillingCommon
from .write_off_common import WriteOffCommon

MODULE = "ar_balance_invoicing"
ADDON = f"odoo.addons.{MODULE}."
TESTS = f"{Path(__file__).parent}{os.sep}"
FOLDER = f"{Path(__file__).parents[1]}{os.sep}"

# Kind of user: its groups. "other" and "branch" have every right, in another company.
GROUPS = {
    "nobody": "base.group_user",
    "readonly": "account.group_account_readonly",
    "invoicing": "account.group_account_invoice",
    "write_off": f"{MODULE}.group_write_off",
    "accountant": "account.group_account_user",
    "admin": "account.group_account_manager",
    "other": f"{MODULE}.group_write_off",
    "branch": f"{MODULE}.group_write_off",
    "portal": "base.group_portal",
    "public": None,
}
KINDS = tuple(GROUPS)
# They change nothing at all.
POWERLESS = ("nobody", "readonly", "portal", "public")
# They change nothing of any company but their own.
ELSEWHERE = ("other", "branch")

# In the names of the company's groups and batches, and of the other company's documents.
INNER, HIDDEN = "Inner", "Hidden"
LEDGER = ("account_move", "account_move_line", "account_partial_reconcile")
QUIET = (
    "odoo.sql_db",
    "odoo.models",
    "odoo.addons.base.models.ir_rule",
    "odoo.addons.base.models.ir_model",
    "odoo.addons.base.models.res_users",
)


def own_models(env):
    """Names of the models that this addon defines, abstract ones too."""
    registry = env.registry
    return sorted(name for name in registry if registry[name]._original_module == MODULE)


def stored_models(env):
    """Names of the models of this addon that have records, wizards too."""
    return [name for name in own_models(env) if not env[name]._abstract]


def public_methods(env):
    """``{(model, method)}`` that this addon defines and anybody may call over RPC.

    Those of an abstract model count with each model that inherits it, also with core's.
    """
    registry = env.registry
    found = set()
    inherited = set()
    for name in registry:
        classes = [c for c in registry[name].mro() if c.__module__.startswith(ADDON)]
        if not registry[name]._abstract:
            inherited |= {c._name for c in classes if getattr(c, "_name", None)}
        names = {
            method
            for definition in classes
            for method, value in vars(definition).items()
            if isfunction(value) and not method.startswith("_")
        }
        found |= {(name, method) for method in names if not _is_private(registry[name], method)}
    return {
        (name, method)
        for name, method in found
        if not (registry[name]._abstract and (name in inherited or name not in own_models(env)))
    }


def _is_private(model_class, method):
    return any(
        getattr(getattr(parent, method, None), "_api_private", False)
        for parent in model_class.mro()
    )


class Rollback(Exception):
    """Leaves a savepoint without keeping anything of it."""


class Attempt:
    """A call and what became of it.

    ``word`` is what the user sees: ``ok``; ``access``, ``missing`` or ``user`` (any other
    sentence for people); ``crash``, a server error.
    """

    def __init__(self, value=None, error=None):
        self.value = value
        self.error = error
        self.word = self._classify(error)

    @staticmethod
    def _classify(error):
        if error is None:
            return "ok"
        if isinstance(error, AccessError):
            return "access"
        if isinstance(error, MissingError):
            return "missing"
        # The server itself makes a sentence of what a constraint refuses.
        if isinstance(error, (UserError, RedirectWarning, psycopg2.IntegrityError)):
            return "user"
        return "crash"

    def is_ours(self):
        """Whether the error went through code of this addon: a frame of it is enough.

        Unless its last line there is a call of ``super()``: what core says to what it was
        asked anyway is core's.
        """
        frames = self._get_own_frames()
        return bool(frames) and "super(" not in (frames[-1].line or "")

    def _get_own_frames(self):
        return [
            frame
            for frame in traceback.extract_tb(self.error.__traceback__)
            if frame.filename.startswith(FOLDER) and not frame.filename.startswith(TESTS)
        ]

    def describe(self):
        """The error, where it was raised, and the last line of ours on the way there."""
        if not self.error:
            return self.word
        last = traceback.extract_tb(self.error.__traceback__)[-1:]
        places = [
            f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
            for frame in self._get_own_frames()[-1:] + last
        ]
        text = " ".join(str(self.error).split())[:300]
        return f"{type(self.error).__name__}: {text} ({' > '.join(places)})"


class RightsCommon(WriteOffCommon, BillingCommon):
    """A company with one of each document, and one user of each kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {kind: cls._make_user(kind) for kind in KINDS}
        cls._make_bills()
        cls._make_write_offs()
        cls._make_batches()
        cls._make_others()
        cls.env.flush_all()
        cls.tables = cls._get_tables()

    # --- users ----------------------------------------------------------------

    @classmethod
    def _make_user(cls, kind):
        if kind == "public":
            return cls.env.ref("base.public_user")
        company = {"other": cls.other, "branch": cls.branch}.get(kind, cls.company)
        return new_test_user(
            cls.env, f"ar.{kind}", groups=GROUPS[kind], company_id=company.id, tz="UTC"
        )

    @classmethod
    def _as(cls, kind, records):
        """The records as a user sees them in the company."""
        context = {"allowed_company_ids": cls.users[kind].company_id.ids}
        return records.with_user(cls.users[kind]).with_context(**context)

    # --- documents --------------------------------------------------------------

    @classmethod
    def _forge(cls, model, vals):
        """Make a record as our own methods do."""
        records = cls.env[model]
        return getattr(records, "_create_inside", records.create)([vals])

    @classmethod
    def _make_bills(cls):
        """Three runs (listed, cancelled, done), a group with the drafts, and two tasks."""
        cls.customers = cls._make_everybody()
        # In the order of time: what a run bills is not listed by a later one any more.
        done, cancelled, listed = cls.profile.period_ids.sorted("date_from")[:3]
        cls.done_run = cls._run(done)
        cls.done_run.create_invoices()
        cls.cancelled_run = cls._run(cancelled)
        cls.cancelled_run.action_cancel()
        cls.listed_run = cls._run(listed)
        cls.drafts = cls.done_run.invoice_ids
        cls.group = cls.env["ar.invoice.group"].create({"name": f"{INNER} July"})
        cls.group.add_invoices(cls.drafts)
        tasks = cls.env["ar.invoice.task"]
        cls.task = tasks._create_for_group(cls.group, "confirm")
        cls.failed_task = tasks._create_for_group(cls.group, "send")
        cls.failed_task._start()
        overdue = cls._invoice(cls.customers["service_only"], 30, days_ago=90)
        # Unbilled as yet, and in no run.
        cls.later_service = cls._serve(cls._make_customers("Late"), 12)
        # Given away, so that it can be taken back.
        service = cls.env["ar.billing.service"].search([], limit=1)
        cls.days = cls._forge(
            "ar.billed.days",
            {
                "service_id": service.id,
                "date_from": service.date_from,
                "date_to": service.date_from,
                "note": "Goodwill",
            },
        )
        cls.fee = cls._forge(
            "ar.late.fee",
            {
                "period_id": done.id,
                "overdue_move_id": overdue.id,
                "fee_move_id": cls.drafts[0].id,
            },
        )

    @classmethod
    def _make_write_offs(cls):
        """A draft, one that is done by the clerk, and one that failed."""
        debts = [cls._invoice(cls.customer, 5 + n, days_ago=200) for n in range(4)]
        cls.debt = debts[3]
        as_clerk = cls._as("write_off", cls.env["ar.write.off"])
        cls.draft_write_off = cls._search_write_off(cls.env["ar.write.off"], debts[0])
        cls.done_write_off = cls._search_write_off(as_clerk, debts[1])
        cls.done_write_off.action_process()
        cls.failed_write_off = cls._search_write_off(as_clerk, debts[2])
        cls._pay(cls.customer, debts[2].amount_total, debts[2])
        cls.failed_write_off.action_process()
        cls.done_write_off = cls.done_write_off.with_env(cls.env)
        cls.failed_write_off = cls.failed_write_off.with_env(cls.env)

    @classmethod
    def _search_write_off(cls, model, invoice):
        document = model.create(
            {
                "partner_ids": [Command.set(invoice.commercial_partner_id.ids)],
                "balance_from": invoice.amount_total,
                "balance_below": invoice.amount_total + 0.5,
                "reason_id": cls.reason.id,
                "date": cls.today,
            }
        )
        document.action_search()
        return document

    @classmethod
    def _make_batches(cls):
        users = cls.env.user | cls.users["write_off"] | cls.users["admin"]
        cls.batch, cls.spare_batch, cls.closed_batch = cls.env["ar.write.off.batch"].create(
            [
                {"name": f"{INNER} {name}", "user_ids": [Command.set(users.ids)]}
                for name in ("A", "B", "C")
            ]
        )
        cls.closed_batch.action_close()

    @classmethod
    def _make_others(cls):
        """What the other company and the branch have, and nobody of the company may touch."""
        cls.other_draft = cls._invoice(cls.customer, 900, post=False, company=cls.other)
        cls.other_debt = cls._invoice(cls.customer, 800, company=cls.other, days_ago=100)
        cls.branch_debt = cls._invoice(cls.customer, 700, company=cls.branch, days_ago=100)
        env = cls.env(context={"allowed_company_ids": cls.other.ids})
        cls.other_group = env["ar.invoice.group"].create(
            {"name": f"{HIDDEN} name", "company_id": cls.other.id}
        )
        cls.other_batch = env["ar.write.off.batch"].create(
            {"name": f"{HIDDEN} name", "company_id": cls.other.id}
        )
        cls.other_reason = env["ar.write.off.reason"].create(
            {"name": f"{HIDDEN} name", "company_id": cls.other.id}
        )
        cls.other_profile = env["ar.billing.profile"].create(
            {
                "name": f"{HIDDEN} name",
                "company_id": cls.other.id,
                "journal_id": cls.other_data["default_journal_sale"].id,
            }
        )
        cls.env["ar.write.off.reason.tax"].create(
            {
                "reason_id": cls.reason.id,
                "tax_id": cls.tax_sale_a.id,
                "bad_debt_tax_id": cls.tax_sale_b.id,
            }
        )
        vals = cls._get_own_money_vals()
        cls.credit = cls.env["ar.write.off.credit"]._create_inside(vals["ar.write.off.credit"])
        cls.applied = cls.env["ar.write.off.application"]._create_inside(
            vals["ar.write.off.application"]
        )
        cls.deleted_id = cls.env["ar.invoice.group"].create({"name": "Gone"}).id
        cls.env["ar.invoice.group"].browse(cls.deleted_id).unlink()

    @classmethod
    def _get_records(cls):
        """``{model: record}`` that methods are called on, if no case says otherwise."""
        return {
            "account.journal": cls.company_data["default_journal_sale"],
            "account.move": cls.drafts[0],
            "account.move.line": cls.drafts[0].invoice_line_ids[:1],
            "ar.write.off.batch": cls.batch,
            "ar.billed.days": cls.days,
            "ar.billing.charge": cls.listed_run.line_ids.charge_ids[:1],
            "ar.billing.place": cls.drafts[0].billing_place_ids,
            "ar.billing.period": cls.listed_run.period_id,
            "ar.billing.profile": cls.profile,
            "ar.billing.run": cls.listed_run,
            "ar.billing.run.line": cls.listed_run.line_ids.filtered(
                lambda line: line.state == "todo"
            )[:1],
            "ar.billing.service": cls.env["ar.billing.service"].search([], limit=1),
            "ar.invoice.group": cls.group,
            "ar.invoice.task": cls.task,
            "ar.invoice.task.line": cls.task.line_ids[:1],
            "ar.late.fee": cls.fee,
            "ar.unbilled.days": cls.env["ar.unbilled.days"].search([], limit=1),
            "ar.write.off": cls.draft_write_off,
            "ar.write.off.application": cls.applied,
            "ar.write.off.credit": cls.credit,
            "ar.write.off.line": cls.draft_write_off.line_ids[:1],
            "ar.write.off.reason": cls.reason,
            "ar.write.off.reason.tax": cls.reason.bad_debt_tax_ids,
            "res.company": cls.company,
            "res.partner": cls.customer,
        }

    # --- values -----------------------------------------------------------------

    @classmethod
    def _get_wizard_vals(cls):
        return {
            "ar.write.off.search": {"company_id": cls.company.id, "balance_below": 8},
            "ar.write.off.process": {"document_id": cls.draft_write_off.id},
            "ar.write.off.batch.move": {
                "line_ids": [Command.set(cls.done_write_off.line_ids.ids)],
                "batch_id": cls.batch.id,
            },
            "ar.write.off.take.back": {
                "line_ids": [Command.set(cls.done_write_off.line_ids.ids)],
            },
            # Core's, in the way of which we stand.
            "account.move.reversal": {
                "company_id": cls.company.id,
                "journal_id": cls.debt.journal_id.id,
                "move_ids": [Command.set(cls.debt.ids)],
            },
            "ar.billing.customers.add": {
                "profile_id": cls.profile.id,
                "source": "chosen",
                "partner_ids": [Command.set(cls.customer.ids)],
            },
            "ar.billing.run.ask": {"run_id": cls.done_run.id, "task": "undo"},
            "ar.billing.service.add": {
                "profile_id": cls.profile.id,
                "product_id": cls.pickup.id,
                "date_from": cls.today + timedelta(days=9999),
            },
            "ar.billing.service.change": {
                "company_id": cls.company.id,
                "service_ids": [Command.set(cls.later_service.ids)],
                "date_from": cls.today + timedelta(days=50),
                "percent": 10,
            },
            "ar.create.invoices": {
                "company_id": cls.company.id,
                "profile_id": cls.profile.id,
                "period_id": cls.listed_run.period_id.id,
            },
            "ar.create.invoices.confirm": {"run_ids": [Command.set(cls.listed_run.ids)]},
            "ar.give.away": {"note": "Goodwill"},
            "ar.invoice.group.add": {
                "company_id": cls.company.id,
                "invoice_ids": [Command.set(cls.debt.ids)],
                "name": "New",
            },
            "ar.invoice.task.ask": {
                "task": "mark_sent",
                "scope": "all",
                "invoice_ids": [Command.set(cls.debt.ids)],
            },
        }

    @classmethod
    def _make_wizards(cls):
        """``{model: window}`` of somebody who may open all of them; some open by buttons only."""
        wizards = {}
        for model, vals in cls._get_wizard_vals().items():
            records = cls._as("write_off", cls.env[model])
            wizards[model] = getattr(records, "_create_inside", records.create)([vals])
        return wizards

    @classmethod
    def _get_own_money_vals(cls):
        currency = cls.company.currency_id.id
        return {
            "ar.write.off.application": {
                "line_id": cls.draft_write_off.line_ids[:1].id,
                "currency_id": currency,
                "amount": 3,
            },
            "ar.write.off.credit": {
                "document_id": cls.draft_write_off.id,
                "partner_id": cls.customer.id,
                "company_id": cls.company.id,
                "account_id": cls.company_data["default_account_receivable"].id,
                # Of a currency that no row has, so that it pays nothing.
                "currency_id": cls.foreign.id,
                "amount": 3,
            },
        }

    @classmethod
    def _get_new_vals(cls):
        """``{model: values}`` with which each kind of user tries to create one."""
        company = {"company_id": cls.company.id}
        line = cls.listed_run.line_ids[:1]
        day = cls.today + timedelta(days=9999)
        return {
            **cls._get_wizard_vals(),
            **cls._get_own_money_vals(),
            "ar.write.off.batch": {"name": "New", **company},
            "ar.billed.days": {
                "service_id": cls.days.service_id.id,
                "date_from": cls.days.service_id.date_from,
                "date_to": cls.days.service_id.date_from,
            },
            "ar.billing.charge": {"line_id": line.id, "name": "New", "price_unit": 1},
            "ar.billing.place": {
                "customer_number": cls.customer.id,
                "currency_id": cls.foreign.id,
                **company,
            },
            "ar.unbilled.days": {"service_id": cls.days.service_id.id},
            "ar.billing.period": {
                "profile_id": cls.profile.id,
                "date_from": day,
                "date_to": day,
            },
            "ar.billing.profile": {
                "name": "New",
                "journal_id": cls.company_data["default_journal_sale"].id,
                **company,
            },
            "ar.billing.run": {
                "profile_id": cls.profile.id,
                "period_id": cls.period.id,
                "invoice_date": cls.today,
                **company,
            },
            "ar.billing.run.line": {
                "document_id": cls.listed_run.id,
                "partner_id": cls.customer.id,
                "currency_id": cls.foreign.id,
            },
            "ar.billing.service": {
                "partner_id": cls.customer.id,
                "product_id": cls.pickup.id,
                **company,
            },
            "ar.invoice.group": {"name": "New", **company},
            "ar.invoice.task": {"group_id": cls.group.id, "task": "confirm", **company},
            "ar.invoice.task.line": {"document_id": cls.task.id, "move_id": cls.debt.id},
            "ar.late.fee": {
                "period_id": cls.period.id,
                "overdue_move_id": cls.debt.id,
                "fee_move_id": cls.drafts[0].id,
            },
            "ar.write.off": {"balance_below": 10, "reason_id": cls.reason.id, **company},
            "ar.write.off.line": {
                "document_id": cls.draft_write_off.id,
                "move_id": cls.debt.id,
                "partner_id": cls.customer.id,
                "currency_id": cls.company.currency_id.id,
                "amount_residual": 8,
                "amount_residual_company": 8,
                "amount": 8,
            },
            "ar.write.off.reason": {"name": "New", **company},
            "ar.write.off.reason.tax": {
                "reason_id": cls.reason.id,
                "tax_id": cls.tax_sale_b.id,
                "bad_debt_tax_id": cls.tax_sale_a.id,
            },
        }

    # --- calls ------------------------------------------------------------------

    def _attempt(self, kind, model, method, args, kwargs=None):
        """Call a public method as one kind of user, as the server does for a request.

        What it did stays; what a refused call did is taken back, as a request's is.
        """
        self.env.flush_all()
        self.env.invalidate_all()
        env = self.env(user=self.users[kind], su=False, context={})
        try:
            with mute_logger(*QUIET), self.env.cr.savepoint():
                value = call_kw(env[model], method, list(args), kwargs or {})
                self.env.cr.flush()
        except Exception as error:
            return Attempt(error=error)
        return Attempt(value)

    def _leave_all_to_workers(self):
        """No document is so short that it is done in the request."""
        self.company.ar_background_seconds = 0.001

    @contextmanager
    def _undone(self):
        """What happens in it is taken back."""
        with suppress(Rollback), self.env.cr.savepoint():
            yield
            raise Rollback

    def _get_leak(self, kind, attempt):
        """A name in the answer or in the sentence that this kind of user may not know, or None."""
        told = f"{attempt.value} {attempt.error}"
        if kind != "other" and HIDDEN in told:
            return HIDDEN
        if kind in ("nobody", "portal", "public", *ELSEWHERE) and INNER in told:
            return INNER
        return None

    # --- what must not change -----------------------------------------------------

    @classmethod
    def _get_tables(cls):
        """``{table: columns}`` that hold documents of ours, settings of ours, or the ledger."""
        tables = dict.fromkeys(LEDGER)
        for name in stored_models(cls.env):
            model = cls.env[name]
            if not model._auto:
                continue  # a question, not a table
            tables[model._table] = None
            for field in model._fields.values():
                if field.type == "many2many" and field.store:
                    tables[field.relation] = None
        for name in ("res.company", "res.partner", "res.users", "product.category"):
            model = cls.env[name]
            ours = sorted(
                field.name
                for field in model._fields.values()
                if field.column_type and field.store and MODULE in field._modules
            )
            if ours:
                tables[model._table] = ours
        return tables

    def _checksum(self, kind=None):
        """``{table: checksum}`` of all that a kind of user has no right to change.

        :param kind: None: of everything
        """
        self.env.flush_all()
        parts = [
            SQL(
                "SELECT %s, COUNT(*), SUM(hashtextextended(%s::text, 0)) FROM %s AS t%s",
                table,
                self._row_sql(table, columns),
                SQL.identifier(table),
                where,
            )
            for table, columns in self.tables.items()
            if (where := self._get_scope(kind, table)) is not None
        ]
        rows = self.env.execute_query(SQL(" UNION ALL ").join(parts))
        return {table: (count, total) for table, count, total in rows}

    @staticmethod
    def _row_sql(table, columns):
        if table in LEDGER:
            # Core touches entries while it reads some of their fields, and changes nothing.
            return SQL("(to_jsonb(t) - 'write_uid' - 'write_date')")
        if columns is None:
            return SQL("t")
        return SQL("ROW(%s)", SQL(", ").join(SQL.identifier("t", name) for name in columns))

    def _get_scope(self, kind, table):
        """SQL condition: which rows of a table this kind may not change; None: it may all."""
        if kind is None or kind in POWERLESS:
            return SQL("")
        if kind in ELSEWHERE:
            if self._has_company(table):
                return SQL(" WHERE t.company_id != %s", self.users[kind].company_id.id)
            return None
        if kind in ("invoicing", "accountant") and table.startswith("ar_write_off"):
            return SQL("")
        return SQL(" WHERE t.company_id = %s", self.other.id) if self._has_company(table) else None

    def _has_company(self, table):
        model = next((m for m in self.env.registry.values() if m._table == table), None)
        field = model and not model._abstract and model._fields.get("company_id")
        return bool(field and field.store and not model._transient)

    def _assert_unchanged(self, before, kind, what):
        after = self._checksum(kind)
        changed = sorted(table for table in before if before[table] != after[table])
        self.assertFalse(changed, f"{what} changed {', '.join(changed)}")
