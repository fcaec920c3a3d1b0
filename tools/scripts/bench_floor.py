"""The floor of a billing run: its very rows, inserted again without any ORM."""

import time

from psycopg2.extras import Json

from odoo.tools import SQL

# Rows that are sent to the server in one statement.
PAGE = 1000


class Floor:
    """What the database alone takes to write what a run has made.

    The rows are read before, get new ids, are inserted by statements of literal values and
    rolled back. Only the billing period is another one: the database refuses a second
    invoice of the same.
    """

    def __init__(self, env, spare_period):
        self.env = env
        self.spare_period = spare_period

    def measure(self, moves):
        """Milliseconds per invoice to insert the rows of these invoices again."""
        tables = self._read(moves)
        self.env.cr.commit()
        started = time.perf_counter()
        for table, (columns, rows) in tables.items():
            self.env.cr.execute_values(self._get_insert(table, columns), rows, page_size=PAGE)
        seconds = time.perf_counter() - started
        written = sum(len(rows) for _columns, rows in tables.values())
        self.env.cr.rollback()
        self.env.invalidate_all()
        return {"ms": 1000 * seconds / len(moves), "rows": written / len(moves)}

    def _get_insert(self, table, columns):
        names = SQL(", ").join(SQL.identifier(name) for name in columns)
        insert = SQL("INSERT INTO %s (%s) VALUES ", SQL.identifier(table), names)
        return insert.code + "%s"

    # --- rows -------------------------------------------------------------------

    def _read(self, moves):
        """``{table: (columns, rows)}``, in an order in which they can be inserted."""
        lines = moves.line_ids
        messages = self._find("mail.message", "model", moves)
        followers = self._find("mail.followers", "res_model", moves)
        ids = {
            records._name: self._new_ids(records) for records in (moves, lines, messages, followers)
        }
        spare = dict.fromkeys(moves.billing_period_id.ids, self.spare_period.id)
        own = {
            "account.move": {"billing_period_id": spare},
            "account.move.line": {"move_id": ids["account.move"]},
            "mail.message": {"res_id": ids["account.move"]},
            "mail.followers": {"res_id": ids["account.move"]},
        }
        tables = {}
        for records in (moves, lines, messages, followers):
            renamed = {"id": ids[records._name], **own[records._name]}
            tables[records._table] = self._select(records._table, "id", records.ids, renamed)
        for records in (moves, lines, messages, followers):
            for table, column in self._get_relations(records):
                found = self._select(table, column, records.ids, {column: ids[records._name]})
                if found[1]:
                    tables[table] = found
        return {table: found for table, found in tables.items() if found[1]}

    def _find(self, model, column, moves):
        return (
            self.env[model]
            .sudo()
            .search([(column, "=", moves._name), ("res_id", "in", moves.ids)], order="id")
        )

    def _new_ids(self, records):
        """``{id: another id that nobody else gets}``"""
        sequence = f"{records._table}_id_seq"
        self.env.cr.execute(
            "SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, len(records)]
        )
        new = [row[0] for row in self.env.cr.fetchall()]
        return dict(zip(records.ids, new, strict=True))

    def _get_relations(self, records):
        """(table, column of these records) of what is stored beside their own rows."""
        return {
            (field.relation, field.column1)
            for field in records._fields.values()
            if field.type == "many2many" and field.store and field.relation
        }

    def _select(self, table, column, ids, renamed):
        """Columns and rows, with other values of some columns."""
        self.env.cr.execute(
            SQL(
                "SELECT * FROM %(table)s WHERE %(column)s = ANY(%(ids)s) ORDER BY 1",
                table=SQL.identifier(table),
                column=SQL.identifier(column),
                ids=list(ids),
            )
        )
        columns = [described.name for described in self.env.cr.description]
        rows = [
            tuple(
                self._adapt(renamed.get(name, {}).get(value, value))
                for name, value in zip(columns, row, strict=True)
            )
            for row in self.env.cr.fetchall()
        ]
        return columns, rows

    def _adapt(self, value):
        return Json(value) if isinstance(value, dict) else value
