from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import escape_psql, format_date
from odoo.tools.i18n import format_list

# A hundred years: older than any debt, and still a date.
MOST_AGING_DAYS = 36_500
# So many names are said of a criterion that has more.
MOST_NAMES = 3
# A criterion holds also when what it names was archived since.
NAMED = {"active_test": False}


class ArWriteOffCriteria(models.AbstractModel):
    """What a write-off search looks for: criteria, their sentence, and the SELECT.

    Inherited by whatever has criteria: the pop-up where they are typed, the document that
    was found by them. A criterion is a stored field of this model; who adds one adds what
    it finds to one of the ``_get_…_domain``, and its words to ``_get_criteria_phrases``.
    Blank means not applied; all that are given must hold.
    """

    _name = "ar.write.off.criteria"
    _description = "Write-Off Criteria"

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")

    partner_name = fields.Char(
        string="Customer Name", help="“last, first” and “first last” both find a person."
    )
    partner_ids = fields.Many2many("res.partner", string="Customers", copy=True, context=NAMED)
    balance_below = fields.Monetary(
        string="Balance Due Less Than", help="In company currency; strictly less."
    )
    balance_from = fields.Monetary(string="Balance Due at Least", help="In company currency.")
    aging_choice = fields.Selection(
        [("30", "30"), ("60", "60"), ("90", "90"), ("120", "120"), ("other", "Other…")],
        string="Aging Days Greater Than",
    )
    aging_days = fields.Integer(
        string="Days",
        compute="_compute_aging_days",
        store=True,
        readonly=False,
        help="Strictly more days than these, from the due date or the invoice date as the "
        "settings say.",
    )
    product_type = fields.Selection(
        selection=lambda self: (
            self.env["product.template"]._fields["type"]._description_selection(self.env)
        ),
        help="Invoices with a product of this type.",
    )
    product_category_ids = fields.Many2many(
        "product.category", string="Product Categories", context=NAMED
    )
    invoice_date_from = fields.Date()
    invoice_date_to = fields.Date()
    due_date_from = fields.Date()
    due_date_to = fields.Date()
    sale_journal_ids = fields.Many2many("account.journal", string="Journals", context=NAMED)
    salesperson_ids = fields.Many2many("res.users", string="Salespersons", context=NAMED)
    tag_ids = fields.Many2many("res.partner.category", string="Customer Tags", context=NAMED)
    profile_ids = fields.Many2many("ar.billing.profile", string="Billing Profiles", context=NAMED)
    currency_ids = fields.Many2many("res.currency", string="Currencies", context=NAMED)
    customer_balance_below = fields.Monetary(
        string="Customer's Balance Less Than",
        help="An account that owes something, and less than this, in company currency: to "
        "write off by customer total.",
    )
    with_credits = fields.Boolean(
        string="Credits Too",
        help="Small overpayments, unapplied payments and credit notes as well; the amounts "
        "above then count without their sign.",
    )
    # Which criteria name records: what these are is gone from the others once it is deleted.
    criteria_given = fields.Json(compute="_compute_criteria_given", store=True, copy=False)
    criteria_text = fields.Char(
        string="Criteria", compute="_compute_criteria_text", help="What was searched."
    )

    @api.depends("aging_choice")
    def _compute_aging_days(self):
        for record in self:
            if record.aging_choice != "other":
                record.aging_days = int(record.aging_choice or 0)

    @api.depends(lambda self: sorted(self._get_record_criteria()))
    def _compute_criteria_given(self):
        for record in self:
            named = {name for name in self._get_record_criteria() if record[name]}
            record.criteria_given = sorted(named) or False

    # ------------------------------------------------------------------
    # The criteria as a whole
    # ------------------------------------------------------------------

    @api.model
    def _get_criteria_fields(self):
        """Names of the fields that say what is searched."""
        criteria = self.env["ar.write.off.criteria"]._fields
        no_criteria = {"id", "company_id", "criteria_given"}
        return {name for name, field in criteria.items() if field.store} - no_criteria

    @api.model
    def _get_record_criteria(self):
        """Names of the criteria that name records."""
        return {
            name for name in self._get_criteria_fields() if self._fields[name].type == "many2many"
        }

    def _get_gone_criteria(self):
        """Names of the criteria that were given and name nothing that still exists."""
        return [name for name in self.criteria_given or () if not self[name]]

    @api.model
    def _get_amount_criteria(self):
        """Names of the criteria that are amounts: such a one is blank when it is zero."""
        return {
            name for name in self._get_criteria_fields() if self._fields[name].type == "monetary"
        }

    def _get_criteria_values(self):
        """The criteria as values for ``create`` of another record that has criteria."""
        self.ensure_one()
        amounts = self._get_amount_criteria()
        values = {}
        for name in sorted(self._get_criteria_fields()):
            # No amount and the amount zero are one for the database, not for a person.
            blank = name in amounts and not self[name]
            values[name] = not blank and self._fields[name].convert_to_write(self[name], self)
        return values

    def _check_criteria(self):
        """A search for everything is a mistake, not a wish.

        :raise UserError: when nothing is given, or what is given can find nothing.
        """
        names = self._get_criteria_fields() - {"with_credits", "aging_choice"}
        given = self._get_gone_criteria() or any(self[name] for name in names)
        if not given and not self._get_aging_days():
            raise UserError(
                self.env._(
                    "Give at least one criterion, for instance “Balance Due Less Than”: "
                    "without any, everything that is owed would be listed."
                )
            )
        if not 0 <= self.aging_days <= MOST_AGING_DAYS:
            raise UserError(
                self.env._(
                    "Aging days count from 0 to %(most)s: %(days)s are not among them.",
                    most=MOST_AGING_DAYS,
                    days=self.aging_days,
                )
            )
        if self.partner_name and not self._get_name_words():
            raise UserError(
                self.env._(
                    "“%s” is no customer's name: type letters or numbers of it.", self.partner_name
                )
            )

    # ------------------------------------------------------------------
    # As a sentence
    # ------------------------------------------------------------------

    @api.depends(
        lambda self: ["company_id", "criteria_given", *sorted(self._get_criteria_fields())]
    )
    @api.depends_context("lang")
    def _compute_criteria_text(self):
        for record in self:
            record.criteria_text = record._get_criteria_sentence()

    def _get_criteria_sentence(self):
        """Criteria for people: “Balance less than $ 5.00, more than 90 days old”."""
        text = ", ".join(self._get_criteria_phrases())
        return text[:1].upper() + text[1:]

    def _get_criteria_phrases(self):
        """What is searched, a phrase for each criterion that is given."""
        self.ensure_one()
        return [
            *self._get_amount_phrases(),
            *self._get_date_phrases(),
            *self._get_customer_phrases(),
            *self._get_document_phrases(),
            *self._get_gone_phrases(),
            *([self.env._("credits too")] if self.with_credits else []),
        ]

    def _get_amount_phrases(self):
        # A form whose company was just emptied has none.
        currency = self.currency_id or self.env.company.currency_id
        phrases = (
            (self.balance_below, self.env._("balance less than %s")),
            (self.balance_from, self.env._("balance at least %s")),
            (self.customer_balance_below, self.env._("customer's balance less than %s")),
        )
        return [phrase % currency.format(amount) for amount, phrase in phrases if amount]

    def _get_date_phrases(self):
        days = self._get_aging_days()
        phrases = [] if days is None else [self.env._("more than %s days old", days)]
        for day, phrase in (
            (self.invoice_date_from, self.env._("invoiced from %s")),
            (self.invoice_date_to, self.env._("invoiced until %s")),
            (self.due_date_from, self.env._("due from %s")),
            (self.due_date_to, self.env._("due until %s")),
        ):
            if day:
                phrases.append(phrase % format_date(self.env, day))
        return phrases

    def _get_customer_phrases(self):
        named = [self.env._("customer “%s”", self.partner_name)] if self.partner_name else []
        return named + self._get_record_phrases(
            (self.partner_ids, self.env._("customers: %s")),
            (self.tag_ids, self.env._("customer tags: %s")),
            (self.profile_ids, self.env._("billing profiles: %s")),
        )

    def _get_document_phrases(self):
        types = dict(self._fields["product_type"]._description_selection(self.env))
        product_type = types.get(self.product_type)
        typed = [self.env._("product type “%s”", product_type)] if product_type else []
        return typed + self._get_record_phrases(
            (self.product_category_ids, self.env._("product categories: %s")),
            (self.sale_journal_ids, self.env._("journals: %s")),
            (self.salesperson_ids, self.env._("salespersons: %s")),
            (self.currency_ids, self.env._("currencies: %s")),
        )

    def _get_gone_phrases(self):
        """Nothing is found by a criterion that names what is gone: never what it left out."""
        return [
            self.env._(
                "%s: what was named does not exist any more, so nothing is found",
                self._fields[name]._description_string(self.env).lower(),
            )
            for name in self._get_gone_criteria()
        ]

    def _get_record_phrases(self, *criteria):
        """A phrase for each of ``(records, phrase)`` that has records; not all their names."""
        phrases = []
        for records, phrase in criteria:
            if not records:
                continue
            names = [record.display_name or "" for record in records[:MOST_NAMES]]
            if len(records) > MOST_NAMES:
                names.append(self.env._("%s more", len(records) - MOST_NAMES))
            phrases.append(phrase % format_list(self.env, names))
        return phrases

    # ------------------------------------------------------------------
    # As domains
    # ------------------------------------------------------------------

    def _get_item_domain(self):
        """Domain on ``account.move.line``: open items of documents that meet the criteria.

        What concerns a document as a whole is checked afterwards: its balance, and that one
        of its open items meets ``_get_part_domain``.
        """
        if self._get_gone_criteria():
            return Domain("id", "in", [0])
        domain = self.env["ar.balance"]._get_open_item_domain(self.company_id)
        domain &= Domain("company_id", "=", self.company_id.id)
        return (
            domain & self._get_customer_domain() & self._get_date_domain() & self._get_move_domain()
        )

    def _get_customer_domain(self):
        domain = Domain.TRUE
        if self.partner_name:
            domain &= self._get_name_domain()
        if self.partner_ids:
            customers = self.partner_ids.commercial_partner_id
            domain &= Domain("partner_id.commercial_partner_id", "in", customers.ids)
        if self.tag_ids:
            domain &= Domain("partner_id.category_id", "child_of", self.tag_ids.ids)
        if self.profile_ids:
            domain &= Domain("partner_id.billing_profile_id", "in", self.profile_ids.ids)
        return domain

    def _get_name_words(self):
        return (self.partner_name or "").replace(",", " ").split()

    def _get_name_domain(self):
        """Every word of the name, in any order: “Last, First” finds “First Last”.

        What the database takes for wildcards are letters here.
        """
        return Domain.AND(
            Domain("partner_id.complete_name", "ilike", escape_psql(word))
            for word in self._get_name_words()
        )

    def _get_aging_days(self):
        """More days than these, or None; a choice holds whatever was typed beside it."""
        if self.aging_choice and self.aging_choice != "other":
            return int(self.aging_choice)
        return self.aging_days if self.aging_days or self.aging_choice else None

    def _get_date_domain(self):
        """Domain on ``account.move.line``: of documents of these dates."""
        return self._get_range_domain(
            ("move_id.invoice_date", self.invoice_date_from, self.invoice_date_to)
        )

    def _get_part_domain(self):
        """Domain on ``account.move.line`` that one open item of a document meets.

        What is found is the whole document, whatever instalments were picked by it.
        """
        domain = self._get_range_domain(("date_maturity", self.due_date_from, self.due_date_to))
        days = self._get_aging_days()
        if days is not None:
            domain &= self.env["ar.balance"]._get_older_domain(days, self.company_id)
        return domain

    def _get_range_domain(self, *ranges):
        """Domain of ``(field, first day, last day)``; an empty day does not limit."""
        domain = Domain.TRUE
        for name, first, last in ranges:
            if first:
                domain &= Domain(name, ">=", first)
            if last:
                domain &= Domain(name, "<=", last)
        return domain

    def _get_move_domain(self):
        domain = Domain.TRUE
        products = Domain.TRUE
        if self.product_type:
            products &= Domain("product_id.type", "=", self.product_type)
        if self.product_category_ids:
            products &= Domain("product_id.categ_id", "child_of", self.product_category_ids.ids)
        if products != Domain.TRUE:
            domain &= Domain("move_id.invoice_line_ids", "any", products)
        for name, records in (
            ("move_id.journal_id", self.sale_journal_ids),
            ("move_id.invoice_user_id", self.salesperson_ids),
            ("currency_id", self.currency_ids),
        ):
            if records:
                domain &= Domain(name, "in", records.ids)
        return domain
