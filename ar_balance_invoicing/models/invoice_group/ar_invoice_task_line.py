from odoo import fields, models


class ArInvoiceTaskLine(models.Model):
    """One invoice of a task, with its outcome."""

    _name = "ar.invoice.task.line"
    _description = "Invoice Group Task Line"
    _inherit = ["ar.bulk.document.line"]
    _order = "document_id, id"
    _person_creates = False
    _person_writes = False
    _person_deletes = False

    document_id = fields.Many2one(
        "ar.invoice.task", string="Task", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="document_id.company_id", store=True)
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    label = fields.Char(
        string="Was Called", readonly=True, help="The invoice's name when the task was made."
    )
    partner_id = fields.Many2one(related="move_id.partner_id", string="Customer")
    pdf = fields.Binary(
        readonly=True,
        # Whoever may write a record may give it attachments, past its ``write``.
        attachment=False,
        help="Until all are put together into one.",
    )

    def _compute_display_name(self):
        for line in self:
            line.display_name = line.move_id.display_name or line.label
