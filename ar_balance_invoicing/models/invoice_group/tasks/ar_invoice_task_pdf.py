import base64
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import pdf, split_every
from odoo.tools.constants import GC_UNLINK_LIMIT

from odoo.addons.base.models.ir_actions_report import _wkhtml

from ...bulk_document.ar_bulk_lanes import WORKING

# Combined PDFs can be made again at any time; they are kept for so many days.
DAYS_TO_KEEP_PDF = 7
# Seconds for an invoice, with a program that cannot print several of them in one call.
SECONDS_ONE_BY_ONE = 1.2
# So many are printed while the user waits.
PRINTED_AT_ONCE = 5
# So many in one call of the program: in larger ones (25 and more) it was seen to leave out
# words whose font came late, with an exit code that Odoo takes for a warning.
PRINTED_TOGETHER = 10


class ArInvoiceTaskPdf(models.AbstractModel):
    """One PDF of all, each invoice once, in the task's order."""

    _name = "ar.invoice.task.pdf"
    _inherit = ["ar.invoice.task.kind"]
    _description = "Task: One PDF of All"
    _task = "pdf"
    _sequence = 40
    _seconds = 0.2

    def _get_label(self):
        return self.env._("One PDF of all")

    def _get_left_out_reason(self):
        return self.env._("Cancelled invoices are not printed.")

    # ------------------------------------------------------------------
    # Printing
    # ------------------------------------------------------------------

    @api.model
    def _do(self, task, lines):
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

    @api.model
    def _print(self, report, moves):
        """``{invoice: PDF}``, several by one call of the printing program if it can do that."""
        reports = self.env["ir.actions.report"].with_company(moves.company_id)
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

    @api.model
    def _get_seconds(self):
        return super()._get_seconds() if _wkhtml().is_patched_qt else SECONDS_ONE_BY_ONE

    @api.model
    def _may_be_waited_for(self, task):
        """Printing is slow, and slower where the program prints one invoice a time."""
        return task.waiting_count <= PRINTED_AT_ONCE

    # ------------------------------------------------------------------
    # Putting together
    # ------------------------------------------------------------------

    @api.model
    def _after_finish(self, task):
        """Put the PDFs together, each invoice once, in the task's order.

        A page that is gone or broken meanwhile fails its invoice's line.
        """
        lines = task.line_ids.filtered(lambda line: line.state == "done").sorted("id")
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
            task._write_inside({"state": "failed"})
        if not contents:
            return
        content = pdf.merge_pdf(contents.values())
        task._write_inside({"pdf_id": self._attach_pdf(task, content).id})
        if task.state == "done":
            # Failed lines may still come, and then all are put together again.
            lines._write_inside({"pdf": False})

    @api.model
    def _attach_pdf(self, task, content):
        name = task.group_id.name or self.env._("Invoices")
        return self.env["ir.attachment"].create(
            {
                "name": f"{name.replace('/', '-')}.pdf",
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": task._name,
                "res_id": task.id,
            }
        )

    @api.model
    def _get_result_action(self, task):
        return bool(task.pdf_id) and task.action_download()

    @api.autovacuum
    def _gc_pdf(self):
        """Combined PDFs are large, and made again by one click."""
        long_ago = fields.Datetime.now() - timedelta(days=DAYS_TO_KEEP_PDF)
        domain = [
            ("task", "=", self._task),
            ("create_date", "<", long_ago),
            ("state", "not in", WORKING),
        ]
        self.env["ar.invoice.task"].search(domain, limit=GC_UNLINK_LIMIT)._unlink_inside()
