from odoo import fields, models
from odoo.exceptions import UserError

from ...tools.amounts import round_amount
from ..balance.account_move import BALANCE_GROUPS


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    billing_late_fee = fields.Boolean(
        string="Late Fee",
        groups=BALANCE_GROUPS,
        help="This line charges a late fee. As long as a billing profile charges no fees on fees, "
        "it is no part of what late fees are charged on.",
    )

    def write(self, vals):
        """A line that bills days stays on its invoice, which frees them when it goes.

        :raise UserError: with the line.
        """
        if "move_id" in vals:
            moved = self.filtered(lambda line: line.move_id.id != vals["move_id"])
            domain = [("move_line_id", "in", moved.ids)]
            days = self.env["ar.billed.days"].sudo()
            if moved and days.search_count(
                ["|", *domain, ("credit_line_id", "in", moved.ids)], limit=1
            ):
                raise UserError(
                    self.env._(
                        "“%s” bills days of a service, and stays on the invoice that it is on.",
                        moved[0].name,
                    )
                )
        return super().write(vals)

    def unlink(self):
        """Days of services that a deleted line bills are free again.

        :raise UserError: when another invoice gives back days of it.
        """
        products = self.filtered(lambda line: line.display_type == "product")
        if products:
            self.env["ar.billed.days"].sudo()._lines_deleted(products)
        return super().unlink()

    def _ar_get_billing_sign(self):
        """1; -1 on a credit note, whose lines have their sign turned."""
        return -1 if self.move_id.move_type == "out_refund" else 1

    def _ar_get_billed_amount(self):
        """Quantity × price before discount, in the currency of the line; below zero: given back."""
        amount = self.quantity * self.price_unit * self._ar_get_billing_sign()
        return round_amount(self.currency_id, amount)
