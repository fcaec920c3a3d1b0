from odoo import fields, models


class ArLateFee(models.Model):
    """Remembers that an overdue invoice was charged a late fee in a period.

    Goes with the invoice that charged it: once that is deleted, the fee can be charged
    again.
    """

    _name = "ar.late.fee"
    _description = "Late Fee"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False
    _person_deletes = False
    _order = "id desc"
    _rec_name = "overdue_move_id"

    period_id = fields.Many2one("ar.billing.period", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="period_id.company_id", store=True, index=True)
    overdue_move_id = fields.Many2one(
        "account.move", string="Overdue Invoice", required=True, index=True, ondelete="cascade"
    )
    fee_move_id = fields.Many2one(
        "account.move", string="Charged On", required=True, index=True, ondelete="cascade"
    )

    _period_overdue_move_uniq = models.UniqueIndex(
        "(period_id, overdue_move_id)",
        "This overdue invoice was charged a late fee in this period already.",
    )
