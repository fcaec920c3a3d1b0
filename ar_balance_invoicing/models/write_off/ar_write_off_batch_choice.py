from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools import client_actions


class ArWriteOffBatchChoice(models.AbstractModel):
    """A screen on which the batch of a write-off is chosen: which one it will be.

    The same for the search, the document and the pop-up of Process Selection. Where batches
    are manual and there is none, the screen says so before anything is searched, and makes one.
    """

    _name = "ar.write.off.batch.choice"
    _description = "Choice of a Write-Off Batch"

    company_id = fields.Many2one("res.company")
    batch_id = fields.Many2one("ar.write.off.batch")
    batch_mode = fields.Selection(related="company_id.ar_write_off_batch_mode")
    batch_text = fields.Char(
        string="Batch to Be Used",
        compute="_compute_batch_text",
        help="Where the write-off is going to be recorded.",
    )
    needs_batch = fields.Boolean(compute="_compute_batch_text")

    @api.depends("batch_id", "company_id")
    @api.depends_context("uid")
    def _compute_batch_text(self):
        batches = self.env["ar.write.off.batch"]
        for record in self:
            batch = record.batch_id
            automatic = record.company_id.ar_write_off_batch_mode == "automatic"
            record.needs_batch = bool(record.company_id) and not batch and not automatic
            if batch:
                record.batch_text = batch.display_name
            elif automatic:
                record.batch_text = batches._get_automatic_name(self.env.user)
            else:
                record.batch_text = self.env._("None yet: choose a batch, or make one.")

    def action_make_batch(self):
        """Make a batch that the user is assigned to; it is his default from now on.

        :raise UserError: when batches are automatic, or one is chosen already.
        """
        self.ensure_one()
        self.env["ar.write.off"]._check_may_write_off()
        self.check_access("write")
        if not self.needs_batch:
            raise UserError(
                self.env._("This write-off is recorded in the batch “%s”.", self.batch_text)
            )
        company = self.company_id
        batch = self.env["ar.write.off.batch"].create([{"company_id": company.id}])
        batch.action_set_default()
        self.batch_id = batch
        return self._show_with_batch()

    def _show_with_batch(self):
        """The same screen again."""
        return client_actions.show_anew()
