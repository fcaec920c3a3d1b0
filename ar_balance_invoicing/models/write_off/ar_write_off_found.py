"""What a write-off search finds, listed by one statement."""

from odoo import models
from odoo.tools import SQL

from ...tools.amounts import search_amount


class ArWriteOff(models.Model):
    _inherit = "ar.write.off"

    def _list_found(self):
        """Make the lines: one per document found, with its open items, all ticked.

        One INSERT … SELECT into our own tables; through ``create``, 20,000 lines took
        fourteen times as long as finding them. What the user may not read is not found:
        the SELECT is the ORM's own search with his rights and rules.

        :return: how many lines there are.
        """
        lines = self.env["ar.write.off.line"]
        lines.check_access("create")
        columns = self._prepare_found_columns()
        items = lines._fields["item_ids"]
        [(count,)] = self.env.execute_query(
            SQL(
                """
                WITH found AS MATERIALIZED (%(select)s),
                numbered AS MATERIALIZED (
                    SELECT nextval(pg_get_serial_sequence('ar_write_off_line', 'id')) AS line_id,
                           ordered.*
                      FROM (SELECT * FROM found
                            ORDER BY customer_name, item_partner, due NULLS FIRST, move_id
                           ) AS ordered
                ),
                lines AS (
                    INSERT INTO ar_write_off_line (id, %(names)s)
                    SELECT line_id, %(values)s FROM numbered ORDER BY line_id
                ),
                items AS (
                    INSERT INTO %(relation)s (%(line_column)s, %(item_column)s)
                    SELECT line_id, UNNEST(items) FROM numbered
                )
                SELECT COUNT(*) FROM numbered
                """,
                select=self._select_found(),
                names=SQL(", ").join(SQL.identifier(name) for name in columns),
                values=SQL(", ").join(columns.values()),
                relation=SQL.identifier(items.relation),
                line_column=SQL.identifier(items.column1),
                item_column=SQL.identifier(items.column2),
            )
        )
        # Written past the cache: nothing of it may be remembered as empty.
        self.invalidate_recordset()
        lines.invalidate_model()
        return count

    def _prepare_found_columns(self):
        """``{column of the lines: SQL of its value}``, from what was found.

        Whoever adds a stored field with a default to the lines adds it here.
        """
        now = self.env.cr.now()
        return {
            "document_id": SQL("%s", self.id),
            "company_id": SQL("%s", self.company_id.id),
            "move_id": SQL("move_id"),
            "partner_id": SQL("partner_id"),
            "currency_id": SQL("currency_id"),
            "date_maturity": SQL("due"),
            "amount_residual": SQL("residual"),
            "amount_residual_company": SQL("residual_company"),
            "amount": SQL("residual"),
            "amount_company": SQL("residual_company"),
            "account_balance": SQL("account_balance"),
            "selected": SQL("TRUE"),
            "state": SQL("'todo'"),
            "create_uid": SQL("%s", self.env.uid),
            "write_uid": SQL("%s", self.env.uid),
            "create_date": SQL("%s", now),
            "write_date": SQL("%s", now),
        }

    def _select_found(self):
        """Grouped SELECT of open items: a row per document, currency and customer."""
        item = self.env["account.move.line"]
        query = item._search(self._get_item_domain())
        alias = query.table
        partner = query.join(alias, "partner_id", "res_partner", "id", "ar_partner")
        customer = query.join(partner, "commercial_partner_id", "res_partner", "id", "ar_customer")
        owed = self._join_account_balance(query, customer)

        def column(name):
            return item._field_to_sql(alias, name, query)

        residual = SQL("SUM(%s)", column("amount_residual"))
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
            "residual": SQL("SUM(%s)", column("amount_residual_currency")),
            "residual_company": residual,
            "due": SQL("MIN(%s)", column("date_maturity")),
        }
        query.groupby = SQL(", ").join(keys.values())
        query.having = self._get_amount_condition(residual, owed)
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

    def _get_amount_condition(self, residual, account_balance):
        """SQL condition that the amounts of a document meet, in company currency.

        :param residual: SQL of what is open of the document.
        :param account_balance: SQL of what the customer's whole account owes.
        """
        size = SQL("ABS(%s)", residual) if self.with_credits else residual
        conditions = [SQL("%s != 0", residual)]
        for limit, value, operator in (
            (self.balance_below, size, SQL("<")),
            (self.balance_from, size, SQL(">=")),
            (self.customer_balance_below, account_balance, SQL("<")),
        ):
            if limit:
                amount = search_amount(self.currency_id.round(limit))
                conditions.append(SQL("%s %s %s", value, operator, amount))
        return SQL(" AND ").join(conditions)
