"""From a new profile to the first invoice, and prices that change from a day on."""

from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import file_open, mute_logger
from odoo.tools.safe_eval import safe_eval

from .test_billed_days import BilledDaysCommon

DECEMBER = date(2026, 12, 1)


class SettingUpCommon(BilledDaysCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("web.active_ids_limit", "4")
        cls.clerk = cls._make_user(
            "setting.up", "account.group_account_invoice,base.group_partner_manager"
        )
        cls.fresh = cls._make_dated_profile("Fresh")
        cls.gold = cls.env["res.partner.category"].create({"name": "Gold"})

    def _list_of(self, records, ticked, domain):
        """The rows as a button of a list gets them from the client."""
        return self._as(self.clerk, ticked).with_context(
            active_model=records._name, active_ids=ticked.ids, active_domain=domain
        )

    def _get_window(self, action):
        self.assertEqual(action["target"], "new")
        return self._as(self.clerk, self.env[action["res_model"]].browse(action["res_id"]))

    def _make_newcomers(self, count, **values):
        return self.env["res.partner"].create(
            [{"name": f"New {n}", "customer_rank": 1, **values} for n in range(count)]
        )

    def _get_members(self, profile):
        rows = self._ledger(
            """
            SELECT id FROM res_partner
             WHERE (billing_profile_id ->> %s)::int = %s ORDER BY id
            """,
            str(self.company.id),
            profile.id,
        )
        return self.env["res.partner"].browse([row_id for (row_id,) in rows])


@tagged("post_install", "-at_install")
class TestAddCustomers(SettingUpCommon):
    def _open(self, **values):
        window = self._get_window(self._as(self.clerk, self.fresh).action_add_customers())
        window.write(values)
        return window

    def test_those_without_a_profile_are_added_and_the_others_are_named(self):
        golden = self._make_newcomers(3)
        golden.category_id = self.gold
        self.ann.category_id = self.gold
        window = self._open(category_ids=[Command.set(self.gold.ids)])
        self.assertEqual(window.elsewhere_names, "Ann: Monthly 2026")
        window.action_add()
        self.assertEqual(self._get_members(self.fresh), golden)
        self.assertIn(self.ann, self._get_members(self.monthly))
        with self.assertRaisesRegex(UserError, "Nobody is to be added"):
            window.action_add()
        # The history says who came, and by whom, in one message.
        note = self.fresh.message_ids[0]
        self.assertIn("New 0; New 1; New 2", note.body)
        self.assertEqual(note.author_id, self.clerk.partner_id)

    def test_they_are_moved_when_asked_and_both_histories_say_so(self):
        window = self._open(name="ann", move_others=True)
        window.action_add()
        self.assertEqual(self._get_members(self.fresh), self.ann)
        self.assertIn("Moved to “Fresh”", self.monthly.message_ids[0].body)
        self.assertIn("Ann", self.monthly.message_ids[0].body)

    def test_a_moved_customer_pays_no_day_twice(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)
        self._open(name="ann", move_others=True).action_add()
        self.assertFalse(self._bill(self._get_period(self.fresh, date(2026, 11, 1))))
        self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-30")])

    def test_all_customers_are_customers(self):
        """Neither vendors, contacts of a company, archived ones nor another company's."""
        vendor, contact, archived, foreign, customer = self._make_newcomers(5)
        vendor.write({"customer_rank": 0, "supplier_rank": 1})
        contact.parent_id = customer
        archived.active = False
        foreign.company_id = self.other
        window = self._open()
        window.action_add()
        members = self._get_members(self.fresh)
        self.assertIn(customer, members)
        self.assertFalse((vendor | archived | foreign) & members)
        # By his name whoever it is.
        self._open(name=vendor.name).action_add()
        self.assertIn(vendor, self._get_members(self.fresh))

    def test_from_the_customers_list_with_more_rows_than_the_client_names(self):
        rows = self._make_newcomers(7)
        rows[5].active = False
        rows[6].write({"is_company": True})
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": rows[6].id})
        chosen = rows | contact
        shown = self._list_of(
            rows, chosen[:4], ["&", ("id", "in", chosen.ids), ("active", "in", [True, False])]
        )
        window = self._get_window(shown.action_set_billing_profile())
        window.profile_id = self.fresh
        self.assertIn("New 5 is archived", window.left_out)
        answer = window.action_add()
        self.assertIn("New 5", answer["params"]["message"])
        members = self._get_members(self.fresh).filtered("active")
        self.assertEqual(members - contact, rows - rows[5])

    def test_only_the_ticked_ones(self):
        rows = self._make_newcomers(3)
        shown = self._list_of(rows, rows[:2], [("id", "in", rows.ids)])
        window = self._get_window(shown.action_set_billing_profile())
        with self.assertRaisesRegex(UserError, "Choose the billing profile"):
            window.action_add()
        window.profile_id = self.fresh
        window.action_add()
        self.assertEqual(self._get_members(self.fresh), rows[:2])

    def test_who_may_not_change_customers_is_told(self):
        clerk = self._make_user("no.customers", "account.group_account_invoice")
        with self.assertRaises(AccessError):
            self._as(clerk, self.fresh).action_add_customers()
        window = self._as(clerk, self.env["ar.billing.customers.add"]).create(
            {"profile_id": self.fresh.id, "name": "ann", "move_others": True}
        )
        with self.assertRaises(AccessError):
            window.action_add()
        self.assertFalse(self._get_members(self.fresh))

    def test_many_take_no_more_queries_each(self):
        few, many = self._make_newcomers(5), self._make_newcomers(25)
        counts = []
        for customers in (few, many):
            window = self.env["ar.billing.customers.add"].create(
                {
                    "profile_id": self.fresh.id,
                    "source": "chosen",
                    "partner_ids": [Command.set(customers.ids)],
                }
            )
            counts.append(self._count_queries(window.action_add))
        self.assertLessEqual(counts[1], counts[0] + 5)


@tagged("post_install", "-at_install")
class TestAddServices(SettingUpCommon):
    def _open(self, **values):
        window = self._get_window(self._as(self.clerk, self.monthly).action_add_service())
        window.write({"product_id": self.pickup.id, "date_from": date(2026, 11, 1), **values})
        return window

    def _get_services(self, customers=None):
        return self.env["ar.billing.service"].search(
            [("partner_id", "in", (customers or self.ann | self.bob).ids)], order="partner_id, id"
        )

    def test_from_a_new_profile_to_the_first_invoice(self):
        newcomers = self._make_newcomers(2)
        profile = self._as(self.clerk, self.fresh)
        window = self._get_window(profile.action_add_customers())
        window.name = "New"
        window.action_add()
        window = self._get_window(profile.action_add_service())
        window.product_id = self.pickup
        window.action_add()
        invoices = self._bill(self._get_period(self.fresh, date(2026, 11, 1)))
        self.assertEqual(invoices.partner_id, newcomers)
        self.assertEqual(set(invoices.mapped("amount_untaxed")), {40})

    def test_the_price_of_the_product_or_one_for_all(self):
        self._open().action_add()
        services = self._get_services()
        self.assertEqual(services.mapped("price_unit"), [40, 40])
        services.write({"date_to": date(2026, 12, 31)})
        self._open(
            date_from=date(2027, 1, 1), price_choice="given", price_unit=0, quantity=2
        ).action_add()
        free = self._get_services() - services
        # Nothing is a price, too.
        self.assertEqual(free.mapped("price_unit"), [0, 0])
        self.assertEqual(free.mapped("quantity"), [2, 2])

    def test_who_has_it_on_some_of_these_days_is_named_and_left_out(self):
        running = self._serve(self.ann, 30, date_from=date(2026, 10, 1), date_to=date(2026, 11, 1))
        window = self._open()
        self.assertIn("Ann has it already, from 10/01/2026 on", window.left_out)
        answer = window.action_add()
        self.assertIn("Ann", answer["params"]["message"])
        self.assertEqual(self._get_services(self.ann), running)
        self.assertEqual(len(self._get_services(self.bob)), 1)
        # The day after its end it is free again, and what is archived does not count.
        self._open(date_from=date(2026, 11, 2), date_to=date(2026, 11, 30)).action_add()
        self.assertEqual(len(self._get_services(self.ann)), 2)
        self.assertEqual(len(self._get_services(self.bob)), 1)
        with self.assertRaisesRegex(UserError, "Nobody gets the service"):
            self._open().action_add()

    def test_for_customers_chosen_in_the_list(self):
        rows = self._make_newcomers(6)
        rows[0].active = False
        shown = self._list_of(rows, rows[1:5], [("id", "in", rows.ids)])
        window = self._get_window(shown.action_add_billing_service())
        window.product_id = self.pickup
        window.action_add()
        self.assertEqual(self._get_services(rows).partner_id, rows[1:])

    def test_archived_customers_of_the_profile_get_none(self):
        self.bob.active = False
        window = self._open()
        self.assertIn("Bob is archived", window.left_out)
        window.action_add()
        self.assertEqual(self._get_services().partner_id, self.ann)

    def test_an_empty_profile_says_what_to_do(self):
        window = self._get_window(self._as(self.clerk, self.fresh).action_add_service())
        with self.assertRaisesRegex(UserError, "Choose the product"):
            window.action_add()
        window.product_id = self.pickup
        with self.assertRaisesRegex(UserError, "Add customers to the profile first"):
            window.action_add()

    def test_many_take_no_more_queries_each(self):
        counts = []
        for number in (5, 25):
            window = self.env["ar.billing.service.add"].create(
                {
                    "partner_ids": [Command.set(self._make_newcomers(number).ids)],
                    "product_id": self.pickup.id,
                }
            )
            counts.append(self._count_queries(window.action_add))
        self.assertLessEqual(counts[1], counts[0] + 10)


@tagged("post_install", "-at_install")
class TestChangePrice(SettingUpCommon):
    def _open(self, services, **values):
        window = self._get_window(self._as(self.clerk, services).action_change_price())
        window.write({"date_from": DECEMBER, "percent": 10, **values})
        return window

    def test_from_december_on(self):
        """Days before cost what they did, billed or not; the row that follows goes on."""
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1), date_to=date(2027, 1, 15))
        self.assertEqual(self._bill(self.november).amount_untaxed, 100)
        window = self._open(service)
        self.assertIn("$ 100.00 → $ 110.00", window.summary.replace("\xa0", " "))
        window.action_change()
        follower = service.next_ids
        self.assertEqual(service.date_to, date(2026, 11, 30))
        self.assertEqual(follower.previous_id, service)
        self.assertEqual(
            (follower.date_from, follower.date_to, follower.billed_from, follower.price_unit),
            (DECEMBER, date(2027, 1, 15), DECEMBER, 110),
        )
        self.assertEqual(self._bill(self.december).amount_untaxed, 110)
        self.assertEqual(self._bill(self.january).amount_untaxed, 53.23)
        self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-30")])
        self.assertEqual(
            self._get_billed(follower),
            [("2026-12-01", "2026-12-31"), ("2027-01-01", "2027-01-15")],
        )
        for row in service | follower:
            self.assertIn("110.00 USD instead of 100.00 USD", row.message_ids[0].body)

    def test_no_day_is_lost_that_was_not_billed_before_the_change(self):
        """Also when the day of the change lies long ago, and in the middle of a period."""
        service = self._serve(self.ann, 300, date_from=date(2026, 11, 1))
        with freeze_time("2027-01-20"):
            self._open(service, date_from=date(2026, 11, 16)).action_change()
            self.assertEqual(service.next_ids.billed_from, date(2026, 11, 16))
            invoice = self._bill(self.january)
        # Half of November at either price, and two months.
        self.assertEqual(invoice.amount_untaxed, 150 + 165 + 330 + 330)
        self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-15")])
        self.assertEqual(
            self._get_billed(service.next_ids),
            [
                ("2026-11-16", "2026-11-30"),
                ("2026-12-01", "2026-12-31"),
                ("2027-01-01", "2027-01-31"),
            ],
        )

    def test_days_that_somebody_else_billed_stay_so(self):
        service = self._serve(self.ann, 300, date_from=date(2019, 1, 1))
        service.billed_from = date(2027, 1, 1)
        self._open(service).action_change()
        self.assertEqual(service.next_ids.billed_from, date(2027, 1, 1))
        self.assertEqual(self._bill(self.january).amount_untaxed, 330)

    def test_billed_days_keep_their_price_and_the_others_are_changed(self):
        billed = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        draft = self._serve(self.bob, 100, date_from=date(2026, 11, 1))
        given = self._serve(self.bob, 10, date_from=date(2026, 12, 5))
        ended = self._serve(self.ann, 10, date_from=date(2026, 11, 1), date_to=date(2026, 11, 30))
        free = self._serve(self.ann, 20, date_from=DECEMBER)
        later = self._serve(self.bob, 20, date_from=date(2027, 3, 1))
        self._as(self.env.user, self.env["ar.billed.days"])._create_inside(
            [
                {
                    "service_id": given.id,
                    "date_from": date(2026, 12, 5),
                    "date_to": date(2026, 12, 6),
                    "note": "Goodwill",
                }
            ]
        )
        self._bill(self.november)
        with self.env.cr.savepoint():
            free.active = later.active = given.active = False
            self._bill(self.december)
            free.active = later.active = given.active = True
        services = billed | draft | given | ended | free | later
        window = self._open(services)
        answer = window.action_change()
        self.assertEqual(
            services.mapped("price_unit"), [100, 100, 10, 10, 22, 22], "what is billed stays"
        )
        self.assertFalse(services.next_ids)
        message = answer["params"]["message"]
        self.assertIn("Ann, Weekly pickup: days up to 12/31/2026 are billed on", message)
        self.assertIn("days up to 12/06/2026 are given away", message)
        self.assertIn("it ends on 11/30/2026", message)
        with self.assertRaisesRegex(UserError, "No price changes"):
            self._open(billed).action_change()

    def test_without_proration_it_changes_with_a_period(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1), prorate=False)
        with self.assertRaisesRegex(UserError, "choose 11/01/2026 or 12/01/2026"):
            self._open(service, date_from=date(2026, 11, 16)).action_change()
        self._open(service).action_change()
        self.assertEqual(self._bill(self.december).amount_untaxed, 100 + 110)

    def test_prices_are_rounded_as_asked(self):
        cases = [
            (100, {"percent": 3.333}, 103.33),
            (100, {"percent": 3.333, "round_to": 0.05}, 103.35),
            (99.99, {"percent": 3, "round_to": 1}, 103),
            (0.00325, {"percent": 3}, 0.0033475),
            (100, {"percent": -25}, 75),
            (-50, {"percent": 10}, -55),
            (100, {"method": "price", "price_unit": 0}, 0),
            (100, {"method": "price", "price_unit": 101.005}, 101.005),
        ]
        for price, values, expected in cases:
            with self.subTest(price=price, **values):
                service = self._serve(self.ann, price, date_from=date(2026, 11, 1))
                self._open(service, **values).action_change()
                self.assertEqual(service.next_ids.price_unit, expected)
        for values in ({"percent": -100}, {"percent": 1, "round_to": -1}, {"percent": 0}):
            with self.subTest(**values), self.assertRaises(UserError):
                self._open(self._serve(self.ann, 5, date_from=DECEMBER), **values).action_change()

    def test_undone_the_earlier_price_runs_on(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1), date_to=date(2027, 1, 15))
        self._open(service).action_change()
        follower = self._as(self.clerk, service.next_ids)
        self._bill(self.november)
        action = follower.action_undo_price_change()
        self.assertEqual(action["res_id"], service.id)
        self.assertFalse(follower.exists())
        self.assertEqual(service.date_to, date(2027, 1, 15))
        self.assertEqual(self._bill(self.december).amount_untaxed, 100)
        with self.assertRaisesRegex(UserError, "nothing to undo"):
            self._as(self.clerk, service).action_undo_price_change()

    def test_a_price_that_was_billed_is_not_undone(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._open(service).action_change()
        draft = self._bill(self.december)
        for way in ("action_undo_price_change", "unlink"):
            with self.subTest(way), self.assertRaisesRegex(UserError, "days up to 12/31/2026"):
                getattr(service.next_ids, way)()
        draft.unlink()
        service.next_ids.unlink()
        self.assertEqual(self._bill(self.december).amount_untaxed, 200)

    def test_a_cancelled_invoice_comes_back_after_the_change(self):
        """Then it bills its days again, at its price, and the new row does not."""
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._bill(self.november)
        draft = self._bill(self.december)
        draft.button_cancel()
        self._open(service).action_change()
        follower = service.next_ids
        draft.button_draft()
        self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-30")])
        self.assertEqual(self._get_billed(follower), [("2026-12-01", "2026-12-31")])
        self.assertEqual(self._bill(self.january).amount_untaxed, 110)

    def test_a_cancelled_invoice_comes_back_after_the_change_was_undone(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._bill(self.november)
        self._open(service).action_change()
        draft = self._bill(self.december)
        draft.button_cancel()
        service.next_ids.action_undo_price_change()
        draft.button_draft()
        self.assertEqual(
            self._get_billed(service), [("2026-11-01", "2026-11-30"), ("2026-12-01", "2026-12-31")]
        )
        self.assertEqual(self._bill(self.january).amount_untaxed, 100)

    def test_a_cancelled_invoice_comes_back_after_its_service_was_deleted(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        draft = self._bill(self.november)
        draft.button_cancel()
        service.unlink()
        draft.button_draft()
        self.assertEqual(draft.amount_untaxed, 100)

    def test_a_credited_period_is_billed_at_the_new_price(self):
        """Posted and credited to its total, December is free to cost something else."""
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._bill(self.november)
        invoice = self._bill(self.december)
        invoice.action_post()
        invoice._reverse_moves(
            [{"invoice_date": invoice.invoice_date, "journal_id": invoice.journal_id.id}],
            cancel=True,
        )
        self._open(service).action_change()
        self.assertEqual(self._bill(self.december).amount_untaxed, 110)
        self.assertEqual(self._get_billed(service), [("2026-11-01", "2026-11-30")])
        self.assertEqual(self._get_billed(service.next_ids), [("2026-12-01", "2026-12-31")])

    def test_a_second_change_between_the_two(self):
        """The later price follows the one between; deleting both opens the first again."""
        service = self._serve(self.ann, 100, date_from=date(2026, 10, 1))
        service.billed_from = date(2026, 11, 1)
        self._open(service, date_from=date(2027, 1, 1)).action_change()
        last = service.next_ids
        self._open(service).action_change()
        middle = service.next_ids
        self.assertEqual(last.previous_id, middle)
        self.assertEqual(middle.date_to, date(2026, 12, 31))
        self.assertEqual(self._bill(self.january).amount_untaxed, 100 + 110 + 110)
        self.env["account.move"].search([("partner_id", "=", self.ann.id)]).unlink()
        with self.env.cr.savepoint() as savepoint:
            middle.unlink()
            self.assertEqual(last.previous_id, service)
            self.assertEqual(service.date_to, date(2026, 12, 31))
            savepoint.rollback()
        (last | middle).unlink()
        self.assertFalse(service.date_to)
        self.assertEqual(self._bill(self.january).amount_untaxed, 300)

    def test_a_reviewed_run_is_reviewed_again(self):
        service = self._serve(self.ann, 100, date_from=date(2026, 11, 1))
        self._bill(self.november)
        run = self._run(self.december, zero_policy="skip_zero")
        self._open(service).action_change()
        run.create_invoices()
        self.assertFalse(run.invoice_ids)
        self.assertIn("hanged", self._line(run, self.ann).reason)
        run.action_retry()
        self.assertEqual(run.invoice_ids.amount_untaxed, 110)

    def test_for_all_that_the_list_shows(self):
        services = self.env["ar.billing.service"].union(
            *(self._serve(self.ann, 10 + n, date_from=date(2026, 11, 1)) for n in range(6))
        )
        shown = self._list_of(services, services[:4], [("id", "in", services.ids)])
        window = self._get_window(shown.action_change_price())
        window.write({"date_from": DECEMBER, "method": "price", "price_unit": 7})
        window.action_change()
        self.assertEqual(set(services.next_ids.mapped("price_unit")), {7})
        self.assertEqual(len(services.next_ids), 6)

    def test_not_of_two_companies_nor_by_whoever_only_reads(self):
        service = self._serve(self.ann, 10, date_from=DECEMBER)
        branch = self._serve(self.ann, 10, date_from=DECEMBER, company_id=self.branch.id)
        with self.assertRaisesRegex(UserError, "one company at a time"):
            (service | branch).action_change_price()
        reader = self._make_user("reads.only", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self._as(reader, service).action_change_price()

    def test_many_take_no_more_queries_each(self):
        counts = []
        for number in (5, 25):
            services = self.env["ar.billing.service"].union(
                *(self._serve(self.ann, 10, date_from=date(2026, 11, 1)) for _ in range(number))
            )
            window = self.env["ar.billing.service.change"].create(
                {
                    "service_ids": [Command.set(services.ids)],
                    "date_from": DECEMBER,
                    "percent": 3,
                }
            )
            counts.append(self._count_queries(window.action_change))
        self.assertLessEqual(counts[1], counts[0] + 5)


@tagged("post_install", "-at_install")
class TestImportServices(SettingUpCommon):
    FIELDS = ("partner_id", "product_id", "name", "quantity", "price_unit", "date_from", "date_to")

    def _load(self, rows):
        services = self._as(self.clerk, self.env["ar.billing.service"])
        return services.load(list(self.FIELDS), rows)

    def test_an_empty_cell_is_an_untouched_field(self):
        self.pickup.taxes_id = self.tax_sale_a
        fields = [*self.FIELDS, "tax_ids", "currency_id"]
        rows = [
            ["Ann", "Weekly pickup", "", "", "", "2026-11-01", "", "", ""],
            ["Bob", "Weekly pickup", "Two bins", "2", "0", "2026-11-01", "2026-12-31", "", ""],
        ]
        services = self._as(self.clerk, self.env["ar.billing.service"])
        answer = services.load(fields, rows)
        self.assertFalse(answer["messages"])
        ann, bob = self.env["ar.billing.service"].browse(answer["ids"])
        self.assertEqual((ann.name, ann.quantity, ann.price_unit), ("Weekly pickup", 1, 40))
        self.assertEqual(ann.tax_ids, self.tax_sale_a)
        self.assertEqual((bob.name, bob.quantity, bob.price_unit), ("Two bins", 2, 0))
        self.assertEqual(bob.date_to, date(2026, 12, 31))

    @mute_logger("odoo.sql_db")
    def test_what_is_wrong_is_said_for_each_row(self):
        answer = self._load(
            [
                ["Ann", "Weekly pickup", "", "", "", "2026-11-01", ""],
                ["Nobody At All", "Weekly pickup", "", "", "", "2026-11-01", ""],
                ["Bob", "Weekly pickup", "", "", "", "2026-11-30", "2026-11-01"],
                ["Bob", "Weekly pickup", "", "many", "", "2026-11-01", ""],
            ]
        )
        self.assertFalse(answer["ids"])
        messages = [(message["record"], message["message"]) for message in answer["messages"]]
        self.assertTrue([text for row, text in messages if row == 1 and "Nobody At All" in text])
        self.assertTrue([text for row, text in messages if row == 3 and "many" in text])
        answer = self._load(
            [
                ["Ann", "Weekly pickup", "", "", "", "2026-11-01", ""],
                ["Bob", "Weekly pickup", "", "", "", "2026-11-30", "2026-11-01"],
            ]
        )
        # Core says it of the batch first, and then of the row.
        self.assertEqual(answer["messages"][-1]["record"], 1)
        for message in answer["messages"]:
            self.assertIn("Bob ends on 2026-11-01, before it begins", message["message"])

    def test_a_thousand_rows(self):
        customers = self._make_newcomers(1000, billing_profile_id=self.fresh.id)
        self.env.flush_all()
        fields = ["partner_id/.id", "product_id/.id", "price_unit", "date_from"]
        rows = [
            [str(customer.id), str(self.pickup.id), str(n), "2026-11-01"]
            for n, customer in enumerate(customers)
        ]
        services = self.env["ar.billing.service"]
        few = self._count_queries(lambda: services.load(fields, rows[:100]))
        many = self._count_queries(lambda: services.load(fields, rows))
        self.assertEqual(services.search_count([("partner_id", "in", customers.ids)]), 1100)
        # Core looks up each cell and begins a savepoint for some rows; ours is asked at once.
        self.assertLess((many - few) / 900, 5)

    def test_the_template_can_be_imported(self):
        (template,) = self.env["ar.billing.service"].get_import_templates()
        self.assertTrue(template["template"].startswith("/ar_balance_invoicing/static/"))
        self.env["res.partner"].create([{"name": "Azure Interior"}, {"name": "Deco Addict"}])
        with file_open(template["template"].lstrip("/"), "rb") as file:
            wizard = self.env["base_import.import"].create(
                {
                    "res_model": "ar.billing.service",
                    "file": file.read(),
                    "file_type": "text/csv",
                    "file_name": "services.csv",
                }
            )
        options = {"quoting": '"', "separator": ",", "has_headers": True, "date_format": ""}
        preview = wizard.parse_preview(options)
        columns = [preview["matches"][n][0] for n in range(len(preview["headers"]))]
        answer = wizard.execute_import(columns, preview["headers"], preview["options"])
        self.assertFalse(answer["messages"])
        self.assertEqual(len(answer["ids"]), 2)


@tagged("post_install", "-at_install")
class TestListsOfAProfile(SettingUpCommon):
    def test_their_address_finds_the_same_again(self):
        """A new tab has the profile's id only; the domain then comes from the action."""
        self._serve(self.ann, 10, date_from=DECEMBER)
        self.bob.active = False
        for name, count in (("customers", 2), ("services", 1), ("periods", 12)):
            with self.subTest(name):
                action = getattr(self.monthly, f"action_open_{name}")()
                self.assertEqual(action["context"]["active_id"], self.monthly.id)
                again = self.env["ir.actions.act_window"].browse(action["id"])
                self.assertEqual(again.path, f"{name}-of-profile")
                known = {
                    "active_id": self.monthly.id,
                    "allowed_company_ids": self.env.companies.ids,
                }
                rows = self.env[again.res_model].with_context(active_test=False)
                found = rows.search(safe_eval(again.domain, known))
                self.assertEqual(found, rows.search(action["domain"]))
                self.assertGreaterEqual(len(found), count)


@tagged("post_install", "-at_install")
class TestHistory(SettingUpCommon):
    def test_what_was_changed_on_a_service_and_a_profile(self):
        # Tests of core run without the history.
        loud = self.env(context={"allowed_company_ids": self.company.ids})
        service = self._serve(self.ann, 10, date_from=DECEMBER).with_env(loud)
        profile = self.fresh.with_env(loud)
        self._finish()
        service.write({"price_unit": 12.5, "quantity": 3, "date_to": date(2027, 1, 31)})
        profile.write({"payment_term_id": self.pay_terms_b.id, "lead_days": 2})
        self._finish()
        for record, expected in ((service, 3), (profile, 2)):
            values = record.message_ids[0].sudo().tracking_value_ids
            self.assertEqual(len(values), expected)

    def test_another_date_of_a_period_is_told_in_the_history_of_its_profile(self):
        period = self._as(self.clerk, self._get_period(self.fresh, date(2026, 11, 1)))
        before = len(self.fresh.message_ids)
        period.invoice_date = date(2026, 11, 5)
        note = self.fresh.message_ids[0]
        self.assertIn("Invoice Date: 11/01/2026 → 11/05/2026", note.body)
        self.assertEqual(note.author_id, self.clerk.partner_id)
        period.invoice_date = date(2026, 11, 5)
        self.assertEqual(len(self.fresh.message_ids), before + 1)

    def _finish(self):
        """What is written at the end of a request."""
        self.env.flush_all()
        self.env.cr.precommit.run()

    def test_the_form_shows_where_a_price_comes_from(self):
        service = self._serve(self.ann, 10, date_from=date(2026, 11, 1))
        window = self.env["ar.billing.service.change"].create(
            {"service_ids": [Command.set(service.ids)], "date_from": DECEMBER, "percent": 3}
        )
        window.action_change()
        with Form(service.next_ids) as form:
            self.assertEqual(form.previous_id, service)
