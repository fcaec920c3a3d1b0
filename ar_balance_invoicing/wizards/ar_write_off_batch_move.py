from odoo import api, fields, models
from odoo.exceptions import UserError


class ArWriteOffBatchMove(models.TransientModel):
    """The pop-up of Move to Batch: into which open batch."""

    _name = "ar.write.off.batch.move"
    _description = "Move Write-Offs to Another Batch"
    _inherit = ["ar.guarded"]

    line_ids = fields.Many2many("ar.write.off.line", string="Write-Offs", required=True)
    company_id = fields.Many2one("res.company", compute="_compute_figures")
    currency_id = fields.Many2one(related="company_id.currency_id")
    line_count = fields.Integer(string="Write-Offs to Move", compute="_compute_figures")
    amount = fields.Monetary(compute="_compute_figures", help="In company currency.")
    batch_id = fields.Many2one(
        "ar.write.off.batch",
        required=True,
        domain="[('is_usable', '=', True), ('company_id', '=', company_id)]",
    )

    @api.depends("line_ids")
    def _compute_figures(self):
        for wizard in self:
            lines = wizard.line_ids
            wizard.company_id = lines[:1].company_id
            wizard.line_count = len(lines)
            wizard.amount = sum(lines.mapped("amount_company"))

    def action_move(self):
        """Move the lines.

        :raise UserError: when a batch is closed, not the user's or of another company.
        """
        self.ensure_one()
        if not self.line_ids:
            raise UserError(self.env._("Tick the write-offs that are to be moved."))
        self.batch_id._take_lines(self.line_ids)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
