import logging
from collections import defaultdict
from datetime import timedelta

import psycopg2
import psycopg2.errors

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import clean_context
from odoo.tools.constants import GC_UNLINK_LIMIT

_logger = logging.getLogger(__name__)


class ArBillingRun(models.Model):
    """One execution of "Create Invoices" for a billing profile and period.

    Its lines are the candidates: every customer of the profile with what he would be
    billed and what his account owes, including those who are left out, with why.
    """

    _name = "ar.billing.run"
    _description = "Billing Run"
    _inherit = ["ar.bulk.document"]
    _order = "id desc"
    _check_company_auto = True
    _line_model = "ar.billing.run.line"
    _number_sequence = "ar.billing.run"
    _person_creates = False
    _person_writes = False
    # Larger than of other documents: of each kind in a chunk, core makes one.
    _chunk_size = 200

    profile_id = fields.Many2one(
        "ar.billing.profile",
        string="Billing Profile",
        required=True,
        readonly=True,
        index=True,
        check_company=True,
        ondelete="restrict",
    )
    period_id = fields.Many2one(
        "ar.billing.period",
        string="Billing Period",
        required=True,
        readonly=True,
        index=True,
        check_company=True,
        ondelete="restrict",
    )
    invoice_date = fields.Date(required=True, readonly=True)
    zero_policy = fields.Selection(
        [
            ("create", "An invoice for everyone"),
            ("skip_settled", "Skip customers with neither charge nor balance"),
            ("skip_zero", "Do not generate $0 invoices"),
        ],
        string="$0 Invoices",
        required=True,
        readonly=True,
        default="create",
    )
    late_fees = fields.Boolean(default=True, readonly=True)
    note = fields.Html(readonly=True, help="Printed on the invoices of this run.")
    invoice_group_id = fields.Many2one(
        "ar.invoice.group",
        readonly=True,
        check_company=True,
        ondelete="set null",
        help="Where the invoices are put.",
    )
    group_name = fields.Char(
        string="New Invoice Group", readonly=True, help="A group of this name is made, if need be."
    )
    group_split = fields.Boolean(
        string="Split by Balance Class",
        readonly=True,
        help="One invoice group for each balance class.",
    )
    line_ids = fields.One2many(
        "ar.billing.run.line", "document_id", string="Customers", readonly=True
    )
    invoice_ids = fields.One2many(
        "account.move", "billing_run_id", string="Invoices", readonly=True
    )
    invoice_count = fields.Integer(compute="_compute_invoice_count")

    @api.depends("invoice_ids")
    def _compute_invoice_count(self):
        rows = self.env["account.move"]._read_group(
            [("billing_run_id", "in", self.ids)], ["billing_run_id"], ["__count"]
        )
        counts = {run.id: count for run, count in rows}
        for run in self:
            run.invoice_count = counts.get(run.id, 0)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for run in self:
            if run.state not in ("draft", "cancelled", "undone") or run.invoice_ids:
                raise UserError(
                    self.env._(
                        "%(run)s has made invoices and stays as their record. Undo it first.",
                        run=run.display_name,
                    )
                )

    @api.autovacuum
    def _gc_unconfirmed(self):
        """Lists of candidates that nobody confirmed within a week are of no use."""
        week_ago = fields.Datetime.now() - timedelta(days=7)
        domain = [("state", "=", "draft"), ("write_date", "<", week_ago)]
        self.search(domain, limit=GC_UNLINK_LIMIT).unlink()

    # ------------------------------------------------------------------
    # Candidates
    # ------------------------------------------------------------------

    @api.model
    def _create_for_period(self, period, **options):
        """A draft run with its candidates.

        :param options: ``invoice_date``, ``zero_policy``, ``late_fees``, ``note``.
        """
        profile = period.profile_id
        self = self.with_context(clean_context(self.env.context))
        run = self.with_company(profile.company_id)._create_inside(
            {
                "profile_id": profile.id,
                "period_id": period.id,
                "company_id": profile.company_id.id,
                "invoice_date": period.invoice_date,
                "zero_policy": profile._get_zero_policy(),
                **profile._prepare_group_options(period),
                **options,
            }
        )
        run._populate()
        return run

    def _populate(self):
        """(Re)make the candidates from customers, balances and charge sources.

        The number of queries does not depend on the number of customers.
        """
        self.ensure_one()
        self = self.with_context(clean_context(self.env.context))
        self.line_ids._unlink_inside()
        customers = self.profile_id._get_customers()
        customers = customers.with_company(self.company_id)
        customers.fetch(["name", "active", "billing_hold"])
        balances = self.env["ar.balance"]._get_figures(
            customers, ["account_balance"], self.company_id
        )
        charges = self._get_charges(customers.filtered(lambda c: c.active and not c.billing_hold))
        billed = self._get_billed_invoices(customers)
        failures = self._get_known_failures()
        vals_list = []
        for customer in customers:
            balance = balances.get((customer.id, None), [0])[0]
            vals_list += self._prepare_candidates(
                customer, balance, charges[customer.id], billed[customer.id]
            )
        for vals in vals_list:
            known = failures.get((vals["partner_id"], vals["currency_id"]))
            if vals["state"] == "todo" and known:
                vals["reason"] = self.env._("Failed last time: %s", known)
        self.env["ar.billing.run.line"]._create_inside(vals_list)
        self.line_ids._inside()._set_amounts()
        self._apply_zero_policy()

    def _get_charges(self, customers):
        """``{customer id: {currency id: [charge, …]}}`` from all charge sources."""
        options = {"invoice_date": self.invoice_date, "late_fees": self.late_fees}
        charges = defaultdict(lambda: defaultdict(list))
        for name in self.profile_id._get_charge_sources():
            source = self.env[name].with_company(self.company_id)
            for charge in source._get_charges(self.period_id, customers, options):
                charges[charge["partner_id"]][charge["currency_id"]].append(charge)
        return charges

    def _get_billed_invoices(self, customers):
        """``{customer id: {currency id: invoice}}`` of this period that are alive."""
        invoices = self.env["account.move"].search(
            [
                ("billing_period_id", "=", self.period_id.id),
                ("commercial_partner_id", "in", customers.ids),
                ("state", "!=", "cancel"),
            ]
        )
        billed = defaultdict(dict)
        for invoice in invoices:
            billed[invoice.commercial_partner_id.id][invoice.currency_id.id] = invoice
        return billed

    def _get_known_failures(self):
        """``{(customer id, currency id): reason}`` of earlier runs of this period."""
        lines = self.env["ar.billing.run.line"].search(
            [("period_id", "=", self.period_id.id), ("state", "=", "failed")], order="id"
        )
        return {(line.partner_id.id, line.currency_id.id): line.reason for line in lines}

    def _prepare_candidates(self, customer, balance, charges, billed):
        """Values of a customer's lines: one per currency, or one without any charge."""
        currency = self.company_id.currency_id
        reason = self._get_left_out_reason(customer, balance)
        if reason is None:
            return []
        lines = []
        for currency_id in sorted({*charges, *billed}) or [currency.id]:
            invoice = billed.get(currency_id)
            why = reason
            if invoice:
                why = self.env._(
                    "Already billed for this period: %(invoice)s", invoice=invoice.display_name
                )
            lines.append(
                {
                    "document_id": self.id,
                    "partner_id": customer.id,
                    "currency_id": currency_id,
                    "account_balance": balance,
                    "move_id": invoice.id if invoice else False,
                    "state": "skipped" if why else "todo",
                    "reason": why,
                    "charge_ids": [
                        Command.create(self._prepare_charge(charge, number))
                        for number, charge in enumerate(charges.get(currency_id, []), 1)
                        if not invoice
                    ],
                }
            )
        return lines

    def _get_left_out_reason(self, customer, balance):
        """Why a customer is not billed: a sentence, False, or None for "not at all".

        Whoever owes money is shown; an archived customer who owes nothing is history.
        """
        if customer.billing_hold:
            return self._get_hold_reason(customer)
        if not customer.active:
            if self.company_id.currency_id.is_zero(balance):
                return None
            return self.env._("Archived, but the account is not settled.")
        return False

    def _get_hold_reason(self, customer):
        if customer.billing_hold_reason:
            return self.env._("On billing hold: %s", customer.billing_hold_reason)
        return self.env._("On billing hold.")

    def _prepare_charge(self, charge, number):
        return {
            "sequence": number,
            "product_id": charge.get("product_id"),
            "name": charge["name"],
            "quantity": charge["quantity"],
            "price_unit": charge["price_unit"],
            "tax_ids": [Command.set(charge.get("tax_ids") or [])],
            "analytic_distribution": charge.get("analytic_distribution"),
            "source_ref": charge.get("source_ref"),
            "overdue_move_ids": [Command.set(charge.get("overdue_move_ids") or [])],
            "problem": charge.get("problem"),
        }

    # ------------------------------------------------------------------
    # Options
    # ------------------------------------------------------------------

    def _set_options(self, invoice_date, zero_policy, late_fees, note):
        """What the pop-up asked; charges are read again if they depend on it."""
        self.ensure_one()
        reread = self.invoice_date != invoice_date or self.late_fees != late_fees
        self._write_inside(
            {
                "invoice_date": invoice_date,
                "zero_policy": zero_policy,
                "late_fees": late_fees,
                "note": note,
            }
        )
        if reread:
            self._populate()
        else:
            self._apply_zero_policy()

    def _apply_zero_policy(self):
        """Leave out the customers whom the $0 policy excludes, each with why."""
        lines = self.line_ids.filtered(lambda line: line.state == "todo" or line.zero_skipped)
        lines.filtered("zero_skipped")._write_inside(
            {"state": "todo", "reason": False, "zero_skipped": False}
        )
        reasons = defaultdict(lambda: self.env["ar.billing.run.line"])
        for line in lines:
            reason = line._get_zero_reason()
            if reason:
                reasons[reason] |= line
        for reason, left_out in reasons.items():
            left_out._mark_skipped(reason)
            left_out._write_inside({"zero_skipped": True})

    # ------------------------------------------------------------------
    # Creating and undoing
    # ------------------------------------------------------------------

    def action_create_invoices(self):
        """Make the invoices of all lines to do, and show them or the progress.

        :raise UserError: when the run was started already.
        """
        self._start()
        return self.action_view_result()

    def _check_anybody_to_bill(self):
        """Refuse a run that would do nothing, so that nobody takes it for done."""
        if not any(line.state == "todo" for line in self.line_ids):
            raise UserError(
                self.env._(
                    "%(run)s: nobody is left to bill. Everybody is billed already or left "
                    "out; the list says why for each.",
                    run=self.display_name,
                )
            )

    def _keep_lines(self, lines):
        """Only these lines are billed; the others are left out, as the user chose."""
        others = (self.line_ids - lines).filtered(lambda line: line.state == "todo")
        others._mark_skipped(self.env._("Not ticked."))

    def _get_expected_seconds(self):
        return 0.01 if self.operation == "undo" else 0.015

    def _process_lines(self, lines):
        lines = lines._set_aside()
        if not lines:
            return
        maker = self.env["ar.invoice.maker"].with_company(self.company_id)
        vals_list = lines._prepare_invoices()
        invoices = maker._create_invoices(vals_list)
        # The database decides now who came first.
        lines._check_made(invoices, vals_list)
        for line, invoice in zip(lines, invoices, strict=True):
            line._mark_done(move_id=invoice.id)
        lines._record_late_fees()
        self._add_note(invoices)

    @api.model
    def _cron_create_invoices(self):
        """Scheduled action: bill the profiles marked so, when their day has come.

        What a server missed while it was down is made up for, for a month.
        """
        today = fields.Date.context_today(self)
        profiles = self.env["ar.billing.profile"].search([("auto_create", "=", True)])
        for number, profile in enumerate(profiles, 1):
            try:
                profile._bill_automatically(today)
            except psycopg2.OperationalError as error:
                # Another transaction was faster: once more, after the others.
                self.env.cr.rollback()
                _logger.info("%s is billed in a moment (%s)", profile.name, error)
                self.env.ref("ar_balance_invoicing.ir_cron_create_invoices").sudo()._trigger()
            left = len(profiles) - number
            if not self.env["ir.cron"]._commit_progress(1, remaining=left):
                break  # called again for the others

    def _add_note(self, invoices):
        """Print the run's note before the terms that the company prints anyway."""
        if not self.note:
            return
        by_terms = defaultdict(lambda: self.env["account.move"])
        for invoice in invoices:
            by_terms[invoice.narration or ""] |= invoice
        for terms, group in by_terms.items():
            group.narration = self.note + terms

    def _regenerate(self, moves):
        """Read the charges of drafts again and replace their lines.

        :param moves: drafts of this run.
        """
        self.ensure_one()
        self.env["ar.late.fee"].search([("fee_move_id", "in", moves.ids)])._unlink_inside()
        charges = self._get_charges(moves.commercial_partner_id)
        lines = self.env["ar.billing.run.line"].search([("move_id", "in", moves.ids)])
        lines.charge_ids._unlink_inside()
        self.env["ar.billing.charge"]._create_inside(
            [
                {**self._prepare_charge(charge, number), "line_id": line.id}
                for line in lines
                for number, charge in enumerate(
                    charges[line.partner_id.id].get(line.currency_id.id, []), 1
                )
            ]
        )
        lines._inside()._set_amounts()
        locks = {}
        for line in lines:
            problem = line._get_problem(locks)
            if problem:
                raise UserError(
                    self.env._(
                        "%(customer)s: %(problem)s",
                        customer=line.partner_id.display_name,
                        problem=problem,
                    )
                )
        invoices = self.env["account.move"].browse([line.move_id.id for line in lines])
        invoices._replace_billing_lines(lines._prepare_invoices())
        lines._record_late_fees()

    def _undo_lines(self, lines):
        # Nothing but what this run itself has made is deleted.
        mine = lines.filtered(lambda line: line.move_id.billing_run_id == self)
        drafts = mine.filtered(lambda line: line.move_id.state == "draft")
        gone = lines.filtered(lambda line: not line.move_id or line.move_id.state == "cancel")
        for line in lines - drafts - gone:
            line._mark_failed(
                self.env._(
                    "%(invoice)s is confirmed and stays. Reverse it with a credit note.",
                    invoice=line.move_id.display_name,
                )
            )
        drafts.move_id.unlink()
        (drafts | gone)._write_inside({"state": "undone", "reason": False})

    def _explain(self, error):
        if isinstance(error, psycopg2.errors.UniqueViolation):
            return self.env._(
                "Somebody else has billed this customer for this period at the same "
                "moment. Retry to see the invoice."
            )
        return super()._explain(error)

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_view_result(self):
        """The invoices when the work is done, the run with its progress before."""
        self.ensure_one()
        if self.state in ("queued", "running") or not self.invoice_ids:
            return self._get_form_action()
        return self.action_view_invoices()

    def action_view_invoices(self):
        """The customer invoices list, limited to this run."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_out_invoice")
        return {
            **action,
            "display_name": self.env._("Invoices of %s", self.display_name),
            "domain": [("billing_run_id", "=", self.id)],
            "context": {"default_move_type": "out_invoice"},
        }

    def action_view_lines(self):
        """The candidates, as a list to filter and tick."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_billing_run_line_action"
        )
        return {
            **action,
            "display_name": f"{self.profile_id.name} · {self.period_id.display_name}",
            "domain": [("document_id", "=", self.id)],
            "context": {"ar_billing_run_id": self.id},
        }

    def _get_form_action(self):
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }

    def action_confirm_options(self):
        """Open the pop-up that asks for date and options."""
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Create Invoices"),
            "res_model": "ar.create.invoices.confirm",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_run_ids": [Command.set(self.ids)]},
        }

    @api.depends("name", "profile_id", "period_id")
    def _compute_display_name(self):
        for run in self:
            name = run.name or run._get_draft_name()
            run.display_name = (
                f"{name} · {run.profile_id.display_name} · {run.period_id.display_name}"
            )
