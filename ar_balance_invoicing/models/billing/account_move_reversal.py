from odoo import models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        """The corrected copy of an invoice bills the period in its stead."""
        origins = self.move_ids
        action = super().reverse_moves(is_modify=is_modify)
        if is_modify:
            # Made in the order of the originals.
            for origin, copy in zip(origins, self.new_move_ids.sorted("id"), strict=True):
                copy._ar_take_over(origin)
        return action
