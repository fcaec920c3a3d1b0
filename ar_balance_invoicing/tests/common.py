"""Accounting data of every kind, and the ledger's own answer about it."""

import os
import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import Command, fields

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .helpers import Helpers

IN_CI = bool(os.environ.get("CI"))


def new_seed(variable="AR_SEED"):
    """A seed that is printed, and can be named to see the same data again.

    By hand each run looks at other data; in CI, where chance must not decide what
    lands, at the same.
    """
    named = os.environ.get(variable) or (IN_CI and "19")
    return int(named) if named else random.SystemRandom().randrange(10**6)


class BalanceCommon(Helpers, AccountTestInvoicingCommon):
    """Three ledgers: the company with a branch, and another company in another currency."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.today = fields.Date.context_today(cls.env.user)
        cls.foreign = cls.setup_other_currency("EUR")
        cls.branch = cls._create_company(name="Branch", parent_id=cls.company.id)
        cls.other_data = cls.setup_other_company(name="Other", currency_id=cls.foreign.id)
        cls.other = cls.other_data["company"]
        cls.env.user.company_ids |= cls.branch | cls.other
        cls.env = cls.env(
            context={**cls.env.context, "allowed_company_ids": [cls.company.id, cls.branch.id]}
        )
        cls.term_30 = cls._make_term("30 days", [(100, 30)])
        cls.term_parts = cls._make_term(
            "30 % now, the rest in 2 parts", [(30, 0), (35, 30), (35, 60)]
        )

    @classmethod
    def _make_term(cls, name, parts):
        return cls.env["account.payment.term"].create(
            {
                "name": name,
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": share, "nb_days": days})
                    for share, days in parts
                ],
            }
        )

    # --- documents ----------------------------------------------------------

    @classmethod
    def _invoice_vals(cls, customer, amount, days_ago=0, company=None, **values):
        """Values of a customer invoice of one line, by default without tax."""
        company = company or cls.company
        data = cls.other_data if company == cls.other else cls.company_data
        date = cls.today - timedelta(days=days_ago)
        taxes = values.pop("taxes", cls.env["account.tax"])
        return {
            "move_type": "out_invoice",
            "company_id": company.id,
            "partner_id": customer.id,
            "invoice_date": date,
            "date": date,
            "journal_id": data["default_journal_sale"].id,
            "invoice_payment_term_id": cls.pay_terms_a.id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": "Pick-up",
                        "quantity": 1,
                        "price_unit": amount,
                        "account_id": data["default_account_revenue"].id,
                        "tax_ids": [Command.set(taxes.ids)],
                    }
                )
            ],
            **values,
        }

    @classmethod
    def _invoice(cls, customer, amount, post=True, **values):
        vals = cls._invoice_vals(customer, amount, **values)
        invoice = cls.env["account.move"].with_company(vals["company_id"]).create(vals)
        if post:
            invoice._post(soft=False)
        return invoice

    @classmethod
    def _pay(cls, customer, amount, invoices=None, days_ago=0, company=None, currency=None):
        """A posted customer payment, matched with the invoices if any are named."""
        company = company or cls.company
        data = cls.other_data if company == cls.other else cls.company_data
        payment = (
            cls.env["account.payment"]
            .with_company(company)
            .create(
                {
                    "payment_type": "inbound",
                    "partner_type": "customer",
                    "partner_id": customer.id,
                    "amount": amount,
                    "date": cls.today - timedelta(days=days_ago),
                    "journal_id": data["default_journal_bank"].id,
                    "currency_id": (currency or company.currency_id).id,
                }
            )
        )
        payment.action_post()
        if invoices:
            lines = (payment.move_id + invoices).line_ids
            lines.filtered(
                lambda line: line.account_type == "asset_receivable" and not line.reconciled
            ).reconcile()
        return payment

    # --- the ledger ---------------------------------------------------------

    @classmethod
    def _ledger(cls, query, *parameters):
        cls.env.flush_all()
        cls.env.cr.execute(query, parameters)
        return cls.env.cr.fetchall()

    @classmethod
    def _ledger_balances(cls):
        """{(customer, root company): balance}: every posted receivable line there is.

        Summed over debits and credits, without residuals, flags or matching: what a
        general ledger printed on paper would add up to.
        """
        rows = cls._ledger(
            """
            SELECT partner.commercial_partner_id,
                   split_part(company.parent_path, '/', 1)::int,
                   SUM(line.debit - line.credit)::text
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN res_company company ON company.id = move.company_id
              JOIN res_partner partner ON partner.id = line.partner_id
             WHERE move.state = 'posted' AND account.account_type = 'asset_receivable'
          GROUP BY 1, 2
            """
        )
        # Odoo reads numeric as float; a ledger is exact.
        return defaultdict(
            Decimal, {(customer, root): Decimal(amount) for customer, root, amount in rows}
        )

    @classmethod
    def _ledger_open_items(cls, company):
        """[(customer, due date, invoice date, open amount)] from lines and matchings.

        A matching counts when the documents of both of its sides are posted.
        """
        rows = cls._ledger(
            """
            WITH matched AS (
                SELECT partial.*
                  FROM account_partial_reconcile partial
                  JOIN account_move_line debit ON debit.id = partial.debit_move_id
                  JOIN account_move debited ON debited.id = debit.move_id
                  JOIN account_move_line credit ON credit.id = partial.credit_move_id
                  JOIN account_move credited ON credited.id = credit.move_id
                 WHERE debited.state = 'posted' AND credited.state = 'posted'
            )
            SELECT partner.commercial_partner_id,
                   COALESCE(line.date_maturity, move.date),
                   COALESCE(move.invoice_date, move.date),
                   (line.debit - line.credit
                     - COALESCE((SELECT SUM(matched.amount) FROM matched
                                  WHERE matched.debit_move_id = line.id), 0)
                     + COALESCE((SELECT SUM(matched.amount) FROM matched
                                  WHERE matched.credit_move_id = line.id), 0))::text
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN res_company company ON company.id = move.company_id
              JOIN res_partner partner ON partner.id = line.partner_id
             WHERE move.state = 'posted' AND account.account_type = 'asset_receivable'
               AND split_part(company.parent_path, '/', 1)::int = %s
            """,
            company.root_id.id,
        )
        return [(*row, Decimal(amount)) for *row, amount in rows]
