"""A company with customers to be billed; for benches."""

from datetime import timedelta

from odoo import Command, fields

# Made together, so that the records of a chunk are all that is in memory.
CHUNK = 500


class Company:
    """Products with none, one and two taxes; customers with one to three services each.

    :param kinds: instead, so many products, of which each has ten customers in a row with
        one service: invoices of as many kinds.
    """

    def __init__(self, env, kinds=0):
        self.env = env
        self.kinds = kinds
        self.month = fields.Date.today().replace(day=1)
        self.products = self._make_products()

    def _make_products(self):
        tax = self.env["account.tax"].search([("type_tax_use", "=", "sale")], limit=1)
        eco_tax = tax.copy({"name": "Eco tax", "amount": 2.5})
        sorts = [
            ("Pick-up", tax),
            ("Container", tax | eco_tax),
            ("Street cleaning", tax.browse()),
        ]
        if self.kinds:
            sorts = [(f"Kind {number}", sorts[number % 3][1]) for number in range(self.kinds)]
        return self.env["product.product"].create(
            [
                {
                    "name": name,
                    "type": "service",
                    "list_price": 10,
                    "taxes_id": [Command.set(taxes.ids)],
                }
                for name, taxes in sorts
            ]
        )

    def make_customers(self, name, count):
        """A monthly billing profile and its customers, committed."""
        profile = self.env["ar.billing.profile"].create(
            {"name": name, "anchor_date": self.month - timedelta(days=365)}
        )
        partners = self.env["res.partner"]
        for first in range(0, count, CHUNK):
            numbers = range(first, min(first + CHUNK, count))
            partners += self._make_chunk(profile, numbers)
            self.env.cr.commit()
            self.env.invalidate_all()
        return profile, partners

    def _make_chunk(self, profile, numbers):
        partners = self.env["res.partner"].create(
            [
                {"name": f"{profile.name} {number:06}", "billing_profile_id": profile.id}
                for number in numbers
            ]
        )
        self.env["ar.billing.service"].create(
            [
                {
                    "partner_id": partner.id,
                    "product_id": product.id,
                    "price_unit": price,
                    "date_from": self.month,
                }
                for number, partner in zip(numbers, partners, strict=True)
                for product, price in self.get_lines(number)
            ]
        )
        return partners

    def get_lines(self, number):
        """(product, price) of the lines of a profile's customer."""
        if self.kinds:
            return [(self.products[number // 10 % self.kinds], 10 + number % 97 / 100)]
        return [
            (product, 10 + number % 97 / 100 + position)
            for position, product in enumerate(self.products[: number % 3 + 1])
        ]

    def analyze(self):
        self.env.cr.execute("ANALYZE")
        self.env.cr.commit()

    def new_run(self, profile, months):
        """A queued run of the period so many months from now, committed."""
        period = profile.period_ids.filtered(
            lambda period: period.date_from == fields.Date.add(self.month, months=months)
        )
        if not period:
            raise RuntimeError(f"There is no billing period in {months} months.")
        run = self.env["ar.billing.run"].make(period)
        run._launch_in_background()
        self.env.cr.commit()
        return run
