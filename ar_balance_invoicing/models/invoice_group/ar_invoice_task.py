from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

SCOPES = [
    ("all", "All invoices"),
    ("owing", "Only those who owe"),
    ("not_sent", "Only those not yet sent"),
]


class ArInvoiceTask(models.Model):
    """One action on all invoices of a group, with what became of each.

    A bulk document: in the background when there are many, one bad invoice does not
    stop the others, and each that could not be done is listed with why.
    """

    _name = "ar.invoice.task"
    _description = "Invoice Group Task"
    _inherit = ["ar.bulk.document"]
    _order = "id desc"
    _check_company_auto = True
    _line_model = "ar.invoice.task.line"
    _person_creates = False
    _person_writes = False

    group_id = fields.Many2one(
        "ar.invoice.group",
        string="Invoice Group",
        required=True,
        readonly=True,
        index=True,
        check_company=True,
        ondelete="cascade",
    )
    task = fields.Selection(
        [
            ("confirm", "Confirm drafts"),
            ("mark_sent", "Mark as sent"),
            ("send", "Send by e-mail"),
            ("pdf", "One PDF of all"),
            ("regenerate", "Regenerate drafts"),
            ("delete", "Delete drafts"),
        ],
        required=True,
        readonly=True,
    )
    scope = fields.Selection(SCOPES, default="all", required=True, readonly=True)
    line_ids = fields.One2many("ar.invoice.task.line", "document_id", string="Invoices")
    pdf_id = fields.Many2one("ir.attachment", string="PDF", readonly=True, copy=False)

    @api.depends("task", "group_id")
    def _compute_display_name(self):
        labels = dict(self._fields["task"]._description_selection(self.env))
        for task in self:
            task.display_name = f"{labels.get(task.task, '')} · {task.group_id.display_name}"

    # ------------------------------------------------------------------
    # Making one
    # ------------------------------------------------------------------

    @api.model
    def _create_for_group(self, group, task, scope="all"):
        """A task with a line for each invoice that it concerns, in the group's order.

        :raise UserError: when it concerns none.
        """
        group.ensure_one()
        self.env["account.move"]._check_billing_rights()
        group.check_access("write")
        invoices = group._get_invoices(self._get_task_domain(task, scope))
        if not invoices:
            raise UserError(self._get_nothing_message(group, task))
        document = self._create_inside(
            {
                "name": dict(self._fields["task"]._description_selection(self.env))[task],
                "group_id": group.id,
                "company_id": group.company_id.id,
                "task": task,
                "scope": scope,
            }
        )
        self.env["ar.invoice.task.line"]._create_inside(
            [
                {"document_id": document.id, "move_id": invoice.id, "label": invoice.display_name}
                for invoice in invoices
            ]
        )
        return document

    @api.model
    def _get_task_domain(self, task, scope):
        """Domain on ``account.move``: what a task concerns."""
        drafts = Domain("state", "=", "draft")
        alive = Domain("state", "!=", "cancel")
        domain = {
            "confirm": drafts,
            "mark_sent": alive & Domain("is_move_sent", "=", False),
            "send": alive,
            "pdf": alive,
            "regenerate": drafts & Domain("billing_run_id", "!=", False),
            "delete": drafts,
        }[task]
        if scope == "owing":
            domain &= Domain("invoice_balance", ">", 0) | Domain("account_balance", ">", 0)
        elif scope == "not_sent":
            domain &= Domain("is_move_sent", "=", False)
        return domain

    @api.model
    def _get_nothing_message(self, group, task):
        texts = {
            "confirm": self.env._("no invoice is a draft."),
            "mark_sent": self.env._("every invoice was sent already."),
            "regenerate": self.env._("no invoice is a draft made by a billing run."),
            "delete": self.env._("no invoice is a draft."),
        }
        text = texts.get(task, self.env._("no invoice meets this."))
        return self.env._(
            "Nothing to do in “%(group)s”: %(text)s", group=group.display_name, text=text
        )

    @api.model_create_multi
    def create(self, vals_list):
        self.env["account.move"]._check_billing_rights()
        return super().create(vals_list)

    # ------------------------------------------------------------------
    # Working off
    # ------------------------------------------------------------------

    def _process_lines(self, lines):
        self.env["account.move"]._check_billing_rights()
        gone = lines.filtered(lambda line: not line.move_id)
        gone._mark_skipped(self.env._("Deleted meanwhile."))
        lines -= gone
        left = lines.filtered(lambda line: line.move_id.invoice_group_id != self.group_id)
        left._mark_skipped(self.env._("Taken out of the group meanwhile."))
        lines -= left
        # Whoever forged a line would have another company's invoice done.
        lines = lines._fail_each(self._get_foreign_problem)
        if lines:
            getattr(self, f"_do_{self.task}")(lines)

    def _get_foreign_problem(self, line):
        """Why an invoice is not this task's to work on: a sentence, or False."""
        return line.move_id.company_id != self.company_id and self.env._(
            "It belongs to another company than the invoice group."
        )

    def _undo_lines(self, lines):
        raise UserError(self._get_undo_message())

    def action_undo(self):
        """Refused: each invoice has its own way back.

        :raise UserError: always
        """
        raise UserError(self._get_undo_message())

    def _get_undo_message(self):
        return self.env._(
            "A task is not undone as a whole. Reset invoices to draft, or reverse them with a "
            "credit note."
        )

    def _get_result_action(self):
        """What to show when the task was started: its progress, its PDF, or its outcome."""
        self.ensure_one()
        if self.state in ("queued", "running") or self.failed_count or self.skipped_count:
            return {
                "type": "ir.actions.act_window",
                "name": self.display_name,
                "res_model": self._name,
                "res_id": self.id,
                "views": [(False, "form")],
            }
        if self.pdf_id:
            return self.action_download()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._(
                    "%(task)s: %(count)s invoices done.",
                    task=self.name,
                    count=self.done_count,
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_group(self):
        """The group this was done with."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "ar.invoice.group",
            "res_id": self.group_id.id,
            "views": [(False, "form")],
        }
