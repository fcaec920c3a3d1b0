from odoo import api, fields, models
from odoo.exceptions import UserError


class ArGiveAway(models.TransientModel):
    """The pop-up of Give Away: why days of services are never billed."""

    _name = "ar.give.away"
    _description = "Give Days Away"
    _inherit = ["ar.guarded"]

    days = fields.Json(readonly=True, help="Service, first day, last day of each part.")
    summary = fields.Char(compute="_compute_summary")
    note = fields.Char(help="Why. It stands on the service with the days.")

    @api.depends("days")
    def _compute_summary(self):
        for wizard in self:
            parts = wizard._get_parts()
            services = self.env["ar.billing.service"].union(*(part[0] for part in parts))
            count = sum((last - first).days + 1 for _service, first, last in parts)
            wizard.summary = self.env._(
                "%(days)s days of %(services)s services of %(customers)s customers",
                days=count,
                services=len(services),
                customers=len(services.partner_id),
            )

    def _get_parts(self):
        """``[(service, first day, last day)]`` that are asked for and unbilled still."""
        asked = self._read_days()
        rows = self.env["ar.billed.days"]
        services = self.env["ar.billing.service"].union(*(service for service, *_ in asked))
        latest = max((last for *_, last in asked), default=fields.Date.context_today(self))
        gaps = rows._get_gaps(services, latest)
        return [
            (service, max(first, begin), min(last, end))
            for service, first, last in asked
            for begin, end in gaps[service.id]
            if begin <= last and end >= first
        ]

    def _read_days(self):
        """What the window was opened with, of services that are there still."""
        services = self.env["ar.billing.service"].search(
            [("id", "in", [service_id for service_id, *_ in self.days or []])]
        )
        known = {service.id: service for service in services}
        return [
            (known[service_id], fields.Date.to_date(first), fields.Date.to_date(last))
            for service_id, first, last in self.days or []
            if service_id in known
        ]

    def action_give_away(self):
        """Never bill these days; billed ones stay as they are.

        :raise UserError: without a note, and when none of them is unbilled any more.
        """
        self.ensure_one()
        parts = self._get_parts()
        if not (self.note or "").strip():
            raise UserError(self.env._("Write why these days are given away."))
        if not parts:
            raise UserError(self.env._("None of these days is unbilled any more."))
        self.env["ar.billed.days"]._create_inside(
            [
                {
                    "service_id": service.id,
                    "date_from": first,
                    "date_to": last,
                    "note": self.note,
                }
                for service, first, last in parts
            ]
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
