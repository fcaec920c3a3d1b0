"""Write-off documents on a large ledger, timed: what ./bench write_off and undo share.

Documents are worked off in chunks that are committed, as the scheduled action does, and
belong to a bookkeeper with record rules. Each is found by its customers and its currency,
and takes all that these customers owe in it.
"""

import os

import bench_case
from bench_case import work_chunk
from bench_figures import Figures

from odoo import Command

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


class Documents(bench_case.Case):
    """Documents over open invoices of a ledger: found, worked off, undone and checked."""

    # Each matching that is undone would be listed by its number.
    odoo_options = ("--log-handler", "odoo.models.unlink:WARNING")

    def __init__(self, root, options):
        super().__init__(root, options)
        self.size = options.invoices
        self.long = LONG * self.size
        # Of Odoo and its database connection: what else the machine does is not in it.
        self.cpu_figures = Figures(self.rounds, unit="cpu_ms")

    # --- the company ----------------------------------------------------------

    def get_needed(self):
        """``{HOME: invoices, FOREIGN: invoices}`` that all rounds take together."""
        raise NotImplementedError

    def populate(self):
        """A ledger with as many open invoices as are taken, and who writes them off."""
        needed = {
            currency: count + WARM_UP + (self.size if self.options.profile else 0)
            for currency, count in self.get_needed().items()
        }
        total = int(SPARE * sum(needed.values())) + SPARE_INVOICES
        foreign_percent = round(100 * needed[FOREIGN] / sum(needed.values()))
        invoices = total * 100 // OPEN_PERCENT
        ledger = self.fill_ledger(invoices, OPEN_PERCENT, foreign_percent)
        self.open = {
            HOME: ledger.get_open(ledger.currency),
            FOREIGN: ledger.get_open(ledger.foreign_currency),
        }
        self.about |= {"ledger": invoices, "invoices": self.size, "long": self.long}
        # Documents of any size are left to the workers, whose place we take.
        self.root.company.ar_background_seconds = 0.001
        self.account = self.root.company.ar_loss_account_id
        self.log_in()

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
        count = len(invoices)
        pressed, document = self.measure(
            count, self._search, invoices.partner_id, invoices.currency_id
        )
        self._check_waiting(document, count)
        return document, pressed

    def _search(self, partners, currency):
        document = self.env["ar.write.off"].create(
            {
                "partner_ids": [Command.set(partners.ids)],
                "currency_ids": [Command.set(currency.ids)],
            }
        )
        document.action_search()
        document.action_process()
        self.env.cr.commit()
        return document

    def start_undo(self, document, count):
        """The document is left to the workers, who take everything back."""
        pressed, _value = self.measure(count, self._undo, document)
        self._check_waiting(document, count)
        return pressed

    def _undo(self, document):
        document.action_undo()
        self.env.cr.commit()

    def _check_waiting(self, document, count):
        if (document.state, document.waiting_count) != ("queued", count):
            raise RuntimeError(f"{document.state}: {document.waiting_count} lines wait.")

    def work(self, document):
        """Chunks as the scheduled action works and commits them."""
        document = document.with_env(self.root)
        while document.state in ("queued", "running"):
            work_chunk(document)

    # --- what is measured -------------------------------------------------------

    def write_off(self, invoices, function, *arguments):
        """Figures per invoice of what writes them off; checked that it did, and no more."""
        owed, loss = self.get_owed(invoices), self.get_loss()
        figure = self._measure_entries(invoices, function, *arguments)
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
        figure = self._measure_entries(invoices, self.work, document)
        for before, now in zip(owed, self.get_owed(invoices), strict=True):
            if before != now:
                raise RuntimeError(f"An invoice owed {before} and now owes {now}.")
        if self.get_loss() != loss:
            raise RuntimeError(f"The loss was {loss} and is {self.get_loss()} now.")
        return figure

    def _measure_entries(self, invoices, function, *arguments):
        """Figures of one way: whichever it is, it makes one entry for each invoice, and
        matches it. One more would be an exchange difference.
        """
        last = self._get_last_move()
        count = len(invoices)
        figure, _value = self.measure(count, function, *arguments)
        [(made, unmatched)] = self.select(MADE, [last])
        if made != count or unmatched:
            raise RuntimeError(f"{count} invoices, {made} entries, {unmatched} items not matched.")
        return figure

    def get_cpu_seconds(self):
        """Of this process and of the database's that works for it."""
        backend = self.root.cr.connection.get_backend_pid()
        with open(f"/proc/{backend}/stat") as file:
            # The name, in parentheses, may hold anything.
            values = file.read().rpartition(")")[2].split()
        user, system = values[11:13]
        ticks = int(user) + int(system)
        return super().get_cpu_seconds() + ticks / os.sysconf("SC_CLK_TCK")

    def _get_last_move(self):
        return self.select("SELECT COALESCE(MAX(id), 0) FROM account_move")[0][0]

    def get_owed(self, invoices):
        """What is open of each invoice, in its currency and the company's."""
        return self.select(OWED, [tuple(invoices.ids)])

    def get_loss(self):
        """What the account of losses shows."""
        [(loss,)] = self.select(
            "SELECT COALESCE(SUM(balance), 0) FROM account_move_line "
            "WHERE account_id = %s AND parent_state = 'posted'",
            [self.account.id],
        )
        return loss

    # --- figures ----------------------------------------------------------------

    def add(self, what, ours, beside=None, target=None):
        """A row of both tables; the target is one of time."""
        self.figures.add(what, ours, beside, target)
        if beside:
            self.cpu_figures.add(what, ours, beside)

    def print_tables(self):
        super().print_tables()
        self.cpu_figures.print_table("The same by CPU of Odoo and PostgreSQL")

    def profile_document(self, title, document):
        self.profile(f"{title}, {self.size} invoices", self.work, document)
