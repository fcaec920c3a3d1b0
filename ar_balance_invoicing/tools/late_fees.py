"""What is left of debts after a customer's own credits, and which months of a debt began.

Amounts are exact fractions; nothing is rounded here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from .billing_calendar import period_dates, period_index


@dataclass(frozen=True)
class Open:
    """What is open of a debt or of a credit; above zero for both.

    ``amount`` is in its own currency, ``booked`` the same in company currency, at the rate it
    was booked with.
    """

    currency: int
    amount: Fraction
    booked: Fraction


@dataclass
class _Purse:
    """What is left of the credits of one currency."""

    amount: Fraction = Fraction(0)
    booked: Fraction = Fraction(0)

    def take_amount(self, most: Fraction) -> Fraction:
        """Take up to so much in its own currency, and return how much that is."""
        taken = min(most, self.amount)
        if taken > 0:
            self.booked -= self.booked * taken / self.amount
            self.amount -= taken
        return max(taken, Fraction(0))

    def take_booked(self, most: Fraction) -> Fraction:
        """Take up to so much of what it was booked at, and return how much that is."""
        taken = min(most, self.booked)
        if taken > 0:
            self.amount -= self.amount * taken / self.booked
            self.booked -= taken
        return max(taken, Fraction(0))


def left_after_credits(debts: Iterable[Open], credits: Iterable[Open]) -> list[Fraction]:
    """What is left of each debt, in its own currency, when all credits are set against them.

    The first debt is settled first. A credit of the debt's own currency settles it unit for
    unit; one of another currency at what both were booked at. Whoever owes nothing on the
    whole, as booked, owes nothing of any debt.

    :param debts: the oldest first.
    :param credits: the oldest first.
    """
    debts, credits = list(debts), list(credits)
    if sum(debt.booked for debt in debts) <= sum(credit.booked for credit in credits):
        return [Fraction(0)] * len(debts)
    purses: dict[int, _Purse] = {}
    for credit in credits:
        purse = purses.setdefault(credit.currency, _Purse())
        purse.amount += credit.amount
        purse.booked += credit.booked
    return [_settle(debt, purses) for debt in debts]


def _settle(debt: Open, purses: dict[int, _Purse]) -> Fraction:
    """What is left of a debt, in its currency; what it took is gone from the purses."""
    if debt.amount <= 0:
        return Fraction(0)
    own = purses.get(debt.currency)
    left = debt.amount - (own.take_amount(debt.amount) if own else 0)
    booked = debt.booked * left / debt.amount
    for purse in purses.values():
        if booked > 0:
            taken = purse.take_booked(booked)
            left -= left * taken / booked
            booked -= taken
    return left


def started_months(due: date, day: date) -> list[tuple[date, date]]:
    """First and last days of the months since the due date that have begun on a day.

    The first begins on the day after the due date, and ends on the due date's day of the next
    month: due on 28 February, the second begins on 29 March.
    """
    one = timedelta(days=1)
    if day <= due:
        return []
    last = period_index(due, "month", 1, day - one)
    months = (period_dates(due, "month", 1, index) for index in range(last + 1))
    return [(begin + one, end + one) for begin, end in months]


def without_charged(
    months: Iterable[tuple[date, date]], charged: Iterable[tuple[date, date]]
) -> list[tuple[date, date]]:
    """The months of which no day was charged."""
    charged = list(charged)
    return [
        (first, last)
        for first, last in months
        if all(last < begin or end < first for begin, end in charged)
    ]


def joined(months: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """The same days in as few spans as there are; months in the order of time."""
    spans: list[tuple[date, date]] = []
    for first, last in months:
        if spans and spans[-1][1] + timedelta(days=1) == first:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans
