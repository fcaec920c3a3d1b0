from odoo import api, fields, models
from odoo.tools import SQL

from ..balance.account_move import BALANCE_GROUPS

# What has not reached the customer, and is not on its way.
UNSENT = ("not_sent", "no_address", "failed")
# What the status says of these instead of “Sent”, by the state of the e-mail.
STATUSES = {"waiting": "email_queued", "failed": "email_failed"}
# Of these core does not say “Sent”.
SETTLED = ("partial", "in_payment", "paid", "reversed")


class AccountMove(models.Model):
    """What became of the e-mail of an invoice, and why it did not arrive."""

    _inherit = "account.move"

    email_state = fields.Selection(
        [
            ("not_sent", "Not sent"),
            ("no_address", "No address"),
            ("waiting", "Queued"),
            ("sent", "Sent"),
            ("marked", "Marked as sent"),
            ("failed", "Failed"),
        ],
        string="E-Mail",
        compute="_compute_email_state",
        search="_search_email_state",
        groups=BALANCE_GROUPS,
        help="No address: not sent, and the customer has no e-mail address.\n"
        "Queued: Odoo sends it in the background; it has not left the server yet.\n"
        "Sent: the e-mail has left the server.\n"
        "Marked as sent: by hand, printed or handed over otherwise; no e-mail was sent.\n"
        "Failed: it could not be printed or sent, or the e-mail came back.",
    )
    email_error = fields.Text(
        string="E-Mail Error",
        readonly=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="Why the invoice could not be sent when that was last tried.",
    )
    email_problem = fields.Char(
        compute="_compute_email_problem",
        groups=BALANCE_GROUPS,
        help="What went wrong with the last e-mail, for people; empty when nothing did.",
    )

    status_in_payment = fields.Selection(
        selection_add=[("email_queued", "Queued"), ("email_failed", "Not sent")]
    )

    # ------------------------------------------------------------------
    # State
    # ------------------------------------------------------------------

    @api.depends("state", "is_move_sent", "sending_data", "email_error", "partner_id.email")
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
        value = super()._field_to_sql(alias, field_expr, query)
        if field_expr == "status_in_payment":
            return self._ar_sent_status_to_sql(alias, query, value)
        return value

    def _ar_email_state_to_sql(self, alias, query):
        """One look at the last e-mail for each row, after what the row itself says."""

        def column(name):
            return self._field_to_sql(alias, name, query)

        sent = column("is_move_sent")
        unsent = self._ar_email_unsent_to_sql(column("partner_id"))
        return SQL(
            """CASE
                WHEN %(move_type)s NOT IN %(sale_types)s OR %(state)s = 'cancel' THEN NULL
                WHEN %(sending)s IS NOT NULL THEN 'waiting'
                WHEN COALESCE(%(error)s, '') != '' THEN 'failed'
                ELSE CASE %(last)s
                    WHEN 'bounce' THEN 'failed'
                    WHEN 'exception' THEN 'failed'
                    WHEN 'ready' THEN 'waiting'
                    WHEN 'process' THEN 'waiting'
                    WHEN 'canceled' THEN CASE WHEN %(sent)s THEN 'marked' ELSE %(unsent)s END
                    WHEN 'sent' THEN CASE WHEN %(sent)s THEN 'sent' ELSE %(unsent)s END
                    ELSE CASE WHEN %(sent)s THEN 'marked' ELSE %(unsent)s END
                END
            END""",
            move_type=column("move_type"),
            sale_types=tuple(self.get_sale_types(include_receipts=True)),
            state=column("state"),
            sending=column("sending_data"),
            error=column("email_error"),
            last=self._ar_last_email_to_sql(column("id"), column("partner_id")),
            sent=sent,
            unsent=unsent,
        )

    def _ar_email_unsent_to_sql(self, partner_id):
        email = self.env["res.partner"]._field_to_sql("ar_mail_partner", "email")
        return SQL(
            """CASE WHEN EXISTS (
                SELECT FROM res_partner ar_mail_partner
                 WHERE ar_mail_partner.id = %s AND COALESCE(%s, '') = ''
            ) THEN 'no_address' ELSE 'not_sent' END""",
            partner_id,
            email,
        )

    def _ar_last_email_to_sql(self, move_id, partner_id):
        """How the last e-mail about a document fared with those outside who got it.

        Whether a colleague was reached says nothing about the customer.
        """
        notifications = self.env["mail.notification"].sudo()
        messages = self.env["mail.message"].sudo()
        return SQL(
            """(SELECT %(status)s
                  FROM mail_message ar_mail
                  JOIN mail_notification ar_mail_sent
                    ON ar_mail_sent.mail_message_id = ar_mail.id
             LEFT JOIN res_partner ar_mail_to ON ar_mail_to.id = ar_mail_sent.res_partner_id
                 WHERE %(model)s = 'account.move' AND %(res_id)s = %(move_id)s
                   AND %(kind)s = 'email'
                   AND (COALESCE(ar_mail_to.partner_share, TRUE) OR ar_mail_to.id = %(partner)s)
              ORDER BY ar_mail.id DESC,
                       %(status)s IN ('bounce', 'exception') DESC,
                       %(status)s IN ('ready', 'process') DESC
                 LIMIT 1)""",
            status=notifications._field_to_sql("ar_mail_sent", "notification_status"),
            kind=notifications._field_to_sql("ar_mail_sent", "notification_type"),
            model=messages._field_to_sql("ar_mail", "model"),
            res_id=messages._field_to_sql("ar_mail", "res_id"),
            move_id=move_id,
            partner=partner_id,
        )

    # ------------------------------------------------------------------
    # Status: not “Sent” before it is
    # ------------------------------------------------------------------

    @api.depends("email_state")
    def _compute_status_in_payment(self):
        """Core says “Sent” as soon as it has made the PDF, before any e-mail leaves.

        One query for all of which it does, none for a page without such invoices.
        """
        result = super()._compute_status_in_payment()
        said_sent = self.filtered(lambda move: move.status_in_payment == "sent")
        # Whoever reads an invoice, in the portal too, reads its status.
        for move, complete in zip(said_sent, said_sent.sudo(), strict=True):
            if status := STATUSES.get(complete.email_state):
                move.status_in_payment = status
        return result

    def _ar_sent_status_to_sql(self, alias, query, otherwise):
        """The same for every row of a query; looks at e-mails only of what core calls sent.

        :param otherwise: SQL of the status of all other invoices.
        """
        moves = self.sudo()
        return SQL(
            """COALESCE(CASE
                WHEN %(state)s = 'posted' AND %(sent)s AND %(payment)s NOT IN %(settled)s
                THEN CASE %(email)s %(statuses)s END
            END, %(otherwise)s)""",
            state=moves._field_to_sql(alias, "state", query),
            sent=moves._field_to_sql(alias, "is_move_sent", query),
            payment=moves._field_to_sql(alias, "payment_state", query),
            settled=SETTLED,
            email=moves._ar_email_state_to_sql(alias, query),
            statuses=SQL(" ").join(
                SQL("WHEN %s THEN %s", state, status) for state, status in STATUSES.items()
            ),
            otherwise=otherwise,
        )

    # ------------------------------------------------------------------
    # What went wrong, and trying again
    # ------------------------------------------------------------------

    def _ar_get_failed_emails(self):
        """``mail.notification`` of all e-mails about these documents that did not arrive."""
        return (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("mail_message_id.model", "=", "account.move"),
                    ("mail_message_id.res_id", "in", self.ids),
                    ("notification_type", "=", "email"),
                    ("notification_status", "in", ("bounce", "exception")),
                ],
                order="mail_message_id, id",
            )
        )

    @api.depends("email_state", "email_error")
    def _compute_email_problem(self):
        failed = self.filtered(lambda move: move.email_state == "failed")
        by_move = {}
        for notification in failed._origin._ar_get_failed_emails():
            by_move[notification.mail_message_id.res_id] = notification
        for move in self:
            move.email_problem = False
            if move in failed:
                notification = by_move.get(move._origin.id)
                move.email_problem = move.email_error or move._ar_explain_failed_email(notification)

    def _ar_explain_failed_email(self, notification):
        """A sentence: to whom an e-mail did not get, and why."""
        if not notification:
            return self.env._("The last e-mail did not arrive.")
        address = notification.mail_email_address or notification.res_partner_id.email
        reason = notification.failure_reason or notification.format_failure_reason()
        return self.env._(
            "The e-mail to %(address)s did not arrive: %(reason)s",
            address=address or notification.res_partner_id.display_name or self.env._("nobody"),
            reason=" ".join(reason.split())[:300].rstrip("."),
        )

    def action_retry_email(self):
        """Send the e-mail of these invoices again.

        :raise UserError: when no e-mail about them has failed.
        """
        return self.env["ar.invoice.task"].run("send", self, scope="failed")._get_result_action()

    def _ar_forget_email_failures(self):
        """What failed is settled otherwise: sent on paper, say."""
        self._ar_keep_email_errors(dict.fromkeys(self, False))
        # As core's own “ignore” does.
        self._ar_get_failed_emails().write({"notification_status": "canceled"})
        self.invalidate_recordset(["email_state", "email_problem", "status_in_payment"])

    def _ar_keep_email_errors(self, errors):
        """Remember why invoices could not be sent.

        :param errors: ``{invoice: sentence or False}``
        """
        changed = self.filtered(lambda move: (move.email_error or False) != errors[move])
        for error, moves in changed.grouped(errors.get).items():
            moves._inside()._ar_write_beside_accounting({"email_error": error})
