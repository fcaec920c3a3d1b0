"""What people do to our entries by hand, read from the ledger."""

from odoo import Command, api, models
from odoo.exceptions import RedirectWarning, UserError

# States of lines whose entries were booked, and nobody is working on.
BOOKED = ("done", "undone", "taken_back")


class ArWriteOffByHand(models.AbstractModel):
    """Write-off entries that were reversed, reset, cancelled, deleted, unmatched or matched.

    The ledger decides what is written off. An entry *stands* while it is posted and no
    reversal of it stands; what does not stand is never reversed once more. A write-off is
    *live* while its entry stands.
    """

    _name = "ar.write.off.by.hand"
    _description = "Write-Offs Handled by Hand"

    # ------------------------------------------------------------------
    # What stands
    # ------------------------------------------------------------------

    @api.model
    def _get_standing(self, entries):
        """Those of the entries that are posted, and not taken back by a reversal.

        A reversal that was itself reversed takes nothing back. One query for each step of
        such a chain, whatever the number of entries.
        """
        standing = self._get_reversals(entries)
        return entries.filtered(
            lambda move: move.sudo().state == "posted" and not standing[move.sudo()]
        )

    def _get_reversals(self, entries):
        """``{move: its reversals that stand}``, of the entries and of all their reversals."""
        moves = self.env["account.move"].sudo()
        direct = {move: moves for move in entries.sudo()}
        level = entries.sudo()
        while level:
            # Also from what is not posted any more, the chain goes on.
            found = moves.search_fetch(
                [("reversed_entry_id", "in", level.ids)],
                ["reversed_entry_id", "state"],
                order="id",
            )
            for reversal in found:
                direct[reversal.reversed_entry_id] |= reversal
            level = found - moves.union(*direct)
            direct |= {move: moves for move in level}
        standing = {}

        def find(move):
            if move not in standing:
                standing[move] = direct[move].filtered(
                    lambda reversal: reversal.state == "posted" and not find(reversal)
                )
            return standing[move]

        for move in direct:
            find(move)
        return standing

    def _get_write_offs_behind(self, moves):
        """Write-off entries that are among these, or at the root of their reversals."""
        moves = moves.sudo()
        roots = moves.browse()
        seen = moves
        while moves:
            roots |= moves.filtered("write_off_line_id")
            moves = moves.reversed_entry_id - seen
            seen |= moves
        return roots

    def _get_ours(self, moves):
        """Write-off entries, and whatever takes them back or that."""
        return moves.sudo().filtered(self._get_write_offs_behind)

    @api.model
    def _get_draft_reversals(self, entries):
        """``{entry: reversal}`` of reversals that wait to be posted."""
        drafts = (
            self.env["account.move"]
            .sudo()
            .search([("reversed_entry_id", "in", entries.ids), ("state", "=", "draft")])
        )
        return {draft.reversed_entry_id.with_env(entries.env): draft for draft in drafts}

    @api.model
    def _get_live_lines(self, documents):
        """Lines whose entries stand, of these invoices (or payments, or entries)."""
        lines = self.env["ar.write.off.line"].sudo()
        if not documents:
            return lines
        lines = lines.search(
            [("move_id", "in", documents.ids), ("state", "in", ("done", "undo", "taken_back"))]
        )
        standing = self._get_standing(lines.entry_id) if lines else ()
        return lines.filtered(lambda line: line.entry_id in standing)

    # ------------------------------------------------------------------
    # Lines follow the ledger
    # ------------------------------------------------------------------

    @api.model
    def _get_touched_lines(self, moves, documents=False):
        """Lines whose entries or reversals are among these; one query.

        :param documents: also those that wrote one of these off.
        """
        lines = self.env["ar.write.off.line"].sudo()
        if not moves:
            return lines
        domain = ["|", ("entry_id", "in", moves.ids), ("reversal_id", "in", moves.ids)]
        if documents:
            domain = ["|", ("move_id", "in", moves.ids), *domain]
        return lines.search([("state", "in", BOOKED), *domain])

    @api.model
    def _follow_ledger(self, lines, keep_reason=False):
        """Give lines the state that the ledger says, and the reason when it was a person.

        :param keep_reason: of lines that say already why they could not be undone.
        """
        lines = lines.sudo().filtered(lambda line: line.state in BOOKED and line.entry_id)
        if not lines:
            return
        standing = self._get_standing(lines.entry_id | lines.reversal_id)
        settling = self._get_settling(lines)
        by_values = {}
        for line in lines:
            entry, reversal = line.entry_id, line.reversal_id
            if entry in standing and line in settling:
                values = ("done", False)
            elif reversal and reversal in standing:
                values = ("undone", False)
            elif line.state == "undone" and not reversal and entry not in standing:
                continue  # the loss was taken back by hand, the applied credits by us
            else:
                kept = keep_reason and line.reason
                values = ("taken_back", kept or self._explain_taken_back(line))
            # The reason of a line that could not be undone stays.
            same = line.state == values[0] and values[1] in (False, line.reason)
            if not same:
                by_values[values] = by_values.get(values, lines.browse()) | line
        for (state, reason), changed in by_values.items():
            changed._write_inside({"state": state, "reason": reason})
            if state == "done":
                documents = changed.document_id.filtered(lambda each: each.state == "undone")
                documents._write_inside({"state": "done"})

    def _get_settling(self, lines):
        """Those of the lines whose posted entries are matched with their posted documents."""
        settling = set()
        for side, other in (("debit", "credit"), ("credit", "debit")):
            rows = (
                self.env["account.partial.reconcile"]
                .sudo()
                ._read_group(
                    [
                        (f"{side}_move_id.move_id", "in", lines.entry_id.ids),
                        (f"{side}_move_id.parent_state", "=", "posted"),
                        (f"{side}_move_id.account_type", "=", "asset_receivable"),
                        (f"{other}_move_id.move_id", "in", lines.move_id.ids),
                        (f"{other}_move_id.parent_state", "=", "posted"),
                    ],
                    [f"{side}_move_id", f"{other}_move_id"],
                )
            )
            settling |= {(item.move_id.id, counterpart.move_id.id) for item, counterpart in rows}
        return lines.filtered(lambda line: (line.entry_id.id, line.move_id.id) in settling)

    def _explain_taken_back(self, line):
        """What somebody did to the entry of a line: a sentence."""
        entry = line.entry_id
        name = entry.display_name
        if entry.state == "draft":
            return self.env._("Taken back by hand: %s was reset to draft.", name)
        if entry.state == "cancel":
            return self.env._("Taken back by hand: %s was cancelled.", name)
        reversal = entry.reversal_move_ids.filtered(
            lambda move: move.state == "posted" and move != line.reversal_id
        )
        if reversal and entry not in self._get_standing(entry):
            return self.env._(
                "Taken back by hand: %(entry)s was reversed by %(reversal)s.",
                entry=name,
                reversal=reversal[:1].display_name,
            )
        if line.reversal_id and line.reversal_id.state == "posted":
            if entry not in self._get_standing(entry):
                return self.env._("%s was undone already.", line.move_id.display_name)
        return self.env._(
            "Taken back by hand: %(entry)s is not matched with %(document)s any more. Its loss is "
            "still booked: match it again, or undo it.",
            entry=name,
            document=line.move_id.display_name,
        )

    @api.model
    def _unmatch_what_left_the_books(self, moves):
        """Entries of ours that are reset or cancelled settle nothing (core keeps matchings).

        :raise UserError: when half of what belongs together would be left alone.
        """
        lines = self._get_touched_lines(moves, documents=True)
        roots = self._get_write_offs_behind(moves)
        if not lines and not roots:
            return
        self.env["ar.entry.maker"]._unmatch(self._get_ours(moves))
        self._check_taken_back_once(moves)
        self._follow_ledger(lines | roots.write_off_line_id)

    @api.model
    def _let_go(self, moves):
        """Rows that were taken back by hand keep the number of what is deleted as text."""
        lines = self._get_touched_lines(moves).filtered(lambda line: line.state == "taken_back")
        for line in lines:
            values = {}
            if line.entry_id in moves:
                values = {"entry_id": False, "entry_name": line.entry_id.name or line.entry_id.ref}
                values["reason"] = self.env._(
                    "Taken back by hand: %s was deleted.", values["entry_name"]
                )
            if line.reversal_id in moves:
                values["reversal_id"] = False
            line._write_inside(values)

    # ------------------------------------------------------------------
    # What is refused
    # ------------------------------------------------------------------

    @api.model
    def _check_deletable(self, moves):
        """Refuse to delete what rows of write-offs stand on.

        :raise UserError: with the document, and what to do instead.
        """
        line = (
            self.env["ar.write.off.line"]
            .sudo()
            .search(
                [
                    *("|", "|"),
                    ("entry_id", "in", moves.ids),
                    ("reversal_id", "in", moves.ids),
                    ("move_id", "in", moves.ids),
                ],
                limit=1,
            )
        )
        if not line:
            return
        document = line.document_id.display_name
        if line.move_id in moves:
            raise UserError(
                self.env._(
                    "%(move)s is on the write-off %(document)s, which stays as its record. Take it "
                    "off that list if it was not processed yet; else cancel it instead of "
                    "deleting it.",
                    move=line.move_id.display_name,
                    document=document,
                )
            )
        move = (line.entry_id | line.reversal_id) & moves.sudo()
        raise UserError(
            self.env._(
                "%(entry)s belongs to the write-off %(document)s of %(move)s: undo that instead "
                "of deleting the entry.",
                entry=move.display_name,
                document=document,
                move=line.move_id.display_name,
            )
        )

    @api.model
    def _check_taken_back_once(self, moves):
        """After moves were posted, reset or cancelled: nothing of ours is taken back twice.

        Neither is a half of what belongs together left in the books alone.

        :raise UserError: with the entry and what takes it back.
        """
        roots = self._get_write_offs_behind(moves)
        for entry, reversals in self._get_reversals(roots).items() if roots else ():
            names = {"entry": entry.display_name, "reversal": reversals[:1].display_name}
            if entry.state == "posted" and len(reversals) > 1:
                raise UserError(
                    self.env._(
                        "%(entry)s is taken back already, by %(reversal)s: taking it back once "
                        "more would book it twice.",
                        **names,
                    )
                )
            if entry.state != "posted" and reversals:
                raise UserError(
                    self.env._(
                        "%(entry)s is taken back by %(reversal)s: reset, cancel or post both "
                        "together, for one without the other would be wrong.",
                        **names,
                    )
                )

    @api.model
    def _unmatch_what_is_reversed(self, reversals):
        """So that core matches entries of ours with the reversals that are posted now."""
        if ours := self._get_ours(reversals):
            self.env["ar.entry.maker"]._unmatch(ours.reversed_entry_id)

    @api.model
    def _check_before_leaving(self, moves, asked):
        """Before moves are reset to draft or cancelled; one query where nothing is written off.

        :param asked: ``draft`` or ``cancel``.
        """
        if (
            self.env["ar.write.off.line"]
            .sudo()
            .search_count(
                [
                    *("|", ("move_id", "in", moves.ids), ("entry_id", "in", moves.ids)),
                    ("state", "in", ("undo", *BOOKED)),
                ],
                limit=1,
            )
        ):
            self._check_on_screen(moves, asked)

    @api.model
    def _check_on_screen(self, documents, asked, reversal=None):
        """Refuse to credit, reset or cancel what has a live write-off, and offer the way.

        :param asked: what somebody wants: ``draft``, ``cancel``, ``refund`` or ``modify``.
        :param reversal: core's window, to go on with.
        :raise RedirectWarning: to “Undo the write-off and go on”, for who may write off.
        :raise UserError: with the name of who may, for who may not.
        """
        lines = self._get_live_lines(documents)
        if not lines:
            return
        names = ", ".join(sorted(set(lines.move_id.mapped("display_name")))[:5])
        if lines.filtered(lambda line: line.state == "undo"):
            raise UserError(
                self.env._(
                    "The write-off of %s is being undone at this moment: wait until it is.", names
                )
            )
        amount = sum(lines.mapped("amount_company"))
        text = self.env._(
            "%(amount)s of %(documents)s is written off (%(write_offs)s). As long as that stands, "
            "it would be taken back twice.",
            amount=lines.company_currency_id[:1].format(amount),
            documents=names,
            write_offs=", ".join(lines.document_id.mapped("display_name")),
        )
        if not self.env.user.has_group("ar_balance_invoicing.group_write_off"):
            text += " " + self._get_who_may(lines)
            raise UserError(text)
        raise RedirectWarning(
            text,
            self.env.ref("ar_balance_invoicing.ar_write_off_take_back_action").id,
            self.env._("Undo the write-off and go on"),
            {
                "default_line_ids": [Command.set(lines.ids)],
                "default_move_ids": [Command.set(documents.ids)],
                "default_asked": asked,
                "default_reversal_id": reversal.id if reversal else False,
            },
        )

    def _get_who_may(self, lines):
        """Who could undo the write-off, for somebody who may not."""
        company = lines.company_id[:1]
        right = "ar_balance_invoicing.group_write_off"
        users = self.env["res.users"].sudo()
        somebody = lines.document_id.user_id.filtered(
            lambda user: user.active and user.has_group(right) and company in user.company_ids
        ) or users.search(
            [
                ("all_group_ids", "in", self.env.ref(right).id),
                ("company_ids", "in", company.ids),
                ("share", "=", False),
            ],
            limit=1,
        )
        if not somebody:
            return self.env._("Ask an administrator to have the write-off undone.")
        return self.env._("Ask %s to undo the write-off first.", somebody[:1].name)
