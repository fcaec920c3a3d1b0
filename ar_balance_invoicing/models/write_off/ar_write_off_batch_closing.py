"""A batch on its way to being closed: what keeps it open, what is moved, what is filed."""

from odoo import fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Domain

from ..bulk_document.ar_bulk_lanes import WORKING

# Of a document: nothing of it is waiting.
SETTLED = ("done", "failed", "cancelled", "undone")
# From a journal item to the write-off line it was made by.
LINE = "move_id.write_off_line_id"


class ArWriteOffBatch(models.Model):
    _name = "ar.write.off.batch"
    _inherit = ["ar.write.off.batch", "ar.xlsx.export"]

    # ------------------------------------------------------------------
    # Closing
    # ------------------------------------------------------------------

    def action_close(self):
        """Close the batches; they take nothing more.

        :raise UserError: with the list of conflicts, or when somebody records in a
            batch at this moment
        """
        for batch in self:
            batch._check_usable()
            batch._lock()
            conflicts = batch._get_conflicts()
            if conflicts:
                raise UserError(
                    self.env._(
                        "The batch “%(batch)s” cannot be closed yet:\n%(conflicts)s",
                        batch=batch.display_name,
                        conflicts="\n".join(f"• {conflict}" for conflict in conflicts),
                    )
                )
            batch._write_inside(
                {
                    "state": "closed",
                    "closed_at": fields.Datetime.now(),
                    "closed_by_id": self.env.user.id,
                    "closed_count": batch.line_count,
                    "closed_amount": batch.amount,
                }
            )
        return True

    def action_reopen(self):
        """Open closed batches again.

        :raise AccessError: when the user is not an administrator of accounting
        """
        if not self.env.su and not self.env.user.has_group("account.group_account_manager"):
            raise AccessError(
                self.env._("Only an administrator of Invoicing may reopen a closed batch.")
            )
        for batch in self.filtered(lambda batch: batch.state == "closed"):
            batch._lock()
            # An automatic one is not the batch of the day a second time.
            batch._write_inside(
                {
                    "state": "open",
                    "mode": "manual",
                    "closed_at": False,
                    "closed_by_id": False,
                    "closed_count": 0,
                    "closed_amount": 0,
                }
            )
        return True

    def _lock(self):
        try:
            self.lock_for_update()
        except LockError:
            raise UserError(
                self.env._(
                    "Write-offs are being recorded in the batch “%s”. Wait a moment and try again.",
                    self.display_name,
                )
            ) from None

    # ------------------------------------------------------------------
    # What keeps a batch from being closed
    # ------------------------------------------------------------------

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
        # Where another addon makes documents wait, in its states too.
        waiting = self.env["ar.write.off"].search(
            [("batch_id", "in", self.ids), ("state", "not in", (*SETTLED, *WORKING))]
        )
        failed = {}
        for document, state, count in rows:
            if document.state not in SETTLED:
                waiting |= document
            elif state == "failed":
                failed[document] = count
        return waiting.sorted("id"), dict(sorted(failed.items(), key=lambda pair: pair[0].id))

    def _get_entry_conflicts(self):
        """Entries that are missing, not posted, not balanced, or do not settle what they say."""
        conflicts = []
        lines = self._get_lines() | self._get_lines_unmatched_by_hand()
        for line in lines.filtered(lambda line: not line.entry_id and line.amount):
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
        conflicts += lines.filtered(lambda line: line.entry_id.state == "posted")._get_unsettled()
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

    def _get_lines_unmatched_by_hand(self):
        """Lines whose entries settle nothing, and are still in the books or may come back."""
        lines = self.env["ar.write.off.line"].search(
            [("batch_id", "in", self.ids), ("state", "=", "taken_back"), ("entry_id", "!=", False)]
        )
        standing = self.env["ar.write.off.by.hand"]._get_standing(lines.entry_id)
        return lines.filtered(
            lambda line: line.entry_id.state == "draft" or line.entry_id in standing
        )

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

    # ------------------------------------------------------------------
    # Lines that move to another batch
    # ------------------------------------------------------------------

    def _take_lines(self, lines):
        """Record write-off lines in this batch instead of where they were.

        :param lines: ``ar.write.off.line`` of processed documents
        :raise UserError: when a batch is closed or not the user's, of another company, or
            a document is still a draft
        """
        self.env["ar.write.off"]._check_may_write_off()
        lines.document_id.check_access("write")
        for line in lines:
            self._check_takes(line)
        by_source = lines.grouped(lambda line: line._get_batch())
        for batch in self.union(*by_source):
            batch._check_usable()
        lines._write_inside({"batch_id": self.id})
        for source, moved in by_source.items():
            values = {
                "count": len(moved),
                "amount": self.currency_id.format(sum(moved.mapped("amount_company"))),
            }
            source.message_post(
                body=self.env._(
                    "%(count)s write-offs of %(amount)s moved to %(batch)s.",
                    batch=self.display_name,
                    **values,
                )
            )
            self.message_post(
                body=self.env._(
                    "%(count)s write-offs of %(amount)s moved here from %(batch)s.",
                    batch=source.display_name,
                    **values,
                )
            )

    def _check_takes(self, line):
        """Refuse a line that cannot be recorded in this batch."""
        names = {
            "line": line.display_name,
            "document": line.document_id.display_name,
            "company": line.company_id.display_name,
            "batch": self.display_name,
        }
        if line.document_id.state == "draft":
            raise UserError(
                self.env._(
                    "%(document)s is still a draft: choose the batch on the document itself.",
                    **names,
                )
            )
        if line.company_id != self.company_id:
            raise UserError(
                self.env._(
                    "%(line)s of %(document)s belongs to %(company)s and the batch “%(batch)s” "
                    "does not. Choose a batch of that company.",
                    **names,
                )
            )
        if line._get_batch() == self:
            raise UserError(
                self.env._("%(line)s of %(document)s is in “%(batch)s” already.", **names)
            )

    # ------------------------------------------------------------------
    # Report and spreadsheet
    # ------------------------------------------------------------------

    def _get_account_totals(self):
        """``[(account, debit, credit)]`` of the entries of what was written off."""
        rows = self.env["account.move.line"]._read_group(
            [("move_id", "in", self._get_lines().entry_id.ids)],
            ["account_id"],
            ["debit:sum", "credit:sum"],
        )
        return sorted(rows, key=lambda row: row[0].display_name)

    def _get_xlsx_sheets(self):
        """Journal items, one sheet for each company, and the control figures."""
        companies = self.company_id
        sheets = []
        for company, batches in self.grouped("company_id").items():
            title = self.env._("Journal Items")
            if len(companies) > 1:
                title = f"{company.name} {title}"
            sheets.append(
                {
                    "title": title,
                    "records": batches._get_xlsx_items(company),
                    "columns": self._get_xlsx_item_columns(),
                }
            )
        return [*sheets, self._get_xlsx_control_sheet()]

    def _get_xlsx_items(self, company):
        """Journal items of what was written off, in the order of the report.

        With the company, for accounts have a code in each.
        """
        lines = self.with_company(company)._get_lines()
        # Ids only: whatever else there is, is read chunk by chunk.
        lines.fetch(["entry_id"])
        lines.entry_id.fetch(["line_ids"])
        return lines.entry_id.line_ids

    def _get_xlsx_item_columns(self):
        return [
            (f"{LINE}.document_id", self.env._("Document")),
            f"{LINE}.document_id.reason_id",
            f"{LINE}.partner_id",
            (f"{LINE}.move_id.name", self.env._("Invoice")),
            ("move_id.name", self.env._("Entry")),
            "date",
            "account_id",
            "name",
            "debit",
            "credit",
            (f"{LINE}.document_id.user_id", self.env._("Written Off by")),
            (f"{LINE}.document_id.ended_at", self.env._("Written Off at")),
            f"{LINE}.document_id.note",
        ]

    def _get_xlsx_control_sheet(self):
        return {
            "title": self.env._("Controls"),
            "records": self,
            "columns": [
                "name",
                "date",
                "line_count",
                "control_count",
                "amount",
                "control_amount",
                "closed_by_id",
                "closed_at",
            ],
            # Each batch is compared with its own.
            "untotalled": ["amount", "control_amount"],
        }
