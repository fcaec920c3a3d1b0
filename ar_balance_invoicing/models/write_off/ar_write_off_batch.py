import psycopg2

from odoo import Command, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, mute_logger

from ...tools import client_actions
from ...tools.amounts import round_amount

# What was checked when the batch was closed stays as it was.
CHECKED_FIELDS = {"date", "control_count", "control_amount", "user_ids"}


class ArWriteOffBatch(models.Model):
    """An accounting batch: write-offs counted, checked and closed together.

    Automatic batches are made by the first write-off of a user and day. Manual ones
    are made by users, who are assigned to them and choose a default one.
    """

    _name = "ar.write.off.batch"
    _description = "Write-Off Batch"
    _inherit = ["ar.guarded", "mail.thread"]
    _order = "date desc, id desc"
    _check_company_auto = True
    _initial_fields = frozenset({"company_id"})

    name = fields.Char(
        required=True,
        copy=False,
        tracking=True,
        help="Numbered, unless you type a name.",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    mode = fields.Selection(
        [("automatic", "Automatic"), ("manual", "Manual")],
        default="manual",
        required=True,
        readonly=True,
        copy=False,
    )
    owner_id = fields.Many2one(
        "res.users",
        string="Made By",
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: self.env.user,
    )
    user_ids = fields.Many2many(
        "res.users",
        string="Users",
        default=lambda self: self.env.user,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="Who may record write-offs in this batch.",
    )
    state = fields.Selection(
        [("open", "Open"), ("closed", "Closed")],
        default="open",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
    )
    date = fields.Date(required=True, copy=False, default=fields.Date.context_today)
    note = fields.Text()
    closed_at = fields.Datetime(readonly=True, copy=False)
    closed_by_id = fields.Many2one("res.users", readonly=True, copy=False)

    # --- figures ------------------------------------------------------------

    control_count = fields.Integer(
        copy=False,
        tracking=True,
        help="How many write-offs the batch should hold. Zero: not compared.",
    )
    control_amount = fields.Monetary(
        copy=False,
        tracking=True,
        help="What the write-offs of the batch should add up to, in company currency. Zero: "
        "not compared.",
    )
    line_count = fields.Integer(string="Write-Offs", compute="_compute_figures")
    amount = fields.Monetary(
        string="Written Off", compute="_compute_figures", help="In company currency."
    )
    closed_count = fields.Integer(
        string="Count when Closed", readonly=True, copy=False, help="How many write-offs it held."
    )
    closed_amount = fields.Monetary(
        string="Amount when Closed", readonly=True, copy=False, help="In company currency."
    )
    undone_count = fields.Integer(
        string="Undone since",
        compute="_compute_undone_since",
        help="Write-offs that were undone after the batch was closed. Undoing is possible at "
        "any time; the figures of closing stay.",
    )
    undone_amount = fields.Monetary(
        string="Amount Undone since", compute="_compute_undone_since", help="In company currency."
    )
    document_count = fields.Integer(string="Documents", compute="_compute_document_count")
    conflicts = fields.Text(
        compute="_compute_conflicts", help="What keeps the batch from being closed."
    )
    is_default = fields.Boolean(
        string="My Default", compute="_compute_is_default", help="Your write-offs go here."
    )
    is_usable = fields.Boolean(
        string="Open for Me",
        compute="_compute_is_usable",
        search="_search_is_usable",
        help="The batch is open, and you are assigned to it or an administrator.",
    )

    # At the same moment, two windows of one user make one batch.
    _automatic_uniq = models.UniqueIndex(
        "(company_id, owner_id, date) WHERE mode = 'automatic' AND state = 'open'",
        "There is an open automatic batch of this user and day already.",
    )

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    def _get_line_domain(self):
        """Domain on ``ar.write.off.line``: what the figures count, written off and not undone."""
        return Domain("batch_id", "in", self.ids) & Domain("state", "=", "done")

    def _get_recorded_domain(self):
        """Domain on ``ar.write.off.line``: all lines of the batches, whatever their state."""
        by_document = Domain("batch_id", "=", False) & Domain(
            "document_id.batch_id", "in", self.ids
        )
        return Domain("batch_id", "in", self.ids) | by_document

    def _get_lines(self):
        """What was written off in this batch, in the order of the documents."""
        return self.env["ar.write.off.line"].search(
            self._get_line_domain(), order="document_id, id"
        )

    def _compute_figures(self):
        rows = self.env["ar.write.off.line"]._read_group(
            self._get_line_domain(), ["batch_id"], ["__count"]
        )
        counts = {batch.id: count for batch, count in rows}
        amounts = self.env["ar.balance"]._get_written_off(
            self._origin, entry="write_off_line_id.batch_id"
        )
        for batch in self:
            batch.line_count = counts.get(batch._origin.id, 0)
            batch.amount = round_amount(batch.currency_id, amounts.get(batch._origin.id, 0))

    @api.depends("line_count", "amount", "state", "closed_count", "closed_amount")
    def _compute_undone_since(self):
        for batch in self:
            closed = batch.state == "closed"
            batch.undone_count = batch.closed_count - batch.line_count if closed else 0
            amount = batch.closed_amount - batch.amount if closed else 0
            batch.undone_amount = round_amount(batch.currency_id, amount)

    def _compute_document_count(self):
        documents = {batch.id: set() for batch in self._origin}
        rows = self.env["ar.write.off"]._read_group(
            [("batch_id", "in", self.ids)], ["batch_id"], ["id:array_agg"]
        )
        for batch, document_ids in rows:
            documents[batch.id].update(document_ids)
        rows = self.env["ar.write.off.line"]._read_group(
            [("batch_id", "in", self.ids)], ["batch_id"], ["document_id:array_agg"]
        )
        for batch, document_ids in rows:
            documents[batch.id].update(document_ids)
        for batch in self:
            batch.document_count = len(documents.get(batch._origin.id, ()))

    def _get_document_domain(self):
        """Domain on ``ar.write.off``: documents of the batches, or with lines in them."""
        lines = Domain("line_ids", "any", Domain("batch_id", "in", self.ids))
        return Domain("batch_id", "in", self.ids) | lines

    def _compute_is_default(self):
        for company, batches in self.grouped("company_id").items():
            default = self.env.user.with_company(company).ar_default_write_off_batch_id
            for batch in batches:
                batch.is_default = batch._origin == default

    @api.depends("state", "user_ids")
    @api.depends_context("uid")
    def _compute_is_usable(self):
        usable = self.filtered_domain(self._get_usable_domain())
        for batch in self:
            batch.is_usable = batch in usable

    def _search_is_usable(self, operator, value):
        if operator != "in":
            return NotImplemented
        usable = self._get_usable_domain()
        return Domain.OR(usable if wanted else ~usable for wanted in value)

    def _get_usable_domain(self, user=None):
        """Domain on batches: those that a user, by default the current one, may use."""
        user = user or self.env.user
        domain = Domain("state", "=", "open")
        if not user.has_group("account.group_account_manager"):
            domain &= Domain("user_ids", "in", user.ids)
        return domain

    # ------------------------------------------------------------------
    # Which batch is used
    # ------------------------------------------------------------------

    @api.model
    def _get_preselected(self, company):
        """The batch that a window proposes: an open default one, or none for an Auto Batch."""
        if company.ar_write_off_batch_mode == "automatic":
            return self.browse()
        batch = self.env.user.with_company(company).ar_default_write_off_batch_id
        return batch.filtered(lambda batch: batch.state == "open")

    @api.model
    def _find_or_make_batch(self, company, user):
        """The batch that a user's next write-off is recorded in.

        Automatic: the one of the user and day, made when there is none. Manual: the
        user's default batch.

        :raise UserError: when the user has no default batch, or may not use it any more
        """
        if company.ar_write_off_batch_mode == "automatic":
            return self._find_or_make_automatic(company, user)
        batch = user.with_company(company).ar_default_write_off_batch_id
        if not batch:
            raise UserError(
                self.env._(
                    "You have no default batch in %s. Choose one in “Update default batch”, or "
                    "make one in Invoicing > Customers > Write-Off Batches.",
                    company.display_name,
                )
            )
        batch._check_usable()
        return batch

    def _find_or_make_automatic(self, company, user):
        """The open Auto Batch of the user and his day."""
        today = fields.Date.context_today(self.with_context(tz=user.tz))
        mine = [
            ("company_id", "=", company.id),
            ("owner_id", "=", user.id),
            ("date", "=", today),
            ("mode", "=", "automatic"),
            ("state", "=", "open"),
        ]
        batch = self.search(mine, limit=1)
        if batch:
            return batch
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                return self._create_inside(self._prepare_automatic_batch(company, user, today))
        except psycopg2.errors.UniqueViolation as error:
            # Made by another transaction that this one may not see: begin again.
            raise ConcurrencyError(str(error)) from error

    @api.model
    def _get_automatic_name(self, user, date=None):
        """What the Auto Batch of a user is called, on a day or today."""
        date = date or fields.Date.context_today(self.with_context(tz=user.tz))
        return self.env._(
            "Auto Batch %(user)s %(date)s", user=user.name, date=fields.Date.to_string(date)
        )

    def _prepare_automatic_batch(self, company, user, date):
        return {
            "name": self._get_automatic_name(user, date),
            "company_id": company.id,
            "mode": "automatic",
            "owner_id": user.id,
            "user_ids": [Command.link(user.id)],
            "date": date,
        }

    def _check_usable(self):
        """Refuse to record anything in a batch that is closed or somebody else's.

        Until the end of the transaction nobody can close it.

        :raise UserError: with the way out
        """
        self.ensure_one()
        self.check_access("read")
        self.flush_recordset(["state"])
        # Shared by all that record something; closing needs the row for itself.
        self.env.execute_query(
            SQL("SELECT FROM ar_write_off_batch WHERE id = %s FOR SHARE", self.id)
        )
        self.invalidate_recordset(["state"])
        self._check_open()
        if not self.env.su and not self.filtered_domain(self._get_usable_domain()):
            raise UserError(
                self.env._(
                    "You are not assigned to the batch “%(batch)s”. Ask %(user)s to add you, or "
                    "choose another batch.",
                    batch=self.display_name,
                    user=self.sudo().owner_id.name,
                )
            )

    def _check_open(self):
        for batch in self:
            if batch.state == "closed":
                raise UserError(
                    self.env._(
                        "The batch “%s” is closed. Choose an open one, or ask an "
                        "administrator to reopen it.",
                        batch.display_name,
                    )
                )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model
    def _complete_values(self, vals):
        vals = super()._complete_values(vals)
        if (vals.get("name") or "New") == "New":
            company = vals.get("company_id") or self.env.company.id
            sequences = self.env["ir.sequence"].with_company(company)
            vals["name"] = sequences.next_by_code("ar.write.off.batch") or "New"
        # Whoever makes or copies a batch is assigned to it, whatever else is said.
        owner = vals.get("owner_id") or self.env.uid
        vals["user_ids"] = [*(vals.get("user_ids") or []), Command.link(owner)]
        return vals

    def write(self, vals):
        self._check_writes(vals)
        if vals.keys() & CHECKED_FIELDS:
            self._check_open()
        return super().write(vals)

    def _get_refusal(self, name):
        return self.env._(
            "“%(field)s” of a batch is not changed by hand: use the buttons of the batch, or "
            "make another batch.",
            field=self._fields[name]._description_string(self.env),
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        for batch in self:
            if self.env["ar.write.off"].sudo().search_count(batch._get_document_domain()):
                raise UserError(
                    self.env._(
                        "Write-offs are recorded in the batch “%s”, so it stays. Close it "
                        "instead of deleting it.",
                        batch.display_name,
                    )
                )
            batch._check_open()

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_set_default(self):
        """Record the current user's next write-offs in this batch (manual batches)."""
        self._check_usable()
        self.env.user.with_company(self.company_id).ar_default_write_off_batch_id = self
        self.invalidate_recordset(["is_default"])
        return True

    def action_view_lines(self):
        """What was written off in this batch; by its filters what failed or was undone."""
        self.ensure_one()
        # The action has the same domain, by the id in the address.
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_write_off_line_action_batch",
            self.env._("Write-offs of %s", self.display_name),
            self._get_recorded_domain() & Domain("state", "!=", "skipped"),
            {"search_default_done": 1, "active_id": self.id},
        )

    def action_view_documents(self):
        """The write-off documents that are recorded in this batch, wholly or in part."""
        self.ensure_one()
        return client_actions.records(
            self.env,
            "ar_balance_invoicing.ar_write_off_action_batch",
            self.env._("Documents of %s", self.display_name),
            self._get_document_domain(),
            {"active_id": self.id},
        )
