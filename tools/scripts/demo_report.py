"""Bill the demo company's period, write off its small old balances, print both.

demo_report.py DATABASE. What was done already is printed as it is; nothing twice.
"""

import sys
from collections import Counter

from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.tools import config, formatLang

PROFILE = "ar_balance_invoicing.billing_profile_monthly"
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


def bill(env):
    """The billing run of today's period, made now if there is none."""
    profile = env.ref(PROFILE)
    profile._make_periods()
    today = fields.Date.context_today(env.user)
    period = profile.period_ids.filtered(lambda p: p.date_from <= today <= p.date_to)
    runs = env["ar.billing.run"]
    run = runs.search([("period_id", "=", period.id), ("state", "in", ("done", "failed"))], limit=1)
    if not run:
        run = runs.make(period)
        run.create_invoices()
    return run


def class_table(env, money, run) -> str:
    """The customers of the run by balance class: how many, billed what, owing what."""
    number, made, invoiced, owed = Counter(), Counter(), Counter(), Counter()
    seen = set()
    for line in run.line_ids:
        name = line.balance_class
        invoice = line.move_id
        if line.partner_id not in seen:
            # Once, also when a customer gets an invoice in each of two currencies.
            seen.add(line.partner_id)
            number[name] += 1
            owed[name] += line.account_balance
        if line.state == "done":
            made[name] += 1
            invoiced[name] += invoice.amount_total_signed
    labels = run.line_ids._fields["balance_class"]._description_selection(env)
    rows = [
        [label, str(number[key]), str(made[key]), money(invoiced[key]), money(owed[key])]
        for key, label in labels
        if number[key]
    ]
    totals = [sum(counter.values()) for counter in (number, made, invoiced, owed)]
    rows.append(["all", str(totals[0]), str(totals[1]), money(totals[2]), money(totals[3])])
    headings = ["Balance class", "customers", "invoices", "invoiced", "account balance"]
    return table(headings, rows)


def write_off(env):
    """The write-off of what is below 20 and more than 30 days old, made now if there is none."""
    documents = env["ar.write.off"]
    document = documents.search([("state", "in", ("done", "failed", "undone"))], limit=1)
    if not document:
        document = documents.create({"balance_below": 20, "aging_choice": "30"})
        document.action_search()
        if document.line_ids:
            document.action_process()
    return document


def write_off_table(document, money) -> str:
    rows = [
        [line.move_id.name, line.partner_id.name, str(line.days), money(line.amount_company)]
        for line in document.line_ids
        if line.state == "done"
    ]
    total = sum(line.amount_company for line in document.line_ids if line.state == "done")
    rows.append(["all", "", "", money(total)])
    return table(["Written off", "customer", "days", "amount"], rows)


def group_table(env, money) -> str:
    rows = [
        [
            group.name,
            str(group.invoice_count),
            str(group.draft_count),
            money(group.amount_invoiced),
            money(group.amount_open),
        ]
        for group in env["ar.invoice.group"].search([], order="id")
    ]
    return table(["Invoice group", "invoices", "drafts", "invoiced", "open"], rows)


def left_out(run) -> str:
    lines = run.line_ids.filtered(lambda line: line.state in ("skipped", "failed"))
    return "\n".join(f"  not billed: {line.partner_id.name}: {line.reason}" for line in lines)


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
        run = bill(env)
        cursor.commit()
        print(f"{run.display_name}: {run.invoice_count} draft invoices")
        print(class_table(env, money, run))
        print(left_out(run))
        print()
        document = write_off(env)
        cursor.commit()
        print(f"{document.name}: below 20, older than 30 days")
        print(write_off_table(document, money))
        print()
        print(group_table(env, money))
        print()
        print(aging_table(env, money))


if __name__ == "__main__":
    main(*sys.argv[1:])
