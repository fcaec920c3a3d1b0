from collections import defaultdict

from odoo import fields, models
from odoo.tools import SQL

from ...tools.apportion import exact
from ...tools.context_keys import MATCH_LIMITS
from ..shortcuts.ar_shortcuts import Differs
from .account_move_line import MatchLimits


class ArWriteOffApplication(models.Model):
    """A part of a customer's credit that pays a part of a debt before the rest is lost.

    Planned when the document is started, so that several workers share a customer's credits
    without asking each other; applied with its row; taken back with it.
    """

    _name = "ar.write.off.application"
    _description = "Applied Credit"
    _inherit = ["ar.guarded"]
    _order = "id"
    _person_creates = _person_writes = _person_deletes = False

    line_id = fields.Many2one(
        "ar.write.off.line",
        string="Row",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="line_id.company_id", store=True, readonly=True)
    credit_line_id = fields.Many2one(
        "ar.write.off.line",
        string="Row of the Credit",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
        help="Where the credit itself is listed to be written off (Credits Too).",
    )
    item_id = fields.Many2one(
        "account.move.line",
        string="Debt",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    credit_item_id = fields.Many2one(
        "account.move.line",
        string="Credit",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(readonly=True, help="In the currency of both items; positive.")
    state = fields.Selection(
        [("planned", "Planned"), ("applied", "Applied"), ("taken_back", "Taken back")],
        default="planned",
        required=True,
        readonly=True,
    )
    partial_id = fields.Many2one(
        "account.partial.reconcile",
        string="Matching",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Empty once it was broken, by us or by hand.",
    )

    def _lock_credits(self):
        """Lock the credits until the transaction ends, after whoever works with them now.

        Where he has used them, the database refuses, and the chunk is done again.
        """
        credits = self.credit_item_id
        if not credits:
            return
        table = SQL.identifier(credits._table)
        self.env.execute_query(
            SQL(
                "SELECT id FROM %s WHERE id IN %s ORDER BY id FOR NO KEY UPDATE",
                table,
                tuple(credits.ids),
            )
        )
        credits.invalidate_recordset(["amount_residual", "amount_residual_currency", "reconciled"])

    def _get_short(self):
        """Applications whose credit does not hold any more what was planned of it."""
        short = self.browse()
        left = {
            credit: -exact(credit.amount_residual_currency)
            if credit.parent_state == "posted"
            else exact(0)
            for credit in self.credit_item_id
        }
        for application in self:
            credit = application.credit_item_id
            if not application.item_id or left.get(credit, 0) < exact(application.amount):
                short |= application
            else:
                left[credit] -= exact(application.amount)
        return short

    def _apply(self):
        """Match debts and credits as core does, so that tax on what was paid falls due.

        :raise Differs: when an item does not owe what it should afterwards.
        """
        if not self:
            return
        limits = MatchLimits()
        meant = defaultdict(lambda: exact(0))
        for application in self:
            debt, credit = application.item_id, application.credit_item_id
            amount = exact(application.amount)
            limits[frozenset((debt.id, credit.id))] = amount
            meant[debt] -= amount
            meant[credit] += amount
        meant = {item: exact(item.amount_residual_currency) + meant[item] for item in meant}
        items = self.env["account.move.line"].with_context(**{MATCH_LIMITS: limits})
        items._reconcile_plan([items.browse((a.item_id | a.credit_item_id).ids) for a in self])
        self._check_open(meant)
        matchings = self._get_matchings()
        for application in self:
            key = application.item_id.id, application.credit_item_id.id
            application._write_inside({"state": "applied", "partial_id": matchings[key]})

    def _get_matchings(self):
        """``{(debt, credit): their last matching}``, by ids."""
        found = self.env["account.partial.reconcile"].search_fetch(
            [
                ("debit_move_id", "in", self.item_id.ids),
                ("credit_move_id", "in", self.credit_item_id.ids),
            ],
            ["debit_move_id", "credit_move_id"],
            order="id",
        )
        return {(part.debit_move_id.id, part.credit_move_id.id): part.id for part in found}

    def _get_matched(self):
        """Those whose matching, made here, was not broken since: by us, or by hand."""
        return self.filtered(lambda part: part.state == "applied" and part.partial_id)

    def _take_back(self):
        """Break the matchings that were made here, and no others.

        Core reverses the entries that came with them: tax on payment, exchange differences.

        :raise Differs: when an item does not owe again what it did.
        """
        applied = self.filtered(lambda application: application.state == "applied")
        matchings = applied.partial_id
        meant = {}
        for part in matchings:
            for item, amount in (
                (part.debit_move_id, exact(part.debit_amount_currency)),
                (part.credit_move_id, -exact(part.credit_amount_currency)),
            ):
                meant.setdefault(item, exact(item.amount_residual_currency))
                meant[item] += amount
        matchings.unlink()
        self._check_open(meant)
        applied._write_inside({"state": "taken_back", "partial_id": False})

    def _check_open(self, meant):
        """Ask the database what is open; one query.

        :param meant: ``{item: what must be open in its own currency}``
        """
        if not meant:
            return
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT id, amount_residual_currency FROM account_move_line WHERE id IN %s",
                tuple(item.id for item in meant),
            )
        )
        now = {item_id: exact(amount or 0) for item_id, amount in rows}
        for item, amount in meant.items():
            if now.get(item.id) != amount:
                raise Differs(
                    self.env._(
                        "%(document)s: %(now)s would be open after its customer's credits are "
                        "applied, and not %(meant)s. So nothing was booked. Ask an administrator "
                        "whether something in this database changes how items are matched.",
                        document=item.move_id.display_name,
                        now=item.currency_id.format(float(now.get(item.id, 0))),
                        meant=item.currency_id.format(float(amount)),
                    )
                )
