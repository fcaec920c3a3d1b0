from odoo import api, models


class ArChargeSource(models.AbstractModel):
    """What a billing run asks for charges.

    To bill something else than services and late fees, inherit this model under a name
    of your own, return its charges from ``_get_charges`` and add its name to
    ``ar.billing.profile._get_charge_sources``::

        from odoo import api, models


        class ArChargeSourcePaper(models.AbstractModel):
            _name = "ar.charge.source.paper"
            _inherit = ["ar.charge.source"]
            _description = "Invoices by Post as Charges"

            @api.model
            def _get_charges(self, period, customers, options):
                currency = period.company_id.currency_id
                by_post = customers.filtered(lambda customer: not customer.email)
                return [
                    self._prepare_charge(customer, currency, "Invoice by post", 1.5)
                    for customer in by_post
                ]


        class ArBillingProfile(models.Model):
            _inherit = "ar.billing.profile"

            @api.model
            def _get_charge_sources(self):
                return [*super()._get_charge_sources(), "ar.charge.source.paper"]

    What a source gives and an invoice line does not take (a field that is not there, a discount
    of 120 %) fails the customer it is for, with a sentence that names the source.

    A source that must not charge the same thing twice remembers what was invoiced in
    ``_charges_invoiced``, and forgets it in ``_charges_freed``. One whose charges may fall
    between review and billing says so in ``_accepts_change``.
    """

    _name = "ar.charge.source"
    _description = "Charge Source"

    @api.model
    def _get_charges(self, period, customers, options):
        """Charges of customers for a period, whatever was billed before.

        Is called for some hundreds of customers at a time, for the preview as well as
        for billing: it changes nothing, and takes a number of queries that does not
        depend on the number of customers.

        :param period: one ``ar.billing.period``; charges are of its company.
        :param customers: commercial partners.
        :param options: ``{"invoice_date": date, "late_fees": bool}``.
        :return: a list of dicts, one per invoice line, in the order of printing, as
            ``_prepare_charge`` makes them. An exception fails all customers; a
            ``problem`` fails its customer only.
        """
        raise NotImplementedError

    @api.model
    def _prepare_charge(self, customer, currency, name, price_unit, **values):
        """One charge.

        :param customer: commercial partner.
        :param currency: of ``price_unit``; a customer is billed once per currency.
        :param price_unit: before the taxes are mapped by the fiscal position.
        :param values: any other key of the result.
        """
        return {
            "partner_id": customer.id,
            "currency_id": currency.id,
            "product_id": False,
            "name": name,
            "quantity": 1.0,
            "price_unit": price_unit,
            # Percent, from 0 to 100.
            "discount": 0.0,
            # Before the fiscal position, unless the next says otherwise.
            "tax_ids": [],
            # True: taxes and price are as they are to stand on the invoice.
            "taxes_mapped": False,
            # False: as the analytic distribution models say.
            "analytic_distribution": False,
            # Any further values of ``account.move.line``, by field, as for ``create``, that
            # JSON can carry: a unit, a field of another addon. Many records as
            # ``[[6, 0, ids]]``. What the preview reckons without cannot change the total.
            "line_values": False,
            # "model,id" of what is charged, for the way back from the preview.
            "source_ref": False,
            # What the source wants to find again on the charge, that JSON can carry.
            "source_data": False,
            # True: for days of earlier periods that no run has billed.
            "is_catch_up": False,
            # A sentence for the bookkeeper why this cannot be billed, and what to do.
            "problem": False,
            **values,
        }

    @api.model
    def _charges_invoiced(self, charges):
        """These charges are on draft invoices now.

        Called once for all charges of this source in a chunk, in the transaction that makes
        the invoices and with the rights of who has it made; takes a number of queries that
        does not depend on their number. An error fails these customers, whose invoices are
        then not made.

        :param charges: ``ar.billing.charge``, each with its invoice (``move_id``).
        """

    @api.model
    def _charges_invoiced_again(self, charges):
        """A cancelled or credited invoice came back, or its corrected copy stands in its stead.

        By default the same as if it had been made now.

        :param charges: as of ``_charges_invoiced``; lines of the invoice may be gone.
        """
        self._charges_invoiced(charges)

    @api.model
    def _charges_freed(self, charges):
        """These charges can be invoiced again: their invoices are being deleted or were cancelled.

        Also before drafts are regenerated, and when a run is undone. Called as
        ``_charges_invoiced`` is; an error keeps the invoices as they are.

        :param charges: ``ar.billing.charge``, each with its invoice still (``move_id``).
        """

    @api.model
    def _accepts_change(self, charges, given):
        """Whether a customer may be billed otherwise than reviewed, without another look.

        Asked right before the invoices are made, when the charges of this source for one
        line are not what they were when listed. By default the line comes back for review.

        :param charges: ``ar.billing.charge`` of this source, as reviewed.
        :param given: values of those that would be made now.
        """
        return False

    # ------------------------------------------------------------------
    # For sources
    # ------------------------------------------------------------------

    @api.model
    def _get_product_taxes(self, product, company):
        """Customer taxes of a product in a company, those of its parents included.

        Without any, those of its income account: as on an invoice made by hand.
        """
        taxes = product.sudo().taxes_id._filter_taxes_by_company(company)
        if taxes or not product:
            return taxes
        template = product.sudo().with_company(company).product_tmpl_id
        account = template._get_product_accounts()["income"]
        by_account = account.tax_ids.filtered(lambda tax: tax.type_tax_use == "sale")
        return by_account._filter_taxes_by_company(company)

    @api.model
    def _get_product_problem(self, product, profile):
        """Why a product cannot be invoiced in the profile's company, or False.

        Reads each product once, however often it is asked.
        """
        company = profile.company_id
        accounts = product.sudo().with_company(company).product_tmpl_id._get_product_accounts()
        if accounts["income"] or profile.journal_id.sudo().default_account_id:
            return False
        return self.env._(
            "The product “%(product)s” has no income account in %(company)s. Set one on the "
            "product, on its category or on the journal “%(journal)s”, then retry.",
            product=product.display_name,
            company=company.display_name,
            journal=profile.journal_id.display_name,
        )

    @api.model
    def _get_currency_problem(self, currency):
        """Why a currency cannot be invoiced in, or False."""
        if currency.active:
            return False
        return self.env._(
            "The currency %(currency)s is archived. Activate it under Invoicing > "
            "Configuration > Currencies, or change the currency, then retry.",
            currency=currency.name,
        )
