"""The accounting of a write-off line: what is checked, booked, matched and reversed."""

from markupsafe import Markup

from odoo import Command, fields, models

from ...tools.apportion import exact, within
from ...tools.write_off_shares import pair, plus


class ArWriteOffLine(models.Model):
    _inherit = "ar.write.off.line"

    # ------------------------------------------------------------------
    # Checks
    # ------------------------------------------------------------------

    def _lock_items(self):
        """Lock the open items until the transaction ends, and return those that are locked.

        What they owe is read anew: it may have been paid while they were free.
        """
        locked = self.item_ids.try_lock_for_update(allow_referencing=True)
        locked.invalidate_recordset(["amount_residual", "amount_residual_currency", "reconciled"])
        return locked

    def _prefetch_documents(self):
        """Read what all entries need at once, not document by document."""
        items = self.move_id.line_ids
        items |= self._prefetch_credit_notes(items)
        items.fetch(["tax_ids", "tax_tag_ids", "product_id"])
        items.tax_ids.repartition_line_ids.fetch(["tag_ids"])
        items.product_id.fetch(["categ_id"])

    def _get_problem(self, locked):
        """Why a line cannot be written off, a sentence for the bookkeeper; or False.

        :param locked: the open items that nobody else works on, see ``_lock_items``.
        """
        self.ensure_one()
        name = self.move_id.display_name
        if mismatch := self._get_mismatch():
            return mismatch
        if self.move_id.state != "posted":
            return self.env._("%s is not posted any more.", name)
        if self.item_ids - locked:
            return self.env._("Somebody else is working on %s at this moment. Retry.", name)
        residual = self._get_open_as_reviewed()
        if self._is_settled(residual):
            return self.env._("%s was settled meanwhile.", name) + self._get_settled_by()
        if self.currency_id.compare_amounts(residual, self.amount_residual):
            return self.env._(
                "%(document)s has changed since it was reviewed: %(now)s is open now, not "
                "%(then)s. Search again to review it.",
                document=name,
                now=self.currency_id.format(residual),
                then=self.currency_id.format(self.amount_residual),
            )
        if early := self._get_early_problem():
            return early
        if self.currency_id.is_zero(self.amount) and self.amount_residual:
            return self.env._("Nothing of %s is to be written off: the amount is zero.", name)
        if not self._get_journal().active:
            return self.env._("The journal %s is archived.", self._get_journal().display_name)
        return False

    def _is_settled(self, residual):
        """Nothing is open, in company currency neither."""
        company = sum(self.item_ids.mapped("amount_residual"))
        return self.currency_id.is_zero(residual) and self.company_currency_id.is_zero(company)

    def _get_settled_by(self):
        """Which other write-off took it, if it was one."""
        other = self.search(
            [("move_id", "=", self.move_id.id), ("state", "=", "done"), ("id", "!=", self.id)],
            limit=1,
        )
        return (
            " " + self.env._("Written off by %s.", other.document_id.display_name) if other else ""
        )

    # ------------------------------------------------------------------
    # The entry
    # ------------------------------------------------------------------

    def _get_journal(self):
        return self.document_id.journal_id

    def _prepare_entry(self):
        """Values of the journal entry, complete, so that core computes nothing.

        It credits each open item in the item's own account, partner and currency, at
        the rate it was booked with (no exchange difference arises), and debits the
        loss, the tax that is reclaimed, and what waits on cash-basis accounts.

        :return: the values, and pairs ``(open item, values of its counterpart)``: what is
            to be matched. A counterpart's values are those in ``line_ids``.
        :raise UserError: when an account is missing.
        """
        self.ensure_one()
        document = self.document_id
        taken = self._get_taken_back()
        label = self._get_label()
        settled = self._prepare_receivable_items(label)
        rest = self._get_sum(settled)
        accounts = self._get_document(*rest, taken)
        taxes = self._prepare_tax_items(accounts, label)
        rest = plus(rest, self._get_sum(taxes))
        losses = self._prepare_loss_items(accounts, rest, label)
        items = [item for _open, item in settled + taxes] + losses
        self._note_taken(taken, items)
        values = {
            "move_type": "entry",
            "journal_id": self._get_journal().id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "partner_id": self.partner_id.id,
            "fiscal_position_id": False,
            "date": document.date,
            "ref": label,
            "write_off_line_id": self.id,
            "line_ids": [Command.create(item) for item in items],
        }
        # Not all of an account together: core would match them crosswise, and cents of
        # different instalments would become exchange differences.
        return values, settled + [tax for tax in taxes if self._waits(tax[0])]

    def _get_sum(self, items):
        """What is left to be booked against the items, in either currency."""
        total = pair()
        for _open, item in items:
            amounts = exact(item["amount_currency"]), exact(item["balance"])
            total = plus(total, amounts, -1)
        return total

    def _get_label(self):
        document = self.document_id
        text = self.env._("Write-off %s", self.move_id.name or "")
        reason = document.reason_id.name
        return f"{text} ({reason})" if reason else text

    def _get_note(self):
        """What the document's chatter says."""
        return self.env._("Written off: %s", self._describe())

    def _get_undo_note(self):
        return self.env._("Write-off undone: %s", self._describe())

    def _describe(self):
        """Amount, reason, evidence and a link to the write-off."""
        amount = self.currency_id.format(self.amount)
        reason = self.document_id.reason_id.name
        what = f"{amount} ({reason})" if reason else amount
        if evidence := self.document_id.tax_evidence:
            what = f"{what}, {evidence}"
        return Markup("%s, %s") % (what, self.document_id._get_html_link())

    def _takes_all(self):
        """Whether nothing is left of what is open now, after credits were applied."""
        now = sum(self.item_ids.mapped("amount_residual_currency"))
        return not self.currency_id.compare_amounts(self.amount, now)

    def _split_over_items(self):
        """[(open item, part, part in company currency)], oldest first until used up."""
        left = exact(self.amount)
        whole = self._takes_all()
        sign = 1 if left >= 0 else -1
        parts = []
        # Of a credit the newest: the oldest pay debts, see ``_select_plan``.
        for item in self.item_ids.sorted(
            lambda item: (item.date_maturity or item.date, item.id), reverse=self.amount < 0
        ):
            residual = exact(item.amount_residual_currency)
            part = sign * min(abs(left), abs(residual))
            balance = exact(item.amount_residual)
            # With the last part also what is open in company currency only.
            company_only = whole and not residual and balance
            if part * residual < 0 or not (part or company_only):
                continue
            if part != residual:
                # At the rate the item was booked with, as core reckons a part when it
                # matches: anything else would leave a cent of exchange difference.
                natural = part * exact(item.balance) / exact(item.amount_currency)
                balance = within(self._round(1, natural), balance)
            left -= part
            parts.append((item, part, balance))
        return parts

    def _prepare_receivable_items(self, label):
        """``[(open item, values of its counterpart)]``, oldest first."""
        return [
            (
                item,
                {
                    "name": label,
                    "account_id": item.account_id.id,
                    "partner_id": item.partner_id.id,
                    "currency_id": item.currency_id.id,
                    "amount_currency": float(-part),
                    "balance": float(-balance),
                    "date_maturity": self.document_id.date,
                    "display_type": "product",
                    "analytic_distribution": False,
                    "tax_ids": [Command.clear()],
                },
            )
            for item, whole, whole_company in self._split_over_items()
            for part, balance in self._get_pieces(item, whole, whole_company)
        ]

    # ------------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------------

    def _get_undo_problem(self):
        self.ensure_one()
        if not self.entry_id:
            return self.env._("%s was never written off.", self.move_id.display_name)
        return False

    def _get_undo_date(self):
        """The chosen date; else the entry's own while its period is open, or the first open day."""
        if self.undo_date:
            return self.undo_date
        entry = self.entry_id
        has_tax = bool(entry.line_ids.filtered("tax_tag_ids"))
        violated = self.company_id._get_violated_lock_dates(entry.date, has_tax, entry.journal_id)
        if not violated:
            return entry.date
        first_open = fields.Date.add(max(lock[0] for lock in violated), days=1)
        return max(first_open, entry.date)

    def _prepare_reversal(self):
        """Values of the entry that takes the write-off back, item by item.

        :return: the values, and pairs ``(item of the entry, values of its reversal)`` of
            what is to be matched: both are settled by each other.
        """
        self.ensure_one()
        entry = self.entry_id
        label = self.env._("Undo: %s", entry.ref)
        items = [(item, self._prepare_reversed_item(item, label)) for item in entry.line_ids]
        values = {
            "move_type": "entry",
            "journal_id": entry.journal_id.id,
            "company_id": entry.company_id.id,
            "currency_id": entry.currency_id.id,
            "partner_id": entry.partner_id.id,
            "fiscal_position_id": False,
            "date": self._get_undo_date(),
            "ref": label,
            "reversed_entry_id": entry.id,
            "line_ids": [Command.create(reversed_item) for _item, reversed_item in items],
        }
        return values, [pair for pair in items if pair[0].account_id.reconcile]

    def _prepare_reversed_item(self, item, label):
        # A storno company takes back on the same side, in red, as core's reversals do.
        storno = {"is_storno": not item.is_storno} if item.company_id.account_storno else {}
        return storno | {
            "name": label,
            "account_id": item.account_id.id,
            "partner_id": item.partner_id.id,
            "currency_id": item.currency_id.id,
            "amount_currency": -item.amount_currency,
            "balance": -item.balance,
            "date_maturity": item.date_maturity,
            "display_type": item.display_type,
            "tax_ids": [Command.set(item.tax_ids.ids)],
            "tax_tag_ids": [Command.set(item.tax_tag_ids.ids)],
            "written_off_item_id": item.written_off_item_id.id,
            "tax_repartition_line_id": item.tax_repartition_line_id.id,
            "group_tax_id": item.group_tax_id.id,
            "analytic_distribution": item.analytic_distribution or False,
        }
