"""Amounts as people and programs send them to a search."""

import contextlib
import re
from decimal import Decimal, InvalidOperation

# Finer than any currency (the finest have 4 decimals), coarser than the noise of
# binary fractions: 0.1 + 0.2 arrives as 0.30000000000000004 and means 0.3.
RESOLUTION = Decimal("0.00000001")
# No ledger holds such an amount; PostgreSQL's numeric does without complaint.
LARGEST = Decimal(10) ** 30


SPACES = "\\s\u00a0\u202f"
# From the first digit or separator to the last of them before something else.
DIGITS = re.compile(rf"[\d.,](?:[\d.,'{SPACES}]*[\d.,])?")
# Longer than any amount, and short enough for every pattern.
LONGEST_TEXT = 100


def round_amount(currency, amount):
    """An amount rounded as its currency says; as it is, in a form that has none chosen yet."""
    return currency.round(amount) if currency else amount


def search_amount(value, decimal_point=".", thousands_sep=",") -> Decimal:
    """Exact amount to compare stored amounts with.

    :param value: a number, or text that is one: ``"12.50"``, or as people type it:
        ``"$ 1,200"``, ``"(5)"``.
    :param decimal_point: of the language in which a text was typed.
    :param thousands_sep: of that language.
    :raise ValueError: when it is no finite number, or might be two different ones.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(value)
    amount = None
    if isinstance(value, str):
        amount = _typed_amount(value, decimal_point, thousands_sep)
    else:
        with contextlib.suppress(InvalidOperation):
            amount = Decimal(str(value))
    if amount is None or not amount.is_finite():
        raise ValueError(value)
    # Beyond every ledger: compares the same, and stays printable.
    amount = max(-LARGEST, min(LARGEST, amount))
    if amount == amount.to_integral_value():
        return amount
    return amount.quantize(RESOLUTION)


def _typed_amount(text, decimal_point, thousands_sep):
    """The amount of a text as people type it; None when it might be another one.

    Currency signs and codes, and spaces, may stand around the digits and their sign.
    """
    match = DIGITS.search(text) if len(text) <= LONGEST_TEXT else None
    if not match:
        return None
    before, after = text[: match.start()], text[match.end() :]
    signs = re.sub(r"[^\d.,'()+-]", "", f"{before} {after}")
    if signs not in ("", "+", "-", "()") or after.strip().startswith(("+", "(")):
        return None
    number = _read_digits(match[0], decimal_point, thousands_sep)
    if number is None:
        number = _read_digits(match[0], ".", ",")
    return -number if number and signs in ("-", "()") else number


def _read_digits(digits, decimal_point, thousands_sep):
    """A number whose separators stand where a language has them, or None."""
    whole, _point, fraction = digits.partition(decimal_point)
    separator = f"[{SPACES}]" if thousands_sep.isspace() else re.escape(thousands_sep)
    grouped = rf"[0-9]{{1,3}}(?:{separator}[0-9]{{3}})+" if thousands_sep else "[0-9]+"
    if not re.fullmatch(rf"{grouped}|[0-9]*", whole) or not re.fullmatch("[0-9]*", fraction):
        return None
    whole = re.sub("[^0-9]", "", whole)
    return Decimal(f"{whole or 0}.{fraction or 0}") if whole or fraction else None
