from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...tools import client_actions
from ...tools.amounts import round_amount
from ...tools.context_keys import LISTED_WRITE_OFF
from .ar_write_off_by_hand import BOOKED


class ArWriteOffLine(models.Model):
    """What is written off: the open receivable items of one document of a customer.

    A line points at journal items, not only at an invoice: instalments, credit notes
    and unapplied payments are items too.
    """

    _name = "ar.write.off.line"
    _description = "Write-Off Line"
    _inherit = [
        "ar.write.off.line.undo",
        "ar.write.off.line.own.money",
        "ar.write.off.line.ticks",
        "ar.write.off.line.totals",
        "ar.write.off.tax",
        "ar.write.off.loss",
    ]
    _order = "document_id, id"
    # Made by the search; a person decides which of them, and how much.
    _person_creates = False
    _editable_while = {"amount": "is_reviewable", "selected": "is_tickable"}

    document_id = fields.Many2one(
        "ar.write.off",
        string="Write-Off",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="document_id.company_id", store=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    batch_id = fields.Many2one(
        "ar.write.off.batch",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Where it is recorded once it was processed or moved; until then, the batch of "
        "its document.",
    )
    is_reviewable = fields.Boolean(
        compute="_compute_is_reviewable", help="Its amount may still be lowered."
    )
    is_tickable = fields.Boolean(
        compute="_compute_is_reviewable", help="It may still be ticked or unticked."
    )
    selected = fields.Boolean(string="Tick", default=True)
    move_id = fields.Many2one(
        "account.move",
        string="Document",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    item_ids = fields.Many2many("account.move.line", string="Open Items", readonly=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    invoice_date = fields.Date(related="move_id.invoice_date")
    date_maturity = fields.Date(string="Due Date", readonly=True)
    days = fields.Integer(compute="_compute_days", help="Since the due date.")
    amount_total = fields.Monetary(
        string="Original", compute="_compute_amount_total", help="In the document's currency."
    )
    amount_residual = fields.Monetary(
        string="Balance",
        readonly=True,
        help="What was open when the line was reviewed, in its own currency.",
    )
    amount_residual_company = fields.Monetary(
        string="Balance (company)", readonly=True, currency_field="company_currency_id"
    )
    amount = fields.Monetary(
        string="Write Off",
        help="What is written off, in the line's currency. It can be lowered.",
    )
    amount_company = fields.Monetary(
        string="Write Off (company)",
        compute="_compute_amount_company",
        store=True,
        currency_field="company_currency_id",
        help="At the rate at which the document was booked.",
    )
    account_balance = fields.Monetary(
        readonly=True,
        # Of the whole account, so once for each of its lines: no sum means anything.
        aggregator=None,
        currency_field="company_currency_id",
        help="What the customer's whole account owed when this was searched.",
    )
    product_types = fields.Char(compute="_compute_product_types")
    entry_id = fields.Many2one(
        "account.move", readonly=True, copy=False, index="btree_not_null", ondelete="restrict"
    )
    reversal_id = fields.Many2one(
        "account.move", readonly=True, copy=False, index="btree_not_null", ondelete="restrict"
    )

    # --- what the information button shows ---------------------------------

    invoice_line_ids = fields.One2many(related="move_id.invoice_line_ids")
    matched_item_ids = fields.Many2many(
        "account.move.line", string="Payments and Credits", compute="_compute_history"
    )
    earlier_line_ids = fields.Many2many(
        "ar.write.off.line", string="Earlier Write-Offs", compute="_compute_history"
    )

    @api.depends("move_id")
    def _compute_history(self):
        for line in self:
            items = line.move_id.line_ids.filtered(
                lambda item: item.account_type == "asset_receivable"
            )
            line.matched_item_ids = (
                items.matched_debit_ids.debit_move_id | items.matched_credit_ids.credit_move_id
            )
            line.earlier_line_ids = line.move_id.write_off_line_ids.filtered(
                lambda other, line=line: other != line and other.state in BOOKED
            )

    @api.depends("state")
    def _compute_is_reviewable(self):
        for line in self:
            line.is_reviewable = line.state == "todo"
            line.is_tickable = line.state in ("todo", "failed")

    @api.depends("date_maturity", "invoice_date")
    def _compute_days(self):
        today = fields.Date.context_today(self)
        balances = self.env["ar.balance"]
        for line in self:
            # Of its oldest open item, or of the document: see the fields named there.
            day = balances._get_reference_date(
                {
                    "date_maturity": line.date_maturity,
                    "invoice_date": line.invoice_date,
                    "date": line.move_id.date,
                },
                balances._get_basis(line.company_id) or "due_date",
            )
            line.days = max((today - day).days, 0) if day else 0

    @api.depends("move_id")
    def _compute_amount_total(self):
        for line in self:
            signed = line.move_id.is_inbound(include_receipts=True)
            line.amount_total = line.move_id.amount_total * (1 if signed else -1)

    @api.depends("move_id")
    def _compute_product_types(self):
        for line in self:
            products = line.move_id.invoice_line_ids.product_id
            types = dict(products._fields["type"]._description_selection(self.env))
            line.product_types = ", ".join(sorted({types[p.type] for p in products}))

    @api.depends("amount", "amount_residual", "amount_residual_company")
    def _compute_amount_company(self):
        for line in self:
            whole = line.amount_residual
            share = line.amount / whole if whole else 1
            line.amount_company = round_amount(
                line.company_currency_id, line.amount_residual_company * share
            )

    @api.constrains("amount", "amount_residual")
    def _check_amount(self):
        for line in self:
            if problem := line._get_amount_problem():
                raise ValidationError(problem)

    def _get_amount_problem(self):
        """Why the amount is none of the balance: a sentence, or False."""
        amount, whole = self.amount, self.amount_residual
        too_much = self.currency_id.compare_amounts(abs(amount), abs(whole)) > 0
        return (too_much or amount * whole < 0) and self.env._(
            "%(document)s: %(amount)s cannot be written off of %(balance)s. Type "
            "an amount between zero and the balance.",
            document=self.move_id.display_name,
            amount=self.currency_id.format(amount),
            balance=self.currency_id.format(whole),
        )

    @api.onchange("amount")
    def _onchange_amount(self):
        """Say at once what cannot be: the amount is again what it was."""
        problem = self._get_amount_problem()
        if not problem and self.currency_id.is_zero(self.amount) and self.amount_residual:
            problem = self.env._(
                "Nothing of %s would be written off: untick it instead.", self.move_id.display_name
            )
        if not problem:
            return None
        self.amount = self._origin.amount
        return {"warning": {"title": self.env._("Write Off"), "message": problem}}

    @api.depends("move_id")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.move_id.display_name

    # ------------------------------------------------------------------
    # What a person may change
    # ------------------------------------------------------------------

    def _is_editable(self, name):
        return super()._is_editable(name) and self.document_id.is_correctable

    def _get_refusal(self, name):
        if self and name in self._editable_while:
            return self.env._(
                "%(line)s of %(document)s was processed or left out: its “%(field)s” stays as it "
                "is.",
                line=self.display_name,
                document=self.document_id.display_name,
                field=self._fields[name]._description_string(self.env),
            )
        return super()._get_refusal(name)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_processed(self):
        for line in self:
            if line.entry_id or line.document_id.state != "draft":
                raise UserError(
                    self.env._(
                        "%(line)s of %(document)s stays as its record. Untick or undo it instead.",
                        line=line.display_name,
                        document=line.document_id.display_name,
                    )
                )

    def _get_mismatch(self):
        """Why a line is not to be trusted: what it names belongs to somebody else. Or False."""
        self.ensure_one()
        move, company, currency = self.move_id, self.document_id.company_id, self.currency_id
        customer = self.partner_id.commercial_partner_id
        belongs = company == self.company_id and all(
            item.move_id == move
            and item.company_id == company
            and item.currency_id == currency
            and item.account_type == "asset_receivable"
            and item.partner_id.commercial_partner_id == customer
            for item in self.item_ids
        )
        return not belongs and self.env._(
            "What %s names as open is not this customer's, or not of this company. Search again.",
            self.move_id.display_name,
        )

    # ------------------------------------------------------------------
    # Buttons of the list
    # ------------------------------------------------------------------

    def _get_listed_document(self):
        """The document of these lines; of none, the one whose list is open.

        :raise UserError: when there are none, or several.
        """
        document = self.document_id
        if not self:
            listed = self.env.context.get(LISTED_WRITE_OFF)
            document = document.browse(listed if type(listed) is int else ()).exists()
        document.ensure_one()
        document.check_access("read")
        return document

    def action_process_selection(self):
        """Ask how what is ticked in the document of these lines is to be written off.

        Stored ticks count, whatever rows are selected or shown; how many of them are not
        selected, where any is, or hidden by the filter of the list, is said.
        """
        document = self._get_listed_document()
        return document._ask_to_process(self._get_shown())

    def action_change_criteria(self):
        """Search for something else in the document of these lines."""
        return self._get_listed_document().action_change_criteria()

    def action_view_document(self):
        """The write-off document of these lines."""
        return self._get_listed_document().action_view_document()

    def action_undo(self, date=False):
        """Undo those of these lines that are written off, and say how many they are.

        What was taken back by hand is left out, but where its loss or credits are still booked.

        :param date: of the reversals; by default that of each entry, or the first open day.
        :raise UserError: when none is written off, or for a date in the future.
        """
        documents = self.env["ar.write.off"]
        documents._check_may_write_off()
        chosen = documents._check_undo_date(date)
        done = self._get_undoable()
        if not self:
            raise UserError(self.env._("Choose the write-offs that are to be undone."))
        if not done and self.filtered(lambda line: line.state == "taken_back"):
            return self._get_undo_notification(done)
        for document, lines in (done or self).grouped("document_id").items():
            document._start_undo_of(lines, chosen)
        return self._get_undo_notification(done)

    def action_undo_on(self):
        """Say what is undone of the chosen lines, and ask for the date.

        :raise UserError: when there is nothing to undo among them.
        """
        self.env["ar.write.off"]._check_may_write_off()
        self.check_access("write")
        chosen = self._get_chosen()
        lines = chosen._get_undoable()
        if not lines:
            raise UserError(
                self.env._("None of the chosen rows is written off: there is nothing to undo.")
            )
        return client_actions.pop_up(
            "ar.write.off.take.back",
            self.env._("Undo Write-Offs"),
            {
                "default_line_ids": [Command.set(lines.ids)],
                "default_left_count": len(chosen - lines),
            },
        )

    def _get_undo_notification(self, done):
        """What became of the lines that were to be undone, for the user who asked."""
        undone, waiting, left = (
            len(lines)
            for lines in (
                done.filtered(lambda line: line.state == "undone"),
                done.filtered(lambda line: line.state == "undo"),
                self.filtered(lambda line: line.state not in ("undone", "undo")) | (self - done),
            )
        )
        sentences = []
        if undone:
            sentences.append(self.env._("%s undone.", undone))
        if waiting:
            sentences.append(self.env._("%s are being undone in the background.", waiting))
        if left:
            sentences.append(
                self.env._(
                    "%s left as they are: not written off, or not to be undone for the reason "
                    "on the row.",
                    left,
                )
            )
        title = self.env._("Undone") if undone else self.env._("Undo")
        return client_actions.notification(title, " ".join(sentences), warning=bool(left))

    # ------------------------------------------------------------------
    # Batches
    # ------------------------------------------------------------------

    def _get_unsettled(self):
        """Sentences: whose entry settles less than was written off, as the ledger has it."""
        settled = self.env["ar.balance"]._get_written_off(
            self, entry="write_off_line_id", in_currency=True
        )
        return [
            self.env._(
                "%(line)s of %(document)s: the entry %(entry)s was unmatched or reversed by hand, "
                "so that %(open)s is not written off. Match it again, or undo the line.",
                line=line.display_name,
                document=line.document_id.display_name,
                entry=line.entry_id.display_name,
                open=line.currency_id.format(abs(line.amount) - settled.get(line.id, 0)),
            )
            for line in self
            if line.currency_id.compare_amounts(settled.get(line.id, 0), abs(line.amount)) < 0
        ]

    def _get_missing_batch(self):
        """Why a line without a batch is not written off: nothing is outside of one. Or False."""
        return not self._get_batch() and self.env._(
            "%s has no batch. Leave it out, and search it anew.", self.display_name
        )

    def _get_batch(self):
        """The batch of one line."""
        return self.batch_id or self.document_id.batch_id

    def _check_batches(self):
        """Refuse to record anything in a batch that takes nothing more.

        :raise UserError: with the batch, and the way out.
        """
        batches = self.env["ar.write.off.batch"]
        for batch in batches.union(*(line._get_batch() for line in self)):
            batch._check_usable()

    def action_move_to_batch(self):
        """Ask for the open batch that these lines are to be recorded in."""
        self.env["ar.write.off"]._check_may_write_off()
        lines = self._get_chosen()
        lines.check_access("write")
        values = {"default_line_ids": [Command.set(lines.ids)]}
        title = self.env._("Move to Another Batch")
        return client_actions.pop_up("ar.write.off.batch.move", title, values)

    def action_leave_out(self):
        """Set failed lines aside for good: nothing is to be done about them any more.

        :raise UserError: when a line has not failed.
        """
        self.env["ar.write.off"]._check_may_write_off()
        lines = self._get_chosen()
        lines.check_access("write")
        for line in lines:
            if line.state != "failed":
                raise UserError(
                    self.env._(
                        "%(line)s of %(document)s has not failed: only failed lines are left "
                        "out. Untick or undo others.",
                        line=line.display_name,
                        document=line.document_id.display_name,
                    )
                )
        for line in lines:
            line._mark_skipped(self.env._("Left out: %s", line.reason))
        lines.document_id._settle_failures()

    # ------------------------------------------------------------------
    # Information
    # ------------------------------------------------------------------

    def action_information(self):
        """Show what is behind the line: invoice lines, payments, earlier write-offs."""
        self.ensure_one()
        return client_actions.form(
            self,
            self.move_id.display_name,
            view="ar_balance_invoicing.ar_write_off_line_view_form",
            target="new",
        )

    def action_open_document(self):
        """Open the invoice itself."""
        self.ensure_one()
        return self.move_id.action_open_business_doc()
