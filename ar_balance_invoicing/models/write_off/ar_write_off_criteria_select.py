from odoo import fields, models
from odoo.tools import SQL

from ...tools.amounts import search_amount


class ArWriteOffCriteria(models.AbstractModel):
    """The criteria as one SELECT."""

    _inherit = "ar.write.off.criteria"

    def _select_found(self):
        """SELECT of what meets the criteria: a row per document, currency and customer.

        A row is all that is open of it, due or not.

        What the user may not read is not found: it is the ORM's own search of open items,
        with his rights and rules.
        """
        # What is archived still owes, and criteria that are archived still hold.
        item = self.env["account.move.line"].with_context(active_test=False)
        query = item._search(self._get_item_domain())
        alias = query.table
        partner = query.join(alias, "partner_id", "res_partner", "id", "ar_partner")
        customer = query.join(partner, "commercial_partner_id", "res_partner", "id", "ar_customer")
        owed = self._join_account_balance(query, customer)

        def column(name):
            return item._field_to_sql(alias, name, query)

        residual = SQL("SUM(%s)", column("amount_residual"))
        in_currency = SQL("SUM(%s)", column("amount_residual_currency"))
        today = fields.Date.context_today(self)
        keys = {
            "move_id": column("move_id"),
            "currency_id": column("currency_id"),
            "item_partner": SQL.identifier(partner, "id"),
            "partner_id": SQL.identifier(customer, "id"),
            "account_balance": owed,
        }
        figures = {
            "customer_name": SQL(
                "LOWER(COALESCE(%s, ''))", SQL.identifier(customer, "complete_name")
            ),
            "items": SQL("ARRAY_AGG(%(id)s ORDER BY %(id)s)", id=column("id")),
            "residual": in_currency,
            "residual_company": residual,
            "not_due": SQL(
                "COALESCE(%s FILTER (WHERE COALESCE(%s, %s) >= %s), 0)",
                in_currency,
                column("date_maturity"),
                column("date"),
                today,
            ),
            "due": SQL("MIN(%s)", column("date_maturity")),
        }
        query.groupby = SQL(", ").join(keys.values())
        query.having = SQL(
            "%s AND BOOL_OR(%s)",
            self._get_amount_condition(residual, in_currency, owed),
            self._get_part_domain().optimize_full(item)._to_sql(item, alias, query),
        )
        return query.select(
            *(
                SQL("%s AS %s", value, SQL.identifier(name))
                for name, value in (keys | figures).items()
            )
        )

    def _join_account_balance(self, query, customer):
        """SQL of what the customer's whole account owes, in company currency."""
        balance = query.make_alias(query.table, "ar_account_balance")
        select = self.env["ar.balance"]._select_figures(["account_balance"], self.company_id)
        query.add_join(
            "LEFT JOIN",
            balance,
            SQL("(%s)", select),
            SQL(
                "%s = %s",
                SQL.identifier(balance, "customer"),
                SQL.identifier(customer, "id"),
            ),
        )
        return SQL("COALESCE(%s, 0)", SQL.identifier(balance, "account_balance"))

    def _get_amount_condition(self, residual, in_currency, account_balance):
        """SQL condition that the amounts of a document meet, in company currency.

        What is open in one of the two currencies only is open.

        :param residual: SQL of what is open of the document.
        :param in_currency: SQL of the same in its own currency.
        :param account_balance: SQL of what the customer's whole account owes.
        """
        size = SQL("ABS(%s)", residual) if self.with_credits else residual
        conditions = [SQL("(%s, %s) != (0, 0)", residual, in_currency)]
        if not self.with_credits:
            conditions.append(SQL("%s >= 0 AND %s >= 0", residual, in_currency))
        if self.customer_balance_below:
            conditions.append(SQL("%s > 0", account_balance))
        for limit, value, operator in (
            (self.balance_below, size, SQL("<")),
            (self.balance_from, size, SQL(">=")),
            (self.customer_balance_below, account_balance, SQL("<")),
        ):
            if limit:
                amount = search_amount(self.currency_id.round(limit))
                conditions.append(SQL("%s %s %s", value, operator, amount))
        return SQL(" AND ").join(conditions)
