from odoo import api, fields, models

from .ar_write_off_reason import LOSS_TYPES


class ProductCategory(models.Model):
    _inherit = "product.category"

    ar_loss_account_id = fields.Many2one(
        "account.account",
        string="Bad Debt Account",
        company_dependent=True,
        check_company=True,
        domain=[("account_type", "in", LOSS_TYPES)],
        ondelete="restrict",
        tracking=True,
        help="Debited when invoices for these products are written off. Empty: the parent "
        "category's account, else the company's. The account of a write-off reason goes first.",
    )

    @api.constrains("ar_loss_account_id")
    def _check_ar_loss_account(self):
        for category in self:
            owner = self.env._("The product category “%s”", category.display_name)
            category.ar_loss_account_id._ar_check_write_off_account(owner, LOSS_TYPES)

    def _ar_get_loss_account(self, company):
        """The bad-debt account of the category or of its nearest parent that has one.

        :param company: whose accounts; a branch without one of its own uses its root's
        :return: ``account.account``, empty when no category on the way has one
        """
        for owner in company | company.sudo().root_id:
            category = self.sudo().with_company(owner)
            while category:
                if category.ar_loss_account_id:
                    return category.ar_loss_account_id.with_env(self.env)
                category = category.parent_id
        return self.env["account.account"]
