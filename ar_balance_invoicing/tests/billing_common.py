"""A billing profile with a customer of every balance class."""

from odoo import Command

from .common import BalanceCommon


class BillingCommon(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls._make_profile("Monthly")
        cls.period = cls.profile.period_ids.filtered(
            lambda period: period.date_from <= cls.today <= period.date_to
        )
        cls.period.ensure_one()
        cls.pickup = cls.env["product.product"].create(
            {
                "name": "Weekly pickup",
                "type": "service",
                "list_price": 40,
                "property_account_income_id": cls.company_data["default_account_revenue"].id,
                "taxes_id": [Command.set(cls.tax_sale_a.ids)],
            }
        )

    @classmethod
    def _make_profile(cls, name, **values):
        return cls.env["ar.billing.profile"].create(
            {
                "name": name,
                "company_id": cls.company.id,
                "journal_id": cls.company_data["default_journal_sale"].id,
                "anchor_date": cls.today.replace(month=1, day=1),
                **values,
            }
        )

    @classmethod
    def _make_customers(cls, *names, profile=None, **values):
        return cls.env["res.partner"].create(
            [
                {"name": name, "billing_profile_id": (profile or cls.profile).id, **values}
                for name in names
            ]
        )

    @classmethod
    def _serve(cls, customer, price=40, **values):
        return cls.env["ar.billing.service"].create(
            {
                "partner_id": customer.id,
                "company_id": cls.company.id,
                "product_id": cls.pickup.id,
                "price_unit": price,
                "date_from": cls.today.replace(year=cls.today.year - 1, day=1),
                **values,
            }
        )

    @classmethod
    def _make_everybody(cls):
        """One customer of each class, by name of the class."""
        names = ["service_balance", "service_only", "balance_only", "nothing_owed", "credit"]
        customers = dict(zip(names, cls._make_customers(*names), strict=True))
        cls._invoice(customers["service_balance"], 25, days_ago=50)
        cls._invoice(customers["balance_only"], 70, days_ago=50)
        cls._pay(customers["credit"], 15)
        cls._serve(customers["service_balance"])
        cls._serve(customers["service_only"])
        return customers

    @classmethod
    def _run(cls, period=None, **options):
        return cls.env["ar.billing.run"].make(period or cls.period, **options)

    @classmethod
    def _line(cls, run, customer):
        line = run.line_ids.filtered(lambda line: line.partner_id == customer)
        return line

    @classmethod
    def _balances(cls, customers):
        ledger = cls._ledger_balances()
        return {customer: ledger[customer.id, cls.company.id] for customer in customers}
