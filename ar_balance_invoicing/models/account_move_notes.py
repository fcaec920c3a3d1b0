from odoo import models

# In the context: a list that collects notes, see ``_message_track``.
NOTES = "ar_notes"


class AccountMove(models.Model):
    _inherit = "account.move"

    def _message_track(self, fields_iter, initial_values_dict):
        """Core's notes of what changed on many entries, created together.

        Core creates message and tracked values entry by entry. A text that was set with
        ``_track_set_log_message`` is logged too where no tracked field has changed.
        """
        key = f"mail.tracking.message.{self._name}"
        texts = dict(self.env.cr.precommit.data.get(key, {}))
        notes = []
        collecting = self.with_context(**{NOTES: notes})
        tracking = super(AccountMove, collecting)._message_track(fields_iter, initial_values_dict)
        unchanged = self.filtered(lambda move: not tracking.get(move.id, (None, None))[0])
        notes += [(move.id, {"body": texts[move.id]}) for move in unchanged if move.id in texts]
        self._log_notes(notes)
        return tracking

    def _message_log(self, **values):
        notes = self.env.context.get(NOTES)
        # Only what core logs of changes: whoever else logs wants his message back.
        if notes is None or values.keys() != {"body", "author_id", "tracking_value_ids"}:
            return super()._message_log(**values)
        notes.append((self.id, values))
        return self.env["mail.message"]

    def _log_notes(self, notes):
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
