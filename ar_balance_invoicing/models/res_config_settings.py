from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    ar_aging_basis = fields.Selection(related="company_id.ar_aging_basis", readonly=False)
    ar_zero_policy = fields.Selection(related="company_id.ar_zero_policy", readonly=False)
    ar_background_seconds = fields.Float(related="company_id.ar_background_seconds", readonly=False)
    ar_lane_notice = fields.Text(compute="_compute_ar_lane_notice")
    ar_loss_account_id = fields.Many2one(related="company_id.ar_loss_account_id", readonly=False)
    ar_gain_account_id = fields.Many2one(related="company_id.ar_gain_account_id", readonly=False)
    ar_recovery_account_id = fields.Many2one(
        related="company_id.ar_recovery_account_id", readonly=False
    )
    ar_write_off_journal_id = fields.Many2one(
        related="company_id.ar_write_off_journal_id", readonly=False
    )
    ar_write_off_batch_mode = fields.Selection(
        related="company_id.ar_write_off_batch_mode", readonly=False
    )
    ar_write_off_reason_required = fields.Boolean(
        related="company_id.ar_write_off_reason_required", readonly=False
    )
    ar_apply_credits = fields.Boolean(related="company_id.ar_apply_credits", readonly=False)

    def _compute_ar_lane_notice(self):
        """What is wrong with the scheduled actions that work documents off."""
        for settings in self:
            settings.ar_lane_notice = self.env["ar.bulk.lanes"]._get_lane_notice()
