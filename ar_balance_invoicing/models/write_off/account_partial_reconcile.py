from odoo import api, models

from ...tools.context_keys import BOOKED_NOW, BOOKED_NOW_KEY


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model
    def _update_matching_number(self, amls):
        """What somebody has matched or unmatched by hand: rows of write-offs follow.

        Core comes here after each creation and deletion of matchings, with their items.
        """
        result = super()._update_matching_number(amls)
        if self.env.context.get(BOOKED_NOW_KEY) is BOOKED_NOW:
            return result
        by_hand = self.env["ar.write.off.by.hand"]
        # Write-offs and their reversals are plain entries.
        entries = amls.move_id.filtered(lambda move: move.move_type == "entry")
        by_hand._follow_ledger(by_hand._get_touched_lines(entries))
        return result

    def _collect_tax_cash_basis_values(self):
        """No tax falls due by a write-off, whoever matches it: neither its base nor the tax."""
        paid = self.filtered(
            lambda partial: (
                not (partial.debit_move_id | partial.credit_move_id)
                .move_id.sudo()
                .write_off_line_id
            )
        )
        return super(AccountPartialReconcile, paid)._collect_tax_cash_basis_values()
