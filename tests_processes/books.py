"""What is in the database, read beside Odoo by SQL of its own."""

import contextlib
from collections import Counter

import psycopg2
from workers import DATABASE

# Every change of a line's state with the connection that made it. Written by the
# database itself, so a change that was rolled back is not in it.
HISTORY = """
CREATE TABLE line_history (id serial, line_id int, before text, after text, worker int);
CREATE FUNCTION note_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_history (line_id, before, after, worker)
    VALUES (NEW.id, OLD.state, NEW.state, pg_backend_pid());
    RETURN NULL;
END $$;
CREATE TRIGGER note_line AFTER UPDATE OF state ON ar_billing_run_line FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note_line();
CREATE TRIGGER note_line AFTER UPDATE OF state ON ar_write_off_line FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note_line();
"""

# Whom a period must bill and in which currency: that of each service, or the
# company's for a customer without any.
EXPECTED = """
SELECT service.partner_id, service.currency_id
  FROM ar_billing_service service JOIN res_partner customer ON customer.id = service.partner_id
 WHERE customer.name LIKE %(name)s
UNION
SELECT customer.id, company.currency_id
  FROM res_partner customer, res_company company
 WHERE customer.name LIKE %(name)s
   AND NOT EXISTS (SELECT FROM ar_billing_service WHERE partner_id = customer.id)
"""
INVOICES = """
SELECT move.commercial_partner_id, move.currency_id
  FROM account_move move JOIN res_partner customer ON customer.id = move.commercial_partner_id
 WHERE customer.name LIKE %(name)s
   AND move.billing_period_id IS NOT NULL AND move.state != 'cancel'
"""

# What must never be found, whenever one looks.
NEVER = {
    "two live invoices for one period, customer and currency": """
        SELECT billing_period_id, commercial_partner_id, currency_id, array_agg(id)
          FROM account_move
         WHERE billing_period_id IS NOT NULL AND state != 'cancel'
      GROUP BY 1, 2, 3 HAVING COUNT(*) > 1
    """,
    "a line that is done without its own invoice": """
        SELECT line.id, line.state, line.move_id
          FROM ar_billing_run_line line
     LEFT JOIN account_move move
            ON move.id = line.move_id
           AND move.billing_run_id = line.document_id
           AND move.billing_period_id = line.period_id
           AND move.commercial_partner_id = line.partner_id
           AND move.currency_id = line.currency_id
           AND move.state = 'draft'
         WHERE line.state IN ('done', 'undo') AND move.id IS NULL
    """,
    "an invoice of a run without the line that made it": """
        SELECT move.id, line.id, line.state
          FROM account_move move
     LEFT JOIN ar_billing_run_line line
            ON line.move_id = move.id AND line.document_id = move.billing_run_id
           AND line.state IN ('done', 'undo')
         WHERE move.billing_period_id IS NOT NULL AND line.id IS NULL
    """,
    "a waiting, failed or undone line with an invoice": """
        SELECT id, state, move_id FROM ar_billing_run_line
         WHERE state IN ('todo', 'failed', 'undone') AND move_id IS NOT NULL
    """,
    "an invoice with more or fewer lines than charges": """
        SELECT line.id, line.move_id
          FROM ar_billing_run_line line
         WHERE line.state IN ('done', 'undo')
           AND GREATEST(1, (SELECT COUNT(*) FROM ar_billing_charge WHERE line_id = line.id))
            != (SELECT COUNT(*) FROM account_move_line
                 WHERE move_id = line.move_id AND display_type = 'product')
    """,
    "an invoice of another amount than the line promised": """
        SELECT move.id, move.amount_total, line.amount_total
          FROM ar_billing_run_line line JOIN account_move move ON move.id = line.move_id
         WHERE line.state IN ('done', 'undo') AND move.amount_total != line.amount_total
    """,
    "an invoice that is not balanced": """
        SELECT move.id, SUM(item.balance)
          FROM account_move move LEFT JOIN account_move_line item ON item.move_id = move.id
         WHERE move.billing_period_id IS NOT NULL
      GROUP BY move.id HAVING COALESCE(SUM(item.balance), 1) != 0
    """,
}


class Books:
    """Each question has a connection of its own: a forked process must inherit none."""

    # The documents that are looked at, and what must never be found among them.
    table = "ar_billing_run"
    never = NEVER

    def rows(self, query, **parameters):
        with contextlib.closing(psycopg2.connect(dbname=DATABASE)) as connection:
            # One snapshot per question, and commands take effect at once.
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []

    def value(self, query, **parameters):
        ((value,),) = self.rows(query, **parameters)
        return value

    def keep_history(self):
        self.rows(HISTORY)

    def user(self, login):
        return self.value("SELECT id FROM res_users WHERE login = %(login)s", login=login)

    # --- documents ------------------------------------------------------------

    def run_state(self, run):
        return self.value(f"SELECT state FROM {self.table} WHERE id = %(run)s", run=run)

    def states(self, run) -> Counter:
        """How many lines are in which state."""
        return Counter(
            dict(
                self.rows(
                    f"SELECT state, COUNT(*) FROM {self.table}_line "
                    "WHERE document_id = %(run)s GROUP BY state",
                    run=run,
                )
            )
        )

    def lines(self, run):
        """``[(customer, currency, state, reason)]``"""
        return self.rows(
            "SELECT partner_id, currency_id, state, reason FROM ar_billing_run_line "
            "WHERE document_id = %(run)s ORDER BY id",
            run=run,
        )

    def workers(self, state) -> Counter:
        """How many lines each connection brought into a state."""
        rows = self.rows(
            "SELECT worker, COUNT(*) FROM line_history WHERE after = %(state)s GROUP BY worker",
            state=state,
        )
        return Counter(dict(rows))

    def handled_more_than_once(self, state):
        """Lines that came into a state twice, whoever did it."""
        return self.rows(
            "SELECT line_id, array_agg(worker) FROM line_history WHERE after = %(state)s "
            "GROUP BY line_id HAVING COUNT(*) > 1",
            state=state,
        )

    # --- what must be so ------------------------------------------------------

    def check(self):
        """Nothing is half-written or there twice."""
        for what, query in self.never.items():
            found = self.rows(query)
            assert not found, f"There is {what}: {found[:5]}"

    def check_billed(self, name):
        """Exactly one invoice per customer and currency, and none is missing."""
        self.check()
        expected = Counter(self.rows(EXPECTED, name=f"{name} %"))
        invoices = Counter(self.rows(INVOICES, name=f"{name} %"))
        assert not expected - invoices, "Not billed (customer, currency)"
        assert not invoices - expected, "Billed too often (customer, currency)"

    def check_not_billed(self, name):
        self.check()
        assert not self.rows(INVOICES, name=f"{name} %")
