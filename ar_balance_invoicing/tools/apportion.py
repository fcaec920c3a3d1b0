"""Splitting an amount into parts that add up to it, to the cent: no ORM."""

from decimal import ROUND_HALF_UP, Decimal


def exact(number) -> Decimal:
    """The decimal that a float was written as (0.1, not the binary fraction beside it)."""
    return Decimal(repr(round(float(number), 9)))


def rounded(amount: Decimal, rounding: Decimal) -> Decimal:
    """Rounded to a multiple of ``rounding``, half away from zero."""
    return (amount / rounding).quantize(Decimal(1), ROUND_HALF_UP) * rounding


def within(amount: Decimal, limit: Decimal) -> Decimal:
    """``amount``, but not beyond ``limit``, and nothing on the other side of zero."""
    if amount * limit <= 0:
        return Decimal(0)
    return min(amount, limit, key=abs)


def spread(total: Decimal, wanted: list[Decimal], rounding: Decimal) -> list[Decimal]:
    """Parts that add up to ``total`` exactly, each a multiple of ``rounding``.

    Each is what is wanted of it, rounded down or up to the next multiple, so that none has
    the other sign than was wanted: the units that rounding down leaves go one by one to
    the parts that lost most. Only if what is wanted is far from the total does the part
    of which most is wanted take what is left.

    :param wanted: amounts of either sign, which add up to about the total.
    """
    if not wanted:
        raise ValueError("nothing to spread over")
    units = [amount / rounding for amount in wanted]
    parts = [int(unit) for unit in units]
    left = int(rounded(total, rounding) / rounding) - sum(parts)
    if not left:
        return [part * rounding for part in parts]
    step = 1 if left > 0 else -1

    def turns(index):
        return (parts[index] + step) * (wanted[index] or total) < 0

    takers = [index for index in range(len(parts)) if not turns(index)]
    takers.sort(key=lambda index: step * (parts[index] - units[index]))
    for index in takers[: abs(left)]:
        parts[index] += step
        left -= step
    parts[max(range(len(parts)), key=lambda index: abs(wanted[index]))] += left
    return [part * rounding for part in parts]


def matchable(part: Decimal, value: Decimal, rate: Decimal, units: tuple) -> Decimal:
    """What of ``value`` Odoo matches when it matches ``part`` of an open foreign item.

    Odoo reckons at the item's own rate, and takes what its rounding may explain for it;
    the rest would become an exchange difference.

    :param part: positive, in the item's currency; ``value``: its company amount
    :param rate: company currency for one of the item's, as the item was booked
    :param units: what amounts are rounded to, in the item's and in company currency
    """
    unit, unit_company = units
    natural = rounded(part * rate, unit_company)
    if natural >= value:
        return value
    low, high = (
        [rounded((part + half) * at, unit_company) for at in (rate, value / part)]
        for half in (-unit / 2, unit / 2)
    )
    close = low[1] <= natural <= high[1] and low[0] <= value <= high[0]
    return value if close else natural
