"""A write-off document before it is processed: what it is called, and how long it lives."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.constants import GC_UNLINK_LIMIT

# A list that nobody has touched for so long is out of date.
DRAFT_DAYS = 7


class ArWriteOffDraft(models.AbstractModel):
    """The part of a write-off document that is about its being a draft.

    It has no number yet, and is called by what was searched for.
    """

    _name = "ar.write.off.draft"
    _description = "Draft of a Write-Off"
    _inherit = ["ar.bulk.document", "ar.write.off.criteria"]

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")

    @api.depends("name", "criteria_text")
    @api.depends_context("lang")
    def _compute_display_name(self):
        return super()._compute_display_name()

    def _get_draft_name(self):
        criteria = self.criteria_text
        return self.env._("Draft · %s", criteria) if criteria else self.env._("New Write-Off")

    def action_discard(self):
        """Delete drafts that nothing was written off by, with what was found and decided.

        :raise UserError: when one was processed.
        """
        self.env["ar.write.off"]._check_may_write_off()
        for document in self:
            document._lock()
            if document.state != "draft" or document.name:
                raise UserError(
                    self.env._(
                        "%s is no draft any more: it stays as the record of what was done.",
                        document.display_name,
                    )
                )
        self.unlink()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "ar_balance_invoicing.ar_write_off_action"
            ),
            "target": "main",
        }

    @api.autovacuum
    def _gc_drafts(self):
        """Drafts in which nobody has changed, ticked or lowered anything for a week."""
        if self._abstract:
            return None
        week_ago = fields.Datetime.now() - timedelta(days=DRAFT_DAYS)
        drafts = self.search(
            [
                ("state", "=", "draft"),
                # What was begun and cancelled has a number, and stays.
                ("name", "=", False),
                ("write_date", "<", week_ago),
                ("line_ids", "not any", [("write_date", ">=", week_ago)]),
            ],
            limit=GC_UNLINK_LIMIT,
        )
        count = len(drafts)
        drafts._unlink_inside()
        return count, count == GC_UNLINK_LIMIT
