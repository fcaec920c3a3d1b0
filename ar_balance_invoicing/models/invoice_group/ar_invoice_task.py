from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import clean_context

from ...tools import counted
from ...tools.client_actions import form, notification, records
from ...tools.records import to_records

SCOPES = [
    ("all", "All invoices"),
    ("owing", "Only those who owe"),
    ("not_sent", "Only those not yet sent"),
    ("failed", "Only those whose e-mail failed"),
]


class ArInvoiceTask(models.Model):
    """One action on all invoices of a group, or on ticked ones, with what became of each.

    A bulk document: in the background when there are many, one bad invoice does not
    stop the others, and each that could not be done is listed with why. What is done with
    the invoices says ``ar.invoice.task.kind``, of which there is a model for each task.

    Invoices of several companies make a task for each company.
    """

    _name = "ar.invoice.task"
    _description = "Invoice Task"
    _inherit = ["ar.bulk.document"]
    _order = "id desc"
    _check_company_auto = True
    _line_model = "ar.invoice.task.line"
    _person_creates = False
    _person_writes = False

    group_id = fields.Many2one(
        "ar.invoice.group",
        string="Invoice Group",
        readonly=True,
        index=True,
        check_company=True,
        ondelete="cascade",
        help="None: the invoices were ticked in a list.",
    )
    task = fields.Selection(selection="_get_task_selection", required=True, readonly=True)
    scope = fields.Selection(SCOPES, default="all", required=True, readonly=True)
    line_ids = fields.One2many("ar.invoice.task.line", "document_id", string="Invoices")
    pdf_id = fields.Many2one("ir.attachment", string="PDF", readonly=True, copy=False)

    @api.depends("task", "group_id")
    def _compute_display_name(self):
        labels = dict(self._get_task_selection())
        for task in self:
            label = labels.get(task.task) or task.name
            if task.group_id:
                task.display_name = f"{label} · {task.group_id.display_name}"
            else:
                chosen = counted.invoices(self.env, task.line_count)
                task.display_name = f"{label} · {chosen}"

    # ------------------------------------------------------------------
    # Kinds of tasks
    # ------------------------------------------------------------------

    @api.model
    def _get_kinds(self):
        """The models of all tasks there are, in the order in which people are shown them."""
        names = self.env.registry.descendants(["ar.invoice.task.kind"], "_inherit")
        kinds = [self.env[name] for name in names if self.env[name]._task]
        return sorted(kinds, key=lambda kind: (kind._sequence, kind._task))

    @api.model
    def _get_task_selection(self):
        return [(kind._task, kind._get_label()) for kind in self._get_kinds()]

    @api.model
    def _get_kind_of(self, task):
        """The model that does a task.

        :raise UserError: when there is no such task (any more).
        """
        for kind in self._get_kinds():
            if kind._task == task:
                return kind
        raise UserError(
            self.env._(
                "There is no task “%(task)s”, but: %(tasks)s. Is the addon that brought it gone?",
                task=str(task)[:40],
                tasks=", ".join(kind._task for kind in self._get_kinds()),
            )
        )

    def _get_kind(self):
        self.ensure_one()
        return self._get_kind_of(self.task)

    # ------------------------------------------------------------------
    # Making one
    # ------------------------------------------------------------------

    @api.model
    def run(self, task, invoices=None, group=None, scope="all"):
        """Do something with many invoices, as the buttons do, without any window.

        What is short is done when this returns, the rest goes on in the background; each
        line of a task says what became of its invoice, and why.

        :param task: a value of the field ``task``: ``"confirm"``, ``"mark_sent"``,
            ``"send"``, ``"pdf"``, ``"regenerate"``, ``"delete"``, ``"take_out"``, or
            another addon's
        :param invoices: records or ids; what the task does not concern is listed as left out
        :param group: an invoice group or its id, instead of ``invoices``
        :param scope: ``"all"``, ``"owing"``, ``"not_sent"`` or ``"failed"``: those that owe, or
            whose customer does; those that were not sent yet, with what failed; only what failed
        :return: the tasks, one for each company of the invoices
        :raise UserError: when it concerns none of them
        :raise AccessError: for who may not invoice, or not these invoices
        """
        if group and invoices:
            raise UserError(self.env._("Name either invoices or an invoice group, not both."))
        if group:
            group = to_records(self.env, "ar.invoice.group", group)
            return self._run(task, scope, group=group)
        return self._run(task, scope, to_records(self.env, "account.move", invoices or []))

    @api.model
    def _run(self, task, scope, invoices=None, group=None):
        """Begin a task with invoices, with a group, or with these invoices of a group."""
        # Defaults meant for a window must not end up on what is made here.
        self = self.with_context(clean_context(self.env.context))
        if group:
            tasks = self._create_for_group(group, task, scope, invoices)
        else:
            tasks = self._create_for_invoices(invoices, task, scope)
        for document in tasks:
            document.with_company(document.company_id)._start()
            document._tell_group()
        return tasks

    def _tell_group(self):
        """One note on the group, whatever the number of invoices."""
        if self.group_id:
            self.group_id.message_post(
                body=self.env._(
                    "%(task)s: %(invoices)s.",
                    task=self.name,
                    invoices=counted.invoices(self.env, self.line_count),
                )
            )

    @api.model
    def _create_for_group(self, group, task, scope="all", chosen=None):
        """A task with a line for each invoice of a group that it concerns, in its order.

        :param chosen: limit to these.
        :raise UserError: when it concerns none.
        """
        group.ensure_one()
        self.env["account.move"]._ar_check_invoicing_rights()
        group.check_access("write")
        kind = self._get_kind_of(task)
        domain = self._get_concerned_domain(kind, scope)
        if chosen is not None:
            domain &= Domain("id", "in", chosen.ids)
        invoices = group._get_invoices(domain)
        if not invoices:
            raise UserError(
                self.env._(
                    "Nothing to do in “%(group)s”: %(text)s",
                    group=group.display_name,
                    text=kind._get_nothing_message(),
                )
            )
        vals = {"group_id": group.id, "company_id": group.company_id.id, "scope": scope}
        return self._create_with_lines(kind, vals, invoices)

    @api.model
    def _create_for_invoices(self, invoices, task, scope="all"):
        """A task for each company, with a line for each invoice, by date.

        :raise UserError: when it concerns none.
        """
        invoices._ar_check_invoicing_rights()
        kind = self._get_kind_of(task)
        invoices = invoices.search([("id", "in", invoices.ids)], order="invoice_date, id")
        concerned = self._find_concerned(kind, scope, invoices)
        if not invoices:
            raise UserError(self.env._("Nothing to do: no invoice is ticked."))
        if not concerned:
            reasons = {self._get_left_out_reason(kind, invoice): True for invoice in invoices}
            raise UserError(self.env._("Nothing to do: %s", " ".join(reasons)))
        tasks = self.browse()
        for company, some in invoices.grouped("company_id").items():
            vals = {"company_id": company.id, "scope": scope}
            tasks |= self._create_with_lines(kind, vals, some & concerned, some - concerned)
        return tasks

    @api.model
    def _create_with_lines(self, kind, vals, invoices, left_out=()):
        task = self._create_inside({"name": kind._get_label(), "task": kind._task, **vals})
        lines = [self._prepare_line(task, invoice) for invoice in invoices]
        lines += [
            {
                **self._prepare_line(task, invoice),
                "state": "skipped",
                "reason": self._get_left_out_reason(kind, invoice),
            }
            for invoice in left_out
        ]
        self.env["ar.invoice.task.line"]._create_inside(lines)
        return task

    @api.model
    def _prepare_line(self, task, invoice):
        return {"document_id": task.id, "move_id": invoice.id, "label": invoice.display_name}

    @api.model_create_multi
    def create(self, vals_list):
        self.env["account.move"]._ar_check_invoicing_rights()
        return super().create(vals_list)

    # ------------------------------------------------------------------
    # What it concerns
    # ------------------------------------------------------------------

    @api.model
    def _get_concerned_domain(self, kind, scope):
        """Domain on ``account.move``: customer invoices, of those what a task concerns."""
        if not isinstance(scope, str) or scope not in dict(SCOPES):
            raise UserError(
                self.env._(
                    "There is no choice “%(scope)s” of invoices, but: %(scopes)s.",
                    scope=str(scope)[:40],
                    scopes=", ".join(dict(SCOPES)),
                )
            )
        sales = self.env["account.move"].get_sale_types(include_receipts=True)
        return Domain("move_type", "in", sales) & kind._get_domain(scope)

    @api.model
    def _find_concerned(self, kind, scope, invoices):
        """Those of the invoices that a task concerns now."""
        domain = self._get_concerned_domain(kind, scope)
        return invoices.search(Domain("id", "in", invoices.ids) & domain)

    @api.model
    def _get_left_out_reason(self, kind, invoice):
        """Why a task does not concern an invoice."""
        if not invoice.is_sale_document(include_receipts=True):
            return self.env._("No customer invoice.")
        return kind._get_left_out_reason()

    # ------------------------------------------------------------------
    # Working off
    # ------------------------------------------------------------------

    def _before_start(self):
        self._get_kind()._before(self)
        return super()._before_start()

    def _process_lines(self, lines):
        self.env["account.move"]._ar_check_invoicing_rights()
        kind = self._get_kind()
        lines = lines._skip_each(self._get_gone_reason)
        # Whoever forged a line would have another company's invoice done.
        lines = lines._fail_each(self._get_foreign_problem)
        lines.move_id.check_access("read")
        concerned = self._find_concerned(kind, self.scope, lines.move_id)
        lines = lines._skip_each(
            lambda line: (
                line.move_id not in concerned and self._get_left_out_reason(kind, line.move_id)
            )
        )
        if lines:
            kind._do(self, lines)

    def _get_gone_reason(self, line):
        """Why an invoice is not this task's any more: a sentence, or False."""
        if not line.move_id:
            return self.env._("Deleted meanwhile.")
        if self.group_id and line.move_id.invoice_group_id != self.group_id:
            return self.env._("Taken out of the group meanwhile.")
        return False

    def _get_foreign_problem(self, line):
        """Why an invoice is not this task's to work on: a sentence, or False."""
        return line.move_id.company_id != self.company_id and self.env._(
            "It belongs to another company than the task."
        )

    def _get_expected_seconds(self):
        return self._get_kind()._get_seconds()

    def _is_small(self):
        return self._get_kind()._may_be_waited_for(self) and super()._is_small()

    def _after_finish(self):
        self._get_kind()._after_finish(self)
        return super()._after_finish()

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

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def _get_result_action(self):
        """What to show when tasks were started: progress or failures, else that all is done."""
        if not all(task._has_gone_well() for task in self):
            return form(self) if len(self) == 1 else self._get_list_action()
        if len(self) == 1 and (action := self._get_kind()._get_result_action(self)):
            return action
        title = self.env._(
            "%(task)s: %(invoices)s done",
            task=self[:1].name,
            invoices=counted.invoices(self.env, sum(self.mapped("done_count"))),
        )
        return notification(title, self._get_left_out_text())

    def _has_gone_well(self):
        """Whether all that it was to do is done."""
        return self.state == "done" and self.done_count == self.operation_count

    def _get_left_out_text(self):
        rows = self.env["ar.invoice.task.line"]._read_group(
            [("document_id", "in", self.ids), ("state", "=", "skipped")], ["reason"], ["__count"]
        )
        return "\n".join(
            counted.sentence(
                self.env._("%(count)s left out: %(reason)s", count=count, reason=reason)
            )
            for reason, count in rows
        )

    def _get_list_action(self):
        action = "ar_balance_invoicing.ar_invoice_task_action"
        return records(self.env, action, self[:1].name, [("id", "in", self.ids)])

    def action_view_group(self):
        """The group this was done with.

        :raise UserError: when it was done with ticked invoices.
        """
        self.ensure_one()
        if not self.group_id:
            raise UserError(self.env._("This was done with ticked invoices, not with a group."))
        return form(self.group_id)

    def action_download(self):
        """Download the combined PDF.

        :raise UserError: when there is none (yet).
        """
        self.ensure_one()
        if not self.pdf_id:
            raise UserError(self.env._("There is no PDF yet: wait until it is done."))
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.pdf_id.id}?download=true",
            "target": "download",
        }
