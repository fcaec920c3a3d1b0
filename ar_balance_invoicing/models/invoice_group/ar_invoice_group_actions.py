from odoo import models


class ArInvoiceGroup(models.Model):
    """Actions on all invoices of a group; the long ones go on in the background."""

    _inherit = ["ar.invoice.group", "ar.xlsx.export"]
    _name = "ar.invoice.group"

    def _run_task(self, task, scope="all"):
        """Do something with all invoices of the group that it concerns.

        :raise UserError: when it concerns none.
        """
        self.ensure_one()
        document = self.env["ar.invoice.task"]._create_for_group(self, task, scope)
        document._start()
        self.message_post(
            body=self.env._(
                "%(task)s: %(count)s invoices.", task=document.name, count=document.line_count
            )
        )
        return document._get_result_action()

    def action_confirm_drafts(self):
        """Confirm the drafts; those that cannot be stay, with why."""
        return self._run_task("confirm")

    def action_mark_as_sent(self):
        """Confirm the drafts and mark all as sent, without any e-mail."""
        return self._run_task("mark_sent")

    def action_send_all(self):
        """E-mail all confirmed invoices, by Odoo's own sending."""
        return self._send("all")

    def action_send_owing(self):
        """E-mail the invoices that owe, or whose customer's account does."""
        return self._send("owing")

    def action_send_not_sent(self):
        """E-mail the invoices that were not sent yet."""
        return self._send("not_sent")

    def _send(self, scope):
        self.env["ar.invoice.task"]._check_sending_works()
        return self._run_task("send", scope)

    def action_print(self):
        """One PDF of all invoices, each once, in the group's order."""
        return self._run_task("pdf")

    def action_regenerate_drafts(self):
        """Read prices, services, terms and fees of the drafts again."""
        return self._run_task("regenerate")

    def action_delete_drafts(self):
        """Delete the drafts; a billing run can make them again."""
        return self._run_task("delete")

    def _get_xlsx_sheets(self):
        return [
            {
                "title": group.name,
                "records": group._get_invoices(),
                "columns": self._get_group_columns(),
                # One customer's account would be added up once for each invoice.
                "untotalled": ["account_balance"],
            }
            for group in self
        ]

    def _get_group_columns(self):
        """Paths of fields of ``account.move``."""
        return [
            "name",
            "commercial_partner_id",
            "partner_id.ref",
            "partner_id.email",
            "invoice_date",
            "invoice_date_due",
            "billing_period_id",
            "currency_id",
            "amount_untaxed",
            "amount_total",
            "amount_total_signed",
            "invoice_balance",
            "account_balance",
            "balance_class",
            "status_in_payment",
            "email_state",
        ]
