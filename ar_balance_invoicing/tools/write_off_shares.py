"""How much of a document is written off, and was before, and where it goes: no ORM."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from .apportion import rounded, spread, within

ZERO = Decimal(0)
# A kind of loss, (taxes, tags): it is the base of no tax.
UNTAXED = ((), ())


def pair(amount=ZERO, balance=ZERO) -> tuple:
    """Amounts in the document's currency and in company currency."""
    return (amount, balance)


def plus(one, other, factor=1) -> tuple:
    """``one`` and so many times ``other``."""
    return (one[0] + factor * other[0], one[1] + factor * other[1])


def net_places(groups: dict, claim: bool) -> dict:
    """Where the loss goes, when lines of the document lower what is owed for others.

    A deposit or a discount is no loss of its own: what lowers the debt lowers the loss of
    what the debt is for, in proportion.

    :param groups: ``{(place, kind): pair}``, what each line brings about
    """
    totals = defaultdict(Decimal)
    for (place, _kind), weight in groups.items():
        totals[place] += weight[1] if claim else -weight[1]
    bearing = {place: total for place, total in totals.items() if total > 0}
    if not bearing or all(total >= 0 for total in totals.values()):
        return groups
    whole = sum(bearing.values())
    netted = defaultdict(pair)
    for (place, kind), weight in groups.items():
        shares = {place: whole} if totals[place] >= 0 else bearing
        for other, total in shares.items():
            netted[other, kind] = plus(netted[other, kind], weight, total / whole)
    return dict(netted)


@dataclass
class Document:
    """What a document says, less what was credited, and what of it is written off.

    All amounts are pairs, and positive for a claim.
    """

    reclaim: bool  # whether declared tax is taken back
    whole: tuple  # what the customer had to pay
    now: tuple  # what is written off now
    groups: dict  # {(place, kind): base}: where the loss goes, and with which taxes
    firsts: dict  # {kind: item of the document that stands for it}
    taxes: dict  # {tax item: its amounts}
    taken: dict  # {what is taken back: its amounts} before, see ``get_tax``
    before: tuple  # their sum

    def get_share(self, n, total=False):
        """The part of the document that is written off now; ``total``: with what was before."""
        whole = self.whole[n]
        amount = self.now[n] + (self.before[n] if total else 0)
        return within(amount, whole) / whole if whole else ZERO

    def get_tax(self, item, round_):
        """What is taken back of a tax item now: never more than is left of it.

        :param round_: called with 0 or 1 (which currency) and an amount
        """
        amounts, taken = self.taxes[item], self.taken.get(item, pair())
        result = []
        for n in (0, 1):
            target = round_(n, amounts[n] * self.get_share(n, total=True))
            left = within(amounts[n] - taken[n], amounts[n])
            result.append(within(target - taken[n], left))
        return tuple(result)

    def split_loss(self, loss, units):
        """``[(place, kind, pair)]``: what the loss is booked on, to the unit.

        First the bases of the taxes, with what was taken back of them before; then each
        over its places.

        :param loss: what is lost, when tax has been taken back exactly
        :param units: what amounts are rounded to, in either currency
        """
        bases = defaultdict(pair)
        for (_place, kind), weight in self.groups.items():
            bases[kind] = plus(bases[kind], weight)
        parts = defaultdict(lambda: [ZERO, ZERO])
        for n in (0, 1):
            for kind, part in self._split_over_kinds(bases, loss[n], n, units[n]).items():
                places = [place for place, other in self.groups if other == kind]
                share = self.get_share(n)
                weights = [self.groups[place, kind][n] * share for place in places]
                for place, value in zip(places, spread(part, weights, units[n]), strict=True):
                    parts[place, kind][n] += value
        return [(place, kind, amounts) for (place, kind), amounts in parts.items()]

    def _split_over_kinds(self, bases, loss, n, unit):
        """``{kind: part of the loss}``, in the currency ``n``."""
        kinds = list(self.firsts)
        wanted = [self._get_wanted(bases[kind], kind, n) for kind in kinds]
        parts = dict(zip(kinds, spread(loss, wanted, unit), strict=True))
        for kind in [kind for kind in kinds if self.reclaim and kind != UNTAXED]:
            # Neither more than was declared, nor anything declared again, whatever the
            # rounding of other items leaves for the loss.
            left = rounded(bases[kind][n] - self.taken.get(kind, pair())[n], unit)
            base = within(parts[kind], within(left, bases[kind][n]))
            parts[UNTAXED] += parts[kind] - base
            parts[kind] = base
        return parts

    def _get_wanted(self, base, kind, n):
        if not self.reclaim:
            return base[n] * self.get_share(n)
        taken = self.taken.get(kind, pair())
        return base[n] * self.get_share(n, total=True) - taken[n]
