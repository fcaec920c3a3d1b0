"""Random histories of services, runs and corrections: no day twice, none lost.

The oracle reads what the customer reads: the days that are printed on live invoices.
"""

import logging
import os
import random
import re
from collections import Counter
from datetime import date, datetime, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..billing_common import BillingCommon
from ..common import new_seed

_logger = logging.getLogger(__name__)
TODAY = date(2027, 3, 10)
DAY = r"(\w{3} \d{1,2}(?:, \d{4})?)"
RANGE = re.compile(rf"{DAY} – {DAY}")
PART = re.compile(r"days \((\w{3} \d{1,2})(?: – (\w{3} \d{1,2}))?\)")
STEPS = 16


def _read_range(text):
    """First and last day of "Nov 1 – Nov 30, 2026"."""
    first, last = RANGE.search(text).groups()
    year = last[-4:]
    if "," not in first:
        first = f"{first}, {year}"
    return tuple(datetime.strptime(day, "%b %d, %Y").date() for day in (first, last))


def _read_days(text):
    """The days that an invoice line says it bills."""
    first, last = _read_range(text)
    if part := PART.search(text):
        years = {first.year, last.year}
        days = [
            day
            for name in (part[1], part[2] or part[1])
            for year in sorted(years)
            if first <= (day := datetime.strptime(f"{name} {year}", "%b %d %Y").date()) <= last
        ]
        first, last = days[0], days[-1]
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@tagged("post_install", "-at_install")
class TestBillingHistories(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(TODAY))
        cls.pickup.taxes_id = False
        cls.profiles = cls.env["ar.billing.profile"]
        for name, values in {
            "Months": {},
            "Also months": {"billing_timing": "arrears"},
            "Weeks": {"cadence_unit": "week", "cadence_count": 2},
            "Quarters": {"cadence_unit": "quarter"},
        }.items():
            cls.profiles |= cls._make_profile(name, anchor_date=date(2026, 1, 1), **values)
        cls.profiles._make_periods(since=date(2026, 1, 1))

    # --- the oracle -----------------------------------------------------------

    def _count_days(self):
        """How often each (service, day) stands on live invoices, credits taken off."""
        rows = self._ledger(
            """
            SELECT line.name, move.id
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
         LEFT JOIN (SELECT reversed_entry_id AS id, SUM(amount_total) AS total
                      FROM account_move WHERE state = 'posted'
                  GROUP BY reversed_entry_id) credit ON credit.id = move.id
             WHERE move.billing_run_id IS NOT NULL AND line.display_type = 'product'
               AND move.state != 'cancel'
               AND (credit.total IS NULL OR credit.total < move.amount_total)
               AND move.id NOT IN %s AND line.name LIKE '%%–%%'
            """,
            (*self.flagged, 0),
        )
        # Whoever credits what was credited or cancelled meanwhile is flagged, not refused.
        idle = self._get_flagged("Given back twice")
        counted = Counter()
        for name, move_id in rows:
            if move_id in idle and name.startswith("Credit"):
                continue
            service = int(re.search(r"S(\d+)\b", name)[1])
            for day in _read_days(name):
                counted[service, day] += -1 if name.startswith("Credit") else 1
        return counted

    def _get_flagged(self, summary):
        activities = self.env["mail.activity"].search(
            [("res_model", "=", "account.move"), ("summary", "=", summary)]
        )
        return set(activities.mapped("res_id"))

    def _get_due(self, customer):
        """The last day of a customer that is due today."""
        profile = customer.billing_profile_id
        if not profile:
            return TODAY
        return max(p.date_to for p in profile.period_ids if p.invoice_date <= TODAY)

    def _check(self):
        self.env.flush_all()
        self.env.invalidate_all()
        counted = self._count_days()
        twice = {key: count for key, count in counted.items() if count not in (0, 1)}
        self.assertFalse(twice, "a day twice, or credited twice")
        unbilled, due_back = Counter(), set()
        for row in self.env["ar.unbilled.days"].search([]):
            for number in range(row.days):
                day = row.service_id.id, row.date_from + timedelta(days=number)
                if row.amount < 0:
                    due_back.add(day)
                else:
                    unbilled[day] += 1
        given = {
            (row.service_id.id, row.date_from + timedelta(days=number))
            for row in self.env["ar.billed.days"].search([("move_line_id", "=", False)])
            for number in range((row.date_to - row.date_from).days + 1)
        }
        for service in self.services.exists():
            customer = service.partner_id.commercial_partner_id
            due = self._get_due(customer)
            day = max(service.date_from, service.billed_from)
            while day <= min(due, service.date_to or due):
                key = self.number[service], day
                places = [counted[key], unbilled[service.id, day], (service.id, day) in given]
                if not service.prorate and places[:2] == [1, 1]:
                    places[0] = 0  # The line names its whole period, whatever was served then.
                self.assertEqual(sum(places), 1, (service.name, str(day), places))
                day += timedelta(days=1)

        self._check_beyond(counted, due_back)

    def _check_beyond(self, counted, due_back):
        """What is billed of days that are not served is to be given back."""
        flagged = self._get_flagged("Given back twice") | self._get_flagged("Billed twice")
        chains = {}
        for service, number in self.number.items():
            # A service whose price has changed goes on in another row.
            chains.setdefault(number, self.env["ar.billing.service"])
            chains[number] |= service.exists()
        for (number, day), count in counted.items():
            rows = chains[number]
            if not count or flagged or not rows or not all(rows.mapped("prorate")):
                continue
            if not all(rows.mapped("price_unit")) or any(
                row.date_from <= day and (not row.date_to or row.date_to >= day) for row in rows
            ):
                continue
            owed = [(row.id, day) in due_back for row in rows]
            self.assertTrue(any(owed), (rows[:1].name, str(day)))

    # --- what happens ----------------------------------------------------------

    def _get_period(self, customer):
        period = customer.billing_profile_id.period_ids.filtered(
            lambda period: date(2027, 1, 1) <= period.date_to and period.invoice_date <= TODAY
        )
        return self.chance.choice(list(period))

    def _add_service(self):
        customer = self.chance.choice(self._get_customers())
        first = TODAY - timedelta(days=self.chance.randint(-10, 75))
        last = self.chance.random() < 0.3 and first + timedelta(days=self.chance.randint(0, 60))
        service = self._serve(
            customer,
            self.chance.choice([100, 31, 9.99, 0.05]),
            date_from=first,
            date_to=last,
            prorate=self.chance.random() < 0.8,
            name=f"S{len(self.number)} pickup",
        )
        self.number[service] = len(self.number)
        self.services |= service

    def _get_customers(self):
        return [c for c in self.customers.exists() if c.commercial_partner_id == c]

    def _change_service(self):
        service = self.chance.choice(list(self.services))
        if service.previous_id or service.next_ids:
            return  # dates typed over a change of price may overlap, and are then billed so
        day = service.date_from + timedelta(days=self.chance.randint(0, 50))
        change = self.chance.choice(
            [
                {"price_unit": 55},
                {"date_to": day},
                {"date_to": False},
                {"date_from": service.date_from - timedelta(days=self.chance.randint(1, 20))},
            ]
        )
        service.write(change)

    def _change_price(self):
        service = self.chance.choice(list(self.services))
        window = self.env["ar.billing.service.change"].create(
            {
                "service_ids": [Command.set(service.ids)],
                "date_from": service.date_from + timedelta(days=self.chance.randint(0, 70)),
                "percent": self.chance.choice([3, -10]),
            }
        )
        before = service.next_ids
        window.action_change()
        # Same name, so that no day of the two is billed twice, whichever row bills it.
        for follower in service.next_ids - before:
            self.number[follower] = self.number[service]
            self.services |= follower

    def _undo_price(self):
        followers = self.services.filtered("previous_id")
        if followers:
            follower = self.chance.choice(list(followers))
            follower.action_undo_price_change()
            self.services -= follower

    def _bill(self):
        customer = self.chance.choice(self._get_customers())
        if not customer.billing_profile_id:
            return
        run = self._run(self._get_period(customer), zero_policy="skip_zero")
        run.create_invoices()

    def _end_and_credit(self):
        """A service ends within what is billed, and the next run gives the rest back."""
        rows = self.env["ar.billed.days"].search([("live", "=", True)])
        if not rows:
            return
        row = self.chance.choice(list(rows))
        row.service_id.date_to = max(row.service_id.date_from, row.date_from + timedelta(days=3))
        customer = row.service_id.partner_id.commercial_partner_id
        for period in customer.billing_profile_id.period_ids.filtered(
            lambda period: period.date_from > row.date_to and period.invoice_date <= TODAY
        )[:1]:
            self._run(period, zero_policy="skip_zero").create_invoices()

    def _list(self):
        customer = self.chance.choice(self._get_customers())
        if customer.billing_profile_id:
            self.listed = self._run(self._get_period(customer), zero_policy="skip_zero")

    def _confirm(self):
        if self.listed.exists() and self.listed.state == "draft":
            self.listed.create_invoices()
            if self.listed.can_retry:
                self.listed.action_retry()

    def _move_customer(self):
        customer = self.chance.choice(self._get_customers())
        customer.billing_profile_id = self.chance.choice([*self.profiles, self.profiles.browse()])

    def _get_invoice(self, *states):
        invoices = self.env["account.move"].search(
            [("billing_run_id", "!=", False), ("state", "in", states)]
        )
        return self.chance.choice(list(invoices)) if invoices else invoices

    def _post_one(self):
        self._get_invoice("draft").action_post()

    def _delete(self):
        self._get_invoice("draft").unlink()

    def _delete_line(self):
        self._get_invoice("draft").invoice_line_ids[:1].unlink()

    def _cancel(self):
        self._get_invoice("draft").button_cancel()

    def _bring_back(self):
        self._get_invoice("cancel").button_draft()

    def _regenerate(self):
        draft = self._get_invoice("draft")
        if draft.billing_run_id:
            draft.action_regenerate()

    def _credit(self, modify=False):
        invoice = self._get_invoice("posted")
        if not invoice or invoice.move_type != "out_invoice" or invoice.reversal_move_ids:
            return
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id, "date": TODAY})
        )
        wizard.reverse_moves(is_modify=modify)
        if not modify:
            wizard.new_move_ids.filtered(lambda move: move.state == "draft").action_post()

    def _correct(self):
        self._credit(modify=True)

    def _take_credit_back(self):
        notes = self.env["account.move"].search(
            [("reversed_entry_id.billing_run_id", "!=", False), ("state", "=", "posted")]
        )
        if notes:
            note = self.chance.choice(list(notes))
            note.button_draft()
            invoice = note.reversed_entry_id
            if not invoice.billing_place_ids.live:
                self.assertTrue(invoice.activity_ids, "flagged, or its days count")
                self.flagged.add(invoice.id)

    def _merge(self):
        customers = self._get_customers()
        if len(customers) > 2:
            one, other = self.chance.sample(customers, 2)
            self.env["base.partner.merge.automatic.wizard"]._merge((one | other).ids, other)

    def _put_below(self):
        customers = self._get_customers()
        if len(customers) < 2:
            return
        one, other = self.chance.sample(customers, 2)
        other.is_company = True
        one.write({"is_company": False, "parent_id": other.id})

    def _archive(self):
        customer = self.chance.choice(self._get_customers())
        customer.active = not customer.active

    def _bill_unbilled(self):
        rows = self.env["ar.unbilled.days"].search([("profile_id", "!=", False)])
        if rows:
            action = self.chance.choice(list(rows)).action_bill()
            self.env["ar.billing.run"].browse(action["context"]["active_id"]).create_invoices()

    def _give_away(self):
        rows = self.env["ar.unbilled.days"].search([])
        if rows:
            action = self.chance.choice(list(rows)).action_give_away()
            window = self.env["ar.give.away"].browse(action["res_id"])
            window.note = "Goodwill"
            window.action_give_away()

    def _run_history(self, seed, done):
        self.chance = random.Random(seed)
        self.number, self.services = {}, self.env["ar.billing.service"]
        self.flagged, self.listed = set(), self.env["ar.billing.run"]
        self.customers = self._make_customers("Ann", "Bob", "Cleo", "Dora")
        for customer in self.customers:
            customer.billing_profile_id = self.chance.choice(list(self.profiles))
        for _number in range(4):
            self._add_service()
        steps = (
            [self._add_service, self._change_service, self._move_customer, self._delete]
            + [self._bill] * 5
            + [self._end_and_credit] * 3
            + [self._change_price, self._change_price, self._undo_price]
            + [self._list, self._confirm, self._confirm, self._post_one, self._post_one]
            + [self._delete_line, self._cancel, self._bring_back, self._regenerate]
            + [self._credit, self._correct, self._take_credit_back, self._merge]
            + [self._put_below, self._archive, self._bill_unbilled, self._give_away]
        )
        for _number in range(STEPS):
            step = self.chance.choice(steps)
            done.append(step.__name__)
            try:
                with self.env.cr.savepoint():
                    step()
            except (UserError, ValidationError) as error:
                # Refused with a sentence; nothing has changed.
                done[-1] = f"{step.__name__}: {error}"
            self._check()

    def test_histories(self):
        first = new_seed()
        count = int(os.environ.get("AR_HISTORIES", 8))
        _logger.info("%s random billing histories: AR_SEED=%s", count, first)
        for number in range(count):
            done = []
            with (
                self.subTest(seed=first + number, done=done),
                self.env.cr.savepoint() as savepoint,
            ):
                self._run_history(first + number, done)
                savepoint.rollback()
            self.env.invalidate_all()
