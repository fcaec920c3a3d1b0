"""Billing runs: of few and many customers, and beside others; started by ./bench billing.

All in one process:

- runs of so many customers, and between them runs of five times as many: what an invoice
  costs, and what the process grows by, must not depend on the size of the run;
- part of a run beside OCA's contract and beside a plain create, which make the same drafts
  (lines, taxes, totals, which is checked), in turn, so that a machine that is busy for a
  while is busy for all of them;
- the rows of that part, inserted again without any ORM, as the floor.
"""

import argparse
import gc

from bench_company import Company, measure, profile, work, work_all
from bench_floor import Floor
from bench_ledger import Figures

from odoo import SUPERUSER_ID, Command, api
from odoo.modules.registry import Registry
from odoo.tools import config

OURS, CONTRACT, PLAIN = "billing run", "OCA contract", "plain create"
# What a large run has more of, how often it is done, and what it may cost.
LARGE, LARGE_ROUNDS = 5, 2
LARGE_TARGET, MEMORY_TARGET = 1.1, 150
CONTRACT_TARGET, PLAIN_TARGET = 0.33, 0.45
# Periods from now on: of the comparison, of the floor, those of the whole runs, and those of
# the profiles.
COMPARED, SPARE, WHOLE, PROFILED = 0, 1, 2, 10
# Customers of a run before anything is measured: what a process reads once.
WARM_UP = 20


class Bench:
    def __init__(self, env, options):
        self.env = env
        self.figures = Figures(env, options.rounds)
        self.rounds = options.rounds
        self.kinds = options.kinds
        # As many customers in each round, which are whole chunks.
        size = max(options.customers // options.rounds, 1)
        self.chunk = min(env["ar.billing.run"]._chunk_size, size)
        self.size = size // self.chunk * self.chunk
        self.customers = self.size * options.rounds

    # --- the company ----------------------------------------------------------

    def populate(self):
        """Customers of two profiles; those of the small one as contracts, too."""
        self.company = Company(self.env, self.kinds)
        self.small, partners = self.company.make_customers("Small", self.customers)
        self.warm, _partners = self.company.make_customers("Warm-up", WARM_UP)
        self.large, _partners = self.company.make_customers("Large", LARGE * self.customers)
        self.contracts = self.env["contract.contract"]
        for first in range(0, self.customers, 500):
            self._contract(partners[first : first + 500], first)
            self.env.cr.commit()
            self.env.invalidate_all()
        self.company.analyze()

    def _contract(self, partners, first):
        self.contracts |= self.env["contract.contract"].create(
            [
                self._prepare_contract(partner, self.company.get_lines(number))
                for number, partner in enumerate(partners, first)
            ]
        )

    def _prepare_contract(self, partner, lines):
        month = self.company.month
        return {
            "name": partner.name,
            "partner_id": partner.id,
            "contract_type": "sale",
            "line_recurrence": False,
            "recurring_rule_type": "monthly",
            "recurring_interval": 1,
            "recurring_invoicing_type": "pre-paid",
            "date_start": month,
            "recurring_next_date": month,
            "contract_line_ids": [
                Command.create(
                    {
                        "product_id": product.id,
                        "name": product.name,
                        "quantity": 1,
                        "price_unit": price,
                        "date_start": month,
                    }
                )
                for product, price in lines
            ],
        }

    # --- whole runs -------------------------------------------------------------

    def grow(self):
        """Runs of few customers, and of many between them."""
        self._run(self.warm, WARM_UP, WHOLE)
        few, many = [], []
        months = WHOLE
        for number in range(LARGE_ROUNDS):
            before = self._run(self.small, self.customers, months)
            many.append(self._run(self.large, LARGE * self.customers, months))
            after = self._run(self.small, self.customers, months + 1)
            months += 2
            # The many were between these two.
            few.append({part: _mean(before[part], after[part]) for part in before})
            print(f"  round {number + 1}: {_said(before)}, {_said(many[-1])}, {_said(after)}")
            if not number:
                # Later the process has grown already.
                first = before
        beside = f"{LARGE * self.customers} customers beside {self.customers}"
        for part, target in (("whole", LARGE_TARGET), ("work", LARGE_TARGET), ("listing", None)):
            ours, others = ([figure[part] for figure in rounds] for rounds in (many, few))
            what = {"whole": "list and bill", "work": "bill", "listing": "list"}[part]
            self.figures.add(f"{what} {beside}", ours, others, target)
        self._add_memory(first, many[0])

    def _run(self, profile, count, months):
        """Figures per invoice of a run: to list its customers, to bill them, and both."""
        gc.collect()
        _reset_peak()
        listing, run = measure(self.env, count, self.company.new_run, profile, months)
        listing_peak = _memory("VmHWM")
        worked, _value = measure(self.env, count, work_all, run)
        memory = {"listing_peak_mb": listing_peak, "peak_mb": _memory("VmHWM")}
        gc.collect()
        memory["now_mb"] = _memory("VmRSS")
        whole = {name: listing[name] + worked[name] for name in listing}
        if run.done_count != count:
            raise RuntimeError(f"{run.done_count} of {count} customers are billed.")
        return {"listing": listing, "work": worked, "whole": whole, "memory": memory}

    def _add_memory(self, few, many):
        for name, key in (("after it", "now_mb"), ("at most", "peak_mb")):
            growth = many["memory"][key] - few["memory"][key]
            what = f"memory {name}, {LARGE * self.customers} more than {self.customers}"
            self.figures.add_amount(what, growth, "MB", MEMORY_TARGET)
        self.memory = {"few": few["memory"], "many": many["memory"]}

    # --- beside others ----------------------------------------------------------

    def recur(self, contracts):
        contracts._recurring_create_invoice()
        self.env.cr.commit()

    def create_plainly(self, vals_list):
        self.env["account.move"].create(vals_list)
        self.env.cr.commit()

    def _prepare_plain(self, start):
        partners = self.contracts[start : start + self.size].partner_id
        return [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "journal_id": self.small.journal_id.id,
                "invoice_date": self.company.month,
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
                    for product, price in self.company.get_lines(number)
                ],
            }
            for number, partner in enumerate(partners, start)
        ]

    def compare(self):
        # Smaller than usual only where a round is smaller than a chunk.
        self.env.registry["ar.billing.run"]._chunk_size = self.chunk
        run = self.company.new_run(self.small, COMPARED)
        spare = self.small.period_ids.sorted("date_from")[SPARE]
        floor = Floor(self.env, spare)
        figures = {OURS: [], CONTRACT: [], PLAIN: []}
        floors = []
        for number in range(self.rounds):
            made = self._compare_once(run, number, figures)
            floors.append(floor.measure(made))
            print(f"  round {number + 1}, raw INSERT: {floors[-1]['ms']:.1f} ms per invoice")
        ours = figures[OURS]
        self.figures.add(f"bill, beside {CONTRACT}", ours, figures[CONTRACT], CONTRACT_TARGET)
        self.figures.add(f"bill, beside {PLAIN}", ours, figures[PLAIN], PLAIN_TARGET)
        self.figures.add("bill, beside raw INSERT", ours, floors)

    def _compare_once(self, run, number, figures):
        """One round; returns the invoices that our run has made."""
        start = number * self.size
        contracts = self.contracts[start : start + self.size]
        vals_list = self._prepare_plain(start)
        turns = [
            (OURS, work, run, self.size),
            (CONTRACT, self.recur, contracts),
            (PLAIN, self.create_plainly, vals_list),
        ]
        made = {}
        # Nobody is always the first to meet a cold cache.
        for name, function, *arguments in turns[number % 3 :] + turns[: number % 3]:
            last = self._last_move()
            figure, _value = measure(self.env, self.size, function, *arguments)
            figures[name].append(figure)
            made[name] = self._made_since(last)
            if name == OURS:
                ours = self.env["account.move"].search([("id", ">", last)])
            print(f"  round {number + 1}, {name}: {figure['ms']:.1f} ms per invoice")
        if len(set(made.values())) != 1:
            raise RuntimeError(f"They do not make the same: {made}")
        return ours

    def print_profiles(self):
        profile(self.env, "Listing", self.company.new_run, self.small, PROFILED)
        run = self.company.new_run(self.small, PROFILED + 1)
        profile(self.env, "Billing", work_all, run)

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


def _mean(one, other):
    return {name: (one[name] + other[name]) / 2 for name in one}


def _said(figures):
    return f"{figures['listing']['ms']:.1f} + {figures['work']['ms']:.1f} ms"


def _reset_peak():
    """The most memory that the process ever had is counted from now on."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _memory(name):
    """Megabytes of this process, as the kernel's status calls them."""
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("addons_path")
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--kinds", type=int, default=0)
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
        print(f"- {(LARGE + 1) * bench.customers} customers, {bench.customers} with contracts …")
        bench.populate()
        print("- whole runs …")
        bench.grow()
        print("- rounds …")
        bench.compare()
        bench.figures.print_table(f"Per invoice, rounds of {bench.size}")
        if options.profile:
            bench.print_profiles()
        contract = env["ir.module.module"].search([("name", "=", "contract")])
        about = {
            "customers": bench.customers,
            "kinds": bench.kinds,
            "large": LARGE * bench.customers,
            "large_rounds": LARGE_ROUNDS,
            "contract": contract.installed_version,
            "memory": bench.memory,
        }
        bench.figures.write(options.json, about)


if __name__ == "__main__":
    main()
