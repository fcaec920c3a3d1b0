"""Write-offs as they are in the database, read beside Odoo by SQL of its own."""

from books import Books

# What is open of an item, from what it was matched with and not from Odoo's own figure.
OPEN = """
    SELECT item.id, item.move_id, item.amount_currency
           - COALESCE((SELECT SUM(debit_amount_currency) FROM account_partial_reconcile
                        WHERE debit_move_id = item.id), 0)
           + COALESCE((SELECT SUM(credit_amount_currency) FROM account_partial_reconcile
                        WHERE credit_move_id = item.id), 0) AS residual
      FROM account_move_line item JOIN account_account account ON account.id = item.account_id
     WHERE account.account_type = 'asset_receivable'
"""
DEBTS = """
      FROM account_move move JOIN res_partner customer ON customer.id = move.commercial_partner_id
     WHERE customer.name LIKE 'Debtor %%' AND move.move_type = 'out_invoice'
"""

# What must never be found, whenever one looks. Everything is written off in full here.
NEVER = {
    "a line that is done without its own posted entry": """
        SELECT line.id, line.state, line.entry_id
          FROM ar_write_off_line line
     LEFT JOIN account_move entry
            ON entry.id = line.entry_id AND entry.write_off_line_id = line.id
           AND entry.state = 'posted'
         WHERE line.state IN ('done', 'undo', 'undone') AND entry.id IS NULL
    """,
    "an entry without the line that made it": """
        SELECT entry.id, entry.state, line.id, line.state
          FROM account_move entry
     LEFT JOIN ar_write_off_line line
            ON line.id = entry.write_off_line_id AND line.entry_id = entry.id
           AND line.state IN ('done', 'undo', 'undone')
         WHERE entry.write_off_line_id IS NOT NULL AND line.id IS NULL
    """,
    "a waiting, failed or skipped line with an entry": """
        SELECT id, state, entry_id FROM ar_write_off_line
         WHERE state IN ('todo', 'failed', 'skipped') AND entry_id IS NOT NULL
    """,
    "a line that is undone without a posted reversal, or with one though it is not": """
        SELECT line.id, line.state, line.reversal_id
          FROM ar_write_off_line line LEFT JOIN account_move reversal
            ON reversal.id = line.reversal_id AND reversal.reversed_entry_id = line.entry_id
           AND reversal.state = 'posted'
         WHERE (line.state = 'undone') != (reversal.id IS NOT NULL)
            OR (line.state != 'undone' AND line.reversal_id IS NOT NULL)
    """,
    "a reversal that no line knows": """
        SELECT reversal.id
          FROM account_move reversal
          JOIN account_move entry ON entry.id = reversal.reversed_entry_id
     LEFT JOIN ar_write_off_line line ON line.reversal_id = reversal.id
         WHERE entry.write_off_line_id IS NOT NULL AND line.id IS NULL
    """,
    "a document that is written off twice": """
        SELECT move_id, array_agg(id) FROM ar_write_off_line
         WHERE state IN ('done', 'undo') GROUP BY move_id HAVING COUNT(*) > 1
    """,
    "an entry whose receivable is not matched": f"""
        SELECT entry.id, open.residual
          FROM account_move entry JOIN ({OPEN}) open ON open.move_id = entry.id
         WHERE entry.write_off_line_id IS NOT NULL AND open.residual != 0
    """,
    "a written-off invoice that is still owed, or one that is not owed and not written off": f"""
        SELECT line.move_id, line.state, SUM(open.residual), MAX(line.amount_residual)
          FROM ar_write_off_line line JOIN ({OPEN}) open ON open.move_id = line.move_id
         WHERE line.state IN ('done', 'undo', 'undone')
           AND NOT EXISTS (SELECT FROM ar_write_off_line other
                            WHERE other.move_id = line.move_id AND other.id != line.id)
      GROUP BY line.id
        HAVING SUM(open.residual)
               != CASE WHEN line.state = 'undone' THEN MAX(line.amount_residual) ELSE 0 END
    """,
    "an item whose residual is not what it was matched with": f"""
        SELECT item.id, item.amount_residual_currency, open.residual
          FROM account_move_line item JOIN ({OPEN}) open ON open.id = item.id
          JOIN account_move move ON move.id = item.move_id
         WHERE move.state = 'posted'
           AND (item.amount_residual_currency != open.residual
                OR item.reconciled != (open.residual = 0))
    """,
    "an invoice with another residual or written-off amount than its items": f"""
        SELECT move.id, move.amount_residual, move.amount_written_off, SUM(open.residual)
          FROM account_move move JOIN ({OPEN}) open ON open.move_id = move.id
         WHERE move.move_type = 'out_invoice' AND move.state = 'posted'
      GROUP BY move.id
        HAVING move.amount_residual != SUM(open.residual)
            OR move.amount_written_off != move.amount_total - SUM(open.residual)
            OR (move.write_off_state = 'full') != (SUM(open.residual) = 0)
    """,
    "an entry that is not balanced": """
        SELECT item.move_id, SUM(item.balance)
          FROM account_move_line item GROUP BY item.move_id HAVING SUM(item.balance) != 0
    """,
}


class WriteOffBooks(Books):
    table = "ar_write_off"
    never = NEVER

    def name(self, document):
        return self.value("SELECT name FROM ar_write_off WHERE id = %(id)s", id=document)

    def lines(self, document):
        """``[(invoice, state, reason)]``"""
        return self.rows(
            "SELECT move_id, state, reason FROM ar_write_off_line "
            "WHERE document_id = %(id)s ORDER BY id",
            id=document,
        )

    def check_written_off(self, count):
        """All debts are written off, each by one entry; there are so many."""
        self.check()
        rows = self.rows(
            "SELECT move.id, (SELECT COUNT(*) FROM account_move entry JOIN ar_write_off_line line "
            "ON line.id = entry.write_off_line_id "
            "WHERE line.move_id = move.id AND entry.state = 'posted'), "
            "amount_residual = 0, amount_written_off = amount_total, write_off_state" + DEBTS
        )
        assert len(rows) == count
        wrong = [row for row in rows if row[1:] != (1, True, True, "full")]
        assert not wrong, f"Not written off exactly once: {wrong[:5]}"

    def check_not_written_off(self, count):
        """All debts are owed as if nothing had ever been written off."""
        self.check()
        rows = self.rows(
            "SELECT amount_residual = amount_total, amount_written_off = 0, write_off_state" + DEBTS
        )
        assert rows == [(True, True, "none")] * count
