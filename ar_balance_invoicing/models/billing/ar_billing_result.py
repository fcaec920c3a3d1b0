from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...tools import client_actions, counted

# Names that a note of the chatter spells out.
NAMES_NOTED = 20


class ArBillingResult(models.AbstractModel):
    """What became of a billing run, in words and money, and the way to its invoices.

    For billing runs, which inherit it.
    """

    _name = "ar.billing.result"
    _description = "Result of a Billing Run"

    confirmed_with_id = fields.Many2one(
        "ar.billing.run",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The first of the runs that were confirmed together: their invoices are one list.",
    )
    result_text = fields.Char(compute="_compute_result_text")

    @api.depends("state", "line_ids.state", "line_ids.move_id")
    def _compute_result_text(self):
        """“41 invoices made: $ 29,345.32. 5 left out. 1 failed.” of a run that has ended."""
        ended = self.filtered(lambda run: run.state in ("done", "failed"))
        made = ended._get_made_amounts()
        for run in self:
            run.result_text = run in ended and run._get_result_text(
                made[run._origin.id], run.failed_count, run.skipped_count
            )

    def _get_made_amounts(self):
        """``{run id: [(number of invoices, currency, what they come to)]}``; one query."""
        rows = self.env["account.move"]._read_group(
            [("billing_run_id", "in", self.ids), ("state", "!=", "cancel")],
            ["billing_run_id", "currency_id"],
            ["__count", "amount_total_in_currency_signed:sum"],
        )
        made = defaultdict(list)
        for run, currency, count, amount in rows:
            made[run.id].append((count, currency, amount))
        return made

    @api.model
    def _get_result_text(self, made, failed, left_out):
        """A sentence for each of them that there is.

        :param made: as ``_get_made_amounts`` has it for one run.
        """
        count = sum(number for number, _currency, _amount in made)
        amounts = ", ".join(currency.format(amount) for _number, currency, amount in made)
        invoices = self.env._("1 invoice") if count == 1 else self.env._("%s invoices", count)
        texts = [
            self.env._("%(invoices)s made: %(amounts)s.", invoices=invoices, amounts=amounts)
            if count
            else self.env._("No invoice was made.")
        ]
        if left_out:
            texts.append(self.env._("%s left out.", left_out))
        if failed:
            texts.append(self.env._("%s failed.", failed))
        return " ".join(texts)

    # ------------------------------------------------------------------
    # What was decided
    # ------------------------------------------------------------------

    def _log_decisions(self):
        """Note in the chatter whom the run bills, how, and who was left out by hand."""
        self.ensure_one()
        self._message_log(body=Markup("<br/>").join(self._get_decisions()))

    def _get_decisions(self):
        """The same as sentences; read when it starts, before anybody is billed."""
        labels = dict(self._fields["zero_policy"]._description_selection(self.env))
        decisions = [
            self.env._("To be billed: %s", self._get_amounts_text(self._get_lines("todo"))),
            self.env._("Invoice date: %s", format_date(self.env, self.invoice_date)),
            self.env._("Without charges: %s", labels[self.zero_policy]),
            self.env._("Late fees are charged.")
            if self.late_fees
            else self.env._("Late fees are not charged."),
        ]
        groups = self._get_lines("todo").invoice_group_id
        if groups:
            names = ", ".join(groups.mapped("display_name"))
            decisions.append(self.env._("Invoice group: %s", names))
        left_out = self.line_ids.filtered("left_out").partner_id
        if left_out:
            names = ", ".join(left_out[:NAMES_NOTED].mapped("display_name"))
            more = len(left_out) - NAMES_NOTED
            if more > 0:
                names = self.env._("%(names)s and %(count)s more", names=names, count=more)
            decisions.append(self.env._("Left out by hand: %s", names))
        return decisions

    def _get_amounts_text(self, lines):
        """“41 of 47 customers, $ 29,345.32”, each currency on its own.

        :param lines: of this run.
        """
        text = self.env._(
            "%(count)s of %(customers)s",
            count=len(lines.partner_id),
            customers=counted.customers(self.env, len(self.line_ids.partner_id)),
        )
        amounts = [
            currency.format(sum(group.mapped("amount_shown")))
            for currency, group in lines.grouped("currency_id").items()
        ]
        return ", ".join([text, *amounts])

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def _get_result_action(self):
        """Say what these runs, confirmed together, have done; behind it the invoices.

        The run with its progress, while one is worked on in the background.
        """
        working = self.filtered(lambda run: run.state in ("queued", "running"))
        if working:
            return client_actions.notification(
                self.env._("The invoices are made in the background"),
                self.env._("Its page shows how far it is, and what was made at the end."),
                next_action=working[0]._open_form(),
            )
        totals = defaultdict(lambda: [0, 0])
        for made in self._get_made_amounts().values():
            for count, currency, amount in made:
                totals[currency][0] += count
                totals[currency][1] += amount
        failed, left_out = sum(self.mapped("failed_count")), sum(self.mapped("skipped_count"))
        made = [(count, currency, amount) for currency, (count, amount) in totals.items()]
        text = self.env._("See %s")  # the web client puts the links in
        if failed or left_out:
            text = self.env._("See why in %s")
        action = client_actions.notification(
            self._get_result_text(made, failed, left_out),
            text.replace("%s", ", ".join(["%s"] * len(self))),
            warning=bool(failed),
            next_action=self[:1].action_view_result(),
        )
        action["params"]["links"] = [
            {"label": run.display_name, "url": f"/odoo/billing-runs/{run.id}"} for run in self
        ]
        return action

    def action_view_result(self):
        """The invoices when the work is done, the run with its progress before."""
        self.ensure_one()
        if self.state in ("queued", "running") or not self._get_made_together().invoice_ids:
            return self._open_form()
        return self.action_view_invoices()

    def _open_form(self):
        """The run, under its address."""
        action = client_actions.records(
            self.env, "ar_balance_invoicing.ar_billing_run_action", self.display_name, []
        )
        return {**action, "res_id": self.id, "views": [(False, "form")]}

    def _get_made_together(self):
        """The run, and those that were confirmed with it."""
        return self | self.search([("confirmed_with_id", "in", self.ids)])

    def action_view_invoices(self):
        """The invoices of the run, and of those confirmed with it; a list with an address."""
        self.ensure_one()
        runs = self._get_made_together()
        title = self.env._("Invoices of %s", self.display_name)
        if len(runs) > 1:
            title = self.env._("Invoices of %s billing runs", len(runs))
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_billing_run_action_invoices",
            title,
            [
                "|",
                ("billing_run_id", "=", self.id),
                ("billing_run_id.confirmed_with_id", "=", self.id),
            ],
            {"default_move_type": "out_invoice", "active_id": self.id},
        )

    def _get_xlsx_sheets(self):
        """Who is (to be) billed, and who is not, with why; each currency on its own."""
        lines = self.env["ar.billing.run.line"].search([("document_id", "in", self.ids)])
        ticked = lines._get_runs_with_ticks()
        billed = lines.filtered(lambda line: line._is_counted(ticked))
        columns = [
            "partner_id",
            "currency_id",
            ("charge_shown", self.env._("Charge")),
            ("amount_shown", self.env._("Invoice Balance")),
            "account_balance",
            "balance_class",
            "state",
            "reason",
            "selected",
            "move_id",
        ]
        sheets = ((self.env._("Billed"), billed), (self.env._("Not Billed"), lines - billed))
        # The balance is of the customer's whole account, so once for each of his lines.
        common = {"columns": columns, "untotalled": ["account_balance"]}
        return [{"title": title, "records": records, **common} for title, records in sheets]

    def action_ask_undo(self):
        """Say how many drafts are deleted, and how much they come to, before it is done.

        :raise UserError: when there is nothing to undo.
        """
        return self._ask("undo")

    def action_ask_retry(self):
        """Say who is billed now, and for how much, before it is done."""
        return self._ask("retry")

    def _ask(self, task):
        self.ensure_one()
        self.check_access("write")
        return self.env["ar.billing.run.ask"]._ask(self, task)

    def action_discard(self):
        """Delete drafts of a run at once, and go to the runs that there are.

        :raise UserError: when one was started: it can be undone.
        """
        self.check_access("unlink")
        for run in self:
            if run.state != "draft":
                raise UserError(run._get_wrong_state_message())
        self.unlink()
        return {
            **client_actions.records(
                self.env,
                "ar_balance_invoicing.ar_billing_run_action",
                self.env._("Billing Runs"),
                [],
            ),
            "target": "main",
        }
