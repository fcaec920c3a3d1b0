"""Billing runs beside OCA's contract and a plain create; started by ./bench billing.

All three make the same drafts (lines, taxes, totals, which is checked), in one process,
in turn, so that a machine that is busy for a while is busy for all of them.
"""

import argparse
import cProfile
import gc
import io
import json
import platform
import pstats
import resource
import statistics
import time
from datetime import timedelta
from importlib.metadata import version as package_version

from odoo import SUPERUSER_ID, Command, api, fields, release
from odoo.modules.registry import Registry
from odoo.tools import config

OURS, CONTRACT, PLAIN = "billing run", "OCA contract", "plain create"
# After so many invoices the memory is looked at, and again at the end.
FIRST_LOOK = 400


class Bench:
    def __init__(self, env, options):
        self.env = env
        self.rounds = options.rounds
        # As many customers in each round.
        self.customers = options.customers // options.rounds * options.rounds
        self.profiler = cProfile.Profile() if options.profile else None

    # --- the company ----------------------------------------------------------

    def populate(self):
        """Customers with one to three lines, as services and as contracts."""
        self.month = fields.Date.today().replace(day=1)
        self.profile = self.env["ar.billing.profile"].create(
            {"name": "Monthly", "anchor_date": self.month - timedelta(days=365)}
        )
        self._make_products()
        partners = self.env["res.partner"].create(
            [
                {"name": f"Customer {number:06}", "billing_profile_id": self.profile.id}
                for number in range(self.customers)
            ]
        )
        self.contracts = self.env["contract.contract"]
        for start in range(0, self.customers, 500):
            self._serve(partners[start : start + 500], start)
            self.env.cr.commit()
            self.env.invalidate_all()
        self.env.cr.execute("ANALYZE")
        self.env.cr.commit()

    def _make_products(self):
        tax = self.env["account.tax"].search([("type_tax_use", "=", "sale")], limit=1)
        eco_tax = tax.copy({"name": "Eco tax", "amount": 2.5})
        self.products = self.env["product.product"].create(
            [
                {
                    "name": name,
                    "type": "service",
                    "list_price": 10,
                    "taxes_id": [Command.set(taxes.ids)],
                }
                for name, taxes in (
                    ("Pick-up", tax),
                    ("Container", tax | eco_tax),
                    ("Street cleaning", tax.browse()),
                )
            ]
        )

    def _lines(self, number):
        """(product, price) of the lines of a customer."""
        return [
            (product, 10 + number % 97 / 100 + position)
            for position, product in enumerate(self.products[: number % 3 + 1])
        ]

    def _serve(self, partners, first):
        services, contracts = [], []
        for number, partner in enumerate(partners, first):
            lines = self._lines(number)
            services += [
                {
                    "partner_id": partner.id,
                    "product_id": product.id,
                    "price_unit": price,
                    "date_from": self.month,
                }
                for product, price in lines
            ]
            contracts.append(self._prepare_contract(partner, lines))
        self.env["ar.billing.service"].create(services)
        self.contracts |= self.env["contract.contract"].create(contracts)

    def _prepare_contract(self, partner, lines):
        return {
            "name": partner.name,
            "partner_id": partner.id,
            "contract_type": "sale",
            "line_recurrence": False,
            "recurring_rule_type": "monthly",
            "recurring_interval": 1,
            "recurring_invoicing_type": "pre-paid",
            "date_start": self.month,
            "recurring_next_date": self.month,
            "contract_line_ids": [
                Command.create(
                    {
                        "product_id": product.id,
                        "name": product.name,
                        "quantity": 1,
                        "price_unit": price,
                        "date_start": self.month,
                    }
                )
                for product, price in lines
            ],
        }

    # --- what is measured -----------------------------------------------------

    def new_run(self, period_date):
        period = self.profile.period_ids.filtered(lambda period: period.date_from == period_date)
        started, queries = time.perf_counter(), self.env.cr.sql_log_count
        run = self.env["ar.billing.run"]._create_for_period(period)
        run._launch_in_background()
        self.env.cr.commit()
        seconds = time.perf_counter() - started
        return run, {
            "ms": 1000 * seconds / self.customers,
            "queries": (self.env.cr.sql_log_count - queries) / self.customers,
        }

    def work(self, run, count):
        """Chunks as the scheduled action works and commits them."""
        while count > 0:
            done = run._as_owner()._work_or_retry()
            self.env["ir.cron"]._commit_progress(done)
            self.env.invalidate_all()
            run._as_owner()._finish_in_background(fields.Datetime.now())
            self.env["ir.cron"]._commit_progress(0)
            self.env.invalidate_all()
            if not done:
                raise RuntimeError(f"No line is left, and {count} should be.")
            count -= done

    def recur(self, contracts):
        contracts._recurring_create_invoice()
        self.env.cr.commit()

    def create_plainly(self, vals_list):
        self.env["account.move"].create(vals_list)
        self.env.cr.commit()

    def _prepare_plain(self, start, count):
        journal = self.profile.journal_id
        partners = self.contracts[start : start + count].partner_id
        return [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "journal_id": journal.id,
                "invoice_date": self.month,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "name": product.name,
                            "quantity": 1,
                            "price_unit": price,
                            "tax_ids": [Command.set(product.taxes_id.ids)],
                        }
                    )
                    for product, price in self._lines(number)
                ],
            }
            for number, partner in enumerate(partners, start)
        ]

    def measure(self, name, count, function, *arguments):
        """Figures per invoice of one round, from a cold cache of records."""
        self.env.invalidate_all()
        gc.collect()
        last = self._last_move()
        queries = self.env.cr.sql_log_count
        if self.profiler and name == OURS:
            self.profiler.enable()
        wall, cpu = time.perf_counter(), time.process_time()
        function(*arguments)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if self.profiler:
            self.profiler.disable()
        return {
            "ms": 1000 * wall / count,
            "cpu_ms": 1000 * cpu / count,
            "queries": (self.env.cr.sql_log_count - queries) / count,
            "made": self._made_since(last),
        }

    def _last_move(self):
        self.env.cr.execute("SELECT COALESCE(MAX(id), 0) FROM account_move")
        return self.env.cr.fetchone()[0]

    def _made_since(self, last):
        """What must be equal: drafts, their lines by kind, their totals."""
        self.env.cr.execute(
            """
            SELECT COUNT(*), SUM(amount_total)::text,
                   (SELECT json_object_agg(display_type, count) FROM (
                        SELECT display_type, COUNT(*) FROM account_move_line
                         WHERE move_id > %s GROUP BY display_type ORDER BY 1) kinds)::text
              FROM account_move WHERE id > %s AND state = 'draft'
            """,
            [last, last],
        )
        return self.env.cr.fetchone()

    # --- phases -----------------------------------------------------------------

    def grow(self):
        """A run of all customers alone: memory after some chunks and after all."""
        run, listing = self.new_run(fields.Date.add(self.month, months=1))
        looks = []
        for count in (min(FIRST_LOOK, self.customers), max(self.customers - FIRST_LOOK, 0)):
            if count:
                self.work(run, count)
                gc.collect()
                looks.append({"peak_mb": _peak_mb(), "now_mb": _now_mb()})
        return {"listing": listing, "memory": looks}

    def compare(self):
        run, _listing = self.new_run(self.month)
        size = self.customers // self.rounds
        figures = {OURS: [], CONTRACT: [], PLAIN: []}
        for number in range(self.rounds):
            start = number * size
            contracts = self.contracts[start : start + size]
            vals_list = self._prepare_plain(start, size)
            self.env.invalidate_all()
            turns = [
                (OURS, self.work, run, size),
                (CONTRACT, self.recur, contracts),
                (PLAIN, self.create_plainly, vals_list),
            ]
            # Nobody is always the first to meet a cold cache.
            for name, function, *arguments in turns[number % 3 :] + turns[: number % 3]:
                figure = self.measure(name, size, function, *arguments)
                figures[name].append(figure)
                print(f"  round {number + 1}, {name}: {figure['ms']:.1f} ms per invoice")
            made = {name: figures[name][-1]["made"] for name in figures}
            if len(set(made.values())) != 1:
                raise RuntimeError(f"They do not make the same: {made}")
        return figures

    def print_profile(self):
        for order in ("tottime", "cumulative"):
            text = io.StringIO()
            statistics_ = pstats.Stats(self.profiler, stream=text).strip_dirs()
            statistics_.sort_stats(order).print_stats(25)
            print(f"\nBilling run by {order}\n{text.getvalue()}")


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _now_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def summary(figures):
    """Medians over the rounds, and what others take of our time."""
    result = {
        name: {
            key: statistics.median(x[key] for x in rounds) for key in ("ms", "cpu_ms", "queries")
        }
        for name, rounds in figures.items()
    }
    for name in result:
        result[name]["ratio"] = result[name]["ms"] / result[OURS]["ms"]
    return result


def print_table(bench, growth, medians):
    print(f"\nPer invoice, median of {bench.rounds} rounds of {bench.customers // bench.rounds}")
    print(f"{'':14}{'ms':>8}{'CPU ms':>9}{'queries':>9}{'× ours':>9}")
    for name, row in medians.items():
        print(
            f"{name:14}{row['ms']:8.1f}{row['cpu_ms']:9.1f}{row['queries']:9.1f}{row['ratio']:9.2f}"
        )
    listing = growth["listing"]
    print(
        f"\nListing the candidates: {listing['ms']:.2f} ms and {listing['queries']:.2f} "
        "queries per customer"
    )
    first, last = growth["memory"][0], growth["memory"][-1]
    print(
        f"Memory of the process after {min(FIRST_LOOK, bench.customers)} invoices: "
        f"{first['now_mb']:.0f} MB (peak {first['peak_mb']:.0f}), after {bench.customers}: "
        f"{last['now_mb']:.0f} MB (peak {last['peak_mb']:.0f})"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("addons_path")
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    config.parse_config(
        ["-d", options.database, "--no-http", "--addons-path", options.addons_path],
        setup_logging=True,
    )
    with Registry(options.database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        bench = Bench(env, options)
        print(f"- {bench.customers} customers, as services and as contracts …")
        bench.populate()
        print("- memory: one run of all …")
        growth = bench.grow()
        print("- rounds …")
        figures = bench.compare()
        modules = env["ir.module.module"].search([("name", "=", "contract")])
        about = {
            "customers": bench.customers,
            "rounds": bench.rounds,
            "odoo": release.version,
            "contract": modules.installed_version,
            "python": platform.python_version(),
            "psycopg2": package_version("psycopg2-binary"),
            "postgresql": cr.connection.server_version,
        }
    medians = summary(figures)
    print_table(bench, growth, medians)
    if bench.profiler:
        bench.print_profile()
    if options.json:
        with open(options.json, "w") as file:
            result = {"about": about, "medians": medians, "rounds": figures, **growth}
            json.dump(result, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
