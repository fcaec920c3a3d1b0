from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...tools import client_actions
from ...tools.balance_class import balance_class
from ...tools.context_keys import CANDIDATES


class ArBillingRunLine(models.Model):
    """A candidate of a billing run: one customer in one currency.

    While the run is a draft, people tick whom they want billed (``selected``).
    """

    _name = "ar.billing.run.line"
    _description = "Billing Run Line"
    _inherit = ["ar.bulk.document.line"]
    _order = "document_id, id"
    _person_creates = False
    _person_deletes = False

    document_id = fields.Many2one(
        "ar.billing.run",
        string="Billing Run",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="document_id.company_id", store=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    period_id = fields.Many2one(related="document_id.period_id", store=True, index=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    partner_tag_ids = fields.Many2many(related="partner_id.category_id", string="Tags")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    selected = fields.Boolean(
        string="Tick", copy=False, help="If anybody is ticked, nobody else is billed."
    )
    is_tickable = fields.Boolean(compute="_compute_is_tickable")
    charge_ids = fields.One2many("ar.billing.charge", "line_id", string="Charges", readonly=True)
    amount_charge = fields.Monetary(
        string="Charge", readonly=True, help="What would be billed, before tax."
    )
    amount_total = fields.Monetary(
        string="Invoice Balance",
        readonly=True,
        help="What the invoice would owe: the charge with tax.",
    )
    account_balance = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        help="What the customer's account owed when the candidates were listed.",
    )
    balance_class = fields.Selection(
        selection=lambda self: self.env["account.move"]._fields["balance_class"].selection,
        readonly=True,
    )
    zero_skipped = fields.Boolean(
        readonly=True, help="Left out by the zero policy, which the pop-up may change."
    )
    invoice_group_id = fields.Many2one(
        "ar.invoice.group", readonly=True, copy=False, ondelete="set null"
    )
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )

    _line_per_customer = models.UniqueIndex(
        "(document_id, partner_id, currency_id)",
        "A billing run has one line per customer and currency.",
    )

    # ------------------------------------------------------------------
    # Ticks
    # ------------------------------------------------------------------

    @api.depends("state", "zero_skipped", "selected", "document_id.state")
    def _compute_is_tickable(self):
        """Whether a tick means anything: also where only the pop-up decides yet.

        Who was ticked before he was left out can be unticked.
        """
        for line in self:
            billable = line.state == "todo" or line.zero_skipped or line.selected
            line.is_tickable = billable and line.document_id.state == "draft"

    def _is_editable(self, name):
        return self.is_tickable if name == "selected" else super()._is_editable(name)

    def _get_refusal(self, name):
        if self and name == "selected":
            return self.env._(
                "%(customer)s of %(run)s cannot be ticked: only who is to be billed can, "
                "until the invoices are created.",
                customer=self.display_name,
                run=self.document_id.display_name,
            )
        return super()._get_refusal(name)

    def action_tick(self):
        """Tick those of these lines that are to be billed.

        :raise UserError: when none is.
        """
        self._write_tick(True)

    def action_untick(self):
        """Take the ticks of these lines away.

        :raise UserError: when none of them is to be billed.
        """
        self._write_tick(False)

    def _write_tick(self, selected):
        self.check_access("write")
        tickable = self.filtered("is_tickable")
        if self and not tickable:
            raise UserError(self[:1]._get_refusal("selected"))
        tickable.write({"selected": selected})

    # ------------------------------------------------------------------
    # Amounts
    # ------------------------------------------------------------------

    def _set_amounts(self):
        """Set charge, total and class: of the charges, or of the invoice there is."""
        positions = self._get_fiscal_positions()
        for line in self:
            if line.state == "skipped" and line.move_id:
                line.amount_charge = line.move_id.amount_untaxed
                line.amount_total = line.move_id.amount_total
                line.balance_class = line.move_id.balance_class
                continue
            charge, total = line._get_totals(positions[line])
            line.amount_charge = charge
            line.amount_total = total
            line.balance_class = line._get_balance_class()

    def _get_totals(self, position):
        """(untaxed, with tax) in the line's currency, as the invoice will compute it."""
        self.ensure_one()
        if not self.charge_ids:
            return 0, 0
        taxes = self.env["account.tax"]
        base_lines = [
            taxes._prepare_base_line_for_taxes_computation(
                charge,
                price_unit=charge.price_unit,
                quantity=charge.quantity,
                discount=charge.discount,
                tax_ids=position.map_tax(charge.tax_ids),
                currency_id=self.currency_id,
                product_id=charge.product_id,
                partner_id=self.partner_id,
                rate=1.0,
            )
            for charge in self.charge_ids
        ]
        taxes._add_tax_details_in_base_lines(base_lines, self.company_id)
        taxes._round_base_lines_tax_details(base_lines, self.company_id)
        totals = taxes._get_tax_totals_summary(base_lines, self.currency_id, self.company_id)
        return totals["base_amount_currency"], totals["total_amount_currency"]

    def _get_balance_class(self):
        """The class that the draft will have: it is no part of the account."""
        account = self.company_currency_id.compare_amounts(self.account_balance, 0)
        invoice = self.currency_id.compare_amounts(self.amount_total, 0)
        return balance_class(account=account, invoice=invoice, besides=account)

    def _get_zero_reason(self, policy=None):
        """Why the zero policy leaves this line out, or False.

        :param policy: another one than the run's.
        """
        self.ensure_one()
        if not self.currency_id.is_zero(self.amount_total):
            return False
        if self.charge_ids.filtered("problem"):
            return False  # to be listed as failed, not hidden by a zero
        own = self.partner_id.with_company(self.company_id).billing_zero_policy or "follow"
        if own == "always":
            return False
        if own == "never":
            return self.env._("Nothing to bill, and this customer never gets a zero invoice.")
        policy = policy or self.document_id.zero_policy
        if policy == "skip_zero":
            return self.env._("Nothing to bill, and zero invoices are not generated.")
        if policy == "skip_settled" and self.company_currency_id.is_zero(self.account_balance):
            return self.env._("Nothing to bill and nothing owed.")
        return False

    def _get_to_bill(self, policy):
        """Those of these lines that a run bills if it has this zero policy."""
        return self.filtered(
            lambda line: (
                (line.state == "todo" or line.zero_skipped) and not line._get_zero_reason(policy)
            )
        )

    # ------------------------------------------------------------------
    # Checks before an invoice is made
    # ------------------------------------------------------------------

    def _skip_billed(self):
        """Leave out whose customer has an invoice of the period by now; return the others."""
        billed = self.document_id._get_billed_invoices(self.partner_id)
        skipped = self.browse()
        for line in self:
            invoice = billed[line.partner_id.id].get(line.currency_id.id)
            if invoice:
                line._write_inside({"move_id": invoice.id})
                line._mark_skipped(line.document_id._get_billed_reason(invoice))
                skipped |= line
        return self - skipped

    def _get_problem(self, locks):
        """A sentence for the bookkeeper, or False.

        :param locks: cache of lock messages by journal and tax.
        """
        self.ensure_one()
        for charge in self.charge_ids:
            if charge.problem:
                return charge.problem
        if not self.partner_id.active:
            return self.env._(
                "%(customer)s was archived meanwhile.", customer=self.partner_id.display_name
            )
        return (
            self._get_account_problem()
            or self._get_balance_line_problem()
            or self._get_lock_problem(locks)
        )

    def _get_account_problem(self):
        customer = self.partner_id.with_company(self.company_id)
        account = customer.property_account_receivable_id
        if not account or not account.active:
            return self.env._(
                "%(customer)s has no usable receivable account. Set one on the customer's "
                "Invoicing page.",
                customer=customer.display_name,
            )
        return False

    def _get_balance_line_problem(self):
        """The zero line of an invoice without charges is booked on the journal's account."""
        journal = self._get_journal()
        if self.charge_ids or journal.default_account_id:
            return False
        return self.env._(
            "The journal %(journal)s has no default income account, which an invoice "
            "without charges needs. Set one on the journal.",
            journal=journal.display_name,
        )

    def _get_lock_problem(self, locks):
        """The invoice date must not be moved silently into another period."""
        run = self.document_id
        journal = self._get_journal()
        key = (run.id, journal.id, bool(self.charge_ids.tax_ids))
        if key not in locks:
            locks[key] = self.company_id._ar_get_closed_period_problem(
                run.invoice_date, journal, key[2]
            )
        return locks[key]

    # ------------------------------------------------------------------
    # The invoice
    # ------------------------------------------------------------------

    def _get_journal(self):
        """The profile's journal; for a balance-only invoice perhaps one of its own."""
        profile = self.document_id.profile_id
        if not self.charge_ids and profile.balance_journal_id:
            return profile.balance_journal_id
        return profile.journal_id

    def _get_invoice_partner(self):
        """The customer's contact for invoices."""
        customer = self.partner_id
        address = customer.address_get(["invoice"])["invoice"]
        if address == customer.id:
            return customer
        # Not by browse, so that the contacts of all customers are read together.
        contacts = (contact for contact in customer.child_ids if contact.id == address)
        return next(contacts, customer.browse(address))

    def _get_fiscal_positions(self):
        """``{line: fiscal position}``; core is asked once for customers who are alike."""
        positions = self.env["account.fiscal.position"].with_company(self.company_id[:1])
        known = {}
        result = {}
        for line in self:
            partner = line._get_invoice_partner().with_company(line.company_id)
            key = line._get_fiscal_position_key(partner)
            if key not in known:
                known[key] = positions._get_fiscal_position(partner)
            result[line] = known[key]
        return result

    def _get_fiscal_position_key(self, partner):
        """What core's choice of a fiscal position depends on."""
        return (
            partner.property_account_position_id.id,
            partner.country_id.id,
            partner.state_id.id,
            partner.zip,
            partner.vat and partner.vat[:2],
        )

    def _prepare_invoices(self):
        """Values of the draft invoices, in the order of the lines."""
        positions = self._get_fiscal_positions()
        return [line._prepare_invoice(positions[line]) for line in self]

    def _prepare_invoice(self, position):
        """Values of one draft invoice."""
        self.ensure_one()
        run = self.document_id
        vals = {
            "move_type": "out_invoice",
            "partner_id": self._get_invoice_partner().id,
            "company_id": self.company_id.id,
            "journal_id": self._get_journal().id,
            "currency_id": self.currency_id.id,
            "fiscal_position_id": position.id,
            "invoice_date": run.invoice_date,
            "invoice_origin": run.name,
            "billing_run_id": run.id,
            "billing_period_id": run.period_id.id,
            "invoice_group_id": self.invoice_group_id.id,
            "invoice_line_ids": [
                Command.create(line_vals) for line_vals in self._prepare_invoice_lines(position)
            ],
        }
        if run.profile_id.payment_term_id:
            vals["invoice_payment_term_id"] = run.profile_id.payment_term_id.id
        return vals

    def _prepare_invoice_lines(self, position):
        """One line per charge; without any, one zero line that says so."""
        if not self.charge_ids:
            return [self._prepare_balance_line()]
        return [charge._prepare_invoice_line(position) for charge in self.charge_ids]

    def _prepare_balance_line(self):
        """The one real line of an invoice that only shows an old balance.

        The old debt is printed beside it, never booked a second time.
        """
        partner = self._get_invoice_partner()
        profile = self.document_id.profile_id.with_context(lang=partner.lang or self.env.lang)
        return {
            "name": profile.balance_line_text,
            "account_id": self._get_journal().default_account_id.id,
            "quantity": 1,
            "price_unit": 0,
            "tax_ids": [Command.clear()],
        }

    def _check_made(self, invoices, vals_list):
        """Ask the database whether the invoices are those that were reviewed; one query.

        :raise UserError: when one has another total, currency, customer or number of lines
            than its line; the sentence is for the bookkeeper.
        """
        invoices.flush_recordset()
        invoices.line_ids.flush_recordset()
        made = {
            move_id: (partner_id, currency_id, count, total)
            for move_id, partner_id, currency_id, count, total in self.env.execute_query(
                SQL(
                    """
                    SELECT move.id, move.partner_id, move.currency_id,
                           COUNT(*) FILTER (WHERE item.display_type = 'product'),
                           move.amount_total
                      FROM account_move move
                 LEFT JOIN account_move_line item ON item.move_id = move.id
                     WHERE move.id IN %s
                  GROUP BY move.id
                    """,
                    tuple(invoices.ids),
                )
            )
        }
        for line, invoice, vals in zip(self, invoices, vals_list, strict=True):
            *kind, total = made[invoice.id]
            meant = [vals["partner_id"], line.currency_id.id, len(vals["invoice_line_ids"])]
            if kind != meant or line.currency_id.compare_amounts(total, line.amount_total):
                raise UserError(line._get_differs_message(total))

    def _get_differs_message(self, total):
        return self.env._(
            "%(customer)s was reviewed with %(reviewed)s, but the invoice would be of %(made)s: "
            "prices, taxes or an addon have changed it. List it again, and look at it.",
            customer=self.partner_id.display_name,
            reviewed=self.currency_id.format(self.amount_total),
            made=self.currency_id.format(total),
        )

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_open_confirm(self):
        """Open the pop-up of Create Invoices: for these lines, if there are any.

        Then these are ticked and no others; else whoever is ticked is billed, or all of
        the list if nobody is.

        :raise UserError: when none of these lines can be ticked, or their run is no draft.
        """
        self.check_access("write")
        shown = self.document_id or self._get_shown_run()
        runs = shown._get_listed_together()
        if not runs:
            raise UserError(shown[:1]._get_wrong_state_message())
        if self:
            runs._tick(self)
        return runs.action_open_confirm()

    @api.model
    def _get_shown_run(self):
        """The run whose list this is, as its window says."""
        run_id = self.env.context.get(CANDIDATES)
        runs = self.env["ar.billing.run"]
        run = runs.search([("id", "=", run_id)]) if type(run_id) is int else runs
        if not run:
            raise UserError(self.env._("Open the list of customers from its billing run."))
        return run

    def action_open(self):
        """The charges of the customer; the invoice once there is one."""
        self.ensure_one()
        return client_actions.form(self.move_id or self)

    @api.depends("partner_id", "currency_id")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.partner_id.display_name
