from odoo import models

# From a journal item to the write-off line it was made by.
LINE = "move_id.write_off_line_id"


class ArWriteOffBatch(models.Model):
    """The batch as a spreadsheet: what its report lists, to be filtered and added up."""

    _name = "ar.write.off.batch"
    _inherit = ["ar.write.off.batch", "ar.xlsx.export"]

    def _get_xlsx_sheets(self):
        """Journal items, one sheet for each company, and the control figures."""
        companies = self.company_id
        sheets = []
        for company, batches in self.grouped("company_id").items():
            title = self.env._("Journal Items")
            if len(companies) > 1:
                title = f"{company.name} {title}"
            sheets.append(
                {
                    "title": title,
                    "records": batches._get_xlsx_items(company),
                    "columns": self._get_xlsx_item_columns(),
                }
            )
        return [*sheets, self._get_xlsx_control_sheet()]

    def _get_xlsx_items(self, company):
        """Journal items of what was written off, in the order of the report.

        With the company, for accounts have a code in each.
        """
        lines = self.with_company(company)._get_lines()
        # Ids only: whatever else there is, is read chunk by chunk.
        lines.fetch(["entry_id"])
        lines.entry_id.fetch(["line_ids"])
        return lines.entry_id.line_ids

    def _get_xlsx_item_columns(self):
        return [
            (f"{LINE}.document_id", self.env._("Document")),
            f"{LINE}.document_id.reason_id",
            f"{LINE}.partner_id",
            (f"{LINE}.move_id.name", self.env._("Invoice")),
            ("move_id.name", self.env._("Entry")),
            "date",
            "account_id",
            "name",
            "debit",
            "credit",
            (f"{LINE}.document_id.user_id", self.env._("Written Off by")),
            (f"{LINE}.document_id.ended_at", self.env._("Written Off at")),
            f"{LINE}.document_id.note",
        ]

    def _get_xlsx_control_sheet(self):
        return {
            "title": self.env._("Controls"),
            "records": self,
            "columns": [
                "name",
                "date",
                "line_count",
                "control_count",
                "amount",
                "control_amount",
                "closed_by_id",
                "closed_at",
            ],
            # Each batch is compared with its own.
            "untotalled": ["amount", "control_amount"],
        }
