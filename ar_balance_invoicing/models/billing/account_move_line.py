from odoo import models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def unlink(self):
        """Days of services that a deleted line bills are free again."""
        products = self.filtered(lambda line: line.display_type == "product")
        if products:
            self.env["ar.billed.days"].sudo()._lines_deleted(products)
        return super().unlink()
