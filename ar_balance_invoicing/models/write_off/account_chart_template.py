from odoo import models


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _load(self, template_code, company, install_demo, force_create=True):
        """Another chart replaces the accounts of a company without entries.

        The reasons let go of the accounts first, or they could not be replaced.
        """
        root = company.sudo().root_id
        replaced = template_code != company.chart_template and not root._existing_accounting()
        if replaced and self.env.is_system():
            reasons = self.env["ar.write.off.reason"].sudo().with_context(active_test=False)
            reasons.search([("company_id", "child_of", company.id)]).write(
                {
                    "loss_account_id": False,
                    "gain_account_id": False,
                    "recovery_account_id": False,
                    "journal_id": False,
                }
            )
        return super()._load(template_code, company, install_demo, force_create)

    def _post_load_data(self, template_code, company, template_data):
        """A company with a new chart of accounts can write off at once."""
        result = super()._post_load_data(template_code, company, template_data)
        (company or self.env.company).sudo()._ar_set_write_off_defaults()
        return result
