"""The invoice of a candidate: what stands against it, its values, and whether it was made so."""

from itertools import chain

from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import SQL

# Kinds of lines of an invoice that somebody enters; core makes the others.
TYPED = ("product", "line_section", "line_subsection", "line_note")


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
        if not customer.active and self.period_id:
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

    def _get_delivery_partner(self):
        """Where core takes an invoice to be delivered to: asked for the contact for invoices."""
        partner = self._get_invoice_partner()
        address = partner.address_get(["delivery"])["delivery"]
        if address == partner.id:
            return partner
        # One after another and not as one set, so that those of all customers are read together.
        near = chain(self.partner_id, self.partner_id.child_ids, partner.child_ids)
        return next((one for one in near if one.id == address), partner.browse(address))

    def _get_fiscal_positions(self):
        """``{line: fiscal position}``, as core finds them for invoices made by hand."""
        positions = self.env["account.fiscal.position"].with_company(self.company_id[:1])
        found = positions._ar_get_positions(
            [
                (
                    line._get_invoice_partner().with_company(line.company_id),
                    line._get_delivery_partner().with_company(line.company_id),
                )
                for line in self
            ]
        )
        return dict(zip(self, found, strict=True))

    def _get_payment_term(self):
        """The customer's own terms, or the profile's if he has none or these are for all."""
        profile = self.document_id.profile_id
        partner = self._get_invoice_partner().with_company(self.company_id)
        if profile.payment_term_id and profile.terms_for_all:
            return profile.payment_term_id
        return partner.property_payment_term_id or profile.payment_term_id

    def _is_credit_note(self):
        """Whether what was reviewed gives something back: an invoice of it is none."""
        return self.currency_id.compare_amounts(self.amount_total, 0) < 0

    def _is_reckoned_by_core(self):
        """Whether the total depends on more than lines and taxes.

        Some terms take off tax early; a rounding of cash may be everybody's default.
        """
        term = self._get_payment_term()
        mixed = term.early_discount and term.early_pay_discount_computation == "mixed"
        return mixed or bool(self._get_cash_rounding())

    def _get_cash_rounding(self):
        """The number of the rounding method that invoices have by default, if there is one."""
        defaults = self.env["ir.default"].with_company(self.company_id)
        return defaults._get_model_defaults("account.move").get("invoice_cash_rounding_id")

    def _prepare_invoices(self):
        """Values of the draft invoices, in the order of the lines."""
        return [
            line._prepare_as(line._prepare_invoice(position), line._is_credit_note())
            for line, position in self._get_fiscal_positions().items()
        ]

    def _prepare_as(self, vals, refund):
        """The same values for a credit note, if it is one: with the signs of all lines turned."""
        if not refund:
            return vals
        turn = self.env["ar.billing.charge"]._turn
        lines = [
            Command.create(turn(line_vals)) for _command, _id, line_vals in vals["invoice_line_ids"]
        ]
        return {**vals, "move_type": "out_refund", "invoice_line_ids": lines}

    def _prepare_invoice(self, position):
        """Values of one draft invoice; for what gives something back, signs are turned later."""
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
            "billing_run_id": run.id,
            "billing_period_id": run.period_id.id,
            "invoice_group_id": self.invoice_group_id.id,
            "invoice_line_ids": [
                Command.create(line_vals) for line_vals in self._prepare_invoice_lines(position)
            ],
        }
        term = self._get_payment_term()
        if run.profile_id.payment_term_id == term and term:
            # The customer's own are left to core.
            vals["invoice_payment_term_id"] = term.id
        return vals

    def _prepare_invoice_lines(self, position):
        """One line per charge; without any, one zero line that says so."""
        if not self.charge_ids:
            return [self._prepare_balance_line()]
        return [charge._prepare_invoice_line(position) for charge in self.charge_ids]

    def _remake_invoices(self):
        """Put what these lines charge by now on their drafts; what somebody added there stays."""
        moves = self.env["account.move"].browse([line.move_id.id for line in self])
        made = moves.invoice_line_ids.browse(
            item_id
            for line in self
            # Of drafts of which it was not noted, all are taken to be the run's.
            for item_id in line.made_item_ids or line.move_id.invoice_line_ids.ids
        )
        made = moves.invoice_line_ids & made
        added = (moves.invoice_line_ids - made).grouped("move_id")
        vals_list = [
            {
                **line._prepare_as(
                    line._prepare_invoice(position), line._is_credit_note_with(added.get(move))
                ),
                "partner_shipping_id": line._get_delivery_partner().id,
                "invoice_payment_term_id": line._get_payment_term().id,
            }
            for move, (line, position) in zip(
                moves, self._get_fiscal_positions().items(), strict=True
            )
        ]
        items = moves._ar_replace_billing_lines(vals_list, made).grouped("move_id")
        for line, move in zip(self._inside(), moves, strict=True):
            line.made_item_ids = items[move].ids
        self._tell_added(added)

    def _get_made_items_of(self, copy, origin):
        """Those lines of a corrected copy that stand for what the run made on the original."""
        ours, theirs = copy.invoice_line_ids, origin.invoice_line_ids
        if len(ours) != len(theirs):
            return ours
        made = set(self.made_item_ids or theirs.ids)
        pairs = zip(ours.sorted("id"), theirs.sorted("id"), strict=True)
        return ours.browse([item.id for item, other in pairs if other.id in made])

    def _is_credit_note_with(self, added):
        """Whether the draft gives something back together with the lines added by hand, if any."""
        if not added:
            return self._is_credit_note()
        besides = -added.move_id.direction_sign * sum(added.mapped("price_total"))
        return self.currency_id.compare_amounts(self.amount_total + besides, 0) < 0

    def _tell_added(self, added):
        """Note on each draft which lines of it stayed as they are.

        :param added: ``{draft: lines}``
        """
        texts = {
            move.id: self.env._(
                "Regenerated. These lines were not made by the billing run and stay: %s",
                ", ".join(line.name or line.product_id.display_name or "–" for line in lines),
            )
            for move, lines in added.items()
        }
        self.env["account.move"].browse(texts)._message_log_batch(bodies=texts)

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

        Remembers which lines they were made with.

        :raise UserError: when one has another total, currency, customer, kind or number of
            lines than its line; the sentence is for the bookkeeper.
        """
        invoices.flush_recordset()
        invoices.line_ids.flush_recordset()
        made = {move_id: found for move_id, *found in self._get_made(invoices)}
        for line, invoice, vals in zip(self._inside(), invoices, vals_list, strict=True):
            total, items, *kind = made[invoice.id]
            meant = [vals[name] for name in ("partner_id", "currency_id", "move_type")]
            meant.append(len(vals["invoice_line_ids"]))
            if kind != meant or line.currency_id.compare_amounts(total, line.amount_total):
                raise UserError(line._get_differs_message(total))
            line.made_item_ids = items

    def _get_made(self, invoices):
        """``[(invoice, total, items typed, customer, currency, kind, number of lines)]``

        The total is below zero for a credit note.
        """
        return self.env.execute_query(
            SQL(
                """
                SELECT move.id,
                       move.amount_total * CASE move_type WHEN 'out_refund' THEN -1 ELSE 1 END,
                       ARRAY_AGG(item.id ORDER BY item.id)
                           FILTER (WHERE item.display_type IN %s),
                       move.partner_id, move.currency_id, move.move_type,
                       COUNT(*) FILTER (WHERE item.display_type = 'product')
                  FROM account_move move
             LEFT JOIN account_move_line item ON item.move_id = move.id
                 WHERE move.id IN %s
              GROUP BY move.id
                """,
                TYPED,
                tuple(invoices.ids),
            )
        )

    def _get_differs_message(self, total):
        return self.env._(
            "%(customer)s was reviewed with %(reviewed)s, but the invoice would be of %(made)s: "
            "prices, taxes or an addon have changed it. Look at it, then Retry.",
            customer=self.partner_id.display_name,
            reviewed=self.currency_id.format(self.amount_total),
            made=self.currency_id.format(total),
        )
