from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ...tools.amounts import round_amount


class ArTotalDue(models.AbstractModel):
    """What a customer is told that his account owes: a figure for each currency.

    He pays each currency for itself; their sum in company currency is for our own screens.
    """

    _name = "ar.total.due"
    _description = "Total Due"

    @api.model
    def _get_currency_balances(self, customers, company):
        """``{customer id: {currency: (amount, amount in company currency)}}``, by one query.

        The account balance by the currencies of its items. What is settled in a currency is
        in it with 0 as long as something of it is open.

        :param customers: commercial partners.
        """
        if not customers:
            return defaultdict(dict)
        line = self.env["account.move.line"].sudo()
        balances = self.env["ar.balance"]

        def get_columns(query, amount, currency_amount):
            currency = line._field_to_sql(query.table, "currency_id", query)
            return [
                SQL("%s AS customer", balances._join_customer(query, customers)),
                SQL("%s AS currency", currency),
                SQL("%s AS currency_amount", currency_amount),
                SQL("%s AS amount", amount),
            ]

        rows = self.env.execute_query(
            SQL(
                "SELECT customer, currency, SUM(currency_amount), SUM(amount) FROM (%s) part "
                "GROUP BY customer, currency ORDER BY customer, currency",
                balances._select_parts(get_columns, company),
            )
        )
        found = defaultdict(dict)
        for customer, currency_id, amount, company_amount in rows:
            currency = self.env["res.currency"].browse(currency_id)
            found[customer][currency] = (
                round_amount(currency, amount),
                round_amount(company.currency_id, company_amount),
            )
        return found

    @api.model
    def _get_totals(self, documents):
        """``{document: total}``: what accounts owe now that these documents are posted.

        The same for all documents of a customer, to be kept as JSON: ``date``; ``total`` and,
        of that, ``total_before`` these documents, in company currency; ``due`` and ``before``,
        the same by ids of currencies.

        :param documents: customer documents that are posted together.
        """
        totals = {}
        by_company = documents.grouped(lambda move: move.company_id.root_id)
        for company, of_company in by_company.items():
            by_customer = of_company.grouped(lambda move: move.partner_id.commercial_partner_id)
            customers = self.env["res.partner"].union(*by_customer)
            balances = self._get_currency_balances(customers, company)
            for customer, moves in by_customer.items():
                total = self._prepare_total(company, balances.get(customer.id, {}), moves)
                totals.update(dict.fromkeys(moves, total))
        return totals

    @api.model
    def _prepare_total(self, company, balances, documents):
        """The total of one customer; ``balances`` are his of ``_get_currency_balances``."""
        due = {currency: amount for currency, (amount, _company_amount) in balances.items()}
        before = dict(due)
        for move in documents:
            currency = move.currency_id
            before[currency] = before.get(currency, 0) - move.amount_total_in_currency_signed
        total = sum(amount for _amount, amount in balances.values())
        total_before = total - sum(documents.mapped("amount_total_signed"))
        return {
            "date": fields.Date.to_string(fields.Date.context_today(self)),
            "total": round_amount(company.currency_id, total),
            "total_before": round_amount(company.currency_id, total_before),
            "due": self._to_json(due),
            "before": self._to_json(before),
        }

    @api.model
    def _to_json(self, amounts):
        """``{currency's id as text: amount}`` of what is not zero."""
        return {
            str(currency.id): currency.round(amount)
            for currency, amount in amounts.items()
            if not currency.is_zero(amount)
        }

    @api.model
    def _from_json(self, amounts, currency):
        """``[(currency, amount)]``, a zero in the given currency if there is nothing else.

        That currency comes first, for the document is in it.
        """
        found = {
            self.env["res.currency"].browse(int(currency_id)): amount
            for currency_id, amount in amounts.items()
        }
        found = found or {currency: 0.0}
        return sorted(found.items(), key=lambda pair: (pair[0] != currency, pair[0].id))
