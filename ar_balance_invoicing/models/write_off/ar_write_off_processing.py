"""The work of a write-off document: what is ticked, booked and taken back, and its screens."""

from odoo import api, models
from odoo.exceptions import UserError

from ...tools import client_actions
from ...tools.amounts import round_amount
from ...tools.context_keys import BOOKED_NOW, BOOKED_NOW_KEY, LISTED_WRITE_OFF


class ArWriteOff(models.Model):
    _inherit = "ar.write.off"

    # ------------------------------------------------------------------
    # Figures
    # ------------------------------------------------------------------

    @api.depends("line_ids.selected", "line_ids.amount", "line_ids.state")
    def _compute_ticked(self):
        figures = self._get_ticked_figures()
        for document in self:
            count, customers, amount, by_currency = figures.get(
                document._origin.id, (0, set(), 0, {})
            )
            document.ticked_count = count
            document.ticked_customers = len(customers)
            document.ticked_amount = round_amount(document.currency_id, amount)
            document.ticked_by_currency = (
                ", ".join(currency.format(total) for currency, total in by_currency.items())
                if by_currency.keys() - {document.currency_id}
                else False
            )

    def _get_ticked_figures(self):
        """``{document id: (lines, customer ids, amount, {currency: amount})}`` of what is ticked.

        By the database, which does not read thousands of lines.
        """
        rows = self.env["ar.write.off.line"]._read_group(
            [
                ("document_id", "in", self._origin.ids),
                ("state", "=", "todo"),
                ("selected", "=", True),
            ],
            ["document_id", "currency_id"],
            ["__count", "partner_id:array_agg_distinct", "amount_company:sum", "amount:sum"],
        )
        figures = {}
        for document, currency, count, customers, amount, amount_currency in rows:
            lines, known, total, by_currency = figures.get(document.id, (0, set(), 0, {}))
            figures[document.id] = (
                lines + count,
                known | set(customers),
                total + amount,
                by_currency | {currency: amount_currency},
            )
        return figures

    @api.depends("line_ids.state")
    def _compute_amount_written_off(self):
        """As the ledger has it: what was unmatched by hand is not written off any more."""
        amounts = self.env["ar.balance"]._get_written_off(
            self._origin, entry="write_off_line_id.document_id"
        )
        for document in self:
            amount = amounts.get(document._origin.id, 0)
            document.amount_written_off = round_amount(document.currency_id, amount)

    # ------------------------------------------------------------------
    # Ticks
    # ------------------------------------------------------------------

    def action_tick_all(self):
        """Tick every line found."""
        self.check_access("write")
        self._get_lines("todo").write({"selected": True})

    def action_untick_all(self):
        """Untick every line found."""
        self.check_access("write")
        self._get_lines("todo").write({"selected": False})

    def action_set_default_batch(self):
        """Make the chosen batch the user's own default.

        :raise UserError: when no batch is chosen, or it is not open to the user.
        """
        self.ensure_one()
        self._check_may_write_off()
        if not self.batch_id:
            raise UserError(self.env._("Choose a batch first."))
        self.batch_id.action_set_default()

    # ------------------------------------------------------------------
    # Processing
    # ------------------------------------------------------------------

    def action_process_selection(self):
        """Show what is ticked, and ask how it is to be written off.

        Of what was processed already, what became of it.

        :raise UserError: when nothing is ticked.
        """
        return self._ask_to_process()

    def _ask_to_process(self, shown=None):
        """The pop-up of Process Selection.

        :param shown: the rows that a list shows; those that are ticked and not among them are
            counted. None: all are.
        """
        self.ensure_one()
        self._check_may_write_off()
        if not self.is_startable:
            return self._show_as_it_is()
        self._check_startable()
        ticked = self._check_ticked().filtered("selected")
        hidden = 0 if shown is None else len(ticked - shown)
        window = self.env["ar.write.off.process"]._create_inside(
            [{"document_id": self.id, "hidden_count": hidden}]
        )
        return client_actions.form(window, self.env._("Process Selection"), target="new")

    def action_process(self):
        """Write off the ticked lines.

        :raise UserError: when nothing is ticked, a note or batch is missing, or the
            accounting date lies in a closed period.
        """
        for document in self:
            document._check_may_write_off()
            document._check_startable()
            lines = document._check_ready()
            document._write_inside({"batch_id": document._find_or_make_batch().id})
            document._track_set_log_message(document._get_decision_note())
            lines._skip_unticked()
            document._start()
        return True

    def action_retry(self):
        """Take up failed and waiting lines again, if their batches still take them.

        A document that was cancelled before anything was written off is a draft again,
        to be reviewed and processed.

        :raise UserError: when the document as a whole is not in order, see
            ``action_process``
        """
        for document in self:
            document._check_may_write_off()
            document._check_startable()
            if document._is_untouched():
                document._back_to_draft()
            else:
                document._check_retry()
                super(ArWriteOff, document).action_retry()
        return True

    def _is_untouched(self):
        """No worker has taken it up, nor any of its lines a moment ago."""
        handled = self._get_line_counts()[self.id].keys() - {"todo", "skipped"}
        return not self.started_at and not handled

    def _check_retry(self):
        """Say what has to be put right first, and leave out what was unticked meanwhile."""
        self._check_filled_in()
        lines = self._get_lines("failed") | self._get_lines("todo")
        lines._check_batches()
        lines._skip_unticked()

    def _before_start(self):
        # Also whoever approves it: the batch may have been closed while it was waiting.
        self._get_lines("todo")._check_batches()
        self._plan_credits()
        return super()._before_start()

    def _back_to_draft(self):
        """As it was reviewed: what was not ticked is still not, and can be."""
        self._drop_plan()
        self._get_lines("skipped")._write_inside({"state": "todo", "reason": False})
        self._write_inside({"state": "draft"})
        self._inside()._compute_batch_id()

    def _settle_failures(self):
        """Documents are done when none of their failed lines is left."""
        for document in self.filtered(lambda document: document.state == "failed"):
            counts = document._get_line_counts()[document.id]
            state = document._get_final_state(counts, counts.get("todo", 0))
            document._write_inside({"state": state})

    def _find_or_make_batch(self):
        """The batch it is recorded in: the chosen one, or today's Auto Batch."""
        batch = self.batch_id
        if not batch:
            batch = self.env["ar.write.off.batch"]._find_or_make_batch(
                self.company_id, self.env.user
            )
        batch._check_usable()
        return batch

    def _check_ready(self):
        """Whatever is wrong with the document as a whole is said before any entry.

        :return: its lines to do, ticked or not.
        """
        lines = self._check_ticked()
        self._check_filled_in()
        return lines

    def _check_ticked(self):
        """
        :return: the lines to do, ticked or not.
        :raise UserError: when none is ticked.
        """
        lines = self._get_lines("todo")
        if not lines.filtered("selected"):
            raise UserError(
                self.env._("Nothing is ticked. Search, and tick what is to be written off.")
            )
        return lines

    def _check_filled_in(self):
        """Reason, note, journal and an open date, before the first time and each other."""
        if self.company_id.ar_write_off_reason_required and not self.reason_id:
            raise UserError(self.env._("Choose a reason for this write-off."))
        if self.note_required and not (self.note or "").strip():
            raise UserError(
                self.env._("The reason “%s” asks for a note: write one.", self.reason_id.name)
            )
        self._check_evidence()
        if not self.journal_id:
            raise UserError(
                self.env._("Choose the journal in which the write-off is to be booked.")
            )
        self._check_date_open()

    def _check_date_open(self):
        """Posting would silently move a locked date: say so instead."""
        if problem := self._get_date_problem():
            raise UserError(problem)

    def _get_date_problem(self):
        if future := self._get_future_problem(self.date):
            return future
        return self.company_id._ar_get_closed_period_problem(
            self.date, self.journal_id, self._reclaims_tax()
        )

    def _reclaims_tax(self):
        return self.reason_id.tax_treatment == "reclaim"

    def _process_lines(self, lines):
        """One entry per line, all made, posted and matched together."""
        self._check_may_write_off()
        # The period may have been closed while the document was waiting.
        if problem := self._get_date_problem():
            lines._mark_failed(problem)
            return
        lines = lines._skip_unticked()._fail_each(lambda line: line._get_missing_batch())
        locked = lines._lock_items()
        lines._prefetch_documents()
        lines = lines._fail_each(lambda line: line._get_problem(locked))._apply_credits()
        lines = lines._with_taken_back()
        prepared = []
        ready = lines.browse()
        for line in lines:
            try:
                prepared.append(line._prepare_entry())
                ready |= line
            except UserError as error:
                if line._has_applied():
                    raise  # with what was applied: the row fails alone, see ``_apply_one``
                line._mark_failed(str(error.args[0]))
        if not ready:
            return
        entries = self._book(prepared)
        for line, entry in zip(ready, entries, strict=True):
            line._mark_done(entry_id=entry.id, batch_id=line._get_batch().id)
            line.move_id._ar_note_with_changes(line._get_note())

    def _book(self, prepared, amounts=None):
        """Make, post and match entries, then read them back.

        :param prepared: of each entry its values, and pairs of open items and of the values
            of their counterparts.
        :param amounts: what other items must owe afterwards, by their ids.
        :raise Differs: when the books do not say what was meant.
        """
        maker = self.env["ar.entry.maker"].with_company(self.company_id)
        vals_list = [vals for vals, _pairs in prepared]
        entries = maker._create_entries(vals_list, matched_apart=amounts is not None)
        pairs = maker._pair(entries, prepared)
        expected = (amounts or {}) | maker._get_amounts_after_matching(pairs)
        # Everything is given to match exactly: no difference is to be made of it.
        exactly = maker.with_context(no_exchange_difference=True)
        if amounts is None:
            exactly = exactly.with_context(**{BOOKED_NOW_KEY: BOOKED_NOW})
        exactly._match([item | counterpart for item, counterpart in pairs])
        maker._check_books(entries, vals_list, expected)
        return entries

    def _undo_lines(self, lines, keep_applied=False):
        """Take back what was written off, and what credits were applied with it.

        :param keep_applied: the customer has paid that, whatever becomes of the loss.
        """
        self._check_may_write_off()
        lines = lines._undo_without_entry()
        problems = lines._get_undo_problems()
        ready = lines._fail_each(lambda line: line._get_undo_problem() or problems.get(line))
        if not ready:
            return
        maker = self.env["ar.entry.maker"].with_company(self.company_id)
        amounts = maker._get_amounts_without(ready.entry_id)
        maker._unmatch(ready.entry_id)
        reversals = self._book([line._prepare_reversal() for line in ready], amounts)
        if not keep_applied:
            ready.application_ids._take_back()
        for line, reversal in zip(ready, reversals, strict=True):
            line._write_inside({"state": "undone", "reason": False, "reversal_id": reversal.id})
            line.move_id._ar_note_with_changes(line._get_undo_note())

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_view_lines(self):
        """What was found, to be reviewed; after processing, what became of each line."""
        self.ensure_one()
        draft = self.is_editable
        name = "ar_write_off_line_action_found" if draft else "ar_write_off_line_action_document"
        title = self.env._("Lines of %s", self.display_name)
        # The action has the same domain, by the id in the address.
        return client_actions.records(
            self.env,
            f"ar_balance_invoicing.{name}",
            (draft and self.criteria_text) or title,
            [("document_id", "=", self.id)],
            {
                "active_id": self.id,
                # What was not ticked is no part of what was done.
                **({LISTED_WRITE_OFF: self.id} if draft else {"search_default_kept": 1}),
            },
        )

    def action_view_document(self):
        """The document itself."""
        self.ensure_one()
        return client_actions.form(self)

    def action_change_criteria(self):
        """Open the pop-up of criteria with those of this document, to search it again."""
        self.ensure_one()
        self._check_may_be_searched()
        window = self.env["ar.write.off.search"].create(
            {
                "company_id": self.company_id.id,
                "document_id": self.id,
                "batch_id": self.batch_id.id,
                **self._get_criteria_values(),
            }
        )
        return client_actions.form(window, self.env._("Change Criteria"), target="new")

    def action_view_entries(self):
        """The journal entries of this document, with the reversals of what was undone."""
        self.ensure_one()
        lines = self.env["ar.write.off.line"].search([("document_id", "=", self.id)])
        lines.fetch(["entry_id", "reversal_id"])
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_write_off_entry_action",
            self.env._("Entries of %s", self.display_name),
            [("id", "in", (lines.entry_id | lines.reversal_id).ids)],
            {"active_id": self.id},
        )

    def _get_xlsx_sheets(self):
        """The lines, to review what was found or to file what was done.

        What is added up is what the document says: what the ticked rows would lose of a draft,
        else what the ledger says was written off.
        """
        lost = self.env._("To Be Lost"), self.env._("Written Off")
        names = "amount_to_lose", "amount_written_off"
        drafts = {document.state == "draft" for document in self}
        return [
            {
                "title": self.env._("Write-Off Lines"),
                "records": self.env["ar.write.off.line"].search([("document_id", "in", self.ids)]),
                "columns": [
                    "document_id",
                    "selected",
                    "move_id",
                    "partner_id",
                    "invoice_date",
                    "date_maturity",
                    "days",
                    "currency_id",
                    "amount_total",
                    "amount_residual",
                    ("amount", self.env._("Amount")),
                    ("amount_company", self.env._("Amount in Company Currency")),
                    "amount_applied",
                    *(
                        (names[not draft], lost[not draft])
                        for draft in sorted(drafts, reverse=True)
                    ),
                    "account_balance",
                    "product_types",
                    "state",
                    "reason",
                    "entry_id",
                    "reversal_id",
                ],
                # Also of rows that are not ticked, or failed, or were undone; what a customer's
                # whole account owes stands once for each of his rows.
                "untotalled": [
                    *("amount_total", "amount_residual", "amount", "amount_company"),
                    *("amount_applied", "account_balance"),
                ],
            }
        ]
