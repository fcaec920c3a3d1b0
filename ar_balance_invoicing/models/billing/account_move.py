from collections import defaultdict

from odoo import api, fields, models

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
    total_due_confirmed = fields.Json(
        readonly=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="What the account owed when this invoice was confirmed, with all that were "
        "confirmed together: see ar.total.due.",
    )
    amount_due_account = fields.Monetary(
        string="Total Due",
        compute="_compute_previous_balance",
        currency_field="company_currency_id",
        groups=BALANCE_GROUPS,
        help="What the account owes in company currency: as it was when the invoice was "
        "confirmed, with all that were confirmed together; of a draft, with this invoice.",
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

    @api.depends(
        "account_balance",
        "previous_balance_confirmed",
        "total_due_confirmed",
        "amount_total_signed",
        "state",
    )
    def _compute_previous_balance(self):
        for move in self:
            confirmed = move.state == "posted"
            previous = move.previous_balance_confirmed if confirmed else move.account_balance
            total = confirmed and move.total_due_confirmed
            move.previous_balance = previous
            move.amount_due_account = (
                total["total"] if total else previous + move.amount_total_signed
            )

    def _post(self, soft=True):
        """Keep what each account owes with all of its invoices that are posted together."""
        drafts = self.filtered(lambda move: move.state == "draft")
        posted = super()._post(soft=soft)
        drafts._ar_keep_total_due()
        return posted

    def _ar_keep_total_due(self):
        """Keep what accounts owe now, the same on all of these invoices that are posted.

        Those of billing runs keep it; it holds the others too.
        """
        together = self.sudo().filtered(
            lambda move: move.state == "posted" and move.is_sale_document(include_receipts=True)
        )
        if not (billed := together.filtered("billing_period_id")):
            return
        customers = billed.partner_id.commercial_partner_id
        totals = self.env["ar.total.due"]._get_totals(
            together.filtered(lambda move: move.partner_id.commercial_partner_id in customers)
        )
        # Accounts that owe the same are written together.
        for moves in billed.grouped(lambda move: str(totals[move])).values():
            total = totals[moves[0]]
            moves.sudo(self.env.su)._inside()._ar_write_beside_accounting(
                {"total_due_confirmed": total, "previous_balance_confirmed": total["total_before"]}
            )

    def _ar_get_account_block(self):
        """What is printed of the account: see ``ar.total.due``.

        :return: ``date``, and lists of (currency, amount): what was owed before, what other
            invoices add that were confirmed together with this one, and what is due.
        """
        self.ensure_one()
        self = self.sudo()
        totals = self.env["ar.total.due"]
        total = self.state == "posted" and self.total_due_confirmed
        if not total:
            total = self._ar_prepare_total_due()
        others = defaultdict(float)
        own = {str(self.currency_id.id): self.amount_total_in_currency_signed}
        for sign, amounts in ((1, total["due"]), (-1, total["before"]), (-1, own)):
            for currency_id, amount in amounts.items():
                others[self.env["res.currency"].browse(int(currency_id))] += sign * amount
        others = totals._to_json(others)
        return {
            "date": fields.Date.to_date(total["date"]),
            "before": totals._from_json(total["before"], self.currency_id),
            "others": totals._from_json(others, self.currency_id) if others else [],
            "due": totals._from_json(total["due"], self.currency_id),
        }

    def _ar_prepare_total_due(self):
        """What would be kept if this draft were confirmed now, alone.

        An invoice that was confirmed before totals were kept says what it did then.
        """
        totals, company = self.env["ar.total.due"], self.company_id.root_id
        if self.state == "posted":
            previous = self.previous_balance_confirmed
            balances = {self.company_currency_id: (previous, previous)}
        else:
            customer = self.partner_id.commercial_partner_id
            balances = totals._get_currency_balances(customer, company)[customer.id]
        own, owed = balances.get(self.currency_id, (0, 0))
        balances[self.currency_id] = (
            own + self.amount_total_in_currency_signed,
            owed + self.amount_total_signed,
        )
        return totals._prepare_total(company, balances, self)

    # ------------------------------------------------------------------
    # Charges
    # ------------------------------------------------------------------

    def button_cancel(self):
        """What a cancelled invoice charges can be invoiced again."""
        alive = self._ar_get_charging()
        result = super().button_cancel()
        alive._ar_free_charges()
        return result

    def button_draft(self):
        """A cancelled invoice that comes back charges again what it did."""
        cancelled = self - self._ar_get_charging()
        result = super().button_draft()
        cancelled._ar_get_charging()._ar_get_charges()._tell_invoiced()
        return result

    def unlink(self):
        """What a deleted draft charges can be invoiced again."""
        self._ar_get_charging()._ar_free_charges()
        return super().unlink()

    def _ar_get_charging(self):
        """Those that a billing run made and that are not cancelled, whoever asks."""
        made = self.sudo().filtered(lambda move: move.billing_run_id and move.state != "cancel")
        return made.sudo(self.env.su)

    def _ar_free_charges(self):
        """Tell the charge sources that what these invoices charge can be invoiced again."""
        self._ar_get_charges()._tell_freed()

    def _ar_get_charges(self):
        """The charges that these invoices were made of, as they were reviewed."""
        charges = self.env["ar.billing.charge"]
        if not self:
            # Who cancels other documents may have no right to charges.
            return charges
        # A line that found its customer billed by another run names that run's invoice.
        states = ("done", "undo", "undone")
        return charges.search(
            [("line_id.move_id", "in", self.ids), ("line_id.state", "in", states)]
        )

    # ------------------------------------------------------------------
    # Regenerating drafts
    # ------------------------------------------------------------------

    def action_regenerate(self):
        """Read prices, services, terms and fees of drafts of a billing run again.

        :raise UserError: when none of the invoices is a draft made by a billing run.
        """
        return self._ar_run_task("regenerate")

    @api.model
    def _ar_get_group_columns(self):
        columns = super()._ar_get_group_columns()
        columns.insert(columns.index("currency_id"), "billing_period_id")
        return columns

    def _ar_replace_billing_lines(self, vals_list):
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
