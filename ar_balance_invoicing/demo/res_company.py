from odoo import api, models

from .demo_company import DemoCompany


class ResCompany(models.Model):
    _inherit = "res.company"

    @api.model
    def _ar_load_demo(self, step):
        """Called by the demo files only, which can call nothing but methods of models.

        :param step: ``load_chart`` or ``create_documents``
        """
        getattr(DemoCompany(self.env), step)()
