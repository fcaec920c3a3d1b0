"""Write-offs beside what a user would do otherwise; started by ./bench write_off.

Three ways to write off invoices of the same kind, in one process, in turn, so that a
machine that is busy for a while is busy for all of them:

- our document, worked off in chunks that are committed, as the scheduled action does;
- Odoo's pop-up “Pay” (account.payment.register), invoice by invoice and committed each
  time: a payment of 0.00 in a bank journal with an outstanding account, whose difference
  (all that is owed) is marked as fully paid and goes to the bad debt account. It makes
  one payment with one entry of receivable, loss and a bank item of zero, and matches it;
- bare core calls: entries with only the values that core cannot guess, created, posted
  and matched together, as many at once as our document does. That is not the least that
  is possible: core computes what it is not told, and our document tells it everything.
"""

import argparse
import gc
import json
import platform
import statistics
import time
from datetime import timedelta
from importlib.metadata import version as package_version

from odoo import SUPERUSER_ID, Command, api, fields, release
from odoo.modules.registry import Registry
from odoo.tools import config

OURS, PAY, CORE = "our document", "pop-up Pay", "core calls"
# By hand, one by one: so few are enough, and they take long.
SAMPLE = 30
# Made and posted together, before anything is measured.
POPULATE = 500


class Bench:
    def __init__(self, env, options):
        self.env = env
        self.rounds = options.rounds
        self.size = max(options.invoices // options.rounds, 1)
        self.sizes = {OURS: self.size, PAY: max(SAMPLE // options.rounds, 1), CORE: self.size}
        self.chunk = env["ar.write.off"]._chunk_size

    # --- the company ----------------------------------------------------------

    def populate(self):
        """As many posted invoices as all rounds write off, each of its own customer."""
        company = self.env.company
        # Documents of any size are left to the workers, whose place we take.
        company.ar_batch_threshold = 1
        self.account = company.ar_loss_account_id
        self.journal = self.env["ar.write.off.reason"]._get_write_off_journal(company)
        self._make_bank()
        self._make_products()
        count = self.rounds * sum(self.sizes.values())
        self.invoices = self.env["account.move"]
        for start in range(0, count, POPULATE):
            self._invoice(range(start, min(start + POPULATE, count)))
            self.env.cr.commit()
            self.env.invalidate_all()
        self.env.cr.execute("ANALYZE")
        self.env.cr.commit()

    def _make_bank(self):
        """A journal whose payments make entries, which they need to write off anything."""
        self.bank = self.env["account.journal"].create(
            {"name": "Payments", "type": "bank", "code": "BENCH"}
        )
        outstanding = self.env["account.account"].create(
            {
                "name": "Outstanding",
                "code": "BENCH",
                "account_type": "asset_current",
                "reconcile": True,
            }
        )
        self.bank.inbound_payment_method_line_ids.payment_account_id = outstanding

    def _make_products(self):
        tax = self.env["account.tax"].search([("type_tax_use", "=", "sale")], limit=1)
        self.products = self.env["product.product"].create(
            [
                {"name": name, "type": "service", "taxes_id": [Command.set(taxes.ids)]}
                for name, taxes in (
                    ("Pick-up", tax),
                    ("Container", tax),
                    ("Cleaning", tax.browse()),
                )
            ]
        )

    def _invoice(self, numbers):
        """Invoices of one to three lines, long overdue."""
        partners = self.env["res.partner"].create(
            [{"name": f"Debtor {number:06}"} for number in numbers]
        )
        invoices = self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "invoice_date": fields.Date.today() - timedelta(days=400),
                    "invoice_line_ids": [
                        Command.create(
                            {"product_id": product.id, "price_unit": 1 + number % 97 / 100}
                        )
                        for product in self.products[: number % 3 + 1]
                    ],
                }
                for number, partner in zip(numbers, partners, strict=True)
            ]
        )
        invoices._post(soft=False)
        self.invoices |= invoices

    # --- what is measured -----------------------------------------------------

    def search(self, invoices):
        """A document that has found the invoices and is left to the workers."""
        document = self.env["ar.write.off"].create(
            {"partner_ids": [Command.set(invoices.partner_id.ids)]}
        )
        self.env.invalidate_all()
        started, queries = time.perf_counter(), self.env.cr.sql_log_count
        document.action_search()
        document.action_process()
        self.env.cr.commit()
        seconds = time.perf_counter() - started
        figure = {
            "ms": 1000 * seconds / len(invoices),
            "queries": (self.env.cr.sql_log_count - queries) / len(invoices),
        }
        if (document.state, document.waiting_count) != ("queued", len(invoices)):
            raise RuntimeError(f"{document.state}: {document.waiting_count} lines wait.")
        return document, figure

    def work(self, document):
        """Chunks as the scheduled action works and commits them."""
        while document.state in ("queued", "running"):
            done = document._as_owner()._work_or_retry()
            self.env["ir.cron"]._commit_progress(done)
            self.env.invalidate_all()
            document._as_owner()._finish_in_background(fields.Datetime.now())
            self.env["ir.cron"]._commit_progress(0)
            self.env.invalidate_all()
            if not done:
                raise RuntimeError("No line is left, and the document has not ended.")

    def pay(self, invoices):
        """The pop-up of one invoice after the other; every press is a request."""
        for invoice in invoices:
            popup = (
                self.env["account.payment.register"]
                .with_context(active_model="account.move", active_ids=invoice.ids)
                .create(
                    {
                        "journal_id": self.bank.id,
                        "amount": 0,
                        "payment_difference_handling": "reconcile",
                        "writeoff_account_id": self.account.id,
                    }
                )
            )
            popup.action_create_payments()
            self.env.cr.commit()
            self.env.invalidate_all()

    def call_core(self, invoices):
        for start in range(0, len(invoices), self.chunk):
            part = invoices[start : start + self.chunk]
            items = part.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
            entries = self.env["account.move"].create(
                [self._prepare_plain_entry(item) for item in items]
            )
            entries._post(soft=False)
            plan = [
                item
                | entry.line_ids.filtered(
                    lambda line, item=item: line.account_id == item.account_id
                )
                for item, entry in zip(items, entries, strict=True)
            ]
            items._reconcile_plan(plan)
            self.env.cr.commit()
            self.env.invalidate_all()

    def _prepare_plain_entry(self, item):
        base = {"partner_id": item.partner_id.id}
        return {
            "move_type": "entry",
            "journal_id": self.journal.id,
            "date": fields.Date.today(),
            "line_ids": [
                Command.create(
                    {**base, "account_id": item.account_id.id, "balance": -item.amount_residual}
                ),
                Command.create(
                    {**base, "account_id": self.account.id, "balance": item.amount_residual}
                ),
            ],
        }

    def measure(self, invoices, function, *arguments):
        """Figures per invoice of one round, from a cold cache of records."""
        total = sum(invoices.mapped("amount_residual"))
        before = self._loss()
        self.env.invalidate_all()
        gc.collect()
        queries = self.env.cr.sql_log_count
        wall, cpu = time.perf_counter(), time.process_time()
        function(*arguments)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        queries = self.env.cr.sql_log_count - queries
        self._check(invoices, total, self._loss() - before)
        count = len(invoices)
        return {"ms": 1000 * wall / count, "cpu_ms": 1000 * cpu / count, "queries": queries / count}

    def _loss(self):
        self.env.cr.execute(
            "SELECT COALESCE(SUM(balance), 0) FROM account_move_line "
            "WHERE account_id = %s AND parent_state = 'posted'",
            [self.account.id],
        )
        return float(self.env.cr.fetchone()[0])

    def _check(self, invoices, total, loss):
        """All ways do the same: nothing is owed, and the loss is what was."""
        self.env.invalidate_all()
        owed = invoices.filtered("amount_residual")
        if owed or self.env.company.currency_id.compare_amounts(total, loss):
            raise RuntimeError(f"{len(owed)} invoices are still owed; {loss} lost of {total}.")

    def compare(self):
        figures = {name: [] for name in self.sizes}
        searches = []
        start = 0
        for number in range(self.rounds):
            parts = {}
            for name, size in self.sizes.items():
                parts[name] = self.invoices[start : start + size]
                start += size
            document, search = self.search(parts[OURS])
            searches.append(search)
            turns = [
                (OURS, self.work, document),
                (PAY, self.pay, parts[PAY]),
                (CORE, self.call_core, parts[CORE]),
            ]
            # Nobody is always the first to meet a cold cache.
            for name, function, argument in turns[number % 3 :] + turns[: number % 3]:
                figure = self.measure(parts[name], function, argument)
                figures[name].append(figure)
                print(f"  round {number + 1}, {name}: {figure['ms']:.1f} ms per invoice")
        return searches, figures


def median(rows):
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def print_table(bench, search, medians):
    print(
        f"\nPer invoice, median of {bench.rounds} rounds of {bench.size} "
        f"({PAY}: {bench.sizes[PAY]})"
    )
    print(f"{'':14}{'ms':>8}{'CPU ms':>9}{'queries':>9}{'× ours':>9}")
    for name, row in medians.items():
        print(
            f"{name:14}{row['ms']:8.1f}{row['cpu_ms']:9.1f}{row['queries']:9.1f}{row['ratio']:9.2f}"
        )
    print(
        f"\nSearch and Process Selection: {search['ms']:.2f} ms and {search['queries']:.2f} "
        "queries per invoice"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--invoices", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json")
    options = parser.parse_args()
    config.parse_config(["-d", options.database, "--no-http"], setup_logging=True)
    with Registry(options.database).cursor() as cr:
        bench = Bench(api.Environment(cr, SUPERUSER_ID, {}), options)
        print(f"- {bench.rounds * sum(bench.sizes.values())} posted invoices …")
        bench.populate()
        print("- rounds …")
        searches, figures = bench.compare()
        about = {
            "invoices": bench.rounds * bench.size,
            "rounds": bench.rounds,
            "odoo": release.version,
            "python": platform.python_version(),
            "psycopg2": package_version("psycopg2-binary"),
            "postgresql": cr.connection.server_version,
        }
    medians = {name: median(rows) for name, rows in figures.items()}
    for row in medians.values():
        row["ratio"] = row["ms"] / medians[OURS]["ms"]
    print_table(bench, median(searches), medians)
    if options.json:
        with open(options.json, "w") as file:
            result = {"about": about, "search": median(searches), "medians": medians}
            json.dump({**result, "rounds": figures}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
