"""The class of an invoice against its customer's account: one table for Python and SQL.

Read from the top, the first rule that holds says the class. What is compared with zero:

- ``account``: what the account owes,
- ``invoice``: what the invoice owes,
- ``besides``: what the account owes without the invoice.
"""

from odoo.tools import SQL

# class: conditions that all hold.
RULES = (
    ("credit", (("account", "<"),)),
    ("credit", (("invoice", "<"),)),
    ("service_balance", (("invoice", ">"), ("besides", ">"))),
    ("service_only", (("invoice", ">"),)),
    ("nothing_owed", (("account", "="),)),
    ("balance_only", ()),
)
# What is no bill any more (or never was) has this class.
OTHER = "other"
_HOLDS = {
    "<": lambda sign: sign < 0,
    "=": lambda sign: sign == 0,
    ">": lambda sign: sign > 0,
}
_OPERATORS = {"<": SQL("<"), "=": SQL("="), ">": SQL(">")}


def balance_class(**signs):
    """The class by the signs of the three amounts: below, equal to or above zero."""
    return next(
        name
        for name, conditions in RULES
        if all(_HOLDS[operator](signs[amount]) for amount, operator in conditions)
    )


def balance_class_sql(**amounts):
    """The branches of a CASE that says the same of every row.

    :param amounts: SQL of the three amounts.
    """
    branches = [
        SQL(
            "WHEN %s THEN %s",
            SQL(" AND ").join(
                [SQL("%s %s 0", amounts[amount], _OPERATORS[op]) for amount, op in conditions]
                or [SQL("TRUE")]
            ),
            name,
        )
        for name, conditions in RULES
    ]
    return SQL(" ").join(branches)
