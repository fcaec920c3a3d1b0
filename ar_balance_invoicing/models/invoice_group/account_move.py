from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL

from ...tools.client_actions import notification
from ..balance.account_move import BALANCE_GROUPS


class AccountMove(models.Model):
    """The group of an invoice, and what became of its e-mail."""

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
    email_state = fields.Selection(
        [
            ("not_sent", "Not sent"),
            ("no_address", "No address"),
            ("waiting", "Waiting to be sent"),
            ("sent", "Sent"),
            ("failed", "Delivery failed"),
        ],
        string="E-Mail",
        compute="_compute_email_state",
        search="_search_email_state",
        groups=BALANCE_GROUPS,
        help="No address: not sent, and the customer has no e-mail address.\n"
        "Waiting: Odoo sends it in the background.\n"
        "Sent: by e-mail, or marked as sent.\n"
        "Delivery failed: the last e-mail about it did not arrive.",
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
        return self.env["ar.invoice.group"]._get_add_action(self)

    def action_remove_from_invoice_group(self):
        """Take these invoices out of their groups; the invoices themselves stay."""
        self._ar_check_invoicing_rights()
        grouped = self.filtered("invoice_group_id")
        grouped._ar_set_invoice_group(self.env["ar.invoice.group"])
        return notification(self.env._("%s invoices are in no group any more.", len(grouped)))

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

    # ------------------------------------------------------------------
    # E-mail
    # ------------------------------------------------------------------

    @api.depends("state", "is_move_sent", "sending_data", "partner_id.email")
    def _compute_email_state(self):
        states = {}
        stored = self.filtered("id")
        if stored._origin:
            query = self._search([("id", "in", stored._origin.ids)])
            state = self._field_to_sql(query.table, "email_state", query)
            rows = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), state))
            states = dict(rows)
        for move in self:
            move.email_state = states.get(move._origin.id, False)

    def _search_email_state(self, operator, value):
        return self._ar_search_computed_selection("email_state", operator, value)

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr == "email_state":
            self._check_field_access(self._fields[field_expr], "read")
            return self._ar_email_state_to_sql(alias, query)
        return super()._field_to_sql(alias, field_expr, query)

    def _ar_email_state_to_sql(self, alias, query):
        def column(name):
            return self._field_to_sql(alias, name, query)

        partner = self.env["res.partner"]
        return SQL(
            """CASE
                WHEN %(move_type)s NOT IN %(sale_types)s OR %(state)s = 'cancel' THEN NULL
                WHEN %(sending)s IS NOT NULL THEN 'waiting'
                WHEN %(failed)s THEN 'failed'
                WHEN %(sent)s THEN 'sent'
                WHEN EXISTS (
                    SELECT FROM res_partner ar_mail_partner
                     WHERE ar_mail_partner.id = %(partner)s
                       AND COALESCE(%(email)s, '') = ''
                ) THEN 'no_address'
                ELSE 'not_sent'
            END""",
            move_type=column("move_type"),
            sale_types=tuple(self.get_sale_types(include_receipts=True)),
            state=column("state"),
            sending=column("sending_data"),
            sent=column("is_move_sent"),
            partner=column("partner_id"),
            email=partner._field_to_sql("ar_mail_partner", "email"),
            failed=self._ar_email_failed_to_sql(column("id")),
        )

    def _ar_email_failed_to_sql(self, move_id):
        """Whether the last e-mail about a document did not reach its addressee."""
        notifications = self.env["mail.notification"].sudo()
        messages = self.env["mail.message"].sudo()
        return SQL(
            """COALESCE((
                SELECT %(status)s IN ('bounce', 'exception')
                  FROM mail_message ar_mail
                  JOIN mail_notification ar_mail_sent
                    ON ar_mail_sent.mail_message_id = ar_mail.id
                 WHERE %(model)s = 'account.move' AND %(res_id)s = %(move_id)s
                   AND %(kind)s = 'email'
              ORDER BY ar_mail.id DESC, %(status)s IN ('bounce', 'exception') DESC
                 LIMIT 1
            ), FALSE)""",
            status=notifications._field_to_sql("ar_mail_sent", "notification_status"),
            kind=notifications._field_to_sql("ar_mail_sent", "notification_type"),
            model=messages._field_to_sql("ar_mail", "model"),
            res_id=messages._field_to_sql("ar_mail", "res_id"),
            move_id=move_id,
        )
