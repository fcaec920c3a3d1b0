import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import counted


class ArCreateInvoicesConfirm(models.TransientModel):
    """The pop-up of Create Invoices: date and options, then Confirm."""

    _name = "ar.create.invoices.confirm"
    _description = "Confirm Create Invoices"
    _inherit = ["ar.guarded", "ar.create.invoices.summary"]

    run_ids = fields.Many2many("ar.billing.run", required=True)
    ticks = fields.Char(
        compute="_compute_ticks",
        store=True,
        readonly=False,
        precompute=True,
        help="Stands for the customers who were ticked when the pop-up was opened.",
    )
    period_names = fields.Char(compute="_compute_period_names", string="Billing Period")
    invoice_date = fields.Date(
        required=True,
        compute="_compute_options",
        store=True,
        readonly=False,
        precompute=True,
        help="One date for all invoices of this run.",
    )
    skip_zero = fields.Boolean(
        string="Do not generate zero invoices",
        compute="_compute_options",
        store=True,
        readonly=False,
        precompute=True,
        help="Leave this off to get an invoice for customers who have nothing new to be "
        "billed but still owe.",
    )
    zero_note = fields.Char(compute="_compute_zero_note")
    has_late_fees = fields.Boolean(compute="_compute_has_late_fees")
    late_fees = fields.Boolean(
        string="Charge late fees",
        compute="_compute_options",
        store=True,
        readonly=False,
        precompute=True,
    )
    note = fields.Html(string="Note on the Invoices")
    group_choice = fields.Selection(
        [("none", "None"), ("new", "A new group"), ("existing", "An existing group")],
        string="Invoice Group",
        required=True,
        compute="_compute_group",
        store=True,
        readonly=False,
        precompute=True,
    )
    group_name = fields.Char(
        string="Name of the Group",
        compute="_compute_group",
        store=True,
        readonly=False,
        precompute=True,
    )
    group_id = fields.Many2one(
        "ar.invoice.group",
        compute="_compute_group",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('company_id', '=', company_id)]",
    )
    group_split = fields.Boolean(
        string="Split by Balance Class",
        compute="_compute_group",
        store=True,
        readonly=False,
        precompute=True,
        help="One invoice group for each balance class, named after it.",
    )
    group_note = fields.Char(
        compute="_compute_group_note", help="That there is a group of the typed name already."
    )
    company_id = fields.Many2one("res.company", compute="_compute_company_id")

    @api.depends("run_ids")
    def _compute_options(self):
        for wizard in self:
            runs = wizard.run_ids
            wizard.invoice_date = runs[:1].invoice_date
            wizard.skip_zero = bool(runs) and all(
                run.profile_id._get_zero_policy() == "skip_zero" for run in runs
            )
            wizard.late_fees = True

    @api.depends("run_ids", "line_ids")
    def _compute_ticks(self):
        for wizard in self:
            wizard.ticks = wizard._get_ticks()

    def _get_ticks(self):
        """The same for the same choice, ticks and decisions only, however many they are."""
        listed = self.run_ids._origin.line_ids
        decided = [
            sorted(self.line_ids._origin.ids),
            sorted(listed.filtered("selected").ids),
            sorted(listed.filtered("left_out").ids),
        ]
        return hashlib.sha256(repr(decided).encode()).hexdigest()

    @api.depends("run_ids")
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = wizard.run_ids[:1].company_id

    @api.depends("run_ids")
    def _compute_group(self):
        """As the first run says, which asked its profile."""
        for wizard in self:
            run = wizard.run_ids[:1]
            named = run.group_name or run._get_default_group_name()
            wizard.group_choice = (
                "existing" if run.invoice_group_id else "new" if run.group_name else "none"
            )
            wizard.group_id = run.invoice_group_id
            wizard.group_name = named
            wizard.group_split = run.group_split

    @api.depends("group_choice", "group_name", "group_split", "company_id")
    def _compute_group_note(self):
        """A new group of a name that there is already is no new one."""
        for wizard in self:
            name = wizard.group_choice == "new" and (wizard.group_name or "").strip()
            wizard.group_note = bool(name) and wizard._get_group_note(name)

    def _get_group_note(self, name):
        names = [name]
        if self.group_split:
            labels = self.env["account.move"]._fields["balance_class"]
            labels = labels._description_selection(self.env)
            names = [f"{name} · {label}" for _value, label in labels]
        groups = self.env["ar.invoice.group"].search(
            [("name", "in", names), ("company_id", "=", self.company_id.id)]
        )
        if not groups:
            return False
        # As it is found when the invoices are put there: the latest of a name.
        found = groups.browse([alike[0].id for alike in groups.grouped("name").values()])
        invoices = counted.invoices(self.env, sum(found.mapped("invoice_count")))
        if not self.group_split:
            return self.env._(
                "There is a group of this name with %s: they are added to it.", invoices
            )
        return self.env._(
            "There are groups of these names with %(invoices)s: they are added to them: %(names)s.",
            invoices=invoices,
            names=", ".join(found.mapped("name")),
        )

    @api.depends("run_ids")
    def _compute_has_late_fees(self):
        for wizard in self:
            wizard.has_late_fees = any(
                profile.late_fee_fixed or profile.late_fee_percent
                for profile in wizard.run_ids.profile_id
            )

    @api.depends("run_ids")
    def _compute_period_names(self):
        for wizard in self:
            wizard.period_names = ", ".join(
                f"{run.profile_id.name}: {run._get_period_name()}" for run in wizard.run_ids
            )

    @api.depends("run_ids", "skip_zero")
    def _compute_zero_note(self):
        for wizard in self:
            runs = wizard.run_ids.filtered("profile_id")
            chosen = {wizard._get_zero_policy(run) for run in runs}
            labels = dict(runs._fields["zero_policy"]._description_selection(self.env))
            wizard.zero_note = ", ".join(
                label for policy, label in labels.items() if policy in chosen
            )

    def _get_zero_policy(self, run):
        """The switch decides; left off, the profile's policy, which may be milder."""
        if self.skip_zero:
            return "skip_zero"
        policy = run.profile_id._get_zero_policy()
        return "create" if policy == "skip_zero" else policy

    def action_confirm(self):
        """Make the invoices, and say so; then their list, or the progress of long runs.

        :raise UserError: when nobody is to be billed, the run was confirmed already, or
            other customers are ticked than when the pop-up was opened, or others or other
            amounts would be billed than it said.
        """
        self.ensure_one()
        if not self.run_ids:
            raise UserError(self.env._("Choose a billing profile and a period first."))
        group = self._prepare_group()
        for run in self.run_ids:
            run._check_draft()
        self._check_ticks()
        if self.choice in ("selected", "shown"):
            # Not before: a pop-up that is discarded leaves the list as it was.
            self.run_ids._tick(self.line_ids & self.run_ids.line_ids)
        for run in self.run_ids:
            run._set_options(
                self.invoice_date, self._get_zero_policy(run), self.late_fees, self.note
            )
            run._set_group(**group)
        self._check_told()
        self.run_ids.create_invoices()
        first, others = self.run_ids[:1], self.run_ids[1:]
        others._write_inside({"confirmed_with_id": first.id})
        return self.run_ids._get_result_action()

    def action_view_billed(self):
        """The invoices that there are already of the periods to be billed."""
        return self.run_ids.period_id.action_view_billed()

    def _check_ticks(self):
        """The list is shared: whom the pop-up counted is billed, or nobody."""
        if self.ticks != self._get_ticks():
            raise UserError(
                self.env._(
                    "Other customers are ticked than when you opened this window: somebody "
                    "has ticked, unticked or listed them anew. Look at the list, and choose "
                    "Create Invoices again."
                )
            )

    def _check_told(self):
        """Charges may have been read again: what the pop-up said is billed, or nothing."""
        lines = self.run_ids.line_ids
        lines = (lines.filtered("selected") or lines).filtered(lambda line: line.state == "todo")
        if self.told != self._get_told(lines):
            raise UserError(
                self.env._(
                    "Services, prices, fees or customers have changed since this window said what "
                    "it bills. Discard it, list the customers again, and look at the amounts."
                )
            )

    def _prepare_group(self):
        """Where the invoices are put.

        :raise UserError: when the group has no name, or none is chosen.
        """
        if self.group_choice == "existing" and not self.group_id:
            raise UserError(self.env._("Choose the invoice group."))
        if self.group_choice == "new" and not (self.group_name or "").strip():
            raise UserError(self.env._("Type a name for the new invoice group."))
        return {
            "group": self.group_id if self.group_choice == "existing" else self.group_id.browse(),
            "name": self.group_name if self.group_choice == "new" else False,
            "split": self.group_split,
        }
