from odoo import fields, models
from odoo.tools import SQL


class ArWriteOffFound(models.AbstractModel):
    """What a search has found becomes the lines of a document, with what hinders them.

    Everything arrives ticked but what was unticked before, and what there is a reason not to
    write off: see ``_select_hindrance``.
    """

    _name = "ar.write.off.found"
    _description = "Found to Write Off"

    # By open item: what was unticked or lowered, also of what the last search did not find.
    decisions = fields.Json(readonly=True, copy=False, prefetch=False)

    def _insert_found(self):
        """Insert the lines: one per document found, with its open items.

        All are ticked but those that were unticked in this document before, and those that
        something hinders. One INSERT … SELECT into our own tables; through ``create``, 20,000
        lines took fourteen times as long as finding them.
        """
        lines = self.env["ar.write.off.line"]
        lines.check_access("create")
        self.env.flush_all()
        columns = self._prepare_found_columns()
        items = lines._fields["item_ids"]
        self.env.execute_query(
            SQL(
                """
                WITH found AS MATERIALIZED (%(select)s),
                decided AS MATERIALIZED (
                    SELECT move_id, currency_id, item_partner, BOOL_AND(ticked) AS ticked,
                           MIN(reviewed) AS reviewed, MIN(reviewed_company) AS reviewed_company,
                           MIN(decided) AS decided, MIN(decided_company) AS decided_company
                      FROM found CROSS JOIN UNNEST(items) AS item_id
                      JOIN (%(decisions)s) AS decision USING (item_id)
                  GROUP BY move_id, currency_id, item_partner
                ),
                hindered AS MATERIALIZED (%(hindrance)s),
                numbered AS MATERIALIZED (
                    SELECT nextval(pg_get_serial_sequence('ar_write_off_line', 'id')) AS line_id,
                           ordered.*
                      FROM (SELECT * FROM found
                            LEFT JOIN decided USING (move_id, currency_id, item_partner)
                            LEFT JOIN hindered USING (move_id, currency_id, item_partner)
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
                hindrance=self._select_hindrance(),
                decisions=self._select_decisions(),
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
        self._list_credits()
        if self._has_credits():
            self._untick_covered()
        self._explain_hindrances()

    def _explain_hindrances(self):
        """Say on each row that arrives unticked why."""
        lines = self.env["ar.write.off.line"].search(
            [("document_id", "=", self.id), ("state", "=", "todo"), ("hindrance", "!=", False)]
        )
        for line, sentence in lines._get_hindrance_sentences().items():
            line._write_inside({"reason": sentence})

    def _select_hindrance(self):
        """SELECT of what was found with a reason to leave it, for ``hindrance`` of the lines."""
        payments = self.env["account.move"]._fields["matched_payment_ids"]
        return SQL(
            """
            SELECT move_id, currency_id, item_partner,
                   CASE WHEN EXISTS (%(drafts)s) THEN 'draft' ELSE 'in_process' END AS hindrance
              FROM found
             WHERE EXISTS (%(drafts)s)
                OR EXISTS (
                   SELECT FROM %(relation)s matched
                     JOIN account_payment payment ON payment.id = matched.%(payment)s
                    WHERE matched.%(invoice)s = found.move_id
                      AND payment.state = 'in_process' AND payment.move_id IS NULL)
            """,
            drafts=SQL(
                """
                SELECT FROM account_partial_reconcile matching
                  JOIN account_move_line debit ON debit.id = matching.debit_move_id
                  JOIN account_move_line credit ON credit.id = matching.credit_move_id
                 WHERE (matching.debit_move_id = ANY(found.items)
                        OR matching.credit_move_id = ANY(found.items))
                   AND 'draft' IN (debit.parent_state, credit.parent_state)
                """
            ),
            relation=SQL.identifier(payments.relation),
            payment=SQL.identifier(payments.column2),
            invoice=SQL.identifier(payments.column1),
        )

    def _remember_decisions(self):
        """Keep what a person has decided about the list, for when it is found again.

        By item, which stays when its customer is merged or gets a parent company. A tick that
        is as the row has arrived is no decision.
        """
        lines = self.env["ar.write.off.line"]
        items = lines._fields["item_ids"]
        lines.flush_model()
        self.env.execute_query(
            SQL(
                """
                WITH listed AS MATERIALIZED (
                    SELECT item.%(item_column)s AS item_id,
                           CASE WHEN line.selected = (line.hindrance IS NOT NULL)
                                THEN line.selected END AS ticked,
                           line.amount_residual AS reviewed,
                           line.amount_residual_company AS reviewed_company,
                           line.amount AS decided, line.amount_company AS decided_company
                      FROM ar_write_off_line line
                      JOIN %(relation)s item ON item.%(line_column)s = line.id
                     WHERE line.document_id = %(document)s AND line.state = 'todo'
                ),
                kept AS (
                    SELECT * FROM listed WHERE ticked IS NOT NULL OR decided != reviewed
                     UNION ALL
                    SELECT * FROM (%(decisions)s) AS earlier
                     WHERE item_id NOT IN (SELECT item_id FROM listed)
                )
                UPDATE ar_write_off SET decisions = (SELECT JSONB_AGG(kept) FROM kept)
                 WHERE id = %(document)s
             RETURNING id
                """,
                document=self.id,
                decisions=self._select_decisions(),
                relation=SQL.identifier(items.relation),
                line_column=SQL.identifier(items.column1),
                item_column=SQL.identifier(items.column2),
            )
        )

    def _select_decisions(self):
        """SELECT of what was decided: for each item whether it was ticked, of what, how much."""
        return SQL(
            """
            SELECT decision.*
              FROM ar_write_off document
             CROSS JOIN JSONB_TO_RECORDSET(document.decisions) AS decision(
                   item_id INTEGER, ticked BOOLEAN, reviewed NUMERIC, reviewed_company NUMERIC,
                   decided NUMERIC, decided_company NUMERIC)
             WHERE document.id = %s
            """,
            self.id,
        )

    def _prepare_found_columns(self):
        """``{column of the lines: SQL of its value}``, from what was found.

        Whoever adds a stored field with a default to the lines adds it here.
        """
        now = self.env.cr.now()
        same = SQL("reviewed = residual AND reviewed_company = residual_company")
        return {
            "document_id": SQL("%s", self.id),
            "company_id": SQL("%s", self.company_id.id),
            "move_id": SQL("move_id"),
            "partner_id": SQL("partner_id"),
            "currency_id": SQL("currency_id"),
            "date_maturity": SQL("due"),
            "amount_residual": SQL("residual"),
            "amount_residual_company": SQL("residual_company"),
            "amount": SQL("COALESCE(CASE WHEN %s THEN decided END, residual)", same),
            "amount_company": SQL(
                "COALESCE(CASE WHEN %s THEN decided_company END, residual_company)", same
            ),
            "account_balance": SQL("account_balance"),
            "amount_not_due": SQL("not_due"),
            "hindrance": SQL("hindrance"),
            "selected": SQL("COALESCE(ticked, hindrance IS NULL)"),
            "state": SQL("'todo'"),
            "create_uid": SQL("%s", self.env.uid),
            "write_uid": SQL("%s", self.env.uid),
            "create_date": SQL("%s", now),
            "write_date": SQL("%s", now),
        }
