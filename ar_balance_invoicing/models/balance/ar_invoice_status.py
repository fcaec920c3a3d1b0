from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.balance_class import balance_class, balance_class_sql

# What core says of an invoice of which nothing is open.
PAID = ("in_payment", "paid")
# The total that the list shows, so that it is read once.
TOTAL = "amount_total_in_currency_signed"


class ArInvoiceStatus(models.AbstractModel):
    """What is said of an invoice that core calls paid though nobody has paid.

    An invoice of zero that a billing run made tells of an account, and says how that stands.
    Its ``payment_state`` stays core's, which reports and other addons read.
    """

    _name = "ar.invoice.status"
    _description = "Status of an Invoice"

    @api.model
    def _get_billed_domain(self):
        """Domain on ``account.move``: made by a billing run; whoever makes some adds them."""
        return Domain.FALSE

    @api.model
    def _get_status_domain(self):
        """Domain on ``account.move``: the invoices of which the account is the status."""
        sale_types = self.env["account.move"].get_sale_types(include_receipts=True)
        return (
            Domain("state", "=", "posted")
            & Domain("payment_state", "in", PAID)
            & Domain("move_type", "in", sale_types)
            & Domain(TOTAL, "=", 0)
            & self._get_billed_domain()
        )

    @api.model
    def _get_account_statuses(self, moves):
        """``{invoice: balance_only, nothing_owed or credit}`` of those that the account decides.

        A few queries for all of them, and none for a page without such invoices.
        """
        paid = moves.filtered(lambda move: move.state == "posted" and move.payment_state in PAID)
        # Whoever reads an invoice, in the portal too, reads its status.
        paid = paid.sudo()
        # Else the first field touched would have all others read as well.
        paid._origin.fetch([TOTAL])
        of_zero = paid.filtered(lambda move: not move[TOTAL])
        if not of_zero:
            return {}
        domain = self._get_status_domain()
        of_zero._origin.fetch({condition.field_expr for condition in domain.iter_conditions()})
        statuses = {}
        for move in of_zero.filtered_domain(domain):
            sign = move.company_currency_id.compare_amounts(move.account_balance, 0)
            statuses[move] = balance_class(account=sign, invoice=0, besides=sign)
        return statuses

    @api.model
    def _account_status_to_sql(self, moves, alias, query, otherwise):
        """The same for every row of a query.

        :param otherwise: SQL of the status of all other invoices.
        """
        moves = moves.sudo()
        condition = self._get_status_domain().optimize_full(moves)
        account = moves._field_to_sql(alias, "account_balance", query)
        return SQL(
            "CASE WHEN %s THEN CASE %s END ELSE %s END",
            condition._to_sql(moves, alias, query),
            balance_class_sql(account=account, invoice=SQL("0"), besides=account),
            otherwise,
        )
