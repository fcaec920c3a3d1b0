"""Billing profiles, their periods, and which customers have them."""

from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from ..common import BalanceCommon


class ProfileCommon(BalanceCommon):
    @classmethod
    def _make_profile(cls, company=None, **values):
        company = company or cls.company
        return (
            cls.env["ar.billing.profile"]
            .with_company(company)
            .create(
                {
                    "name": "Monthly",
                    "company_id": company.id,
                    "anchor_date": date(2026, 1, 1),
                    **values,
                }
            )
        )

    @classmethod
    def _make_user(cls, login, group, company=None):
        company = company or cls.company
        return new_test_user(
            cls.env,
            login,
            groups=group,
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    def _as(self, records, user):
        return records.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)

    def _starts(self, profile):
        return sorted(profile.period_ids.mapped("date_from"))


@tagged("post_install", "-at_install")
@freeze_time("2026-10-15")
class TestBillingPeriods(ProfileCommon):
    def test_what_the_company_says_is_shown(self):
        self.company.ar_zero_policy = "skip_zero"
        profile = self._make_profile(zero_policy="company")
        labels = dict(profile._fields["zero_policy"]._description_selection(self.env))
        self.assertEqual(profile.zero_policy_text, labels["skip_zero"])
        profile.zero_policy = "create"
        self.assertFalse(profile.zero_policy_text)

    def test_a_new_profile_can_be_billed_at_once(self):
        profile = self._make_profile()
        starts = self._starts(profile)
        self.assertEqual(starts[0], date(2026, 10, 1))
        self.assertEqual(starts[-1], date(2027, 10, 1))
        self.assertEqual(len(starts), 13)
        self.assertEqual(
            set(profile.period_ids.mapped(lambda p: (p.invoice_date - p.date_from).days)), {0}
        )

    def test_in_arrears_the_month_that_is_over_can_be_billed(self):
        profile = self._make_profile(billing_timing="arrears")
        period = profile.period_ids.sorted("date_from")[0]
        self.assertEqual(period.date_from, date(2026, 9, 1))
        self.assertEqual(period.invoice_date, date(2026, 9, 30))

    def test_nothing_before_the_first_day(self):
        profile = self._make_profile(anchor_date=date(2027, 3, 31), billing_timing="arrears")
        starts = self._starts(profile)
        self.assertEqual(starts[:2], [date(2027, 3, 31), date(2027, 4, 30)])
        self.assertGreaterEqual(len(starts), 4)

    def test_three_periods_ahead_however_long(self):
        profile = self._make_profile(cadence_unit="year", cadence_count=2)
        years = [start.year for start in self._starts(profile)]
        self.assertEqual(years, [2026, 2028, 2030, 2032])

    def test_making_periods_again_changes_nothing(self):
        profile = self._make_profile()
        before = profile.period_ids.read()
        self.assertFalse(profile._make_periods())
        self.assertEqual(profile.period_ids.read(), before)

    def test_an_edited_period_stays_as_it_is(self):
        profile = self._make_profile()
        period = profile.period_ids[-1]
        period.invoice_date = date(2026, 10, 20)
        profile._make_periods()
        self.assertEqual(period.invoice_date, date(2026, 10, 20))

    def test_a_period_made_by_hand_is_left_alone(self):
        profile = self._make_profile(anchor_date=date(2027, 1, 1))
        profile.period_ids.unlink()
        self.env["ar.billing.period"].create(
            {
                "profile_id": profile.id,
                "date_from": date(2027, 2, 10),
                "date_to": date(2027, 3, 10),
            }
        )
        profile._make_periods()
        starts = self._starts(profile)
        self.assertEqual(starts[:3], [date(2027, 1, 1), date(2027, 2, 10), date(2027, 4, 1)])

    def test_every_night_goes_on_where_the_periods_end(self):
        profile = self._make_profile()
        archived = self._make_profile(active=False)
        archived.period_ids.unlink()
        with freeze_time("2028-04-02"):
            self.env["ar.billing.profile"]._cron_make_periods()
        starts = self._starts(profile)
        self.assertEqual(starts[-1], date(2029, 4, 1))
        self.assertEqual(len(starts), 31, "The server slept, and the periods have no gap.")
        self.assertFalse(archived.period_ids)

    def test_a_profile_asleep_for_years_does_not_make_them_all(self):
        profile = self._make_profile()
        with freeze_time("2040-04-02"):
            profile._make_periods()
        self.assertNotIn(date(2030, 1, 1), self._starts(profile))
        self.assertIn(date(2039, 4, 1), self._starts(profile))

    def test_the_scheduled_action_runs(self):
        profile = self._make_profile()
        profile.period_ids.unlink()
        with self.enter_registry_test_mode():
            self.env.ref(
                "ar_balance_invoicing.ir_cron_make_billing_periods"
            ).method_direct_trigger()
        self.assertEqual(len(profile.period_ids), 13)

    @mute_logger("odoo.sql_db")
    def test_who_makes_periods_at_the_same_moment_as_another_is_no_error(self):
        one, other = self._make_profile(), self._make_profile(cadence_unit="quarter")
        other.period_ids.unlink()
        # A transaction that began before cannot see the other's periods.
        profiles = one | other
        with patch.object(type(profiles), "_get_taken_days", return_value={}):
            made = profiles._make_periods()
        self.assertEqual(made.profile_id, other)
        self.assertEqual(len(one.period_ids), 13)
        self.assertEqual(len(other.period_ids), 5)

    def test_all_profiles_cost_as_much_as_one(self):
        profiles = self.env["ar.billing.profile"].create(
            [{"name": f"P{n}", "anchor_date": date(2026, 1, 1)} for n in range(8)]
        )

        def cost(some):
            some.period_ids.unlink()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some._make_periods()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        cost(profiles[0])
        self.assertEqual(cost(profiles[0]), cost(profiles[1:]))

    # --- names --------------------------------------------------------------

    def test_periods_are_called_what_people_call_them(self):
        def names(**values):
            return self._make_profile(**values).period_ids.sorted("date_from")[0].display_name

        self.assertEqual(names(), "Oct 2026")
        self.assertEqual(names(cadence_unit="quarter"), "Q4 2026")
        self.assertEqual(
            names(cadence_unit="week", anchor_date=date(2026, 1, 5)),
            "W 42 2026 (Oct 12 – Oct 18)",
        )
        self.assertEqual(names(cadence_unit="half_year"), "Jul 1 – Dec 31, 2026")

    def test_periods_are_found_by_their_names(self):
        profile = self._make_profile()
        periods = self.env["ar.billing.period"]
        mine = [("profile_id", "=", profile.id)]
        found = periods.name_search("nov 2026", mine)
        self.assertEqual([name for _id, name in found], ["Nov 2026"])
        self.assertEqual(len(periods.name_search("", mine)), 13)
        self.assertEqual(len(periods.search([*mine, ("display_name", "=", "Nov 2026")])), 1)
        self.assertEqual(len(periods.search([*mine, ("display_name", "not ilike", "2026")])), 10)

    # --- constraints --------------------------------------------------------

    def test_periods_of_a_profile_do_not_overlap(self):
        profile = self._make_profile()
        with self.assertRaisesRegex(ValidationError, "Oct 2026 and .* of “Monthly” overlap"):
            self.env["ar.billing.period"].create(
                {
                    "profile_id": profile.id,
                    "date_from": date(2026, 10, 31),
                    "date_to": date(2026, 10, 31),
                }
            )
        with self.assertRaisesRegex(ValidationError, "ends on 2025-01-01, before it begins"):
            self.env["ar.billing.period"].create(
                {
                    "profile_id": profile.id,
                    "date_from": date(2025, 1, 2),
                    "date_to": date(2025, 1, 1),
                }
            )
        # Another profile has its own calendar.
        self._make_profile(anchor_date=date(2026, 1, 15))

    def test_bad_calendars_are_refused_with_a_sentence(self):
        for message, values in (
            ("billed every 0 units. Type 1 or more", {"cadence_count": 0}),
            ("lasts more than ten years", {"cadence_count": 121}),
            ("lasts more than ten years", {"cadence_unit": "year", "cadence_count": 10**6}),
            ("between 1900 and 2199", {"anchor_date": date(9999, 12, 1)}),
            ("percentage between 0 and 100", {"late_fee_percent": 101}),
            ("percentage between 0 and 100", {"late_fee_percent": -1}),
            ("Fixed Fee of “Monthly” is below zero", {"late_fee_fixed": -1}),
            ("Days of Grace of “Monthly” is below zero", {"late_fee_grace_days": -1}),
            ("Days Ahead of “Monthly” is below zero", {"lead_days": -1}),
            ("choose the product", {"late_fee_fixed": 5}),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValidationError, message):
                self._make_profile(**values)

    def test_the_journal_is_for_sales_and_of_the_company(self):
        profile = self._make_profile()
        self.assertEqual(profile.journal_id.type, "sale")
        self.assertEqual(profile.journal_id.company_id, self.company)
        purchases = self.company_data["default_journal_purchase"]
        with self.assertRaisesRegex(ValidationError, "is not for sales. Choose a sales journal"):
            profile.journal_id = purchases
        with self.assertRaisesRegex(ValidationError, "is not for sales. Choose a sales journal"):
            profile.balance_journal_id = purchases
        with self.assertRaises(UserError):
            profile.journal_id = self.other_data["default_journal_sale"]

    def test_a_branch_bills_from_its_parents_journal(self):
        profile = self._make_profile(company=self.branch)
        self.assertEqual(profile.journal_id.type, "sale")
        self.assertEqual(profile.currency_id, self.company.currency_id)

    # --- changes ------------------------------------------------------------

    def test_another_calendar_remakes_the_periods(self):
        profile = self._make_profile()
        profile.write({"cadence_unit": "quarter"})
        self.assertEqual(self._starts(profile)[:2], [date(2026, 10, 1), date(2027, 1, 1)])
        profile.anchor_date = date(2026, 2, 1)
        self.assertEqual(self._starts(profile)[:2], [date(2026, 8, 1), date(2026, 11, 1)])

    def test_the_same_calendar_written_again_touches_no_period(self):
        profile = self._make_profile()
        periods = profile.period_ids
        profile.write({"cadence_count": 1, "anchor_date": "2026-01-01", "name": "Same"})
        self.assertEqual(profile.period_ids, periods)
        self.assertTrue(periods.exists())

    def test_another_timing_moves_the_invoice_dates_that_nobody_has_set(self):
        profile = self._make_profile()
        mine = profile.period_ids[0]
        mine.invoice_date = mine.date_from + timedelta(days=9)
        profile.billing_timing = "arrears"
        for period in profile.period_ids - mine:
            self.assertEqual(period.invoice_date, period.date_to)
        self.assertEqual(mine.invoice_date, mine.date_from + timedelta(days=9))

    def test_what_was_billed_stays(self):
        profile = self._make_profile()
        period = profile.period_ids.sorted("date_from")[0]
        customer = self.env["res.partner"].create({"name": "Rosa's Diner"})
        invoice = self._invoice(customer, 10, post=False)
        invoice._write_inside({"billing_period_id": period.id})
        for values in (
            {"cadence_unit": "quarter"},
            {"cadence_count": 2},
            {"anchor_date": date(2026, 1, 2)},
            {"company_id": self.branch.id},
        ):
            with self.assertRaisesRegex(UserError, "has billing runs or invoices for Oct 2026"):
                profile.write(values)
        with self.assertRaisesRegex(UserError, "has billing runs or invoices. Its dates stay"):
            period.date_to = date(2026, 10, 30)
        with self.assertRaisesRegex(UserError, "has billing runs or invoices. Delete those"):
            period.unlink()
        with self.assertRaisesRegex(UserError, "Archive it instead"):
            profile.unlink()
        period.invoice_date = date(2026, 10, 3)
        profile.name = "Any name"
        profile.action_archive()
        # Cancelled it is still an invoice of that period; deleted it is none.
        invoice.button_cancel()
        with self.assertRaisesRegex(UserError, "Archive it instead"):
            profile.unlink()
        invoice.unlink()
        profile.cadence_unit = "quarter"
        profile.unlink()

    def test_a_period_with_a_run_stays_too(self):
        profile = self._make_profile()
        period = profile.period_ids[0]
        self.env["ar.billing.run"]._create_inside(
            {
                "profile_id": profile.id,
                "period_id": period.id,
                "company_id": self.company.id,
                "invoice_date": period.invoice_date,
            }
        )
        with self.assertRaisesRegex(UserError, "has billing runs or invoices for"):
            profile.cadence_unit = "quarter"
        with self.assertRaisesRegex(UserError, "has billing runs or invoices. Delete those"):
            period.unlink()

    def test_a_profile_with_customers_is_not_deleted(self):
        profile = self._make_profile()
        customer = self.env["res.partner"].create(
            {"name": "Rosa's Diner", "billing_profile_id": profile.id}
        )
        with self.assertRaisesRegex(UserError, "has 1 customers, “Rosa's Diner” among them"):
            profile.unlink()
        customer.billing_profile_id = False
        profile.unlink()
        self.assertFalse(profile.exists())

    def test_a_copy_has_the_terms_and_its_own_periods(self):
        profile = self._make_profile(zero_policy="skip_zero")
        copy = profile.copy()
        self.assertEqual(copy.name, "Monthly (copy)")
        self.assertEqual(copy.zero_policy, "skip_zero")
        self.assertEqual(self._starts(copy), self._starts(profile))

    def test_a_form_makes_a_profile(self):
        with Form(self.env["ar.billing.profile"]) as form:
            form.name = "Weekly"
            form.cadence_unit = "week"
        profile = form.record
        self.assertTrue(profile.period_ids)
        self.assertEqual(profile.period_count, len(profile.period_ids))
        action = profile.action_make_periods()
        self.assertEqual(self.env["ar.billing.period"].search(action["domain"]), profile.period_ids)


@tagged("post_install", "-at_install")
class TestBillingCustomers(ProfileCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.monthly = cls._make_profile()
        cls.weekly = cls._make_profile(company=cls.other, name="Weekly", cadence_unit="week")
        cls.customers = cls.env["res.partner"].create(
            [
                {"name": "Zoe's Bakery", "billing_profile_id": cls.monthly.id},
                {
                    "name": "Adam Ltd",
                    "is_company": True,
                    "billing_profile_id": cls.monthly.id,
                    "child_ids": [Command.create({"name": "Accounts Payable"})],
                },
                {"name": "Gone", "active": False, "billing_profile_id": cls.monthly.id},
                {"name": "Cash only"},
            ]
        )

    def test_customers_of_a_profile_are_accounts_by_name_archived_ones_too(self):
        found = self.monthly._get_customers()
        self.assertEqual(found.mapped("name"), ["Adam Ltd", "Gone", "Zoe's Bakery"])
        self.assertEqual(self.monthly.customer_count, 2, "The button counts the active ones.")

    def test_each_company_has_its_own_profile(self):
        zoe = self.customers[0]
        zoe.with_company(self.other).billing_profile_id = self.weekly
        self.assertEqual(zoe.billing_profile_id, self.monthly)
        self.assertEqual(zoe.with_company(self.other).billing_profile_id, self.weekly)
        self.assertFalse(zoe.with_company(self.branch).billing_profile_id)
        # Whatever company the user is in.
        self.assertEqual(self.weekly._get_customers(), zoe)
        self.assertEqual(self.weekly.with_company(self.company)._get_customers().ids, zoe.ids)
        self.assertIn(zoe, self.monthly.with_company(self.other)._get_customers())
        with self.assertRaises(UserError):
            zoe.billing_profile_id = self.weekly

    def test_hold_and_policy_are_per_company_too(self):
        zoe = self.customers[0]
        zoe.write(
            {
                "billing_hold": True,
                "billing_hold_reason": "Disputed",
                "billing_zero_policy": "never",
            }
        )
        elsewhere = zoe.with_company(self.other)
        self.assertFalse(elsewhere.billing_hold)
        self.assertFalse(elsewhere.billing_hold_reason)
        self.assertFalse(elsewhere.billing_zero_policy)
        domain = [("billing_hold", "=", True), ("id", "in", self.customers.ids)]
        partners = self.env["res.partner"]
        self.assertEqual(partners.search(domain), zoe)
        self.assertFalse(partners.with_company(self.other).search(domain))

    def test_a_contact_shows_what_its_company_has(self):
        adam = self.customers[1]
        contact = adam.child_ids
        self.assertEqual(contact.billing_profile_id, self.monthly)
        adam.write({"billing_hold": True, "billing_zero_policy": "always"})
        adam.with_company(self.other).billing_profile_id = self.weekly
        self.assertTrue(contact.billing_hold)
        self.assertEqual(contact.billing_zero_policy, "always")
        self.assertEqual(contact.with_company(self.other).billing_profile_id, self.weekly)
        adam.write({"billing_hold": False, "billing_profile_id": False})
        self.assertFalse(contact.billing_hold)
        self.assertFalse(contact.billing_profile_id)
        # A person put below the company is billed with it, in every company.
        person = self.customers[0]
        person.parent_id = adam
        self.assertEqual(person.with_company(self.other).billing_profile_id, self.weekly)
        self.assertEqual(person.billing_zero_policy, "always")
        self.assertEqual(self.weekly._get_customers(), adam)

    def test_a_new_contact_of_somebody_without_accounting_rights(self):
        adam = self.customers[1]
        user = self._make_user("sales", "base.group_user,base.group_partner_manager")
        contact = self._as(self.env["res.partner"], user).create(
            {"name": "New", "parent_id": adam.id}
        )
        self.assertEqual(contact.sudo().billing_profile_id, self.monthly)
        with self.assertRaises(AccessError):
            contact.read(["billing_profile_id"])

    def test_the_buttons_open_what_they_count(self):
        self._service(self.customers[0])
        self._service(self.customers[3])
        for company in (self.company, self.other):
            profile = self.monthly.with_company(company)
            for action, count in (
                (profile.action_open_customers(), 3),
                (profile.action_open_services(), 1),
                (profile.action_open_periods(), profile.period_count),
            ):
                model = self.env[action["res_model"]].with_context(active_test=False)
                model = model.with_company(company)
                self.assertEqual(model.search_count(action["domain"]), count)
        self.assertEqual(self.monthly.service_count, 1)

    def _service(self, customer, **values):
        return self.env["ar.billing.service"].create(
            {"partner_id": customer.id, "product_id": self.product_a.id, **values}
        )

    def test_filters_and_groups_of_the_customer_list(self):
        partners = self.env["res.partner"]
        mine = [("id", "in", self.customers.ids)]
        found = partners.search([*mine, ("billing_profile_id", "!=", False)])
        self.assertEqual(found.mapped("name"), ["Adam Ltd", "Zoe's Bakery"])
        groups = partners._read_group(mine, ["billing_profile_id"], ["__count"])
        self.assertEqual(dict(groups), {self.monthly: 2, self.env["ar.billing.profile"]: 1})

    # --- $0 policy ----------------------------------------------------------

    def test_the_profile_follows_the_company_or_not(self):
        self.assertEqual(self.monthly._get_zero_policy(), "create")
        self.company.ar_zero_policy = "skip_settled"
        self.assertEqual(self.monthly._get_zero_policy(), "skip_settled")
        self.assertEqual(self.weekly._get_zero_policy(), "create")
        self.monthly.zero_policy = "skip_zero"
        self.assertEqual(self.monthly._get_zero_policy(), "skip_zero")

    def test_settings(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.ar_background_seconds, 5)
        settings.ar_zero_policy = "skip_zero"
        settings.execute()
        self.assertEqual(self.company.ar_zero_policy, "skip_zero")
        for seconds in (0, 21):
            with self.assertRaisesRegex(ValidationError, "Type a number above 0, and not above 20"):
                self.company.ar_background_seconds = seconds

    # --- rights -------------------------------------------------------------

    def test_an_auditor_reads_and_changes_nothing(self):
        service = self._service(self.customers[0])
        auditor = self._make_user("auditor", "account.group_account_readonly")
        for record, values in (
            (self.monthly, {"name": "Mine"}),
            (self.monthly.period_ids[0], {"invoice_date": date(2026, 1, 5)}),
            (service, {"price_unit": 0}),
        ):
            mine = self._as(record, auditor)
            self.assertTrue(mine.read(["display_name"]))
            with self.assertRaises(AccessError):
                mine.write(values)
            with self.assertRaises(AccessError):
                mine.unlink()
        with self.assertRaises(AccessError):
            self._as(self.monthly.period_ids, auditor).create(
                {
                    "profile_id": self.monthly.id,
                    "date_from": date(2020, 1, 1),
                    "date_to": date(2020, 1, 31),
                }
            )
        self.monthly.period_ids.unlink()
        with self.assertRaises(AccessError):
            self._as(self.monthly, auditor).action_make_periods()

    def test_an_invoicing_user_has_services_and_periods_but_no_profiles(self):
        user = self._make_user(
            "invoicing", "account.group_account_invoice,base.group_partner_manager"
        )
        self.monthly.period_ids.unlink()
        self._as(self.monthly, user).action_make_periods()
        self.assertTrue(self.monthly.period_ids)
        self._as(self.monthly.period_ids[0], user).invoice_date = date(2026, 1, 5)
        service = self._as(self.env["ar.billing.service"], user).create(
            {"partner_id": self.customers[0].id, "product_id": self.product_a.id}
        )
        service.quantity = 2
        service.unlink()
        self._as(self.customers[0], user).billing_hold = True
        with self.assertRaises(AccessError):
            self._as(self.monthly, user).name = "Mine"
        with self.assertRaises(AccessError):
            self._as(self.monthly, user).copy()

    def test_an_accounting_administrator_makes_profiles(self):
        user = self._make_user("manager", "account.group_account_manager")
        profile = self._as(self.env["ar.billing.profile"], user).create({"name": "New"})
        profile.cadence_unit = "week"
        self.assertTrue(profile.period_ids)
        profile.unlink()

    def test_another_companys_records_are_invisible(self):
        service = self._service(self.customers[0])
        user = self._make_user("stranger", "account.group_account_manager", company=self.other)
        for record in (self.monthly, self.monthly.period_ids[0], service):
            mine = self._as(record, user)
            self.assertFalse(mine.search([("id", "=", record.id)]))
            with self.assertRaises(AccessError):
                mine.read(["display_name"])

    def test_who_does_no_accounting_sees_nothing(self):
        user = self._make_user("employee", "base.group_user")
        for model in ("ar.billing.profile", "ar.billing.period", "ar.billing.service"):
            with self.assertRaises(AccessError):
                self._as(self.env[model], user).search([])
