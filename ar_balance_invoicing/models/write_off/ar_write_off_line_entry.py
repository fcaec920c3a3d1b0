"""The accounting of a write-off line: what is checked, booked, matched and reversed."""

import json
from collections import defaultdict
from decimal import Decimal

from markupsafe import Markup

from odoo import Command, fields, models

from ...tools.apportion import apportion, exact, rounded


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
        items.fetch(["tax_ids", "product_id", "matched_debit_ids", "matched_credit_ids"])
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
        if self.currency_id.is_zero(residual):
            return self.env._("%s was settled meanwhile.", name) + self._get_settled_by()
        if self.currency_id.compare_amounts(residual, self.amount_residual):
            return self.env._(
                "%(document)s has changed since it was reviewed: %(now)s is open now, not "
                "%(then)s. Search again to review it.",
                document=name,
                now=self.currency_id.format(residual),
                then=self.currency_id.format(self.amount_residual),
            )
        if self.currency_id.is_zero(self.amount):
            return self.env._("Nothing of %s is to be written off: the amount is zero.", name)
        if not self._get_journal().active:
            return self.env._("The journal %s is archived.", self._get_journal().display_name)
        return False

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
        label = self._get_label()
        settled = self._prepare_receivable_items(label)
        amount = -sum(exact(item["amount_currency"]) for _item, item in settled)
        balance = -sum(exact(item["balance"]) for _item, item in settled)
        taxes = self._prepare_tax_items(amount, balance, label)
        losses = self._prepare_loss_items(
            amount - sum(exact(item["amount_currency"]) for _item, item in taxes),
            balance - sum(exact(item["balance"]) for _item, item in taxes),
            label,
        )
        items = [item for _open, item in settled + taxes] + losses
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
        return values, settled + [pair for pair in taxes if self._waits(pair[0])]

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
        """Amount, reason and a link to the write-off."""
        amount = self.currency_id.format(self.amount)
        reason = self.document_id.reason_id.name
        what = f"{amount} ({reason})" if reason else amount
        return Markup("%s, %s") % (what, self.document_id._get_html_link())

    def _split_over_items(self):
        """[(open item, part, part in company currency)], oldest first until used up."""
        left = exact(self.amount)
        sign = 1 if left >= 0 else -1
        parts = []
        # Of a credit the newest: the oldest pay debts, see ``_select_plan``.
        for item in self.item_ids.sorted(
            lambda item: (item.date_maturity or item.date, item.id), reverse=self.amount < 0
        ):
            residual = exact(item.amount_residual_currency)
            part = sign * min(abs(left), abs(residual))
            if not part or part * residual < 0:
                continue
            balance = exact(item.amount_residual)
            if part != residual:
                # At the rate the item was booked with, as core reckons a part when it
                # matches: anything else would leave a cent of exchange difference.
                balance = rounded(
                    part * exact(item.balance) / exact(item.amount_currency),
                    exact(self.company_currency_id.rounding),
                )
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
            for item, part, balance in self._split_over_items()
        ]

    def _prepare_loss_items(self, amount, balance, label):
        """What is lost: the rest, when tax has been taken back exactly.

        :param amount: in the line's currency, positive for a loss.
        :param balance: the same in company currency.
        """
        groups = self._get_loss_groups()
        weights = list(groups.values())
        amounts = apportion(amount, weights, exact(self.currency_id.rounding))
        if self.currency_id == self.company_currency_id:
            balances = amounts
        else:
            balances = apportion(balance, weights, exact(self.company_currency_id.rounding))
        items = []
        for (account, analytic, tax_ids), part, value in zip(
            groups, amounts, balances, strict=True
        ):
            if not part and not value:
                continue
            loss_taxes = self.env["account.tax"].browse(tax_ids)
            item = {
                "name": label,
                "account_id": account,
                "partner_id": self.partner_id.id,
                "currency_id": self.currency_id.id,
                "amount_currency": float(part),
                "balance": float(value),
                "display_type": "product",
                "tax_ids": [Command.set(tax_ids)],
                "tax_tag_ids": [Command.set(self._get_base_tags(loss_taxes).ids)],
            }
            if analytic:
                # Left out otherwise, so that core's distribution models apply.
                item["analytic_distribution"] = json.loads(analytic)
            items.append(item)
        return items

    def _get_loss_groups(self):
        """``{(account, analytic, taxes): weight}``: where the loss goes, and how much.

        In proportion to the invoice's own lines: each product category has its account,
        each line its analytic distribution; the reason's own wins over both.
        """
        document = self.document_id
        reason, company = document.reason_id, self.company_id
        credit = self.amount < 0
        groups = defaultdict(Decimal)
        reclaim = document._reclaims_tax()
        for item in self._get_invoice_items():
            category = item.product_id.categ_id
            account = reason._get_write_off_account(company, category, credit=credit)
            analytic = reason.analytic_distribution or item.analytic_distribution
            taxes = item.tax_ids.flatten_taxes_hierarchy() if reclaim else item.tax_ids.browse()
            taxes = taxes.filtered(lambda tax: not self._is_cash_basis(tax))
            weight = item.balance if reclaim else self._get_gross(item)
            key = (
                account.id,
                json.dumps(analytic, sort_keys=True) if analytic else "",
                tuple(taxes.ids),
            )
            groups[key] += exact(weight)
        groups = {key: weight for key, weight in groups.items() if weight}
        if not groups:
            account = reason._get_write_off_account(company, credit=credit)
            analytic = reason.analytic_distribution
            groups[account.id, json.dumps(analytic) if analytic else "", ()] = Decimal(1)
        return groups

    def _get_invoice_items(self):
        """The invoice's lines behind the receivable; none for payments and entries."""
        if not self.move_id.is_invoice(include_receipts=True):
            return self.env["account.move.line"]
        return self.move_id.line_ids.filtered(
            lambda item: item.display_type in ("product", "rounding", "epd")
        )

    def _get_gross(self, item):
        """A line's share of the receivable with its tax, in company currency."""
        net = item.price_subtotal
        if item.display_type != "product" or self.currency_id.is_zero(net):
            return item.balance
        return item.balance * item.price_total / net

    def _is_cash_basis(self, tax):
        return tax.tax_exigibility == "on_payment"

    def _get_base_tags(self, taxes):
        """Tags of the loss as the base of reclaimed taxes: those of the opposite document."""
        refund = self.move_id.move_type != "out_refund"
        return taxes.get_tax_tags(refund, "base")

    # ------------------------------------------------------------------
    # Tax
    # ------------------------------------------------------------------

    def _prepare_tax_items(self, amount, balance, label):
        """Tax items of the invoice, reversed in the share that is written off.

        Tax that falls due on payment is taken back from its transition account always,
        without tags: what was not collected is never declared. Tax that was declared
        with the invoice is reversed with the tags of a credit note, if the reason says
        so; the share is of the whole document, so part payments keep their tax.

        :return: ``[(tax item of the invoice, values of its counterpart)]``
        """
        return [
            (
                item,
                self._prepare_tax_item(item, label)
                | {"amount_currency": float(part), "balance": float(value)},
            )
            for item, part, value in self._split_over_taxes(amount, balance)
        ]

    def _split_over_taxes(self, amount, balance):
        """[(tax item of the invoice, part, part in company currency)] to take back."""
        reclaim = self.document_id._reclaims_tax()
        whole, whole_company = self._get_document_total()
        if not whole:
            return []
        parts = []
        for item in self.move_id.line_ids.filtered("tax_repartition_line_id"):
            if not reclaim and not self._is_cash_basis(item.tax_line_id):
                continue
            part, value = self._get_tax_share(item, amount / whole, balance / whole_company)
            if part or value:
                parts.append((item, part, value))
        return parts

    def _prepare_tax_item(self, item, label):
        values = {
            "name": label,
            "account_id": item.account_id.id,
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "display_type": "product",
            "tax_ids": [Command.clear()],
            "tax_tag_ids": [Command.clear()],
            "analytic_distribution": item.analytic_distribution or False,
        }
        if not self._is_cash_basis(item.tax_line_id):
            repartition = self._get_opposite_repartition(item.tax_repartition_line_id)
            values |= {
                "display_type": "tax",
                "tax_repartition_line_id": repartition.id,
                "group_tax_id": item.group_tax_id.id,
                "tax_tag_ids": [Command.set(repartition.tag_ids.ids)],
                "tax_ids": [Command.set(item.tax_ids.ids)],
            }
        return values

    def _get_tax_share(self, item, share, share_company):
        """Amounts of a tax item to take back, in the line's and in company currency."""
        part = -exact(item.amount_currency) * share
        value = -exact(item.balance) * share_company
        part = exact(self.currency_id.round(float(part)))
        value = exact(self.company_currency_id.round(float(value)))
        if not self._waits(item):
            return part, value
        rest = -exact(item.amount_residual_currency)
        now = sum(self.item_ids.mapped("amount_residual_currency"))
        all_of_it = not self.currency_id.compare_amounts(self.amount, now)
        if all_of_it or abs(part) >= abs(rest):
            # All that still waits, so that the account is left at exactly zero; never
            # more, though the parts of several write-offs were each rounded up.
            return rest, -exact(item.amount_residual)
        if item.amount_currency:
            # A part is matched: at the item's own rate, see ``_split_over_items``.
            rounding = exact(self.company_currency_id.rounding)
            value = rounded(part * exact(item.balance) / exact(item.amount_currency), rounding)
        return part, value

    def _waits(self, item):
        """Whether a tax item is matched, so that its account shows what is not yet due."""
        return self._is_cash_basis(item.tax_line_id) and item.account_id.reconcile

    def _get_document_total(self):
        """(in the line's currency, in company currency) of all receivable items."""
        items = self.move_id.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        return (
            exact(sum(items.mapped("amount_currency"))),
            exact(sum(items.mapped("balance"))),
        )

    def _get_opposite_repartition(self, repartition):
        """The refund's repartition line of an invoice's, and the other way round."""
        tax = repartition.tax_id
        invoice, refund = tax.invoice_repartition_line_ids, tax.refund_repartition_line_ids
        mine, other = (invoice, refund) if repartition in invoice else (refund, invoice)
        return other[mine.ids.index(repartition.id)]

    # ------------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------------

    def _get_undo_problem(self):
        self.ensure_one()
        if not self.entry_id:
            return self.env._("%s was never written off.", self.move_id.display_name)
        if self.reversal_id:
            return self.env._("%s was undone already.", self.move_id.display_name)
        return False

    def _get_undo_date(self):
        """The entry's own date while its period is open, else the first open day."""
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
        return {
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
            "tax_repartition_line_id": item.tax_repartition_line_id.id,
            "group_tax_id": item.group_tax_id.id,
            "analytic_distribution": item.analytic_distribution or False,
        }
