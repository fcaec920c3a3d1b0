"""Random invoices to write off: of every currency, tax and term, some paid in part."""

from odoo import Command

from .write_off_common import WriteOffCommon


class WriteOffPopulation(WriteOffCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cash_basis = cls._make_cash_basis_tax()
        cls.transition = cls.cash_basis.cash_basis_transition_account_id
        # So small that often nothing of it is booked beside the other one.
        cls.cash_basis_small = cls.cash_basis.copy({"name": "Cash basis 0.4 %", "amount": 0.4})
        # Some charts match declared tax too: it must not meet what waits.
        cls.tax_sale_a.repartition_line_ids.account_id.reconcile = True
        base, tax = cls.env["account.account.tag"].create(
            [{"name": f"WO {name}", "applicability": "taxes"} for name in ("base", "tax")]
        )
        for line in cls.tax_sale_a.repartition_line_ids:
            line.tag_ids = base if line.repartition_type == "base" else tax
        cls.base_tag = base
        cls.tags = base | tax | cls.cash_basis.repartition_line_ids.tag_ids
        cls.discount_term = cls._make_term("2 % within 10 days", [(100, 30)])
        # Its tax is less from the start: items of their own lower the base.
        cls.tax_discount_term = cls._make_term("3 %, as is the tax", [(100, 30)])
        cls.tax_discount_term.early_pay_discount_computation = "mixed"
        for term, share in ((cls.discount_term, 2), (cls.tax_discount_term, 3)):
            term.write({"early_discount": True, "discount_percentage": share, "discount_days": 10})

    def _make_invoices(self, rnd):
        customers = self.env["res.partner"].create([{"name": f"W{n}"} for n in range(6)])
        invoices = self.env["account.move"]
        for _n in range(rnd.randint(5, 9)):
            company = rnd.choice([self.company] * 3 + [self.branch])
            currency = rnd.choice([self.company.currency_id, self.foreign])
            terms = [self.pay_terms_a, self.term_30, self.term_parts, self.discount_term]
            if currency != self.foreign:
                # Core cannot balance such an invoice's cents in another currency.
                terms.append(self.tax_discount_term)
            invoice = self._invoice(
                rnd.choice(customers),
                round(rnd.choice([0.05, rnd.uniform(1, 40), rnd.uniform(40, 3000)]), 2),
                post=False,
                days_ago=rnd.randint(0, 150),
                company=company,
                currency_id=currency.id,
                invoice_payment_term_id=rnd.choice(terms).id,
                move_type=rnd.choice(["out_invoice"] * 4 + ["out_refund"]),
                taxes=rnd.choice(
                    [
                        self.env["account.tax"],
                        self.tax_sale_a,
                        self.cash_basis,
                        self.tax_sale_a | self.cash_basis,
                        self.cash_basis_small | self.cash_basis,
                    ]
                ),
            )
            self._add_line(rnd, invoice)
            invoice._post(soft=False)
            invoices |= invoice
        for invoice in invoices.filtered(lambda move: move.move_type == "out_invoice"):
            for share in rnd.choice([[], [], [0.25], [0.6], [0.3, 0.3]]):
                amount = invoice.currency_id.round(invoice.amount_total * share)
                if amount:
                    self._pay(
                        invoice.partner_id,
                        amount,
                        invoice,
                        company=invoice.company_id,
                        currency=invoice.currency_id,
                    )
        return invoices

    def _make_credits(self, rnd, invoices):
        """Payments that are not matched with anything; their entries."""
        entries = self.env["account.move"]
        for customer in invoices.commercial_partner_id.sorted("id"):
            for _n in range(rnd.choice([0, 0, 1, 2])):
                amount = rnd.choice([0.03, rnd.uniform(1, 40), rnd.uniform(40, 3000)])
                payment = self._pay(
                    customer,
                    round(amount, 2),
                    days_ago=rnd.randint(0, 90),
                    company=rnd.choice([self.company] * 3 + [self.branch]),
                    currency=rnd.choice([self.company.currency_id] * 2 + [self.foreign]),
                )
                entries |= payment.move_id
        return entries

    def _add_line(self, rnd, invoice):
        if rnd.random() < 0.5:
            invoice.invoice_line_ids = [
                Command.create(
                    {
                        "name": "Extra",
                        "quantity": rnd.randint(1, 3),
                        "price_unit": round(rnd.uniform(0.1, 90), 2),
                        "tax_ids": [Command.set(rnd.choice([[], self.tax_sale_a.ids]))],
                        "account_id": self.company_data["default_account_revenue"].id,
                    }
                )
            ]
