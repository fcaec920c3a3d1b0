from odoo import fields, models

from ..balance.account_move import BALANCE_GROUPS


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    billing_late_fee = fields.Boolean(
        string="Late Fee",
        groups=BALANCE_GROUPS,
        help="This line charges a late fee. As long as a billing profile charges no fees on fees, "
        "it is no part of what late fees are charged on.",
    )
