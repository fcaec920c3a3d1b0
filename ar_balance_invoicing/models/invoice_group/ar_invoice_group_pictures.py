import json

from odoo import api, fields, models
from odoo.tools import SQL

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
        compute="_compute_pictures",
        help="What is open, by age, in company currency; in a group with nothing but invoices of "
        "zero, what the accounts of its customers owe.",
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
            group.aging_graph = self._draw(
                self._get_age_labels(), ages.get(group._origin.id, {}), all_bars=True
            )
            group.email_graph = self._draw(
                self._get_email_labels(), emails.get(group._origin.id, {})
            )

    def _draw(self, labels, figures, *, all_bars=False):
        """What the graph widget reads: one bar for each label.

        :param labels: ``[(key, label, type)]``; type ``past`` or ``future`` is a colour.
        :param all_bars: also those of nothing; else they would take the others' labels' room.
        """
        values = [
            {"label": label, "value": figures.get(key, 0), "type": colour}
            for key, label, colour in labels
            if all_bars or figures.get(key)
        ]
        return json.dumps([{"key": "", "values": values}])

    # --- status ---------------------------------------------------------------

    def _get_status_labels(self):
        return [
            ("draft", self.env._("Draft"), "o_sample_data"),
            ("open", self.env._("Open"), "past"),
            ("partial", self.env._("Partial"), "past"),
            ("paid", self.env._("Paid"), "future"),
            ("reversed", self.env._("Reversed"), "future"),
            ("balance_only", self.env._("Balance only"), "past"),
            ("nothing_owed", self.env._("Nothing owed"), "future"),
            ("credit", self.env._("In credit"), "future"),
            ("written_off", self.env._("Written off"), "past"),
            ("cancel", self.env._("Cancelled"), "o_sample_data"),
        ]

    def _count_by_status(self):
        """``{group id: {status: invoices}}``, the status that the list of invoices shows."""
        rows = self.env["account.move"]._read_group(
            [("invoice_group_id", "in", self.ids)],
            ["invoice_group_id", "status_in_payment"],
            ["__count"],
        )
        known = {key for key, _label, _colour in self._get_status_labels()}
        result = {}
        for group, status, count in rows:
            status = self._get_status(status, known)
            figures = result.setdefault(group.id, {})
            figures[status] = figures.get(status, 0) + count
        return result

    @api.model
    def _get_status(self, status, known):
        if status in known:
            return status
        return "paid" if status == "in_payment" else "open"

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
        """``{group id: {bucket: amount}}`` in company currency.

        Of the open items of the invoices; where these are all of zero, of the accounts.
        """
        names = [bucket.field for bucket in BUCKETS]
        of_accounts = self.filtered("is_balance_only")
        result = of_accounts._sum_accounts(names) if of_accounts else {}
        for company, groups in (self - of_accounts).grouped("company_id").items():
            select = self.env["ar.balance"]._select_aging_by("invoice_group_id", groups, company)
            for group_id, *amounts in self.env.execute_query(select):
                amounts = [round_amount(company.currency_id, float(amount)) for amount in amounts]
                result[group_id] = dict(zip(names, amounts, strict=True))
        return result

    # --- accounts -------------------------------------------------------------

    def _sum_accounts(self, figures):
        """Figures of the accounts of these groups' customers, each customer once.

        One query for each company.

        :param figures: names of figures of a customer, see ``ar.balance``.
        :return: ``{group id: {figure: amount in company currency}}``
        """
        result = {}
        for company, groups in self._origin.grouped("company_id").items():
            select = groups._select_accounts(figures, company)
            for group_id, *amounts in self.env.execute_query(select):
                rounded = [round_amount(company.currency_id, float(amount)) for amount in amounts]
                result[group_id] = dict(zip(figures, rounded, strict=True))
        return result

    def _select_accounts(self, figures, company):
        """Grouped SELECT: a row for each group, with the sum of each figure."""
        query = self.env["account.move"]._search(self._get_invoice_domain())
        customer = query.join(
            query.table, "commercial_partner_id", "res_partner", "id", "ar_customer"
        )
        members = query.select(
            SQL("%s AS owner", SQL.identifier(query.table, "invoice_group_id")),
            # As they are related today, not as they were when the invoice was made.
            SQL("%s AS customer", SQL.identifier(customer, "commercial_partner_id")),
        )
        names = [SQL.identifier(figure) for figure in figures]
        return SQL(
            "SELECT owner, %s FROM (SELECT DISTINCT owner, customer FROM (%s) every) member"
            " JOIN (%s) account USING (customer) GROUP BY owner",
            SQL(", ").join(SQL("SUM(%s)", name) for name in names),
            members,
            self.env["ar.balance"]._select_figures(figures, company),
        )
