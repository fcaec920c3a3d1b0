"""What is shown to the tax office when it is asked for tax of a bad debt."""

from odoo import api, fields, models
from odoo.exceptions import UserError


class ArWriteOffEvidence(models.AbstractModel):
    """Why the debt is bad in the eyes of the law, kept with the document and its entries."""

    _name = "ar.write.off.evidence"
    _description = "Evidence of a Write-Off"

    evidence_required = fields.Boolean(compute="_compute_evidence_required")
    tax_evidence = fields.Text(
        string="Evidence",
        tracking=True,
        help="Why tax may be asked back: a court's decision, an agency's report, with its date "
        "and number. It is kept here, on the tax items of the entries and in the invoices' "
        "chatter.",
    )

    @api.depends("reason_id")
    def _compute_evidence_required(self):
        for document in self:
            reason = document.reason_id
            document.evidence_required = reason.evidence_required and document._reclaims_tax()

    def _check_evidence(self):
        """
        :raise UserError: when the reason asks for evidence and there is none.
        """
        if self.evidence_required and not (self.tax_evidence or "").strip():
            raise UserError(
                self.env._(
                    "The reason “%s” asks tax back: write down the evidence for the tax office.",
                    self.reason_id.name,
                )
            )
