"""The search of a write-off document.

A document with two criteria (balance below, days overdue) that a tenth of all open
invoices meet is created, searched and committed, as one press of the button does. Beside:
one SELECT written by hand that yields the same rows, fetched and not stored; it knows
that there is one company and asks for no rights.
"""

import bench_case
from bench_ledger import OLD_AFTER_DAYS, SMALL_AND_OLD, SMALL_BELOW

from odoo import fields

OPEN_PERCENT = 100
TARGET = 3
TOP = 15
SELECT = """
    WITH balance AS (
        SELECT p.commercial_partner_id AS customer, SUM(i.amount_residual) AS balance
          FROM account_move_line i
          JOIN account_account a ON a.id = i.account_id
          JOIN res_partner p ON p.id = i.partner_id
         WHERE a.account_type = 'asset_receivable'
           AND i.parent_state = 'posted'
           AND i.reconciled IS NOT TRUE
      GROUP BY p.commercial_partner_id
    )
    SELECT i.move_id, p.commercial_partner_id, i.currency_id, array_agg(i.id ORDER BY i.id),
           SUM(i.amount_residual), SUM(i.amount_residual_currency), MIN(i.date_maturity),
           b.balance
      FROM account_move_line i
      JOIN account_account a ON a.id = i.account_id
      JOIN res_partner p ON p.id = i.partner_id
      JOIN res_partner c ON c.id = p.commercial_partner_id
      JOIN balance b ON b.customer = c.id
     WHERE a.account_type = 'asset_receivable'
       AND i.parent_state = 'posted'
       AND i.reconciled IS NOT TRUE
       AND i.amount_residual > 0
       AND COALESCE(i.date_maturity, i.date) < %(today)s::date - %(days)s
  GROUP BY i.move_id, p.id, i.currency_id, c.complete_name, b.balance
    HAVING SUM(i.amount_residual) < %(below)s
  ORDER BY lower(c.complete_name), p.id, MIN(i.date_maturity), i.move_id
"""
# What a search has written, in the order of the list.
FOUND = """
    SELECT l.move_id, l.partner_id, l.currency_id,
           (SELECT array_agg(account_move_line_id ORDER BY account_move_line_id)
              FROM account_move_line_ar_write_off_line_rel WHERE ar_write_off_line_id = l.id),
           l.amount_residual_company, l.amount_residual, l.date_maturity, l.account_balance
      FROM ar_write_off_line l
     WHERE l.document_id = %s
  ORDER BY l.id
"""
# Also computed by a search: all of it is ticked to be written off.
UNTICKED = """
    SELECT COUNT(*) FROM ar_write_off_line
     WHERE document_id = %s
       AND (amount <> amount_residual OR amount_company <> amount_residual_company
            OR selected IS NOT TRUE OR state <> 'todo' OR company_id IS NULL)
"""


class Case(bench_case.Case):
    title = "Search of a write-off document with its lines"

    def populate(self):
        self.invoices = self.options.invoices
        self.hits = self.invoices // SMALL_AND_OLD
        self.fill_ledger(self.invoices, OPEN_PERCENT)
        self.about |= {"invoices": self.invoices, "hits": self.hits}
        self.log_in()

    def compare(self):
        found = len(self.find_plainly())
        if found != self.hits:
            raise RuntimeError(f"Not {self.hits} hits, but {found}.")
        what = f"search: {self.hits} of {self.invoices}"
        self.compare_found(what, self.find, self.find_plainly, TARGET, after=self.take)

    def find(self, _number=0):
        """As from the window: found, listed and committed."""
        document = self.env["ar.write.off"].create(
            {"balance_below": SMALL_BELOW, "aging_choice": "other", "aging_days": OLD_AFTER_DAYS}
        )
        document.action_search()
        self.env.cr.commit()
        return document

    def find_plainly(self, _number=0):
        today = fields.Date.context_today(self.env["ar.write.off"])
        values = {"today": today, "days": OLD_AFTER_DAYS, "below": SMALL_BELOW}
        return self.select(SELECT, values)

    def take(self, document):
        """What a document has found; the next one starts from the same tables."""
        [(wrong,)] = self.select(UNTICKED, [document.id])
        if wrong:
            raise RuntimeError(f"{wrong} lines found are not complete.")
        rows = self.select(FOUND, [document.id])
        self.env.cr.execute("DELETE FROM ar_write_off WHERE id = %s", [document.id])
        self.env.cr.commit()
        self.env.invalidate_all()
        self._vacuum()
        return rows

    def _vacuum(self):
        self.env.cr.connection.autocommit = True
        self.env.cr.execute(
            "VACUUM ANALYZE ar_write_off_line, account_move_line_ar_write_off_line_rel"
        )
        self.env.cr.connection.autocommit = False

    def print_profiles(self):
        self.take(self.profile("Search", self.find, top=TOP))
