from odoo import api, fields, models

# What wants to be looked at stands first.
PLACES = ("failed", "todo", "skipped", "done")


class ArInvoiceTaskLine(models.Model):
    """One invoice of a task, with its outcome."""

    _name = "ar.invoice.task.line"
    _description = "Invoice Task Line"
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
    place = fields.Integer(
        compute="_compute_place", help="Failed lines stand first, then those to do."
    )
    pdf = fields.Binary(
        readonly=True,
        # Whoever may write a record may give it attachments, past its ``write``.
        attachment=False,
        help="Until all are put together into one.",
    )

    @api.depends("state")
    def _compute_place(self):
        for line in self:
            line.place = PLACES.index(line.state) if line.state in PLACES else len(PLACES)

    def _compute_display_name(self):
        for line in self:
            line.display_name = line.move_id.display_name or line.label
