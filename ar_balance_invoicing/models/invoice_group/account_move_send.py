from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    """Odoo's own sending says whom it could not serve, and we remember it."""

    _inherit = "account.move.send"

    @api.model
    def _hook_if_errors(self, moves_data, allow_raising=True):
        result = super()._hook_if_errors(moves_data, allow_raising=allow_raising)
        errors = {
            move: self._format_error_text(data["error"])
            for move, data in moves_data.items()
            if move.is_sale_document(include_receipts=True)
        }
        moves = self.env["account.move"].sudo().union(*errors)
        moves._ar_keep_email_errors(errors)
        self.env["ar.invoice.task.line"]._tell_of_failed_emails(moves)
        return result

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        moves = self.env["account.move"].sudo().union(*moves_data)
        moves._ar_keep_email_errors(dict.fromkeys(moves, False))
        return super()._hook_if_success(moves_data, from_cron=from_cron)
