from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class ArBillingPlace(models.Model):
    """The place of a customer in a billing period, taken by one invoice.

    Exactly once, by the database: no two live places of the same period, customer and
    currency. The customer stands here as a number, as it was when he was billed, and not as
    a link, so that nothing keeps two customers from being merged, moved below a company or
    deleted. An invoice that is cancelled or fully credited keeps its place as a memory that
    is not ``live``; it takes it again when it comes back.
    """

    _name = "ar.billing.place"
    _description = "Place in a Billing Period"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False
    _person_deletes = False
    _order = "id desc"
    _rec_name = "move_id"

    move_id = fields.Many2one("account.move", string="Invoice", index=True, ondelete="cascade")
    period_id = fields.Many2one(
        "ar.billing.period",
        index="btree_not_null",
        ondelete="restrict",
        help="Empty: days were billed outside of any period.",
    )
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="cascade")
    customer_number = fields.Integer(required=True, help="The customer's id when he was billed.")
    currency_id = fields.Many2one("res.currency", required=True, ondelete="restrict")
    live = fields.Boolean(default=True, help="Whether the invoice bills the period.")

    _billed_once_idx = models.UniqueIndex(
        "(period_id, customer_number, currency_id) WHERE live AND period_id IS NOT NULL",
        "This customer has an invoice for this billing period already. Delete or cancel "
        "that one first.",
    )

    @api.model
    def _take(self, vals_list):
        """Take the places of invoices before they are made.

        :param vals_list: values of the invoices.
        :return: the places, in their order.
        :raise psycopg2.errors.UniqueViolation: when somebody else was faster.
        """
        companies = self.env["res.company"]
        partners = self.env["res.partner"].browse([vals.get("partner_id") for vals in vals_list])
        places = self._create_inside(
            [
                {
                    "period_id": vals.get("billing_period_id"),
                    "company_id": vals.get("company_id") or self.env.company.id,
                    "customer_number": partner.commercial_partner_id.id,
                    "currency_id": vals.get("currency_id")
                    or companies.browse(
                        vals.get("company_id") or self.env.company.id
                    ).currency_id.id,
                }
                for vals, partner in zip(vals_list, partners, strict=True)
            ]
        )
        places.flush_recordset()
        return places

    def _give(self, invoices):
        """Say which invoice has which of these places."""
        for place, invoice in zip(self._inside(), invoices, strict=True):
            place.move_id = invoice
            for name, value in (
                ("customer_number", invoice.commercial_partner_id.id),
                ("currency_id", invoice.currency_id),
                ("company_id", invoice.company_id),
            ):
                if place[name] != value:
                    place[name] = value

    def _get_other(self):
        """The invoice that has taken this place meanwhile, or none."""
        self.ensure_one()
        customer = self.move_id.commercial_partner_id
        billed = self._get_billed(self.period_id, customer)[customer.id]
        return billed.get(self.currency_id.id, self.env["account.move"])

    @api.model
    def _get_billed(self, period, customers):
        """``{customer id: {currency id: invoice}}`` of a period that are alive.

        By the number that the customer had, and by whose the invoice is today: customers
        may have been merged or moved since.
        """
        billed = defaultdict(dict)
        if not period:
            return billed
        # Only theirs: a run asks for each of its chunks, and a period has many.
        live = Domain("period_id", "in", period.ids) & Domain("live", "=", True)
        moves = self.env["account.move"].search(
            [
                ("billing_period_id", "in", period.ids),
                ("commercial_partner_id", "in", customers.ids),
            ]
        )
        places = self.search(live & Domain("customer_number", "in", customers.ids))
        places |= self.search(live & Domain("move_id", "in", moves.ids))
        places.move_id.fetch(["commercial_partner_id", "name"])
        wanted = set(customers.ids)
        for place in places.filtered("move_id"):
            for number in {place.customer_number, place.move_id.commercial_partner_id.id} & wanted:
                billed[number][place.currency_id.id] = place.move_id
        return billed

    @api.model
    def _get_billed_customers(self, periods):
        """``{period id: customers}`` who have a live invoice, as they are related today."""
        self.env["account.move"].check_access("read")
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT place.period_id, array_agg(DISTINCT move.commercial_partner_id)
                  FROM ar_billing_place place
                  JOIN account_move move ON move.id = place.move_id
                 WHERE place.live AND place.period_id IN %s
              GROUP BY place.period_id
                """,
                tuple(periods.ids) or (0,),
            )
        )
        partners = self.env["res.partner"]
        return {period_id: partners.browse(ids) for period_id, ids in rows}

    @api.model
    def _enter_existing(self):
        """Give a place to each invoice that was made before there were places."""
        known = self.search([]).move_id
        moves = self.env["account.move"].search(
            [("billing_run_id", "!=", False), ("id", "not in", known.ids)], order="id"
        )
        dead = moves._ar_get_credited() | moves.filtered(lambda move: move.state == "cancel")
        self._create_inside(
            [
                {
                    "move_id": move.id,
                    "period_id": move.billing_period_id.id,
                    "company_id": move.company_id.id,
                    "customer_number": move.commercial_partner_id.id,
                    "currency_id": move.currency_id.id,
                    "live": move not in dead,
                }
                for move in moves
            ]
        )
