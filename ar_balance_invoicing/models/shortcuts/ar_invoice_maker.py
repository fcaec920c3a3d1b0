"""Drafts as core's ``create`` makes them, with less than half of its work."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from odoo import Command, api, models

# Values of a line that may differ within a kind; all others are the same for all of it.
FREE_LINE_FIELDS = {"name", "quantity", "price_unit", "discount"}
# A kind with fewer invoices is not worth its template.
LEAST = 3


@dataclass
class Kind:
    """Invoices that are alike but for customer, texts and amounts."""

    # What they share, and what they share with kinds of the same shape.
    key: tuple
    shape: tuple
    # Their places in the list of values; of the first, core makes the template.
    indexes: list
    # ``{id: partner}`` of the whole list, which are read together.
    partners: dict
    # What is read off the first one; None when core has to make all.
    template: Any = None
    # Why it has to, for the log.
    refusal: str = ""


class ArInvoiceMaker(models.AbstractModel):
    """Make many draft customer invoices that are alike but for customer and amounts.

    Most of core's time goes into finding out, invoice by invoice, what is the same for
    all that are alike: it creates the lines, computes taxes and instalments from what
    it created, and writes the difference. Here core makes the *first* of each kind; it
    is the template of the others, which are given to ``create`` complete: base, tax and
    instalment lines, computed by core's own tax engine and payment terms before, so that
    nothing is left to be synchronised.

    What is computed is compared with what core made, both ways: see the file beside this
    one. If anything differs (another addon adds lines or values, say), core makes all of
    that kind, or of that shape.
    """

    _name = "ar.invoice.maker"
    _description = "Invoice Maker"

    @api.model
    def _create_invoices(self, vals_list):
        """The same invoices as ``account.move.create`` makes, in the order of the values.

        :param vals_list: values of drafts of one company, as for ``create``.
        """
        memory = self._get_memory(vals_list)
        kinds, left = self._group_by_kind(vals_list, memory)
        seconds = self._get_seconds(kinds, memory)
        left |= {kind.indexes[0]: "first of a kind" for kind in kinds}
        left |= {kind.indexes[1]: "second of a kind, to compare with" for kind in seconds}
        moves = self._create_by_core(vals_list, sorted(left))
        for kind in kinds:
            first = kind.indexes[0]
            self._read_template(kind, moves[first], vals_list[first], memory)
        self._check_shapes(kinds, seconds, vals_list, moves, memory)
        quick, by_core = {}, {}
        for kind in kinds:
            for index in kind.indexes:
                if index in moves:
                    continue
                vals = kind.template and self._complete(vals_list[index], kind.template)
                if vals:
                    quick[index] = vals
                else:
                    by_core[index] = kind.refusal or "other tax lines than its kind"
        moves |= self._create_by_core(vals_list, list(by_core))
        made = self._create_complete(list(quick.values()))
        moves |= dict(zip(quick, made, strict=True))
        self._log_left(left | by_core)
        return self.env["account.move"].browse(moves[index].id for index in range(len(vals_list)))

    def _log_left(self, reasons):
        self.env["ar.shortcuts"]._log_left("invoices", Counter(reasons.values()))

    def _create_by_core(self, vals_list, indexes):
        moves = self.env["account.move"]._create_inside([vals_list[index] for index in indexes])
        self._mend_due_dates(moves)
        return dict(zip(indexes, moves, strict=True))

    def _mend_due_dates(self, moves):
        """Set the due date to that of the last instalment.

        Core leaves today's date on some when unlike invoices (with and without payment
        terms, say) are created together; the instalments themselves are right.
        """
        wrong = defaultdict(moves.browse)
        for move in moves:
            days = move.line_ids.filtered(lambda line: line.display_type == "payment_term").mapped(
                "date_maturity"
            )
            if days and all(days) and move.invoice_date_due != max(days):
                wrong[max(days)] |= move
        for day, some in wrong.items():
            some._ar_write_beside_accounting(
                {"invoice_date_due": day, "is_manually_modified": False}
            )

    def _create_complete(self, vals_list):
        """Create invoices from complete values; nothing is left to be synchronised."""
        moves = self.env["account.move"]
        if vals_list:
            moves = self._create_unsynchronised(vals_list)
            moves._ar_log_creation()
        return moves

    def _create_unsynchronised(self, vals_list):
        moves = self.env["account.move"]
        quickly = moves.with_context(
            skip_invoice_sync=True,
            skip_invoice_line_sync=True,
            # Drafts have no analytic items to bring up to date.
            skip_analytic_sync=True,
            mail_create_nolog=True,
        )
        made = moves.browse(quickly._inside().create(vals_list).ids)
        # What is left to compute is computed here, in our language: the first to flush
        # may be somebody with another one, or none.
        made.line_ids.flush_recordset()
        return made

    # ------------------------------------------------------------------
    # Kinds
    # ------------------------------------------------------------------

    def _group_by_kind(self, vals_list, memory):
        """(kinds, ``{index: why}`` of what is to be made by core)."""
        reason = self.env["ar.shortcuts"]._get_reason_for_core("invoices")
        if not reason and self._has_analytic_models():
            reason = "analytic distribution models"
        if reason:
            return [], dict.fromkeys(range(len(vals_list)), reason)
        partners = self._get_partners(vals_list)
        alike = defaultdict(list)
        left = {}
        for index, vals in enumerate(vals_list):
            key, shape = self._get_kind(vals, partners[vals["partner_id"]])
            if not key:
                left[index] = "values that only core knows"
            elif refusal := memory.kinds.get(key) or memory.shapes.get(shape):
                left[index] = refusal
            else:
                alike[key, shape].append(index)
        kinds = []
        for (key, shape), indexes in alike.items():
            if len(indexes) < LEAST:
                left |= dict.fromkeys(indexes, "too few of a kind")
            else:
                kinds.append(Kind(key, shape, indexes, partners))
        return kinds, left

    def _has_analytic_models(self):
        """Whether analytic distributions may depend on the customer."""
        rules = self.env["account.analytic.distribution.model"].sudo()
        return bool(rules.search_count([], limit=1))

    def _get_partners(self, vals_list):
        """``{id: partner}`` of all invoices, which are read together."""
        ids = {vals["partner_id"] for vals in vals_list}
        return {partner.id: partner for partner in self.env["res.partner"].browse(ids)}

    def _get_kind(self, vals, partner):
        """What an invoice shares with all of its kind, and with all of its shape.

        None, twice, if only core can make it.
        """
        if vals.get("move_type") != "out_invoice" or "fiscal_position_id" not in vals:
            return None, None
        lines, shapes = [], []
        for command, _id, line in vals["invoice_line_ids"]:
            if command != Command.CREATE or not self._is_line_known(line):
                return None, None
            lines.append(self._get_line_kind(line))
            shapes.append(self._get_line_shape(line))
        # Terms and accounts are the company's own, whoever is asked.
        partner = partner.with_company(vals.get("company_id") or self.env.company)
        term = self._get_payment_term(vals, partner)
        if self._has_discount_lines(term) or vals.get("invoice_cash_rounding_id"):
            return None, None
        free = self._get_free_fields()
        head = {name: value for name, value in vals.items() if name not in free}
        shared = (
            self._freeze(head),
            term.id,
            partner.property_account_receivable_id.id,
            partner.lang,
        )
        return (tuple(lines), *shared), (tuple(shapes), *shared)

    @api.model
    def _get_free_fields(self):
        """Names of the values of an invoice that may differ within a kind."""
        return {"partner_id", "invoice_line_ids", "invoice_origin"}

    def _get_line_kind(self, line):
        shared = {name: value for name, value in line.items() if name not in FREE_LINE_FIELDS}
        return self._freeze(shared), self._get_signs(line)

    def _get_line_shape(self, line):
        """What of a line's kind decides which steps of core, or of an addon, it goes through.

        Not which product, account or unit, but which are given and whether there are any, as
        what depends on these is looked for on the first invoice of each kind.
        """
        anything = {"product_id", "account_id", "analytic_distribution"}
        given = {
            (name, name in FREE_LINE_FIELDS or bool(value))
            for name, value in line.items()
            if value or name not in anything
        }
        # Where no taxes are given, they are the product's.
        taxes = line.get("tax_ids", line.get("product_id"))
        return frozenset(given), self._freeze(taxes), self._get_signs(line)

    def _get_signs(self, line):
        """(sign of the amount, whether there is a discount)"""
        discount = line.get("discount") or 0
        amount = line.get("price_unit", 0) * line.get("quantity", 1) * (1 - discount / 100)
        # A zero has no tax line; below zero, taxes may be grouped otherwise; a discount may
        # be booked to an account of its own.
        return (amount > 0) - (amount < 0), bool(discount)

    def _get_payment_term(self, vals, partner):
        terms = self.env["account.payment.term"]
        if "invoice_payment_term_id" in vals:
            return terms.browse(vals["invoice_payment_term_id"])
        return partner.property_payment_term_id

    def _has_discount_lines(self, term):
        """Whether invoices have lines for the discount on paying early (and less tax)."""
        return term.early_discount and term.early_pay_discount_computation == "mixed"

    def _freeze(self, value):
        """A value that can be compared and looked up."""
        if isinstance(value, dict):
            return tuple(sorted((name, self._freeze(item)) for name, item in value.items()))
        if isinstance(value, (list, tuple)):
            return tuple(self._freeze(item) for item in value)
        return value

    # ------------------------------------------------------------------
    # The template
    # ------------------------------------------------------------------

    def _read_template(self, kind, move, vals, memory):
        """Set what all of the kind share, read off the invoice that core made of it.

        Or why there is none: what core made differs from what we would.
        """
        products = move.line_ids.filtered(lambda line: line.display_type == "product").sorted("id")
        terms = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        if len(products) != len(vals["invoice_line_ids"]) or not terms:
            kind.refusal = "core makes other lines"
            return
        template = {
            "partners": kind.partners,
            "move": move,
            "products": products,
            "tax_count": len(move.line_ids.filtered("tax_repartition_line_id")),
            "term_account": terms[0].account_id.id,
            "lines": [self._read_line(line) for line in products],
            "head": self._read_head(move),
        }
        complete = self._complete(vals, template)
        if complete:
            kind.refusal = self._get_refusal(move, complete, memory)
        else:
            kind.refusal = "core makes other tax lines"
        if not kind.refusal:
            kind.template = template

    def _read_head(self, move):
        """Stored values of the invoice itself that its kind decides."""
        names = ["company_id", "currency_id", "date", "invoice_date_due"]
        names += ["invoice_payment_term_id", "invoice_currency_rate"]
        return {name: move._fields[name].convert_to_write(move[name], move) for name in names}

    def _read_line(self, line):
        """Stored values of a base line that its kind decides."""
        names = ["account_id", "currency_id", "display_type", "product_uom_id", "sequence"]
        values = {name: line._fields[name].convert_to_write(line[name], line) for name in names}
        values["tax_ids"] = [Command.set(line.tax_ids.ids)]
        return values

    # ------------------------------------------------------------------
    # Complete values
    # ------------------------------------------------------------------

    def _complete(self, vals, template):
        """Values with all lines, as core would make them; None when the kind does not fit."""
        customer = template["partners"][vals["partner_id"]].commercial_partner_id
        base_lines = self._prepare_base_lines(vals, template, customer)
        results = self._compute_taxes(base_lines, template)
        taxes = results["tax_lines_to_add"]
        if len(taxes) != template["tax_count"]:
            return None
        lines = self._prepare_product_lines(vals, template, customer, results)
        lines += [{**tax, "display_type": "tax"} for tax in taxes]
        lines += self._prepare_term_lines(lines, template, customer)
        complete = {
            name: value for name, value in vals.items() if name != "invoice_line_ids"
        } | template["head"]
        complete["line_ids"] = [Command.create(line) for line in lines]
        return complete

    def _prepare_base_lines(self, vals, template, customer):
        """Input of core's tax engine, as it takes it from stored lines."""
        taxes = self.env["account.tax"]
        move = template["move"]
        return [
            taxes._prepare_base_line_for_taxes_computation(
                product,
                name=line.get("name"),
                price_unit=line.get("price_unit", 0.0),
                quantity=line.get("quantity", 1.0),
                discount=line.get("discount", 0.0),
                partner_id=customer,
                rate=move.invoice_currency_rate,
                sign=move.direction_sign,
                special_mode=False,
            )
            for product, (_command, _id, line) in zip(
                template["products"], vals["invoice_line_ids"], strict=True
            )
        ]

    def _compute_taxes(self, base_lines, template):
        """Core's own reckoning: amounts of base lines, and the tax lines.

        In the invoice's currency (``amount_currency``) and in company currency
        (``balance``), rounded as the company's rounding method says.
        """
        taxes = self.env["account.tax"]
        company = template["move"].company_id
        taxes._add_tax_details_in_base_lines(base_lines, company)
        taxes._round_base_lines_tax_details(base_lines, company)
        taxes._add_accounting_data_in_base_lines_tax_details(
            base_lines, company, include_caba_tags=template["move"].always_tax_exigible
        )
        return taxes._prepare_tax_lines(base_lines, company)

    def _prepare_product_lines(self, vals, template, customer, results):
        amounts = [values for _line, values in results["base_lines_to_update"]]
        lines = []
        for (_command, _id, line), shared, amount in zip(
            vals["invoice_line_ids"], template["lines"], amounts, strict=True
        ):
            values = {
                "quantity": 1.0,
                **shared,
                **{name: value for name, value in line.items() if name != "tax_ids"},
                **amount,
                "partner_id": customer.id,
            }
            values.setdefault("analytic_distribution", False)
            lines.append(values)
        return lines

    def _prepare_term_lines(self, lines, template, customer):
        """Instalments: what core's payment term makes of the totals."""
        move = template["move"]
        currency, company = move.currency_id, move.company_id
        sums = defaultdict(float)
        for line in lines:
            kind = "tax" if line["display_type"] == "tax" else "untaxed"
            sums[kind, "currency"] -= line["amount_currency"]
            sums[kind, "company"] -= line["balance"]
        amounts = {
            key: (currency if key[1] == "currency" else company.currency_id).round(value)
            for key, value in sums.items()
        }
        parts = self._get_instalments(template, defaultdict(float, amounts))
        shared = {
            "display_type": "payment_term",
            "account_id": template["term_account"],
            "partner_id": customer.id,
            "currency_id": currency.id,
        }
        return [{**shared, **part} for part in parts]

    def _get_instalments(self, template, amounts):
        """Values of the instalments, one per due date, with the discount for paying early."""
        move = template["move"]
        term = move.invoice_payment_term_id
        if not term:
            total = amounts["untaxed", "currency"] + amounts["tax", "currency"]
            balance = amounts["untaxed", "company"] + amounts["tax", "company"]
            return [
                {
                    "date_maturity": move.invoice_date_due,
                    "amount_currency": move.currency_id.round(total),
                    "balance": move.company_currency_id.round(balance),
                    "discount_balance": 0.0,
                    "discount_amount_currency": 0.0,
                }
            ]
        parts = term._compute_terms(
            date_ref=move.invoice_date,
            currency=move.currency_id,
            company=move.company_id,
            tax_amount_currency=amounts["tax", "currency"],
            tax_amount=amounts["tax", "company"],
            untaxed_amount_currency=amounts["untaxed", "currency"],
            untaxed_amount=amounts["untaxed", "company"],
            sign=1,
        )
        by_date = {}
        for part in parts["line_ids"]:
            values = by_date.setdefault(
                part["date"],
                {
                    "date_maturity": part["date"],
                    "amount_currency": 0.0,
                    "balance": 0.0,
                    "discount_date": parts["discount_date"],
                    "discount_balance": parts["discount_balance"],
                    "discount_amount_currency": parts.get("discount_amount_currency", 0.0),
                },
            )
            values["amount_currency"] += part["foreign_amount"]
            values["balance"] += part["company_amount"]
        return list(by_date.values())
