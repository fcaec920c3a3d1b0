from odoo import api, fields, models

from ..tools import client_actions


class ArWriteOffSearch(models.TransientModel):
    """The pop-up of Process Invoice Write-Offs: the default batch, and what is searched.

    What is found is listed by a document (``ar.write.off``), which keeps the criteria;
    Change Criteria opens this pop-up again for the same document.
    """

    _name = "ar.write.off.search"
    _description = "Invoice Write-Off"
    _inherit = ["ar.guarded", "ar.write.off.criteria", "ar.write.off.batch.choice"]
    _initial_fields = frozenset({"company_id"})

    document_id = fields.Many2one(
        "ar.write.off",
        string="Write-Off",
        ondelete="cascade",
        help="The document that is searched again; none: a new one is made.",
    )
    batch_id = fields.Many2one(
        "ar.write.off.batch",
        string="Update Default Batch",
        compute="_compute_batch_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="cascade",
        domain="[('is_usable', '=', True), ('company_id', '=', company_id)]",
        help="Where this write-off is recorded. With manual batches, it becomes your default.",
    )

    @api.depends("company_id")
    def _compute_batch_id(self):
        for window in self:
            window.batch_id = self.env["ar.write.off.batch"]._get_preselected(window.company_id)

    def action_search(self):
        """List what meets the criteria, everything ticked, and open the list.

        What was unticked in the document before stays unticked.

        :raise UserError: when no criterion is given, or the document was processed.
        """
        self.ensure_one()
        documents = self.env["ar.write.off"]
        documents._check_may_write_off()
        if self.document_id and not self.document_id.is_editable:
            return self.document_id._show_as_it_is()
        self._update_default_batch()
        criteria = self._get_criteria_values()
        document = self.document_id
        if document:
            document.search_again(criteria)
            document.batch_id = self.batch_id
        else:
            batch, company = self.batch_id.id, self.company_id.id
            document = documents.find(criteria, batch_id=batch, company_id=company)
        # Not below what stood behind the window: its records have other ids in the address.
        return {**document.action_view_lines(), "target": "main"}

    def _show_with_batch(self):
        title = self.env._("Change Criteria") if self.document_id else self._description
        return client_actions.form(self, self.env._(title), target="new")

    def _update_default_batch(self):
        """The batch that was chosen is the user's default from now on (manual batches).

        Not the one that the document has, which was not chosen here.
        """
        chosen = self.batch_id if self.batch_id != self.document_id.batch_id else None
        if self.batch_mode == "manual" and chosen and not chosen.is_default:
            chosen.action_set_default()
