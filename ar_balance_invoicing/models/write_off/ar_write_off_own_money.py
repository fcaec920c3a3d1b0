from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.amounts import round_amount


class ArWriteOffOwnMoney(models.AbstractModel):
    """The customer's own money comes first: his open credits pay before anything is lost.

    Which credit pays which debt is one SELECT (``_select_plan``) over the ticked rows and the
    credits as they were listed: of the same receivable account and currency, the oldest of both
    first. It is shown while rows are ticked, and kept as applications when the document is
    started.
    """

    _name = "ar.write.off.own.money"
    _inherit = ["ar.write.off.credit.plan"]
    _description = "Customer's Own Money First"

    company_id = fields.Many2one("res.company", required=True, readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    apply_credits = fields.Boolean(
        string="Apply Credits First",
        compute="_compute_apply_credits",
        store=True,
        readonly=False,
        precompute=True,
        help="Unapplied payments and credit notes of a customer are matched with his ticked "
        "rows, the oldest first; only the rest is lost.",
    )
    credit_ids = fields.One2many(
        "ar.write.off.credit", "document_id", string="Open Credits", readonly=True
    )
    ticked_applied = fields.Monetary(
        string="To Be Applied",
        compute="_compute_ticked_parts",
        help="Of the ticked rows, what the customers' own credits pay, in company currency.",
    )
    ticked_lost = fields.Monetary(
        string="To Be Lost",
        compute="_compute_ticked_parts",
        help="Of the ticked rows, what is left to be written off, in company currency.",
    )

    @api.depends("company_id")
    def _compute_apply_credits(self):
        for document in self:
            document.apply_credits = document.company_id.ar_apply_credits

    @api.depends("line_ids.selected", "line_ids.amount", "line_ids.state", "apply_credits")
    def _compute_ticked_parts(self):
        applied = self._origin._get_ticked_applied()
        for document in self:
            # Of credits that are listed themselves, what is applied is not written off either.
            debts, credits = applied.get(document._origin.id, (0, 0))
            lost = document.ticked_amount - debts + credits
            document.ticked_applied = round_amount(document.currency_id, debts)
            document.ticked_lost = round_amount(document.currency_id, lost)

    def _get_ticked_applied(self):
        """``{document id: (of debts, of credits that are listed)}``, in company currency."""
        if not self._has_credits():
            return {}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.document_id, SUM(%(company)s) FILTER (WHERE part.amount > 0),
                       SUM(%(company)s) FILTER (WHERE part.amount < 0)
                  FROM (%(applied)s) AS part JOIN ar_write_off_line line ON line.id = part.line_id
              GROUP BY line.document_id
                """,
                company=self._get_applied_company(SQL("part.amount")),
                applied=self._select_applied(),
            )
        )
        return {document: (debts or 0, -(credits or 0)) for document, debts, credits in rows}

    def _get_applied_company(self, applied):
        """SQL: what is applied of a ``line`` in company currency, a rounded amount for each row.

        So that what rows say adds up to what the document says.

        :param applied: SQL of the amount in the row's currency, with its sign, or NULL.
        """
        return SQL(
            """
            ROUND(line.amount_company
                  * LEAST(1, COALESCE(%(applied)s / NULLIF(line.amount, 0), 0))
                  / %(cent)s) * %(cent)s
            """,
            applied=applied,
            cent=SQL(
                "(SELECT home.rounding FROM res_company owner "
                "JOIN res_currency home ON home.id = owner.currency_id "
                "WHERE owner.id = line.company_id)"
            ),
        )

    # ------------------------------------------------------------------
    # The credits
    # ------------------------------------------------------------------

    def _has_credits(self):
        """Whether customers of these documents had open credits when they were reviewed."""
        self.env["ar.write.off.credit"].flush_model()
        return bool(
            self.ids
            and self.env.execute_query(
                SQL(
                    "SELECT 1 FROM ar_write_off_credit WHERE document_id IN %s LIMIT 1",
                    tuple(self.ids),
                )
            )
        )

    def _get_credit_domain(self):
        """Domain on ``account.move.line``: open credits of the whole ledger."""
        open_items = self.env["ar.balance"]._get_open_item_domain(self.company_id)
        return open_items & self._get_negative_domain()

    def _get_negative_domain(self):
        return Domain("amount_residual_currency", "<", 0) | Domain("amount_residual", "<", 0)

    def _list_credits(self):
        """List anew the open credits of the customers of this document's rows.

        Of the whole ledger, as far as the user may read it.
        """
        self.ensure_one()
        self.env["ar.write.off.line"].flush_model()
        item = self.env["account.move.line"].with_context(active_test=False)
        query = item._search(self._get_credit_domain())
        alias = query.table
        partner = query.join(alias, "partner_id", "res_partner", "id", "ar_partner")
        customer = SQL.identifier(partner, "commercial_partner_id")
        query.add_where(
            SQL(
                "%s IN (SELECT partner_id FROM ar_write_off_line WHERE document_id = %s)",
                customer,
                self.id,
            )
        )
        columns = {
            "document_id": SQL("%s", self.id),
            "partner_id": customer,
            **{
                name: item._field_to_sql(alias, column, query)
                for name, column in (
                    ("item_id", "id"),
                    ("company_id", "company_id"),
                    ("account_id", "account_id"),
                    ("currency_id", "currency_id"),
                )
            },
            "date": SQL(
                "COALESCE(%s, %s)",
                item._field_to_sql(alias, "date_maturity", query),
                item._field_to_sql(alias, "date", query),
            ),
            "amount": SQL("-%s", item._field_to_sql(alias, "amount_residual_currency", query)),
            "amount_company": SQL("-%s", item._field_to_sql(alias, "amount_residual", query)),
            "create_uid": SQL("%s", self.env.uid),
            "create_date": SQL("%s", self.env.cr.now()),
            "write_uid": SQL("%s", self.env.uid),
            "write_date": SQL("%s", self.env.cr.now()),
        }
        self.env.execute_query(
            SQL(
                """
                WITH earlier AS (DELETE FROM ar_write_off_credit WHERE document_id = %(document)s)
                INSERT INTO ar_write_off_credit (%(names)s) %(select)s RETURNING id
                """,
                document=self.id,
                names=SQL(", ").join(SQL.identifier(name) for name in columns),
                select=query.select(*columns.values()),
            )
        )
        self.env["ar.write.off.credit"].invalidate_model()
        self.invalidate_recordset(["credit_ids"])

    # ------------------------------------------------------------------
    # Which credit pays which debt
    # ------------------------------------------------------------------

    def _select_plan(self, apply_credits=False, states=("todo",)):
        """SELECT of what is to be applied: row, debt, credit, the credit's row, amount.

        Debts of the ticked rows that wait, and credits, each stand in a queue by age for each
        customer, account and currency; where the two queues overlap, one pays the other.
        Credits of other companies of the ledger, and credits that are listed themselves and
        are not ticked, stay as they are.

        :param apply_credits: as if the documents said so; else as they say.
        :param states: of the rows that wait: those that failed do, too, before they are retried.
        """
        self.env.flush_all()
        items = self.env["ar.write.off.line"]._fields["item_ids"]
        pool = SQL("document_id, partner_id, account_id, currency_id")
        return SQL(
            """
            WITH usable AS MATERIALIZED (
                SELECT credit.*, listed.id AS credit_line_id,
                       SUM(credit.amount) OVER (
                           PARTITION BY credit.document_id, credit.partner_id,
                                        credit.account_id, credit.currency_id
                           ORDER BY credit.date, credit.item_id, credit.id) AS upto
                  FROM ar_write_off_credit credit
                  JOIN ar_write_off document ON document.id = credit.document_id
                   AND document.company_id = credit.company_id
                   AND (document.apply_credits OR %(apply_credits)s)
             LEFT JOIN (SELECT line.*, item.%(item_column)s AS item_id FROM ar_write_off_line line
                          JOIN %(relation)s item ON item.%(line_column)s = line.id
                         WHERE line.document_id IN %(documents)s) AS listed
                    ON listed.item_id = credit.item_id
                 WHERE credit.document_id IN %(documents)s AND credit.amount > 0
                   AND (listed.id IS NULL
                        OR listed.amount_residual < 0 AND listed.selected
                           AND listed.state IN ('todo', 'failed', 'done'))
            ),
            debts AS (
                SELECT line.document_id, line.partner_id, item.account_id, line.currency_id,
                       line.id AS line_id, item.id AS item_id,
                       COALESCE(item.date_maturity, item.date) AS due,
                       LEAST(item.amount_residual_currency, GREATEST(0, line.amount
                           - SUM(item.amount_residual_currency) OVER (
                               PARTITION BY line.id
                               ORDER BY COALESCE(item.date_maturity, item.date), item.id)
                           + item.amount_residual_currency)) AS amount
                  FROM ar_write_off_line line
                  JOIN %(relation)s listed ON listed.%(line_column)s = line.id
                  JOIN account_move_line item ON item.id = listed.%(item_column)s
                 WHERE line.document_id IN %(documents)s AND line.state IN %(states)s
                   AND line.selected AND line.amount > 0 AND item.amount_residual_currency > 0
                   AND item.parent_state = 'posted'
                   AND (line.document_id, line.partner_id) IN
                       (SELECT document_id, partner_id FROM usable)
            ),
            owed AS MATERIALIZED (
                SELECT debts.*, SUM(amount) OVER (
                           PARTITION BY %(pool)s ORDER BY due, item_id) AS upto
                  FROM debts WHERE amount > 0
            )
            SELECT owed.line_id, owed.item_id, owed.due, owed.currency_id,
                   usable.id AS credit_id, usable.item_id AS credit_item_id,
                   usable.credit_line_id,
                   LEAST(owed.upto, usable.upto)
                   - GREATEST(owed.upto - owed.amount, usable.upto - usable.amount) AS amount
              FROM owed JOIN usable USING (%(pool)s)
             WHERE owed.upto - owed.amount < usable.upto
               AND usable.upto - usable.amount < owed.upto
            """,
            relation=SQL.identifier(items.relation),
            line_column=SQL.identifier(items.column1),
            item_column=SQL.identifier(items.column2),
            documents=tuple(self.ids) or (0,),
            pool=pool,
            apply_credits=apply_credits,
            states=tuple(states),
        )

    def _select_applied(self, apply_credits=False, states=("todo",)):
        """SELECT of what is to be applied of each row, debts positive and credits negative.

        :param apply_credits: see ``_select_plan``, as ``states``
        """
        return SQL(
            """
            WITH plan AS MATERIALIZED (%s)
            SELECT line_id, SUM(amount) AS amount FROM plan GROUP BY line_id
             UNION ALL
            SELECT credit_line_id, -SUM(amount) FROM plan
             WHERE credit_line_id IS NOT NULL GROUP BY credit_line_id
            """,
            self._select_plan(apply_credits, states),
        )

    def _get_applied(self):
        """``{row id: what is to be applied of it}``, in its currency, with its sign."""
        if not self._has_credits():
            return {}
        return dict(self.env.execute_query(self._select_applied()))
