from odoo import api, fields, models
from odoo.tools import SQL

# Figure: (the field of the candidate, the field of its invoice).
FIGURES = {
    "charge_shown": ("amount_charge", "amount_untaxed_in_currency_signed"),
    "amount_shown": ("amount_total", "amount_total_in_currency_signed"),
    "charge_to_bill": ("amount_charge", "amount_untaxed_in_currency_signed"),
    "amount_to_bill": ("amount_total", "amount_total_in_currency_signed"),
}
COUNTED = ("charge_to_bill", "amount_to_bill")


class ArBillingRunLineFigures(models.AbstractModel):
    """What lists of candidates show and add up: what is to be billed, then what was billed.

    While a customer waits, that is his charge and total as reviewed; once there is an
    invoice, what it comes to. Only who is billed counts, so that the foot of a list says
    what the pop-up and the run say. For lines of billing runs, which inherit it.
    """

    _name = "ar.billing.run.line.figures"
    _description = "Figures of a Billing Run Line"

    currency_id = fields.Many2one("res.currency")
    charge_shown = fields.Monetary(
        string="Charge (now)",
        compute="_compute_figures",
        aggregator=None,
        help="What would be billed, before tax; once there is an invoice, what it bills.",
    )
    amount_shown = fields.Monetary(
        string="Invoice Balance (now)",
        compute="_compute_figures",
        aggregator=None,
        help="What the invoice would owe, with tax; once there is one, what it comes to. Below "
        "zero: a credit note.",
    )
    charge_to_bill = fields.Monetary(
        string="Charge to Bill",
        compute="_compute_figures",
        help="The charge of who is billed: of the ticked, if anybody is ticked. Of all others "
        "nothing.",
    )
    amount_to_bill = fields.Monetary(
        string="Amount to Bill",
        compute="_compute_figures",
        help="The invoice balance of who is billed: of the ticked, if anybody is ticked. Of all "
        "others nothing.",
    )

    def write(self, vals):
        result = super().write(vals)
        if isinstance(vals, dict) and vals.keys() & {"selected", "state"}:
            # The first tick takes all others out; dependencies would look for these.
            self.invalidate_model(COUNTED, flush=False)
        return result

    @api.depends(
        *("state", "selected", "amount_charge", "amount_total"),
        *("move_id.state", "move_id.amount_untaxed_in_currency_signed"),
        "move_id.amount_total_in_currency_signed",
    )
    def _compute_figures(self):
        ticked = self._get_runs_with_ticks()
        for line in self:
            counts = line._is_counted(ticked)
            for name, (own, invoiced) in FIGURES.items():
                amount = line.move_id[invoiced] if line._has_invoice() else line[own]
                line[name] = amount if counts or name not in COUNTED else 0

    def _has_invoice(self):
        return bool(self.move_id) and self.state in ("done", "undo", "skipped")

    def _is_counted(self, ticked):
        """Whether the line is billed, or would be.

        :param ticked: runs of which nobody but the ticked is billed.
        """
        if self.state == "todo":
            return self.selected or self.document_id._origin not in ticked
        billed = self.state in ("done", "undo")
        return billed and bool(self.move_id) and self.move_id.state != "cancel"

    @api.model
    def _get_runs_with_ticks(self):
        """Runs not started in whose list somebody is ticked; two queries."""
        rows = self._read_group(
            [("selected", "=", True), ("document_id.state", "in", ("draft", "cancelled"))],
            ["document_id"],
        )
        runs = self.document_id.browse([run.id for (run,) in rows])
        return runs | runs._get_listed_together()

    def _field_to_sql(self, alias, field_expr, query=None):
        """The same figures for lists that add up groups of rows."""
        if field_expr not in FIGURES:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        own, invoiced = FIGURES[field_expr]
        field = self.env["account.move"]._fields
        values = {
            "own": super()._field_to_sql(alias, own, query),
            "state": super()._field_to_sql(alias, "state", query),
            "selected": super()._field_to_sql(alias, "selected", query),
            "run": super()._field_to_sql(alias, "document_id", query),
            "move": super()._field_to_sql(alias, "move_id", query),
            "invoiced": SQL.identifier("ar_move", invoiced, to_flush=field[invoiced]),
            "move_state": SQL.identifier("ar_move", "state", to_flush=field["state"]),
            "ticked": tuple(self._get_runs_with_ticks().ids) or (0,),
        }
        if field_expr not in COUNTED:
            return SQL(
                """COALESCE((SELECT %(invoiced)s FROM account_move ar_move
                              WHERE ar_move.id = %(move)s
                                AND %(state)s IN ('done', 'undo', 'skipped')), %(own)s)""",
                **values,
            )
        return SQL(
            """CASE WHEN %(state)s = 'todo'
                    THEN CASE WHEN %(selected)s OR %(run)s NOT IN %(ticked)s THEN %(own)s ELSE 0 END
                    WHEN %(state)s IN ('done', 'undo')
                    THEN COALESCE((SELECT %(invoiced)s FROM account_move ar_move
                                    WHERE ar_move.id = %(move)s AND %(move_state)s != 'cancel'), 0)
                    ELSE 0 END""",
            **values,
        )
