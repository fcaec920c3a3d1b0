from odoo import fields, models


class ArBulkDocumentLine(models.AbstractModel):
    """A line of a bulk document: one piece of work with its outcome.

    A concrete model adds ``document_id``, indexed, deleted with its document.
    """

    _name = "ar.bulk.document.line"
    _description = "Bulk Document Line"
    _inherit = ["ar.guarded"]
    _order = "id"

    state = fields.Selection(
        [
            ("todo", "To do"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("skipped", "Left out"),
            ("undo", "To undo"),
            ("undone", "Undone"),
        ],
        default="todo",
        required=True,
        readonly=True,
        copy=False,
    )
    reason = fields.Char(
        readonly=True, copy=False, help="Why the line failed, was left out or stays as it is."
    )
    attempts = fields.Integer(
        readonly=True,
        copy=False,
        help="How often a worker has begun it in the background and was stopped.",
    )

    def _mark_done(self, **values):
        self._write_inside({"state": "done", "reason": False, **values})

    def _mark_failed(self, reason):
        """Set the lines aside with a sentence that says what is wrong with them.

        What could not be taken back is still done.
        """
        undoing = self.filtered(lambda line: line.state == "undo")
        undoing._write_inside({"state": "done", "reason": reason})
        (self - undoing)._write_inside({"state": "failed", "reason": reason})

    def _mark_skipped(self, reason):
        self._write_inside({"state": "skipped", "reason": reason})

    def _fail_each(self, get_problem):
        """Mark each line that has a problem as failed; return the others.

        :param get_problem: says of a line a sentence, or something false.
        """
        return self._set_each_aside(get_problem, lambda lines, text: lines._mark_failed(text))

    def _skip_each(self, get_reason):
        """Leave out each line that there is a reason to; return the others.

        :param get_reason: says of a line a sentence, or something false.
        """
        return self._set_each_aside(get_reason, lambda lines, text: lines._mark_skipped(text))

    def _set_each_aside(self, get_text, mark):
        texts = {line: get_text(line) or False for line in self}
        for text, lines in self.grouped(texts.get).items():
            if text:
                mark(lines, text)
        return self.filtered(lambda line: not texts[line])
