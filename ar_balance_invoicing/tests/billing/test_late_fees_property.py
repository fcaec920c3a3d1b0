"""Late fees of random accounts against what their journal items say."""

import logging
import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from dateutil.relativedelta import relativedelta

from odoo.tests import tagged

from ..common import new_seed
from .test_late_fees import LateFeeCommon

_logger = logging.getLogger(__name__)

CUSTOMERS = 26
# Units of the foreign currency for one of company currency, at all times.
RATE = 2


@tagged("post_install", "-at_install")
class TestLateFeesProperty(LateFeeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        _logger.info("Random late fees: AR_SEED=%s", cls.seed)
        cls.random = random.Random(cls.seed)
        cls.profile.write(cls._choose_terms())
        cls.weekly, cls.week = cls._make_weekly(**cls._choose_terms())
        cls.customers = cls._make_customers(*(f"R{n:02}" for n in range(CUSTOMERS)))
        cls.customers[::2].is_company = True
        cls.contacts = cls.env["res.partner"].create(
            [{"name": "Desk", "parent_id": customer.id} for customer in cls.customers[::4]]
        )
        cls.customers[::9].billing_late_fee_free = True
        cls._make_documents(cls.customers, 60)
        cls._make_openings()
        # What was charged: {invoice id: [(overdue invoice id, item id or None, first, last)]},
        # and {invoice id: (customer id, first, last)} for the fixed part.
        cls.charged, cls.fixed = {}, {}

    # --- random accounts ----------------------------------------------------

    @classmethod
    def _choose_terms(cls):
        choose = cls.random.choice
        return {
            "late_fee_fixed": choose([0, 2.25, 5]),
            "late_fee_percent": choose([0.333, 1.5, 10]),
            "late_fee_minimum": choose([0, 20, 55.55]),
            "late_fee_grace_days": choose([0, 3, 10]),
            "late_fee_on_fees": choose([True, False]),
        }

    @classmethod
    def _amount(cls, most=300):
        return cls.random.randint(1, most * 100) / 100

    @classmethod
    def _make_documents(cls, customers, count):
        """Invoices and credit notes of all kinds, and payments, some of them applied."""
        rnd = cls.random
        partners = customers | cls.contacts.filtered(lambda desk: desk.parent_id in customers)
        vals_list = []
        for _n in range(count):
            kind = rnd.choice(["out_invoice"] * 3 + ["out_refund"])
            company = cls.branch if kind == "out_refund" and rnd.random() < 0.2 else cls.company
            vals_list.append(
                cls._invoice_vals(
                    rnd.choice(partners),
                    cls._amount(300 if kind == "out_invoice" else 120),
                    days_ago=rnd.randint(0, 90),
                    company=company,
                    move_type=kind,
                    currency_id=rnd.choice([cls.home, cls.home, cls.foreign]).id,
                    invoice_payment_term_id=rnd.choice(
                        [cls.pay_terms_a, cls.term_30, cls.term_parts]
                    ).id,
                    taxes=rnd.choice([cls.env["account.tax"], cls.tax_sale_a]),
                )
            )
        moves = cls.env["account.move"].create(vals_list)
        moves._post(soft=False)
        cls._pay_some(partners, moves, count // 6)

    @classmethod
    def _pay_some(cls, partners, moves, count):
        rnd = cls.random
        invoices = moves.filtered(lambda move: move.move_type == "out_invoice")
        for _n in range(count):
            if invoices and rnd.random() < 0.6:
                invoice = rnd.choice(invoices)
                part = rnd.choice([1, 1, 0.4])
                amount = round(invoice.amount_total * part, 2) or 0.01
                applied = invoice if rnd.random() < 0.6 else None
                applied = applied if applied and applied.amount_residual else None
                cls._pay(invoice.partner_id, amount, applied, currency=invoice.currency_id)
            else:
                currency = rnd.choice([cls.home, cls.foreign])
                cls._pay(rnd.choice(partners), cls._amount(), currency=currency)

    @classmethod
    def _make_openings(cls):
        for days_ago in (70, 20, 1):
            parts = [(customer, cls._amount()) for customer in cls.random.sample(cls.customers, 6)]
            cls._bring_forward(parts, days_ago=days_ago)

    # --- what the journal items say -------------------------------------------

    def _get_items(self):
        """Open items by customer, the oldest first, from items and matchings."""
        rows = self._ledger(
            """
            SELECT line.id, line.move_id, move.move_type, move.company_id, line.currency_id,
                   partner.commercial_partner_id, line.date_maturity,
                   COALESCE(line.date_maturity, line.date),
                   (line.balance
                     - COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE debit_move_id = line.id), 0)
                     + COALESCE((SELECT SUM(amount) FROM account_partial_reconcile
                                  WHERE credit_move_id = line.id), 0))::text,
                   (line.amount_currency
                     - COALESCE((SELECT SUM(debit_amount_currency)
                                   FROM account_partial_reconcile
                                  WHERE debit_move_id = line.id), 0)
                     + COALESCE((SELECT SUM(credit_amount_currency)
                                   FROM account_partial_reconcile
                                  WHERE credit_move_id = line.id), 0))::text,
                   move.amount_total::text,
                   (SELECT COALESCE(SUM(price_total), 0) FROM account_move_line fee
                     WHERE fee.move_id = move.id AND fee.product_id = %s)::text
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN res_partner partner ON partner.id = line.partner_id
             WHERE move.state = 'posted' AND account.account_type = 'asset_receivable'
               AND partner.commercial_partner_id IN %s
          ORDER BY 8, line.id
            """,
            self.fee_product.id,
            tuple(self.customers.ids),
        )
        names = ("id", "move", "type", "company", "currency", "customer", "due", "day")
        names += ("booked", "open", "total", "fees")
        items = defaultdict(list)
        for row in rows:
            item = dict(zip(names, row, strict=True))
            item |= {name: Fraction(item[name]) for name in names[-4:]}
            items[item["customer"]].append(item)
        return items

    def _get_bases(self, items, profile, day):
        """[(item, base)] of one customer: what is left after his credits, without fees."""
        before = day - timedelta(days=profile.late_fee_grace_days)
        credits = {self.home.id: [0, 0], self.foreign.id: [0, 0]}
        for item in items:
            if item["booked"] < 0:
                credits[item["currency"]][0] -= item["open"]
                credits[item["currency"]][1] -= item["booked"]
        late = [item for item in items if item["booked"] > 0 and item["day"] < before]
        if sum(i["booked"] for i in late) <= sum(booked for _a, booked in credits.values()):
            return []
        bases = []
        for item in late:
            left = item["open"]
            own = credits[item["currency"]]
            used = min(own[0], left)
            if used:
                own[1] *= 1 - used / own[0]
                own[0] -= used
                left -= used
            (other,) = [
                purse for currency, purse in credits.items() if currency != item["currency"]
            ]
            worth = item["booked"] * left / item["open"]
            used = min(other[1], worth)
            if used:
                other[0] *= 1 - used / other[1]
                other[1] -= used
                left *= 1 - used / worth
            if not profile.late_fee_on_fees and item["total"]:
                left *= 1 - min(1, item["fees"] / item["total"])
            wanted = item["type"] in ("out_invoice", "entry") and item["due"]
            if left and wanted and item["company"] == self.company.id:
                bases.append((item, left))
        return bases

    def _expect(self, profile, period, day, freed=()):
        """{(customer, currency): (fee, keys, with fixed part)} as the ledger has it now.

        :param freed: invoices whose fees are forgotten.
        """
        in_period = (period.date_from, period.date_to)
        taken = {
            (move_id, item_id)
            for invoice_id, rows in self.charged.items()
            for move_id, item_id, *days in rows
            if invoice_id not in freed and days[0] <= in_period[1] and in_period[0] <= days[1]
        }
        fixed_taken = {
            customer_id
            for invoice_id, (customer_id, *days) in self.fixed.items()
            if invoice_id not in freed and days[0] <= in_period[1] and in_period[0] <= days[1]
        }
        expected = {}
        for customer_id, items in self._get_items().items():
            customer = self.customers.browse(customer_id)
            if customer.billing_profile_id != profile or customer.billing_late_fee_free:
                continue
            bases = self._get_bases(items, profile, day)
            worth = sum(self._at_home(item, base) for item, base in bases)
            if not bases or worth < Fraction(str(profile.late_fee_minimum)):
                continue
            fixed = 0 if customer_id in fixed_taken else Fraction(str(profile.late_fee_fixed))
            sums, keys = defaultdict(Fraction), defaultdict(set)
            for item, base in bases:
                key = (item["move"], item["id"] if item["type"] == "entry" else None)
                if key not in taken:
                    sums[item["currency"]] += base
                    keys[item["currency"]].add(key)
            for currency_id, base in sums.items():
                rate = RATE if currency_id == self.foreign.id else 1
                fee = fixed * rate + base * Fraction(str(profile.late_fee_percent)) / 100
                fee = Decimal(floor(fee * 100 + Fraction(1, 2))) / 100
                if fee:
                    expected[customer_id, currency_id] = (fee, keys[currency_id], bool(fixed))
                    fixed = 0
        return expected

    def _at_home(self, item, amount):
        return amount / RATE if item["currency"] == self.foreign.id else amount

    # --- what was billed ------------------------------------------------------

    def _get_listed(self, run):
        return {
            (charge.line_id.partner_id.id, charge.currency_id.id): Decimal(str(charge.price_unit))
            for charge in run.line_ids.charge_ids
        }

    def _get_billed(self, invoices):
        rows = self._ledger(
            """
            SELECT partner.commercial_partner_id, item.currency_id,
                   (-SUM(item.amount_currency))::text
              FROM account_move_line item
              JOIN account_move move ON move.id = item.move_id
              JOIN res_partner partner ON partner.id = move.partner_id
             WHERE item.move_id IN %s AND item.product_id = %s AND move.state != 'cancel'
          GROUP BY 1, 2
            """,
            tuple(invoices.ids) or (0,),
            self.fee_product.id,
        )
        return {(customer, currency): Decimal(fee) for customer, currency, fee in rows}

    def _remember(self, moves, period, expected):
        days = (period.date_from, period.date_to)
        for move in moves:
            key = (move.commercial_partner_id.id, move.currency_id.id)
            if key in expected:
                _fee, keys, fixed = expected[key]
                self.charged[move.id] = [(*charged, *days) for charged in keys]
                if fixed:
                    self.fixed[move.id] = (key[0], *days)

    def _forget(self, moves):
        for move_id in moves.ids:
            self.charged.pop(move_id, None)
            self.fixed.pop(move_id, None)

    def _bill_and_compare(self, profile, period, change):
        """List, change something, and make the invoices: all as the ledger has it."""
        run = self._list(period, zero_policy="skip_zero")
        expected = self._expect(profile, period, self.today)
        listed = self._get_listed(run)
        self.assertEqual(listed, {key: fee for key, (fee, *_rest) in expected.items()})
        change()
        now = self._expect(profile, period, self.today)
        run.create_invoices()
        billed = {
            key: found
            for key, found in now.items()
            # What has risen is to be reviewed again, what is new was never reviewed.
            if key in listed and found[0] <= listed[key]
        }
        self.assertEqual(
            self._get_billed(run.invoice_ids), {key: fee for key, (fee, *_rest) in billed.items()}
        )
        for line in run.line_ids:
            key = (line.partner_id.id, line.currency_id.id)
            if key in listed and key in now and now[key][0] > listed[key]:
                self.assertEqual(line.state, "failed")
                self.assertIn("has changed since it was reviewed", line.reason)
        self.assertTrue(listed, "nothing to compare")
        _logger.info(
            "%s: %s fees listed, %s billed, %s fallen, %s risen or new, %s foreign",
            profile.name,
            len(listed),
            len(billed),
            sum(fee > (now[key][0] if key in now else 0) for key, fee in listed.items()),
            len(now) - len(billed),
            sum(currency_id == self.foreign.id for _customer_id, currency_id in listed),
        )
        self._remember(run.invoice_ids, period, billed)
        self._assert_remembered()
        return run

    def _assert_remembered(self):
        """The rows are those of the fees that are alive, and no other."""
        rows = self._ledger(
            "SELECT fee_move_id, overdue_move_id, overdue_item_id, date_from, date_to "
            "FROM ar_late_fee WHERE overdue_move_id IS NOT NULL"
        )
        expected = [(move_id, *row) for move_id, charged in self.charged.items() for row in charged]
        self.assertCountEqual(rows, expected)
        rows = self._ledger(
            "SELECT fee_move_id, customer_number, date_from, date_to "
            "FROM ar_late_fee WHERE customer_number > 0"
        )
        expected = [(move_id, *row) for move_id, row in self.fixed.items()]
        self.assertCountEqual(rows, expected)

    def _pay_and_credit(self):
        moves = self.env["account.move"].search(
            [
                ("commercial_partner_id", "in", self.customers.ids),
                ("state", "=", "posted"),
                ("amount_residual", ">", 0),
            ],
            order="id",
        )
        self._pay_some(self.customers, moves, 8)

    def test_two_profiles_and_what_happens_between(self):
        run = self._bill_and_compare(self.profile, self.period, self._pay_and_credit)
        shuffled = run.invoice_ids.sorted("id")
        posted, cancelled = shuffled[::3], shuffled[1::3]
        deleted, drafts = shuffled[2::6], shuffled[5::6]
        posted._post(soft=False)
        cancelled.button_cancel()
        self._forget(cancelled | deleted)
        deleted.unlink()
        self._assert_remembered()
        self._make_documents(self.customers, 12)
        self._regenerate_and_compare(drafts)
        # Two of three get the other profile, whose weeks overlap the month.
        moved = self.customers.filtered(lambda customer: customer.id % 3)
        moved.billing_profile_id = self.weekly
        self._bill_and_compare(self.weekly, self.week, self._pay_and_credit)
        # A month later the fees themselves are overdue.
        later = self.profile.period_ids.filtered(
            lambda period: period.date_from > self.period.date_to
        ).sorted("date_from")[0]
        day = self.today + relativedelta(days=40)
        run = self._list(later, invoice_date=day)
        expected = self._expect(self.profile, later, day)
        self.assertEqual(
            self._get_listed(run), {key: fee for key, (fee, *_rest) in expected.items()}
        )

    def _regenerate_and_compare(self, drafts):
        if not drafts:
            return
        expected = self._expect(self.profile, self.period, self.today, freed=drafts.ids)
        drafts.action_regenerate()
        keys = {(move.commercial_partner_id.id, move.currency_id.id) for move in drafts}
        expected = {key: found for key, found in expected.items() if key in keys}
        self.assertEqual(
            self._get_billed(drafts), {key: fee for key, (fee, *_rest) in expected.items()}
        )
        self._forget(drafts)
        self._remember(drafts, self.period, expected)
        self._assert_remembered()
