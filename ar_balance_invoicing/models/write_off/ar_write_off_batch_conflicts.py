from odoo import models
from odoo.fields import Domain


class ArWriteOffBatch(models.Model):
    """What keeps a batch from being closed."""

    _inherit = "ar.write.off.batch"

    def _compute_conflicts(self):
        for batch in self:
            conflicts = batch._get_conflicts() if batch.state == "open" else []
            batch.conflicts = "\n".join(conflicts)

    def _get_conflicts(self):
        """Sentences: one for each thing that is not in order, with the way out."""
        self.ensure_one()
        return [
            *self._get_document_conflicts(),
            *self._get_entry_conflicts(),
            *self._get_control_conflicts(),
        ]

    def _get_document_conflicts(self):
        """Documents that are still to be processed, or have lines that failed."""
        waiting, failed = self._get_unsettled_documents()
        states = dict(self.env["ar.write.off"]._fields["state"]._description_selection(self.env))
        conflicts = [
            self.env._(
                "%(document)s is not processed yet (%(state)s): process it, cancel it, or choose "
                "another batch on it.",
                document=document.display_name,
                state=states[document.state],
            )
            for document in waiting
        ]
        conflicts += [
            self.env._(
                "%(document)s has failed lines (%(count)s): retry them, leave them out, or move "
                "them to another batch.",
                document=document.display_name,
                count=count,
            )
            for document, count in failed.items()
        ]
        return conflicts

    def _get_unsettled_documents(self):
        """(documents that are not processed, ``{document: failed lines}``), oldest first."""
        rows = self.env["ar.write.off.line"]._read_group(
            self._get_recorded_domain() & Domain("state", "in", ("todo", "failed", "undo")),
            ["document_id", "state"],
            ["__count"],
        )
        waiting = self.env["ar.write.off"].search(
            [("batch_id", "in", self.ids), ("state", "=", "draft")]
        )
        failed = {}
        for document, state, count in rows:
            if document.state in ("queued", "running"):
                waiting |= document
            elif state == "failed":
                failed[document] = count
        return waiting.sorted("id"), dict(sorted(failed.items(), key=lambda pair: pair[0].id))

    def _get_entry_conflicts(self):
        """Entries that are missing, not posted or not balanced."""
        conflicts = []
        lines = self._get_lines()
        for line in lines.filtered(lambda line: not line.entry_id):
            conflicts.append(
                self.env._(
                    "%(line)s of %(document)s has no journal entry: undo it.",
                    line=line.display_name,
                    document=line.document_id.display_name,
                )
            )
        entry_ids = lines.entry_id.ids
        unposted = [("id", "in", entry_ids), ("state", "!=", "posted")]
        for entry in self.env["account.move"].search(unposted):
            conflicts.append(self.env._("The entry %s is not posted: post it.", entry.display_name))
        rows = self.env["account.move.line"]._read_group(
            [("move_id", "in", entry_ids)],
            ["move_id"],
            ["balance:sum"],
            having=[("balance:sum", "!=", 0)],
        )
        for entry, balance in rows:
            if self.currency_id and not self.currency_id.is_zero(balance):
                conflicts.append(
                    self.env._(
                        "The entry %(entry)s is not balanced: debit and credit differ by "
                        "%(amount)s.",
                        entry=entry.display_name,
                        amount=self.currency_id.format(balance),
                    )
                )
        return conflicts

    def _get_control_conflicts(self):
        """Control figures, where given, against what was written off."""
        conflicts = []
        if self.control_count and self.control_count != self.line_count:
            conflicts.append(
                self.env._(
                    "The control count is %(control)s and %(count)s are written off: correct "
                    "the control count, or find what is missing.",
                    control=self.control_count,
                    count=self.line_count,
                )
            )
        currency = self.currency_id
        if (
            currency
            and not currency.is_zero(self.control_amount)
            and currency.compare_amounts(self.control_amount, self.amount)
        ):
            conflicts.append(
                self.env._(
                    "The control amount is %(control)s and %(amount)s is written off: correct "
                    "the control amount, or find what is missing.",
                    control=currency.format(self.control_amount),
                    amount=currency.format(self.amount),
                )
            )
        return conflicts
