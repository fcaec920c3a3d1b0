"""What becomes of places: freed and taken again as their invoices die and come back."""

from odoo import api, models
from odoo.exceptions import UserError

from ...tools.context_keys import CORRECTED


class ArBillingPlace(models.Model):
    """A place is live while its invoice bills something: it is neither cancelled nor credited
    to its total.
    """

    _inherit = "ar.billing.place"

    def _follow_invoices(self, changed):
        """Free these places, or take them again, as their invoices are now.

        :param changed: the invoices that somebody has changed himself.
        :raise UserError: when one of these comes back, and somebody else has its place or days.
        """
        credited = self.move_id._ar_get_credited()
        gone = self.filtered(
            lambda place: place.move_id.state == "cancel" or place.move_id in credited
        )
        dead = gone.filtered("live")
        dead._write_inside({"live": False})
        days = self.env["ar.billed.days"].sudo()
        days._flag(days._follow(dead.move_id))
        if not self.env.context.get(CORRECTED):
            days._flag_credits(dead.move_id)
        dead.move_id.sudo(self.env.su)._ar_free_charges()
        back = (self - gone).filtered(lambda place: not place.live)
        for place in back | dead._get_waiting():
            place._take_again(changed)

    def _get_waiting(self):
        """The places of invoices that live and could not have these, which are free now."""
        freed = {(p.period_id, p.customer_number, p.currency_id) for p in self if p.period_id}
        if not freed:
            return self.browse()
        waiting = self.search(
            [
                ("live", "=", False),
                ("period_id", "in", self.period_id.ids),
                ("customer_number", "in", self.mapped("customer_number")),
                ("move_id.state", "!=", "cancel"),
                ("id", "not in", self.ids),
            ]
        ).filtered(lambda p: (p.period_id, p.customer_number, p.currency_id) in freed)
        credited = waiting.move_id._ar_get_credited()
        return waiting.filtered(lambda place: place.move_id not in credited)

    def _take_again(self, changed):
        """The invoice is alive again: it takes place and days again, if nobody else has.

        Where only a credit note was taken back and somebody has, it is flagged instead.
        """
        invoice = self.move_id
        days = self.env["ar.billed.days"].sudo()
        refused, other = True, self._get_other()
        if not other:
            refused, other = days._credit_again(invoice)
        if not refused:
            self._write_inside({"live": True})
            self.flush_recordset()
            taken = days._follow(invoice)
            refused, other = bool(taken), taken._get_others().move_id[:1]
            if not refused:
                invoice.sudo(self.env.su)._ar_get_charges()._tell_invoiced_again()
                return
            self._write_inside({"live": False})
            days._follow(invoice)
        if invoice in changed:
            raise UserError(invoice._ar_get_taken_message(other))
        invoice._ar_flag_taken(other)

    @api.model
    def _take_over(self, copy, origin):
        """Core's corrected copy bills what a fully credited invoice billed: place, days, fees.

        :param origin: the credited invoice, whose place is free.
        """
        place = origin._ar_get_places(live=False)[:1]
        if not place or copy.currency_id != origin.currency_id:
            return
        values = {name: origin[name].id for name in ("billing_run_id", "billing_period_id")}
        copy._write_inside(values)
        taken = place._take(
            [
                {
                    **values,
                    "partner_id": copy.partner_id.id,
                    "currency_id": copy.currency_id.id,
                    "company_id": copy.company_id.id,
                }
            ]
        )
        taken._give(copy)
        lines = self.env["ar.billing.run.line"].sudo().search([("move_id", "=", origin.id)])
        for line in lines:
            line._write_inside(
                {"move_id": copy.id, "made_item_ids": line._get_made_items_of(copy, origin).ids}
            )
        days = self.env["ar.billed.days"].sudo()
        days._flag(days._take_over(copy, origin))
        copy._ar_get_charges()._tell_invoiced_again()
