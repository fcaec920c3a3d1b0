from odoo import api, models
from odoo.tools import SQL

# Of a matching: its item, the item on the other side, the amount in the item's currency, and
# the sign of what is added to the item's residual when the matching does not count.
_SIDES = (
    ("debit_move_id", "credit_move_id", "debit_amount_currency", SQL("")),
    ("credit_move_id", "debit_move_id", "credit_amount_currency", SQL("-")),
)


class ArDraftMatching(models.AbstractModel):
    """Matchings of which one side is no posted document (any more), or not yet.

    A document that goes back to draft keeps its matchings, and a draft can be matched; core
    then takes the posted item on the other side for settled. The ledger holds posted items
    only: there it is open. What is said here is the difference between the two.
    """

    _name = "ar.draft.matching"
    _description = "Matchings With Drafts"

    @api.model
    def _select(self):
        """SELECT: ``item``, ``other``, ``amount``, ``amount_currency``, a row per matching.

        The amounts, signed, are to be added to the residuals of the item: in company currency
        and in the item's own. ``other`` is the item that is not posted.
        """
        # Their ids first, as an array: few items that are not posted are matched, which no
        # statistics of the database say, and after which only these matchings are looked up.
        drafts = SQL("ARRAY(%s)", self._select_drafts())
        return SQL(" UNION ALL ").join(
            self._select_side(item, other, currency_amount, sign, drafts)
            for item, other, currency_amount, sign in _SIDES
        )

    @api.model
    def _select_drafts(self):
        """SELECT of the ids of items that are matched and not posted, by an index of theirs."""
        line = self.env["account.move.line"].sudo()
        return SQL(
            "SELECT d.id FROM account_move_line d WHERE %s != 'posted' AND %s IS NOT NULL",
            line._field_to_sql("d", "parent_state"),
            line._field_to_sql("d", "matching_number"),
        )

    @api.model
    def _select_side(self, item, other, currency_amount, sign, drafts):
        matching = self.env["account.partial.reconcile"].sudo()
        return SQL(
            """SELECT %(item)s AS item, %(other)s AS other, %(sign)s%(amount)s AS amount,
                      %(sign)s%(currency_amount)s AS amount_currency
                 FROM account_partial_reconcile m
                WHERE %(other)s = ANY(%(drafts)s)""",
            item=matching._field_to_sql("m", item),
            other=matching._field_to_sql("m", other),
            sign=sign,
            amount=matching._field_to_sql("m", "amount"),
            currency_amount=matching._field_to_sql("m", currency_amount),
            drafts=drafts,
        )

    @api.model
    def _select_by(self, key, ids=None):
        """SELECT: ``key``, ``amount``, ``amount_currency``: the same of posted items, summed.

        :param key: ``id`` of the items, or ``move_id`` of documents; of documents count the
            items that say what is to be paid, as in core's residual of an invoice.
        :param ids: limit to these.
        """
        line = self.env["account.move.line"].sudo()
        key_sql = line._field_to_sql("i", key)
        conditions = [SQL("%s = 'posted'", line._field_to_sql("i", "parent_state"))]
        if key == "move_id":
            conditions.append(SQL("%s = 'payment_term'", line._field_to_sql("i", "display_type")))
        if ids is not None:
            conditions.append(SQL("%s IN %s", key_sql, tuple(ids) or (0,)))
        return SQL(
            """SELECT %(key)s AS key, SUM(part.amount) AS amount,
                      SUM(part.amount_currency) AS amount_currency
                 FROM (%(parts)s) part
                 JOIN account_move_line i ON i.id = part.item
                WHERE %(conditions)s
             GROUP BY %(key)s""",
            key=key_sql,
            parts=self._select(),
            conditions=SQL(" AND ").join(conditions),
        )

    @api.model
    def _join(self, query, alias, key, key_sql):
        """Join ``_select_by`` to a query, whose other rows get NULL; returns the alias."""
        if query is None:
            raise ValueError("What is matched with drafts is only known in a query.")
        joined = query.make_alias(alias, f"ar_draft_matching_{key}")
        condition = SQL("%s = %s", SQL.identifier(joined, "key"), key_sql)
        query.add_join("LEFT JOIN", joined, SQL("(%s)", self._select_by(key)), condition)
        return joined

    @api.model
    def _get_amounts(self, key, ids):
        """``{key: (amount, amount in currency)}`` of ``_select_by``, by one query."""
        if not ids:
            return {}
        rows = self.env.execute_query(self._select_by(key, ids))
        return {owner: tuple(amounts) for owner, *amounts in rows}

    @api.model
    def _get_notes(self, items):
        """``{item id: "matched with draft INV/…"}``, of items that are."""
        if not items.ids:
            return {}
        rows = self.env.execute_query(
            SQL(
                "SELECT part.item, d.move_id FROM (%s) part JOIN account_move_line d "
                "ON d.id = part.other WHERE part.item IN %s ORDER BY d.move_id",
                self._select(),
                tuple(items.ids),
            )
        )
        # Which document holds the money is said to whoever sees the item.
        moves = self.env["account.move"].sudo().browse(move for _item, move in rows)
        names = {move.id: self._get_name(move) for move in moves}
        notes = {}
        for item, move in rows:
            notes.setdefault(item, {})[names[move]] = True
        return {
            item: self.env._("matched with %s", ", ".join(found)) for item, found in notes.items()
        }

    @api.model
    def _get_name(self, move):
        name = move.name if move.name and move.name != "/" else move.ref or f"* {move.id}"
        if move.state == "cancel":
            return self.env._("cancelled %s", name)
        return self.env._("draft %s", name)
