"""What all benches share: a company that is filled, rounds, figures, profiles; see Case."""

import cProfile
import gc
import io
import pstats
import time
from collections import defaultdict

from bench_figures import Figures
from bench_ledger import Ledger

from odoo import Command, api, fields


class Case:
    """One thing that is measured, in one process: several sides, in turn, in rounds.

    The sides of a round follow each other, so that a machine that is busy for a while is
    busy for all of them. Where both do the same, it is checked that they did.
    """

    title = ""  # of the table
    names, unit = ("ours", "beside"), "ms"  # of its columns, and what of a figure it shows
    most_rounds = None
    odoo_options = ()

    def __init__(self, root, options):
        """
        :param root: environment of the superuser.
        :param options: those of the command line, with ``database`` and ``logs`` (a folder).
        """
        self.root = self.env = root
        self.options = options
        self.rounds = options.rounds
        if self.most_rounds and self.rounds > self.most_rounds:
            raise SystemExit(f"There are billing periods for {self.most_rounds} rounds at most.")
        self.figures = Figures(self.rounds, self.names, self.unit)
        self.taken = defaultdict(list)  # {side: its figures}
        self.about = {}  # what stands beside the figures in the file

    def run(self):
        self.populate()
        self.warm_up()
        self.taken.clear()
        print("- rounds …")
        self.compare()
        self.print_tables()
        if self.options.profile:
            self.print_profiles()
        if self.options.json:
            server = {"postgresql": self.root.cr.connection.server_version}
            self.figures.write(self.options.json, self.about | server)

    # --- what a case says -------------------------------------------------------

    def populate(self):
        """Fill the company, committed, and note in ``about`` with what."""
        raise NotImplementedError

    def warm_up(self):
        """What is read once per process is read before anything is measured."""

    def get_sides(self, number):
        """``{side: its turn}`` of a round; a turn is called and returns its figure."""
        raise NotImplementedError

    def end_round(self, number):
        """Check that the sides made the same."""

    def add_figures(self):
        """Make rows of the table of what was taken."""
        raise NotImplementedError

    def print_profiles(self):
        """Our side once more, so that the profiler slows no figure."""

    # --- rounds -----------------------------------------------------------------

    def compare(self):
        for number in range(self.rounds):
            for side, turn in in_turn(self.get_sides(number), number):
                self.keep(side, turn(), f"round {number + 1}, {side}")
            self.end_round(number)
        self.add_figures()

    def keep(self, side, figure, what):
        """Note what a side took, and say it to whoever waits."""
        self.taken[side].append(figure)
        print(f"  {what}: {self.describe(figure)}")

    def describe(self, figure):
        queries = f" and {figure['queries']:.1f} queries" if "queries" in figure else ""
        return f"{figure['ms']:.1f} ms{queries}"

    def compare_found(self, what, ours, beside=None, target=None, times=1, after=None):
        """A row of its own: both sides look for the same, and must find it.

        :param ours: called with 0, 1, …; what it finds must be what ``beside`` finds for
            the same number.
        :param target: how many times as long as ``beside`` it may take.
        :param times: calls per round.
        :param after: makes of what ours returns what is compared, untimed.
        """
        sides = {"ours": ours} | ({"beside": beside} if beside else {})
        taken = {side: [] for side in sides}
        # Before the first round, what is read once per process is read.
        for number in range(-1, self.rounds * times):
            found = {}
            for side, function in in_turn(sides, number):
                figure, value = self.measure(1, function, max(number, 0))
                found[side] = after(value) if after and side == "ours" else value
                if number >= 0:
                    taken[side].append(figure)
            if beside and found["ours"] != found["beside"]:
                raise RuntimeError(f"{what}: both sides do not find the same: {found}"[:2000])
        row = self.figures.add(what, **taken, target=target)
        ratio = f", {row['ratio']:.2f} × as long as beside" if beside else ""
        print(f"  {what}: {row['ours']['ms']:.1f} ms{ratio}")

    def print_tables(self):
        self.figures.print_table(self.title)

    # --- measuring --------------------------------------------------------------

    def measure(self, count, function, *arguments):
        """Figures per line of one call, from a cold cache of records, and what it returns."""
        self.env.invalidate_all()
        gc.collect()
        queries = self.env.cr.sql_log_count
        wall, cpu = time.perf_counter(), self.get_cpu_seconds()
        value = function(*arguments)
        wall, cpu = time.perf_counter() - wall, self.get_cpu_seconds() - cpu
        queries = self.env.cr.sql_log_count - queries
        figure = {
            "ms": 1000 * wall / count,
            "cpu_ms": 1000 * cpu / count,
            "queries": queries / count,
        }
        return figure, value

    def get_cpu_seconds(self):
        return time.process_time()

    def profile(self, title, function, *arguments, top=25):
        """Print where the time of a call goes; returns what it returns."""
        profiler = cProfile.Profile()
        self.env.invalidate_all()
        value = profiler.runcall(function, *arguments)
        for order in ("tottime", "cumulative"):
            text = io.StringIO()
            figures = pstats.Stats(profiler, stream=text).strip_dirs()
            figures.sort_stats(order).print_stats(top)
            print(f"\n{title} by {order}\n{text.getvalue()}")
        return value

    def select(self, query, parameters=None):
        self.env.flush_all()
        self.env.cr.execute(query, parameters)
        return self.env.cr.fetchall()

    # --- the company ------------------------------------------------------------

    def log_in(self):
        """From now on work as somebody with record rules, who invoices and writes off."""
        group = self.root.ref("ar_balance_invoicing.group_write_off")
        user = self.root["res.users"].create(
            {"name": "Bookkeeper", "login": "bookkeeper", "group_ids": [Command.set(group.ids)]}
        )
        self.root.cr.commit()
        self.env = api.Environment(self.root.cr, user.id, {"lang": "en_US", "tz": "UTC"})

    def fill_ledger(self, invoices, open_percent, foreign_percent=0):
        ledger = Ledger(self.root, invoices, open_percent, foreign_percent)
        print(f"- {invoices} invoices of {ledger.customers} customers …")
        seconds = ledger.fill()
        print(f"- written in {seconds:.0f} s")
        self.about |= {"customers": ledger.customers, "fill_s": seconds}
        self.about |= {"open_percent": open_percent}
        return ledger


def in_turn(sides, number):
    """The sides of a round: nobody is always the first to meet a cold cache."""
    turns = list(sides.items())
    first = number % len(turns)
    return turns[first:] + turns[:first]


def work_all(document):
    """The scheduled action itself, until the document has ended."""
    document.env["ar.bulk.lanes"]._cron_work()
    if document.state != "done":
        raise RuntimeError(f"{document.display_name} is {document.state}.")


def work_chunk(document):
    """A chunk as the scheduled action works and commits it; returns how many lines it had."""
    env = document.env
    done = document._as_owner()._work_or_retry()
    env["ir.cron"]._commit_progress(done)
    env.invalidate_all()
    document._as_owner()._finish_in_background(fields.Datetime.now())
    env["ir.cron"]._commit_progress(0)
    env.invalidate_all()
    if not done:
        raise RuntimeError("No line is left, and there should be some.")
    return done
