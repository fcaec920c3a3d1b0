from odoo import api, models

# What core's choice of a position goes through; what it depends on is known only as long as
# nobody else extends these. Whether a tax number is valid may be extended: all are asked.
STEPS = (
    "_get_fiscal_position",
    "_get_first_matching_fpos",
    "_get_fpos_validation_functions",
)


class AccountFiscalPosition(models.Model):
    _inherit = "account.fiscal.position"

    @api.model
    def _ar_get_positions(self, pairs):
        """The fiscal positions that core finds for invoices of these customers, in their order.

        Core searches the positions for each customer; here it is asked once for all who are
        alike. The number of queries does not grow with the customers, unless another addon
        has its own way to choose.

        :param pairs: ``[(contact for invoices, delivery address)]``, in the company of ``self``.
        """
        reason = self._ar_get_reason_to_ask_each()
        ranges = () if reason else self._ar_get_zip_ranges()
        # As where core computes the field of an invoice: whatever positions a user may list.
        core = self.sudo()
        known, found = {}, []
        for number, pair in enumerate(pairs):
            partner, delivery = (one.sudo() for one in pair)
            key = number
            if not reason:
                partners = (partner,) if partner == delivery else (partner, delivery)
                key = tuple(self._ar_get_position_key(one, ranges) for one in partners)
            if key not in known:
                position = core._get_fiscal_position(partner, delivery=delivery)
                known[key] = self.browse(position.id)
            found.append(known[key])
        if reason and pairs:
            self.env["ar.shortcuts"]._log_left("fiscal positions", {reason: len(pairs)})
        return found

    def _ar_get_reason_to_ask_each(self):
        """Why core is to be asked for each customer, or False."""
        shortcuts = self.env["ar.shortcuts"]
        foreign = shortcuts._get_foreign_definers(self._name, STEPS)
        return (
            shortcuts._get_reason_for_core("positions")
            or bool(foreign)
            and (f"{', '.join(foreign)} extends how fiscal positions are found")
        )

    def _ar_get_zip_ranges(self):
        """``[(first, last)]`` of the zip codes that positions name."""
        ranged = self.sudo().search([("auto_apply", "=", True), ("zip_from", "!=", False)])
        return [(position.zip_from, position.zip_to) for position in ranged]

    def _ar_get_position_key(self, partner, ranges):
        """What core reads of a customer to choose a position, or what comes of it."""
        code = partner.zip or ""
        return (
            partner.property_account_position_id.id,
            partner.country_id.id,
            partner.state_id.id,
            tuple(bool(code) and first <= code <= last for first, last in ranges),
            (partner.vat or "")[:2],
            bool(partner._get_vat_required_valid(company=self.env.company)),
        )
