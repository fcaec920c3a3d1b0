"""Write-offs beside what a user would do otherwise.

Three ways to write off invoices of the same kind, in one process, in turn, so that a
machine that is busy for a while is busy for all of them:

- our document, worked off in chunks that are committed, as the scheduled action does: in
  home currency and in a foreign one, and once with ten times as many invoices, between
  the others;
- Odoo's pop-up “Pay” (account.payment.register), invoice by invoice and committed each
  time: a payment of 0.00 in a bank journal with an outstanding account, whose difference
  (all that is owed) is marked as fully paid and goes to the bad debt account. It makes
  one payment with one entry of receivable, loss and a bank item of zero, and matches it;
- bare core calls: entries with only the values that core cannot guess, created, posted
  and matched together, as many at once as our document does. That is not the least that
  is possible: core computes what it is not told, and our document tells it everything.

All make one entry per invoice, after which nothing is owed and the loss is what was.
"""

from bench_documents import FOREIGN, HOME, WARM_UP, Documents

from odoo import Command, fields

PAY, CORE, PRESS = "pop-up Pay", "bare core calls", "button"
# By hand, one by one: so few are enough, and they take long.
SAMPLE = 50
# How many times as long as that ours may take.
PAY_TARGET, CORE_TARGET = 1 / 15, 0.5
LONG_TARGET, FOREIGN_TARGET = 1.1, 1.3


class Case(Documents):
    title = "Write-offs, per invoice"

    def __init__(self, root, options):
        super().__init__(root, options)
        self.sample = max(SAMPLE // self.rounds, 1)

    def get_needed(self):
        home = self.rounds * (2 * self.size + self.sample) + self.long + 2 * WARM_UP
        return {HOME: home, FOREIGN: self.rounds * self.size}

    def log_in(self):
        self._make_bank()
        super().log_in()
        self.chunk = self.env["ar.write.off"]._chunk_size
        journals = self.env["ar.write.off.reason"]
        self.journal = journals._get_write_off_journal(self.env.company)

    def _make_bank(self):
        """A journal whose payments make entries, which they need to write off anything."""
        self.bank = self.root["account.journal"].create(
            {"name": "Payments", "type": "bank", "code": "BENCH"}
        )
        outstanding = self.root["account.account"].create(
            {
                "name": "Outstanding",
                "code": "BENCH",
                "account_type": "asset_current",
                "reconcile": True,
            }
        )
        self.bank.inbound_payment_method_line_ids.payment_account_id = outstanding

    # --- what is beside ---------------------------------------------------------

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

    # --- rounds -----------------------------------------------------------------

    def _process(self, count, currency, press=None):
        """Figures of a document.

        :param press: where to note what it took to press the button before.
        """
        invoices = self.take(count, currency)
        document, pressed = self.search(invoices)
        self.taken[press].append(pressed)
        return self.write_off(invoices, self.work, document)

    def _beside(self, count, function):
        invoices = self.take(count, HOME)
        return self.write_off(invoices, function, invoices)

    def _get_turns(self, size, sample):
        return {
            HOME: lambda: self._process(size, HOME, (PRESS, size)),
            FOREIGN: lambda: self._process(size, FOREIGN),
            PAY: lambda: self._beside(sample, self.pay),
            CORE: lambda: self._beside(size, self.call_core),
        }

    def warm_up(self):
        for turn in self._get_turns(WARM_UP, WARM_UP).values():
            turn()

    def get_sides(self, number):
        # Between the others, and after the only round.
        if number == self.rounds - self.rounds // 2:
            self._process_long()
        return self._get_turns(self.size, self.sample)

    def _process_long(self):
        figure = self._process(self.long, HOME, (PRESS, self.long))
        self.keep(self.long, figure, f"{self.long} in one document")

    def add_figures(self):
        if self.long not in self.taken:
            self._process_long()
        add, taken, size = self.add, self.taken, f"{self.size} in {HOME}"
        home, foreign, long = taken[HOME], taken[FOREIGN], taken[self.long]
        add(f"process {size}, beside {PAY}", home, taken[PAY], PAY_TARGET)
        add(f"process {size}, beside {CORE}", home, taken[CORE], CORE_TARGET)
        add(f"process {self.size} in {FOREIGN}, beside {HOME}", foreign, home, FOREIGN_TARGET)
        add(f"process {self.long}, beside {self.size}", long, home, LONG_TARGET)
        for count in (self.size, self.long):
            add(f"search {count} and press Process Selection", taken[PRESS, count])

    def print_profiles(self):
        for currency in (HOME, FOREIGN):
            document, _pressed = self.search(self.take(self.size, currency))
            self.profile_document(f"Processing in {currency}", document)
