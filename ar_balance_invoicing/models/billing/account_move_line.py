from odoo import models

from ...tools.amounts import round_amount


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def unlink(self):
        """Days of services that a deleted line bills are free again."""
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
