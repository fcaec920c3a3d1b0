from markupsafe import Markup

from odoo import models

from ...tools.context_keys import NOTED, NOTES, NUMBER_FORMATS


class Notes(list):
    """Collects what core would note, see ``_message_track``: ``[(entry's id, arguments)]``."""


class NumberFormats:
    """Answers of core about the numbers of entries that are posted together."""

    def __init__(self):
        self.known = {}


class AccountMove(models.Model):
    _inherit = "account.move"

    # ------------------------------------------------------------------
    # Values
    # ------------------------------------------------------------------

    def _ar_put_amounts(self, name, amounts):
        """Values of a computed amount, rounded already.

        Assigned one by one, each would be rounded again in a currency that is looked up
        again: a fifth of the time that a page of the list takes.
        """
        self._fields[name]._insert_cache(self, amounts)

    def _ar_write_beside_accounting(self, vals):
        """Write what changes nothing of the accounting.

        So core need not go through the lines of each invoice, nor add them up.
        """
        self.with_context(skip_invoice_sync=True, check_move_validity=False).write(vals)

    # ------------------------------------------------------------------
    # Numbers
    # ------------------------------------------------------------------

    def _ar_numbered_together(self):
        """These entries, to be posted with core asked once for all that are alike."""
        if self.env["ar.shortcuts"]._get_reason_for_core("numbers"):
            return self
        return self.with_context(**{NUMBER_FORMATS: NumberFormats()})

    def _get_next_sequence_format(self):
        """Ask core once for all alike entries of a chunk; the numbers themselves it counts.

        Only for what ``_ar_numbered_together`` returns. Core counts on from the number that
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

    # ------------------------------------------------------------------
    # Notes
    # ------------------------------------------------------------------

    def _ar_note_with_changes(self, text):
        """Say this where it is noted what of these entries has changed, or all the same."""
        self._track_set_log_message(text)
        self.env.cr.precommit.data.setdefault(NOTED, set()).update(self.ids)

    def _message_track(self, fields_iter, initial_values_dict):
        """Core's notes of what changed, those of our own work created together.

        Core creates message and tracked values entry by entry. What we were not told to
        note (see ``_ar_note_with_changes``) is left to it.
        """
        noted = self.env.cr.precommit.data.pop(NOTED, ())
        ours = self.filtered(lambda move: move.id in noted)
        if not ours:
            return super()._message_track(fields_iter, initial_values_dict)
        data = self.env.cr.precommit.data
        kept = {
            key: dict(data.get(key, {}))
            for key in (f"mail.tracking.{part}.{self._name}" for part in ("message", "author"))
        }
        tracking = {}
        if self - ours:
            others = super(AccountMove, self - ours)
            tracking |= others._message_track(fields_iter, initial_values_dict)
        # Core has taken them out of there, for all.
        data |= kept
        notes = Notes()
        if not self.env["ar.shortcuts"]._get_reason_for_core("notes"):
            ours = ours.with_context(**{NOTES: notes})
        tracking |= super(AccountMove, ours)._message_track(fields_iter, initial_values_dict)
        # What we say is said where nothing that is tracked has changed, too.
        texts = kept[f"mail.tracking.message.{self._name}"]
        unchanged = ours.filtered(lambda move: not tracking.get(move.id, (None, None))[0])
        notes += [(move.id, {"body": texts[move.id]}) for move in unchanged if move.id in texts]
        self._ar_log_notes(notes)
        return tracking

    def _message_log(self, **values):
        notes = self.env.context.get(NOTES)
        # Only what core logs of changes: whoever else logs wants his message back.
        collected = {"body", "author_id", "tracking_value_ids"}
        if not isinstance(notes, Notes) or values.keys() != collected:
            return super()._message_log(**values)
        notes.append((self.id, values))
        return self.env["mail.message"]

    def _ar_log_notes(self, notes):
        """Create notes and their tracked values, those of each author at once.

        :param notes: ``[(id of the entry, arguments of _message_log)]``
        """
        by_author = {}
        for move_id, values in notes:
            by_author.setdefault(values.get("author_id"), {})[move_id] = values
        tracked = []
        for author_id, by_move in by_author.items():
            messages = self.browse(by_move)._message_log_batch(
                {move_id: values["body"] for move_id, values in by_move.items()},
                author_id=author_id,
            )
            for message in messages:
                commands = by_move[message.res_id].get("tracking_value_ids") or ()
                tracked += [
                    {**values, "mail_message_id": message.id} for _command, _id, values in commands
                ]
        self.env["mail.tracking.value"].sudo().create(tracked)

    def _ar_log_creation(self):
        """The message that core posts on each new invoice, on all at once.

        Core posts one by one, for somebody may follow new invoices; where somebody
        does, it is done so here too.
        """
        context = self.env.context
        if context.get("tracking_disable") or context.get("mail_create_nolog"):
            return
        for subtype, some in self.grouped(lambda move: move._creation_subtype()).items():
            some._ar_log_creation_as(subtype)

    def _ar_log_creation_as(self, subtype):
        if not subtype:
            self._message_log_batch(bodies={move.id: move._creation_message() for move in self})
            return
        followed = (
            self.env["mail.followers"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("subtype_ids", "in", subtype.ids),
                    ("partner_id", "!=", self.env.user.partner_id.id),
                ]
            )
        )
        posted = self.browse(followed.mapped("res_id"))
        for move in posted:
            move.sudo().message_post(
                subtype_id=subtype.id,
                author_id=self.env.user.partner_id.id,
                body=move._ar_get_creation_body(),
            )
        logged = self - posted
        messages = logged._message_log_batch(
            bodies={move.id: move._ar_get_creation_body() for move in logged}
        )
        messages.write({"subtype_id": subtype.id, "is_internal": subtype.internal})

    def _ar_get_creation_body(self):
        text = Markup('<div summary="o_mail_notification"><p>%s</p></div>')
        return text % self._creation_message()
