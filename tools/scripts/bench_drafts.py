"""Drafts in a large ledger: those of a run, and documents that went back to draft."""

from odoo.tools import SQL


def add_drafts(ledger, count):
    """So many drafts beside the ledger's invoices, alike to some of them, committed."""
    cr = ledger.env.cr
    cr.execute("SET LOCAL session_replication_role = replica")
    cr.execute(
        """
        CREATE TEMP TABLE bench_draft AS
        SELECT id AS move_id, ROW_NUMBER() OVER (ORDER BY id) - 1 AS position
          FROM account_move WHERE move_type = 'out_invoice' ORDER BY id LIMIT %s
        """,
        [count],
    )
    first = ledger._reserve("account_move", count)
    ledger._insert(
        "account.move",
        {
            "id": f"{first} + d.position",
            "state": "'draft'",
            "payment_state": "'not_paid'",
            "amount_residual": "t.amount_total",
            "amount_residual_signed": "t.amount_total_signed",
            **dict.fromkeys(("name", "payment_reference", "sequence_prefix"), "NULL"),
            "sequence_number": "0",
        },
        SQL("bench_draft d WHERE d.move_id = t.id"),
        factor="1",
    )
    cr.execute(
        """
        CREATE TEMP TABLE bench_item AS
        SELECT i.id AS item_id, d.position, ROW_NUMBER() OVER (ORDER BY i.id) - 1 AS number
          FROM account_move_line i JOIN bench_draft d USING (move_id)
        """
    )
    cr.execute("SELECT COUNT(*) FROM bench_item")
    first_item = ledger._reserve("account_move_line", cr.fetchone()[0])
    is_receivable = "t.display_type = 'payment_term'"
    ledger._insert(
        "account.move.line",
        {
            "id": f"{first_item} + d.number",
            "move_id": f"{first} + d.position",
            "parent_state": "'draft'",
            "reconciled": "FALSE",
            "amount_residual": f"CASE WHEN {is_receivable} THEN t.balance ELSE 0 END",
            "amount_residual_currency": f"CASE WHEN {is_receivable} "
            "THEN t.amount_currency ELSE 0 END",
            **dict.fromkeys(("move_name", "full_reconcile_id", "matching_number"), "NULL"),
        },
        SQL("bench_item d WHERE d.item_id = t.id"),
        factor="1",
    )
    cr.execute("DROP TABLE bench_draft, bench_item")
    cr.commit()


def put_back(ledger, count):
    """Paid invoices and payments go back to draft by the button, half of each, committed."""
    env = ledger.env
    for move_type in ("out_invoice", "entry"):
        env.cr.execute(
            """
            SELECT MIN(m.id)
              FROM account_move m
              JOIN account_move_line i ON i.move_id = m.id
             WHERE m.move_type = %s AND m.state = 'posted' AND i.full_reconcile_id IS NOT NULL
          GROUP BY m.partner_id
          ORDER BY MIN(m.id) OFFSET 10 LIMIT %s
            """,
            [move_type, max(count // 2, 1)],
        )
        moves = env["account.move"].browse(row[0] for row in env.cr.fetchall())
        moves.button_draft()
    env.cr.commit()


def vacuum(cr):
    cr.commit()
    cr.connection.autocommit = True
    cr.execute("VACUUM ANALYZE")
    cr.execute("CHECKPOINT")
    cr.connection.autocommit = False
