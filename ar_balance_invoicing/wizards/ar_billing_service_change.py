from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, float_round, formatLang

from ..tools.client_actions import notification
from ..tools.sentences import listed

# A price of less than a cent keeps this much of a percentage.
FINEST = 1e-7


class ArBillingServiceChange(models.TransientModel):
    """The pop-up of Change Price: what services cost from a day on."""

    _name = "ar.billing.service.change"
    _description = "Change Prices of Services"
    _inherit = ["ar.guarded"]

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    service_ids = fields.Many2many(
        "ar.billing.service", string="Services", context={"active_test": False}
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: fields.Date.start_of(
            fields.Date.add(fields.Date.context_today(self), months=1), "month"
        ),
        help="The first day at the new price.",
    )
    method = fields.Selection(
        [("percent", "By a percentage"), ("price", "To one price")],
        string="Change",
        required=True,
        default="percent",
    )
    percent = fields.Float(string="Percentage", digits=(6, 3))
    price_unit = fields.Float(
        string="New Price",
        min_display_digits="Product Price",
        help="Of one unit for a whole period, in the currency of each service.",
    )
    round_to = fields.Float(
        digits=(12, 2),
        help="New prices are rounded to a multiple of this, for instance 0.05 or 1. Empty: to "
        "the smallest unit of the currency.",
    )
    summary = fields.Char(compute="_compute_summary")
    left_out = fields.Text(compute="_compute_summary")

    # ------------------------------------------------------------------
    # What would be done
    # ------------------------------------------------------------------

    @api.depends("service_ids", "date_from", "method", "percent", "price_unit", "round_to")
    def _compute_summary(self):
        for wizard in self:
            prices, obstacles = wizard._get_plan()
            wizard.summary = wizard._describe(prices)
            wizard.left_out = wizard._describe_left_out(obstacles)

    def _get_plan(self):
        """``({service: new price}, {service: why it is left out})``"""
        services = self.service_ids._origin
        if not self.date_from:
            return {}, {}
        obstacles = services._get_price_obstacles(self.date_from)
        prices = {}
        for service in services:
            price = self._get_price(service)
            if service in obstacles:
                continue
            if price == service.price_unit:
                obstacles[service] = self.env._("it costs that already")
            else:
                prices[service] = price
        return prices, obstacles

    def _get_price(self, service):
        """The new price of one unit, in the service's currency."""
        if self.method == "price":
            return self.price_unit
        price = service.price_unit * (1 + self.percent / 100)
        return float_round(price, precision_rounding=self._get_rounding(service))

    def _get_rounding(self, service):
        """The smallest step of a new price: a cent; finer where the old price was finer."""
        if self.round_to > 0:
            return self.round_to
        cent = service.currency_id.rounding
        price = service.price_unit
        is_finer = float_compare(
            price, float_round(price, precision_rounding=cent), precision_digits=10
        )
        return FINEST if is_finer else cent

    def _describe(self, prices):
        """How many, and what they cost for a period before and after, in each currency."""
        sums = {}
        for service, price in prices.items():
            before, after = sums.get(service.currency_id, (0, 0))
            sums[service.currency_id] = (
                before + service.quantity * service.price_unit,
                after + service.quantity * price,
            )
        amounts = [
            self.env._(
                "%(before)s → %(after)s",
                before=formatLang(self.env, before, currency_obj=currency),
                after=formatLang(self.env, after, currency_obj=currency),
            )
            for currency, (before, after) in sums.items()
        ]
        customers = {service.partner_id for service in prices}
        text = self.env._(
            "Services: %(services)s, of customers: %(customers)s",
            services=len(prices),
            customers=len(customers),
        )
        return " · ".join([text, *amounts])

    def _describe_left_out(self, obstacles):
        return listed(
            self.env,
            list(obstacles.items()),
            lambda item: f"{item[0].partner_id.display_name}, {item[0].display_name}: {item[1]}",
        )

    # ------------------------------------------------------------------
    # Doing it
    # ------------------------------------------------------------------

    def action_change(self):
        """Change the prices of all that can take it; the others are named.

        :raise UserError: when none can take it.
        """
        self.ensure_one()
        services = self.service_ids.exists()
        services.check_access("write")
        services.lock_for_update(allow_referencing=True)
        self._check_given()
        prices, obstacles = self._get_plan()
        left_out = self._describe_left_out(obstacles)
        if not prices:
            raise UserError(
                self.env._("No price changes.\n%s", left_out)
                if left_out
                else self.env._("Choose the services whose price changes.")
            )
        summary = self._describe(prices)
        chosen = services.browse([service.id for service in prices])
        chosen._change_prices(self.date_from, prices)
        return notification(
            summary,
            self.env._("Left out:\n%s", left_out) if left_out else "",
            warning=bool(left_out),
        )

    def _check_given(self):
        if self.method == "percent" and self.percent <= -100:
            raise UserError(
                self.env._(
                    "%s %% would leave nothing of the price. Give the services a last day instead.",
                    self.percent,
                )
            )
        if self.round_to < 0:
            raise UserError(self.env._("Type a rounding above zero, or none."))
        if self.service_ids.company_id - self.company_id:
            raise UserError(self.env._("Choose services of one company at a time."))
