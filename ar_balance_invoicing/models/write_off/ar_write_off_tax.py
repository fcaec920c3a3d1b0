"""The tax of a write-off line: what of it is taken back, with which tags, how much at most."""

from collections import defaultdict
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.tools import SQL

from ...tools.apportion import exact, matchable, rounded, within
from ...tools.context_keys import TAKEN_BACK
from ...tools.write_off_shares import Document, pair, plus


class TakenBack(defaultdict):
    """``{id of an item: pair}`` of what was taken back of it, for all lines of a chunk."""


class ArWriteOffTax(models.AbstractModel):
    """What a write-off line takes back of its document's tax.

    What is taken back is reckoned from the beginning each time: the tax of all that was
    written off so far and is now, less what entries that still stand took back already.
    So the parts of a document add up to its tax, however many they are. What credit notes
    took back is no part of the document any more.

    Pairs of amounts are in the document's currency and in company currency; those of a
    claim are positive.
    """

    _name = "ar.write.off.tax"
    _description = "Tax of a Write-Off Line"

    tax_hint = fields.Char(
        string="Tax",
        compute="_compute_tax_hint",
        help="Why the tax is not asked back, though the reason says so.",
    )

    @api.depends("document_id.reason_id", "document_id.date", "item_ids")
    def _compute_tax_hint(self):
        for line in self:
            age, reason = line._get_tax_age(), line.document_id.reason_id
            line.tax_hint = line._is_too_young() and self.env._(
                "Tax stays in the loss: %(age)s days overdue, the reason “%(reason)s” asks for "
                "%(least)s.",
                age=max(age, 0),
                reason=reason.name,
                least=reason.tax_minimum_age,
            )

    def _reclaims_tax(self):
        """Whether declared tax is asked back: the reason says so, and the debt is old enough."""
        self.ensure_one()
        return self.document_id._reclaims_tax() and not self._is_too_young()

    def _is_too_young(self):
        document = self.document_id
        least = document.reason_id.tax_minimum_age
        return bool(document._reclaims_tax() and least and self._get_tax_age() < least)

    def _get_tax_age(self):
        """Days from when the last of the open items fell due to the day of the write-off."""
        due = [item.date_maturity or item.date for item in self.item_ids]
        day = self.document_id.date
        return (day - max(due)).days if due and day else 0

    # ------------------------------------------------------------------
    # The document, less what was credited
    # ------------------------------------------------------------------

    def _with_taken_back(self):
        """These lines, of which is read once what was taken back; it counts on as they go."""
        return self.with_context(**{TAKEN_BACK: self._get_taken_back()})

    def _get_taken_back(self):
        """``{id of an item of these documents: pair}``, of what write-offs took back of it.

        As the ledger has it: what was reversed or is no longer posted is not in it, nor what
        is no write-off, or takes none back: anybody may give an item of his that name.
        """
        known = self.env.context.get(TAKEN_BACK)
        if isinstance(known, TakenBack):
            return known
        taken = TakenBack(pair)
        reclaiming = self.filtered(lambda line: line._reclaims_tax())
        if not reclaiming:
            return taken
        names = ["written_off_item_id", "amount_currency", "balance", "parent_state", "move_id"]
        self.env["account.move.line"].flush_model(names)
        rows = self.env.execute_query(
            SQL(
                """
                SELECT origin.id, item.move_id, SUM(item.amount_currency), SUM(item.balance)
                  FROM account_move_line origin
                  JOIN account_move_line item ON item.written_off_item_id = origin.id
                 WHERE origin.move_id IN %s AND item.parent_state = 'posted'
              GROUP BY origin.id, item.move_id
                """,
                tuple(reclaiming.move_id.ids),
            )
        )
        entries = self.env["account.move"].browse({row[1] for row in rows})
        ours = set(self.env["ar.write.off.by.hand"]._get_ours(entries).ids)
        for item_id, entry_id, amount, balance in rows:
            if entry_id in ours:
                taken[item_id] = plus(taken[item_id], pair(exact(amount), exact(balance)))
        return taken

    def _get_document(self, amount, balance, taken):
        """What the line's document says, less what was credited; see ``Document``.

        :param amount: what is written off, in the line's currency; ``balance``: the same in
            company currency
        :param taken: see ``_get_taken_back``; what is prepared of the line is added later
        """
        reclaim = self._reclaims_tax()
        notes = self._get_credit_notes()
        groups, firsts, credited = self._get_loss_groups(notes, reclaim)
        taxes, credited_tax = self._get_net_taxes(notes)
        mine, before = self._get_taken_of_document(taken) if reclaim else ({}, pair())
        return Document(
            reclaim=reclaim,
            whole=plus(self._get_document_total(), plus(credited, credited_tax), -1),
            now=pair(amount, balance),
            groups=groups,
            firsts=firsts,
            taxes=taxes,
            taken=mine,
            before=before,
        )

    def _get_taken_of_document(self, taken):
        """``{tax item, or kind of a loss: pair}`` of what was taken back, and their sum."""
        mine, before = defaultdict(pair), pair()
        for item in self.move_id.line_ids:
            if item.id in taken:
                what = item if item.tax_repartition_line_id else self._get_kind(item)
                mine[what] = plus(mine[what], taken[item.id])
                before = plus(before, taken[item.id])
        return mine, before

    def _note_taken(self, taken, items):
        """Count what is prepared here, for another line of the same document."""
        for item in items:
            if origin := item.get("written_off_item_id"):
                amounts = exact(item["amount_currency"]), exact(item["balance"])
                taken[origin] = plus(taken[origin], amounts)

    def _get_document_total(self):
        """Pair: all receivable items."""
        items = self._get_receivables(self.move_id)
        return pair(
            exact(sum(items.mapped("amount_currency"))), exact(sum(items.mapped("balance")))
        )

    def _get_receivables(self, move):
        return move.line_ids.filtered(lambda item: item.account_type == "asset_receivable")

    def _get_credit_notes(self):
        """``{credit note: its share}`` of what took back a part of an invoice.

        The share that is matched with the invoice; and of one made of this invoice, what is
        still open, for it has lowered the declared tax already.
        """
        move = self.move_id
        if move.move_type not in ("out_invoice", "out_receipt"):
            return {}
        amounts = defaultdict(Decimal)
        for partial in self._get_receivables(move).matched_credit_ids:
            amounts[partial.credit_move_id.move_id] += exact(partial.credit_amount_currency)
        for note in move.reversal_move_ids:
            open_items = self._get_receivables(note)
            amounts[note] -= exact(sum(open_items.mapped("amount_residual_currency")))
        shares = {}
        for note, amount in amounts.items():
            if note.move_type == "out_refund" and note.state == "posted":
                items = self._get_receivables(note)
                total = -exact(sum(items.mapped("amount_currency")))
                if total > 0 < amount:
                    shares[note] = min(amount / total, Decimal(1))
        return shares

    def _prefetch_credit_notes(self, items):
        """Items of what may have taken back a part of these documents, read at once."""
        items.fetch(["matched_debit_ids", "matched_credit_ids"])
        items.matched_credit_ids.fetch(["credit_move_id", "credit_amount_currency"])
        others = items.matched_credit_ids.credit_move_id
        others.fetch(["move_id"])
        moves = others.move_id | self.move_id.reversal_move_ids
        moves.fetch(["move_type", "state"])
        lines = moves.filtered(lambda move: move.move_type == "out_refund").line_ids
        # All their plain fields: later they are read note by note.
        lines.mapped("balance")
        return lines

    def _get_net_taxes(self, notes):
        """``{tax item: pair}`` of the document, and the pair that credit notes took back."""
        taxes = {item: self._get_amounts(item) for item in self._get_tax_items(self.move_id)}
        credited = pair()
        for note, share in notes.items():
            for item in self._get_tax_items(note):
                left = self._get_amounts(item, share)
                left = [-self._round(n, left[n]) for n in (0, 1)]
                opposite = self._get_opposite_repartition(item.tax_repartition_line_id)
                for own in taxes:
                    if own.tax_repartition_line_id == opposite:
                        took = [within(left[n], taxes[own][n]) for n in (0, 1)]
                        taxes[own] = plus(taxes[own], took, -1)
                        left = plus(left, took, -1)
                        credited = plus(credited, took)
        return taxes, credited

    def _get_tax_items(self, move):
        return move.line_ids.filtered("tax_repartition_line_id")

    def _get_amounts(self, item, share=1):
        """Pair of an item of the document or of its credit note; a claim is positive.

        A credit note in another currency counts at the document's rate.
        """
        balance = -exact(item.balance) * share
        if item.currency_id == self.currency_id:
            return pair(-exact(item.amount_currency) * share, balance)
        total = self._get_document_total()
        return pair(balance * total[0] / total[1] if total[1] else Decimal(0), balance)

    def _get_units(self):
        """What amounts are rounded to, in the line's and in company currency."""
        return exact(self.currency_id.rounding), exact(self.company_currency_id.rounding)

    def _round(self, n, amount):
        return rounded(amount, self._get_units()[n])

    # ------------------------------------------------------------------
    # Tax items
    # ------------------------------------------------------------------

    def _prepare_tax_items(self, document, label):
        """Tax items of the invoice, reversed in the share that is written off.

        Tax that falls due on payment is taken back from its transition account always,
        without tags: what was not collected is never declared. Tax that was declared
        with the invoice is reversed with the tags of a credit note, or with those of its
        bad-debt tax, if the reason says so; the share is of the whole document, so part
        payments keep their tax.

        :return: ``[(tax item of the invoice, values of its counterpart)]``
        """
        items = []
        for item in document.taxes:
            for part, value in self._get_tax_parts(item, document):
                if part or value:
                    amounts = {"amount_currency": float(part), "balance": float(value)}
                    items.append((item, self._prepare_tax_item(item, document, label) | amounts))
        return items

    def _get_tax_parts(self, item, document):
        """Pairs of what is taken back of a tax item, a debit for a claim."""
        if not self._is_cash_basis(item.tax_line_id):
            return [document.get_tax(item, self._round)] if document.reclaim else []
        share = [self._round(n, document.taxes[item][n] * document.get_share(n)) for n in (0, 1)]
        if not self._waits(item):
            return [share]
        return self._get_pieces(item, *self._limit_to_waiting(item, *share))

    def _limit_to_waiting(self, item, part, value):
        """Of tax that waits: never more than still does, and all of it with the last part."""
        rest = pair(-exact(item.amount_residual_currency), -exact(item.amount_residual))
        all_of_it = self._takes_all()
        if all_of_it or abs(part) >= abs(rest[0]):
            # So that the account is left at exactly zero, though the parts of several
            # write-offs were each rounded up.
            return rest
        if item.amount_currency:
            # A part is matched: at the item's own rate, see ``_split_over_items``.
            rate = exact(item.balance) / exact(item.amount_currency)
            value = within(self._round(1, part * rate), rest[1])
        return part, value

    def _get_pieces(self, item, part, value):
        """Pairs that Odoo matches one by one with an open item, and clears it exactly.

        Mostly one. Where rounding has left another company amount than the item's rate
        says, Odoo would book an exchange difference that nobody made: what goes beyond
        the rate is matched first, for itself.
        """
        if item.currency_id == item.company_currency_id or not part or not value:
            return [(part, value)]
        rate = exact(item.balance) / exact(item.amount_currency)
        near = matchable(abs(part), abs(value), rate, self._get_units()).copy_sign(value)
        return [pair for pair in ((Decimal(0), value - near), (part, near)) if any(pair)]

    def _waits(self, item):
        """Whether a tax item is matched, so that its account shows what is not yet due."""
        return self._is_cash_basis(item.tax_line_id) and item.account_id.reconcile

    def _is_cash_basis(self, tax):
        return tax.tax_exigibility == "on_payment"

    def _prepare_tax_item(self, item, document, label):
        taxes = self._get_declared_taxes(item) if document.reclaim else item.tax_ids.browse()
        values = {
            "name": label,
            "account_id": item.account_id.id,
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "display_type": "product",
            "tax_ids": [Command.set(self._map_taxes(taxes).ids)],
            "tax_tag_ids": [Command.set(self._get_tags(item, taxes).ids if taxes else [])],
            "analytic_distribution": item.analytic_distribution or False,
            "written_off_item_id": item.id if document.reclaim else False,
        }
        if not self._is_cash_basis(item.tax_line_id):
            repartition = self._get_opposite_repartition(item.tax_repartition_line_id, mapped=True)
            same_tax = repartition.tax_id == item.tax_line_id
            values |= {
                "name": self._get_tax_label(label),
                "account_id": (repartition.account_id or item.account_id).id,
                "display_type": "tax",
                "tax_repartition_line_id": repartition.id,
                "group_tax_id": item.group_tax_id.id if same_tax else False,
                "tax_tag_ids": [Command.set(self._get_tags(item, taxes, repartition).ids)],
            }
        return values

    def _get_tax_label(self, label):
        """With what is shown to the tax office, on one line."""
        evidence = " ".join((self.document_id.tax_evidence or "").split())
        return f"{label}: {evidence[:200]}" if evidence else label

    # ------------------------------------------------------------------
    # Taxes and tags
    # ------------------------------------------------------------------

    def _get_declared_taxes(self, item):
        """The taxes of which an item is a base, but those that fall due on payment."""
        taxes = item.tax_ids.flatten_taxes_hierarchy()
        return taxes.filtered(lambda tax: not self._is_cash_basis(tax))

    def _map_taxes(self, taxes):
        """The bad-debt taxes that the reason names for these, else these themselves."""
        mapping = self.document_id.reason_id._get_bad_debt_taxes()
        return taxes.browse().union(*(mapping.get(tax, tax) for tax in taxes))

    def _get_tags(self, item, taxes, repartition=None):
        """Tags of what takes an item back: as base of the taxes, and as tax.

        Those that a product gives to its items stay.
        """
        tags = item.tax_tag_ids.filtered(lambda tag: tag.applicability == "products")
        for tax in self._map_taxes(taxes):
            tags |= tax.get_tax_tags(self._books_refund(tax), "base")
        return tags | repartition.tag_ids if repartition else tags

    def _books_refund(self, tax):
        """Whether a tax is booked as its credit note does: as Odoo has it for an entry.

        A sale tax is lowered by its credit note, a purchase tax (boxes for tax that is asked
        back are often its) by its bill. It is the other way round for a credit.
        """
        return self._is_claim() != (tax.type_tax_use == "purchase")

    def _is_claim(self):
        """A debt of the customer, not of ours."""
        if self.move_id.is_invoice(include_receipts=True):
            return self.move_id.move_type != "out_refund"
        return self._get_document_total()[1] >= 0

    def _get_opposite_repartition(self, repartition, mapped=False):
        """The refund's repartition line of an invoice's, and the other way round.

        :param mapped: that of the bad-debt tax, if the reason names one.
        """
        tax = repartition.tax_id
        invoice, refund = tax.invoice_repartition_line_ids, tax.refund_repartition_line_ids
        mine, other = (invoice, refund) if repartition in invoice else (refund, invoice)
        target = self._map_taxes(tax) if mapped else tax
        if target != tax:
            refund = self._books_refund(target)
            other = target[f"{'refund' if refund else 'invoice'}_repartition_line_ids"]
        return other[mine.ids.index(repartition.id)]
