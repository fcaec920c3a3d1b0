from collections import defaultdict
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, plaintext2html

from ..balance.account_move import BALANCE_GROUPS

# What a regenerated draft is given of its header, if it differs.
HEADER = (
    *("partner_id", "partner_shipping_id", "journal_id"),
    *("fiscal_position_id", "invoice_payment_term_id"),
)


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

    billing_place_ids = fields.One2many(
        "ar.billing.place", "move_id", readonly=True, groups=BALANCE_GROUPS
    )

    # Finds what a period bills some customers, as they are related today.
    _ar_billed_idx = models.Index(
        "(billing_period_id, commercial_partner_id) WHERE billing_period_id IS NOT NULL"
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
        """Keep what each account owes with all of its invoices that are posted together.

        :raise UserError: when one gives back days that nobody bills any more.
        """
        drafts = self.filtered(lambda move: move.state == "draft")
        if billed := drafts.sudo().filtered("billing_run_id"):
            self.env["ar.billed.days"].sudo()._check_credits(billed)
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
        if not (billed := together.filtered("billing_run_id")):
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
    # Balance class
    # ------------------------------------------------------------------

    def _ar_get_balance_class(self):
        """An open credit note that a run made is a credit, whatever the account owes."""
        # Which run made it is asked of credit notes only: that is a query of its own.
        open_ = self.move_type == "out_refund" and self.state != "cancel" and self.invoice_balance
        return "credit" if open_ and self.billing_period_id else super()._ar_get_balance_class()

    def _ar_balance_class_to_sql(self, alias, query):
        column = partial(self._field_to_sql, alias, query=query)
        return SQL(
            """CASE
                WHEN %s = 'out_refund' AND %s IS NOT NULL AND %s != 'cancel' AND %s != 0
                THEN 'credit' ELSE %s
            END""",
            column("move_type"),
            column("billing_period_id"),
            column("state"),
            column("invoice_balance"),
            super()._ar_balance_class_to_sql(alias, query),
        )

    # ------------------------------------------------------------------
    # Charges
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """An invoice of a billing run takes its place in the period first, whoever makes it."""
        billed = [
            number
            for number, vals in enumerate(vals_list)
            if isinstance(vals, dict)
            and (vals.get("billing_run_id") or vals.get("billing_period_id"))
        ]
        if not billed:
            return super().create(vals_list)
        self._check_creates(vals_list)
        places = self.env["ar.billing.place"]._take([vals_list[number] for number in billed])
        moves = super().create(vals_list)
        places._give([moves[number] for number in billed])
        return moves

    def write(self, vals):
        """Whatever cancels, credits or brings back an invoice, its place and days follow."""
        result = super().write(vals)
        if "state" in vals:
            self._ar_follow_state()
        return result

    def unlink(self):
        """What a deleted draft charges can be invoiced again, by who waited for its place first."""
        places = self._ar_get_places(live=True)
        places.move_id.sudo(self.env.su)._ar_free_charges()
        self._ar_tell_runs_deleted()
        waiting = places._get_waiting()
        result = super().unlink()
        for place in waiting:
            place._take_again(self.browse())
        return result

    def _ar_tell_runs_deleted(self):
        """Say on the lines of billing runs that these drafts are deleted: billed no more.

        What a run takes back itself it marks itself.
        """
        lines = self.env["ar.billing.run.line"].sudo()
        lines = lines.search([("move_id", "in", self.ids), ("state", "=", "done")])
        if lines:
            reason = self.env._("Deleted meanwhile.")
            lines._write_inside({"state": "undone", "reason": reason})

    def action_switch_move_type(self):
        """What bills days of services does not give them back instead, nor the other way round.

        :raise UserError: with the invoice.
        """
        days = self.env["ar.billed.days"].sudo()
        for move in self.filtered(lambda move: move.amount_total >= 0):
            domain = [("move_line_id", "in", move.line_ids.ids)]
            if days.search_count(["|", *domain, ("credit_line_id", "in", move.line_ids.ids)]):
                raise UserError(
                    self.env._(
                        "%s bills days of services: it cannot become the opposite. Delete it, or "
                        "confirm and reverse it.",
                        move.display_name,
                    )
                )
        return super().action_switch_move_type()

    def _ar_get_places(self, live):
        """Places in billing periods of these invoices, whoever asks.

        :param live: whether they bill the period, or once did.
        """
        billed = self.sudo().filtered("billing_run_id")
        # Of none, nothing is asked.
        domain = [("move_id", "in", billed.ids), ("live", "=", live)]
        return self.env["ar.billing.place"].sudo().search(domain)

    def _ar_follow_state(self):
        """Free the places and days of invoices that bill nothing any more; take them again.

        :raise UserError: when a cancelled invoice comes back whose place or days somebody
            else has taken.
        """
        moves = self | self.sudo().reversed_entry_id.sudo(self.env.su)
        taken, free = moves._ar_get_places(live=True), moves._ar_get_places(live=False)
        if taken or free:
            (taken | free)._follow_invoices(self)

    def _ar_get_credited(self):
        """Those of these invoices that posted credit notes have credited to their total."""
        reversals = self.search([("reversed_entry_id", "in", self.ids), ("state", "=", "posted")])
        credited = self.browse()
        for move, notes in reversals.grouped("reversed_entry_id").items():
            total = sum(
                notes.filtered(lambda note, move=move: note.currency_id == move.currency_id).mapped(
                    "amount_total"
                )
            )
            if move.currency_id.compare_amounts(total, move.amount_total) >= 0:
                credited |= move
        return credited

    def _ar_get_taken_message(self, other):
        """:param other: who bills it meanwhile; none: the days were given away."""
        if not other:
            return self.env._(
                "%s cannot bill its days again: some are given away or billed otherwise "
                "meanwhile. Look at the days on the service.",
                self.display_name,
            )
        return self.env._(
            "%(invoice)s cannot bill its period again: %(other)s has billed the customer "
            "meanwhile. Delete or cancel that one first.",
            invoice=self.display_name,
            other=other.display_name,
        )

    def _ar_flag_taken(self, other):
        """Tell somebody that an invoice asks for what another one bills as well."""
        note = self.env._(
            "%(invoice)s bills the same period or days as %(other)s. Credit one of the two.",
            invoice=self.display_name,
            other=other.display_name or self.env._("what was given away"),
        )
        self._ar_flag(self.env._("Billed twice"), note)

    def _ar_flag_credit(self, other):
        """Tell somebody that an invoice gives back what nobody bills any more."""
        note = self.env._(
            "%(invoice)s gives back days of %(other)s, which is cancelled or credited itself. "
            "While it is a draft, regenerate it; else bill what it gives back too much.",
            invoice=self.display_name,
            other=other.display_name,
        )
        self._ar_flag(self.env._("Given back twice"), note)

    def _ar_flag(self, summary, note):
        self.sudo().activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=plaintext2html(note),
            user_id=(self.invoice_user_id or self.env.user).id,
        )

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

    def _ar_replace_billing_lines(self, vals_list, items):
        """Put newly prepared values (of ``ar.billing.run.line``) on drafts.

        All lines of all drafts go and come at once: core then balances them together.

        :param vals_list: one for each draft, in their order.
        :param items: those lines that a run made, which are replaced; others stay.
        :return: the new lines, those of one draft after those of another.
        """
        items.unlink()
        self._ar_turn_into([vals["move_type"] for vals in vals_list])
        terms = {move: move.narration for move in self}
        self._ar_write_header(vals_list)
        for run, moves in self.grouped("billing_run_id").items():
            # Who is written to in another language has other terms, without the run's note.
            run._add_note(moves.filtered(lambda move: move.narration != terms[move]))
        return self.env["account.move.line"].create(
            [
                {**line_vals, "move_id": move.id}
                for move, vals in zip(self, vals_list, strict=True)
                for _command, _id, line_vals in vals["invoice_line_ids"]
            ]
        )

    def _ar_write_header(self, vals_list):
        """Write what differs: contact, journal, fiscal position, terms; core says the rest."""
        by_values = defaultdict(self.browse)
        for move, vals in zip(self, vals_list, strict=True):
            changed = {name: vals[name] for name in HEADER if move[name].id != vals[name]}
            by_values[tuple(changed.items())] |= move
        for values, moves in by_values.items():
            if values:
                moves.write(dict(values))
        # What core takes from the contact, who may be the same with other settings.
        for name in ("preferred_payment_method_line_id", "partner_bank_id"):
            self.env.add_to_compute(self._fields[name], self)

    def _ar_turn_into(self, move_types):
        """Make credit notes of drafts of invoices, or the other way round, as core does.

        What was added by hand keeps its meaning: its signs turn.

        :param move_types: what each is to be, in their order.
        :raise UserError: when one has been confirmed before: core keeps its kind then.
        """
        turned = defaultdict(self.browse)
        for move, move_type in zip(self, move_types, strict=True):
            if move.move_type != move_type:
                turned[move_type, move.currency_id, move.fiscal_position_id] |= move
        for (move_type, currency, position), moves in turned.items():
            moves._ar_check_turnable()
            moves.name = False
            moves.write(
                {
                    "move_type": move_type,
                    "currency_id": currency.id,
                    "fiscal_position_id": position.id,
                }
            )
            typed = moves.invoice_line_ids.filtered(lambda line: line.display_type == "product")
            for quantity, lines in typed.grouped("quantity").items():
                lines.write({"quantity": -quantity})

    def _ar_check_turnable(self):
        for move in self.filtered("posted_before"):
            raise UserError(
                self.env._(
                    "%(invoice)s of %(customer)s was confirmed before, and what it charges by "
                    "now has the other sign: an invoice would have to become a credit note, or "
                    "the other way round. Cancel it, then create the invoices of its period "
                    "again.",
                    invoice=move.display_name,
                    customer=move.partner_id.display_name,
                )
            )
