from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ...tools import counted
from ...tools.client_actions import notification
from ...tools.records import chosen_records
from ..balance.account_move import BALANCE_GROUPS


class AccountMove(models.Model):
    """The group of an invoice, and what is done with many of them."""

    _inherit = "account.move"

    invoice_group_id = fields.Many2one(
        "ar.invoice.group",
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups=BALANCE_GROUPS,
        domain="[('company_id', '=', company_id)]",
        help="An invoice is in one group at most.",
    )

    # ------------------------------------------------------------------
    # Group
    # ------------------------------------------------------------------

    @api.constrains("invoice_group_id", "company_id", "move_type")
    def _check_invoice_group(self):
        # Whoever changes the company of a bill may have no right to groups.
        for move in self.sudo().filtered("invoice_group_id"):
            if not move.is_sale_document(include_receipts=True):
                raise ValidationError(
                    self.env._(
                        "%s is no customer invoice: only those are put into invoice groups.",
                        move.display_name,
                    )
                )
            if move.invoice_group_id.company_id != move.company_id:
                move.with_env(self.env)._ar_refuse_invoice_group(move.invoice_group_id)

    def _ar_refuse_invoice_group(self, group):
        """Say why this invoice is not in that group; names only what the user may read."""
        if not self.has_access("read") or not group.with_env(self.env).has_access("read"):
            raise ValidationError(
                self.env._("An invoice and its invoice group belong to different companies.")
            )
        raise ValidationError(
            self.env._(
                "%(invoice)s belongs to %(company)s and the group “%(group)s” to "
                "%(other)s. Choose a group of the invoice's company.",
                invoice=self.display_name,
                company=self.company_id.display_name,
                group=group.display_name,
                other=group.company_id.display_name,
            )
        )

    def action_add_to_invoice_group(self):
        """Ask for the group, existing or new, that these invoices are to be put into."""
        self._ar_check_invoicing_rights()
        return self.env["ar.invoice.group"]._get_add_action(chosen_records(self))

    def action_remove_from_invoice_group(self):
        """Take these invoices out of their groups; the invoices themselves stay."""
        return chosen_records(self)._ar_take_out_of_groups()

    def _ar_take_out_of_groups(self):
        """Take invoices out of their groups, and say from which."""
        left = self._ar_leave_invoice_groups()
        if not left:
            return notification(self.env._("None of these invoices is in a group."), warning=True)
        count = sum(len(invoices) for invoices in left.values())
        return notification(
            self.env._("%s taken out of their groups.", counted.invoices(self.env, count)),
            ", ".join(f"{group.display_name} ({len(some)})" for group, some in left.items()),
        )

    def _ar_leave_invoice_groups(self):
        """Take invoices out of their groups, with a note on each group.

        :return: ``{group: invoices}`` that were in it
        """
        self._ar_check_invoicing_rights()
        left = dict(self.filtered("invoice_group_id").grouped("invoice_group_id"))
        for group, invoices in left.items():
            group._note(self.env._("%(invoices)s taken out."), invoices)
            invoices._ar_set_invoice_group(group.browse())
        return left

    def _ar_set_invoice_group(self, group):
        """Put invoices into a group, or into none."""
        self._ar_write_beside_accounting({"invoice_group_id": group.id})

    @api.model
    def _ar_get_group_columns(self):
        """Paths of fields of ``account.move``: what the spreadsheet of a group shows."""
        return [
            "name",
            ("commercial_partner_id", self.env._("Customer")),
            "partner_id.ref",
            "partner_id.email",
            ("invoice_date", self.env._("Invoice Date")),
            "invoice_date_due",
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

    # ------------------------------------------------------------------
    # Tasks for ticked invoices
    # ------------------------------------------------------------------

    def action_ask(self, task="", scope="all"):
        """Say what a task is about to do with these invoices, before it does; for buttons.

        :param task: a value of ``ar.invoice.task.task``; ``scope`` likewise.

        A script needs no question: it has ``action_confirm_drafts`` and its like, or
        ``ar.invoice.task.run``.

        :raise UserError: when there is nothing to do, with why.
        """
        return self.env["ar.invoice.task.ask"]._ask(task, scope, chosen_records(self))

    def action_ask_confirm(self):
        """Say how many drafts are about to be confirmed; see ``action_ask``."""
        return self.action_ask("confirm")

    def action_ask_mark_sent(self):
        """Say how many are about to be marked as sent; see ``action_ask``."""
        return self.action_ask("mark_sent")

    def action_ask_delete(self):
        """Say how many drafts are about to be deleted; see ``action_ask``."""
        return self.action_ask("delete")

    def action_confirm_drafts(self):
        """Confirm the drafts, as the task of a group does.

        :raise UserError: when none is a draft.
        """
        return self._ar_run_task("confirm")

    def action_mark_as_sent(self):
        """Confirm the drafts and mark all as sent, without any e-mail.

        :raise UserError: when all were sent already.
        """
        return self._ar_run_task("mark_sent")

    def action_delete_drafts(self):
        """Delete the drafts; others stay.

        :raise UserError: when none is a draft.
        """
        return self._ar_run_task("delete")

    def _ar_run_task(self, task):
        """Do a task with these invoices, and say what became of it.

        What it does not concern is left out, what cannot be done is listed with why.
        """
        return self.env["ar.invoice.task"].run(task, invoices=self)._get_result_action()

    def _ar_check_invoicing_rights(self):
        """Refuse whoever may not make such invoices.

        :raise AccessError: for want of the right, or of access to one of them
        """
        if not self.env.user.has_group("account.group_account_invoice"):
            raise AccessError(self.env._("Only invoicing users may do this."))
        self.check_access("write")
