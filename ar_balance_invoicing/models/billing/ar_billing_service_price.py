"""How the price of a service changes from a day on: a new row follows the old one."""

from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, formatLang

from ...tools import client_actions
from ...tools.records import chosen_records

ONE_DAY = timedelta(days=1)


class ArBillingService(models.Model):
    """Every day has one price: that of the row which ends, or of the one that follows it."""

    _inherit = "ar.billing.service"

    previous_id = fields.Many2one(
        "ar.billing.service",
        string="Follows",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The same service at its earlier price.",
    )
    next_ids = fields.One2many(
        "ar.billing.service", "previous_id", string="Followed By", readonly=True
    )

    # ------------------------------------------------------------------
    # From a day on
    # ------------------------------------------------------------------

    def _get_price_obstacles(self, day):
        """Why the price of a service cannot change from a day on: ``{service: sentence}``.

        Days that are billed at the old price stay billed at it, so they come first. A service
        that is not prorated costs a full period on either side of the day, so the day must be
        the first of a period.
        """
        taken = self._get_days_taken(day)
        starts = {}
        obstacles = {}
        for service in self:
            reason = (
                service._get_end_obstacle(day)
                or (service in taken and taken[service]._describe_obstacle())
                or service._get_proration_obstacle(day, starts)
            )
            if reason:
                obstacles[service] = reason
        return obstacles

    def _get_days_taken(self, day):
        """``{service: the last row of its days that are billed or given away from a day on}``"""
        rows = self.env["ar.billed.days"].search(
            [("service_id", "in", self.ids), ("live", "=", True), ("date_to", ">=", day)],
            order="service_id, date_to, id",
        )
        return {row.service_id: row for row in rows}

    def _get_end_obstacle(self, day):
        if not self.active:
            return self.env._("it is archived")
        if self.date_to and self.date_to < day:
            return self.env._("it ends on %s", format_date(self.env, self.date_to))
        return False

    def _get_proration_obstacle(self, day, starts):
        """:param starts: cache of the first day of the period by profile"""
        if self.prorate or self.date_from >= day:
            return False
        customer = self.partner_id.commercial_partner_id.with_company(self.company_id)
        profile = customer.sudo().billing_profile_id
        if profile not in starts:
            starts[profile] = profile._get_slices(day, day)[0]
        first, last = starts[profile]
        if first == day:
            return False
        return self.env._(
            "it is not prorated, so its price changes with a period: choose %(first)s or %(next)s",
            first=format_date(self.env, first),
            next=format_date(self.env, last + ONE_DAY),
        )

    def _change_prices(self, day, prices):
        """Let services cost something else from a day on; of those that have no obstacle.

        A service that begins on the day or later is given the price itself. Any other ends
        the day before, and a new row goes on with the rest of it.

        :param prices: ``{service: price of one unit for a period, in its own currency}``
        :return: the rows at the new price
        """
        quiet = self.with_context(tracking_disable=True)
        split = quiet.filtered(lambda service: service.date_from < day)
        bodies = {}
        for service in quiet - split:
            bodies[service.id] = self._describe_price(service, prices[service], day)
            service.price_unit = prices[service]
        vals_list = [service._prepare_follower(day, prices[service]) for service in split]
        for service in split:
            bodies[service.id] = self._describe_price(service, prices[service], day)
        later = {service: service.next_ids for service in split}
        split.write({"date_to": day - ONE_DAY})
        followers = split._create_inside(vals_list)
        for service, follower in zip(split, followers, strict=True):
            if later[service]:
                later[service]._write_inside({"previous_id": follower.id})
            bodies[follower.id] = bodies[service.id]
        self.env["ar.billed.days"]._hand_over(dict(zip(split, followers, strict=True)), day)
        changed = (quiet - split) | followers
        # One insert for all, instead of a message for each.
        (self | followers)._message_log_batch(bodies=bodies)
        return changed.with_env(self.env)

    def _prepare_follower(self, day, price):
        """Values of the row that goes on with this service."""
        values = {
            "date_from": day,
            "price_unit": price,
            # No day is left out between the two, and none before what we bill at all.
            "billed_from": self.billed_from and max(self.billed_from, day),
        }
        return {**self.copy_data(values)[0], "previous_id": self.id}

    @api.model
    def _describe_price(self, service, price, day):
        return self.env._(
            "Price from %(day)s on: %(new)s instead of %(old)s",
            day=format_date(self.env, day),
            new=service._format_price(price),
            old=service._format_price(service.price_unit),
        )

    def _format_price(self, price):
        """A price with all the decimals that it has, in the service's currency."""
        places = self.env["decimal.precision"].precision_get("Product Price")
        shown = max(places, len(f"{price:.12f}".rstrip("0").partition(".")[2]))
        return f"{formatLang(self.env, price, digits=shown)} {self.currency_id.name}"

    # ------------------------------------------------------------------
    # And back
    # ------------------------------------------------------------------

    def unlink(self):
        self.check_access("unlink")
        # The last first: each row before it then knows how far it runs.
        for service in self.filtered("previous_id").sorted("date_from", reverse=True):
            service._reopen_previous()
        return super().unlink()

    def _reopen_previous(self):
        """The row before this one runs on to where this one would have ended.

        :raise UserError: where days of it are billed by a draft or given away: the earlier row
            would bill them again.
        """
        row = self.billed_day_ids.filtered("live")[:1]
        if row:
            raise UserError(
                self.env._(
                    "The service “%(service)s” of %(customer)s at its price from %(day)s on "
                    "stays: %(reason)s.",
                    service=self.display_name,
                    customer=self.partner_id.display_name,
                    day=format_date(self.env, self.date_from),
                    reason=row._describe_obstacle(),
                )
            )
        self.next_ids._write_inside({"previous_id": self.previous_id.id})
        if self.previous_id.date_to == self.date_from - ONE_DAY:
            self.previous_id.date_to = self.date_to
            # Of invoices that were cancelled or credited, and may come back.
            self.billed_day_ids._write_inside({"service_id": self.previous_id.id})

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_change_price(self):
        """Open the window that changes the prices of the services chosen in a list."""
        services = chosen_records(self)
        services.check_access("write")
        if len(services.company_id) > 1:
            raise UserError(self.env._("Choose services of one company at a time."))
        window = self.env["ar.billing.service.change"].create(
            {
                "company_id": (services.company_id or self.env.company).id,
                "service_ids": [Command.set(services.ids)],
            }
        )
        return client_actions.form(window, self.env._("Change Price"), target="new")

    def action_undo_price_change(self):
        """Delete the row at the new price, and let the earlier one run on.

        :raise UserError: when the row follows none, the earlier one was changed meanwhile, or
            some of its days are billed.
        """
        self.ensure_one()
        self.check_access("unlink")
        previous = self.previous_id
        if not previous or previous.date_to != self.date_from - ONE_DAY:
            raise UserError(
                self.env._(
                    "“%s” does not go on where an earlier row ends, so there is nothing to undo.",
                    self.display_name,
                )
            )
        self.unlink()
        return client_actions.form(previous)
