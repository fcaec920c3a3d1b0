from odoo import fields, models


class A(models.AbstractModel):
    _inherit = "ar.bulk.document"
    is_editable = fields.Boolean(compute="_c")
    is_startable = fields.Boolean(compute="_c")
    can_retry = fields.Boolean(compute="_c")
    can_cancel = fields.Boolean(compute="_c")
    can_undo = fields.Boolean(compute="_c")

    def _c(self):
        for r in self:
            r.is_editable = r.state == "draft"
            r.is_startable = r.state in ("draft", "failed", "cancelled")
            r.can_retry = r.state in ("failed", "cancelled")
            r.can_cancel = r.state in ("draft", "queued", "running")
            r.can_undo = r.done_count and r.state in ("done", "failed", "cancelled")


class B(models.AbstractModel):
    _inherit = "ar.bulk.document.line"

    def _fail_each(self, problem):
        rest = self.browse()
        for line in self:
            if sentence := problem(line):
                line._mark_failed(sentence)
            else:
                rest |= line
        return rest
