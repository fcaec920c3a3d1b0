from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResUsers(models.Model):
    _inherit = "res.users"

    ar_default_write_off_batch_id = fields.Many2one(
        "ar.write.off.batch",
        string="Default Write-Off Batch",
        company_dependent=True,
        copy=False,
        domain="[('is_usable', '=', True)]",
        help="Where this user's write-offs are recorded while the company uses manual batches.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["ar_default_write_off_batch_id"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ["ar_default_write_off_batch_id"]

    @api.constrains("ar_default_write_off_batch_id")
    def _check_ar_default_write_off_batch_id(self):
        """A default batch is one that its user may use; it is not named to others."""
        company = self.env.company
        for user in self.sudo().filtered("ar_default_write_off_batch_id"):
            batch = user.ar_default_write_off_batch_id.exists()
            usable = batch.filtered_domain(batch._get_usable_domain(user))
            may_write_off = user.has_group("ar_balance_invoicing.group_write_off")
            here = usable.company_id == company and company in user.company_ids
            if not (may_write_off and here):
                raise ValidationError(
                    self.env._(
                        "The default batch of %(user)s in %(company)s must be an open batch of "
                        "that company, and %(user)s one of its users with the right “Write Off”. "
                        "Choose another batch, or have %(user)s added to its users.",
                        user=user.name,
                        company=company.display_name,
                    )
                )
