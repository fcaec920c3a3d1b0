from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.write_off.ar_write_off_ticked import RETRIED, WAITING
from ..tools import client_actions

# How the ticked rows are written off: asked here, kept by the document.
BOOKING = (
    *("apply_credits", "batch_id", "reason_id", "journal_id"),
    *("date", "note", "tax_evidence"),
)


class ArWriteOffProcess(models.TransientModel):
    """The pop-up of Process Selection: says what is about to be done, and asks how.

    The document is changed by *Process* only. What was ticked when the pop-up was opened is
    what is processed, or nothing.
    """

    _name = "ar.write.off.process"
    _description = "Process Selection"
    _inherit = ["ar.guarded", "ar.write.off.batch.choice"]
    _initial_fields = frozenset({"document_id"})

    document_id = fields.Many2one(
        "ar.write.off", string="Write-Off", required=True, readonly=True, ondelete="cascade"
    )
    is_retry = fields.Boolean(readonly=True, help="Rows that failed are taken up again.")
    company_id = fields.Many2one(related="document_id.company_id")
    is_editable = fields.Boolean(related="document_id.is_editable")
    ticks = fields.Char(
        compute="_compute_booking",
        store=True,
        precompute=True,
        readonly=True,
        help="Which rows and amounts were ticked when the pop-up was opened.",
    )
    hidden_count = fields.Integer(
        readonly=True, help="How many of the ticked rows the filter of the list hides."
    )
    text = fields.Char(string="What Is Done", compute="_compute_text")
    hidden_text = fields.Char(string="Ticked but Not Shown", compute="_compute_text")
    tax_text = fields.Char(compute="_compute_text")

    apply_credits = fields.Boolean(
        string="Apply Credits First",
        compute="_compute_booking",
        store=True,
        precompute=True,
        readonly=False,
        help="Unapplied payments and credit notes of a customer are matched with his ticked "
        "rows, the oldest first; only the rest is lost.",
    )
    batch_id = fields.Many2one(
        "ar.write.off.batch",
        compute="_compute_booking",
        store=True,
        precompute=True,
        readonly=False,
        ondelete="cascade",
        domain="[('is_usable', '=', True), ('company_id', '=', company_id)]",
    )
    reason_id = fields.Many2one(
        "ar.write.off.reason",
        compute="_compute_booking",
        store=True,
        precompute=True,
        readonly=False,
        ondelete="cascade",
        domain="[('company_id', 'parent_of', company_id)]",
    )
    journal_id = fields.Many2one(
        "account.journal",
        compute="_compute_journal_id",
        store=True,
        precompute=True,
        readonly=False,
        ondelete="cascade",
        domain="[('type', '=', 'general'), ('company_id', 'parent_of', company_id)]",
        help="The journal of the write-off entries: by default the reason's, else the company's.",
    )
    date = fields.Date(
        string="Accounting Date",
        compute="_compute_booking",
        store=True,
        precompute=True,
        readonly=False,
        help="The date of the write-off entries.",
    )
    note = fields.Text(compute="_compute_booking", store=True, precompute=True, readonly=False)
    note_required = fields.Boolean(related="reason_id.note_required")
    tax_evidence = fields.Text(
        string="Evidence", compute="_compute_booking", store=True, precompute=True, readonly=False
    )
    evidence_required = fields.Boolean(compute="_compute_text")

    # ------------------------------------------------------------------
    # What the document says
    # ------------------------------------------------------------------

    def _get_states(self):
        return RETRIED if self.is_retry else WAITING

    @api.depends("document_id", "is_retry")
    def _compute_booking(self):
        for window in self:
            document = window.document_id
            window.ticks = document._get_ticks(window._get_states()) if document else False
            for name in BOOKING:
                if name != "journal_id":
                    window[name] = document[name]

    @api.depends("document_id", "reason_id")
    def _compute_journal_id(self):
        for window in self:
            document = window.document_id
            if window.reason_id == document.reason_id:
                window.journal_id = document.journal_id
                continue
            try:
                window.journal_id = window.reason_id._get_write_off_journal(window.company_id)
            except UserError:
                window.journal_id = False  # said when it is processed

    @api.depends("document_id", "is_retry", "apply_credits", "reason_id", "hidden_count")
    def _compute_text(self):
        for window in self:
            document = window.document_id
            reclaims = window.reason_id.tax_treatment == "reclaim"
            window.text = bool(document) and document._get_ticked_text(
                window.apply_credits, window._get_states()
            )
            window.hidden_text = bool(window.hidden_count) and self.env._(
                "%(ticked)s ticked, %(hidden)s of them not shown or not selected in the "
                "list: they are written off too, for ticks count.",
                ticked=document.ticked_count,
                hidden=window.hidden_count,
            )
            window.tax_text = reclaims and self.env._(
                "Of what is lost, declared tax is asked back where it may be."
            )
            window.evidence_required = reclaims and window.reason_id.evidence_required

    # ------------------------------------------------------------------
    # Process
    # ------------------------------------------------------------------

    def action_process(self):
        """Write off what the pop-up says, and show what became of it.

        :raise UserError: when other rows or amounts are ticked than it says; see also
            ``action_process`` of ``ar.write.off``.
        """
        self.ensure_one()
        document = self.document_id
        document._check_may_write_off()
        document.check_access("write")
        if not (document.can_retry if self.is_retry else document.is_startable):
            return document._show_as_it_is()
        document._check_startable()
        if self.ticks != document._get_ticks(self._get_states()):
            raise UserError(
                self.env._(
                    "Other rows or amounts are ticked than when you opened this window: somebody "
                    "has changed them, or searched again. Look at the list, and choose “%s” again.",
                    self.env._("Retry") if self.is_retry else self.env._("Process Selection"),
                )
            )
        if changes := self._get_changes():
            document.write(changes)
        if self.is_retry:
            document.action_retry()
        else:
            document.action_process()
        return document.action_view_document()

    def _get_changes(self):
        """Values of the document that the pop-up says otherwise."""
        document = self.document_id
        return {
            name: self._fields[name].convert_to_write(self[name], self)
            for name in BOOKING
            if self[name] != document[name]
        }

    def _show_with_batch(self):
        return client_actions.form(self, self.env._("Process Selection"), target="new")
