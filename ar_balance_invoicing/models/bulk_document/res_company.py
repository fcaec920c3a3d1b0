from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .ar_bulk_document import LONGEST_WAIT


class ResCompany(models.Model):
    _inherit = "res.company"

    ar_background_seconds = fields.Float(
        string="Work in the Background Above (seconds)",
        default=5,
        required=True,
        help="Documents that are expected to take longer than this are worked off by scheduled "
        "actions, so that nobody has to wait for them with an open browser.",
    )

    @api.constrains("ar_background_seconds")
    def _check_ar_background_seconds(self):
        for company in self:
            if not 0 < company.ar_background_seconds <= LONGEST_WAIT:
                raise ValidationError(
                    self.env._(
                        "%(company)s is to work in the background above %(seconds)s seconds. "
                        "Type a number above 0, and not above %(longest)s: servers stop what "
                        "takes much longer.",
                        company=company.display_name,
                        seconds=company.ar_background_seconds,
                        longest=LONGEST_WAIT,
                    )
                )
