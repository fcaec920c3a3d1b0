from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.context_keys import JUST_PLANNED, PLANNED


class ArWriteOffCreditPlan(models.AbstractModel):
    """What of the customers' own money is set aside for which row, and what may not be lost."""

    _name = "ar.write.off.credit.plan"
    _description = "Plan of Credits"

    has_plan = fields.Boolean(
        readonly=True, copy=False, help="Credits were looked at when it was started."
    )

    def _work_all(self):
        """In the transaction of the plan: nobody else's payments are seen in it."""
        planned = self.with_context(**{JUST_PLANNED: PLANNED})
        return super(ArWriteOffCreditPlan, planned)._work_all()

    # ------------------------------------------------------------------
    # When it is searched
    # ------------------------------------------------------------------

    def _untick_covered(self):
        """Untick the rows that other credits would cover, or of which more than owed is lost.

        Credits of another account, currency or company are not applied. A row that somebody
        has ticked nevertheless stays ticked.
        """
        covered = SQL("loss.upto - loss.amount < loss.other_credits")
        # Without these, less is lost than the account owes, if not all of it is credits.
        for condition in (covered, SQL("loss.exceeds")):
            self._untick_losses(condition)
        self.env["ar.write.off.line"].invalidate_model()

    def _untick_losses(self, condition):
        items = self.env["ar.write.off.line"]._fields["item_ids"]
        self.env.execute_query(
            SQL(
                """
                UPDATE ar_write_off_line line
                   SET hindrance = 'credits', selected = EXISTS (
                       SELECT FROM %(relation)s listed JOIN (%(decisions)s) AS decision
                           ON decision.item_id = listed.%(item_column)s
                        WHERE listed.%(line_column)s = line.id AND decision.ticked)
                  FROM (%(losses)s) AS loss
                 WHERE loss.id = line.id AND loss.amount > 0 AND %(condition)s
             RETURNING line.id
                """,
                relation=SQL.identifier(items.relation),
                line_column=SQL.identifier(items.column1),
                item_column=SQL.identifier(items.column2),
                decisions=self._select_decisions(),
                losses=self._select_losses(),
                condition=condition,
            )
        )

    def _select_losses(self):
        """SELECT of what would be lost by each ticked row, in company currency.

        Columns: the row's id, the amount, the customer's losses up to this row (gains first,
        then the oldest), whether these are more than his account owes, what it owes, and his
        credits that are not applied. What core books as exchange difference when a foreign
        credit is applied is no part of a loss; nor are rows that have changed since they were
        reviewed, which are not processed.
        """
        items = self.env["ar.write.off.line"]._fields["item_ids"]
        balances = self.env["ar.balance"]._select_figures(["account_balance"], self.company_id)
        return SQL(
            """
            WITH plan AS MATERIALIZED (%(plan)s),
            applied AS (
                SELECT line_id, SUM(amount) AS amount FROM plan GROUP BY line_id
                 UNION ALL
                SELECT credit_line_id, -SUM(amount) FROM plan
                 WHERE credit_line_id IS NOT NULL GROUP BY credit_line_id
            ),
            lost AS (
                SELECT line.id, line.partner_id, line.date_maturity,
                       line.amount_company * (1 - LEAST(1,
                           COALESCE(applied.amount / NULLIF(line.amount, 0), 0))) AS amount
                  FROM ar_write_off_line line
                  JOIN %(relation)s listed ON listed.%(line_column)s = line.id
                  JOIN account_move_line item ON item.id = listed.%(item_column)s
                   AND item.parent_state = 'posted'
             LEFT JOIN applied ON applied.line_id = line.id
                 WHERE line.document_id = %(document)s AND line.state = 'todo' AND line.selected
              GROUP BY line.id, applied.amount
                HAVING SUM(item.amount_residual_currency) = line.amount_residual
            ),
            used AS (
                SELECT line.partner_id,
                       SUM(plan.amount * line.amount_company / NULLIF(line.amount, 0)) AS debts,
                       SUM(plan.amount * credit.amount_company / NULLIF(credit.amount, 0))
                           AS credits,
                       COUNT(*) FILTER (WHERE line.currency_id != %(home)s) AS cents
                  FROM plan JOIN ar_write_off_line line ON line.id = plan.line_id
                  JOIN ar_write_off_credit credit ON credit.id = plan.credit_id
              GROUP BY line.partner_id
            ),
            listed AS (
                SELECT partner_id, SUM(amount_company) AS credits
                  FROM ar_write_off_credit WHERE document_id = %(document)s GROUP BY partner_id
            ),
            queued AS (
                SELECT id, partner_id, amount,
                       SUM(amount) OVER gains_first AS net,
                       SUM(GREATEST(amount, 0)) OVER gains_first AS upto
                  FROM lost
                WINDOW gains_first AS (
                       PARTITION BY partner_id ORDER BY amount > 0, date_maturity, id)
            )
            SELECT queued.id, queued.amount, queued.upto,
                   queued.amount > 0 AND
                       queued.net - COALESCE(balance.account_balance, 0)
                       + COALESCE(used.debts - used.credits, 0)
                       > %(cent)s * (0.5 + COALESCE(used.cents, 0)) AS exceeds,
                   COALESCE(balance.account_balance, 0) AS account_balance,
                   COALESCE(listed.credits, 0) - COALESCE(used.credits, 0) AS other_credits
              FROM queued
         LEFT JOIN (%(balances)s) AS balance ON balance.customer = queued.partner_id
         LEFT JOIN used USING (partner_id)
         LEFT JOIN listed USING (partner_id)
            """,
            plan=self._select_plan(),
            relation=SQL.identifier(items.relation),
            line_column=SQL.identifier(items.column1),
            item_column=SQL.identifier(items.column2),
            document=self.id,
            home=self.currency_id.id,
            cent=self.currency_id.rounding,
            balances=balances,
        )

    # ------------------------------------------------------------------
    # When it is started
    # ------------------------------------------------------------------

    def _plan_credits(self):
        """Set aside for each ticked row what it is paid with, as the ledger is now.

        Rows of which more would be lost than was reviewed, or than the account owes, fail.
        """
        self.ensure_one()
        if not self._may_need_plan():
            return
        self._write_inside({"has_plan": True})
        reviewed = self._get_reviewed_applied()
        self._list_credits()
        self._drop_plan()
        lines = self.env["ar.write.off.line"]
        applied = self._get_applied()
        for line in lines.browse(reviewed):
            now = line.currency_id.round(float(applied.get(line.id, 0)))
            if line.currency_id.compare_amounts(abs(now), abs(reviewed[line.id])) < 0:
                line._mark_failed(line._get_less_credit_sentence(now, reviewed[line.id]))
        lines.flush_model()
        rows = self.env.execute_query(
            SQL("SELECT id, account_balance FROM (%s) AS loss WHERE exceeds", self._select_losses())
        )
        for line_id, account_balance in rows:
            line = lines.browse(line_id)
            line._mark_failed(line._get_excess_sentence(float(account_balance)))
        self._keep_plan()

    def _may_need_plan(self):
        """Whether customers had or have credits, or owe less than is ticked; one query."""
        self.env.flush_all()
        item = self.env["account.move.line"].sudo().with_context(active_test=False)
        query = item._search(
            self._get_negative_domain()
            & Domain(
                [
                    ("account_id.account_type", "=", "asset_receivable"),
                    ("parent_state", "=", "posted"),
                    ("reconciled", "=", False),
                ]
            )
        )
        partner = query.join(query.table, "partner_id", "res_partner", "id", "ar_partner")
        query.add_where(
            SQL(
                "%s IN (SELECT partner_id FROM ar_write_off_line WHERE document_id = %s)",
                SQL.identifier(partner, "commercial_partner_id"),
                self.id,
            )
        )
        [(needed,)] = self.env.execute_query(
            SQL(
                """
                SELECT EXISTS (SELECT FROM ar_write_off_credit WHERE document_id = %(document)s)
                    OR EXISTS (%(credits)s)
                    OR EXISTS (SELECT FROM ar_write_off_line
                                WHERE document_id = %(document)s AND state = 'todo' AND selected
                             GROUP BY partner_id
                               HAVING SUM(amount_company) > MAX(account_balance))
                """,
                document=self.id,
                credits=query.select(),
            )
        )
        return needed

    def _get_reviewed_applied(self):
        """``{row id: what was to be applied of it}`` when the rows were reviewed.

        Kept from the first time that the document is started, for whoever retries it.
        """
        if self.started_at:
            rows = self.env["ar.write.off.line"].search(
                [
                    ("document_id", "=", self.id),
                    ("state", "=", "todo"),
                    ("applied_reviewed", "!=", 0),
                ]
            )
            return {line.id: line.applied_reviewed for line in rows}
        reviewed = {line_id: float(amount) for line_id, amount in self._get_applied().items()}
        for line in self.env["ar.write.off.line"].browse(reviewed):
            line._write_inside({"applied_reviewed": reviewed[line.id]})
        return reviewed

    def _drop_plan(self):
        self.env["ar.write.off.application"].search(
            [("line_id.document_id", "=", self.id), ("state", "=", "planned")]
        )._unlink_inside()

    def _keep_plan(self):
        """Insert the plan as applications, those of the oldest debts first."""
        if not self._has_credits():
            return
        columns = {
            "line_id": SQL("line_id"),
            "company_id": SQL("%s", self.company_id.id),
            "credit_line_id": SQL("credit_line_id"),
            "item_id": SQL("item_id"),
            "credit_item_id": SQL("credit_item_id"),
            "currency_id": SQL("currency_id"),
            "amount": SQL("amount"),
            "state": SQL("'planned'"),
            "create_uid": SQL("%s", self.env.uid),
            "create_date": SQL("%s", self.env.cr.now()),
            "write_uid": SQL("%s", self.env.uid),
            "write_date": SQL("%s", self.env.cr.now()),
        }
        self.env.execute_query(
            SQL(
                """
                INSERT INTO ar_write_off_application (%s)
                SELECT %s FROM (%s) AS plan ORDER BY due, item_id, credit_item_id RETURNING id
                """,
                SQL(", ").join(SQL.identifier(name) for name in columns),
                SQL(", ").join(columns.values()),
                self._select_plan(),
            )
        )
        self.env["ar.write.off.application"].invalidate_model()
        self.env["ar.write.off.line"].invalidate_model(["application_ids"])

    def _get_customers_with_new_credits(self, customers):
        """Those of some customers who have open credits that the plan does not know.

        None in the transaction that has made the plan, which sees no others.
        """
        if self.env.context.get(JUST_PLANNED) is PLANNED:
            return customers.browse()
        item = self.env["account.move.line"].with_context(active_test=False)
        query = item._search(self._get_credit_domain())
        alias = query.table
        partner = query.join(alias, "partner_id", "res_partner", "id", "ar_partner")
        customer = SQL.identifier(partner, "commercial_partner_id")
        query.add_where(SQL("%s IN %s", customer, tuple(customers.ids) or (0,)))
        known = query.make_alias(alias, "ar_known")
        query.add_join(
            "LEFT JOIN",
            known,
            "ar_write_off_credit",
            SQL(
                "%s = %s AND %s = %s",
                SQL.identifier(known, "item_id"),
                SQL.identifier(alias, "id"),
                SQL.identifier(known, "document_id"),
                self.id,
            ),
        )
        query.add_where(
            SQL(
                "COALESCE(%s, 0) < -%s",
                SQL.identifier(known, "amount"),
                item._field_to_sql(alias, "amount_residual_currency", query),
            )
        )
        rows = self.env.execute_query(query.select(SQL("DISTINCT %s", customer)))
        return customers.browse([customer_id for (customer_id,) in rows])
