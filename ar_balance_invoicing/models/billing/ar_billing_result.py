from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools import client_actions


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
        billed = lines.filtered(lambda line: line.state in ("todo", "done", "undo"))
        columns = [
            "partner_id",
            "currency_id",
            "amount_charge",
            "amount_total",
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
