from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    ar_aging_basis = fields.Selection(related="company_id.ar_aging_basis", readonly=False)
    ar_zero_policy = fields.Selection(related="company_id.ar_zero_policy", readonly=False)
    ar_batch_threshold = fields.Integer(related="company_id.ar_batch_threshold", readonly=False)
