from odoo import models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        """Not what has a live write-off.

        :raise RedirectWarning: with “Undo the write-off and go on”.
        """
        if len(self) == 1:
            by_hand = self.env["ar.write.off.by.hand"]
            by_hand._check_on_screen(self.move_ids, "modify" if is_modify else "refund", self)
        return super().reverse_moves(is_modify)
