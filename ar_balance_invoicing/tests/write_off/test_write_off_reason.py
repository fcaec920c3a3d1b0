from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ...tools.write_off_accounts import recognise_loss, recognise_recovery
from ..common import BalanceCommon

DEFAULTS = ("ar_loss_account_id", "ar_gain_account_id", "ar_recovery_account_id")


class WriteOffAccountsCommon(BalanceCommon):
    """A company with its defaults, and a maker of accounts and reasons."""

    @classmethod
    def _account(cls, code, account_type="expense", company=None):
        return cls.env["account.account"].create(
            {
                "name": f"Account {code}",
                "code": code,
                "account_type": account_type,
                "company_ids": [Command.set((company or cls.company).ids)],
            }
        )

    @classmethod
    def _reason(cls, **values):
        return cls.env["ar.write.off.reason"].create(
            {"name": "Moved away", "company_id": cls.company.id, **values}
        )


@tagged("post_install", "-at_install")
class TestWriteOffAccounts(WriteOffAccountsCommon):
    """Which account a write-off is booked on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loss_reason = cls._account("680001")
        cls.loss_category = cls._account("680002")
        cls.loss_parent = cls._account("680003")
        cls.parent = cls.env["product.category"].create({"name": "Waste"})
        cls.category = cls.env["product.category"].create(
            {"name": "Bins", "parent_id": cls.parent.id}
        )

    def test_reason_then_category_then_company(self):
        empty, reason = self._reason(), self._reason(loss_account_id=self.loss_reason.id)
        company, category = self.company, self.category
        self.assertEqual(
            empty._get_write_off_account(company, category), company.ar_loss_account_id
        )
        self.parent.ar_loss_account_id = self.loss_parent
        self.assertEqual(empty._get_write_off_account(company, category), self.loss_parent)
        category.ar_loss_account_id = self.loss_category
        self.assertEqual(empty._get_write_off_account(company, category), self.loss_category)
        self.assertEqual(empty._get_write_off_account(company), company.ar_loss_account_id)
        self.assertEqual(reason._get_write_off_account(company, category), self.loss_reason)

    def test_without_any_reason(self):
        none = self.env["ar.write.off.reason"]
        self.category.ar_loss_account_id = self.loss_category
        self.assertEqual(
            none._get_write_off_account(self.company, self.category), self.loss_category
        )
        self.assertEqual(
            none._get_write_off_account(self.company, self.category, credit=True),
            self.company.ar_gain_account_id,
        )

    def test_gain_and_recovery_of_the_reason_go_first(self):
        gain, recovered = self._account("780001", "income"), self._account("780002", "income_other")
        reason = self._reason(gain_account_id=gain.id, recovery_account_id=recovered.id)
        self.assertEqual(reason._get_write_off_account(self.company, credit=True), gain)
        self.assertEqual(reason._get_recovery_account(self.company), recovered)
        self.assertEqual(
            self._reason()._get_recovery_account(self.company), self.company.ar_recovery_account_id
        )

    def test_recovery_can_make_good_the_loss(self):
        reason = self._reason(recovery_account_id=self.loss_reason.id)
        self.assertEqual(reason._get_recovery_account(self.company), self.loss_reason)

    def test_what_is_missing_is_said_with_where_to_set_it(self):
        for field in DEFAULTS:
            self.company[field] = False
        reason = self._reason()
        for get, words in (
            (lambda: reason._get_write_off_account(self.company), "account for bad debts"),
            (
                lambda: reason._get_write_off_account(self.company, credit=True),
                "account for write-off gains",
            ),
            (lambda: reason._get_recovery_account(self.company), "recovered bad debts"),
        ):
            with self.assertRaisesRegex(UserError, f"{words}.* Set one in .*Write-Offs"):
                get()

    def test_an_archived_account_is_not_used(self):
        reason = self._reason(loss_account_id=self.loss_reason.id)
        self.loss_reason.active = False
        with self.assertRaisesRegex(UserError, "680001.* is archived"):
            reason._get_write_off_account(self.company)

    def test_accounts_of_the_wrong_kind_are_refused(self):
        receivable = self.company_data["default_account_receivable"]
        for field in ("loss_account_id", "gain_account_id", "recovery_account_id"):
            with self.assertRaisesRegex(ValidationError, "“Moved away”.*Receivable"):
                self._reason(**{field: receivable.id})
        with self.assertRaises(ValidationError):
            self._reason(gain_account_id=self.loss_reason.id)
        with self.assertRaisesRegex(ValidationError, "product category “Waste / Bins”"):
            self.category.ar_loss_account_id = receivable
        with self.assertRaisesRegex(ValidationError, "Receivable"):
            self.company.ar_loss_account_id = receivable
        with self.assertRaisesRegex(ValidationError, "not for miscellaneous"):
            self._reason(journal_id=self.company_data["default_journal_sale"].id)
        archived = self._account("680004")
        archived.active = False
        with self.assertRaisesRegex(ValidationError, "is archived"):
            self._reason(loss_account_id=archived.id)

    def test_an_allowance_can_be_written_off_against(self):
        allowance = self._account("120900", "asset_current")
        reason = self._reason(loss_account_id=allowance.id)
        self.assertEqual(reason._get_write_off_account(self.company), allowance)

    def test_accounts_of_another_company_are_refused(self):
        foreign = self._account("680005", company=self.other)
        with self.assertRaises(UserError):
            self._reason(loss_account_id=foreign.id)

    def test_a_branch_uses_the_accounts_of_its_root(self):
        none = self.env["ar.write.off.reason"]
        self.assertEqual(none._get_write_off_account(self.branch), self.company.ar_loss_account_id)
        self.company.ar_loss_account_id = self.loss_reason
        self.assertEqual(none._get_write_off_account(self.branch), self.loss_reason)
        self.parent.ar_loss_account_id = self.loss_parent
        self.assertEqual(none._get_write_off_account(self.branch, self.category), self.loss_parent)

    def test_each_company_has_its_own_category_account(self):
        self.category.ar_loss_account_id = self.loss_category
        none = self.env["ar.write.off.reason"].with_company(self.other)
        self.assertEqual(
            none._get_write_off_account(self.other, self.category), self.other.ar_loss_account_id
        )


@tagged("post_install", "-at_install")
class TestWriteOffJournal(WriteOffAccountsCommon):
    """In which journal a write-off is booked."""

    def test_reason_then_company_then_the_first_general_one(self):
        misc = self.company_data["default_journal_misc"]
        none = self.env["ar.write.off.reason"]
        self.assertEqual(none._get_write_off_journal(self.company), misc)
        mine, theirs = (
            self.env["account.journal"].create(
                {"name": name, "type": "general", "code": name, "company_id": self.company.id}
            )
            for name in ("WOA", "WOB")
        )
        self.company.ar_write_off_journal_id = theirs
        self.assertEqual(none._get_write_off_journal(self.company), theirs)
        self.assertEqual(none._get_write_off_journal(self.branch), theirs)
        reason = self._reason(journal_id=mine.id)
        self.assertEqual(reason._get_write_off_journal(self.company), mine)

    def test_journals_with_another_duty_come_last(self):
        exchange = self.company.currency_exchange_journal_id
        journals = self.env["account.journal"].search(
            [("company_id", "=", self.company.id), ("type", "=", "general")]
        )
        (journals - exchange).active = False
        none = self.env["ar.write.off.reason"]
        self.assertEqual(none._get_write_off_journal(self.company), exchange)
        exchange.active = False
        with self.assertRaisesRegex(UserError, "no journal for write-offs"):
            none._get_write_off_journal(self.company)


@tagged("post_install", "-at_install")
class TestWriteOffDefaults(WriteOffAccountsCommon):
    """A company with a chart of accounts can write off at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.new = cls._create_company(name="New")
        cls.env.user.company_ids |= cls.new

    def _load(self, company):
        self.env["account.chart.template"].sudo().try_loading(
            "generic_coa", company=company, install_demo=False
        )

    def _get_reasons(self, company):
        return (
            self.env["ar.write.off.reason"]
            .with_context(active_test=False, allowed_company_ids=company.ids)
            .search([("company_id", "=", company.id)])
        )

    def test_nothing_without_a_chart(self):
        bare = self.env["res.company"].create({"name": "Bare"})
        bare._ar_set_write_off_defaults()
        self.assertFalse(bare.ar_loss_account_id)
        self.assertFalse(self._get_reasons(bare))

    def test_a_chart_without_such_accounts_gets_them(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self._load(self.new)
        new = self.new.with_company(self.new)
        self.assertRecordValues(
            new.ar_loss_account_id | new.ar_gain_account_id | new.ar_recovery_account_id,
            [
                {"name": "Bad Debt Expense", "account_type": "expense"},
                {"name": "Write-Off Gains", "account_type": "income_other"},
                {"name": "Bad Debts Recovered", "account_type": "income_other"},
            ],
        )
        # Beside the account for expenses, as long as its code.
        near, code = new.expense_account_id.code, new.ar_loss_account_id.code
        self.assertEqual(len(code), len(near))
        self.assertGreater(code, near)
        self.assertRecordValues(
            self._get_reasons(self.new),
            [
                {"name": "Small balance", "tax_treatment": "leave", "note_required": False},
                {"name": "Uncollectible", "tax_treatment": "leave", "note_required": False},
                {"name": "Bankruptcy", "tax_treatment": "reclaim", "note_required": True},
            ],
        )

    def test_again_changes_nothing(self):
        self._load(self.new)
        accounts = self.env["account.account"].sudo()
        chosen = self._account("680001", company=self.new)
        self.new.ar_loss_account_id = chosen
        self._get_reasons(self.new)[0].active = False
        self._get_reasons(self.new)[1].unlink()
        before = accounts.search_count([("company_ids", "in", self.new.ids)])
        reasons = self._get_reasons(self.new)
        self.new._ar_set_write_off_defaults()
        self._load(self.new)
        self.assertEqual(self.new.ar_loss_account_id, chosen)
        self.assertEqual(accounts.search_count([("company_ids", "in", self.new.ids)]), before)
        self.assertEqual(self._get_reasons(self.new), reasons)
        # One that was made before and forgotten is found again, not made twice.
        self.new.ar_gain_account_id = False
        self.new._ar_set_write_off_defaults()
        self.assertTrue(self.new.ar_gain_account_id)
        self.assertEqual(accounts.search_count([("company_ids", "in", self.new.ids)]), before)

    def test_another_chart_replaces_the_accounts(self):
        self._load(self.new)
        reason = self._get_reasons(self.new)[0]
        reason.loss_account_id = self.new.ar_loss_account_id
        self.new.chart_template = False
        self._load(self.new)
        self.assertFalse(reason.loss_account_id)
        self.assertTrue(self.new.ar_loss_account_id.exists())
        self.assertEqual(len(self._get_reasons(self.new)), 3)

    def test_a_branch_has_what_its_root_has(self):
        self._load(self.new)
        branch = self._create_company(name="New branch", parent_id=self.new.id)
        self._load(branch)
        for field in DEFAULTS:
            self.assertEqual(branch[field], self.new[field])
        self.assertFalse(self._get_reasons(branch))

    def test_several_settings_reach_a_branch_together(self):
        accounts = {
            "ar_loss_account_id": self._account("680001").id,
            "ar_gain_account_id": self._account("780001", "income_other").id,
            "ar_write_off_batch_mode": "manual",
        }
        self.company.write(accounts)
        self.assertRecordValues(self.company | self.branch, [accounts, accounts])

    def test_the_settings_can_be_saved(self):
        loss = self._account("680001")
        settings = self.env["res.config.settings"].create({})
        settings.write({"ar_loss_account_id": loss.id, "ar_write_off_batch_mode": "manual"})
        settings.execute()
        self.assertEqual(
            (self.company.ar_loss_account_id, self.branch.ar_write_off_batch_mode), (loss, "manual")
        )

    def test_every_company_its_own(self):
        self._load(self.new)
        for field in DEFAULTS:
            self.assertEqual(self.company.sudo()[field].company_ids, self.company)
            self.assertEqual(self.new.sudo()[field].company_ids, self.new)

    def test_accounts_are_recognised_by_code_and_name(self):
        german = [(1, "2400", "Bad debt allowances (normal amount)"), (2, "2430", "Bad debt")]
        self.assertEqual(recognise_loss(german, "de_skr03"), 1)
        british = [
            (1, "785000", "Bad debts"),
            (2, "785010", "Bad debt provision"),
            (3, "780000", "Income on bad debts"),
        ]
        self.assertEqual(recognise_loss(british, "uk"), 1)
        own = [(1, "6935", "Forderungsverluste 19 % USt"), (2, "6936", "Forderungsverluste")]
        self.assertEqual(recognise_loss(own), 2)
        self.assertIsNone(recognise_loss([(1, "6000", "Expenses"), (2, None, None)]))
        recovered = [(1, "2732", "Income from recoveries of receivables previously written off")]
        self.assertEqual(recognise_recovery(recovered), 1)


@tagged("post_install", "-at_install")
class TestWriteOffReasonRights(WriteOffAccountsCommon):
    """Who may see and change reasons."""

    def test_users_read_and_administrators_change(self):
        reason = self._reason()
        user = self._make_user("write.off.user", "ar_balance_invoicing.group_write_off")
        mine = self._as(user, reason)
        self.assertEqual(mine.name, "Moved away")
        self.assertTrue(mine._get_write_off_account(self.company))
        with self.assertRaises(AccessError):
            mine.name = "Something else"
        manager = self._make_user("write.off.manager", "account.group_account_manager")
        self.assertTrue(manager.has_group("ar_balance_invoicing.group_write_off"))
        self._as(manager, reason).name = "Something else"

    def test_reasons_of_other_companies_are_not_seen(self):
        reason = self._reason()
        user = self._make_user("write.off.other", "account.group_account_manager", self.other)
        with self.assertRaises(AccessError):
            self._as(user, reason).read(["name"])
        branch_user = self._make_user(
            "write.off.branch", "ar_balance_invoicing.group_write_off", self.branch
        )
        self.assertEqual(self._as(branch_user, reason).name, "Moved away")

    def test_a_copy_is_named_as_one(self):
        self.assertEqual(self._reason().copy().name, "Moved away (copy)")
