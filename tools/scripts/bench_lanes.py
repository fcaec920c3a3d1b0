"""Documents worked off by one and by two real cron workers.

An Odoo server of worker processes, which serves nothing but scheduled actions, is started,
warmed up with small documents, and given a billing run and a write-off. Then the next
server, with another number of workers, gets as much; so that a ledger that grows slows
both. A document lasts from the moment its first lane began (Odoo's own record of it, made
milliseconds before the first line is taken) to the moment its end is written, which a
trigger notes; both by the database's clock, without asking it meanwhile.
"""

import contextlib
import os
import select
import sys
import time
from collections import Counter
from pathlib import Path

import bench_case
import psycopg2
from bench_company import Company
from devenv.cron_server import CronServer

from odoo import Command

LANES = (
    "ar_balance_invoicing.ir_cron_bulk_document_lane_1",
    "ar_balance_invoicing.ir_cron_bulk_document_lane_2",
)
BILLING_TARGET, WRITE_OFF_TARGET = 1.7, 1.3
# Customers of one more run and invoices of one more write-off, before anything is measured:
# a chunk of each for both workers, at least.
WARM_UP = 400
# More open invoices than are taken: which customer has one is chance.
SPARE = 1.1
# A billing run each; there are periods for so many.
MOST_ROUNDS = 6
# In a server's log, when another transaction was faster.
REPEATED = ": chunk tried "
START_SECONDS, WORK_SECONDS, REST_SECONDS = 120, 1800, 1
# Written by the database itself, so that what was rolled back is not in it.
NOTES = """
CREATE TABLE bench_line (line_table text, line_id int, state text, worker int);
CREATE FUNCTION bench_note_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench_line VALUES (TG_TABLE_NAME, NEW.id, NEW.state, pg_backend_pid());
    RETURN NULL;
END $$;
CREATE TABLE bench_end (document_table text, document_id int, at timestamp);
CREATE FUNCTION bench_note_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench_end
    VALUES (TG_TABLE_NAME, NEW.id, clock_timestamp() AT TIME ZONE 'UTC');
    PERFORM pg_notify('bench_end', '');
    RETURN NULL;
END $$;
"""
NOTE = """
CREATE TRIGGER bench_note AFTER UPDATE OF state ON {table}_line FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION bench_note_line();
CREATE TRIGGER bench_note AFTER UPDATE OF state ON {table} FOR EACH ROW
    WHEN (NEW.state IN ('done', 'failed', 'cancelled') AND OLD.state <> NEW.state)
    EXECUTE FUNCTION bench_note_end();
"""
DONE = """
    SELECT line.id, note.worker
      FROM {table}_line line
      LEFT JOIN bench_line note
        ON note.line_id = line.id AND note.line_table = '{table}_line' AND note.state = 'done'
     WHERE line.document_id = %(document)s AND line.state = 'done'
"""
# What must be as many as there are lines.
MADE = {
    "ar_billing_run": """
        SELECT COUNT(DISTINCT move.commercial_partner_id), COUNT(*)
          FROM account_move move
         WHERE move.billing_run_id = %(document)s AND move.state = 'draft'
           AND EXISTS (SELECT FROM ar_billing_run_line line
                        WHERE line.move_id = move.id AND line.document_id = %(document)s)
    """,
    "ar_write_off": """
        SELECT COUNT(DISTINCT entry.id), COUNT(*)
          FROM ar_write_off_line line
          JOIN account_move entry ON entry.id = line.entry_id AND entry.state = 'posted'
          JOIN account_move invoice ON invoice.id = line.move_id AND invoice.amount_residual = 0
         WHERE line.document_id = %(document)s
    """,
}


class Database:
    """A connection beside Odoo's, whose every question sees what is committed."""

    def __init__(self, name):
        self.connection = psycopg2.connect(dbname=name)
        self.connection.autocommit = True

    def rows(self, query, **parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, query, **parameters):
        [(value,)] = self.rows(query, **parameters)
        return value

    def note(self, tables):
        self.rows(NOTES)
        for table in tables:
            self.rows(NOTE.format(table=table))
        self.rows("LISTEN bench_end")

    def wait_for_end(self, document, seconds):
        """Sleep until the document has ended; the moment of it."""
        latest = time.monotonic() + seconds
        while True:
            found = self.rows(
                "SELECT at FROM bench_end WHERE document_table = %(table)s "
                "AND document_id = %(document)s",
                table=document._table,
                document=document.id,
            )
            if found:
                return found[0][0]
            left = latest - time.monotonic()
            if left < 0:
                raise RuntimeError(f"{document._table} has not ended within {seconds} s.")
            select.select([self.connection], [], [], left)
            self.connection.poll()
            self.connection.notifies.clear()


class Case(bench_case.Case):
    title = "Lines a second by real cron workers"
    names, unit = ("two workers", "one worker"), "lines/s"
    most_rounds = MOST_ROUNDS

    def __init__(self, root, options):
        super().__init__(root, options)
        self.customers, self.invoices = options.customers, options.invoices
        self.database = Database(options.database)
        self.turn = 0

    # --- the company ----------------------------------------------------------

    def populate(self):
        """Customers for all runs, and as many open invoices as all write-offs take."""
        print(f"- {self.customers + WARM_UP} customers, and invoices to write off …")
        company = self.company = Company(self.root)
        self.profile, _partners = company.make_customers("Measured", self.customers)
        self.warm_profile, _partners = company.make_customers("Warm-up", WARM_UP)
        needed = 2 * self.rounds * (self.invoices + WARM_UP)
        ledger = self.fill_ledger(int(SPARE * needed) + WARM_UP, 100)
        self.open = ledger.get_open(self.root.company.currency_id)
        self._leave_all_to_the_lanes()
        self.database.note(MADE)
        self.log_in()
        company.env = self.env
        self.profile = self.profile.with_env(self.env)
        self.warm_profile = self.warm_profile.with_env(self.env)
        self.about = {"customers": self.customers, "invoices": self.invoices}

    def _leave_all_to_the_lanes(self):
        """Documents of any size are queued, and no other scheduled action comes between."""
        self.root.company.ar_background_seconds = 0.001
        lanes = [self.root.ref(name).id for name in LANES]
        self.root["ir.cron"].search([("id", "not in", lanes)]).active = False
        self.root["ir.cron.trigger"].search([]).unlink()

    def _take(self, count):
        """Customers who owe so many invoices, or a few more; nobody took them before."""
        customers, taken = [], 0
        while taken < count:
            customer, invoices = self.open.pop()
            customers.append(customer)
            taken += len(invoices)
        return customers

    # --- documents --------------------------------------------------------------

    def bill(self, profile):
        return self.company.new_run(profile, self.turn)

    def write_off(self, count):
        document = self.env["ar.write.off"].create(
            {"partner_ids": [Command.set(self._take(count))]}
        )
        document.action_search()
        document.action_process()
        self.env.cr.commit()
        return document

    # --- what is measured -------------------------------------------------------

    @contextlib.contextmanager
    def server(self, workers):
        """A server whose workers wait for work."""
        log = Path(self.options.logs) / f"bench-lanes-{self.turn}.log"
        odoo = [sys.executable, "-m", "odoo"]
        server = CronServer(odoo, dict(os.environ), self.options.database, log, workers, True)
        try:
            latest = time.monotonic() + START_SECONDS
            while not server.is_listening(self.database.value):
                if time.monotonic() > latest:
                    raise RuntimeError(f"The server did not start:\n{log.read_text()}")
                time.sleep(0.1)
            yield server
        finally:
            server.stop()

    def get_sides(self, number):
        return {"one worker": lambda: self._take_turn(1), "two workers": lambda: self._take_turn(2)}

    def _take_turn(self, workers):
        """Figures of a billing run and of a write-off."""
        with self.server(workers) as server:
            self._warm_up()
            figures = {
                "billing": self._measure(server, self.bill, self.profile),
                "write-off": self._measure(server, self.write_off, self.invoices),
            }
        self.turn += 1
        return figures

    def describe(self, figures):
        return "; ".join(
            f"{what} {figure['lines/s']:.1f} lines/s in {figure['seconds']:.0f} s, "
            f"{figure['repeated']} chunks repeated"
            for what, figure in figures.items()
        )

    def add_figures(self):
        for what, count, target in (
            ("billing", self.customers, BILLING_TARGET),
            ("write-off", self.invoices, WRITE_OFF_TARGET),
        ):
            two, one = ([taken[what] for taken in self.taken[name]] for name in self.names)
            self.figures.add(f"{what} of {count}", two, one, target, is_least=True)

    def _warm_up(self):
        """What a process reads once is read by each worker."""
        for document in (self.bill(self.warm_profile), self.write_off(WARM_UP)):
            self.database.wait_for_end(document, WORK_SECONDS)
        self._rest()

    def _rest(self):
        """Wait until the lanes have noticed that nothing is left to be done.

        They are told to look: else who gave up a lane for others (after ten seconds and ten
        chunks) does so a minute later.
        """
        self.root["ir.cron"]._notifydb()
        latest = time.monotonic() + START_SECONDS
        while self.database.value("SELECT COUNT(*) FROM ir_cron_trigger"):
            if time.monotonic() > latest:
                raise RuntimeError("The lanes do not look for work any more.")
            time.sleep(0.1)
        time.sleep(REST_SECONDS)

    def _measure(self, server, function, *arguments):
        """Queue a document and see how many lines a second are done."""
        self.env.invalidate_all()
        self.database.rows("CHECKPOINT")
        last = self.database.value("SELECT COALESCE(MAX(id), 0) FROM ir_cron_progress")
        repeated = server.log.read_text().count(REPEATED)
        document = function(*arguments)
        end = self.database.wait_for_end(document, WORK_SECONDS)
        began = self.database.value(
            "SELECT MIN(create_date) FROM ir_cron_progress WHERE id > %(last)s", last=last
        )
        seconds = (end - began).total_seconds()
        by_worker = self._check(document, server.lanes)
        self._rest()
        count = sum(by_worker.values())
        return {
            "lines/s": count / seconds,
            "seconds": seconds,
            "lines": count,
            "most_by_one": max(by_worker.values()) / count,
            "repeated": server.log.read_text().count(REPEATED) - repeated,
        }

    def _check(self, document, workers):
        """Every line was done exactly once, by as many workers; lines of each of them."""
        self.env.invalidate_all()
        rows = self.database.rows(DONE.format(table=document._table), document=document.id)
        by_worker = Counter(worker for _line, worker in rows)
        lines = {line for line, _worker in rows}
        made = self.database.rows(MADE[document._table], document=document.id)[0]
        counts = {document.line_count, len(rows), len(lines), *made}
        if document.state != "done" or len(counts) != 1 or len(by_worker) != workers:
            raise RuntimeError(
                f"{document.name} is {document.state}; lines {document.line_count}, done "
                f"{len(rows)}, each once {len(lines)}, made {made}, by {by_worker}."
            )
        return by_worker
