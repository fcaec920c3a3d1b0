from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    def _get_next_sequence_format(self):
        """Ask core once for all alike entries of a chunk; the numbers themselves it counts.

        ``ar_sequence_formats`` in the context, a dictionary, keeps the answers while the
        entries are posted. Core counts on from the number that it has locked, whatever
        the answer says; but to get it, it searches the journal for each entry.
        """
        formats = self.env.context.get("ar_sequence_formats")
        if formats is None:
            return super()._get_next_sequence_format()
        # Where a localisation numbers by more than the journal, the condition says so.
        condition, values = self._get_last_sequence_domain(relaxed=True)
        key = (condition, str(sorted(values.items())), self.journal_id, self.date, self.move_type)
        if key not in formats:
            formats[key] = super()._get_next_sequence_format()
        text, values = formats[key]
        return text, dict(values)
