from odoo import api, models
from odoo.fields import Domain


class ArBalance(models.AbstractModel):
    _inherit = "ar.balance"

    @api.model
    def _get_write_off_entry_domain(self):
        return super()._get_write_off_entry_domain() | Domain("write_off_line_id", "!=", False)
