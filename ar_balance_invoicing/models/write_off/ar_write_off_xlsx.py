from odoo import models


class ArWriteOff(models.Model):
    """The write-off as a spreadsheet: to review what was found, or file what was done."""

    _name = "ar.write.off"
    _inherit = ["ar.write.off", "ar.xlsx.export"]

    def _get_xlsx_sheets(self):
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
                    "amount",
                    "amount_company",
                    "account_balance",
                    "product_types",
                    "state",
                    "reason",
                    "entry_id",
                    "reversal_id",
                ],
                # Of the customer's whole account, so once for each of his lines.
                "untotalled": ["account_balance"],
            }
        ]
