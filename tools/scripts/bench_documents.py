"""Write-off documents on a large ledger, timed; used by ./bench write_off and undo.

Documents are worked off in chunks that are committed, as the scheduled action does, and
belong to a bookkeeper with record rules. Each is found by its customers and its currency,
and takes all that these customers owe in it.
"""

import argparse
import cProfile
import gc
import os
import time

from bench_ledger import Figures, Ledger, make_user, print_profile

from odoo import SUPERUSER_ID, Command, api, fields
from odoo.modules.registry import Registry
from odoo.tools import config

OPEN_PERCENT = 25
# More than is taken, for open invoices and their currencies are given by chance.
SPARE, SPARE_INVOICES = 1.2, 100
# The long document has so many times as many invoices as the others.
LONG = 10
# Invoices of what is done once before anything is measured.
WARM_UP = 10
HOME, FOREIGN = "home currency", "foreign currency"
# Which of the ledger's amounts must be zero, or as they were.
OWED = """
    SELECT m.id, m.payment_state, m.amount_residual, m.amount_residual_signed,
           SUM(i.amount_residual_currency), SUM(i.amount_residual),
           BOOL_OR(i.reconciled)
      FROM account_move m
      JOIN account_move_line i ON i.move_id = m.id
      JOIN account_account a ON a.id = i.account_id AND a.account_type = 'asset_receivable'
     WHERE m.id IN %s
  GROUP BY m.id
  ORDER BY m.id
"""
# Entries that were made since, and their receivable items that are still open.
MADE = """
    SELECT COUNT(DISTINCT m.id),
           COUNT(*) FILTER (WHERE a.account_type = 'asset_receivable' AND NOT i.reconciled)
      FROM account_move m
      JOIN account_move_line i ON i.move_id = m.id
      JOIN account_account a ON a.id = i.account_id
     WHERE m.id > %s
"""


class Documents:
    """Documents over open invoices of a ledger: found, worked off, undone and checked."""

    def __init__(self, root, options):
        self.root = root
        self.rounds = options.rounds
        self.size = options.invoices
        self.long = LONG * options.invoices
        self.with_profile = options.profile
        self.figures = Figures(root, options.rounds)
        # Of Odoo and its database connection: what else the machine does is not in it.
        self.cpu_figures = Figures(root, options.rounds, unit="cpu_ms")

    # --- the company ----------------------------------------------------------

    def get_needed(self):
        """``{HOME: invoices, FOREIGN: invoices}`` that all rounds take together."""
        raise NotImplementedError

    def fill(self):
        """A ledger with as many open invoices as are taken; returns what it is like."""
        needed = {
            currency: count + WARM_UP + (self.size if self.with_profile else 0)
            for currency, count in self.get_needed().items()
        }
        total = int(SPARE * sum(needed.values())) + SPARE_INVOICES
        foreign_percent = round(100 * needed[FOREIGN] / sum(needed.values()))
        invoices = total * 100 // OPEN_PERCENT
        ledger = Ledger(self.root, invoices, OPEN_PERCENT, foreign_percent)
        print(f"- {ledger.invoices} invoices of {ledger.customers} customers …")
        seconds = ledger.fill()
        print(f"- written in {seconds:.0f} s; rounds …")
        self.open = {
            HOME: ledger.get_open(ledger.currency),
            FOREIGN: ledger.get_open(ledger.foreign_currency),
        }
        return {"ledger": invoices, "customers": ledger.customers, "fill_s": seconds}

    def log_in(self):
        """Work as somebody with record rules, on a company that is set up for it."""
        company = self.root.company
        # Documents of any size are left to the workers, whose place we take.
        company.ar_background_seconds = 0.001
        self.account = company.ar_loss_account_id
        user = make_user(self.root)
        self.env = api.Environment(self.root.cr, user.id, {"lang": "en_US", "tz": "UTC"})
        self.root.cr.commit()

    def take(self, count, currency):
        """So many invoices that nobody has taken: all that some customers owe."""
        taken, left = [], []
        for customer, ids in self.open[currency]:
            if len(taken) + len(ids) <= count:
                taken += ids
            else:
                left.append((customer, ids))
        if len(taken) != count:
            raise RuntimeError(f"Not {count} invoices in {currency} are left, but {len(taken)}.")
        self.open[currency] = left
        return self.env["account.move"].browse(taken)

    # --- documents --------------------------------------------------------------

    def search(self, invoices):
        """A document that has found the invoices and is left to the workers."""
        partners, currency = invoices.partner_id, invoices.currency_id
        self.env.invalidate_all()
        started, queries = time.perf_counter(), self.env.cr.sql_log_count
        document = self.env["ar.write.off"].create(
            {
                "partner_ids": [Command.set(partners.ids)],
                "currency_ids": [Command.set(currency.ids)],
            }
        )
        document.action_search()
        document.action_process()
        self.env.cr.commit()
        return document, self._get_figure(document, len(invoices), started, queries)

    def start_undo(self, document, count):
        """The document is left to the workers, who take everything back."""
        self.env.invalidate_all()
        started, queries = time.perf_counter(), self.env.cr.sql_log_count
        document.action_undo()
        self.env.cr.commit()
        return self._get_figure(document, count, started, queries)

    def _get_figure(self, document, count, started, queries):
        """What it took to press a button, for each invoice that waits now."""
        figure = {
            "ms": 1000 * (time.perf_counter() - started) / count,
            "queries": (self.env.cr.sql_log_count - queries) / count,
        }
        if (document.state, document.waiting_count) != ("queued", count):
            raise RuntimeError(f"{document.state}: {document.waiting_count} lines wait.")
        return figure

    def work(self, document):
        """Chunks as the scheduled action works and commits them."""
        document = document.with_env(self.root)
        while document.state in ("queued", "running"):
            done = document._as_owner()._work_or_retry()
            self.root["ir.cron"]._commit_progress(done)
            self.root.invalidate_all()
            document._as_owner()._finish_in_background(fields.Datetime.now())
            self.root["ir.cron"]._commit_progress(0)
            self.root.invalidate_all()
            if not done:
                raise RuntimeError("No line is left, and the document has not ended.")

    # --- what is measured -------------------------------------------------------

    def write_off(self, invoices, function, *arguments):
        """Figures per invoice of what writes them off; checked that it did, and no more."""
        owed, loss = self.get_owed(invoices), self.get_loss()
        figure = self._measure(invoices, function, *arguments)
        still = [row for row in self.get_owed(invoices) if any(row[2:6]) or not row[6]]
        if still:
            raise RuntimeError(f"{len(still)} invoices are still owed: {still[:3]}")
        total, lost = sum(row[5] for row in owed), self.get_loss() - loss
        if self.env.company.currency_id.compare_amounts(total, lost):
            raise RuntimeError(f"{lost} is lost, and {total} was owed.")
        return figure

    def undo(self, invoices, document, owed, loss):
        """Figures per invoice of what takes a document back; checked that it did.

        :param owed: what the invoices owed before they were written off.
        :param loss: what the account of losses showed at that moment.
        """
        figure = self._measure(invoices, self.work, document)
        for before, now in zip(owed, self.get_owed(invoices), strict=True):
            if before != now:
                raise RuntimeError(f"An invoice owed {before} and now owes {now}.")
        if self.get_loss() != loss:
            raise RuntimeError(f"The loss was {loss} and is {self.get_loss()} now.")
        return figure

    def _measure(self, invoices, function, *arguments):
        """Figures of one way, from a cold cache of records.

        Whichever it is, it makes one entry for each invoice, and matches it: one more
        would be an exchange difference.
        """
        last = self._get_last_move()
        self.env.invalidate_all()
        gc.collect()
        queries = self.env.cr.sql_log_count
        wall, cpu = time.perf_counter(), self._get_cpu_seconds()
        function(*arguments)
        wall, cpu = time.perf_counter() - wall, self._get_cpu_seconds() - cpu
        queries = self.env.cr.sql_log_count - queries
        count = len(invoices)
        [(made, unmatched)] = self._select(MADE, last)
        if made != count or unmatched:
            raise RuntimeError(f"{count} invoices, {made} entries, {unmatched} items not matched.")
        return {"ms": 1000 * wall / count, "cpu_ms": 1000 * cpu / count, "queries": queries / count}

    def _get_cpu_seconds(self):
        """Of this process and of the database's that works for it."""
        backend = self.root.cr.connection.get_backend_pid()
        with open(f"/proc/{backend}/stat") as file:
            # The name, in parentheses, may hold anything.
            values = file.read().rpartition(")")[2].split()
        user, system = values[11:13]
        ticks = int(user) + int(system)
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

    def _get_last_move(self):
        return self._select("SELECT COALESCE(MAX(id), 0) FROM account_move")[0][0]

    def get_owed(self, invoices):
        """What is open of each invoice, in its currency and the company's."""
        return self._select(OWED, tuple(invoices.ids))

    def get_loss(self):
        """What the account of losses shows."""
        [(loss,)] = self._select(
            "SELECT COALESCE(SUM(balance), 0) FROM account_move_line "
            "WHERE account_id = %s AND parent_state = 'posted'",
            self.account.id,
        )
        return loss

    def _select(self, query, *parameters):
        self.env.flush_all()
        self.env.cr.execute(query, parameters)
        return self.env.cr.fetchall()

    # --- rounds -----------------------------------------------------------------

    def warm_up(self):
        """What is read once per process is read before anything is measured."""
        raise NotImplementedError

    def compare(self):
        """Measure all rounds and add them to the figures."""
        raise NotImplementedError

    def print_profiles(self):
        """Documents of their own, so that the profiler slows no figure."""
        raise NotImplementedError

    def profile(self, title, document):
        profiler = cProfile.Profile()
        self.env.invalidate_all()
        profiler.runcall(self.work, document)
        print_profile(profiler, f"{title}, {self.size} invoices")

    def add(self, what, ours, beside=None, target=None):
        """A row of both tables; the target is one of time."""
        self.figures.add(what, ours, beside, target)
        if beside:
            self.cpu_figures.add(what, ours, beside)

    def print_tables(self, title):
        self.figures.print_table(title)
        self.cpu_figures.print_table("The same by CPU of Odoo and PostgreSQL")

    def said(self, what, figure):
        """One figure, for whoever waits."""
        print(f"  {what}: {figure['ms']:.1f} ms and {figure['queries']:.1f} queries")
        return figure


def main(make, title):
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--invoices", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    # Each matching that is undone would be listed by its number.
    quiet = ["--log-handler", "odoo.models.unlink:WARNING"]
    config.parse_config(["-d", options.database, "--no-http", *quiet], setup_logging=True)
    with Registry(options.database).cursor() as cr:
        bench = make(api.Environment(cr, SUPERUSER_ID, {}), options)
        about = bench.fill()
        bench.log_in()
        bench.warm_up()
        bench.compare()
        bench.print_tables(title)
        if options.profile:
            bench.print_profiles()
        about |= {"invoices": bench.size, "long": bench.long, "open_percent": OPEN_PERCENT}
        bench.figures.write(options.json, about)
