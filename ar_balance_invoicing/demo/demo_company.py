import random
from collections import defaultdict

from dateutil.relativedelta import relativedelta

from odoo import Command, fields

from .accounts import ACCOUNTS

MODULE = "ar_balance_invoicing"
SEED = 19


class DemoCompany:
    """Makes the documents of the demo customers, so that every screen shows something.

    XML cannot post, pay and match with dates that follow today's; this does. Everything is
    made in batches, and is the same each time but for the dates. No model of its own; the
    demo files reach it by ``res.company._ar_load_demo``.
    """

    def __init__(self, env):
        company = env.ref("base.main_company")
        silent = dict(tracking_disable=True, mail_create_nolog=True, mail_notrack=True)
        self.company = company.with_company(company).with_context(**silent)
        self.env = self.company.env

    # ------------------------------------------------------------------
    # Called by the demo files
    # ------------------------------------------------------------------

    def load_chart(self):
        """Give the main company a chart of accounts if `account` did not do so."""
        if not self.company.chart_template:
            self.env["account.chart.template"].try_loading("generic_coa", self.company)

    def create_documents(self):
        """Create the documents of all demo customers, once.

        Who deleted customers in the meantime gets documents for the others.
        """
        customers = self._get_customers()
        if self._has_documents(customers.values()):
            return
        documents = self._create_moves(customers)
        posted = documents["invoice"] | documents["credit_note"]
        posted._post(soft=False)
        posted.filtered("partner_id.email").is_move_sent = True
        documents["cancelled"].button_cancel()
        self._match(customers, posted)
        self._block_disputed(customers, documents["invoice"])
        self._set_up_billing(customers)
        self._make_group(posted)

    def _make_group(self, invoices):
        """What is open for long, to be looked at together."""
        long_ago = fields.Date.context_today(self.company) - relativedelta(days=60)
        overdue = invoices.filtered(
            lambda move: (
                move.move_type == "out_invoice"
                and move.payment_state in ("not_paid", "partial")
                and move.invoice_date_due < long_ago
            )
        )
        group = self.env["ar.invoice.group"].create(
            {"name": self.env._("Long overdue"), "user_id": self.env.ref("base.user_admin").id}
        )
        group.add_invoices(overdue)

    # ------------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------------

    def _get_customers(self):
        """{key in ``ACCOUNTS``: partner}"""
        found = {
            key: self.env.ref(f"{MODULE}.partner_{key}", raise_if_not_found=False)
            for key in ACCOUNTS
        }
        return {key: customer for key, customer in found.items() if customer}

    def _has_documents(self, customers):
        ids = [customer.id for customer in customers]
        return bool(
            self.env["account.move"].search_count([("commercial_partner_id", "in", ids)], 1)
        )

    def _get_currency(self, customer):
        """Canadians are billed in Canadian dollars, everybody else in the company's."""
        if customer.country_id == self.env.ref("base.ca"):
            return self.env.ref("base.CAD")
        return self.env.company.currency_id

    def _get_random(self, *parts):
        """Chance that does not depend on what else is made, nor on the order."""
        return random.Random("/".join(map(str, (SEED, *parts))))

    def _get_product(self, key):
        return self.env.ref(f"{MODULE}.product_{key}")

    # ------------------------------------------------------------------
    # Documents
    # ------------------------------------------------------------------

    def _create_moves(self, customers):
        """Create all documents as drafts; returns them by role.

        In order of date, so that numbers rise with the dates.
        """
        planned = [
            (role, vals)
            for key, customer in customers.items()
            for role, vals in self._prepare_documents(key, customer)
        ]
        planned.sort(key=lambda document: document[1]["invoice_date"])
        moves = self.env["account.move"].create([vals for _role, vals in planned])
        documents = defaultdict(self.env["account.move"].browse)
        for (role, _vals), move in zip(planned, moves, strict=True):
            documents[role] |= move
        return documents

    def _prepare_documents(self, key, customer):
        """[(role, values of ``account.move``)] of one customer."""
        account, today = ACCOUNTS[key], fields.Date.context_today(self.company)
        documents = []
        for months in range(account.first, account.last - 1, -1):
            date = today.replace(day=1) - relativedelta(months=months)
            lines = self._prepare_service_lines(key, account, date - relativedelta(months=1))
            documents.append(("invoice", self._prepare_move(customer, date, lines)))
        if account.credit_note:
            date = today - relativedelta(days=self._get_random(key, "credit").randint(3, 20))
            line = self._prepare_line(account.service, price=account.credit_note)
            line["name"] = "Credit for missed pickups"
            vals = self._prepare_move(customer, date, [line], "out_refund")
            documents.append(("credit_note", vals))
        if account.cancelled:
            line = self._prepare_line("cart_extra", quantity=2)
            documents.append(("cancelled", self._prepare_move(customer, today, [line])))
        return documents

    def _prepare_move(self, customer, date, lines, move_type="out_invoice"):
        """Values of a document, addressed to the billing contact if there is one."""
        return {
            "move_type": move_type,
            "partner_id": customer.address_get(["invoice"])["invoice"],
            "currency_id": self._get_currency(customer).id,
            "invoice_date": date,
            "invoice_line_ids": [Command.create(line) for line in lines],
        }

    def _prepare_service_lines(self, key, account, month):
        """The month's service, and now and then something extra."""
        chance = self._get_random(key, month.month)
        lines = [self._prepare_line(account.service, account.quantity, month=month)]
        if account.service == "haul":
            tons = round(chance.uniform(2, 5) * account.quantity, 2)
            lines.append(self._prepare_line("disposal", tons, month=month))
        elif chance.random() < 0.25:
            lines.append(self._prepare_line("cart_extra", chance.randint(1, 3), month=month))
        return lines

    def _prepare_line(self, product, quantity=1, price=None, month=None):
        product = self._get_product(product)
        name = product.name
        if month:
            name = f"{name}, {month:%B %Y}"
        return {
            "product_id": product.id,
            "name": name,
            "quantity": quantity,
            "price_unit": product.list_price if price is None else price,
        }

    # ------------------------------------------------------------------
    # Payments
    # ------------------------------------------------------------------

    def _match(self, customers, posted):
        """Pay what was paid, and match it and the credit notes with the invoices."""
        by_customer = posted.grouped("commercial_partner_id")
        planned = [
            matching
            for key, customer in customers.items()
            for matching in self._prepare_matchings(
                key, customer, by_customer[customer].sorted("invoice_date")
            )
        ]
        payments = self.env["account.payment"].create([vals for vals, _moves in planned if vals])
        payments.action_post()
        remaining = iter(payments)
        plan = []
        for vals, moves in planned:
            entries = moves | next(remaining).move_id if vals else moves
            if moves:
                plan.append(self._get_open_lines(entries))
        self.env["account.move.line"]._reconcile_plan(plan)

    def _get_open_lines(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable" and not line.reconciled
        )

    def _prepare_matchings(self, key, customer, moves):
        """[(values of a payment or None, documents to match with it)] of one customer."""
        account, nothing = ACCOUNTS[key], self.env["account.move"]
        credit_notes = moves.filtered(lambda move: move.move_type == "out_refund")
        invoices = moves - credit_notes
        count = len(invoices) - account.unpaid
        paid, unpaid = invoices[:count], invoices[count:]
        matchings = []
        for invoice in paid:
            short = account.short if invoice == paid[-1] else 0
            amount = invoice.amount_total - short
            matchings.append((self._prepare_payment(customer, amount, invoice), invoice))
        if account.part:
            amount = unpaid[0].currency_id.round(unpaid[0].amount_total * account.part)
            matchings.append((self._prepare_payment(customer, amount, unpaid[0]), unpaid[0]))
        if account.credit_applied:
            matchings.append((None, unpaid[0] | credit_notes))
        if account.on_account:
            vals = self._prepare_payment(customer, account.on_account, invoices[-1])
            matchings.append((vals, nothing))
        return matchings

    def _prepare_payment(self, customer, amount, invoice):
        """Values of a payment some days after an invoice, but not after today."""
        chance = self._get_random(customer.name, invoice.invoice_date.month, amount)
        date = invoice.invoice_date + relativedelta(days=chance.randint(4, 26))
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": customer.id,
            "amount": amount,
            "currency_id": invoice.currency_id.id,
            "date": min(date, fields.Date.context_today(self.company)),
            "journal_id": self._get_bank_journal().id,
            "memo": f"Check {chance.randint(10000, 99999)}",
        }

    def _get_bank_journal(self):
        return self.env["account.journal"].search(
            [
                *self.env["account.journal"]._check_company_domain(self.env.company),
                ("type", "=", "bank"),
            ],
            limit=1,
        )

    # ------------------------------------------------------------------
    # Disputes
    # ------------------------------------------------------------------

    def _block_disputed(self, customers, invoices):
        """Block the oldest open invoice of customers who dispute it."""
        by_customer = invoices.grouped("commercial_partner_id")
        for key, customer in customers.items():
            if ACCOUNTS[key].disputed:
                theirs = by_customer[customer].sorted("invoice_date")
                unpaid = theirs.filtered(lambda move: move.payment_state == "not_paid")
                unpaid[:1].action_toggle_block_payment()

    # ------------------------------------------------------------------
    # Billing
    # ------------------------------------------------------------------

    def _set_up_billing(self, customers):
        """This month is left to Create Invoices: everybody's profile, and the services."""
        profile = self.env.ref(f"{MODULE}.billing_profile_monthly")
        profile._make_periods()
        self.env["res.partner"].union(*customers.values()).billing_profile_id = profile
        self.env["ar.billing.service"].create(
            [
                self._prepare_service(key, customer)
                for key, customer in customers.items()
                if ACCOUNTS[key].billed
            ]
        )
        on_hold = self.env["res.partner"].union(
            *(customer for key, customer in customers.items() if ACCOUNTS[key].disputed)
        )
        on_hold[:1].write({"billing_hold": True, "billing_hold_reason": "Disputed invoice"})

    def _prepare_service(self, key, customer):
        account = ACCOUNTS[key]
        product = self._get_product(account.service)
        today = fields.Date.context_today(self.company)
        return {
            "partner_id": customer.id,
            "product_id": product.id,
            "name": product.name,
            "quantity": account.quantity,
            "price_unit": product.list_price,
            "currency_id": self._get_currency(customer).id,
            "date_from": today.replace(day=1) - relativedelta(months=account.first),
        }
