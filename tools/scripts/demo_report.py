"""Print what the demo database's customers owe: demo_report.py DATABASE."""

import sys
from collections import Counter, defaultdict

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config, formatLang

DOCUMENTS = [("move_type", "in", ("out_invoice", "out_refund")), ("state", "=", "posted")]
AMOUNTS = (
    "account_not_due",
    "account_aged_30",
    "account_aged_60",
    "account_aged_90",
    "account_aged_120",
    "account_aged_older",
    "account_balance",
    "account_overdue",
)


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Text in columns: the first aligned left, the others, figures, right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def class_table(env, money) -> str:
    """Documents by what their customer's account owes."""
    numbers, invoiced, customers = Counter(), Counter(), defaultdict(set)
    moves = env["account.move"].search(DOCUMENTS)
    owed = {}
    for move in moves:
        numbers[move.balance_class] += 1
        invoiced[move.balance_class] += move.amount_residual_signed
        customer = move.commercial_partner_id
        customers[move.balance_class].add(customer)
        owed[customer] = move.account_balance
    field = env["account.move"]._fields["balance_class"]
    rows = [
        [
            label,
            str(numbers[key]),
            money(invoiced[key]),
            str(len(customers[key])),
            # A customer counts once, however many documents it has.
            money(sum(owed[customer] for customer in customers[key])),
        ]
        for key, label in field._description_selection(env)
        if numbers[key]
    ]
    rows.append(
        [
            "all",
            str(len(moves)),
            money(sum(invoiced.values())),
            str(len(owed)),
            money(sum(owed.values())),
        ]
    )
    headings = ["Documents by class", "number", "invoice balance", "customers", "account balance"]
    return table(headings, rows)


def aging_table(env, money) -> str:
    customers = env["res.partner"].search([("account_balance", "!=", 0), ("parent_id", "=", False)])
    rows = []
    for name in AMOUNTS:
        values = customers.mapped(name)
        with_amount = sum(1 for value in values if not env.company.currency_id.is_zero(value))
        rows.append([customers._fields[name].string, str(with_amount), money(sum(values))])
    return table(["Accounts by age", "customers", "amount"], rows)


def main(database: str):
    config.parse_config(["-d", database, "--no-http", "--log-level=warn"], setup_logging=True)
    with Registry(database).cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {"lang": "en_US"})
        env = env(user=env.ref("base.user_admin"))

        def money(amount):
            # The space between sign and figure is one that does not break.
            text = formatLang(env, amount, currency_obj=env.company.currency_id)
            return text.replace("\xa0", " ")

        print(f"Company: {env.company.display_name}\n")
        print(class_table(env, money))
        print()
        print(aging_table(env, money))


if __name__ == "__main__":
    main(*sys.argv[1:])
