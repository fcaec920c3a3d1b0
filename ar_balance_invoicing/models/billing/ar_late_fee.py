from odoo import api, fields, models


class ArLateFee(models.Model):
    """Remembers that an overdue invoice was charged a late fee for some days.

    Also, in a row without overdue invoice, that a customer was charged the fixed part. Goes
    with the invoice that charged it: once that is deleted, the fee can be charged again.

    What must be once is held by the database, across profiles and their calendars. No column
    refers to a customer, so that merging customers neither fails nor takes rows away.
    """

    _name = "ar.late.fee"
    _description = "Late Fee"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False
    _person_deletes = False
    _order = "id desc"
    _rec_name = "overdue_move_id"

    period_id = fields.Many2one("ar.billing.period", required=True, index=True, ondelete="restrict")
    # Stored with the row: what is once is once per company.
    company_id = fields.Many2one(
        related="period_id.company_id", store=True, precompute=True, index=True
    )
    date_from = fields.Date(
        string="First Day",
        compute="_compute_dates",
        store=True,
        precompute=True,
        # So that days that are given stay; people write nothing here anyway.
        readonly=False,
        required=True,
        help="Days that are charged: of the period, or the months since the due date.",
    )
    date_to = fields.Date(
        string="Last Day",
        compute="_compute_dates",
        store=True,
        precompute=True,
        readonly=False,
        required=True,
    )
    overdue_move_id = fields.Many2one(
        "account.move", string="Overdue Invoice", index="btree_not_null", ondelete="cascade"
    )
    overdue_item_id = fields.Many2one(
        "account.move.line",
        index="btree_not_null",
        ondelete="cascade",
        help="The one item that was charged: an opening entry holds those of many customers, and "
        "instalments began to be late on different days. Empty: the whole invoice.",
    )
    customer_number = fields.Integer(
        string="Customer with Fixed Part",
        index="btree_not_null",
        readonly=True,
        help="Number that the customer had who was charged the fixed part. He may be merged "
        "with another one since.",
    )
    fee_move_id = fields.Many2one(
        "account.move", string="Charged On", required=True, index=True, ondelete="cascade"
    )

    # Without an item, the range of items has no ends: it is the whole invoice.
    _once_for_overdue = models.Constraint(
        """
        EXCLUDE USING gist (
            int4range(overdue_move_id, overdue_move_id, '[]') WITH &&,
            int4range(overdue_item_id, overdue_item_id, '[]') WITH &&,
            daterange(date_from, date_to, '[]') WITH &&
        ) WHERE (overdue_move_id IS NOT NULL)
        """,
        "This overdue invoice was charged a late fee for some of these days already.",
    )
    _fixed_part_once = models.Constraint(
        """
        EXCLUDE USING gist (
            int4range(company_id, company_id, '[]') WITH &&,
            int4range(customer_number, customer_number, '[]') WITH &&,
            daterange(date_from, date_to, '[]') WITH &&
        ) WHERE (customer_number > 0)
        """,
        "This customer was charged the fixed part of the late fee for some of these days already.",
    )

    @api.depends("period_id")
    def _compute_dates(self):
        """The days of the period, unless others were given."""
        for fee in self:
            fee.date_from = fee.date_from or fee.period_id.date_from
            fee.date_to = fee.date_to or fee.period_id.date_to

    @api.model
    def _get_by_overdue(self, moves):
        """``{overdue invoice id: rows}`` of what was charged before, whoever charged it."""
        rows = self.sudo().search([("overdue_move_id", "in", moves.ids)])
        return rows.grouped(lambda row: row.overdue_move_id.id)

    def _overlaps(self, first, last):
        """Whether some of the days from ``first`` to ``last`` are charged."""
        self.ensure_one()
        return self.date_from <= last and first <= self.date_to
