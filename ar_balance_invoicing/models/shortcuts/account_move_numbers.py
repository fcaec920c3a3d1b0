from odoo import models

from .ar_shortcuts import NUMBER_FORMATS


class NumberFormats:
    """Answers of core about the numbers of entries that are posted together."""

    def __init__(self):
        self.known = {}


class AccountMove(models.Model):
    _inherit = "account.move"

    def _numbered_together(self):
        """These entries, to be posted with core asked once for all that are alike."""
        if self.env["ar.shortcuts"]._get_reason_for_core("numbers"):
            return self
        return self.with_context(**{NUMBER_FORMATS: NumberFormats()})

    def _get_next_sequence_format(self):
        """Ask core once for all alike entries of a chunk; the numbers themselves it counts.

        Only for what ``_numbered_together`` returns. Core counts on from the number that
        it has locked, whatever the answer says; but to get it, it searches the journal for
        each entry.
        """
        formats = self.env.context.get(NUMBER_FORMATS)
        if not isinstance(formats, NumberFormats):
            return super()._get_next_sequence_format()
        # Where a localisation numbers by more than the journal, the condition says so.
        condition, values = self._get_last_sequence_domain(relaxed=True)
        key = (condition, str(sorted(values.items())), self.journal_id, self.date, self.move_type)
        if key not in formats.known:
            formats.known[key] = super()._get_next_sequence_format()
        text, values = formats.known[key]
        return text, dict(values)
