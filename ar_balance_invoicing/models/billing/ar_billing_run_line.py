from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools import client_actions
from ...tools.balance_class import balance_class
from ...tools.context_keys import CANDIDATES
from ...tools.records import chosen_records


class ArBillingRunLine(models.Model):
    """A candidate of a billing run: one customer in one currency.

    While the run is a draft, people tick whom they want billed (``selected``).
    """

    _name = "ar.billing.run.line"
    _description = "Billing Run Line"
    _inherit = ["ar.bulk.document.line", "ar.billing.run.line.figures"]
    _order = "document_id, id"
    _person_creates = False
    _person_deletes = False

    document_id = fields.Many2one(
        "ar.billing.run",
        string="Billing Run",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    state = fields.Selection(
        [
            ("todo", "To bill"),
            ("done", "Billed"),
            ("failed", "Failed"),
            ("skipped", "Left out"),
            ("undo", "To undo"),
            ("undone", "Undone"),
        ]
    )
    company_id = fields.Many2one(related="document_id.company_id", store=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    period_id = fields.Many2one(related="document_id.period_id", store=True, index=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        readonly=True,
        index=True,
        # What is only listed keeps nobody from being deleted; an invoice does by itself.
        ondelete="cascade",
    )
    partner_tag_ids = fields.Many2many(related="partner_id.category_id", string="Tags")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    selected = fields.Boolean(
        string="Tick", copy=False, help="If anybody is ticked, nobody else is billed."
    )
    is_tickable = fields.Boolean(compute="_compute_is_tickable")
    charge_ids = fields.One2many("ar.billing.charge", "line_id", string="Charges", readonly=True)
    amount_charge = fields.Monetary(
        string="Charge", readonly=True, help="What would be billed, before tax."
    )
    amount_total = fields.Monetary(
        string="Invoice Balance",
        readonly=True,
        help="What the invoice would owe: the charge with tax. Below zero: what the credit "
        "note that is made instead would give back.",
    )
    fiscal_position_id = fields.Many2one(
        "account.fiscal.position",
        readonly=True,
        ondelete="set null",
        help="As Odoo finds it for the contact for invoices and the delivery address.",
    )
    made_item_ids = fields.Json(
        readonly=True,
        copy=False,
        help="Which lines of the invoice were made from the charges: their numbers. All "
        "others were added by somebody, and stay when the draft is regenerated.",
    )
    amount_fallen = fields.Monetary(
        string="Late Fee Fallen By",
        readonly=True,
        copy=False,
        help="How much less was billed than reviewed, before tax, because it had been paid by "
        "then.",
    )
    account_balance = fields.Monetary(
        currency_field="company_currency_id",
        readonly=True,
        help="What the customer's account owed when the candidates were listed.",
    )
    balance_class = fields.Selection(
        selection=lambda self: self.env["account.move"]._fields["balance_class"].selection,
        readonly=True,
    )
    zero_skipped = fields.Boolean(
        readonly=True, help="Left out by the zero policy, which the pop-up may change."
    )
    left_out = fields.Boolean(
        readonly=True, copy=False, help="Left out by hand: billed by no tick and no filter."
    )
    is_draft = fields.Boolean(compute="_compute_is_tickable")
    can_leave_out = fields.Boolean(compute="_compute_is_tickable")
    invoice_group_id = fields.Many2one(
        "ar.invoice.group", readonly=True, copy=False, ondelete="set null"
    )
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )

    # ------------------------------------------------------------------
    # Ticks
    # ------------------------------------------------------------------

    @api.depends("state", "zero_skipped", "selected", "document_id.state")
    def _compute_is_tickable(self):
        """Whether a tick means anything: also where only the pop-up decides yet.

        Who was ticked before he was left out can be unticked.
        """
        for line in self:
            billable = line.state == "todo" or line.zero_skipped
            line.is_draft = line.document_id.state == "draft"
            line.is_tickable = (billable or line.selected) and line.is_draft
            line.can_leave_out = billable and line.is_draft

    def _is_editable(self, name):
        return self.is_tickable if name == "selected" else super()._is_editable(name)

    def _get_refusal(self, name):
        if self and name == "selected":
            return self.env._(
                "%(customer)s of %(run)s cannot be ticked: only who is to be billed can, "
                "until the invoices are created.",
                customer=self.display_name,
                run=self.document_id.display_name,
            )
        return super()._get_refusal(name)

    def action_tick(self):
        """Tick those of these lines that are to be billed.

        :raise UserError: when none is.
        """
        chosen_records(self)._write_tick(True)

    def action_untick(self):
        """Take the ticks of these lines away.

        :raise UserError: when none of them is to be billed.
        """
        chosen_records(self)._write_tick(False)

    def _write_tick(self, selected):
        self.check_access("write")
        tickable = self.filtered("is_tickable")
        if self and not tickable:
            raise UserError(self[:1]._get_refusal("selected"))
        tickable.write({"selected": selected})

    # ------------------------------------------------------------------
    # Left out by hand
    # ------------------------------------------------------------------

    def action_leave_out(self):
        """Bill these customers not in this run, whoever else is ticked or shown.

        Other than a tick taken away, it says nothing about anybody else.

        :raise UserError: when none of them was to be billed.
        """
        self._check_decidable()._leave_out()

    def action_take(self):
        """Take back that these customers were left out by hand.

        :raise UserError: when none of them was.
        """
        taken = self._check_decidable(left_out=True)
        taken._write_inside({"state": "todo", "reason": False, "left_out": False})
        for run in taken.document_id:
            run._review_balances()

    def _check_decidable(self, left_out=False):
        """Those of these lines that are to be billed, or are left out by hand.

        :raise UserError: when there is none.
        """
        self = chosen_records(self)
        self.check_access("write")
        found = self.filtered(
            lambda line: line.is_draft and line.left_out if left_out else line.can_leave_out
        )
        if not found and self:
            text = (
                self.env._("%(customer)s of %(run)s is not left out by hand.")
                if left_out
                else self.env._("%(customer)s of %(run)s is not to be billed anyway.")
            )
            names = {"customer": self[0].display_name, "run": self[0].document_id.display_name}
            raise UserError(text % names)
        return found

    def _leave_out(self):
        decidable = self.filtered("can_leave_out")
        decidable._mark_skipped(self.env._("Left out by hand."))
        decidable._write_inside({"left_out": True, "zero_skipped": False})

    # ------------------------------------------------------------------
    # Customers that become one
    # ------------------------------------------------------------------

    @api.model
    def _join_customers(self, customers, customer):
        """Make one candidate of those of several customers, who are about to be merged.

        :param customer: the one of them who stays.
        """
        waiting = self.search(
            [("partner_id", "in", customers.ids), ("state", "in", ("todo", "failed"))]
        )
        for lines in waiting.grouped(lambda line: (line.document_id, line.currency_id)).values():
            if len(lines) > 1:
                kept = lines.filtered(lambda line: line.partner_id == customer) or lines[:1]
                kept._inside()._join(lines - kept)

    def _join(self, others):
        """Take over the charges of other candidates, who go."""
        for number, charge in enumerate(others.charge_ids, len(self.charge_ids) + 1):
            charge._write_inside({"line_id": self.id, "sequence": number})
        self.account_balance += sum(others.mapped("account_balance"))
        self.selected = self.selected or any(others.mapped("selected"))
        if "todo" in others.mapped("state"):
            self.write({"state": "todo", "reason": False})
        others.invalidate_recordset(["charge_ids"])
        others._unlink_inside()
        self.invalidate_recordset(["charge_ids"])
        self._set_amounts()

    # ------------------------------------------------------------------
    # Amounts
    # ------------------------------------------------------------------

    def _set_amounts(self):
        """Set charge, total and class: of the charges, or of the invoice there is."""
        positions = self._get_fiscal_positions()
        for line in self:
            if line.state == "skipped" and line.move_id:
                line.amount_charge = line.move_id.amount_untaxed_in_currency_signed
                line.amount_total = line.move_id.amount_total_in_currency_signed
                line.balance_class = line.move_id.balance_class
                continue
            line.fiscal_position_id = positions[line]
            charge, total = line._get_totals(positions[line])
            line.amount_charge = charge
            line.amount_total = total
            line.balance_class = line._get_balance_class()

    def _get_totals(self, position):
        """(untaxed, with tax) in the line's currency, as the invoice will compute it.

        Below zero, as the credit note will that is made instead.
        """
        self.ensure_one()
        if not self.charge_ids:
            return 0, 0
        totals = self._reckon(position, refund=False)
        if self.currency_id.compare_amounts(totals[1], 0) >= 0:
            return totals
        charge, total = self._reckon(position, refund=True)
        return -charge, -total

    def _reckon(self, position, refund):
        """(untaxed, with tax) of the invoice or credit note, by core's own reckoning."""
        if self._is_reckoned_by_core():
            move = self.env["account.move"].with_company(self.company_id)
            vals = self._prepare_invoice(position)
            totals = move.new(self._prepare_as(vals, refund)).tax_totals
        else:
            totals = self._reckon_taxes(position, refund)
        return totals["base_amount_currency"], totals["total_amount_currency"]

    def _reckon_taxes(self, position, refund):
        """Core's totals of the charges, which need no invoice to be reckoned."""
        taxes = self.env["account.tax"]
        amounts = [charge._prepare_amounts(position) for charge in self.charge_ids]
        if refund:
            amounts = [self.charge_ids._turn(vals) for vals in amounts]
        base_lines = [
            taxes._prepare_base_line_for_taxes_computation(
                charge,
                **vals,
                currency_id=self.currency_id,
                product_id=charge.product_id,
                partner_id=self.partner_id,
                is_refund=refund,
                rate=1.0,
            )
            for charge, vals in zip(self.charge_ids, amounts, strict=True)
        ]
        taxes._add_tax_details_in_base_lines(base_lines, self.company_id)
        taxes._round_base_lines_tax_details(base_lines, self.company_id)
        return taxes._get_tax_totals_summary(base_lines, self.currency_id, self.company_id)

    def _get_balance_class(self):
        """The class that the draft will have: it is no part of the account."""
        account = self.company_currency_id.compare_amounts(self.account_balance, 0)
        invoice = self.currency_id.compare_amounts(self.amount_total, 0)
        return balance_class(account=account, invoice=invoice, besides=account)

    def _get_zero_reason(self, policy=None):
        """Why the zero policy leaves this line out, or False.

        :param policy: another one than the run's.
        """
        self.ensure_one()
        if not self.currency_id.is_zero(self.amount_total):
            return False
        if self.charge_ids.filtered("problem"):
            return False  # to be listed as failed, not hidden by a zero
        own = self.partner_id.with_company(self.company_id).billing_zero_policy or "follow"
        if own == "always":
            return False
        if own == "never":
            return self.env._("Nothing to bill, and this customer never gets a zero invoice.")
        policy = policy or self.document_id.zero_policy
        if policy == "skip_zero":
            return self.env._("Nothing to bill, and zero invoices are not generated.")
        if policy == "skip_settled" and self.company_currency_id.is_zero(self.account_balance):
            return self.env._("Nothing to bill and nothing owed.")
        return False

    def _get_to_bill(self, policy):
        """Those of these lines that a run bills if it has this zero policy."""
        return self.filtered(
            lambda line: (
                (line.state == "todo" or line.zero_skipped) and not line._get_zero_reason(policy)
            )
        )

    # ------------------------------------------------------------------
    # Screens
    # ------------------------------------------------------------------

    def action_open_confirm(self):
        """Open the pop-up of Create Invoices; it says whom it bills before anybody confirms.

        Those are the rows selected in the list, if there are any; else whoever is ticked;
        else all whom the list shows. A pop-up that is discarded leaves the list as it was.

        :raise UserError: when none of these lines can be ticked, the list shows nobody, or
            their run is no draft.
        """
        self.check_access("write")
        shown_run = self.document_id or self._get_shown_run()
        runs = shown_run._get_listed_together()
        if not runs:
            raise UserError(shown_run[:1]._get_wrong_state_message())
        listed = runs.line_ids
        shown = chosen_records(self) & listed if self._is_pressed_in_list() else self
        ticked = listed.filtered("selected")
        if self:
            if not shown.filtered("is_tickable"):
                raise UserError(self[:1]._get_refusal("selected"))
            return runs._open_pop_up(shown, "selected", shown._get_selected_note(ticked))
        if ticked:
            hidden = ticked - shown if self._is_pressed_in_list() else self
            return runs._open_pop_up(ticked, "ticked", ticked._get_ticked_note(hidden))
        if not self._is_pressed_in_list() or shown == listed:
            return runs._open_pop_up(listed, "all", False)
        if not shown:
            raise UserError(self.env._("The list shows nobody to bill. Remove a filter."))
        return runs._open_pop_up(shown, "shown", shown._get_shown_note(listed))

    def _is_pressed_in_list(self):
        """Whether the client says what the list shows."""
        context = self.env.context
        given = context.get("active_domain") is not None
        return given and context.get("active_model") == self._name

    def _get_selected_note(self, ticked):
        """Whom the pop-up bills who was opened for these selected lines."""
        text = self.env._("%s selected", self._say_customers())
        others = ticked - self
        if not others:
            return self.env._("%s.", text)
        return self.env._(
            "%(selected)s; ticks of others (%(names)s) do not count and are taken away.",
            selected=text,
            names=others._get_first_names(),
        )

    def _get_ticked_note(self, hidden):
        """The same of ticked lines, some of which the list does not show."""
        text = self.env._("%s ticked", self._say_customers())
        if not hidden:
            return self.env._("%s.", text)
        return self.env._(
            "%(ticked)s, %(count)s of them not shown: %(names)s.",
            ticked=text,
            count=len(hidden.partner_id),
            names=hidden._get_first_names(),
        )

    def _get_shown_note(self, listed):
        """The same of all lines that the filter shows."""
        return self.env._(
            "%(shown)s shown by the filter; %(count)s others are not billed.",
            shown=self._say_customers(),
            count=len(listed.partner_id - self.partner_id),
        )

    def _say_customers(self):
        count = len(self.partner_id)
        return self.env._("1 customer") if count == 1 else self.env._("%s customers", count)

    def _get_first_names(self):
        """Names of the first few customers, and that there are more."""
        names = self.partner_id[:5].mapped("display_name")
        return ", ".join([*names, "…"] if len(self.partner_id) > len(names) else names)

    def action_discard_run(self):
        """Delete the drafts whose list this is, with all decisions in it, and leave."""
        self.check_access("write")
        return self._get_shown_run()._get_listed_together().action_discard()

    @api.model
    def _get_shown_run(self):
        """The run whose list this is, as its window says."""
        run_id = self.env.context.get(CANDIDATES)
        runs = self.env["ar.billing.run"]
        run = runs.search([("id", "=", run_id)]) if type(run_id) is int else runs
        if not run:
            raise UserError(self.env._("Open the list of customers from its billing run."))
        return run

    def action_open(self):
        """The charges of the customer; the invoice once there is one."""
        self.ensure_one()
        return client_actions.form(self.move_id or self)

    @api.depends("partner_id", "currency_id")
    def _compute_display_name(self):
        for line in self:
            line.display_name = line.partner_id.display_name
