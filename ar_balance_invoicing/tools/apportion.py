"""Splitting an amount into parts that add up to it, to the cent: no ORM."""

from decimal import ROUND_HALF_UP, Decimal


def exact(number) -> Decimal:
    """The decimal that a float was written as (0.1, not the binary fraction beside it)."""
    return Decimal(repr(round(float(number), 9)))


def rounded(amount: Decimal, rounding: Decimal) -> Decimal:
    """Rounded to a multiple of ``rounding``, half away from zero."""
    return (amount / rounding).quantize(Decimal(1), ROUND_HALF_UP) * rounding


def apportion(total: Decimal, weights: list[Decimal], rounding: Decimal) -> list[Decimal]:
    """Parts of ``total`` in proportion to the weights, each a multiple of ``rounding``.

    They add up to the total exactly; what rounding leaves goes to the part with the
    largest weight, which feels it least. Weights may be of either sign, as the lines
    of an invoice are; if they cancel each other out, the first part gets everything.
    """
    if not weights:
        raise ValueError("nothing to apportion to")
    whole = sum(weights)
    if not whole:
        return [total, *(Decimal(0) for _weight in weights[1:])]
    parts = [rounded(total * weight / whole, rounding) for weight in weights]
    largest = max(range(len(weights)), key=lambda index: abs(weights[index]))
    parts[largest] += total - sum(parts)
    return parts
