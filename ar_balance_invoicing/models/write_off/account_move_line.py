from odoo import fields, models

from ..balance.account_move import BALANCE_GROUPS


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    # Copied, so that a reversal gives back what its entry took, whoever makes it.
    written_off_item_id = fields.Many2one(
        "account.move.line",
        string="Takes Back",
        readonly=True,
        index="btree_not_null",
        groups=BALANCE_GROUPS,
        help="Of a write-off that asks tax back: the item of the invoice whose tax, or base of "
        "tax, this takes back.",
    )
