"""Write-offs taken back, beside processing them.

Each document is processed and then undone, both in chunks that are committed, as the
scheduled action does. Afterwards each invoice owes again exactly what it did, in its
currency and in the company's, and the account of losses shows what it showed.
"""

from bench_documents import FOREIGN, HOME, WARM_UP, Documents

# How many times as long as processing it may take.
TARGET = 1.5


class Case(Documents):
    title = "Write-offs taken back, per invoice"

    def get_needed(self):
        return {HOME: self.rounds * self.size + self.long, FOREIGN: self.rounds * self.size}

    def _take_back(self, count, currency, what):
        """Process a document, press Undo, and undo it; returns the last one's figure."""
        invoices = self.take(count, currency)
        owed, loss = self.get_owed(invoices), self.get_loss()
        document, _pressed = self.search(invoices)
        processed = self.write_off(invoices, self.work, document)
        self.keep(("processed", what), processed, f"{what}, processed")
        self.taken["pressed", what].append(self.start_undo(document, count))
        return self.undo(invoices, document, owed, loss)

    def warm_up(self):
        for currency in (HOME, FOREIGN):
            self._take_back(WARM_UP, currency, "warm-up")

    def get_sides(self, number):
        return {
            self._in(currency): lambda currency=currency: self._take_back(
                self.size, currency, self._in(currency)
            )
            for currency in (HOME, FOREIGN)
        }

    def _in(self, currency):
        return f"{self.size} in {currency}"

    def add_figures(self):
        long = f"{self.long} in one document"
        self.keep(long, self._take_back(self.long, HOME, long), long)
        for what in (self._in(HOME), self._in(FOREIGN), long):
            undone, processed = self.taken[what], self.taken["processed", what]
            self.add(f"undo {what}, beside processing", undone, processed, TARGET)
            self.add(f"press Undo of {what}", self.taken["pressed", what])

    def print_profiles(self):
        for currency in (HOME, FOREIGN):
            document, _pressed = self.search(self.take(self.size, currency))
            self.work(document)
            self.start_undo(document, self.size)
            self.profile_document(f"Undoing in {currency}", document)
