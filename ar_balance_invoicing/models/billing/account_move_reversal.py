from odoo import fields, models
from odoo.exceptions import UserError

from ...tools.context_keys import CORRECTED


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        """The corrected copy of an invoice bills the period in its stead.

        :raise UserError: for a date in the future, when both would bill it until then.
        """
        if not is_modify:
            return super().reverse_moves(is_modify=is_modify)
        origins = self.move_ids
        self._ar_check_corrected_now()
        window = self.with_context(**{CORRECTED: True})
        action = super(AccountMoveReversal, window).reverse_moves(is_modify=True)
        # Made in the order of the originals.
        for origin, copy in zip(origins, self.new_move_ids.sorted("id"), strict=True):
            self.env["ar.billing.place"].sudo()._take_over(copy, origin)
        return action

    def _ar_check_corrected_now(self):
        billed = self.move_ids._ar_get_places(live=True).move_id
        if billed and self.date and self.date > fields.Date.context_today(self):
            raise UserError(
                self.env._(
                    "%s bills a period, and would go on doing so beside its corrected copy until "
                    "then. Reverse it today or earlier.",
                    billed[0].display_name,
                )
            )
