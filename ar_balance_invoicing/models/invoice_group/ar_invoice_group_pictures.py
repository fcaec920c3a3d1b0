import json

from odoo import api, fields, models

from ...tools.aging import BUCKETS
from ...tools.amounts import round_amount


class ArInvoiceGroup(models.Model):
    """The three small pictures of a group: status, aging, e-mail.

    Drawn by Odoo's own dashboard graph, from two queries for all groups of a page and
    one more for the aging.
    """

    _inherit = "ar.invoice.group"

    status_graph = fields.Text(compute="_compute_pictures", help="Invoices by status.")
    aging_graph = fields.Text(
        compute="_compute_pictures", help="What is open, by age, in company currency."
    )
    email_graph = fields.Text(compute="_compute_pictures", help="Invoices by e-mail state.")

    @api.depends("invoice_ids")
    def _compute_pictures(self):
        statuses = self._count_by_status()
        emails = self._count_by_email_state()
        ages = self._sum_by_age()
        for group in self:
            group.status_graph = self._draw(
                self._get_status_labels(), statuses.get(group._origin.id, {})
            )
            group.aging_graph = self._draw(self._get_age_labels(), ages.get(group._origin.id, {}))
            group.email_graph = self._draw(
                self._get_email_labels(), emails.get(group._origin.id, {})
            )

    def _draw(self, labels, figures):
        """What the graph widget reads: one bar for each label, also for nothing.

        :param labels: ``[(key, label, type)]``; type ``past`` or ``future`` is a colour.
        """
        values = [
            {"label": label, "value": figures.get(key, 0), "type": colour}
            for key, label, colour in labels
        ]
        return json.dumps([{"key": "", "values": values}])

    # --- status ---------------------------------------------------------------

    def _get_status_labels(self):
        return [
            ("draft", self.env._("Draft"), "o_sample_data"),
            ("open", self.env._("Open"), "past"),
            ("partial", self.env._("Partial"), "past"),
            ("paid", self.env._("Paid"), "future"),
            ("written_off", self.env._("Written off"), "past"),
            ("cancel", self.env._("Cancelled"), "o_sample_data"),
        ]

    def _count_by_status(self):
        """``{group id: {status: invoices}}``"""
        rows = self.env["account.move"]._read_group(
            [("invoice_group_id", "in", self.ids)],
            ["invoice_group_id", "state", "payment_state", "write_off_state"],
            ["__count"],
        )
        result = {}
        for group, state, payment_state, write_off_state, count in rows:
            status = self._get_status(state, payment_state, write_off_state)
            figures = result.setdefault(group.id, {})
            figures[status] = figures.get(status, 0) + count
        return result

    @api.model
    def _get_status(self, state, payment_state, write_off_state):
        if state != "posted":
            return state
        if write_off_state == "full":
            return "written_off"
        if payment_state in ("not_paid", "partial"):
            return "partial" if payment_state == "partial" else "open"
        return "paid"

    # --- e-mail ---------------------------------------------------------------

    def _get_email_labels(self):
        return [
            ("not_sent", self.env._("Not sent"), "past"),
            ("no_address", self.env._("No address"), "past"),
            ("waiting", self.env._("Queued"), "o_sample_data"),
            ("sent", self.env._("Sent"), "future"),
            ("marked", self.env._("Marked"), "future"),
            ("failed", self.env._("Failed"), "past"),
        ]

    def _count_by_email_state(self):
        """``{group id: {e-mail state: invoices}}``"""
        rows = self.env["account.move"]._read_group(
            self._get_invoice_domain(), ["invoice_group_id", "email_state"], ["__count"]
        )
        result = {}
        for group, state, count in rows:
            result.setdefault(group.id, {})[state] = count
        return result

    # --- aging ----------------------------------------------------------------

    def _get_age_labels(self):
        return [
            (bucket.field, self._get_age_label(bucket), "past" if bucket.first else "future")
            for bucket in BUCKETS
        ]

    @api.model
    def _get_age_label(self, bucket):
        if bucket.first is None:
            return self.env._("Not due")
        if bucket.last is None:
            return f"{bucket.first}+"
        return f"{bucket.first}-{bucket.last}"

    def _sum_by_age(self):
        """``{group id: {bucket: amount}}`` of the open items, in company currency."""
        result = {}
        for company, groups in self.grouped("company_id").items():
            select = self.env["ar.balance"]._select_aging_by("invoice_group_id", groups, company)
            for group_id, *amounts in self.env.execute_query(select):
                names = (bucket.field for bucket in BUCKETS)
                amounts = (round_amount(company.currency_id, float(amount)) for amount in amounts)
                result[group_id] = dict(zip(names, amounts, strict=True))
        return result
