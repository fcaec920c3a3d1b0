"""Write-offs taken back, beside processing them; started by ./bench undo.

Each document is processed and then undone, both in chunks that are committed, as the
scheduled action does. Afterwards each invoice owes again exactly what it did, in its
currency and in the company's, and the account of losses shows what it showed.
"""

from bench_documents import FOREIGN, HOME, WARM_UP, Documents, main

# How many times as long as processing it may take.
TARGET = 1.5


class Bench(Documents):
    def get_needed(self):
        return {HOME: self.rounds * self.size + self.long, FOREIGN: self.rounds * self.size}

    def _take_back(self, count, currency, name):
        """Figures of one document: to process it, to press Undo, to undo it."""
        invoices = self.take(count, currency)
        owed, loss = self.get_owed(invoices), self.get_loss()
        document, _pressed = self.search(invoices)
        processed = self.said(f"{name}, processed", self.write_off(invoices, self.work, document))
        pressed = self.start_undo(document, count)
        undone = self.said(f"{name}, undone", self.undo(invoices, document, owed, loss))
        return {"processed": processed, "pressed": pressed, "undone": undone}

    def warm_up(self):
        for currency in (HOME, FOREIGN):
            self._take_back(WARM_UP, currency, "warm-up")

    def compare(self):
        rounds = {HOME: [], FOREIGN: []}
        for number in range(self.rounds):
            # Nobody is always the first to meet a cold cache.
            for currency in list(rounds)[:: -1 if number % 2 else 1]:
                name = f"round {number + 1}, {currency}"
                rounds[currency].append(self._take_back(self.size, currency, name))
        for currency, figures in rounds.items():
            self._add_figures(f"{self.size} in {currency}", figures)
        name = f"{self.long} in one document"
        self._add_figures(name, [self._take_back(self.long, HOME, name)])

    def _add_figures(self, what, rounds):
        def of(name):
            return [figures[name] for figures in rounds]

        self.add(f"undo {what}, beside processing", of("undone"), of("processed"), TARGET)
        self.add(f"press Undo of {what}", of("pressed"))

    def print_profiles(self):
        for currency in (HOME, FOREIGN):
            document, _pressed = self.search(self.take(self.size, currency))
            self.work(document)
            self.start_undo(document, self.size)
            self.profile(f"Undoing in {currency}", document)


if __name__ == "__main__":
    main(Bench, "Write-offs taken back, per invoice")
