"""Companies to invoice from, with taxes, terms and customers of every kind."""

from dataclasses import dataclass
from typing import Any

from odoo import Command

from .billing_common import BillingCommon


@dataclass
class Seller:
    """A company, and whatever its invoices may be made of."""

    company: Any
    journal: Any
    revenue: Any
    currencies: Any
    tax_sets: list
    positions: Any
    roundings: Any


class InvoiceMakerCommon(BillingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # With messages and followers, as when people work.
        names = ("tracking_disable", "mail_create_nolog", "mail_create_nosubscribe", "mail_notrack")
        companies = cls.company | cls.branch | cls.other
        cls.env = cls.env(
            context={
                **cls.env.context,
                **dict.fromkeys(names, False),
                "allowed_company_ids": companies.ids,
            }
        )
        cls.env["res.lang"]._activate_lang("fr_FR")
        plan = cls.env["account.analytic.plan"].create({"name": "Routes"})
        cls.route = cls.env["account.analytic.account"].create(
            {"name": "North", "plan_id": plan.id}
        )
        cls._make_terms()
        cls.products = cls.env["product.product"].create(
            [
                {"name": "Bin", "type": "consu", "list_price": 12},
                {"name": "Tip", "type": "service", "list_price": 7, "description_sale": "A tip"},
            ]
        )
        cls._translate(cls.products[0], "name", "Bac")
        cls._make_sellers()
        cls.partners = cls._make_partners()

    @classmethod
    def _translate(cls, record, name, text):
        record.with_context(lang="fr_FR")[name] = text

    @classmethod
    def _make_terms(cls):
        cls.fixed_term = cls.env["account.payment.term"].create(
            {
                "name": "10 fixed, 20 %, the rest",
                "note": "In three parts",
                "line_ids": [
                    Command.create({"value": "fixed", "value_amount": 10, "nb_days": 5}),
                    Command.create({"value": "percent", "value_amount": 20, "nb_days": 30}),
                    Command.create({"value": "percent", "value_amount": 80, "nb_days": 60}),
                ],
            }
        )
        cls._translate(cls.fixed_term, "note", "En trois parts")
        cls.discounts = cls.env["account.payment.term"]
        for computation in ("included", "excluded", "mixed"):
            term = cls._make_term(f"2 % within 10 days, {computation}", [(100, 30)])
            term.write(
                {
                    "early_discount": True,
                    "discount_percentage": 2,
                    "discount_days": 10,
                    "early_pay_discount_computation": computation,
                }
            )
            cls.discounts |= term

    # --- companies ------------------------------------------------------------

    @classmethod
    def _make_sellers(cls):
        cls.env["ir.config_parameter"].sudo().set_param("account.use_invoice_terms", "True")
        yen = cls.setup_other_currency("JPY", rates=[("1900-01-01", 140.7)])
        abroad = cls.setup_other_currency("CHF", rates=[])
        dollar = cls.company.currency_id
        for date, rate in (("1900-01-01", 1.13), (cls.today.replace(day=1), 1.21)):
            cls.env["res.currency.rate"].create(
                {
                    "currency_id": dollar.id,
                    "company_id": cls.other.id,
                    "name": date,
                    "rate": rate,
                }
            )
        # Below zero, its debits stay debits.
        cls.other.account_storno = True
        cls.sellers = {
            "root": cls._make_seller(cls.company_data, dollar | cls.foreign | yen),
            "other": cls._make_seller(cls.other_data, cls.foreign | dollar | abroad),
        }
        root = cls.sellers["root"]
        # A branch posts with its root's accounts, journals and taxes.
        cls.sellers["branch"] = Seller(**{**vars(root), "company": cls.branch})
        for seller in cls.sellers.values():
            seller.company.invoice_terms = f"Terms of {seller.company.name}"
            cls._translate(seller.company, "invoice_terms", "Conditions")

    @classmethod
    def _make_seller(cls, data, currencies):
        company, revenue = data["company"], data["default_account_revenue"]
        tax_sets = cls._make_taxes(data)
        mapped = cls.env["account.fiscal.position"].create(
            {
                "name": "Abroad",
                "company_id": company.id,
                "account_ids": [
                    Command.create({"account_src_id": source.id, "account_dest_id": target.id})
                    for source, target in (
                        (revenue, cls._copy(company, revenue)),
                        (
                            data["default_account_receivable"],
                            cls._copy(company, data["default_account_receivable"]),
                        ),
                    )
                ],
            }
        )
        plain = cls.env["account.fiscal.position"].create(
            {"name": "Here", "company_id": company.id}
        )
        taxes = tax_sets[1]
        tax_sets[3].write(
            {
                "fiscal_position_ids": [Command.link(mapped.id)],
                "original_tax_ids": [Command.link(taxes.id)],
            }
        )
        for product in cls.products.with_company(company):
            product.property_account_income_id = revenue
            product.taxes_id |= taxes
        return Seller(
            company=company,
            journal=data["default_journal_sale"],
            revenue=revenue,
            currencies=currencies,
            tax_sets=tax_sets,
            positions=mapped | plain,
            roundings=cls._make_roundings(company, data),
        )

    @classmethod
    def _make_roundings(cls, company, data):
        """Both strategies, rounding to 5 cents."""
        accounts = {
            "profit_account_id": data["default_account_revenue"].id,
            "loss_account_id": data["default_account_expense"].id,
        }
        roundings = cls.env["account.cash.rounding"].create(
            [
                {"name": strategy, "strategy": strategy, "rounding": 0.05}
                for strategy in ("add_invoice_line", "biggest_tax")
            ]
        )
        # A branch does not have its root's accounts by itself.
        for one in company | company.child_ids:
            roundings.with_company(one).write(accounts)
        return roundings

    @classmethod
    def _copy(cls, company, account):
        return account.with_company(company).copy()

    @classmethod
    def _make_taxes(cls, data):
        """Sets of taxes of every computation, with tags, analytic, and due on payment."""
        company, account = data["company"], data["default_account_tax_sale"]
        tags = cls.env["account.account.tag"].create(
            [
                {"name": f"{company.name} {part}", "applicability": "taxes"}
                for part in ("base", "tax")
            ]
        )
        account.reconcile = True
        company.tax_exigibility = True

        def tax(name, amount, **values):
            vals = {
                "name": name,
                "amount": amount,
                "type_tax_use": "sale",
                "company_id": company.id,
                **values,
            }
            made = cls.env["account.tax"].with_company(company).create(vals)
            for share in made.invoice_repartition_line_ids:
                is_base = share.repartition_type == "base"
                share.tag_ids = tags[0 if is_base else 1]
                share.account_id = not is_base and account
            cls._translate(made, "name", f"{name} (fr)")
            return made

        plain = data["default_tax_sale"]
        included = tax("Included", 7, price_include_override="tax_included", analytic=True)
        per_piece = tax("Per piece", 0.33, amount_type="fixed", include_base_amount=True)
        part = tax("Of the whole", 10, amount_type="division")
        below_zero = tax("Withheld", -3)
        on_payment = tax(
            "On payment",
            15,
            tax_exigibility="on_payment",
            cash_basis_transition_account_id=account.id,
        )
        group = tax(
            "Group",
            0,
            amount_type="group",
            children_tax_ids=[Command.set((tax("One", 5) | tax("Two", 8.25)).ids)],
        )
        nothing = cls.env["account.tax"]
        return [
            nothing,
            plain,
            included,
            tax("Elsewhere", 4.5),
            plain | tax("Second", 6.35, analytic=True),
            per_piece | plain,
            plain | below_zero,
            on_payment,
            group,
            part | included,
        ]

    # --- customers --------------------------------------------------------------

    @classmethod
    def _make_partners(cls):
        """Of two languages and three payment terms, one with an address for invoices."""
        terms = [False, cls.pay_terms_a.id, cls.term_parts.id]
        partners = cls.env["res.partner"].create(
            [
                {"name": f"Alike {number}", "lang": "en_US" if number < 12 else "fr_FR"}
                for number in range(16)
            ]
        )
        for name, step in (("root", 1), ("branch", 2), ("other", 3)):
            # Who shares a term in one company does not in another.
            for number, partner in enumerate(partners.with_company(cls.sellers[name].company)):
                partner.property_payment_term_id = terms[number // step % 3]
        contact = cls.env["res.partner"].create(
            {"name": "Invoices", "type": "invoice", "parent_id": partners[0].id, "lang": "fr_FR"}
        )
        partners[1].user_id = cls.env.user
        partners[12].user_id = cls.simple_accountman
        partners[15].property_account_receivable_id = cls._copy(
            cls.company, cls.company_data["default_account_receivable"]
        )
        return partners | contact
