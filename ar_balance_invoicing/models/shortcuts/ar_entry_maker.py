"""Entries of our own documents: made, posted, matched, and then read back."""

from collections import Counter, defaultdict

from odoo import api, models
from odoo.tools import SQL

from ...tools.apportion import exact
from ...tools.context_keys import APART, MATCHED_APART
from .ar_shortcuts import Differs


class ArEntryMaker(models.AbstractModel):
    """Make many entries from complete values, match them, and look at the outcome.

    Where the shortcuts may not be taken (see ``ar.shortcuts``), core does it its own way.
    Two things are rules and no shortcuts, so they hold in both ways: no tax falls due by a
    matching, for no money came in; and posting an exchange entry of a matching does not
    delete the matching.
    """

    _name = "ar.entry.maker"
    _description = "Entry Maker"

    @api.model
    def _create_entries(self, vals_list, matched_apart=False):
        """Posted entries of the values, in their order; they have no note of their creation.

        :param matched_apart: reversals that core need not match with what they reverse.
        """
        reason = self.env["ar.shortcuts"]._get_reason_for_core("entries")
        moves = self.env["account.move"].with_context(tracking_disable=True)
        if matched_apart:
            moves = moves.with_context(**{MATCHED_APART: APART})
        if reason:
            self.env["ar.shortcuts"]._log_left("entries", {reason: len(vals_list)})
            entries = self._create_by_core(moves, vals_list)
        else:
            moves = moves.with_context(skip_invoice_sync=True)
            entries = self._create_complete(moves, vals_list)
        entries._ar_numbered_together()._post(soft=False)
        return entries

    def _create_by_core(self, moves, vals_list):
        """Create entries as core does; but it gives a balance of its own to a foreign amount
        that is worth nothing in company currency, so these are created as given, too.
        """
        as_given = moves.with_context(skip_invoice_sync=True)
        made = {}
        for maker, worthless in ((moves, False), (as_given, True)):
            numbers = [
                number
                for number, vals in enumerate(vals_list)
                if self._has_worthless_item(vals) is worthless
            ]
            created = maker._inside().create([vals_list[number] for number in numbers])
            made.update(zip(numbers, created.ids, strict=True))
        return moves.browse([made[number] for number in sorted(made)])

    @api.model
    def _has_worthless_item(self, vals):
        return any(
            bool(item["amount_currency"]) and not item["balance"]
            for _command, _id, item in vals["line_ids"]
        )

    def _create_complete(self, moves, vals_list):
        """Create entries of which core need compute nothing."""
        if not self.env["ar.invoice.maker"]._has_analytic_models():
            # Else core looks for one that applies, item by item.
            for vals in vals_list:
                for _command, _id, item in vals["line_ids"]:
                    item.setdefault("analytic_distribution", False)
        # Drafts have no analytic items to bring up to date; posting makes them.
        quickly = moves._inside().with_context(skip_analytic_sync=True)
        return moves.browse(quickly.create(vals_list).ids)

    # ------------------------------------------------------------------
    # Matching
    # ------------------------------------------------------------------

    @api.model
    def _match(self, plan):
        """Match journal items, group by group."""
        items = self.env["account.move.line"].with_context(no_cash_basis=True, add_caba_vals=True)
        reason = self.env["ar.shortcuts"]._get_reason_for_core("matching")
        if reason:
            self.env["ar.shortcuts"]._log_left("matchings", {reason: len(plan)})
            for group in plan:
                items.browse(group.ids).reconcile()
            return
        # Matching changes no line of an entry; an exchange entry is made complete.
        items = items.with_context(skip_invoice_sync=True)
        items._reconcile_plan([items.browse(group.ids) for group in plan])

    @api.model
    def _unmatch(self, entries):
        """Take all matchings of the entries away; that changes no line of an entry."""
        items = entries.line_ids.filtered(
            lambda item: item.matched_debit_ids or item.matched_credit_ids
        )
        if self.env["ar.shortcuts"]._get_reason_for_core("matching"):
            items.remove_move_reconcile()
            return
        others = items.matched_debit_ids.debit_move_id | items.matched_credit_ids.credit_move_id
        # Core reads these matching by matching.
        (items | others).move_id.fetch(["matched_payment_ids"])
        items.with_context(skip_invoice_sync=True).remove_move_reconcile()
        # Now, for what is tracked: entries are made without.
        others.move_id.mapped("payment_state")

    @api.model
    def _pair(self, entries, prepared):
        """``[(open item, its counterpart)]``, as decided when the entries were prepared.

        A counterpart is found by what it is (account, customer, amounts), not by its place;
        where two are the same, either will do.

        :param prepared: of each entry its values, and pairs of open items and of the values
            of their counterparts.
        :raise Differs: when an entry has no such item.
        """
        entries.line_ids.fetch(["account_id", "partner_id", "currency_id", "amount_currency"])
        pairs = []
        for entry, (_values, wanted) in zip(entries, prepared, strict=True):
            made = defaultdict(list)
            for item in entry.line_ids.sorted("id"):
                made[self._get_key(item)].append(item)
            for item, values in wanted:
                counterparts = made[self._get_key_of_values(values)]
                if not counterparts:
                    raise self._get_entry_differs(entry)
                pairs.append((item, counterparts.pop(0)))
        return pairs

    def _get_key(self, item):
        return (
            item.account_id.id,
            item.partner_id.id or None,
            item.currency_id.id,
            exact(item.amount_currency),
            exact(item.balance),
            item.tax_repartition_line_id.id or None,
        )

    def _get_key_of_values(self, values):
        return (
            values["account_id"],
            values["partner_id"] or None,
            values["currency_id"],
            exact(values["amount_currency"]),
            exact(values["balance"]),
            values.get("tax_repartition_line_id") or None,
        )

    # ------------------------------------------------------------------
    # What must be afterwards
    # ------------------------------------------------------------------

    @api.model
    def _get_open_amounts(self, items):
        """``{id: [open in the item's currency, in company currency]}``"""
        return {
            item.id: [exact(item.amount_residual_currency), exact(item.amount_residual)]
            for item in items
        }

    @api.model
    def _get_amounts_after_matching(self, pairs):
        """As ``_get_open_amounts``, once each item is matched with its counterpart."""
        amounts = self._get_open_amounts([item for item, _counterpart in pairs])
        for item, counterpart in pairs:
            amounts[item.id][0] += exact(counterpart.amount_currency)
            amounts[item.id][1] += exact(counterpart.balance)
            amounts[counterpart.id] = [0, 0]
        return amounts

    @api.model
    def _get_amounts_without(self, entries):
        """As ``_get_open_amounts``, of what is matched with the entries, once it is not.

        Matchings of an exchange entry, which goes away with the matching that it came
        from, are taken off too.
        """
        items = entries.line_ids
        partials = items.matched_debit_ids | items.matched_credit_ids
        exchanged = partials.exchange_move_id.line_ids
        partials |= exchanged.matched_debit_ids | exchanged.matched_credit_ids
        others = (partials.debit_move_id | partials.credit_move_id) - items - exchanged
        amounts = self._get_open_amounts(others)
        for partial in partials:
            for item, amount, sign in (
                (partial.debit_move_id, partial.debit_amount_currency, 1),
                (partial.credit_move_id, partial.credit_amount_currency, -1),
            ):
                if item.id in amounts:
                    amounts[item.id][0] += sign * exact(amount)
                    amounts[item.id][1] += sign * exact(partial.amount)
        return amounts

    @api.model
    def _check_books(self, entries, vals_list, amounts):
        """Ask the database whether it says what was meant; one query.

        :param amounts: what items must owe, see ``_get_open_amounts``.
        :raise Differs: when an item of an entry is not as given, is missing or too many;
            an entry is not posted; or an item does not owe what it should.
        """
        made = defaultdict(Counter)
        found = set()
        for item_id, move_id, state, key, now in self._read_books(entries, amounts):
            made[move_id][key if state == "posted" else None] += 1
            if item_id in amounts:
                found.add(item_id)
                if now != amounts[item_id]:
                    raise self._get_amount_differs(item_id, now, amounts[item_id])
        for entry, vals in zip(entries, vals_list, strict=True):
            meant = Counter(self._get_key_of_values(line) for _, _, line in vals["line_ids"])
            if made[entry.id] != meant:
                raise self._get_entry_differs(entry)
        if found != set(amounts):
            raise self._get_entry_differs(entries[:1])

    def _read_books(self, entries, item_ids):
        """(id, entry, state, key, [open in currency, in company currency]) of journal items.

        Of all items of the entries, and of others.
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, move_id, parent_state, account_id, partner_id, currency_id,
                       amount_currency, balance, tax_repartition_line_id,
                       amount_residual_currency, amount_residual
                  FROM account_move_line
                 WHERE move_id IN %s OR id IN %s
                """,
                tuple(entries.ids),
                tuple(item_ids) or (0,),
            )
        )
        for item_id, move_id, state, *what, amount, balance, repartition, open_, company in rows:
            key = (*what, exact(amount), exact(balance), repartition)
            yield item_id, move_id, state, key, [exact(open_ or 0), exact(company or 0)]

    def _get_entry_differs(self, entry):
        return Differs(
            self.env._(
                "“%s” would not be booked as it was prepared: something in this database (an "
                "addon, an automation) changes such entries. So nothing was booked. Ask an "
                "administrator to find out what it is.",
                entry.ref,
            )
        )

    def _get_amount_differs(self, item_id, now, meant):
        item = self.env["account.move.line"].browse(item_id)
        if now[0] != meant[0]:
            now, meant, currency = now[0], meant[0], item.currency_id
        else:
            now, meant, currency = now[1], meant[1], item.company_currency_id
        return Differs(
            self.env._(
                "%(document)s: %(now)s would be open afterwards, and not %(meant)s. So nothing "
                "was booked. Ask an administrator whether something in this database (an addon, "
                "an automation) changes how items are matched.",
                document=item.move_id.display_name,
                now=currency.format(float(now)),
                meant=currency.format(float(meant)),
            )
        )
