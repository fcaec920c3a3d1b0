from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.balance_class import OTHER, balance_class, balance_class_sql

BALANCE_GROUPS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    _inherit = "account.move"

    invoice_balance = fields.Monetary(
        compute="_compute_invoice_balance",
        search="_search_invoice_balance",
        currency_field="company_currency_id",
        help="What this invoice owes, in company currency. A draft counts its total, a "
        "cancelled invoice nothing. What is matched with a draft only is owed.",
    )
    account_balance = fields.Monetary(
        compute="_compute_account_balance",
        search="_search_account_balance",
        currency_field="company_currency_id",
        # A customer would be counted once per invoice.
        aggregator=None,
        groups=BALANCE_GROUPS,
        help="What the customer's account owes, in company currency: all posted, open "
        "receivable items of the commercial entity in this company, unapplied payments "
        "and credit notes included. Drafts do not count.",
    )
    balance_class = fields.Selection(
        [
            ("service_balance", "Service and balance"),
            ("service_only", "Service only"),
            ("balance_only", "Balance only"),
            ("nothing_owed", "Nothing owed"),
            ("credit", "Credit"),
            ("other", "Settled or other"),
        ],
        compute="_compute_balance_class",
        search="_search_balance_class",
        groups=BALANCE_GROUPS,
        help="What this invoice owes against what the customer's account owes besides.\n"
        "Credit: the account balance is below zero.\n"
        "Service and balance: this invoice owes, and so does the account besides it.\n"
        "Service only: this invoice is all there is.\n"
        "Balance only: nothing on this invoice, but the account owes.\n"
        "Nothing owed: neither.\n"
        "Settled or other: paid and cancelled invoices, credit notes.",
    )

    amount_written_off = fields.Monetary(
        compute="_compute_amount_written_off",
        store=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="The part of this document that write-offs have settled, in its currency.",
    )
    write_off_state = fields.Selection(
        [("none", "Not written off"), ("partial", "Partly written off"), ("full", "Written off")],
        compute="_compute_write_off_state",
        store=True,
        copy=False,
        groups=BALANCE_GROUPS,
        help="Written off: nothing is owed any more, and part or all of it was never paid.",
    )
    status_in_payment = fields.Selection(
        selection_add=[
            ("balance_only", "Balance only"),
            ("nothing_owed", "Nothing owed"),
            ("credit", "In credit"),
        ],
        string="Invoice Status",
        search="_search_ar_status",
        help="Core's status; of an invoice of zero that a billing run made, what the "
        "customer's account owes besides it.",
    )
    customer_tag_ids = fields.Many2many(
        related="commercial_partner_id.category_id",
        string="Customer Tags",
        groups=BALANCE_GROUPS,
    )

    # ------------------------------------------------------------------
    # Invoice balance
    # ------------------------------------------------------------------

    @api.depends("amount_residual_signed", "amount_total_signed", "state")
    def _compute_invoice_balance(self):
        # What has no matching at all, or no receivable, cannot be matched with a draft.
        matched = self._origin.filtered(
            lambda move: (
                move.state == "posted" and move.amount_residual_signed != move.amount_total_signed
            )
        )
        amounts = self.env["ar.draft.matching"]._get_amounts("move_id", matched.ids)
        self._ar_put_amounts(
            "invoice_balance",
            [
                move._ar_get_invoice_balance(amounts.get(move._origin.id, (0, 0))[0])
                for move in self
            ],
        )

    def _ar_get_invoice_balance(self, matched_with_drafts):
        """What one document owes, in company currency.

        :param matched_with_drafts: what core takes for settled by documents not posted.
        """
        if self.state == "cancel":
            return 0.0
        if self.state == "draft" and self.is_invoice(include_receipts=True):
            return self.amount_total_signed
        residual = self.amount_residual_signed
        if not matched_with_drafts:
            return residual
        return self.company_currency_id.round(residual + matched_with_drafts)

    def _ar_invoice_balance_to_sql(self, alias, query):
        """The same, for every row of a query."""
        matched = self.env["ar.draft.matching"]._join(
            query, alias, "move_id", self._field_to_sql(alias, "id", query)
        )
        return SQL(
            """CASE WHEN %(state)s = 'cancel' THEN 0
                    WHEN %(state)s = 'draft' AND %(move_type)s != 'entry'
                    THEN COALESCE(%(total)s, 0)
                    ELSE COALESCE(%(residual)s, 0) + COALESCE(%(matched)s, 0)
               END""",
            state=self._field_to_sql(alias, "state", query),
            move_type=self._field_to_sql(alias, "move_type", query),
            total=self._field_to_sql(alias, "amount_total_signed", query),
            residual=self._field_to_sql(alias, "amount_residual_signed", query),
            matched=SQL.identifier(matched, "amount"),
        )

    def _search_invoice_balance(self, operator, value):
        field = self._fields["invoice_balance"]
        return self.env["ar.amount.search"]._get_domain(field, operator, value)

    # ------------------------------------------------------------------
    # Account balance
    # ------------------------------------------------------------------

    @api.depends("commercial_partner_id", "company_id", "state", "amount_residual")
    def _compute_account_balance(self):
        balances = self.env["ar.balance"]
        # Once for all: record by record, the change of rights costs more than the rest.
        complete = self.sudo()
        partners = complete.commercial_partner_id._origin
        # Nothing else of them is needed here, and a customer has many columns.
        partners.fetch(["commercial_partner_id"])
        customers = {partner.id: partner.commercial_partner_id.id for partner in partners}
        figures = balances._get_figures(partners.commercial_partner_id, ["account_balance"])
        one_root = all(root is None for _customer, root in figures)
        amounts = []
        for move in complete:
            customer = customers.get(move.commercial_partner_id._origin.id)
            root = None if one_root else move.company_id.root_id.id
            amounts.append(figures.get((customer, root), [0.0])[0])
        self._ar_put_amounts("account_balance", amounts)

    def _search_account_balance(self, operator, value):
        field = self._fields["account_balance"]
        return self.env["ar.amount.search"]._get_domain(field, operator, value)

    # ------------------------------------------------------------------
    # Balance class
    # ------------------------------------------------------------------

    @api.depends("account_balance", "invoice_balance", "amount_total_signed", "state", "move_type")
    def _compute_balance_class(self):
        for move in self:
            move.balance_class = move._ar_get_balance_class()

    def _ar_get_balance_class(self):
        """Class of one customer document (see ``tools/balance_class.py``); False for any other.

        A draft is no part of its account's balance; a posted invoice is, so its own
        residual is taken off: the class stays the same when an invoice is confirmed.
        An invoice that was paid had a service on it, so it is not "balance only".
        """
        self.ensure_one()
        if not self.is_sale_document(include_receipts=True):
            return False
        currency = self.company_currency_id
        if not currency:
            return False  # in a form that has no company yet
        invoice, account = self.invoice_balance, self.account_balance
        settled = currency.is_zero(invoice) and not currency.is_zero(self.amount_total_signed)
        if settled or self.state == "cancel" or self.move_type == "out_refund":
            return OTHER
        besides = account - (invoice if self.state == "posted" else 0)
        return balance_class(
            account=currency.compare_amounts(account, 0),
            invoice=currency.compare_amounts(invoice, 0),
            besides=currency.compare_amounts(besides, 0),
        )

    def _ar_balance_class_to_sql(self, alias, query):
        """The same decision as ``_ar_get_balance_class``, for every row of a query."""

        def column(name):
            return self._field_to_sql(alias, name, query)

        account, invoice = column("account_balance"), column("invoice_balance")
        posted = SQL("CASE WHEN %s = 'posted' THEN %s ELSE 0 END", column("state"), invoice)
        return SQL(
            """CASE
                WHEN %(move_type)s NOT IN %(sale_types)s THEN NULL
                WHEN %(state)s = 'cancel' OR %(move_type)s = 'out_refund'
                    OR (%(invoice)s = 0 AND COALESCE(%(total)s, 0) != 0) THEN %(other)s
                %(rules)s
            END""",
            state=column("state"),
            move_type=column("move_type"),
            sale_types=tuple(self.get_sale_types(include_receipts=True)),
            invoice=invoice,
            total=column("amount_total_signed"),
            other=OTHER,
            rules=balance_class_sql(
                account=account,
                invoice=invoice,
                besides=SQL("(%s - %s)", account, posted),
            ),
        )

    def _search_balance_class(self, operator, value):
        return self._ar_search_computed_selection("balance_class", operator, value)

    @api.model
    def _ar_search_computed_selection(self, name, operator, value):
        """Domain of the documents whose selection, computed by SQL, is among the values."""
        if operator != "in":
            return NotImplemented
        wanted = set(value)
        named = tuple(key for key in wanted if key)
        without = len(named) < len(wanted)

        def to_sql(model, alias, query):
            column = model._field_to_sql(alias, name, query)
            conditions = [SQL("(%s IS NULL)", column)] if without else []
            if named:
                conditions.append(SQL("(%s IN %s) IS TRUE", column, named))
            return SQL("(%s)", SQL(" OR ").join(conditions)) if conditions else SQL("FALSE")

        return Domain.custom(to_sql=to_sql, predicate=lambda move: (move[name] or False) in wanted)

    # ------------------------------------------------------------------
    # Status
    # ------------------------------------------------------------------

    @api.depends("amount_total_in_currency_signed", "account_balance")
    def _compute_status_in_payment(self):
        result = super()._compute_status_in_payment()
        statuses = self.env["ar.invoice.status"]._get_account_statuses(self)
        for move, status in statuses.items():
            move.with_env(self.env).status_in_payment = status
        return result

    def _search_ar_status(self, operator, value):
        domain = self._ar_search_computed_selection("status_in_payment", operator, value)
        if operator != "in":
            return domain
        # Core's list tells these two apart, its SQL does not.
        for status, sent in (("sent", True), ("posted", False)):
            if status in value:
                waiting = Domain("status_in_payment", "=", "not_paid")
                domain |= waiting & Domain("is_move_sent", "=", sent)
        return domain

    def _ar_get_status_word(self):
        """What is said instead of core's “Paid”, in the reader's language; else False."""
        self.ensure_one()
        status = self.status_in_payment
        if status not in self._ar_get_own_statuses():
            return False
        return dict(self._fields["status_in_payment"]._description_selection(self.env))[status]

    @api.model
    def _ar_get_own_statuses(self):
        """The statuses that stand instead of core's “Paid”."""
        return ["balance_only", "nothing_owed", "credit"]

    def _track_subtype(self, initial_values):
        """No “Invoice Paid” for followers of what nobody has paid."""
        if "payment_state" in initial_values and self._ar_get_status_word():
            initial_values = {
                name: value for name, value in initial_values.items() if name != "payment_state"
            }
        return super()._track_subtype(initial_values)

    def _mail_track(self, tracked_fields, initial_values):
        """The chatter says the status that the list says."""
        changes, values = super()._mail_track(tracked_fields, initial_values)
        if "payment_state" in changes and (word := self._ar_get_status_word()):
            field = self.env["ir.model.fields"]._get(self._name, "payment_state")
            for _command, _id, tracked in values:
                if tracked["field_id"] == field.id:
                    tracked["new_value_char"] = word
        return changes, values

    # ------------------------------------------------------------------
    # Written off
    # ------------------------------------------------------------------

    @api.depends("amount_residual", "line_ids.matched_debit_ids", "line_ids.matched_credit_ids")
    def _compute_amount_written_off(self):
        balances = self.env["ar.balance"]
        amounts = balances._get_written_off(self._origin, settled="move_id", in_currency=True)
        # An entry can have items in other currencies than its own.
        mixed = self._origin.filtered(
            lambda move: (
                move.id in amounts
                and not move.is_invoice(include_receipts=True)
                and move.currency_id == move.company_currency_id
                and move.line_ids.currency_id - move.currency_id
            )
        )
        booked = balances._get_written_off(mixed, settled="move_id")
        amounts |= {move_id: abs(amount) for move_id, amount in booked.items()}
        for move in self:
            move.amount_written_off = amounts.get(move._origin.id, 0)

    @api.depends("amount_written_off", "amount_residual")
    def _compute_write_off_state(self):
        for move in self:
            currency = move.currency_id
            # A form whose currency was just emptied has none.
            if not currency or currency.is_zero(move.amount_written_off):
                move.write_off_state = "none"
            else:
                move.write_off_state = "full" if move._ar_is_settled() else "partial"

    def _ar_is_settled(self):
        """Whether nothing is owed on a document any more, by none of its customers."""
        self.ensure_one()
        if self.is_invoice(include_receipts=True):
            return self.currency_id.is_zero(self.amount_residual)
        # Core knows no residual of other entries, which can concern several customers.
        items = self.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        return all(items.mapped("reconciled"))

    # ------------------------------------------------------------------
    # SQL
    # ------------------------------------------------------------------

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr == "account_balance":
            self._check_field_access(self._fields[field_expr], "read")
            # The commercial entity as it is today: an invoice keeps the one of its
            # day when its customer is later put below another company.
            partner = None
            # Not its truth: asking a query whether it is true runs it.
            if query is not None:
                partner = query.make_alias(alias, "ar_customer")
                condition = SQL(
                    "%s = %s",
                    super()._field_to_sql(alias, "commercial_partner_id", query),
                    SQL.identifier(partner, "id"),
                )
                query.add_join("LEFT JOIN", partner, "res_partner", condition)
            return self.env["ar.balance"]._figure_to_sql(
                query,
                alias,
                field_expr,
                customer=SQL.identifier(partner or alias, "commercial_partner_id"),
                company_sql=super()._field_to_sql(alias, "company_id", query),
            )
        if field_expr == "invoice_balance":
            self._check_field_access(self._fields[field_expr], "read")
            return self._ar_invoice_balance_to_sql(alias, query)
        if field_expr == "balance_class":
            self._check_field_access(self._fields[field_expr], "read")
            return self._ar_balance_class_to_sql(alias, query)
        value = super()._field_to_sql(alias, field_expr, query)
        if field_expr == "status_in_payment":
            return self.env["ar.invoice.status"]._account_status_to_sql(self, alias, query, value)
        return value
