"""A company with customers to be billed, and how its documents are worked off; for benches."""

import cProfile
import gc
import time
from datetime import timedelta

from bench_ledger import print_profile

from odoo import Command, fields

# Made together, so that the records of a chunk are all that is in memory.
CHUNK = 500


class Company:
    """Products with none, one and two taxes; customers with one to three services each.

    :param kinds: instead, so many products, of which each has ten customers in a row with
        one service: invoices of as many kinds.
    """

    def __init__(self, env, kinds=0):
        self.env = env
        self.kinds = kinds
        self.month = fields.Date.today().replace(day=1)
        self.products = self._make_products()

    def _make_products(self):
        tax = self.env["account.tax"].search([("type_tax_use", "=", "sale")], limit=1)
        eco_tax = tax.copy({"name": "Eco tax", "amount": 2.5})
        sorts = [
            ("Pick-up", tax),
            ("Container", tax | eco_tax),
            ("Street cleaning", tax.browse()),
        ]
        if self.kinds:
            sorts = [(f"Kind {number}", sorts[number % 3][1]) for number in range(self.kinds)]
        return self.env["product.product"].create(
            [
                {
                    "name": name,
                    "type": "service",
                    "list_price": 10,
                    "taxes_id": [Command.set(taxes.ids)],
                }
                for name, taxes in sorts
            ]
        )

    def make_customers(self, name, count):
        """A monthly billing profile and its customers, committed."""
        profile = self.env["ar.billing.profile"].create(
            {"name": name, "anchor_date": self.month - timedelta(days=365)}
        )
        partners = self.env["res.partner"]
        for first in range(0, count, CHUNK):
            numbers = range(first, min(first + CHUNK, count))
            partners += self._make_chunk(profile, numbers)
            self.env.cr.commit()
            self.env.invalidate_all()
        return profile, partners

    def _make_chunk(self, profile, numbers):
        partners = self.env["res.partner"].create(
            [
                {"name": f"{profile.name} {number:06}", "billing_profile_id": profile.id}
                for number in numbers
            ]
        )
        self.env["ar.billing.service"].create(
            [
                {
                    "partner_id": partner.id,
                    "product_id": product.id,
                    "price_unit": price,
                    "date_from": self.month,
                }
                for number, partner in zip(numbers, partners, strict=True)
                for product, price in self.get_lines(number)
            ]
        )
        return partners

    def get_lines(self, number):
        """(product, price) of the lines of a profile's customer."""
        if self.kinds:
            return [(self.products[number // 10 % self.kinds], 10 + number % 97 / 100)]
        return [
            (product, 10 + number % 97 / 100 + position)
            for position, product in enumerate(self.products[: number % 3 + 1])
        ]

    def analyze(self):
        self.env.cr.execute("ANALYZE")
        self.env.cr.commit()

    def new_run(self, profile, months):
        """A queued run of the period so many months from now, committed."""
        period = profile.period_ids.filtered(
            lambda period: period.date_from == fields.Date.add(self.month, months=months)
        )
        if not period:
            raise RuntimeError(f"There is no billing period in {months} months.")
        run = self.env["ar.billing.run"].make(period)
        run._launch_in_background()
        self.env.cr.commit()
        return run


def work_all(document):
    """The scheduled action itself, until the document has ended."""
    document.env["ar.bulk.lanes"]._cron_work()
    if document.state != "done":
        raise RuntimeError(f"{document.display_name} is {document.state}.")


def work(document, count):
    """So many lines, in chunks as the scheduled action works and commits them."""
    env = document.env
    while count > 0:
        done = document._as_owner()._work_or_retry()
        env["ir.cron"]._commit_progress(done)
        env.invalidate_all()
        document._as_owner()._finish_in_background(fields.Datetime.now())
        env["ir.cron"]._commit_progress(0)
        env.invalidate_all()
        if not done:
            raise RuntimeError(f"No line is left, and {count} should be.")
        count -= done


def measure(env, count, function, *arguments):
    """Figures per invoice of one call, from a cold cache of records, and what it returns."""
    env.invalidate_all()
    gc.collect()
    queries = env.cr.sql_log_count
    wall, cpu = time.perf_counter(), time.process_time()
    value = function(*arguments)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    figure = {
        "ms": 1000 * wall / count,
        "cpu_ms": 1000 * cpu / count,
        "queries": (env.cr.sql_log_count - queries) / count,
    }
    return figure, value


def profile(env, title, function, *arguments):
    """Print where the time goes: of a call of its own, for it takes longer so."""
    profiler = cProfile.Profile()
    env.invalidate_all()
    profiler.runcall(function, *arguments)
    print_profile(profiler, title)
