import base64
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import pdf, split_every
from odoo.tools.constants import GC_UNLINK_LIMIT

from odoo.addons.base.models.ir_actions_report import _wkhtml

from ..bulk_document.ar_bulk_lanes import WORKING

# Combined PDFs can be made again at any time; they are kept for so many days.
DAYS_TO_KEEP_PDF = 7
# Seconds that an invoice takes, before any of a document was measured.
SECONDS = {
    "confirm": 0.016,
    "mark_sent": 0.003,
    "send": 0.01,
    "pdf": 0.2,
    "regenerate": 0.1,
    "delete": 0.02,
}
# With a program that cannot print several invoices in one call.
SECONDS_ONE_BY_ONE = 1.2
# So many are printed while the user waits.
PRINTED_AT_ONCE = 5
# So many in one call of the program: in larger ones (25 and more) it was seen to leave out
# words whose font came late, with an exit code that Odoo takes for a warning.
PRINTED_TOGETHER = 10


class ArInvoiceTask(models.Model):
    """What each task does with its invoices, many at once."""

    _inherit = "ar.invoice.task"

    # ------------------------------------------------------------------
    # Confirm, mark as sent
    # ------------------------------------------------------------------

    def _do_confirm(self, lines):
        confirmed = lines.filtered(lambda line: line.move_id.state != "draft")
        confirmed._mark_skipped(self.env._("Not a draft any more."))
        lines = self._post(lines - confirmed)
        lines._mark_done()

    def _do_mark_sent(self, lines):
        drafts = lines.filtered(lambda line: line.move_id.state == "draft")
        lines = (lines - drafts) | self._post(drafts)
        lines.move_id._ar_write_beside_accounting({"is_move_sent": True})
        lines._mark_done()

    def _post(self, lines):
        """Confirm drafts, and return the lines of those that could be.

        Core would silently move an invoice out of a closed period.
        """
        locks = {}

        def problem(line):
            invoice = line.move_id
            day = invoice.invoice_date or fields.Date.context_today(self)
            key = (day, invoice.journal_id, bool(invoice.line_ids.tax_ids))
            if key not in locks:
                violated = self.company_id._get_violated_lock_dates(day, key[2], key[1])
                locks[key] = violated and self.env._(
                    "The invoice date %(date)s lies in a closed period (%(locks)s). Choose a "
                    "later date on the invoice.",
                    date=fields.Date.to_string(day),
                    locks=self.env["res.company"]._format_lock_dates(violated),
                )
            return locks[key]

        lines = lines._fail_each(problem)
        if lines:
            lines.move_id._ar_numbered_together()._post(soft=False)
        return lines

    # ------------------------------------------------------------------
    # E-mail
    # ------------------------------------------------------------------

    def _do_send(self, lines):
        """Hand the invoices over to Odoo's own sending, which works in the background."""
        waiting = lines.filtered(lambda line: line.move_id.is_being_sent)
        waiting._mark_skipped(self.env._("Is being sent already."))
        lines = (lines - waiting)._fail_each(self._get_send_problem)
        lines.move_id._ar_write_beside_accounting({"sending_data": self._prepare_sending_data()})
        lines._mark_done()

    def _prepare_sending_data(self):
        return {
            "author_user_id": self.env.user.id,
            "author_partner_id": self.env.user.partner_id.id,
        }

    def _get_send_problem(self, line):
        """Why an invoice cannot be e-mailed: a sentence, or False."""
        invoice, send = line.move_id, self.env["account.move.send"]
        if invoice.state != "posted":
            return self.env._("Not confirmed: confirm it first.")
        constraints = send._get_move_constraints(invoice)
        if constraints:
            return next(iter(constraints.values()))
        methods = send._get_default_sending_methods(invoice)
        if methods <= {"manual"}:
            return self.env._(
                "%s gets invoices by hand, as the contact's Invoicing page says.",
                invoice.commercial_partner_id.display_name,
            )
        if "email" in methods and not invoice.partner_id.email:
            return self.env._(
                "%s has no e-mail address. Type one on the contact, then retry.",
                invoice.partner_id.display_name,
            )
        return False

    @api.model
    def _check_sending_works(self):
        """Odoo's own scheduled action does the sending.

        :raise UserError: when it is switched off.
        """
        cron = self.env.ref("account.ir_cron_account_move_send").sudo()
        if not cron.active:
            raise UserError(
                self.env._(
                    "Odoo's scheduled action “%s” is switched off, so that nothing would be "
                    "sent. Ask an administrator to switch it on.",
                    cron.name,
                )
            )

    # ------------------------------------------------------------------
    # Drafts
    # ------------------------------------------------------------------

    def _do_regenerate(self, lines):
        confirmed = lines.filtered(lambda line: line.move_id.state != "draft")
        confirmed._mark_skipped(self.env._("Not a draft any more."))
        lines -= confirmed
        for run, moves in lines.move_id.grouped("billing_run_id").items():
            run._regenerate(moves)
        lines._mark_done()

    def _do_delete(self, lines):
        confirmed = lines.filtered(lambda line: line.move_id.state != "draft")
        confirmed._mark_skipped(self.env._("Not a draft any more."))
        lines -= confirmed
        lines.move_id.unlink()
        lines._mark_done()

    # ------------------------------------------------------------------
    # One PDF
    # ------------------------------------------------------------------

    def _do_pdf(self, lines):
        """Print what was not printed for good yet, all of a chunk at once.

        An invoice that was sent keeps the PDF that the customer has.
        """
        printed = lines.filtered(lambda line: line.move_id.invoice_pdf_report_id)
        contents = {line.move_id: line.move_id.invoice_pdf_report_id.raw for line in printed}
        send = self.env["account.move.send"]
        moves = (lines - printed).move_id
        for report, group in moves.grouped(send._get_default_pdf_report_id).items():
            contents |= self._print(report, group)
        for line in lines:
            problem = self._get_pdf_problem(contents[line.move_id])
            if not problem:
                line._mark_done(pdf=base64.b64encode(contents[line.move_id]))
            elif line in printed:
                line._mark_failed(
                    self.env._(
                        "The stored PDF of %(invoice)s %(problem)s. Delete it among the "
                        "invoice's attachments, then retry: it is printed anew.",
                        invoice=line.move_id.display_name,
                        problem=problem,
                    )
                )
            else:
                line._mark_failed(
                    self.env._(
                        "What was printed for %(invoice)s %(problem)s. Print the invoice alone "
                        "to see what is wrong with it.",
                        invoice=line.move_id.display_name,
                        problem=problem,
                    )
                )

    def _print(self, report, moves):
        """``{invoice: PDF}``, several by one call of the printing program if it can do that."""
        reports = self.env["ir.actions.report"].with_company(self.company_id)
        contents = {}
        together = PRINTED_TOGETHER if _wkhtml().is_patched_qt else 1
        for ids in split_every(together, moves.ids):
            group = moves.browse(ids)
            content, kind = reports._pre_render_qweb_pdf(report.report_name, res_ids=group.ids)
            by_id = reports._get_splitted_report(report.report_name, content, kind)
            contents |= {move: by_id[move.id] for move in group}
        return contents

    @api.model
    def _get_pdf_problem(self, content):
        """Why the pages of a PDF cannot be put with others: words, or False."""
        if not content:
            return self.env._("is empty, or its file is gone")
        try:
            pdf.merge_pdf([content])
        except Exception as error:  # of many kinds, as many as a file can be broken
            return self.env._("cannot be read (%s)", error)
        return False

    def _get_expected_seconds(self):
        if self.task == "pdf" and not _wkhtml().is_patched_qt:
            return SECONDS_ONE_BY_ONE
        return SECONDS[self.task]

    def _is_small(self):
        """Printing is slow, and slower where the program prints one invoice a time."""
        if self.task == "pdf" and self.waiting_count > PRINTED_AT_ONCE:
            return False
        return super()._is_small()

    def _after_finish(self):
        if self.task == "send" and self.done_count:
            self.env.ref("account.ir_cron_account_move_send").sudo()._trigger()
        elif self.task == "pdf":
            self._combine_pdf()

    def _combine_pdf(self):
        """Put the PDFs together, each invoice once, in the group's order.

        A page that is gone or broken meanwhile fails its invoice's line.
        """
        lines = self.line_ids.filtered(lambda line: line.state == "done").sorted("id")
        contents = {line: base64.b64decode(line.pdf or b"") for line in lines}
        for line in lines:
            problem = self._get_pdf_problem(contents[line])
            if problem:
                del contents[line]
                line._mark_failed(
                    self.env._(
                        "What was printed for %(invoice)s %(problem)s. Retry to print it again.",
                        invoice=line.display_name,
                        problem=problem,
                    )
                )
        if len(contents) < len(lines):
            self._write_inside({"state": "failed"})
        if not contents:
            return
        self._write_inside({"pdf_id": self._attach_pdf(pdf.merge_pdf(contents.values())).id})
        if self.state == "done":
            # Failed lines may still come, and then all are put together again.
            lines._write_inside({"pdf": False})

    def _attach_pdf(self, content):
        return self.env["ir.attachment"].create(
            {
                "name": f"{self.group_id.name.replace('/', '-')}.pdf",
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
            }
        )

    def action_download(self):
        """Download the combined PDF.

        :raise UserError: when there is none (yet).
        """
        self.ensure_one()
        if not self.pdf_id:
            raise UserError(self.env._("There is no PDF yet: wait until it is done."))
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.pdf_id.id}?download=true",
            "target": "download",
        }

    @api.autovacuum
    def _gc_pdf(self):
        """Combined PDFs are large, and made again by one click."""
        long_ago = fields.Datetime.now() - timedelta(days=DAYS_TO_KEEP_PDF)
        domain = [
            ("task", "=", "pdf"),
            ("create_date", "<", long_ago),
            ("state", "not in", WORKING),
        ]
        self.search(domain, limit=GC_UNLINK_LIMIT)._unlink_inside()
