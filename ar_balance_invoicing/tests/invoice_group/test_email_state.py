"""Whether the e-mail of an invoice is queued, has left, or has failed; and who is told."""

import re
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..invoice_group_common import GroupCommon

NOTE = "Please look"
OUT_OF_PAPER = {"error_title": "The printer is out of paper", "errors": ["Tray 2"]}


@tagged("post_install", "-at_install")
class TestEmailState(GroupCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("sending.clerk", "account.group_account_invoice")
        cls.clerk.email = "clerk@example.com"

    def _states(self, *invoices):
        """As the column shows them; each is found by its state, and by no other."""
        states = []
        for invoice in invoices:
            domain = [("id", "=", invoice.id)]
            rows = self.env["account.move"]._read_group(domain, ["email_state"])
            self.assertEqual(rows, [(invoice.email_state,)])
            states.append(invoice.email_state)
        return states

    def _mailed(self, *invoices, user=None):
        """A group whose invoices were e-mailed, and have left the server."""
        self.group.add_invoices(self.env["account.move"].union(*invoices))
        self._as(user or self.clerk, self.group).action_send_all()
        self._send_now()
        return self._task()

    def _notifications(self, invoice):
        found = invoice.message_ids.sudo().notification_ids
        return found.filtered(lambda sent: sent.notification_type == "email")

    def _bounce(self, *invoices):
        """The e-mails come back, and Odoo's mail gateway reads them."""
        for notification in self.env["mail.notification"].union(
            *(self._notifications(invoice) for invoice in invoices)
        ):
            partner = notification.res_partner_id
            self.env["mail.thread"]._routing_handle_bounce(
                None,
                {
                    "bounced_email": partner.email,
                    "bounced_partner": partner,
                    "bounced_message": notification.mail_message_id,
                    "bounced_msg_ids": [notification.mail_message_id.message_id],
                    "body": "<p>Mailbox is full</p>",
                    "message_id": "<bounce@example.com>",
                    "email_from": "postmaster@example.com",
                    "to": "bounce@example.com",
                },
            )
        self._see_anew()

    def _break_printing(self, *bad):
        """Odoo's own making of documents, which finds something wrong with some invoices."""
        send = type(self.env["account.move.send"])
        original = send._generate_invoice_documents

        def generate(model, moves_data, *args, **kwargs):
            good = {move: data for move, data in moves_data.items() if move not in bad}
            for move in moves_data.keys() - good.keys():
                moves_data[move]["error"] = OUT_OF_PAPER
            return original(model, good, *args, **kwargs)

        return patch.object(send, "_generate_invoice_documents", generate)

    # --- what is told apart -------------------------------------------------

    def test_queued_until_it_has_left_the_server(self):
        invoice, other = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self.group.add_invoices(invoice | other)
        self.assertEqual(self._states(invoice, other), ["not_sent", "not_sent"])
        self._as(self.clerk, self.group).action_send_all()
        self.assertEqual(self._states(invoice), ["waiting"], "handed over to Odoo's sending")
        self._hand_over_now()
        self.assertFalse(invoice.sending_data)
        self.assertEqual(self._states(invoice), ["waiting"], "in the mail queue")
        self._empty_mail_queue()
        self.assertEqual(self._states(invoice, other), ["sent", "sent"])
        self.assertEqual(self._picture("email_graph"), {"Sent": 2})

    def test_marked_as_sent_is_not_sent_by_e_mail(self):
        marked, mailed = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        marked.action_mark_as_sent()
        self._mailed(mailed)
        self.assertEqual(self._states(marked, mailed), ["marked", "sent"])

    def test_a_note_to_a_colleague_is_no_e_mail_to_the_customer(self):
        invoice = self._invoice(self.anna, 5)
        invoice.message_post(
            body=NOTE, partner_ids=self.clerk.partner_id.ids, subtype_xmlid="mail.mt_note"
        )
        self.assertTrue(self._notifications(invoice), "the colleague gets an e-mail")
        self._bounce(invoice)
        self.assertEqual(self._states(invoice), ["not_sent"])
        self.assertFalse(invoice.email_problem)

    # --- the status beside it -------------------------------------------------

    def _statuses(self, *invoices):
        """The status as list, group-by and search have it, each the same."""
        statuses = []
        for invoice in invoices:
            found = self.env["account.move"].search
            domain = [("id", "=", invoice.id)]
            status = invoice.status_in_payment
            [(grouped,)] = self.env["account.move"]._read_group(domain, ["status_in_payment"])
            by_sql = {"sent": "not_paid", "posted": "not_paid"}.get(status, status)
            self.assertEqual(grouped, by_sql)
            for key in ("sent", "posted", "email_queued", "email_failed", "partial", "paid"):
                hit = invoice if key == status else invoice.browse()
                self.assertEqual(found([*domain, ("status_in_payment", "=", key)]), hit, key)
            statuses.append(status)
        return statuses

    def test_the_status_is_not_sent_before_it_is(self):
        invoice, draft = self._invoice(self.anna, 5), self._invoice(self.anna, 6, post=False)
        by_hand, paid = self._invoice(self.bert, 7), self._invoice(self.anna, 8)
        by_hand.action_mark_as_sent()
        self.group.add_invoices(invoice | paid)
        self._as(self.clerk, self.group).action_send_all()
        self.assertEqual(self._statuses(invoice), ["posted"], "no PDF yet")
        self._hand_over_now()
        self.assertTrue(invoice.is_move_sent, "core calls it sent")
        self.assertEqual(self._statuses(invoice, by_hand), ["email_queued", "sent"])
        self._pay(self.anna, 3, paid)
        self._see_anew()
        self.assertEqual(self._statuses(paid), ["partial"])
        self._empty_mail_queue()
        self.assertEqual(self._statuses(invoice, by_hand, paid), ["sent", "sent", "partial"])
        self._bounce(invoice, paid)
        self.assertEqual(self._statuses(invoice, paid), ["email_failed", "partial"])
        self._as(self.clerk, invoice).action_retry_email()
        self.assertEqual(self._statuses(invoice), ["email_queued"])
        self._send_now()
        self._bounce(invoice)
        self._as(self.clerk, invoice).action_mark_as_sent()
        self.assertEqual(self._statuses(invoice), ["sent"], "by post")
        self.assertEqual(draft.status_in_payment, "draft")

    def test_everybody_reads_the_same_status(self):
        invoice = self._invoice(self.anna, 5)
        self._mailed(invoice)
        self._bounce(invoice)
        portal = self._make_user("sent.portal", "base.group_portal")
        portal.partner_id.parent_id = self.anna
        invoice.message_subscribe(portal.partner_id.ids)
        reader = self._make_user("sent.reader", "account.group_account_readonly")
        for user in (portal, reader):
            self._see_anew()
            self.assertEqual(self._as(user, invoice).status_in_payment, "email_failed")

    def test_the_status_costs_one_query_and_none_where_nothing_was_sent(self):
        invoices = self.env["account.move"].create(
            [self._invoice_vals(self.anna, 5) for _number in range(40)]
        )
        invoices._post(soft=False)

        def cost(some, name="status_in_payment"):
            return self._count_queries(lambda: some.web_read({"name": {}, name: {}}), warm=True)

        unsent = cost(invoices)
        self.assertEqual(unsent, cost(invoices, "is_move_sent"))
        invoices.is_move_sent = True
        invoices[:20]._ar_keep_email_errors(dict.fromkeys(invoices[:20], "No paper"))
        self.assertEqual(cost(invoices), cost(invoices[:2]))
        self.assertLessEqual(cost(invoices), unsent + 2)
        self.assertEqual(
            invoices.mapped("status_in_payment"), ["email_failed"] * 20 + ["sent"] * 20
        )

    def test_no_sent_ribbon_over_what_is_not(self):
        arch = self.env["account.move"].get_view(view_type="form")["arch"]
        ribbons = re.findall(
            r'<widget name="web_ribbon" title="([^"]+)"[^>]*invisible="([^"]+)"', arch
        )
        sent = [hidden for title, hidden in ribbons if title == "Sent"]
        self.assertEqual(len(sent), 2)
        for hidden in sent:
            self.assertRegex(hidden, r"status_in_payment (!= 'sent'|in \('email_queued', 'email_f)")
        said = dict(ribbons)
        self.assertEqual(said["Queued"], "status_in_payment != 'email_queued'")
        self.assertEqual(said["Not sent"], "status_in_payment != 'email_failed'")

    # --- what fails ---------------------------------------------------------

    def test_what_could_not_be_printed_has_failed_and_says_why(self):
        good, bad = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self.group.add_invoices(good | bad)
        self._as(self.clerk, self.group).action_send_all()
        with self._break_printing(bad):
            self._send_now()
        self.assertEqual(self._states(good, bad), ["sent", "failed"])
        self.assertIn("out of paper", bad.email_problem)
        self.assertIn("Tray 2", bad.email_problem)
        self.assertFalse(good.email_problem)
        self._as(self.clerk, bad).action_retry_email()
        self.assertEqual(self._states(bad), ["waiting"])
        self._send_now()
        self.assertEqual(self._states(bad), ["sent"])
        self.assertFalse(bad.email_error)
        with self.assertRaisesRegex(UserError, "Nothing to do"):
            self._as(self.clerk, bad).action_retry_email()

    def test_not_sent_yet_includes_what_failed(self):
        bounced, fine, queued = (self._invoice(self.anna, amount) for amount in (5, 6, 7))
        self._mailed(bounced, fine)
        self._bounce(bounced)
        self.group.add_invoices(queued)
        queued.sending_data = {"author_user_id": self.clerk.id}
        self.group.action_send_not_sent()
        self.assertEqual(self._task().line_ids.move_id, bounced)
        self.assertEqual(self._states(bounced, fine, queued), ["waiting", "sent", "waiting"])

    def test_whoever_sent_them_is_told_once_for_each_task(self):
        invoices = [self._invoice(self.anna, 5), self._invoice(self.bert, 6)]
        fine = self._invoice(self.anna, 7)
        task = self._mailed(*invoices, fine)
        self.assertFalse(task.activity_ids, "all is well so far")
        self._bounce(*invoices)
        self.assertEqual(len(task.activity_ids), 1)
        self.assertEqual(task.activity_ids.user_id, self.clerk)
        self.assertIn("did not arrive", task.activity_ids.summary)
        self.assertEqual(task.email_failed_count, 2)
        self.assertIn("Mailbox is full", invoices[0].email_problem)
        self.assertIn("anna@example.com", invoices[0].email_problem)
        shown = self.env["ar.invoice.task.line"].search(task.action_view_failed_emails()["domain"])
        self.assertEqual(shown.move_id, invoices[0] | invoices[1])
        self.assertIn("Mailbox is full", shown[0].email_problem)
        asked = self._as(self.clerk, task).action_ask_retry_emails()
        asked = self.env[asked["res_model"]].browse(asked["res_id"])
        money = self.company.currency_id.format(11)
        self.assertEqual(asked.question, f"E-mail 2 invoices of 2 customers, {money}.")
        self.assertEqual(task.email_failed_count, 2, "nothing was done yet")
        rows = self._as(self.clerk, task.line_ids).with_context(
            active_model="ar.invoice.task.line",
            active_domain=[("document_id", "=", task.id)],
        )
        asked_rows = rows.action_ask_retry_email()
        asked_rows = self.env[asked_rows["res_model"]].browse(asked_rows["res_id"])
        self.assertEqual(asked_rows.question, asked.question)
        self.assertIn("1 invoice left out", asked_rows.left_out)
        self._as(self.clerk, asked).action_do()
        self._see_anew()
        self.assertEqual(task.email_failed_count, 0)
        self._send_now()
        self.assertEqual(self._states(*invoices, fine), ["sent"] * 3)

    def test_an_address_that_the_mail_server_refuses(self):
        bad, fine = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self.group.add_invoices(bad | fine)
        self._as(self.clerk, self.group).action_send_all()
        self._hand_over_now()
        self._empty_mail_queue(refused=["anna@"])
        self.assertEqual(self._states(bad, fine), ["failed", "sent"])
        self.assertIn("anna@example.com", bad.email_problem)
        self.assertEqual(self._task().activity_ids.user_id, self.clerk)
        self.assertEqual(self._task().email_failed_count, 1)

    def test_the_group_counts_what_failed_and_sends_only_that_again(self):
        bad, fine = self._invoice(self.anna, 5), self._invoice(self.bert, 6)
        self._mailed(bad, fine)
        self.assertEqual(self.group.email_failed_count, 0)
        self._bounce(bad)
        self.assertEqual(self.group.email_failed_count, 1)
        listed = self.env["account.move"].search(self.group.action_view_failed_emails()["domain"])
        self.assertEqual(listed, bad)
        self._as(self.clerk, self.group).action_send_failed()
        self.assertEqual(self._task().line_ids.move_id, bad)

    def test_what_went_by_post_has_not_failed_any_more(self):
        invoice = self._invoice(self.anna, 5)
        self._mailed(invoice)
        self._bounce(invoice)
        self._as(self.clerk, invoice).action_mark_as_sent()
        self._see_anew()
        self.assertEqual(self._states(invoice), ["marked"])

    def test_nobody_writes_what_went_wrong_by_hand(self):
        invoice = self._as(self.clerk, self._invoice(self.anna, 5))
        with self.assertRaisesRegex(UserError, "not changed by hand"):
            invoice.email_error = "Nonsense"
        reader = self._make_user("sending.reader", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self._as(reader, invoice).action_retry_email()

    def test_e_mail_states_of_many_cost_the_same(self):
        invoices = self.env["account.move"].create(
            [self._invoice_vals(self.anna, 5) for _number in range(40)]
        )
        invoices._post(soft=False)
        for invoice in invoices:
            invoice.message_post(body=NOTE, partner_ids=self.anna.ids)
        self._bounce(*invoices)
        names = ["email_state", "email_problem"]
        costs = [
            self._count_queries(lambda some=some: some.read(names))
            for some in (invoices[:3], invoices[:3], invoices)
        ]
        self.assertEqual(*costs[1:])
