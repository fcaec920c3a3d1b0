"""What is ticked in a write-off document, in words and money."""

from odoo import fields, models
from odoo.tools import SQL
from odoo.tools.i18n import format_list

from ...tools import client_actions

# The rows that wait; those that failed do, too, before they are retried.
WAITING = ("todo",)
RETRIED = ("todo", "failed")
# So many lowered amounts are said one by one in the chatter.
MOST_LOWERED = 20


class ArWriteOffTicked(models.AbstractModel):
    """The sentence about the ticked rows: list, pop-up, form and chatter say the same.

    Whether credits are applied first may be asked for otherwise than the document says: the
    pop-up shows what it would do before anything of the document is changed.
    """

    _name = "ar.write.off.ticked"
    _description = "What Is Ticked of a Write-Off"

    ticked_text = fields.Char(string="Ticked Rows", compute="_compute_ticked_text")

    def _compute_ticked_text(self):
        for document in self:
            document.ticked_text = document._get_ticked_text(document.apply_credits)

    def _get_ticked_text(self, apply_credits, states=WAITING):
        """“13 invoices of 8 customers: $ 12.00 credits applied, $ 1,202.74 lost; 4 not yet due”.

        :param apply_credits: whether the customers' credits pay first.
        :param states: of which rows.
        """
        return self._describe_parts(self._origin._get_ticked_parts(apply_credits, states))

    def _describe_parts(self, parts):
        if not parts:
            return self.env._("Nothing is ticked.")
        count = sum(part["count"] for part in parts)
        text = self.env._(
            "%(documents)s of %(customers)s: %(money)s",
            documents=self._count_documents(count, all(part["invoices"] for part in parts)),
            customers=self._count_customers(parts[0]["customers"]),
            money=self._get_money_text(parts),
        )
        if due := self._get_due_text(parts):
            text = f"{text}; {due}"
        return text

    def _count_documents(self, count, invoices=True):
        if not invoices:
            return self.env._("%s documents", count) if count != 1 else self.env._("1 document")
        return self.env._("%s invoices", count) if count != 1 else self.env._("1 invoice")

    def _count_customers(self, count):
        return self.env._("%s customers", count) if count != 1 else self.env._("1 customer")

    def _get_money_text(self, parts):
        """What is applied, lost and gained, in each currency."""
        debts = [part for part in parts if part["debt"]]
        credits = [part for part in parts if not part["debt"]]
        phrases = [
            (self._get_amount_text(debts, "applied"), self.env._("%s credits applied")),
            (self._get_amount_text(debts, "lost"), self.env._("%s lost")),
            (self._get_amount_text(credits, "lost"), self.env._("%s of credits gained")),
        ]
        return ", ".join(phrase % amount for amount, phrase in phrases if amount) or self.env._(
            "nothing lost"
        )

    def _get_amount_text(self, parts, name):
        """Amounts of some parts; with their sum, where not all is in company currency."""
        parts = [part for part in parts if not part["currency"].is_zero(part[name])]
        amounts = [part["currency"].format(abs(part[name])) for part in parts]
        if not amounts or all(part["currency"] == self.currency_id for part in parts):
            return amounts and amounts[0]
        total = self.currency_id.format(abs(sum(part[f"{name}_company"] for part in parts)))
        return self.env._(
            "%(amounts)s (%(total)s in all)", amounts=format_list(self.env, amounts), total=total
        )

    def _get_due_text(self, parts):
        whole = sum(part["not_due"] for part in parts)
        partly = sum(part["partly_due"] for part in parts)
        phrases = [
            (whole, self.env._("%s not yet due")),
            (partly, self.env._("%s not yet due in part")),
        ]
        return ", ".join(phrase % count for count, phrase in phrases if count)

    def _get_ticked_parts(self, apply_credits, states=WAITING):
        """Of the ticked rows, for each currency and sign: how many, and their amounts.

        ``lost`` is what is left after what is ``applied``, both in the rows' currency, with
        their signs; ``…_company`` the same in company currency. By one query, which does not
        read thousands of rows.
        """
        if not self:
            return []
        self.ensure_one()
        self.env["ar.write.off.line"].flush_model()
        none = SQL("SELECT NULL::INTEGER AS line_id, 0 AS amount WHERE FALSE")
        if apply_credits and self._has_credits():
            applied = self._select_applied(True, states)
        else:
            applied = none
        names = (
            *("currency", "debt", "count", "customers", "invoices", "applied", "lost"),
            *("applied_company", "lost_company", "not_due", "partly_due", "lowered", "unticked"),
        )
        rows = self.env.execute_query(
            SQL(
                """
                WITH part AS MATERIALIZED (
                    SELECT line.*, move.move_type,
                           COALESCE(applied.amount, 0) AS applied,
                           %(applied_company)s AS applied_company
                      FROM ar_write_off_line line
                      JOIN account_move move ON move.id = line.move_id
                 LEFT JOIN (%(applied)s) AS applied ON applied.line_id = line.id
                     WHERE line.document_id = %(document)s AND line.state IN %(states)s
                       AND line.selected
                )
                SELECT currency_id, amount >= 0 AS debt, COUNT(*),
                       (SELECT COUNT(DISTINCT partner_id) FROM part),
                       BOOL_AND(move_type IN ('out_invoice', 'out_receipt')),
                       SUM(applied), SUM(amount - applied),
                       SUM(applied_company), SUM(amount_company - applied_company),
                       COUNT(*) FILTER (WHERE amount_not_due != 0
                                          AND amount_not_due = amount_residual),
                       COUNT(*) FILTER (WHERE amount_not_due != 0
                                          AND amount_not_due != amount_residual),
                       COUNT(*) FILTER (WHERE amount != amount_residual),
                       (SELECT COUNT(*) FROM ar_write_off_line
                         WHERE document_id = %(document)s AND state IN %(states)s
                           AND NOT selected)
                  FROM part GROUP BY currency_id, amount >= 0
              ORDER BY currency_id != %(home)s, currency_id, debt DESC
                """,
                applied=applied,
                applied_company=self._get_applied_company(SQL("applied.amount")),
                document=self.id,
                states=states,
                home=self.currency_id.id,
            )
        )
        currencies = self.env["res.currency"]
        return [
            dict(zip(names, (currencies.browse(row[0]), *row[1:]), strict=True)) for row in rows
        ]

    def _get_ticks(self, states=WAITING):
        """The same for the same ticked rows and amounts only, however many they are."""
        self.ensure_one()
        self.env["ar.write.off.line"].flush_model()
        [(ticks,)] = self.env.execute_query(
            SQL(
                """
                SELECT MD5(STRING_AGG(CONCAT_WS(' ', id, amount, amount_residual), ','
                                      ORDER BY id))
                  FROM ar_write_off_line
                 WHERE document_id = %s AND state IN %s AND selected
                """,
                self.id,
                states,
            )
        )
        return ticks or ""

    # ------------------------------------------------------------------
    # What is retried
    # ------------------------------------------------------------------

    def action_retry_on(self):
        """Say what is about to be written off by retrying, and ask.

        Where nothing is: retry at once, for an undoing that failed, or an end.
        """
        self.ensure_one()
        self._check_may_write_off()
        self.check_access("write")
        if not self.can_retry:
            return self._show_as_it_is()
        self._check_startable()
        if self._is_untouched() or self._get_lines("undo") or not self._get_ticks(RETRIED):
            return self.action_retry()
        # As the books are now: some of them were applied since.
        self._list_credits()
        window = self.env["ar.write.off.process"]._create_inside(
            [{"document_id": self.id, "is_retry": True}]
        )
        return client_actions.form(window, self.env._("Retry"), target="new")

    # ------------------------------------------------------------------
    # What is kept of it
    # ------------------------------------------------------------------

    def _get_decision_note(self):
        """Before it is processed: what is about to be done, for the chatter."""
        self.ensure_one()
        parts = self._get_ticked_parts(self.apply_credits)
        sentences = [self.env._("Processed: %s.", self._describe_parts(parts))]
        if left := parts and parts[0]["unticked"]:
            sentences.append(self.env._("Not ticked: %s.", left))
        if any(part["lowered"] for part in parts):
            sentences.append(self.env._("Lowered amounts: %s.", self._get_lowered_text()))
        return " ".join(sentences)

    def _get_lowered_text(self):
        """Of the ticked rows, those of which not all is written off; not all of many."""
        self.env["ar.write.off.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id FROM ar_write_off_line
                 WHERE document_id = %s AND state = 'todo' AND selected
                   AND amount != amount_residual
              ORDER BY id
                """,
                self.id,
            )
        )
        lines = self.env["ar.write.off.line"].browse([line_id for (line_id,) in rows])
        texts = [
            self.env._(
                "%(document)s, %(amount)s of %(balance)s",
                document=line.display_name,
                amount=line.currency_id.format(line.amount),
                balance=line.currency_id.format(line.amount_residual),
            )
            for line in lines[:MOST_LOWERED]
        ]
        if len(lines) > MOST_LOWERED:
            texts.append(self.env._("%s more", len(lines) - MOST_LOWERED))
        return "; ".join(texts)

    # ------------------------------------------------------------------
    # A screen that is out of date
    # ------------------------------------------------------------------

    def _show_as_it_is(self):
        """Say that the document has gone on since the screen was read, and show it."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        message = self.env._(
            "%(name)s is %(state)s meanwhile: this is what became of it.",
            name=self.display_name,
            state=states[self.state].lower(),
        )
        answer = client_actions.notification(self.env._("Out of date"), message, warning=True)
        answer["params"]["next"] = client_actions.form(self)
        return answer
