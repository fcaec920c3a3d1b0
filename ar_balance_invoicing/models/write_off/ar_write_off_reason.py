from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

# A loss is an expense; the Swiss charts lower the revenue instead, and who values his
# receivables with an allowance writes off against that.
LOSS_TYPES = (
    "expense",
    "expense_other",
    "expense_direct_cost",
    "income",
    "asset_current",
    "liability_current",
)
GAIN_TYPES = ("income", "income_other")
# What a customer pays after all is an income, or makes good the loss.
RECOVERY_TYPES = (*GAIN_TYPES, *LOSS_TYPES[:3])


class ArWriteOffReason(models.Model):
    """Why a debt is given up, and how that is booked."""

    _name = "ar.write.off.reason"
    _inherit = ["ar.guarded", "mail.thread", "analytic.mixin"]
    _description = "Write-Off Reason"
    _order = "sequence, id"
    _check_company_auto = True
    # Branches use the reasons of the company whose ledger they share.
    _check_company_domain = models.check_company_domain_parent_of

    name = fields.Char(required=True, translate=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    loss_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=[("account_type", "in", LOSS_TYPES)],
        ondelete="restrict",
        tracking=True,
        help="Debited with what is written off. Empty: the account of the product category, "
        "else the company's.",
    )
    gain_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=[("account_type", "in", GAIN_TYPES)],
        ondelete="restrict",
        tracking=True,
        help="Credited with a customer's small credits that are written off. Empty: the "
        "company's account.",
    )
    recovery_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=[("account_type", "in", RECOVERY_TYPES)],
        ondelete="restrict",
        tracking=True,
        help="Credited when a customer pays after all. The loss account makes good the loss. "
        "Empty: the company's account.",
    )
    tax_treatment = fields.Selection(
        [
            ("leave", "Leave tax: the loss includes it"),
            ("reclaim", "Reclaim tax: tax lines are reversed with their tags"),
        ],
        required=True,
        default="leave",
        tracking=True,
        help="Whether the tax of the invoice is part of the loss, or asked back from the tax "
        "office. When that may be done is a matter of your country's law.",
    )
    bad_debt_tax_ids = fields.One2many(
        "ar.write.off.reason.tax",
        "reason_id",
        string="Bad-Debt Taxes",
        copy=True,
        help="Where the law has boxes of its own for tax that is asked back. Empty: as a credit "
        "note would.",
    )
    tax_minimum_age = fields.Integer(
        string="Reclaim after (days)",
        tracking=True,
        help="Tax is asked back once the debt is overdue for so many days, on the date of the "
        "write-off. Of what is younger it stays in the loss. 0: at once.",
    )
    evidence_required = fields.Boolean(
        tracking=True,
        help="A write-off that asks tax back needs words about its evidence: a court's decision, "
        "an agency's report.",
    )
    analytic_distribution = fields.Json(
        help="Of the loss. Empty: that of the invoice's lines.",
    )
    note_required = fields.Boolean(
        tracking=True, help="A write-off with this reason needs a note that explains it."
    )
    journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        domain=[("type", "=", "general")],
        ondelete="restrict",
        tracking=True,
        help="Empty: the company's journal for write-offs.",
    )

    # ------------------------------------------------------------------
    # Constraints
    # ------------------------------------------------------------------

    @api.constrains("loss_account_id", "gain_account_id", "recovery_account_id", "journal_id")
    def _check_accounts(self):
        for reason in self:
            name = self.env._("The reason “%s”", reason.name)
            for field, types in (
                ("loss_account_id", LOSS_TYPES),
                ("gain_account_id", GAIN_TYPES),
                ("recovery_account_id", RECOVERY_TYPES),
            ):
                reason[field]._ar_check_write_off_account(name, types)
            reason.journal_id._ar_check_write_off_journal(name)

    @api.constrains("tax_minimum_age")
    def _check_tax_minimum_age(self):
        for reason in self:
            if reason.tax_minimum_age < 0:
                raise ValidationError(
                    self.env._(
                        "“%s”: the days after which tax is asked back cannot be less than zero.",
                        reason.name,
                    )
                )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if "name" in (default or {}):
            return vals_list
        return [
            {**vals, "name": self.env._("%s (copy)", reason.name)}
            for reason, vals in zip(self, vals_list, strict=True)
        ]

    # ------------------------------------------------------------------
    # What is booked where
    # ------------------------------------------------------------------

    def _get_bad_debt_taxes(self):
        """``{tax of an invoice: tax with which it is asked back}``"""
        return {mapping.tax_id: mapping.bad_debt_tax_id for mapping in self.bad_debt_tax_ids}

    def _get_write_off_account(self, company, category=None, credit=False):
        """The account of the other side of a write-off entry.

        The reason's, else the product category's (or the nearest parent category's),
        else the company's. Categories have no accounts for credits.

        :param company: whose ledger is booked in; a branch uses its root's accounts
        :param category: ``product.category`` of what was invoiced, if known
        :param credit: a customer's credit is written off, which is a gain
        :raise UserError: when no account is set, or it is archived
        """
        company = company.sudo()
        if credit:
            account = self.gain_account_id or company.ar_gain_account_id
            what = self.env._("account for write-off gains")
        else:
            account = self.loss_account_id
            if not account and category:
                account = category._ar_get_loss_account(company)
            account = account or company.ar_loss_account_id
            what = self.env._("account for bad debts")
        return self._check_account_set(account, company, what)

    def _get_recovery_account(self, company):
        """The account credited when written-off debt is paid after all.

        The reason's, else the company's.

        :raise UserError: when no account is set, or it is archived
        """
        account = self.recovery_account_id or company.sudo().ar_recovery_account_id
        what = self.env._("account for recovered bad debts")
        return self._check_account_set(account, company, what)

    def _check_account_set(self, account, company, what):
        if not account:
            raise UserError(
                self.env._(
                    "%(company)s has no %(what)s. Set one in Invoicing > Configuration > "
                    "Settings > Write-Offs, or on the reason.",
                    company=company.display_name,
                    what=what,
                )
            )
        if not account.active:
            raise UserError(
                self.env._(
                    "The %(what)s of %(company)s, %(account)s, is archived. Choose another one "
                    "on the reason, on the product category, or in Invoicing > Configuration > "
                    "Settings > Write-Offs.",
                    company=company.display_name,
                    what=what,
                    account=account.display_name,
                )
            )
        # Found with sudo for the company's settings; handed back with the user's rights.
        return account.with_env(self.env)

    def _get_write_off_journal(self, company):
        """The journal of write-off entries.

        The reason's, else the company's, else the first one for miscellaneous
        operations that is not kept for exchange differences or cash-basis taxes.

        :raise UserError: when there is none
        """
        settings = company.sudo()
        journal = self.journal_id or settings.ar_write_off_journal_id
        if not journal.active:
            journal = settings._ar_get_general_journal()
        if not journal:
            raise UserError(
                self.env._(
                    "%(company)s has no journal for write-offs. Make a journal of the type "
                    "Miscellaneous, or choose one in Invoicing > Configuration > Settings > "
                    "Write-Offs.",
                    company=company.display_name,
                )
            )
        return journal.with_env(self.env)
