from odoo import fields, models


class ResUsers(models.Model):
    _inherit = "res.users"

    ar_default_batch_id = fields.Many2one(
        "ar.batch",
        string="Default Write-Off Batch",
        company_dependent=True,
        domain="[('is_usable', '=', True)]",
        help="Where this user's write-offs are recorded while the company uses manual batches.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["ar_default_batch_id"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ["ar_default_batch_id"]
