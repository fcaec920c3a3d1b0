from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.i18n import format_list

from ..tools import client_actions

INVOICES = {"out_invoice", "out_receipt"}
# What somebody wants to do with the documents, and is done once their write-offs are undone.
ASKED = [
    ("draft", "reset to draft"),
    ("cancel", "cancelled"),
    ("refund", "credited"),
    ("modify", "credited and made anew"),
]


class ArWriteOffTakeBack(models.TransientModel):
    """The pop-up that undoes write-offs on a date, and goes on with what was asked for."""

    _name = "ar.write.off.take.back"
    _description = "Undo Write-Offs"
    _inherit = ["ar.guarded"]

    document_id = fields.Many2one("ar.write.off", string="Write-Off")
    line_ids = fields.Many2many("ar.write.off.line", string="Write-Offs")
    date = fields.Date(
        help="The date of the reversals. Empty: that of each entry, or the first open day."
    )
    asked = fields.Selection(ASKED, string="Then They Are")
    move_ids = fields.Many2many("account.move", string="Documents")
    reversal_id = fields.Many2one("account.move.reversal", ondelete="cascade")
    company_id = fields.Many2one("res.company", compute="_compute_figures")
    currency_id = fields.Many2one(related="company_id.currency_id")
    line_count = fields.Integer(string="Write-Offs to Undo", compute="_compute_figures")
    amount = fields.Monetary(compute="_compute_figures", help="In company currency.")
    left_count = fields.Integer(help="How many of the chosen rows there is nothing to undo of.")
    text = fields.Char(string="What Is Undone", compute="_compute_figures")

    @api.depends("line_ids", "document_id", "left_count")
    def _compute_figures(self):
        for wizard in self:
            lines = wizard._get_lines()
            wizard.company_id = lines[:1].company_id
            wizard.line_count = len(lines)
            wizard.amount = sum(lines.mapped("amount_company"))
            wizard.text = wizard._get_text(lines)

    def _get_text(self, lines):
        """“3 invoices of 2 customers. Owed again: $ 12.00.”, and what is left as it is."""
        documents = self.env["ar.write.off"]
        types = set(lines.move_id.mapped("move_type"))
        text = self.env._(
            "%(documents)s of %(customers)s.",
            documents=documents._count_documents(len(lines), types <= INVOICES),
            customers=documents._count_customers(len(lines.partner_id)),
        )
        owed, lost, applied = self._get_amounts(lines)
        if owed or not (lost or applied):
            text += " " + self.env._("Owed again: %s.", self._format_amounts(owed))
        if lost:
            taken = self._format_amounts(lost)
            text += " " + self.env._("Of what is owed already, loss taken back: %s.", taken)
        if applied:
            paid = self._format_amounts(applied)
            text += " " + self.env._("Credits that were applied are open again: %s.", paid)
        if self.left_count:
            text += " " + self.env._(
                "Not written off, and left as they are: %s of the chosen rows.", self.left_count
            )
        return text

    def _get_amounts(self, lines):
        """What undoing does to the ledger, each as ``{currency: amount}`` without zeros.

        What the entries still settle is owed again; of the rest, which was unmatched by hand
        and so is owed already, the loss only is taken back; and credits that were applied.
        """
        settled = self.env["ar.balance"]._get_written_off(
            lines, entry="write_off_line_id", in_currency=True
        )
        standing = self.env["ar.write.off.by.hand"]._get_standing(lines.entry_id)
        owed, lost, applied = (defaultdict(float) for _figure in range(3))
        # A form whose company was just emptied has rows without any currency.
        for line in lines.filtered("currency_id"):
            currency = line.currency_id
            part = settled.get(line._origin.id, 0) * (1 if line.amount >= 0 else -1)
            owed[currency] += part
            lost[currency] += line.amount - part if line.entry_id in standing else 0
            applied[currency] += sum(line.application_ids._get_matched().mapped("amount"))
        return [
            {currency: total for currency, total in totals.items() if not currency.is_zero(total)}
            for totals in (owed, lost, applied)
        ]

    def _format_amounts(self, amounts):
        texts = [currency.format(amount) for currency, amount in amounts.items()]
        return format_list(self.env, texts or ["0"])

    def _get_lines(self):
        return self.document_id._get_lines_to_undo() if self.document_id else self.line_ids

    def action_take_back(self):
        """Undo the write-offs, then do what was asked for.

        :raise UserError: when they cannot be undone, now or on that date; nothing is done then.
        """
        self.ensure_one()
        self.env["ar.write.off"]._check_may_write_off()
        if self.document_id:
            result = self.document_id.action_undo(self.date)
        elif self.line_ids:
            result = self.line_ids.action_undo(self.date)
        else:
            raise UserError(self.env._("Choose the write-offs that are to be undone."))
        if not self.asked:
            return result or client_actions.show_anew()
        self._check_undone()
        return self._go_on() or client_actions.show_anew()

    def _check_undone(self):
        """What was asked for waits until everything is undone."""
        lines = self.env["ar.write.off.by.hand"]._get_live_lines(self.move_ids)
        if not lines:
            return
        if waiting := lines.filtered(lambda line: line.state == "undo"):
            raise UserError(
                self.env._(
                    "%s has too many lines to be undone while you wait: undo it first, and come "
                    "back.",
                    waiting.document_id[:1].display_name,
                )
            )
        raise UserError(
            lines[:1].reason
            or self.env._("%s is still written off.", lines[:1].move_id.display_name)
        )

    def _go_on(self):
        """Core's own button, with the rights of whoever presses it."""
        payments = self.move_ids.origin_payment_id
        others = self.move_ids - payments.move_id
        if self.asked == "draft":
            payments.action_draft()
            return others and others.button_draft()
        if self.asked == "cancel":
            payments.action_cancel()
            return others and others.button_cancel()
        if not self.reversal_id:
            raise UserError(self.env._("The window of the credit note is closed: open it again."))
        if self.asked == "modify":
            return self.reversal_id.modify_moves()
        return self.reversal_id.refund_moves()
