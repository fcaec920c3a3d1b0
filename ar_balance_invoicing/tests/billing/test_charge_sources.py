"""What services and late fees charge, against a calculation of its own."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from .test_billing_profile import ProfileCommon

OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))


class ChargeCommon(ProfileCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls._make_profile()
        cls.profile.period_ids.unlink()
        cls.october = cls.env["ar.billing.period"].create(
            {"profile_id": cls.profile.id, "date_from": OCTOBER[0], "date_to": OCTOBER[1]}
        )
        cls.customers = cls.env["res.partner"].create(
            [{"name": f"C{n:02}", "is_company": True} for n in range(40)]
        )
        cls.customer = cls.customers[0]
        cls.product_a.name = "Weekly cart pickup"

    def _charges(self, customers=None, period=None, **options):
        if customers is None:
            customers = self.customer
        options = {"invoice_date": date(2026, 10, 1), "late_fees": True, **options}
        return self.env[self.source]._get_charges(period or self.october, customers, options)

    def _queries(self, customers):
        # Rules and defaults are read once per process, by the first round.
        for _round in range(2):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            charges = self._charges(customers)
        self.assertEqual(len(charges), len(customers))
        return self.env.cr.sql_log_count - before


@tagged("post_install", "-at_install")
class TestServices(ChargeCommon):
    source = "ar.charge.source.service"

    def _service(self, customer=None, **values):
        return self.env["ar.billing.service"].create(
            {
                "partner_id": (customer or self.customer).id,
                "product_id": self.product_a.id,
                "price_unit": 100,
                "date_from": date(2026, 1, 1),
                **values,
            }
        )

    # --- the service itself -------------------------------------------------

    def test_a_service_takes_its_defaults_from_the_product(self):
        service = self.env["ar.billing.service"].create(
            {"partner_id": self.customer.id, "product_id": self.product_a.id}
        )
        self.assertEqual(service.name, "Weekly cart pickup")
        self.assertEqual(service.price_unit, self.product_a.lst_price)
        self.assertEqual(service.tax_ids, self.tax_sale_a)
        self.assertEqual(service.currency_id, self.company.currency_id)
        self.assertEqual(service.quantity, 1)
        self.assertEqual(service.date_from, self.today)
        self.assertTrue(service.prorate)

    def test_a_service_in_another_currency_and_company(self):
        services = self.env["ar.billing.service"].with_context(
            allowed_company_ids=[self.company.id, self.other.id]
        )
        service = services.create(
            {
                "partner_id": self.customer.id,
                "product_id": self.product_a.id,
                "company_id": self.other.id,
            }
        )
        self.assertEqual(service.currency_id, self.foreign)
        self.assertFalse(service.tax_ids & self.tax_sale_a)
        self.assertNotEqual(service.price_unit, 0)
        with self.assertRaises(UserError):
            service.tax_ids = self.tax_sale_a

    def test_the_description_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.product_a.with_context(lang="fr_FR").name = "Collecte"
        self.customer.lang = "fr_FR"
        service = self._service()
        self.assertEqual(service.name, "Collecte")
        (charge,) = self._charges()
        self.assertEqual(charge["name"], "Collecte · 1 oct. – 31 oct. 2026")

    def test_a_service_belongs_to_the_commercial_entity(self):
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        service = self._service(contact)
        self.assertEqual(service.partner_id, self.customer)
        service.partner_id = contact
        self.assertEqual(service.partner_id, self.customer)
        self.assertEqual(self.customer.billing_service_ids, service)

    def test_it_does_not_end_before_it_begins(self):
        with self.assertRaisesRegex(ValidationError, "ends on 2025-12-31, before it begins on"):
            self._service(date_to=date(2025, 12, 31))

    def test_the_customer_form_has_its_services(self):
        with Form(self.customer) as form:
            form.billing_profile_id = self.profile
            with form.billing_service_ids.new() as line:
                line.product_id = self.product_a
                self.assertEqual(line.name, "Weekly cart pickup")
                self.assertEqual(line.price_unit, self.product_a.lst_price)
                line.quantity = 3
        service = self.customer.billing_service_ids
        self.assertEqual((service.quantity, service.company_id), (3, self.company))
        with Form(self.env["ar.billing.service"]) as form:
            form.partner_id = self.customer
            form.product_id = self.product_b
        taxes = self.product_b.taxes_id.filtered(lambda tax: tax.company_id == self.company)
        self.assertEqual(form.record.tax_ids, taxes)

    # --- charges ------------------------------------------------------------

    def test_a_service_is_charged_for_the_whole_period(self):
        service = self._service(quantity=2, price_unit=12.5)
        (charge,) = self._charges()
        self.assertEqual(
            charge,
            {
                "partner_id": self.customer.id,
                "currency_id": self.company.currency_id.id,
                "product_id": self.product_a.id,
                "name": "Weekly cart pickup · Oct 1 – Oct 31, 2026",
                "quantity": 2,
                "price_unit": 12.5,
                "discount": 0,
                "tax_ids": self.tax_sale_a.ids,
                "taxes_mapped": False,
                "analytic_distribution": False,
                "line_values": False,
                "source_ref": f"ar.billing.service,{service.id}",
                "source_data": {
                    "service_id": service.id,
                    "days": ["2026-10-01", "2026-10-31"],
                },
                "is_catch_up": False,
                "problem": False,
            },
        )

    def test_a_service_that_begins_inside_is_charged_by_the_day(self):
        self._service(date_from=date(2026, 10, 22), quantity=2, price_unit=50)
        (charge,) = self._charges()
        self.assertEqual((charge["quantity"], charge["price_unit"]), (1, 32.26))
        self.assertEqual(
            charge["name"],
            "Weekly cart pickup · Oct 1 – Oct 31, 2026 · 10 of 31 days (Oct 22 – Oct 31)",
        )

    def test_every_possible_part_of_a_period(self):
        cases = []
        for begin in range(-3, 34, 4):
            for end in (None, *range(begin, 36, 5)):
                for price in (Decimal("100"), Decimal("0.05"), Decimal("-9.99")):
                    cases.append((begin, end, price))
        first = OCTOBER[0]
        for number, (begin, end, price) in enumerate(cases):
            self._service(
                self.customers[number % 40],
                name=str(number),
                date_from=first + timedelta(days=begin),
                date_to=end is not None and first + timedelta(days=end),
                price_unit=float(price),
                quantity=3,
            )
        amounts = {
            int(charge["name"].split(" ")[0]): Decimal(str(charge["price_unit"]))
            * Decimal(str(charge["quantity"]))
            for charge in self._charges(self.customers)
        }
        expected = {}
        for number, (begin, end, price) in enumerate(cases):
            active = [day for day in range(31) if begin <= day and (end is None or day <= end)]
            if active:
                share = price * 3 * len(active) / 31
                expected[number] = share.quantize(Decimal("0.01"), ROUND_HALF_UP)
        self.assertEqual(amounts, expected)

    def test_a_service_that_is_not_prorated_is_charged_in_full(self):
        self._service(date_from=date(2026, 10, 31), prorate=False)
        (charge,) = self._charges()
        self.assertEqual((charge["quantity"], charge["price_unit"]), (1, 100))
        self.assertEqual(charge["name"], "Weekly cart pickup · Oct 1 – Oct 31, 2026")

    def test_what_is_not_active_in_the_period_is_not_charged(self):
        self._service(date_to=date(2026, 9, 30))
        self._service(date_from=date(2026, 11, 1))
        self._service(active=False)
        self._service(self.customers[1])
        self._service(company_id=self.branch.id)
        self.assertFalse(self._charges())
        self._service(date_to=date(2026, 10, 1))
        self._service(date_from=date(2026, 10, 31))
        self.assertEqual([charge["price_unit"] for charge in self._charges()], [3.23, 3.23])

    def test_a_foreign_service_is_rounded_in_its_own_currency(self):
        yen = self.setup_other_currency("JPY", rounding=1.0)
        self._service(currency_id=yen.id, price_unit=1000, date_from=date(2026, 10, 22))
        (charge,) = self._charges()
        self.assertEqual((charge["currency_id"], charge["price_unit"]), (yen.id, 323))

    def test_several_lines_keep_their_order_and_text(self):
        self._service(name="Second", sequence=20)
        self._service(name="First\nBin 240 l", sequence=10)
        names = [charge["name"] for charge in self._charges()]
        self.assertEqual(
            names,
            ["First · Oct 1 – Oct 31, 2026\nBin 240 l", "Second · Oct 1 – Oct 31, 2026"],
        )

    def test_an_analytic_distribution_is_passed_on(self):
        plan = self.env["account.analytic.plan"].create({"name": "Routes"})
        account = self.env["account.analytic.account"].create({"name": "R1", "plan_id": plan.id})
        self._service(analytic_distribution={str(account.id): 100})
        (charge,) = self._charges()
        self.assertEqual(charge["analytic_distribution"], {str(account.id): 100})

    def test_who_was_put_below_a_company_is_billed_with_it(self):
        person = self.env["res.partner"].create({"name": "Rosa"})
        self._service(person)
        person.parent_id = self.customer
        (charge,) = self._charges()
        self.assertEqual(charge["partner_id"], self.customer.id)

    def test_services_of_an_archived_customer_can_be_looked_at(self):
        self._service()
        self.customer.active = False
        self.assertEqual(len(self._charges()), 1)

    def test_a_product_without_income_account_is_a_problem_of_its_customer_only(self):
        bare = self.env["product.product"].create({"name": "Bare", "taxes_id": False})
        bare.categ_id = self.env["product.category"].create({"name": "No accounts"})
        self._service(product_id=bare.id)
        self._service(self.customers[1])
        self.company.income_account_id = False
        bare.categ_id.property_account_income_categ_id = False
        self.profile.journal_id.default_account_id = False
        charges = self._charges(self.customers[:2])
        self.assertRegex(charges[0]["problem"], "“Bare” has no income account in .* Set one on")
        self.assertFalse(charges[1]["problem"])

    def test_an_archived_currency_is_a_problem(self):
        self._service(currency_id=self.foreign.id)
        self.env.cr.execute(
            "UPDATE res_currency SET active = FALSE WHERE id = %s", [self.foreign.id]
        )
        self.foreign.invalidate_recordset()
        (charge,) = self._charges()
        self.assertRegex(charge["problem"], "The currency EUR is archived")

    def test_forty_customers_cost_as_many_queries_as_two(self):
        for number, customer in enumerate(self.customers):
            product = self.env["product.product"].create({"name": f"P{number}"})
            self._service(customer, product_id=product.id)
        self.assertEqual(self._queries(self.customers[:2]), self._queries(self.customers))

    def test_an_invoicing_user_reads_charges(self):
        self._service()
        user = self._make_user("invoicing", "account.group_account_invoice")
        source = self._as(self.env[self.source], user)
        charges = source._get_charges(
            self._as(self.october, user),
            self._as(self.customer, user),
            {"invoice_date": date(2026, 10, 1), "late_fees": True},
        )
        self.assertEqual(len(charges), 1)


@tagged("post_install", "-at_install")
class TestLateFees(ChargeCommon):
    source = "ar.charge.source.late.fee"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fee_product = cls.env["product.product"].create(
            {
                "name": "Late fee",
                "type": "service",
                "taxes_id": [Command.set(cls.tax_sale_b.ids)],
                "property_account_income_id": cls.company_data["default_account_revenue"].id,
            }
        )
        cls.profile.write({"late_fee_product_id": cls.fee_product.id, "late_fee_percent": 1.5})

    def _charges(self, customers=None, period=None, **options):
        return super()._charges(customers, period, **{"invoice_date": self.today, **options})

    def _amounts(self, **options):
        return [charge["price_unit"] for charge in self._charges(**options)]

    def test_a_percentage_of_what_is_overdue(self):
        first = self._invoice(self.customer, 1000, days_ago=40)
        second = self._invoice(self.customer, 200, days_ago=20)
        (charge,) = self._charges()
        self.assertEqual(charge["price_unit"], 18)
        self.assertEqual(charge["quantity"], 1)
        self.assertEqual(charge["currency_id"], self.company.currency_id.id)
        self.assertEqual(charge["product_id"], self.fee_product.id)
        self.assertEqual(charge["tax_ids"], self.tax_sale_b.ids)
        self.assertEqual(charge["source_data"]["overdue_move_ids"], (first + second).ids)
        self.assertEqual(
            charge["name"].replace("\xa0", " "),
            f"Late fee: 1.5 % of $ 1,200.00 overdue ({first.name}, {second.name})",
        )

    def test_fixed_and_percentage_are_rounded_once_half_up(self):
        self.profile.late_fee_fixed = 2.25
        self._invoice(self.customer, 33.33, days_ago=40)
        # 2.25 + 0.49995
        self.assertEqual(self._amounts(), [2.75])
        self.assertIn("2.25 and 1.5 % of", self._charges()[0]["name"].replace("\xa0", " "))
        self.profile.late_fee_percent = 0
        self.assertEqual(self._amounts(), [2.25])
        self.assertIn("2.25 on $ 33.33 overdue", self._charges()[0]["name"].replace("\xa0", " "))

    def test_a_due_date_has_its_days_of_grace(self):
        self._invoice(self.customer, 100, days_ago=10)
        for grace, charged in ((0, True), (9, True), (10, False), (30, False)):
            self.profile.late_fee_grace_days = grace
            self.assertEqual(bool(self._charges()), charged, grace)
        self.profile.late_fee_grace_days = 0
        due = self.today - timedelta(days=10)
        self.assertFalse(self._charges(invoice_date=due), "Due today is not overdue.")
        self.assertTrue(self._charges(invoice_date=due + timedelta(days=1)))

    def test_only_the_instalments_that_are_due(self):
        self._invoice(self.customer, 1000, days_ago=35, invoice_payment_term_id=self.term_parts.id)
        # 30 % was due 35 days ago, 35 % 5 days ago, 35 % is due in 25 days.
        self.assertEqual(self._amounts(), [9.75])
        self.assertEqual(len(self._charges()[0]["source_data"]["overdue_move_ids"]), 1)

    def test_only_what_is_still_open(self):
        invoice = self._invoice(self.customer, 1000, days_ago=40)
        self._pay(self.customer, 400, invoice)
        self.assertEqual(self._amounts(), [9])
        self._pay(self.customer, 600, invoice)
        self.assertEqual(self._amounts(), [])

    def test_below_the_minimum_nothing(self):
        self.profile.late_fee_minimum = 100
        self._invoice(self.customer, 99.99, days_ago=40)
        self.assertFalse(self._charges())
        self._invoice(self.customer, 0.01, days_ago=40)
        self.assertEqual(self._amounts(), [1.5])

    def test_credits_payments_drafts_entries_and_bills_charge_nothing(self):
        self._invoice(self.customer, 500, days_ago=40, move_type="out_refund")
        self._pay(self.customer, 300, days_ago=40)
        self._invoice(self.customer, 700, days_ago=40, post=False)
        self._invoice(
            self.customer,
            900,
            days_ago=40,
            move_type="in_invoice",
            journal_id=self.company_data["default_journal_purchase"].id,
        )
        receivable = self.company_data["default_account_receivable"]
        revenue = self.company_data["default_account_revenue"]
        entry = self.env["account.move"].create(
            {
                "date": self.today - timedelta(days=40),
                "line_ids": [
                    Command.create(
                        {
                            "account_id": receivable.id,
                            "partner_id": self.customer.id,
                            "debit": 80,
                        }
                    ),
                    Command.create({"account_id": revenue.id, "credit": 80}),
                ],
            }
        )
        entry._post(soft=False)
        self.assertFalse(self._charges())

    def test_other_companies_invoices_are_their_own_business(self):
        self._invoice(self.customer, 1000, days_ago=40, company=self.other)
        self._invoice(self.customer, 1000, days_ago=40, company=self.branch)
        self.assertFalse(self._charges())

    def test_an_invoice_of_a_contact_is_overdue_of_its_company(self):
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id})
        self._invoice(contact, 1000, days_ago=40)
        (charge,) = self._charges()
        self.assertEqual(charge["partner_id"], self.customer.id)

    def test_a_foreign_invoice_is_charged_in_its_own_currency(self):
        invoice = self._invoice(self.customer, 1000, days_ago=40, currency_id=self.foreign.id)
        self.assertNotEqual(invoice.amount_residual_signed, 1000, "another rate than one")
        (charge,) = self._charges()
        self.assertEqual(charge["price_unit"], 15)
        self.assertEqual(charge["currency_id"], self.foreign.id)

    def test_each_invoice_is_charged_once_per_period(self):
        self.profile.late_fee_fixed = 10
        first = self._invoice(self.customer, 1000, days_ago=40)
        self.assertEqual(self._amounts(), [25])
        fee = self._invoice(self.customer, 25, post=False)
        self._mark(self.october, first, fee)
        self.assertFalse(self._charges())
        # One that is overdue since: without the fixed part, which was charged.
        second = self._invoice(self.customer, 200, days_ago=30)
        (charge,) = self._charges()
        self.assertEqual(charge["price_unit"], 3)
        self.assertEqual(charge["source_data"]["overdue_move_ids"], second.ids)
        # The next period charges both.
        november = self.env["ar.billing.period"].create(
            {
                "profile_id": self.profile.id,
                "date_from": date(2026, 11, 1),
                "date_to": date(2026, 11, 30),
            }
        )
        self.assertEqual(self._amounts(period=november), [28])
        # Its invoice is deleted: it can be charged again.
        fee._unlink_inside()
        self.assertEqual(self._amounts(), [28])

    def _mark(self, period, overdue, fee):
        shared = {"period_id": period.id, "fee_move_id": fee.id}
        return self.env["ar.late.fee"]._create_inside(
            [
                {**shared, "overdue_move_id": overdue.id},
                {**shared, "customer_number": self.customer.id},
            ]
        )

    def test_the_run_can_do_without(self):
        self._invoice(self.customer, 1000, days_ago=40)
        self.assertFalse(self._charges(late_fees=False))
        self.profile.write({"late_fee_percent": 0, "late_fee_fixed": 0})
        self.assertFalse(self._charges())

    def test_a_fee_that_rounds_to_nothing_is_none(self):
        self._invoice(self.customer, 0.3, days_ago=40)
        self.assertFalse(self._charges())

    def test_many_invoices_are_not_all_named(self):
        invoices = self.env["account.move"].create(
            [self._invoice_vals(self.customer, 10, days_ago=40) for _n in range(8)]
        )
        invoices._post(soft=False)
        (charge,) = self._charges()
        self.assertRegex(charge["name"], r"\((\S+, ){4}\S+ and 3 more\)$")
        self.assertEqual(len(charge["source_data"]["overdue_move_ids"]), 8)

    def test_a_fee_product_without_account_is_a_problem(self):
        self._invoice(self.customer, 1000, days_ago=40)
        self.fee_product.property_account_income_id = False
        self.fee_product.categ_id = self.env["product.category"].create({"name": "No accounts"})
        self.fee_product.categ_id.property_account_income_categ_id = False
        self.company.income_account_id = False
        self.profile.journal_id.default_account_id = False
        (charge,) = self._charges()
        self.assertRegex(charge["problem"], "“Late fee” has no income account")

    def test_forty_customers_cost_as_many_queries_as_two(self):
        invoices = self.env["account.move"].create(
            [
                self._invoice_vals(customer, 100 + n, days_ago=40)
                for n in range(2)
                for customer in self.customers
            ]
        )
        invoices._post(soft=False)
        self.assertEqual(self._queries(self.customers[:2]), self._queries(self.customers))

    def test_an_invoicing_user_reads_late_fees(self):
        self._invoice(self.customer, 1000, days_ago=40)
        user = self._make_user("invoicing", "account.group_account_invoice")
        charges = self._as(self.env[self.source], user)._get_charges(
            self._as(self.october, user),
            self._as(self.customer, user),
            {"invoice_date": self.today, "late_fees": True},
        )
        self.assertEqual([charge["price_unit"] for charge in charges], [15])
