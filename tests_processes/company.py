"""The company that is billed: functions that run with Odoo's environment."""

from datetime import timedelta

from odoo import Command, fields

LARGE, SMALL = "Large", "Small"
# More than the two lanes take up at once.
CUSTOMERS = {LARGE: 500, SMALL: 40}
# Between what the two are expected to take: the small run is made while the user waits,
# the large one is queued.
SECONDS = 3
# Customers with a small old debt each, who are not billed.
DEBTORS = 150


def make(env):
    """Two users, two billing profiles with customers of every kind, no run yet."""
    company = env.company
    company.ar_background_seconds = SECONDS
    foreign = env.ref("base.EUR")
    foreign.active = True
    env["res.currency.rate"].create(
        {"currency_id": foreign.id, "company_id": company.id, "name": "2020-01-01", "rate": 0.8}
    )
    _make_users(env)
    product = env["product.product"].create(
        {"name": "Weekly pick-up", "type": "service", "list_price": 40}
    )
    tax = env["account.tax"].search([("type_tax_use", "=", "sale")], limit=1)
    # None, one and two taxes, in turn.
    taxes = [tax, tax | tax.copy({"name": "Eco tax", "amount": 2.5}), tax.browse()]
    for name, count in CUSTOMERS.items():
        profile = env["ar.billing.profile"].create(
            {"name": name, "anchor_date": fields.Date.today().replace(month=1, day=1)}
        )
        customers = env["res.partner"].create(
            [
                {"name": f"{name} {number:03}", "billing_profile_id": profile.id}
                for number in range(count)
            ]
        )
        _serve(env, customers, product, taxes, foreign)
        _invoice_long_ago(env, customers[::10], product)
    _make_debtors(env, product, taxes, foreign)


def _make_users(env):
    for name in ("Ann", "Bob"):
        env["res.users"].create(
            {
                "name": name,
                "login": name.lower(),
                "group_ids": [
                    Command.link(env.ref("account.group_account_invoice").id),
                    Command.link(env.ref("ar_balance_invoicing.group_write_off").id),
                ],
            }
        )


def _serve(env, customers, product, taxes, foreign):
    """One to three services each, with taxes; some in two currencies, some none."""
    vals_list = []
    for number, customer in enumerate(customers):
        if number % 10 in (0, 1):
            continue
        base = {
            "partner_id": customer.id,
            "product_id": product.id,
            "date_from": fields.Date.today().replace(month=1, day=1) - timedelta(days=366),
        }
        for line in range(number % 3 + 1):
            vals_list.append(
                {
                    **base,
                    "price_unit": 10 + number / 100 + line,
                    "tax_ids": [Command.set(taxes[line].ids)],
                }
            )
        if number % 20 == 2:
            vals_list.append({**base, "price_unit": 7.77, "currency_id": foreign.id})
    env["ar.billing.service"].create(vals_list)


def _invoice_long_ago(env, customers, product):
    """Old debts: these customers get an invoice that only shows their balance."""
    day = fields.Date.today() - timedelta(days=70)
    invoices = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": day,
                "invoice_line_ids": [Command.create({"product_id": product.id})],
            }
            for customer in customers
        ]
    )
    invoices.action_post()


def _make_debtors(env, product, taxes, foreign):
    """An invoice each: with and without taxes, some in foreign currency."""
    customers = env["res.partner"].create(
        [{"name": f"Debtor {number:03}"} for number in range(DEBTORS)]
    )
    day = fields.Date.today() - timedelta(days=400)
    invoices = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": day,
                "currency_id": (foreign if number % 7 == 3 else env.company.currency_id).id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "price_unit": 1 + number / 100,
                            "tax_ids": [Command.set(taxes[number % 3].ids)],
                        }
                    )
                ],
            }
            for number, customer in enumerate(customers)
        ]
    )
    invoices.action_post()


def new_write_off(env, login, first=0, last=DEBTORS):
    """A user's document with the debts of some customers, all ticked; returns its id."""
    user = env["res.users"].search([("login", "=", login)])
    customers = env["res.partner"].search([("name", "=like", "Debtor %")], order="name")
    document = (
        env["ar.write.off"]
        .with_user(user)
        .create({"partner_ids": [Command.set(customers[first:last].ids)]})
    )
    document.action_search()
    return document.id


def always_queue(env):
    """From now on, people leave every document of two lines and more to the workers."""
    env.company.ar_background_seconds = 0.001


def new_run(env, profile_name):
    """A run of today's period with its candidates listed; returns its id."""
    profile = env["ar.billing.profile"].search([("name", "=", profile_name)])
    today = fields.Date.today()
    period = profile.period_ids.filtered(lambda p: p.date_from <= today <= p.date_to)
    return env["ar.billing.run"].make(period).id


def queue(env, run):
    """Leave a run of any size to the workers."""
    env["ar.billing.run"].browse(run)._launch_in_background()
