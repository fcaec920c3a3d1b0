from odoo import api, fields, models

from ...tools.write_off_accounts import (
    recognise_gain,
    recognise_loss,
    recognise_other_income,
    recognise_recovery,
)
from .ar_write_off_reason import GAIN_TYPES, LOSS_TYPES, RECOVERY_TYPES

ACCOUNT_TYPES = {
    "ar_loss_account_id": LOSS_TYPES,
    "ar_gain_account_id": GAIN_TYPES,
    "ar_recovery_account_id": RECOVERY_TYPES,
}

DELEGATED = (
    *ACCOUNT_TYPES,
    "ar_write_off_journal_id",
    "ar_write_off_batch_mode",
    "ar_write_off_reason_required",
    "ar_apply_credits",
)


class ResCompany(models.Model):
    _inherit = "res.company"

    ar_loss_account_id = fields.Many2one(
        "account.account",
        string="Bad Debts",
        check_company=True,
        domain=[("account_type", "in", LOSS_TYPES)],
        help="Debited with what is written off, unless the reason or the product category "
        "has an account of its own.",
    )
    ar_gain_account_id = fields.Many2one(
        "account.account",
        string="Write-Off Gains",
        check_company=True,
        domain=[("account_type", "in", GAIN_TYPES)],
        help="Credited with customers' small credits that are written off.",
    )
    ar_recovery_account_id = fields.Many2one(
        "account.account",
        string="Recovered Bad Debts",
        check_company=True,
        domain=[("account_type", "in", RECOVERY_TYPES)],
        help="Credited when a customer pays what was written off.",
    )
    ar_write_off_journal_id = fields.Many2one(
        "account.journal",
        string="Write-Off Journal",
        check_company=True,
        domain=[("type", "=", "general")],
        help="Empty: the first journal for miscellaneous operations.",
    )
    ar_write_off_batch_mode = fields.Selection(
        [("automatic", "Automatic: one per user and day"), ("manual", "Manual")],
        string="Write-Off Batches",
        default="automatic",
        required=True,
        help="Automatic: write-offs go to a batch that is made for each user and day.\n"
        "Manual: users make batches, are assigned to them and choose a default one.",
    )
    ar_write_off_reason_required = fields.Boolean(
        string="Reason Required", help="Nothing is written off without a reason."
    )

    ar_apply_credits = fields.Boolean(
        string="Apply Credits First",
        default=True,
        help="Before anything of a customer is written off, his own open payments and credit "
        "notes are matched with it. Can be changed on each write-off.",
    )

    def _get_company_root_delegated_field_names(self):
        """Branches share the ledger of their root company, so also its accounts."""
        return [*super()._get_company_root_delegated_field_names(), *DELEGATED]

    def write(self, vals):
        # Core copies such values to the branches one by one and compares all of them
        # each time, so that two written together could never agree.
        own = [name for name in DELEGATED if isinstance(vals, dict) and name in vals]
        if len(own) < 2:
            return super().write(vals)
        for name in own[1:]:
            super().write({name: vals[name]})
        return super().write({name: vals[name] for name in vals if name not in own[1:]})

    @api.constrains(*ACCOUNT_TYPES, "ar_write_off_journal_id")
    def _ar_check_write_off_settings(self):
        for company in self:
            for field, types in ACCOUNT_TYPES.items():
                company[field]._ar_check_write_off_account(company.display_name, types)
            company.ar_write_off_journal_id._ar_check_write_off_journal(company.display_name)

    def _ar_get_general_journal(self):
        """The first journal for miscellaneous operations, rather one without another duty."""
        self.ensure_one()
        journals = self.env["account.journal"]
        found = journals.search([*journals._check_company_domain(self), ("type", "=", "general")])
        root = self.root_id
        special = (
            self.currency_exchange_journal_id
            | self.tax_cash_basis_journal_id
            | root.currency_exchange_journal_id
            | root.tax_cash_basis_journal_id
        )
        return (found - special)[:1] or found[:1]

    # ------------------------------------------------------------------
    # Defaults from the chart of accounts
    # ------------------------------------------------------------------

    def _ar_set_write_off_defaults(self):
        """Give companies that have a chart of accounts what write-offs need.

        Accounts are recognised by their names and made when none is; a value that is
        set stays, and reasons are only made for a company that has none, so that this
        can run any number of times. Branches use what their root company has.
        """
        for company in self.root_id.filtered("chart_template"):
            company = company.with_company(company).with_context(
                allowed_company_ids=company.ids, lang="en_US"
            )
            for field in ACCOUNT_TYPES:
                if not company[field]:
                    account = company._ar_recognise_account(field)
                    company[field] = account or company._ar_create_account(field)
            reasons = company.env["ar.write.off.reason"].with_context(active_test=False)
            if not reasons.search_count([("company_id", "=", company.id)], limit=1):
                for record in reasons.create(company._ar_prepare_write_off_reasons()):
                    company._ar_translate_name(record)

    def _ar_recognise_account(self, field):
        """The account of the chart that is plainly meant for this, or an empty one."""
        types = {
            # A recovery booked as less expense is a choice, not a default.
            "ar_recovery_account_id": GAIN_TYPES,
            "ar_loss_account_id": (*LOSS_TYPES[:3], "income"),
        }.get(field, ACCOUNT_TYPES[field])
        accounts = self.env["account.account"].search(
            [
                *self.env["account.account"]._check_company_domain(self),
                ("account_type", "in", types),
            ]
        )
        named = [(account.id, account.code, account.name) for account in accounts]
        if field == "ar_loss_account_id":
            found = recognise_loss(named, self.chart_template)
        elif field == "ar_gain_account_id":
            found = recognise_gain(named)
        else:
            found = recognise_recovery(named)
        return accounts.browse(found or [])

    def _ar_create_account(self, field):
        """An account of our own next to the chart's, or an empty one in an empty chart.

        It has no external id: it stays, with what is booked on it, when the addon goes.
        """
        accounts = self.env["account.account"]
        if field == "ar_loss_account_id":
            account_type, near = "expense", self._ar_get_expense_neighbour()
        else:
            account_type, near = "income_other", self._ar_get_income_neighbour()
        if not near.code:
            return accounts
        account = accounts.create(
            {
                "name": self._ar_get_default_names()[field],
                "code": accounts._search_new_account_code(near.code),
                "account_type": account_type,
                "company_ids": [(4, self.id)],
            }
        )
        self._ar_translate_name(account)
        return account

    def _ar_get_expense_neighbour(self):
        accounts = self.env["account.account"]
        domain = [*accounts._check_company_domain(self), ("account_type", "=", "expense")]
        own = self.expense_account_id.filtered_domain(domain)
        return own or accounts.search(domain, limit=1)

    def _ar_get_income_neighbour(self):
        """An account called “other income”, else the one for sales, else any."""
        accounts = self.env["account.account"]
        domain = [*accounts._check_company_domain(self), ("account_type", "in", GAIN_TYPES)]
        found = accounts.search(domain)
        other = recognise_other_income(
            [(account.id, account.code, account.name) for account in found]
        )
        return accounts.browse(other or []) or self.income_account_id & found or found[:1]

    def _ar_prepare_write_off_reasons(self):
        """Values of the reasons a company begins with."""
        names = self._ar_get_default_names()
        return [
            {"company_id": self.id, "sequence": 10, "name": names["small"]},
            {"company_id": self.id, "sequence": 20, "name": names["uncollectible"]},
            {
                "company_id": self.id,
                "sequence": 30,
                "name": names["bankruptcy"],
                "tax_treatment": "reclaim",
                "note_required": True,
            },
        ]

    def _ar_get_default_names(self):
        return {
            "ar_loss_account_id": self.env._("Bad Debt Expense"),
            "ar_gain_account_id": self.env._("Write-Off Gains"),
            "ar_recovery_account_id": self.env._("Bad Debts Recovered"),
            "small": self.env._("Small balance"),
            "uncollectible": self.env._("Uncollectible"),
            "bankruptcy": self.env._("Bankruptcy"),
        }

    def _ar_translate_name(self, record):
        """Name a default in every language that is installed."""
        source = self._ar_get_default_names()
        key = next(key for key, name in source.items() if name == record.name)
        for lang, _name in self.env["res.lang"].get_installed():
            if lang != "en_US":
                names = self.with_context(lang=lang)._ar_get_default_names()
                record.with_context(lang=lang).name = names[key]
