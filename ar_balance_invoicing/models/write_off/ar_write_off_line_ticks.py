from odoo import models
from odoo.exceptions import UserError

from ...tools.records import chosen_records


class ArWriteOffLineTicks(models.AbstractModel):
    """Which rows a button of the list acts on: those chosen, else all that are shown."""

    _name = "ar.write.off.line.ticks"
    _description = "Ticks of Write-Off Rows"

    def action_tick(self):
        """Tick these lines; none chosen: all that the list shows, or of its document."""
        return self._set_ticks(True)

    def action_untick(self):
        """Untick these lines; none chosen: all that the list shows, or of its document."""
        return self._set_ticks(False)

    def _set_ticks(self, ticked):
        self.check_access("write")
        lines = self._get_chosen() or self._get_listed_document()._get_lines("todo")
        waiting = lines.filtered(lambda line: line.state == "todo")
        waiting.write({"selected": ticked})
        document = lines.document_id
        if lines and not waiting and len(document) == 1 and not document.is_editable:
            return document._show_as_it_is()
        return None

    def _get_chosen(self):
        """What a button of the list acts on; none where there is no such list.

        :raise UserError: when the filter of the list shows nothing.
        """
        lines = chosen_records(self)
        if not lines and self._get_shown() is not None:
            raise UserError(self.env._("The list shows no row: remove a filter."))
        return lines

    def _get_shown(self):
        """Of the list whose button was pressed the selected rows, else all that it shows; None
        where there is none.
        """
        context = self.env.context
        listed = context.get("active_domain") is not None
        if not listed or context.get("active_model") != self._name:
            return None
        return chosen_records(self)

    def _skip_unticked(self):
        """Leave out the lines that are not ticked, and return the others."""
        return self._skip_each(lambda line: not line.selected and line._get_unticked_sentence())
