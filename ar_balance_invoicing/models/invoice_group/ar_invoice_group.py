from functools import partial

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import counted
from ...tools.amounts import round_amount
from ...tools.client_actions import pop_up, records
from ...tools.records import to_records


class ArInvoiceGroup(models.Model):
    """A named set of customer invoices; what it stands for is up to the user.

    A script makes one by ``create({"name": …, "company_id": …})``, fills it by
    ``add_invoices``, and has things done with all its invoices by ``ar.invoice.task.run``.

    An invoice is in one group at most. Figures count the invoices of the group that are
    not cancelled, drafts with their total, in company currency; what was invoiced is
    always what was settled, written off and is open, added up.
    """

    _name = "ar.invoice.group"
    _description = "Invoice Group"
    _inherit = ["ar.guarded", "mail.thread", "ar.xlsx.export"]
    _order = "id desc"
    _check_company_auto = True
    _initial_fields = frozenset({"company_id"})

    name = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        default=lambda self: self.env.user,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        tracking=True,
    )
    note = fields.Text(tracking=True)
    invoice_ids = fields.One2many(
        "account.move", "invoice_group_id", string="Invoices", readonly=True
    )
    task_ids = fields.One2many("ar.invoice.task", "group_id", string="Tasks", readonly=True)

    # --- figures ------------------------------------------------------------

    invoice_count = fields.Integer(string="Invoices in Group", compute="_compute_figures")
    draft_count = fields.Integer(string="Drafts", compute="_compute_figures")
    customer_count = fields.Integer(string="Customers", compute="_compute_figures")
    amount_invoiced = fields.Monetary(
        string="Invoiced",
        compute="_compute_figures",
        help="With tax, drafts included, in company currency.",
    )
    amount_collected = fields.Monetary(
        string="Collected",
        compute="_compute_figures",
        help="Paid, or settled by credit notes, in company currency.",
    )
    amount_open = fields.Monetary(
        string="Open",
        compute="_compute_figures",
        help="What the invoices owe, a draft its total, in company currency.",
    )
    amount_written_off = fields.Monetary(
        string="Written Off", compute="_compute_figures", help="In company currency."
    )
    email_failed_count = fields.Integer(
        string="E-Mails Failed",
        compute="_compute_email_failed_count",
        help="Invoices whose last e-mail could not be sent, or came back.",
    )
    is_balance_only = fields.Boolean(
        compute="_compute_figures",
        help="Every invoice is of zero: what counts is what the accounts owe.",
    )
    amount_account = fields.Monetary(
        string="Account Balance",
        compute="_compute_amount_account",
        help="What the accounts of these customers owe, each customer once, with all that is "
        "not in this group, in company currency.",
    )
    task_count = fields.Integer(compute="_compute_task_count")
    running_task_id = fields.Many2one("ar.invoice.task", compute="_compute_task_count")

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    def _get_invoice_domain(self):
        """Domain on ``account.move``: the invoices of these groups that count."""
        return Domain("invoice_group_id", "in", self.ids) & Domain("state", "!=", "cancel")

    @api.depends("invoice_ids")
    def _compute_figures(self):
        """Four queries, whatever the number of groups and invoices."""
        totals = {
            group.id: values
            for group, *values in self.env["account.move"]._read_group(
                self._get_invoice_domain(),
                ["invoice_group_id"],
                [
                    "__count",
                    "commercial_partner_id:count_distinct",
                    "amount_total_signed:sum",
                    "invoice_balance:sum",
                    "amount_total_signed:min",
                    "amount_total_signed:max",
                ],
            )
        }
        drafts = self._count_drafts()
        written_off = self.env["ar.balance"]._get_written_off(
            self._origin, settled="move_id.invoice_group_id"
        )
        for group in self:
            rounded = partial(round_amount, group.currency_id)
            origin = group._origin.id
            count, customers, invoiced, balance, *ends = totals.get(origin, (0, 0, 0.0, 0.0))
            group.invoice_count = count
            group.is_balance_only = bool(count) and not any(ends)
            group.draft_count = drafts.get(origin, 0)
            group.customer_count = customers
            group.amount_invoiced = rounded(invoiced)
            group.amount_open = rounded(balance)
            group.amount_written_off = rounded(written_off.get(origin, 0.0))
            group.amount_collected = rounded(
                group.amount_invoiced - group.amount_open - group.amount_written_off
            )

    @api.depends("invoice_ids")
    def _compute_amount_account(self):
        amounts = self._sum_accounts(["account_balance"])
        for group in self:
            group.amount_account = amounts.get(group._origin.id, {}).get("account_balance", 0)

    def _count_drafts(self):
        rows = self.env["account.move"]._read_group(
            [("invoice_group_id", "in", self.ids), ("state", "=", "draft")],
            ["invoice_group_id"],
            ["__count"],
        )
        return {group.id: count for group, count in rows}

    @api.depends("invoice_ids.email_state")
    def _compute_email_failed_count(self):
        rows = self.env["account.move"]._read_group(
            self._get_invoice_domain() & Domain("email_state", "=", "failed"),
            ["invoice_group_id"],
            ["__count"],
        )
        counts = {group.id: count for group, count in rows}
        for group in self:
            group.email_failed_count = counts.get(group._origin.id, 0)

    @api.depends("task_ids.state")
    def _compute_task_count(self):
        tasks = self.task_ids.grouped("group_id")
        for group in self:
            mine = tasks.get(group, self.env["ar.invoice.task"])
            group.task_count = len(mine)
            group.running_task_id = mine.filtered(lambda task: task.state in ("queued", "running"))[
                :1
            ]

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.constrains("name")
    def _check_name(self):
        for group in self:
            if not (group.name or "").strip():
                raise UserError(self.env._("Give the invoice group a name."))

    @api.constrains("company_id")
    def _check_group_company(self):
        # Not only those that the user may see.
        invoices = self.env["account.move"].sudo().search([("invoice_group_id", "in", self.ids)])
        invoices.with_env(self.env)._check_invoice_group()

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for group, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", group.name)
        return vals_list

    @api.model
    def _find_or_create(self, name, company):
        """The group of that name in the company: the latest there is, else a new one."""
        name = name.strip()
        group = self.search([("name", "=", name), ("company_id", "=", company.id)], limit=1)
        return group or self.create({"name": name, "company_id": company.id})

    # ------------------------------------------------------------------
    # Invoices
    # ------------------------------------------------------------------

    def _get_invoices(self, domain=Domain.TRUE):
        """Invoices of the group in its order: by customer, then by date and number."""
        return self.env["account.move"].search(
            Domain("invoice_group_id", "in", self.ids) & Domain(domain),
            order="invoice_partner_display_name, invoice_date, name, id",
        )

    def add_invoices(self, invoices, move_others=True):
        """Put invoices into this group.

        :param invoices: records or ids.
        :param move_others: take those that are in another group out of it; else they
            stay where they are.
        :return: the invoices that were added.
        :raise UserError: for vendor bills, entries, and invoices of other companies.
        :raise AccessError: for who may not invoice, or not these invoices.
        """
        self.ensure_one()
        invoices = to_records(self.env, "account.move", invoices)
        invoices._ar_check_invoicing_rights()
        self.check_access("write")
        if not move_others:
            invoices = invoices.filtered(lambda invoice: not invoice.invoice_group_id)
        added = invoices.filtered(lambda invoice: invoice.invoice_group_id != self)
        for source, moved in added.filtered("invoice_group_id").grouped("invoice_group_id").items():
            source._note(
                self.env._("%(invoices)s moved to the group %(group)s."),
                moved,
                group=self.display_name,
            )
        if added:
            self._note(self.env._("%(invoices)s added."), added)
        added._ar_set_invoice_group(self)
        return added

    def _note(self, text, invoices, **values):
        """Who did something with so many invoices: one note, whatever their number."""
        self._message_log(body=text % {"invoices": self._count_in_words(invoices), **values})

    def _count_in_words(self, invoices):
        return counted.invoices(self.env, len(invoices))

    def remove_invoices(self, invoices):
        """Take invoices out of this group; the invoices themselves stay.

        :param invoices: records or ids; those that are not in this group stay as they are.
        :return: the invoices that were taken out.
        :raise AccessError: for who may not invoice, or not these invoices.
        """
        self.ensure_one()
        invoices = to_records(self.env, "account.move", invoices)
        invoices._ar_check_invoicing_rights()
        self.check_access("write")
        removed = invoices.filtered(lambda invoice: invoice.invoice_group_id == self)
        removed._ar_leave_invoice_groups()
        return removed

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def _get_names(self):
        """What these groups are called, in one line."""
        self.check_access("read")
        return ", ".join(self.mapped("display_name"))

    def action_view_invoices(self):
        """The customer invoices list, limited to these groups."""
        return self._view_invoices("invoices", self.env._("Invoices of %s", self._get_names()))

    def action_view_open(self):
        """Those that still owe something."""
        return self._view_invoices(
            "open",
            self.env._("Open Invoices of %s", self._get_names()),
            [("invoice_balance", ">", 0)],
        )

    def action_view_drafts(self):
        """Those that are not confirmed."""
        return self._view_invoices(
            "drafts", self.env._("Drafts of %s", self._get_names()), [("state", "=", "draft")]
        )

    def action_view_failed_emails(self):
        """Those whose e-mail failed."""
        return self._view_invoices(
            "failed_emails",
            self.env._("Failed E-Mails of %s", self._get_names()),
            [("email_state", "=", "failed")],
        )

    def _view_invoices(self, which, title, domain=()):
        return self._view(
            f"account_move_action_group_{which}",
            title,
            [("invoice_group_id", "in", self.ids), *domain],
            {"default_move_type": "out_invoice"},
        )

    def action_view_customers(self):
        """The customers of these invoices."""
        return self._view(
            "res_partner_action_group_customers",
            self.env._("Customers of %s", self._get_names()),
            [("invoice_group_ids", "in", self.ids)],
        )

    def action_view_tasks(self):
        """What was done with the whole group, with the outcome of each invoice."""
        return self._view(
            "ar_invoice_task_action_group",
            self.env._("Tasks of %s", self._get_names()),
            [("group_id", "in", self.ids)],
        )

    def _view(self, action, title, domain, context=None):
        """A list of its own, which is found again by the group that it was opened from."""
        context = {"active_id": self[:1].id, **(context or {})}
        return records(self.env, f"ar_balance_invoicing.{action}", title, domain, context)

    def action_add_invoices(self):
        """Ask which invoices to add: of a profile and period, or by any filter."""
        self.ensure_one()
        return pop_up(
            "ar.invoice.group.add",
            self.env._("Add Invoices to %s", self.display_name),
            {
                "default_source": "search",
                "default_choice": "existing",
                "default_group_id": self.id,
                "default_company_id": self.company_id.id,
            },
        )

    @api.model
    def _get_add_action(self, invoices):
        """The small window that asks for the group of these invoices."""
        return pop_up(
            "ar.invoice.group.add",
            self.env._("Add to Invoice Group"),
            {
                "default_source": "ticked",
                "default_invoice_ids": [Command.set(invoices.ids)],
                "default_company_id": invoices[:1].company_id.id,
            },
        )

    # ------------------------------------------------------------------
    # Tasks
    # ------------------------------------------------------------------

    def action_ask(self, task="", scope="all"):
        """Say what a task is about to do with the group, before it does; for buttons.

        :param task: a value of ``ar.invoice.task.task``; ``scope`` likewise.

        A script needs no question: it has ``action_confirm_drafts`` and its like, or
        ``ar.invoice.task.run``.

        :raise UserError: when there is nothing to do, with why.
        """
        self.ensure_one()
        self.check_access("write")
        return self.env["ar.invoice.task.ask"]._ask(task, scope, self._get_invoices(), self)

    def _run_task(self, task, scope="all"):
        """Do something with all invoices of the group that it concerns.

        :raise UserError: when it concerns none.
        """
        self.ensure_one()
        return self.env["ar.invoice.task"].run(task, group=self, scope=scope)._get_result_action()

    def action_confirm_drafts(self):
        """Confirm the drafts; those that cannot be stay, with why."""
        return self._run_task("confirm")

    def action_mark_as_sent(self):
        """Confirm the drafts and mark all as sent, without any e-mail."""
        return self._run_task("mark_sent")

    def action_send_all(self):
        """E-mail all confirmed invoices, by Odoo's own sending."""
        return self._run_task("send")

    def action_send_owing(self):
        """E-mail the invoices that owe, or whose customer's account does."""
        return self._run_task("send", "owing")

    def action_send_not_sent(self):
        """E-mail the invoices that were not sent yet, also those whose e-mail failed."""
        return self._run_task("send", "not_sent")

    def action_send_failed(self):
        """E-mail those again whose e-mail failed."""
        return self._run_task("send", "failed")

    def action_print(self):
        """One PDF of all invoices, each once, in the group's order."""
        return self._run_task("pdf")

    def action_regenerate_drafts(self):
        """Read prices, services, terms and fees of the drafts again."""
        return self._run_task("regenerate")

    def action_delete_drafts(self):
        """Delete the drafts; a billing run can make them again."""
        return self._run_task("delete")

    # ------------------------------------------------------------------
    # XLSX
    # ------------------------------------------------------------------

    def _get_xlsx_sheets(self):
        return [
            {
                "title": group.name,
                "records": group._get_invoices(),
                "columns": self.env["account.move"]._ar_get_group_columns(),
                # One customer's account would be added up once for each invoice.
                "untotalled": ["account_balance"],
            }
            for group in self
        ]
