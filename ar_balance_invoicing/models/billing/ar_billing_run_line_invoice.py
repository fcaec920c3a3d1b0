"""The invoice of a candidate: what stands against it, its values, and whether it was made so."""

from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class ArBillingRunLine(models.Model):
    """Makes the invoices of candidates."""

    _inherit = "ar.billing.run.line"

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

    def _skip_zero(self):
        """Leave out whom the zero policy leaves out by what he owes now; return the others."""
        zero = self.filtered(lambda line: line._is_zero_candidate())
        zero._refresh_balances()
        return (self - zero) | zero._skip_each(lambda line: line._get_zero_reason())

    def _is_zero_candidate(self):
        """Whether nothing would be billed, so that what the account owes may decide."""
        return self.state == "todo" and self.currency_id.is_zero(self.amount_total)

    def _refresh_balances(self):
        """What the accounts owe at this moment, and the class that follows; one query."""
        if not self:
            return
        figures = self.env["ar.balance"]._get_figures(
            self.partner_id, ["account_balance"], self.company_id
        )
        for line in self._inside():
            balance = figures.get((line.partner_id.id, None), [0])[0]
            if line.company_currency_id.compare_amounts(balance, line.account_balance):
                line.account_balance = balance
                line.balance_class = line._get_balance_class()

    def _get_problem(self, locks):
        """A sentence for the bookkeeper, or False.

        :param locks: cache of lock messages by journal and tax.
        """
        self.ensure_one()
        for charge in self.charge_ids:
            if charge.problem:
                return charge.problem
        return (
            self._get_customer_problem()
            or self._get_account_problem()
            or self._get_balance_line_problem()
            or self._get_lock_problem(locks)
        )

    def _get_customer_problem(self):
        """Why the customer would not be listed (so) any more."""
        customer = self.partner_id.with_company(self.company_id)
        profile = self.document_id.profile_id
        if not customer.active:
            return self.env._(
                "%(customer)s was archived meanwhile.", customer=customer.display_name
            )
        if customer.billing_hold:
            return self.document_id._get_hold_reason(customer)
        if customer.commercial_partner_id != customer:
            return self.env._(
                "%(customer)s was put below %(parent)s meanwhile. List the customers again.",
                customer=customer.display_name,
                parent=customer.commercial_partner_id.display_name,
            )
        if self.period_id and customer.billing_profile_id != profile:
            return self.env._(
                "%(customer)s does not have the billing profile “%(profile)s” any more. List "
                "the customers again.",
                customer=customer.display_name,
                profile=profile.display_name,
            )
        return False

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
