from odoo import api, fields, models
from odoo.tools import SQL

from ...tools import client_actions
from ...tools.context_keys import APART, MATCHED_APART
from ..balance.account_move import BALANCE_GROUPS
from ..balance.ar_invoice_status import PAID
from .ar_write_off_by_hand import BOOKED


class AccountMove(models.Model):
    _inherit = "account.move"

    write_off_line_id = fields.Many2one(
        "ar.write.off.line",
        string="Write-Off Line",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=BALANCE_GROUPS,
        help="What this entry writes off.",
    )
    write_off_line_ids = fields.One2many(
        "ar.write.off.line",
        "move_id",
        string="Write-Offs",
        readonly=True,
        groups=BALANCE_GROUPS,
    )
    write_off_count = fields.Integer(compute="_compute_write_off_count", groups=BALANCE_GROUPS)
    status_in_payment = fields.Selection(selection_add=[("written_off", "Written Off")])

    def _compute_write_off_count(self):
        rows = self.env["ar.write.off.line"]._read_group(
            [("move_id", "in", self.ids), ("state", "in", BOOKED)],
            ["move_id"],
            ["__count"],
        )
        counts = {move.id: count for move, count in rows}
        for move in self:
            move.write_off_count = counts.get(move.id, 0)

    # ------------------------------------------------------------------
    # Written off is not paid
    # ------------------------------------------------------------------

    @api.depends("write_off_state")
    def _compute_status_in_payment(self):
        result = super()._compute_status_in_payment()
        for move in self:
            if move._ar_is_shown_written_off():
                move.status_in_payment = "written_off"
        return result

    def _ar_is_shown_written_off(self):
        """Everybody who may read the invoice sees that much, a customer in the portal too."""
        return self.state == "posted" and self.sudo().write_off_state == "full"

    def _field_to_sql(self, alias, field_expr, query=None):
        value = super()._field_to_sql(alias, field_expr, query)
        if field_expr == "status_in_payment":
            return SQL(
                "CASE WHEN %s = 'posted' AND %s = 'full' THEN 'written_off' ELSE %s END",
                super()._field_to_sql(alias, "state", query),
                super(AccountMove, self.sudo())._field_to_sql(alias, "write_off_state", query),
                value,
            )
        return value

    def _compute_payments_widget_reconciled_info(self):
        """Mark what is a write-off among the payments, for print and portal."""
        result = super()._compute_payments_widget_reconciled_info()
        widgets = [move.invoice_payments_widget for move in self if move.invoice_payments_widget]
        entries = {content["move_id"] for widget in widgets for content in widget["content"]}
        written_off = set(self.sudo().browse(entries).filtered("write_off_line_id").ids)
        for widget in widgets:
            for content in widget["content"]:
                content["ar_written_off"] = content["move_id"] in written_off
        return result

    def _get_invoice_next_payment_values(self, custom_amount=None):
        """In the portal: what was written off was not paid."""
        values = super()._get_invoice_next_payment_values(custom_amount=custom_amount)
        written_off = self.sudo().amount_written_off
        values["amount_written_off"] = written_off
        values["amount_paid"] = self.currency_id.round(values["amount_paid"] - written_off)
        return values

    def _get_mail_template(self):
        """An e-mail that calls nothing paid that is not, where all are such invoices."""
        if all(move._ar_get_status_word() for move in self):
            return self.env.ref("ar_balance_invoicing.mail_template_account")
        return super()._get_mail_template()

    def _invoice_paid_hook(self):
        """What happens on payment does not happen on a write-off: nobody has paid."""
        paid = self.filtered(lambda move: not move._ar_is_shown_written_off())
        return super(AccountMove, paid)._invoice_paid_hook()

    @api.model
    def _ar_get_own_statuses(self):
        return [*super()._ar_get_own_statuses(), "written_off"]

    def _mail_track(self, tracked_fields, initial_values):
        """What an undone write-off had settled was not paid before, either."""
        changes, values = super()._mail_track(tracked_fields, initial_values)
        if self._ar_was_written_off(changes, initial_values):
            field = self.env["ir.model.fields"]._get(self._name, "payment_state")
            words = dict(self._fields["status_in_payment"]._description_selection(self.env))
            for _command, _id, tracked in values:
                if tracked["field_id"] == field.id:
                    tracked["old_value_char"] = words["written_off"]
        return changes, values

    def _ar_was_written_off(self, changes, initial_values):
        """Whether it read “Written Off” before what has changed."""
        if "payment_state" not in changes or initial_values["payment_state"] not in PAID:
            return False
        if self.sudo().write_off_state == "partial":
            return True  # what was paid besides was taken back
        # Only a document of ours says something while it takes a write-off back.
        said = self.env.cr.precommit.data.get(f"mail.tracking.message.{self._name}", {})
        last = self.sudo().write_off_line_ids.sorted("id")[-1:]
        return self.id in said and bool(last.reversal_id)

    def _reconcile_reversed_moves(self, reverse_moves, move_reverse_cancel):
        """What a document takes back, it matches itself: item by item, all at once."""
        if self.env.context.get(MATCHED_APART) is APART:
            return reverse_moves
        return super()._reconcile_reversed_moves(reverse_moves, move_reverse_cancel)

    # ------------------------------------------------------------------
    # By hand
    # ------------------------------------------------------------------

    def _post(self, soft=True):
        """What is credited was never owed: its write-off is undone first, as far as it goes.

        :raise UserError: when an entry that writes off would be taken back twice.
        """
        if self.env.context.get(MATCHED_APART) is APART:
            return super()._post(soft)  # a document undoes it, and sees to everything
        credited = self.env["ar.write.off.credited"]
        notes = credited._get_credit_notes(self)
        if soft:
            today = fields.Date.context_today(self)
            notes = notes.filtered(lambda note: not note.date or note.date <= today)
        rest = credited._make_room(notes) if notes else {}
        posted = super()._post(soft)
        if rest:
            credited._write_off_rest(rest)
        return posted

    def write(self, vals):
        """Entries of ours that leave the books settle nothing, and rows say so."""
        self._check_writes(vals)
        state = vals.get("state")
        posted = self.browse()
        if state == "posted" and self.env.context.get(MATCHED_APART) is not APART:
            # What is new and reverses nothing cannot be ours to look after.
            posted = self.filtered(lambda move: move.posted_before or move.reversed_entry_id)
        result = super().write(vals)
        by_hand = self.env["ar.write.off.by.hand"]
        if state in ("draft", "cancel"):
            by_hand._unmatch_what_left_the_books(self)
        elif posted:
            by_hand._check_taken_back_once(posted)
            by_hand._follow_ledger(by_hand._get_touched_lines(posted, documents=True))
        return result

    def button_draft(self):
        """Not what has a live write-off, nor half of what was undone.

        :raise RedirectWarning: with “Undo the write-off and go on”.
        """
        self.env["ar.write.off.by.hand"]._check_before_leaving(self, "draft")
        return super().button_draft()

    def button_cancel(self):
        """As ``button_draft``."""
        self.env["ar.write.off.by.hand"]._check_before_leaving(self, "cancel")
        return super().button_cancel()

    @api.ondelete(at_uninstall=False)
    def _ar_unlink_except_on_write_offs(self):
        self.env["ar.write.off.by.hand"]._check_deletable(self)

    def unlink(self):
        self.env["ar.write.off.by.hand"]._let_go(self)
        return super().unlink()

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_view_write_offs(self):
        """The write-offs of this invoice, also those that were undone."""
        self.ensure_one()
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_write_off_line_action_invoice",
            self.env._("Write-offs of %s", self.display_name),
            [("move_id", "=", self.id), ("state", "in", BOOKED)],
            {"active_id": self.id},
        )
