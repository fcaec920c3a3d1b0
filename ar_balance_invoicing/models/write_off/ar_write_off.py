from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


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
        "ar.write.off.own.money",
        "ar.write.off.ticked",
        "ar.write.off.draft",
        "ar.write.off.undo",
        "ar.write.off.criteria",
        "ar.write.off.found",
        "ar.write.off.evidence",
        "ar.write.off.batch.choice",
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
        **dict.fromkeys(["batch_id", "reason_id", "apply_credits"], "is_editable"),
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
