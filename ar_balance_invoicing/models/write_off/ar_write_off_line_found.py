from odoo import fields, models
from odoo.tools.i18n import format_list


class ArWriteOffLineFound(models.AbstractModel):
    """What a search says of a row beside its balance: what is not due, what hinders it."""

    _name = "ar.write.off.line.found"
    _description = "Found to Write Off: Row"

    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount_not_due = fields.Monetary(
        string="Of Which Not Due",
        readonly=True,
        help="Of the balance, in the line's currency: what was not due when this was searched.",
    )
    hindrance = fields.Selection(
        [
            ("draft", "Matched with a draft"),
            ("in_process", "In a payment in process"),
            ("credits", "Covered by other credits"),
        ],
        readonly=True,
        copy=False,
        help="Why the row has arrived unticked.",
    )

    def _get_unticked_sentence(self):
        """That it was left out, and why it had arrived so."""
        if self.hindrance and self.reason and self.state == "todo":
            return self.env._("Not ticked. %s", self.reason)
        return self.env._("Not ticked.")

    def _get_hindrance_sentences(self):
        """``{line: why it has arrived unticked}``, by a query for each kind."""
        kinds = self.grouped("hindrance")
        none = self.browse()
        return {
            **kinds.get("draft", none)._get_draft_sentences(),
            **kinds.get("in_process", none)._get_in_process_sentences(),
        }

    def _get_draft_sentences(self):
        """Core keeps matchings of a document that goes back to draft; the ledger does not."""
        drafts = self._get_matched_drafts()
        return {
            line: self.env._(
                "Matched with draft %s: this part is neither paid nor owed for certain. Confirm "
                "it, or break the matching.",
                format_list(
                    self.env,
                    sorted({move.display_name for item in line.item_ids for move in drafts[item]}),
                ),
            )
            for line in self
        }

    def _get_matched_drafts(self):
        """``{open item: drafts that it is matched with}``"""
        items = self.item_ids
        matchings = items.matched_debit_ids | items.matched_credit_ids
        (matchings.debit_move_id | matchings.credit_move_id).fetch(["parent_state", "move_id"])
        found = {item: self.env["account.move"] for item in items}
        for matching in matchings:
            for item, other in (
                (matching.debit_move_id, matching.credit_move_id),
                (matching.credit_move_id, matching.debit_move_id),
            ):
                if item in found and other.parent_state == "draft":
                    found[item] |= other.move_id
        return found

    def _get_in_process_sentences(self):
        sentences = {}
        for line in self:
            payments = line.move_id.sudo().matched_payment_ids.filtered(
                lambda payment: payment.state == "in_process" and not payment.move_id
            )
            names = [payment.display_name or "" for payment in payments]
            sentences[line] = self.env._(
                "In a payment that is in process: %s. It has no entry yet, so the invoice still "
                "reads as open.",
                format_list(self.env, names),
            )
        return sentences
