"""Billing runs: of few and many customers, and beside others.

All in one process:

- runs of so many customers, and between them runs of five times as many: what an invoice
  costs, and what the process grows by, must not depend on the size of the run;
- part of a run beside OCA's contract and beside a plain create, which make the same drafts
  (lines, taxes, totals, which is checked), in turn, so that a machine that is busy for a
  while is busy for all of them;
- the rows of that part, inserted again without any ORM, as the floor.
"""

import gc

import bench_case
from bench_case import work_all, work_chunk
from bench_company import Company
from bench_floor import Floor

from odoo import Command

OURS, CONTRACT, PLAIN, RAW = "billing run", "OCA contract", "plain create", "raw INSERT"
# What a large run has more of, how often it is done, and what it may cost.
LARGE, LARGE_ROUNDS = 5, 2
LARGE_TARGET, MEMORY_TARGET = 1.1, 150
CONTRACT_TARGET, PLAIN_TARGET = 0.33, 0.45
# Periods from now on: of the comparison, of the floor, those of the whole runs, and those of
# the profiles.
COMPARED, SPARE, WHOLE, PROFILED = 4, 5, 0, 6
# Customers of a run before anything is measured: what a process reads once.
WARM_UP = 20


class Case(bench_case.Case):
    def __init__(self, root, options):
        super().__init__(root, options)
        # As many customers in each round, which are whole chunks.
        size = max(options.customers // self.rounds, 1)
        self.chunk = min(root["ar.billing.run"]._chunk_size, size)
        self.size = size // self.chunk * self.chunk
        self.customers = self.size * self.rounds
        self.title = f"Per invoice, rounds of {self.size}"

    # --- the company ----------------------------------------------------------

    def populate(self):
        """Customers of two profiles; those of the small one as contracts, too."""
        print(f"- {(LARGE + 1) * self.customers} customers, {self.customers} with contracts …")
        self.company = Company(self.env, self.options.kinds)
        self.small, partners = self.company.make_customers("Small", self.customers)
        self.warm, _partners = self.company.make_customers("Warm-up", WARM_UP)
        self.large, _partners = self.company.make_customers("Large", LARGE * self.customers)
        self.contracts = self.env["contract.contract"]
        for first in range(0, self.customers, 500):
            self._contract(partners[first : first + 500], first)
            self.env.cr.commit()
            self.env.invalidate_all()
        self.company.analyze()
        contract = self.env["ir.module.module"].search([("name", "=", "contract")])
        self.about |= {
            "customers": self.customers,
            "kinds": self.options.kinds,
            "large": LARGE * self.customers,
            "large_rounds": LARGE_ROUNDS,
            "contract": contract.installed_version,
        }

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

    def warm_up(self):
        self._run(self.warm, WARM_UP, WHOLE)

    def grow(self):
        """Runs of few customers, and of many between them."""
        few, many = [], []
        months = WHOLE
        for number in range(LARGE_ROUNDS):
            before = self._run(self.small, self.customers, months)
            many.append(self._run(self.large, LARGE * self.customers, WHOLE + number))
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
        listing, run = self.measure(count, self.company.new_run, profile, months)
        listing_peak = _memory("VmHWM")
        worked, _value = self.measure(count, work_all, run)
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
        self.about["memory"] = {"few": few["memory"], "many": many["memory"]}

    # --- beside others ----------------------------------------------------------

    def bill(self):
        """As many lines of our run as the others make invoices."""
        left = self.size
        while left > 0:
            left -= work_chunk(self.compared)

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
        self.grow()
        # Smaller than usual only where a round is smaller than a chunk.
        self.env.registry["ar.billing.run"]._chunk_size = self.chunk
        self.compared = self.company.new_run(self.small, COMPARED)
        spare = self.small.period_ids.sorted("date_from")[SPARE]
        self.floor = Floor(self.env, spare)
        super().compare()

    def get_sides(self, number):
        start = number * self.size
        contracts = self.contracts[start : start + self.size]
        vals_list = self._prepare_plain(start)
        self.made = {}
        return {
            OURS: lambda: self._make(OURS, self.bill),
            CONTRACT: lambda: self._make(CONTRACT, self.recur, contracts),
            PLAIN: lambda: self._make(PLAIN, self.create_plainly, vals_list),
        }

    def _make(self, name, function, *arguments):
        last = self._last_move()
        figure, _value = self.measure(self.size, function, *arguments)
        self.made[name] = self._made_since(last)
        if name == OURS:
            self.invoices = self.env["account.move"].search([("id", ">", last)])
        return figure

    def end_round(self, number):
        if len(set(self.made.values())) != 1:
            raise RuntimeError(f"They do not make the same: {self.made}")
        self.keep(RAW, self.floor.measure(self.invoices), f"round {number + 1}, {RAW}")

    def add_figures(self):
        targets = {CONTRACT: CONTRACT_TARGET, PLAIN: PLAIN_TARGET, RAW: None}
        for name, target in targets.items():
            ours, beside = self.taken[OURS], self.taken[name]
            self.figures.add(f"bill, beside {name}", ours, beside, target)

    def print_profiles(self):
        self.profile("Listing", self.company.new_run, self.small, PROFILED)
        run = self.company.new_run(self.small, PROFILED + 1)
        self.profile("Billing", work_all, run)

    def _last_move(self):
        return self.select("SELECT COALESCE(MAX(id), 0) FROM account_move")[0][0]

    def _made_since(self, last):
        """What must be equal: drafts, their lines by kind, their totals."""
        return self.select(
            """
            SELECT COUNT(*), SUM(amount_total)::text,
                   (SELECT json_object_agg(display_type, count) FROM (
                        SELECT display_type, COUNT(*) FROM account_move_line
                         WHERE move_id > %s GROUP BY display_type ORDER BY 1) kinds)::text
              FROM account_move WHERE id > %s AND state = 'draft'
            """,
            [last, last],
        )[0]


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
