"""Amounts as people and programs send them to a search."""

from decimal import Decimal, InvalidOperation

# Finer than any currency (the finest have 4 decimals), coarser than the noise of
# binary fractions: 0.1 + 0.2 arrives as 0.30000000000000004 and means 0.3.
RESOLUTION = Decimal("0.00000001")
# No ledger holds such an amount; PostgreSQL's numeric does without complaint.
LARGEST = Decimal(10) ** 30


def round_amount(currency, amount):
    """An amount rounded as its currency says; as it is, in a form that has none chosen yet."""
    return currency.round(amount) if currency else amount


def search_amount(value) -> Decimal:
    """Exact amount to compare stored amounts with.

    :param value: a number, or text that is one (``"12.50"``).
    :raise ValueError: when it is no finite number.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(value)
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(value) from None
    if not amount.is_finite():
        raise ValueError(value)
    # Beyond every ledger: compares the same, and stays printable.
    amount = max(-LARGEST, min(LARGEST, amount))
    if amount == amount.to_integral_value():
        return amount
    return amount.quantize(RESOLUTION)
