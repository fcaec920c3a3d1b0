import logging
from collections import defaultdict
from datetime import timedelta

import psycopg2
import psycopg2.errors

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools.constants import GC_UNLINK_LIMIT

from ...tools import client_actions
from ...tools.context_keys import CANDIDATES
from .res_company import ZERO_INVOICES, ZERO_POLICIES

_logger = logging.getLogger(__name__)


class ArBillingRun(models.Model):
    """One execution of "Create Invoices" for a billing profile and period.

    Its lines are the candidates: every customer of the profile with what he would be
    billed and what his account owes, including those who are left out, with why.
    """

    _name = "ar.billing.run"
    _description = "Billing Run"
    _inherit = ["ar.bulk.document", "ar.billing.review", "ar.billing.result", "ar.xlsx.export"]
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
        readonly=True,
        index=True,
        check_company=True,
        ondelete="restrict",
    )
    days = fields.Json(
        readonly=True,
        copy=False,
        help="The days that a run of no period bills: service, first day, last day.",
    )
    invoice_date = fields.Date(required=True, readonly=True)
    zero_policy = fields.Selection(
        ZERO_POLICIES, string=ZERO_INVOICES, required=True, readonly=True, default="create"
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
    listed_with_id = fields.Many2one(
        "ar.billing.run",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The run of another profile in whose list these customers are shown.",
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
        """Lists of candidates that nobody ticked or confirmed within a week are of no use."""
        week_ago = fields.Datetime.now() - timedelta(days=7)
        domain = [
            ("state", "=", "draft"),
            ("write_date", "<", week_ago),
            ("line_ids", "not any", [("write_date", ">=", week_ago)]),
        ]
        self.search(domain, limit=GC_UNLINK_LIMIT).unlink()

    # ------------------------------------------------------------------
    # Creating and undoing
    # ------------------------------------------------------------------

    def create_invoices(self):
        """Make the invoices of the ticked customers; of all to bill if nobody is ticked.

        For scripts, and for the pop-up. What is short is done at once, the rest in the
        background; ``state`` and ``invoice_ids`` show what became of it. A run of which
        nobody is to be billed stays a draft.

        :return: these runs.
        :raise UserError: when a run was started already, or nobody is left to bill.
        """
        for run in self:
            run._check_startable()
            run._review_balances()
        listed = self.line_ids.filtered("selected") or self.line_ids
        runs = self & listed.filtered(lambda line: line.state == "todo").document_id
        if not runs:
            self._refuse_nobody()
        for run in runs:
            run._start()
        return self

    def action_retry(self):
        """Bill those who failed as it would be done now, which their sentence has told.

        :raise UserError: when there is nothing to take up.
        """
        self.check_access("write")
        self._get_lines("failed")._inside()._set_amounts()
        return super().action_retry()

    def _check_draft(self):
        """Whether a pop-up may still change and start the run.

        :raise UserError: when somebody confirmed or cancelled it meanwhile.
        """
        self._check_startable()
        if not self.is_editable:
            raise UserError(self._get_wrong_state_message())

    def _refuse_nobody(self):
        """So that nobody takes a run that would do nothing for done.

        :raise UserError: always.
        """
        if not self:
            raise UserError(self.env._("Choose a billing run first."))
        if self.line_ids.filtered("selected"):
            raise UserError(
                self.env._(
                    "%(run)s: none of the customers who are ticked can be billed. The list says "
                    "why for each; untick them, or tick others.",
                    run=self[:1].display_name,
                )
            )
        raise UserError(
            self.env._(
                "%(run)s: nobody is left to bill. Everybody is billed already or left "
                "out; the list says why for each.",
                run=self[:1].display_name,
            )
        )

    def _before_start(self):
        self._review_balances()
        self._skip_unticked()
        self._assign_groups()
        is_first = not self.name
        launched = super()._before_start()
        if is_first:
            self._log_decisions()
        return launched

    def _get_expected_seconds(self):
        return 0.01 if self.operation == "undo" else 0.015

    def _process_lines(self, lines):
        locks = {}
        lines = self._filter_as_reviewed(lines._skip_billed())
        lines = lines._skip_zero()._fail_each(lambda line: line._get_problem(locks))
        if not lines:
            return
        maker = self.env["ar.invoice.maker"].with_company(self.company_id)
        vals_list = lines._prepare_invoices()
        invoices = maker._create_invoices(vals_list)
        # The database decides now who came first.
        lines._check_made(invoices, vals_list)
        for line, invoice in zip(lines, invoices, strict=True):
            line._mark_done(move_id=invoice.id)
        lines.charge_ids._tell_invoiced()
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

        Drafts that give back days of them are regenerated after them.

        :param moves: drafts of this run.
        :raise UserError: when what gives back days of them is confirmed.
        """
        self.ensure_one()
        crediting = self.env["ar.billed.days"]._get_crediting(moves.invoice_line_ids)
        if crediting.filtered(lambda move: move.state != "draft"):
            self.env["ar.billed.days"]._check_not_credited(moves.invoice_line_ids)
        self.env["ar.billed.days"]._free(moves.invoice_line_ids)
        moves._ar_free_charges()
        charges = self._get_charges(moves.commercial_partner_id)
        # Another run that found a customer billed names the same invoice.
        lines = self.env["ar.billing.run.line"].search(
            [("document_id", "=", self.id), ("move_id", "in", moves.ids)]
        )
        lines.charge_ids._unlink_inside()
        new = self.env["ar.billing.charge"]
        new._create_inside(
            [
                {**new._prepare_given(charge, number), "line_id": line.id}
                for line in lines
                for number, charge in enumerate(
                    charges[line.partner_id.id].get(line.currency_id.id, []), 1
                )
            ]
        )
        lines._inside()._set_amounts()
        self._check_billable(lines)
        lines._remake_invoices()
        lines.charge_ids._tell_invoiced()
        for run, drafts in crediting.grouped("billing_run_id").items():
            run._regenerate(drafts)

    def _check_billable(self, lines):
        """Refuse to bill when one of the lines cannot be billed.

        :raise UserError: with the customer and what is wrong.
        """
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

    def _get_lines_to_undo(self):
        """Confirmed invoices stay, and of what is deleted nothing is left."""
        lines = super()._get_lines_to_undo()
        drafts = lines.search(
            [
                ("id", "in", lines.ids),
                ("move_id.state", "=", "draft"),
                ("move_id.billing_run_id", "in", self.ids),
            ],
            limit=1,
        )
        return lines if drafts else lines.browse()

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
        if isinstance(error, (psycopg2.errors.UniqueViolation, psycopg2.errors.ExclusionViolation)):
            return self.env._(
                "Somebody else has billed this customer for this period at the same "
                "moment. Retry to see the invoice."
            )
        if (
            isinstance(error, psycopg2.errors.ExclusionViolation)
            and error.diag.table_name == "ar_late_fee"
        ):
            return self.env._(
                "Somebody else has charged this customer a late fee for these days at the same "
                "moment. Retry to bill without it."
            )
        return super()._explain(error)

    # ------------------------------------------------------------------
    # Invoice groups
    # ------------------------------------------------------------------

    def _get_default_group_name(self):
        return self.profile_id._get_group_name(self.period_id) if self.period_id else False

    def _set_group(self, group, name, split):
        """What the pop-up asked: an existing group, or the name of one, or neither."""
        self._write_inside(
            {"invoice_group_id": group.id, "group_name": not group and name, "group_split": split}
        )

    def _assign_groups(self):
        """Say on each line in which group its invoice will be."""
        name = self.invoice_group_id.name or self.group_name
        if not name:
            return
        lines = self._get_lines("todo").filtered(lambda line: not line.invoice_group_id)
        if not self.group_split:
            group = self.invoice_group_id or self._find_group(name)
            lines._write_inside({"invoice_group_id": group.id})
            return
        labels = dict(lines._fields["balance_class"]._description_selection(self.env))
        for balance_class, alike in lines.grouped("balance_class").items():
            group = self._find_group(f"{name} · {labels[balance_class]}")
            alike._write_inside({"invoice_group_id": group.id})

    def _find_group(self, name):
        return self.env["ar.invoice.group"]._find_or_create(name, self.company_id)

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_view_lines(self):
        """The customers of the run: a list to filter and, while it is a draft, to tick."""
        self.ensure_one()
        if self.state != "draft":
            name, first, context = "ar_billing_run_line_action_result", self, {}
            domain = [("document_id", "=", self.id)]
        else:
            name, first = "ar_billing_run_line_action", self._get_first_listed()
            context = {CANDIDATES: first.id}
            domain = ["|", ("document_id", "=", first.id)]
            domain.append(("document_id.listed_with_id", "=", first.id))
        # As the action itself says it by the run's id, which is in the address.
        return client_actions.records(
            self.env,
            f"ar_balance_invoicing.{name}",
            f"{first._get_period_name()} · {first.profile_id.name}",
            domain,
            {"active_id": first.id, **context},
        )

    def action_open_confirm(self):
        """Open the pop-up that asks for date and options; of runs with ticks, if there are.

        :raise UserError: when none of the runs is a draft any more.
        """
        self.check_access("write")
        if not self:
            self._refuse_nobody()
        drafts = self.filtered("is_editable")
        if not drafts:
            raise UserError(self[:1]._get_wrong_state_message())
        ticked = drafts.line_ids.filtered("selected").document_id
        return client_actions.pop_up(
            "ar.create.invoices.confirm",
            self.env._("Create Invoices"),
            {"default_run_ids": [Command.set((ticked or drafts).ids)]},
        )

    @api.depends("name", "state", "profile_id", "period_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for run in self:
            names = [run.profile_id.display_name or "", run._get_period_name()]
            if run.name:
                names.insert(0, run.name)
            elif run.state == "draft":
                names.append(self.env._("draft"))
            run.display_name = " · ".join(names)

    def _get_period_name(self):
        return self.period_id.display_name or self.env._("Unbilled days")

    def _get_failure_text(self):
        if self.failed_count == 1:
            return self.env._(
                "1 customer could not be billed. See the reason, mend it, then Retry."
            )
        return bool(self.failed_count) and self.env._(
            "%s customers could not be billed. See the reason on each, mend it, then Retry.",
            self.failed_count,
        )
