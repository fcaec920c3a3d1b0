from odoo import fields, models
from odoo.tools import format_date


class ResCompany(models.Model):
    _inherit = "res.company"

    ar_aging_basis = fields.Selection(
        [("due_date", "Due date"), ("invoice_date", "Invoice date")],
        string="Aging Counts From",
        default="due_date",
        required=True,
        help="The date from which the days of an open item are counted in aging "
        "columns and in write-off searches. What is overdue always counts from the "
        "due date.",
    )

    def _get_company_root_delegated_field_names(self):
        """Branches share the ledger of their root company, so also its aging."""
        return [*super()._get_company_root_delegated_field_names(), "ar_aging_basis"]

    def _ar_get_closed_period_problem(self, date, journal, has_tax=False):
        """Why nothing can be booked on a day: a sentence, or False.

        Core would silently move the date of what is posted then.

        :param has_tax: whether the tax return of the day's period matters.
        """
        violated = self._get_violated_lock_dates(date, has_tax, journal)
        return bool(violated) and self.env._(
            "%(date)s lies in a closed period of %(company)s (%(locks)s). Choose a later date, "
            "or have the period opened.",
            date=format_date(self.env, date),
            company=self.name,
            locks=self._format_lock_dates(violated),
        )
