from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import clean_context

from ..balance.account_move import BALANCE_GROUPS


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "ar.guarded"]

    billing_run_id = fields.Many2one(
        "ar.billing.run",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups=BALANCE_GROUPS,
    )
    billing_period_id = fields.Many2one(
        "ar.billing.period",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=BALANCE_GROUPS,
    )
    billing_profile_id = fields.Many2one(
        related="billing_period_id.profile_id", string="Billing Profile", groups=BALANCE_GROUPS
    )
    previous_balance = fields.Monetary(
        compute="_compute_previous_balance",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="What the account owed besides this invoice, in company currency: as it was "
        "when the invoice was confirmed, or as it is today for a draft.",
    )
    previous_balance_confirmed = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="The account balance at the moment before this invoice was confirmed.",
    )
    amount_due_account = fields.Monetary(
        string="Total Due",
        compute="_compute_previous_balance",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="Previous balance and this invoice, in company currency.",
    )

    # Exactly once, by the database: no two live invoices for the same customer, period
    # and currency, whoever makes them and however often. Deleting or cancelling one
    # frees the place.
    _ar_billed_once_idx = models.UniqueIndex(
        "(billing_period_id, commercial_partner_id, currency_id) "
        "WHERE billing_period_id IS NOT NULL AND state != 'cancel'",
        "This customer has an invoice for this billing period already. Delete or cancel "
        "that one first.",
    )

    # ------------------------------------------------------------------
    # Previous balance
    # ------------------------------------------------------------------

    @api.depends("account_balance", "previous_balance_confirmed", "amount_total_signed", "state")
    def _compute_previous_balance(self):
        for move in self:
            confirmed = move.state == "posted"
            previous = move.previous_balance_confirmed if confirmed else move.account_balance
            move.previous_balance = previous
            move.amount_due_account = previous + move.amount_total_signed

    def _post(self, soft=True):
        """Keep what each account owed before its invoices of a billing run count."""
        billed = self.filtered(lambda move: move.billing_period_id and move.state == "draft")
        previous = {move: move.account_balance for move in billed.sudo()}
        posted = super()._post(soft=soft)
        by_amount = defaultdict(self.browse)
        for move, amount in previous.items():
            by_amount[amount] |= move
        for amount, moves in by_amount.items():
            moves._inside()._ar_write_beside_accounting({"previous_balance_confirmed": amount})
        return posted

    def button_cancel(self):
        """A cancelled invoice charges no late fee: its overdue invoices are free again."""
        result = super().button_cancel()
        billed = self.sudo().filtered("billing_period_id")
        if billed:
            # Only then: who cancels other documents may have no right to late fees.
            self.env["ar.late.fee"].search([("fee_move_id", "in", billed.ids)])._unlink_inside()
        return result

    # ------------------------------------------------------------------
    # Actions on ticked invoices
    # ------------------------------------------------------------------

    def _check_billing_rights(self):
        if not self.env.user.has_group("account.group_account_invoice"):
            raise AccessError(self.env._("Only invoicing users may do this."))
        self.check_access("write")

    def action_mark_as_sent(self):
        """Confirm the drafts and mark all as sent, without any e-mail.

        An invoice that cannot be confirmed stays a draft and is named, with why; the
        others go on.

        :raise UserError: when none could be marked.
        """
        self._check_billing_rights()
        moves = self.filtered(lambda move: move.is_sale_document(include_receipts=True))
        failures = moves.filtered(lambda move: move.state == "draft")._confirm_one_and_all()
        sent = moves.filtered(lambda move: move.state == "posted")
        not_yet = sent.filtered(lambda move: not move.is_move_sent)
        not_yet._ar_write_beside_accounting({"is_move_sent": True})
        return self._notify_outcome(
            self.env._("%s invoices are confirmed and marked as sent.", len(sent)), failures
        )

    def _confirm_one_and_all(self):
        """Confirm all together; if that fails, each for itself.

        :return: ``[(invoice, reason)]`` of those that could not be confirmed.
        """
        if not self:
            return []
        try:
            with self.env.cr.savepoint():
                self._post(soft=False)
            return []
        except UserError:
            failures = []
        for move in self:
            try:
                with self.env.cr.savepoint():
                    move._post(soft=False)
            except UserError as error:
                failures.append((move, str(error.args[0])))
        return failures

    def _notify_outcome(self, text, failures):
        """A notification that stays until read if something failed."""
        lines = [f"{move.partner_id.display_name}: {reason}" for move, reason in failures[:20]]
        if len(failures) > len(lines):
            lines.append(self.env._("and %s more", len(failures) - len(lines)))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if failures else "success",
                "sticky": bool(failures),
                "title": text,
                "message": "\n".join(lines),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_regenerate(self):
        """Read prices, services, terms and fees of drafts of a billing run again.

        :raise UserError: when none of the invoices is a draft made by a billing run.
        """
        self._check_billing_rights()
        drafts = self.filtered(lambda move: move.billing_run_id and move.state == "draft")
        if not drafts:
            raise UserError(
                self.env._(
                    "Only drafts that a billing run made can be regenerated, and none of "
                    "these is one."
                )
            )
        # Defaults meant for a window must not end up on the lines made here.
        drafts = drafts.with_context(clean_context(self.env.context))
        for run, moves in drafts.grouped("billing_run_id").items():
            run._regenerate(moves)
        return self._notify_outcome(self.env._("%s drafts are regenerated.", len(drafts)), [])

    def _replace_billing_lines(self, vals_list):
        """Put newly prepared values (of ``ar.billing.run.line``) on drafts.

        All lines of all drafts go and come at once: core then balances them together.

        :param vals_list: one for each draft, in their order.
        """
        self.invoice_line_ids.unlink()
        self.env["account.move.line"].create(
            [
                {**line_vals, "move_id": move.id}
                for move, vals in zip(self, vals_list, strict=True)
                for _command, _id, line_vals in vals["invoice_line_ids"]
            ]
        )
        for name in ("journal_id", "invoice_payment_term_id"):
            by_value = defaultdict(self.browse)
            for move, vals in zip(self, vals_list, strict=True):
                if name in vals and move[name].id != vals[name]:
                    by_value[vals[name]] |= move
            for value, moves in by_value.items():
                moves.write({name: value})
