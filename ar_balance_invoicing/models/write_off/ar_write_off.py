from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...tools.amounts import round_amount

# Names of the fields that say what is searched.
CRITERIA = (
    "partner_name",
    "partner_ids",
    "balance_below",
    "balance_from",
    "aging_choice",
    "aging_days",
    "product_type",
    "product_category_ids",
    "invoice_date_from",
    "invoice_date_to",
    "due_date_from",
    "due_date_to",
    "sale_journal_ids",
    "salesperson_ids",
    "tag_ids",
    "profile_ids",
    "currency_ids",
    "customer_balance_below",
    "with_credits",
)


class ArWriteOff(models.Model):
    """Small, old or hopeless balances: found, reviewed, written off, taken back.

    The document keeps what was searched for, what was found and with which residual
    it was reviewed, what was ticked, and the entries made. One journal entry per line
    (usually an invoice) is made for a whole chunk at once.
    """

    _name = "ar.write.off"
    _description = "Write-Off"
    _inherit = ["ar.bulk.document"]
    _order = "id desc"
    _check_company_auto = True
    _line_model = "ar.write.off.line"
    _number_sequence = "ar.write.off"
    _work_group = "ar_balance_invoicing.group_write_off"
    # What was searched and decided stays as it was processed; what keeps failed lines from
    # being written off may be put right before they are retried.
    _editable_while = {
        **dict.fromkeys([*CRITERIA, "batch_id", "reason_id"], "is_editable"),
        **dict.fromkeys(["date", "journal_id", "note", "line_ids"], "is_startable"),
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
        for document in self:
            if document.company_id.ar_write_off_batch_mode == "automatic":
                document.batch_id = False  # the Auto Batch of the day, when processed
            elif not document.batch_id:
                document.batch_id = self.env.user.with_company(
                    document.company_id
                ).ar_default_write_off_batch_id.filtered(lambda batch: batch.state == "open")

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

    @api.depends("line_ids.selected", "line_ids.amount", "line_ids.state")
    def _compute_ticked(self):
        figures = self._get_ticked_figures()
        for document in self:
            count, customers, amount, by_currency = figures.get(document, (0, set(), 0, {}))
            document.ticked_count = count
            document.ticked_customers = len(customers)
            document.ticked_amount = round_amount(document.currency_id, amount)
            document.ticked_by_currency = (
                ", ".join(currency.format(total) for currency, total in by_currency.items())
                if by_currency.keys() - {document.currency_id}
                else False
            )

    def _get_ticked_figures(self):
        """``{document: (lines, customer ids, amount, {currency: amount})}`` of what is ticked.

        By the database, which does not read thousands of lines; only amounts that are
        typed and not saved yet are added up from the lines of the form.
        """
        figures = {}
        saved = self.filtered("id")
        rows = self.env["ar.write.off.line"]._read_group(
            [("document_id", "in", saved.ids), ("state", "=", "todo"), ("selected", "=", True)],
            ["document_id", "currency_id"],
            ["__count", "partner_id:array_agg_distinct", "amount_company:sum", "amount:sum"],
        )
        for document in self - saved:
            lines = document.line_ids.filtered(lambda line: line.selected and line.state == "todo")
            rows += [
                (document, currency, len(of_currency), of_currency.partner_id.ids)
                + tuple(sum(of_currency.mapped(name)) for name in ("amount_company", "amount"))
                for currency, of_currency in lines.grouped("currency_id").items()
            ]
        for document, currency, count, customers, amount, amount_currency in rows:
            lines, known, total, by_currency = figures.get(document, (0, set(), 0, {}))
            figures[document] = (
                lines + count,
                known | set(customers),
                total + amount,
                by_currency | {currency: amount_currency},
            )
        return figures

    @api.depends("line_ids.amount_company", "line_ids.state")
    def _compute_amount_written_off(self):
        rows = self.env["ar.write.off.line"]._read_group(
            [("document_id", "in", self._origin.ids), ("state", "=", "done")],
            ["document_id"],
            ["amount_company:sum"],
        )
        amounts = {document.id: amount for document, amount in rows}
        for document in self:
            amount = amounts.get(document._origin.id, 0)
            document.amount_written_off = round_amount(document.currency_id, amount)

    @api.model_create_multi
    def create(self, vals_list):
        self._check_may_write_off()
        return super().create(vals_list)

    def _get_refusal(self, name):
        if self and name in self._editable_while:
            return self.env._(
                "%(document)s was processed: its “%(field)s” stays as it is. Undo it, or search "
                "anew.",
                document=self.display_name,
                field=self._fields[name]._description_string(self.env),
            )
        return super()._get_refusal(name)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for document in self:
            if document.line_ids.entry_id:
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
    # Ticks
    # ------------------------------------------------------------------

    def action_tick_all(self):
        """Tick every line found."""
        self.check_access("write")
        self._get_lines("todo").write({"selected": True})

    def action_untick_all(self):
        """Untick every line found."""
        self.check_access("write")
        self._get_lines("todo").write({"selected": False})

    def action_set_default_batch(self):
        """Make the chosen batch the user's own default.

        :raise UserError: when no batch is chosen, or it is not open to the user.
        """
        self.ensure_one()
        self._check_may_write_off()
        if not self.batch_id:
            raise UserError(self.env._("Choose a batch first."))
        self.batch_id.action_set_default()

    # ------------------------------------------------------------------
    # Processing
    # ------------------------------------------------------------------

    def action_process(self):
        """Write off the ticked lines.

        :raise UserError: when nothing is ticked, a note or batch is missing, or the
            accounting date lies in a closed period.
        """
        for document in self:
            document._check_may_write_off()
            document._check_startable()
            document._check_ready()
            document._write_inside({"batch_id": document._get_batch().id})
            document._get_lines("todo")._skip_unticked()
            document._start()
        return True

    def action_retry(self):
        """Take up failed and waiting lines again, if their batches still take them.

        A document that was cancelled before anything was written off is a draft again,
        to be reviewed and processed.

        :raise UserError: when the document as a whole is not in order, see
            ``action_process``
        """
        for document in self:
            document._check_may_write_off()
            document._check_startable()
            if document._is_untouched():
                document._back_to_draft()
            else:
                document._check_retry()
                super(ArWriteOff, document).action_retry()
        return True

    def _is_untouched(self):
        """No worker has taken it up, nor any of its lines a moment ago."""
        handled = self._get_line_counts()[self.id].keys() - {"todo", "skipped"}
        return not self.started_at and not handled

    def _check_retry(self):
        """Say what has to be put right first, and leave out what was unticked meanwhile."""
        self._check_filled_in()
        lines = self._get_lines("failed") | self._get_lines("todo")
        for batch in self.env["ar.write.off.batch"].union(*(line._get_batch() for line in lines)):
            batch._check_usable()
        lines._skip_unticked()

    def _back_to_draft(self):
        """As it was reviewed: what was not ticked is still not, and can be."""
        self._get_lines("skipped")._write_inside({"state": "todo", "reason": False})
        self._write_inside({"state": "draft"})
        self._inside()._compute_batch_id()

    def _settle_failures(self):
        """Documents are done when none of their failed lines is left."""
        for document in self.filtered(lambda document: document.state == "failed"):
            counts = document._get_line_counts()[document.id]
            state = document._get_final_state(counts, counts.get("todo", 0))
            document._write_inside({"state": state})

    def _get_batch(self):
        """The batch it is recorded in: the chosen one, or today's Auto Batch."""
        batch = self.batch_id
        if not batch:
            batch = self.env["ar.write.off.batch"]._get_default_batch(
                self.company_id, self.env.user
            )
        batch._check_usable()
        return batch

    def _check_ready(self):
        """Whatever is wrong with the document as a whole is said before any entry."""
        if self.criteria_changed:
            raise UserError(
                self.env._(
                    "The criteria of %s have changed since the search: search again, so that "
                    "you see what is to be written off.",
                    self.display_name,
                )
            )
        if not self._get_lines("todo").filtered("selected"):
            raise UserError(
                self.env._("Nothing is ticked. Search, and tick what is to be written off.")
            )
        self._check_filled_in()

    def _check_filled_in(self):
        """Reason, note, journal and an open date, before the first time and each other."""
        if self.company_id.ar_write_off_reason_required and not self.reason_id:
            raise UserError(self.env._("Choose a reason for this write-off."))
        if self.note_required and not (self.note or "").strip():
            raise UserError(
                self.env._("The reason “%s” asks for a note: write one.", self.reason_id.name)
            )
        if not self.journal_id:
            raise UserError(
                self.env._("Choose the journal in which the write-off is to be booked.")
            )
        self._check_date_open()

    def _check_date_open(self):
        """Posting would silently move a locked date: say so instead."""
        violated = self.company_id._get_violated_lock_dates(
            self.date, has_tax=self._reclaims_tax(), journal=self.journal_id
        )
        if violated:
            raise UserError(
                self.env._(
                    "The accounting date %(date)s lies in a closed period (%(locks)s). "
                    "Choose a later date.",
                    date=fields.Date.to_string(self.date),
                    locks=self.env["res.company"]._format_lock_dates(violated),
                )
            )

    def _reclaims_tax(self):
        return self.reason_id.tax_treatment == "reclaim"

    def _process_lines(self, lines):
        """One entry per line, all made, posted and matched together."""
        self._check_may_write_off()
        try:
            # The period may have been closed while the document was waiting.
            self._check_date_open()
        except UserError as error:
            lines._mark_failed(str(error.args[0]))
            return
        lines = lines._skip_unticked()._fail_without_batch()._set_aside()
        prepared = []
        ready = lines.browse()
        for line in lines:
            try:
                prepared.append(line._prepare_entry())
                ready |= line
            except UserError as error:
                line._mark_failed(str(error.args[0]))
        if not ready:
            return
        entries = self._book(prepared)
        for line, entry in zip(ready, entries, strict=True):
            line._mark_done(entry_id=entry.id, batch_id=line._get_batch().id)
            line.move_id._ar_note_with_changes(line._get_note())

    def _book(self, prepared, amounts=None):
        """Make, post and match entries, then read them back.

        :param prepared: of each entry its values, and pairs of open items and of the values
            of their counterparts.
        :param amounts: what other items must owe afterwards, by their ids.
        :raise Differs: when the books do not say what was meant.
        """
        maker = self.env["ar.entry.maker"].with_company(self.company_id)
        vals_list = [vals for vals, _pairs in prepared]
        entries = maker._create_entries(vals_list, matched_apart=amounts is not None)
        pairs = maker._pair(entries, prepared)
        expected = (amounts or {}) | maker._get_amounts_after_matching(pairs)
        maker._match([item | counterpart for item, counterpart in pairs])
        maker._check_books(entries, vals_list, expected)
        return entries

    def _undo_lines(self, lines):
        self._check_may_write_off()
        ready = lines.browse()
        for line in lines:
            problem = line._get_undo_problem()
            if problem:
                line._mark_failed(problem)
            else:
                ready |= line
        if not ready:
            return
        maker = self.env["ar.entry.maker"].with_company(self.company_id)
        amounts = maker._get_amounts_without(ready.entry_id)
        maker._unmatch(ready.entry_id)
        reversals = self._book([line._prepare_reversal() for line in ready], amounts)
        for line, reversal in zip(ready, reversals, strict=True):
            line._write_inside({"state": "undone", "reason": False, "reversal_id": reversal.id})
            line.move_id._ar_note_with_changes(line._get_undo_note())

    def action_undo(self):
        """Undo the whole document: each invoice owes again exactly what it did."""
        self._check_may_write_off()
        return super().action_undo()

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_view_lines(self):
        """What was found, as a list to filter, group and tick."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_write_off_line_action_document"
        )
        shown = {"draft": (), "undone": ("undone",)}.get(self.state, ("done", "failed"))
        # The action has the same domain, by the id in the address.
        return {
            **action,
            "display_name": self.env._("Lines of %s", self.display_name),
            "domain": [("document_id", "=", self.id)],
            "context": {
                "active_id": self.id,
                "ar_write_off_draft": self.state == "draft",
                **{f"search_default_{name}": 1 for name in shown},
            },
        }

    def action_view_entries(self):
        """The journal entries of this document, with the reversals of what was undone."""
        self.ensure_one()
        lines = self.env["ar.write.off.line"].search([("document_id", "=", self.id)])
        lines.fetch(["entry_id", "reversal_id"])
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_write_off_entry_action"
        )
        return {
            **action,
            "display_name": self.env._("Entries of %s", self.display_name),
            "domain": [("id", "in", (lines.entry_id | lines.reversal_id).ids)],
            "context": {"active_id": self.id},
        }
