from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL


class ArWriteOff(models.Model):
    """Small, old or hopeless balances: found, reviewed, written off, taken back.

    The document keeps what was searched for, what was found and with which residual
    it was reviewed, what was ticked, and the entries made. One journal entry per line
    (usually an invoice) is made for a whole chunk at once.

    For scripts: ``find``, ``search_again``, ``action_tick_all`` and the like of the lines,
    ``action_process``, ``action_retry``, ``action_undo``.
    """

    _name = "ar.write.off"
    _description = "Write-Off"
    _inherit = [
        "ar.write.off.undo",
        "ar.write.off.criteria",
        "ar.write.off.evidence",
        "ar.xlsx.export",
    ]
    _order = "id desc"
    _check_company_auto = True
    _line_model = "ar.write.off.line"
    _number_sequence = "ar.write.off"
    _work_group = "ar_balance_invoicing.group_write_off"
    # What was decided stays as it was processed; what keeps failed lines from being written
    # off may be put right before they are retried. For the criteria, see ``_is_editable``.
    _editable_while = {
        **dict.fromkeys(["batch_id", "reason_id"], "is_editable"),
        **dict.fromkeys(
            ["date", "journal_id", "note", "tax_evidence", "line_ids"], "is_correctable"
        ),
    }

    batch_id = fields.Many2one(
        "ar.write.off.batch",
        compute="_compute_batch_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        check_company=True,
        ondelete="restrict",
        domain="[('is_usable', '=', True)]",
        tracking=True,
    )
    batch_mode = fields.Selection(related="company_id.ar_write_off_batch_mode")
    reason_id = fields.Many2one(
        "ar.write.off.reason",
        compute="_compute_reason_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        ondelete="restrict",
        tracking=True,
    )
    journal_id = fields.Many2one(
        "account.journal",
        compute="_compute_journal_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        ondelete="restrict",
        domain="[('type', '=', 'general')]",
        tracking=True,
        help="The journal of the write-off entries: by default the reason's, else the company's.",
    )
    note_required = fields.Boolean(related="reason_id.note_required")
    note = fields.Text(tracking=True)
    date = fields.Date(
        string="Accounting Date",
        required=True,
        default=fields.Date.context_today,
        tracking=True,
        help="The date of the write-off entries.",
    )
    line_ids = fields.One2many("ar.write.off.line", "document_id", string="Found")
    searched = fields.Boolean(readonly=True, copy=False)
    # By open item: what was unticked or lowered, also of what the last search did not find.
    decisions = fields.Json(readonly=True, copy=False, prefetch=False)
    entry_count = fields.Integer(compute="_compute_entry_count")
    ticked_count = fields.Integer(string="Ticked", compute="_compute_ticked")
    ticked_amount = fields.Monetary(
        string="To Write Off",
        compute="_compute_ticked",
        help="Of the ticked lines, in company currency.",
    )
    ticked_customers = fields.Integer(string="Customers Ticked", compute="_compute_ticked")
    ticked_by_currency = fields.Char(
        string="By Currency",
        compute="_compute_ticked",
        help="What is to be written off, if it is not all in company currency.",
    )
    amount_written_off = fields.Monetary(
        string="Written Off", compute="_compute_amount_written_off", help="In company currency."
    )

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends("company_id")
    def _compute_batch_id(self):
        batches = self.env["ar.write.off.batch"]
        for document in self:
            proposed = batches._get_preselected(document.company_id)
            # With automatic batches, the Auto Batch of the day when it is processed.
            automatic = document.company_id.ar_write_off_batch_mode == "automatic"
            document.batch_id = proposed if automatic else document.batch_id or proposed

    @api.depends("company_id")
    def _compute_reason_id(self):
        for document in self:
            if document.reason_id.company_id != document.company_id:
                document.reason_id = self.env["ar.write.off.reason"].search(
                    [("company_id", "parent_of", document.company_id.ids)], limit=1
                )

    @api.depends("reason_id", "company_id")
    def _compute_journal_id(self):
        for document in self:
            if not document.company_id:
                document.journal_id = False
                continue
            try:
                document.journal_id = document.reason_id._get_write_off_journal(document.company_id)
            except UserError:
                document.journal_id = False  # said when it is processed

    def _compute_entry_count(self):
        rows = self.env["ar.write.off.line"]._read_group(
            [("document_id", "in", self.ids), ("entry_id", "!=", False)],
            ["document_id"],
            ["entry_id:count", "reversal_id:count"],
        )
        counts = {document.id: entries + reversals for document, entries, reversals in rows}
        for document in self:
            document.entry_count = counts.get(document.id, 0)

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._check_may_write_off()
        return super().create(vals_list)

    def _get_draft_name(self):
        number = self._origin.id
        return self.env._("Draft Write-Off %s", number) if number else self.env._("New Write-Off")

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        # Copied, an amount that is not asked for would be asked for as zero.
        return [
            {**vals, **document._get_criteria_values(), **(default or {})}
            for document, vals in zip(self, vals_list, strict=True)
        ]

    def _is_editable(self, name):
        if name in self._get_criteria_fields():
            # The list would not be what the criteria say: see ``search_again``.
            return self.is_editable and not self.searched
        return super()._is_editable(name)

    def _get_refusal(self, name):
        criterion = name in self._get_criteria_fields()
        if self and self.is_editable and criterion:
            return self.env._(
                "%(document)s lists what was found by its criteria: “%(field)s” is changed by "
                "another search only. Use “Change Criteria”.",
                document=self.display_name,
                field=self._fields[name]._description_string(self.env),
            )
        if self and (criterion or name in self._editable_while):
            return self.env._(
                "%(document)s was processed: its “%(field)s” stays as it is. Undo it, or search "
                "anew.",
                document=self.display_name,
                field=self._fields[name]._description_string(self.env),
            )
        return super()._get_refusal(name)

    def _check_person_values(self, vals_list):
        """An amount of zero that somebody gives is told apart from one that is not given.

        :raise ValidationError: as it would be left out silently.
        """
        result = super()._check_person_values(vals_list)
        for vals in vals_list:
            for name in sorted(self._get_amount_criteria() & vals.keys()):
                given = vals[name] is not None and vals[name] is not False
                if given and not float(vals[name]):
                    raise ValidationError(
                        self.env._(
                            "“%s” is zero, which is no criterion: give an amount, or leave it out.",
                            self._fields[name]._description_string(self.env),
                        )
                    )
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for document in self:
            if document.line_ids.filtered(lambda line: line.entry_id or line.entry_name):
                raise UserError(
                    self.env._(
                        "%(document)s has made journal entries and stays as their record. "
                        "Undo it instead.",
                        document=document.display_name,
                    )
                )

    @api.model
    def _check_may_write_off(self):
        """Core lets every invoicing user post entries: who may write off is checked here."""
        if not self.env.su and not self.env.user.has_group("ar_balance_invoicing.group_write_off"):
            raise AccessError(
                self.env._(
                    "You may not write off. Ask an administrator for the right "
                    "“Write Off” of Accounting."
                )
            )

    # ------------------------------------------------------------------
    # Search
    # ------------------------------------------------------------------

    @api.model
    def find(self, criteria, **values):
        """List what meets all criteria in a new document, everything ticked.

        For scripts; over the external API, it returns the document's id in a list.

        :param criteria: values of fields of ``ar.write.off.criteria``, as for ``create``
        :param values: of the document itself: ``reason_id``, ``date``, ``batch_id``, …
        :return: the document, to be reviewed (``line_ids``) and processed
        :raise UserError: when no criterion is given, or one is wrong
        """
        self._check_criteria_names(criteria)
        document = self.create({**criteria, **values})
        document.action_search()
        return document

    def search_again(self, criteria):
        """List what meets other criteria instead, in the same document.

        What was unticked before stays unticked, and a lowered amount stays lowered as long
        as the same is owed.

        :param criteria: all criteria, as for ``find``; what is not given is not applied
        :return: the document
        :raise UserError: when it was processed, or no criterion is given
        """
        self.ensure_one()
        self._check_may_be_searched()
        self._check_criteria_names(criteria)
        self._check_person_values([criteria])
        self._write_inside(dict.fromkeys(self._get_criteria_fields(), False))
        self._write_inside(criteria)
        self.action_search()
        return self

    def action_search(self):
        """List what meets all criteria; what was unticked before stays unticked.

        Also what a search between did not find, or found under another customer.

        :raise UserError: when the document was processed already, or no criterion is
            given at all.
        """
        self.ensure_one()
        self._check_may_be_searched()
        self._check_criteria()
        before = self._get_lines("todo")
        self._remember_decisions()
        self._insert_found()
        before._unlink_inside()
        self._write_inside({"searched": True})
        return True

    def _check_may_be_searched(self):
        self._check_may_write_off()
        self._check_startable()
        if not self.is_editable:
            raise UserError(self._get_wrong_state_message())

    def _check_criteria_names(self, criteria):
        self._check_names([criteria])
        for name in sorted(criteria.keys() - self._get_criteria_fields()):
            raise ValidationError(
                self.env._(
                    "“%s” is no criterion.", self._fields[name]._description_string(self.env)
                )
            )

    def _insert_found(self):
        """Insert the lines: one per document found, with its open items.

        All are ticked but those that were unticked in this document before. One INSERT … SELECT
        into our own tables; through ``create``, 20,000 lines took fourteen times as long as
        finding them.
        """
        lines = self.env["ar.write.off.line"]
        lines.check_access("create")
        lines.flush_model()
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
                numbered AS MATERIALIZED (
                    SELECT nextval(pg_get_serial_sequence('ar_write_off_line', 'id')) AS line_id,
                           ordered.*
                      FROM (SELECT * FROM found
                            LEFT JOIN decided USING (move_id, currency_id, item_partner)
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

    def _remember_decisions(self):
        """Keep what a person has decided about the list, for when it is found again.

        By item, which stays when its customer is merged or gets a parent company.
        """
        lines = self.env["ar.write.off.line"]
        items = lines._fields["item_ids"]
        lines.flush_model()
        self.env.execute_query(
            SQL(
                """
                WITH listed AS MATERIALIZED (
                    SELECT item.%(item_column)s AS item_id, line.selected AS ticked,
                           line.amount_residual AS reviewed,
                           line.amount_residual_company AS reviewed_company,
                           line.amount AS decided, line.amount_company AS decided_company
                      FROM ar_write_off_line line
                      JOIN %(relation)s item ON item.%(line_column)s = line.id
                     WHERE line.document_id = %(document)s AND line.state = 'todo'
                ),
                kept AS (
                    SELECT * FROM listed WHERE NOT ticked OR decided != reviewed
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
            "selected": SQL("COALESCE(ticked, TRUE)"),
            "state": SQL("'todo'"),
            "create_uid": SQL("%s", self.env.uid),
            "write_uid": SQL("%s", self.env.uid),
            "create_date": SQL("%s", now),
            "write_date": SQL("%s", now),
        }
