"""Credit notes of what is written off, posted by a script, a shop or a sale."""

import logging

import psycopg2

from odoo import Command, api, models
from odoo.exceptions import UserError

from ...tools.apportion import exact

_logger = logging.getLogger(__name__)

WARNING = "mail.mail_activity_data_warning"


class ArWriteOffCredited(models.AbstractModel):
    """Undo a write-off as far as a credit note (or a reversal) takes back its document.

    What is credited was never owed, so it is not lost. Posting is never refused: where the
    write-off cannot be undone, its document is flagged with an activity.

    Nobody who posts a credit note need be allowed to write off, so this is done with the
    rights of the system, by who posted it: it takes back, and leaves of the loss at most what
    somebody with the right has written off.
    """

    _name = "ar.write.off.credited"
    _description = "Credit Notes of What Is Written Off"

    @api.model
    def _get_credit_notes(self, moves):
        """Those of the moves that take another back, on the sales side or as plain entries."""
        kinds = (*moves.get_sale_types(include_receipts=True), "entry")
        return moves.filtered(lambda move: move.reversed_entry_id and move.move_type in kinds)

    @api.model
    def _make_room(self, notes):
        """Before they are posted, so that core matches them with what they credit.

        :return: ``{line that was undone: what of it is to be lost all the same}``, in the
            line's currency.
        """
        self = self.with_env(self.env(context=self._get_plain_context()))
        notes = notes.with_env(self.env).sudo()
        by_hand = self.env["ar.write.off.by.hand"]
        by_hand._unmatch_what_is_reversed(notes)
        lines = by_hand._get_live_lines(notes.reversed_entry_id)
        if not lines:
            return {}
        self._flag_other_currencies(lines, notes)
        rest = self._get_rest(lines, notes)
        undone = self._undo(lines.browse([line.id for line in rest]))
        return {line: amount for line, amount in rest.items() if line in undone}

    def _get_plain_context(self):
        """Nothing of what was meant for the credit note, such as defaults or switches."""
        kept = ("lang", "tz", "allowed_company_ids")
        return {name: self.env.context[name] for name in kept if name in self.env.context}

    def _get_rest(self, lines, notes):
        """``{line to be undone: what of it is lost all the same}``, the newest first.

        The rest of a document that is neither settled nor written off is credited first.
        """
        by_document = notes.grouped("reversed_entry_id")
        rest = {}
        # An opening entry has several customers; instalments are one debt.
        debts = lines.grouped(lambda line: (line.move_id, line.partner_id, line.currency_id))
        for (document, _customer, _currency), own in debts.items():
            items = self._get_items(own, document)
            sign = -1 if own[:1].amount < 0 else 1
            owed = sign * sum(map(self._get_owed, items))
            lost = sum(abs(exact(line.amount)) for line in own)
            credited = sign * self._get_credited(own, by_document[document])
            missing = credited - (owed - lost)
            for line in own.sorted("id", reverse=True):
                if missing <= 0:
                    break
                amount = abs(exact(line.amount))
                rest[line] = sign * max(amount - missing, 0)
                missing -= amount
        return rest

    def _get_items(self, lines, moves):
        """Receivable items of the moves that are of the customer and currency of the lines."""
        customers = lines.item_ids.partner_id.commercial_partner_id
        return self._get_receivable(moves).filtered(
            lambda item: (
                item.currency_id in lines.currency_id
                # An invoice or credit note is one customer's, whoever that is today.
                and (
                    item.move_type != "entry" or item.partner_id.commercial_partner_id in customers
                )
            )
        )

    def _get_receivable(self, moves):
        return moves.line_ids.filtered(lambda item: item.account_type == "asset_receivable")

    def _get_owed(self, item):
        """What an item owes, as if nothing of it were written off; in its currency."""
        owed = exact(item.amount_residual_currency)
        for partial in item.matched_credit_ids:
            if partial.credit_move_id.move_id.write_off_line_id:
                owed += exact(partial.debit_amount_currency)
        for partial in item.matched_debit_ids:
            if partial.debit_move_id.move_id.write_off_line_id:
                owed -= exact(partial.credit_amount_currency)
        return owed

    def _get_credited(self, lines, notes):
        """What the notes take back of what the lines wrote off, in its currency."""
        items = self._get_items(lines, notes)
        return -sum(exact(item.amount_currency) for item in items)

    # ------------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------------

    def _undo(self, lines):
        """Undo lines, document by document, and return those that are undone."""
        undone = lines.browse()
        for document, own in lines.grouped("document_id").items():
            problem = self._try(lambda document=document, own=own: self._undo_of(document, own))
            undone |= own.filtered(lambda line: line.state == "undone")
            left = own - undone
            if left:
                self._flag(document, left, problem or left[:1].reason)
        return undone

    def _undo_of(self, document, lines):
        locked = lines.try_lock_for_update(allow_referencing=True)
        waiting = lines.filtered(lambda line: line.state == "undo")
        if waiting or locked < lines:
            raise UserError(self.env._("Somebody else is working on it at this moment."))
        lines._write_inside({"state": "undo", "undo_date": False})
        document._undo_lines(lines, keep_applied=True)
        self.env["ar.write.off.by.hand"]._follow_ledger(lines)

    def _try(self, work):
        """Do it, or take it back and return what went wrong, as a sentence."""
        try:
            with self.env.cr.savepoint():
                work()
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            self.env.invalidate_all()
            return self.env["ar.write.off"]._explain(error)
        return False

    # ------------------------------------------------------------------
    # The rest
    # ------------------------------------------------------------------

    @api.model
    def _write_off_rest(self, rest):
        """After posting: what the credit notes do not cover is lost as it was before.

        :param rest: see ``_make_room``.
        """
        documents = next(iter(rest)).document_id.browse()
        for line, amount in rest.items():
            documents |= line.document_id
            if not amount:
                continue
            problem = self._try(
                lambda line=line, amount=amount: self._write_off_again(line, amount)
            )
            if problem:
                self._flag(line.document_id, line, problem)
        documents._settle_taken_back()

    def _write_off_again(self, line, amount):
        document = line.document_id
        line._get_batch()._check_usable()
        items = self._get_items(line, line.move_id).filtered(lambda item: not item.reconciled)
        again = line._create_inside([self._prepare_line(line, items, amount)])
        if again.currency_id.is_zero(again.amount):
            again._unlink_inside()
            return
        date = line.reversal_id.date
        if problem := document.company_id._ar_get_closed_period_problem(
            date, document.journal_id, document._reclaims_tax()
        ):
            raise UserError(problem)
        values, pairs = again._prepare_entry()
        [entry] = document._book([(values | {"date": date}, pairs)])
        # What the customer's own credits pay is taken back with the row that is left.
        line.application_ids._write_inside({"line_id": again.id})
        again._mark_done(entry_id=entry.id, batch_id=line._get_batch().id)
        again.move_id._ar_note_with_changes(again._get_note())

    def _prepare_line(self, line, items, amount):
        """A line like the one that was undone, of what is open now."""
        residual = sum(items.mapped("amount_residual_currency"))
        return {
            "document_id": line.document_id.id,
            "move_id": line.move_id.id,
            "partner_id": line.partner_id.id,
            "currency_id": line.currency_id.id,
            "item_ids": [Command.set(items.ids)],
            "date_maturity": min(
                items.filtered("date_maturity").mapped("date_maturity") or [False]
            ),
            "amount_residual": residual,
            "amount_residual_company": sum(items.mapped("amount_residual")),
            "amount": max(float(amount), residual) if amount < 0 else min(float(amount), residual),
            "account_balance": line.account_balance,
            "selected": True,
        }

    # ------------------------------------------------------------------
    # Where it cannot be
    # ------------------------------------------------------------------

    def _flag_other_currencies(self, lines, notes):
        """Core does not match them, and nobody knows at which rate they were meant."""
        for note in notes:
            own = lines.filtered(lambda line, note=note: line.move_id == note.reversed_entry_id)
            if not self._get_receivable(note).currency_id - own.currency_id:
                continue
            for document, foreign in own.grouped("document_id").items():
                problem = self.env._("%s is in another currency.", note.display_name)
                self._flag(document, foreign, problem)

    def _flag(self, document, lines, problem):
        """An activity for whoever wrote it off; posting goes on."""
        user = document._get_person_to_tell()
        names = ", ".join(lines.move_id.mapped("display_name"))
        _logger.info("%s: %s was credited and not undone (%s)", document, names, problem)
        if not user:
            document._message_log(body=problem)
            return
        document = document.with_context(lang=user.lang)
        document.activity_schedule(
            WARNING,
            user_id=user.id,
            summary=document.env._("Credited after it was written off: %s", names),
            note=document.env._(
                "A credit note of %(documents)s was posted, and its write-off could not be brought "
                "in line with it: %(problem)s See what of it is still lost, and undo the rest.",
                documents=names,
                problem=problem,
            ),
        )
