from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models

from ...tools.amounts import round_amount
from ...tools.apportion import exact


class ArWriteOffLineOwnMoney(models.AbstractModel):
    """What of a row the customer's own credits pay, and what is lost.

    While a row waits, its amount is what becomes of it altogether. Once it is done, it is
    what was written off, beside what was applied.
    """

    _name = "ar.write.off.line.own.money"
    _description = "Customer's Own Money First: Row"
    _inherit = ["ar.write.off.line.found"]

    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    company_currency_id = fields.Many2one("res.currency")
    amount_applied = fields.Monetary(
        string="To Be Applied",
        compute="_compute_amount_applied",
        help="What the customer's own open credits pay of it, in the row's currency. Those of "
        "the same account and currency are matched with the ticked rows, the oldest first.",
    )
    amount_lost = fields.Monetary(
        string="To Be Lost",
        compute="_compute_amount_applied",
        help="What is left to be written off, in the row's currency.",
    )
    amount_to_lose = fields.Monetary(
        string="To Be Lost (company)",
        compute="_compute_amount_applied",
        currency_field="company_currency_id",
        help="Of a ticked row that waits, what is left to be written off, in company currency; of "
        "others nothing. It adds up to what the document says.",
    )
    amount_written_off = fields.Monetary(
        string="Written Off (company)",
        compute="_compute_amount_written_off",
        currency_field="company_currency_id",
        help="What the ledger says was written off by this row, in company currency: nothing of "
        "what was not ticked, undone or taken back. It adds up to what the document says.",
    )
    applied_reviewed = fields.Monetary(
        readonly=True, copy=False, help="What was to be applied when it was first started."
    )
    customer_credits = fields.Monetary(
        string="Open Credits",
        compute="_compute_customer_credits",
        currency_field="company_currency_id",
        help="All open credits of the customer when this was searched, in company currency: "
        "unapplied payments, credit notes.",
    )
    credit_ids = fields.Many2many(
        "ar.write.off.credit", string="Customer's Open Credits", compute="_compute_credit_ids"
    )
    application_ids = fields.One2many(
        "ar.write.off.application", "line_id", string="Applied Credits", readonly=True
    )

    used_application_ids = fields.One2many(
        "ar.write.off.application",
        "credit_line_id",
        string="Debts Paid",
        readonly=True,
        help="Of a credit that is listed itself: what it pays.",
    )

    # ------------------------------------------------------------------
    # Figures
    # ------------------------------------------------------------------

    def write(self, vals):
        result = super().write(vals)
        if isinstance(vals, dict) and vals.keys() & {"selected", "amount", "state"}:
            # Each tick moves the credits of all rows; dependencies would look for these.
            names = ["amount_applied", "amount_lost", "amount_to_lose"]
            self.invalidate_model(names, flush=False)
        return result

    @api.depends("selected", "amount", "amount_company", "state", "document_id.apply_credits")
    def _compute_amount_applied(self):
        drafts = self.filtered(lambda line: line.document_id.state == "draft")
        applied = drafts.document_id._origin._get_applied()
        applied |= (self - drafts)._origin._get_kept_applied()
        for line in self:
            paid = float(applied.get(line._origin.id, 0))
            settled = line.state in ("done", "undo", "undone", "taken_back")
            waits = line.state == "todo" and line.selected
            line.amount_applied = round_amount(line.currency_id, paid)
            line.amount_lost = line.amount if settled else line._get_left(paid)
            line.amount_to_lose = line._get_left_company(paid) if waits else 0

    def _get_left_company(self, applied):
        """What is lost of the row in company currency; as ``_get_applied_company`` reckons."""
        share = min(1, applied / self.amount) if self.amount else 0
        paid = round_amount(self.company_currency_id, self.amount_company * share)
        return round_amount(self.company_currency_id, self.amount_company - paid)

    @api.depends("state")
    def _compute_amount_written_off(self):
        amounts = self.env["ar.balance"]._get_written_off(self._origin, entry="write_off_line_id")
        for line in self:
            amount = amounts.get(line._origin.id, 0)
            line.amount_written_off = round_amount(line.company_currency_id, amount)

    def _get_left(self, applied):
        """What is lost of the row's amount when so much of it is paid, with its sign."""
        left = max(exact(abs(self.amount)) - abs(exact(applied)), 0)
        return round_amount(self.currency_id, float(left if self.amount > 0 else -left))

    def _get_kept_applied(self):
        """``{row id: amount}`` of the plan that was kept, debts positive and credits negative."""
        applications = self.env["ar.write.off.application"]
        kept = defaultdict(lambda: exact(0))
        for name, sign in (("line_id", 1), ("credit_line_id", -1)):
            for line, amount in applications._read_group(
                [(name, "in", self.ids), ("state", "in", ("planned", "applied"))],
                [name],
                ["amount:sum"],
            ):
                kept[line.id] += sign * exact(amount)
        return dict(kept)

    @api.depends("document_id", "partner_id")
    def _compute_customer_credits(self):
        rows = self.env["ar.write.off.credit"]._read_group(
            [
                ("document_id", "in", self.document_id._origin.ids),
                ("partner_id", "in", self.partner_id.ids),
            ],
            ["document_id", "partner_id"],
            ["amount_company:sum"],
        )
        totals = {(document.id, partner.id): total for document, partner, total in rows}
        for line in self:
            key = line.document_id._origin.id, line.partner_id.id
            line.customer_credits = totals.get(key, 0)

    @api.depends("document_id", "partner_id")
    def _compute_credit_ids(self):
        for line in self:
            line.credit_ids = line.document_id.credit_ids.filtered(
                lambda credit, line=line: credit.partner_id == line.partner_id
            )

    # ------------------------------------------------------------------
    # Sentences
    # ------------------------------------------------------------------

    def _get_hindrance_sentences(self):
        covered = self.filtered(lambda line: line.hindrance == "credits")
        return super()._get_hindrance_sentences() | covered._get_other_credit_sentences()

    def _get_other_credit_sentences(self):
        """Why rows have arrived unticked that credits cover which are not applied."""
        return {
            line: self.env._(
                "%(customer)s has open credits of %(credits)s. Those of another account, "
                "currency or company are not applied here, and would cover it: match them by "
                "hand first.",
                customer=line.partner_id.display_name,
                credits=line.company_currency_id.format(line.customer_credits),
            )
            for line in self
        }

    def _get_less_credit_sentence(self, now, then):
        self.ensure_one()
        return self.env._(
            "The credits of %(customer)s have changed since this was reviewed: %(now)s of them "
            "would pay %(document)s, not %(then)s, and more would be lost. Search again to review "
            "it.",
            customer=self.partner_id.display_name,
            document=self.move_id.display_name,
            now=self.currency_id.format(abs(now)),
            then=self.currency_id.format(abs(then)),
        )

    def _get_excess_sentence(self, account_balance):
        """:param account_balance: what the customer's account owes, in company currency."""
        self.ensure_one()
        return self.env._(
            "The account of %(customer)s owes %(owes)s altogether: with %(document)s, more than "
            "that would be lost. He has credits that are not applied here (of another account, "
            "currency or company, not ticked, or switched off): match them by hand first, then "
            "search again.",
            customer=self.partner_id.display_name,
            owes=self.company_currency_id.format(account_balance),
            document=self.move_id.display_name,
        )

    def _get_new_credit_sentence(self):
        self.ensure_one()
        return self.env._(
            "%s has other open credits than when this was started. Retry: they are then applied, "
            "too.",
            self.partner_id.display_name,
        )

    # ------------------------------------------------------------------
    # The work
    # ------------------------------------------------------------------

    def _get_open_as_reviewed(self):
        """What is open now in the row's currency, with what of a credit other rows have used."""
        self.ensure_one()
        now = sum(self.item_ids.mapped("amount_residual_currency"))
        if self.amount_residual < 0:
            used = self.used_application_ids.filtered(lambda part: part.state == "applied")
            now -= sum(used.mapped("amount"))
        return self.currency_id.round(now)

    def _apply_credits(self):
        """Match what was planned; the amount of each row is then what is left to be lost.

        Rows with nothing left are done. Rows whose customer has less or other credits than
        planned fail.

        :return: the rows of which something is to be lost.
        """
        if not self:
            return self
        document = self.document_id
        changed = document._get_customers_with_new_credits(self.partner_id)
        lines = self._fail_each(
            lambda line: line.partner_id in changed and line._get_new_credit_sentence()
        )
        kept = lines._get_kept_applied() if document.has_plan else {}
        if not kept:
            return lines
        planned = lines.application_ids.filtered(lambda part: part.state == "planned")
        planned._lock_credits()
        short = planned._get_short().line_id
        lines = lines._fail_each(
            lambda line: line in short and line._get_less_credit_sentence(0, kept[line.id])
        )
        planned.filtered(lambda part: part.line_id in lines)._apply()
        concerned = lines.filtered(lambda line: line.id in kept)
        for line in concerned:
            line._keep_amounts_lost(float(kept[line.id]))
        settled = concerned.filtered(lambda line: line.currency_id.is_zero(line.amount))
        for line in settled:
            line._mark_done(batch_id=line._get_batch().id)
            line.move_id._ar_note_with_changes(line._get_applied_note())
        return lines - settled

    def _keep_amounts_lost(self, applied):
        """Write what is left to be lost, in both currencies, at the rate of the open items."""
        left = self._get_left(applied)
        whole = sum(self.item_ids.mapped("amount_residual_currency"))
        company = sum(self.item_ids.mapped("amount_residual"))
        share = left / whole if whole else 0
        self._write_inside(
            {"amount": left, "amount_company": self.company_currency_id.round(company * share)}
        )

    def _get_applied_note(self):
        text = self._describe_applied(self.application_ids)
        return self.env._("Settled by the customer's own credits: %s", text)

    def _describe_applied(self, applications):
        """Amount of some of the row's, and a link to the write-off."""
        self.ensure_one()
        applied = sum(applications.mapped("amount"))
        link = self.document_id._get_html_link()
        return Markup("%s, %s") % (self.currency_id.format(applied), link)

    def _has_applied(self):
        return any(part.state == "applied" for part in self.application_ids)

    # ------------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------------

    def _undo_without_entry(self):
        """Take back rows whose credits only are left in the books; return the others.

        Nothing was lost of them, or their loss was taken back by hand.
        """
        standing = self.env["ar.write.off.by.hand"]._get_standing(self.entry_id)
        alone = self.filtered(
            lambda line: (
                line.application_ids._get_matched()
                if line.entry_id - standing or line.entry_name
                else not line.entry_id and line.currency_id.is_zero(line.amount)
            )
        )
        notes = {
            line: line._describe_applied(line.application_ids._get_matched()) for line in alone
        }
        alone.application_ids._take_back()
        for line in alone:
            note = self.env._("Applied credits taken back: %s", notes[line])
            line.move_id._ar_note_with_changes(note)
        alone._write_inside({"state": "undone", "reason": False})
        return self - alone
