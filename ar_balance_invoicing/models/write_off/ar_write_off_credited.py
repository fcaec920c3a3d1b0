"""Credit notes of what is written off, posted by a script, a shop or a sale."""

import logging

import psycopg2

from odoo import Command, api, models
from odoo.exceptions import UserError

from ...tools.apportion import exact

_logger = logging.getLogger(__name__)

WARNING = "mail.mail_activity_data_warning"


class ArWriteOffCredited(models.AbstractModel):
    """Undo a write-off as far as a credit note takes back the invoice itself.

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
        """Those of the moves that credit an invoice; no query for what is read already."""
        return moves.filtered(
            lambda move: (
                move.move_type == "out_refund" and move.reversed_entry_id.move_type == "out_invoice"
            )
        )

    @api.model
    def _make_room(self, notes):
        """Before they are posted, so that core matches them with what they credit.

        :return: ``{line that was undone: what of it is to be lost all the same}``, in the
            line's currency.
        """
        self = self.with_env(self.env(context=self._get_plain_context()))
        notes = notes.with_env(self.env).sudo()
        lines = self.env["ar.write.off.by.hand"]._get_live_lines(notes.reversed_entry_id)
        if not lines:
            return {}
        rest = self._get_rest(lines, notes)
        undone = self._undo(lines.browse([line.id for line in rest]))
        return {line: amount for line, amount in rest.items() if line in undone}

    def _get_plain_context(self):
        """Nothing of what was meant for the credit note, such as defaults or switches."""
        kept = ("lang", "tz", "allowed_company_ids")
        return {name: self.env.context[name] for name in kept if name in self.env.context}

    def _get_rest(self, lines, notes):
        """``{line to be undone: what of it is lost all the same}``, the newest first.

        The rest of an invoice that is neither paid nor written off is credited first.
        """
        written_off = self.env["ar.balance"]._get_written_off(
            lines.move_id, settled="move_id", in_currency=True
        )
        credits = notes.grouped("reversed_entry_id")
        rest = {}
        for invoice, own in lines.grouped("move_id").items():
            items = invoice.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
            owed = exact(sum(items.mapped("amount_residual_currency")))
            owed += exact(written_off.get(invoice.id, 0))
            lost = sum(exact(line.amount) for line in own)
            missing = self._get_credited(invoice, credits[invoice]) - (owed - lost)
            for line in own.sorted("id", reverse=True):
                amount = exact(line.amount)
                if missing <= 0:
                    break
                rest[line] = max(amount - missing, 0)
                missing -= amount
        return rest

    def _get_credited(self, invoice, notes):
        """What the notes credit, in the invoice's currency."""
        return sum(
            exact(
                note.amount_total
                if note.currency_id == invoice.currency_id
                else note.currency_id._convert(
                    note.amount_total,
                    invoice.currency_id,
                    note.company_id,
                    note.invoice_date or note.date,
                )
            )
            for note in notes
        )

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
        document._undo_lines(lines)
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
        items = line.move_id.line_ids.filtered(
            lambda item: item.account_type == "asset_receivable" and not item.reconciled
        )
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
            "amount": min(float(amount), residual),
            "account_balance": line.account_balance,
            "selected": True,
        }

    # ------------------------------------------------------------------
    # Where it cannot be
    # ------------------------------------------------------------------

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
