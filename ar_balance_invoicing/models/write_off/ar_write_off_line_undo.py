"""What a write-off line says after its entry was handled by hand, and whether it can be undone."""

from odoo import fields, models
from odoo.tools import format_date


class ArWriteOffLineUndo(models.AbstractModel):
    """The part of a write-off line that follows the ledger after it was processed.

    ``done`` means that its entry settles its document, ``undone`` that our own reversal
    stands against it. What people did to the entry since is ``taken_back``; whether there is
    still something to undo, ``ar.write.off.by.hand`` says.
    """

    _name = "ar.write.off.line.undo"
    _description = "Undoing of a Write-Off Line"
    _inherit = ["ar.bulk.document.line"]

    state = fields.Selection(
        selection_add=[("taken_back", "Taken Back by Hand")],
        ondelete={"taken_back": "set default"},
    )
    undo_date = fields.Date(
        string="Undo on",
        readonly=True,
        copy=False,
        help="The date that somebody has chosen for undoing it; empty: that of the entry, or the "
        "first open day.",
    )
    entry_name = fields.Char(
        string="Deleted Entry",
        readonly=True,
        copy=False,
        help="The number of its entry, which was deleted after it was taken back by hand.",
    )

    def _get_undoable(self):
        """Those whose entry stands in the books, whatever it settles, or credits applied by us."""
        lines = self.filtered(lambda line: line.state in ("done", "taken_back"))
        by_hand = lines.filtered(lambda line: line.state == "taken_back")
        if not by_hand:
            return lines
        standing = self.env["ar.write.off.by.hand"]._get_standing(by_hand.entry_id)
        return lines.filtered(
            lambda line: (
                line not in by_hand
                or line.entry_id in standing
                or line.application_ids._get_matched()
            )
        )

    def _get_undo_problems(self):
        """``{line: sentence}`` of those that must not be undone now, or not on that date."""
        by_hand = self.env["ar.write.off.by.hand"]
        standing = by_hand._get_standing(self.entry_id)
        drafts = by_hand._get_draft_reversals(self.entry_id)
        elsewhere = self._get_matched_elsewhere()
        problems = {}
        for line in self.filtered("entry_id"):
            if line.entry_id not in standing:
                problems[line] = by_hand._explain_taken_back(line)
            elif line.entry_id in drafts:
                problems[line] = self.env._(
                    "%(entry)s is about to be reversed by %(reversal)s, which is not posted: "
                    "delete that first, or post it instead of undoing.",
                    entry=line.entry_id.display_name,
                    reversal=drafts[line.entry_id].display_name,
                )
            elif line in elsewhere:
                problems[line] = self.env._(
                    "%(entry)s was matched by hand with %(other)s, not with %(document)s: "
                    "unmatch it first, then undo.",
                    entry=line.entry_id.display_name,
                    other=elsewhere[line].display_name,
                    document=line.move_id.display_name,
                )
            elif problem := line._get_undo_date_problem():
                problems[line] = problem
        return problems

    def _get_matched_elsewhere(self):
        """``{line: entries}`` that its entry is matched with besides its own document."""
        found = {}
        for line in self:
            items = line.entry_id.line_ids
            partials = items.matched_debit_ids | items.matched_credit_ids
            others = (partials.debit_move_id | partials.credit_move_id).move_id
            others -= line.entry_id | line.move_id | partials.exchange_move_id
            if others:
                found[line] = others[:1]
        return found

    def _get_early_problem(self):
        """Why nothing is written off on the document's date: a sentence, or False."""
        move = self.move_id
        born = max(day for day in (move.date, move.invoice_date) if day)
        return self.document_id.date < born and self.env._(
            "%(document)s is of %(born)s: it is not written off before, on %(date)s. Choose a "
            "later date, or untick it.",
            document=move.display_name,
            born=format_date(self.env, born),
            date=format_date(self.env, self.document_id.date),
        )

    def _get_undo_date_problem(self):
        """Why it is not undone on the date that somebody has chosen: a sentence, or False."""
        entry, date = self.entry_id, self.undo_date
        if not date:
            return False
        if date < entry.date:
            return self.env._(
                "%(document)s was written off on %(entry_date)s: it is not undone before, on "
                "%(date)s. Choose a later date.",
                document=self.move_id.display_name,
                entry_date=format_date(self.env, entry.date),
                date=format_date(self.env, date),
            )
        has_tax = bool(entry.line_ids.filtered("tax_tag_ids"))
        return self.company_id._ar_get_closed_period_problem(date, entry.journal_id, has_tax)
