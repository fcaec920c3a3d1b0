from odoo import api, fields, models

from ...tools.apportion import exact, rounded
from ...tools.context_keys import MATCH_LIMITS
from ..balance.account_move import BALANCE_GROUPS


class MatchLimits(dict):
    """``{{id of a debt, id of a credit}: amount}``: how much of the two is matched, at most."""


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    # Copied, so that a reversal gives back what its entry took, whoever makes it.
    written_off_item_id = fields.Many2one(
        "account.move.line",
        string="Takes Back",
        readonly=True,
        index="btree_not_null",
        groups=BALANCE_GROUPS,
        help="Of a write-off that asks tax back: the item of the invoice whose tax, or base of "
        "tax, this takes back.",
    )

    @api.model
    def _prepare_reconciliation_plan(self, plan, amls_values_map, shadowed_aml_values=None):
        """Core matches as much as it can of a pair; of ours, what was planned.

        The rest of both items is held back while core reckons, at the rate that they were
        booked with.
        """
        limits = self.env.context.get(MATCH_LIMITS)
        limit = isinstance(limits, MatchLimits) and limits.get(frozenset(plan["aml_ids"]))
        if not limit:
            return super()._prepare_reconciliation_plan(plan, amls_values_map, shadowed_aml_values)
        held = {item: item._ar_hold_back(amls_values_map[item], limit) for item in plan["amls"]}
        result = super()._prepare_reconciliation_plan(plan, amls_values_map, shadowed_aml_values)
        for item, amounts in held.items():
            for name, amount in amounts.items():
                # Not a cent of noise: what is left is compared with zero later.
                left = exact(amls_values_map[item][name]) + amount
                amls_values_map[item][name] = float(left)
        return result

    def _ar_hold_back(self, values, limit):
        """Take from what core may match all but the limit, and return what was taken.

        :param values: of core, what is left of this item; changed.
        :param limit: in the item's currency, positive.
        """
        left = exact(values["amount_residual_currency"])
        if abs(left) <= limit:
            return {}
        kept = limit if left > 0 else -limit
        kept_company = kept
        if self.currency_id != self.company_currency_id:
            kept_company = rounded(
                kept * exact(self.balance) / exact(self.amount_currency),
                exact(self.company_currency_id.rounding),
            )
        taken = {
            "amount_residual_currency": left - kept,
            "amount_residual": exact(values["amount_residual"]) - kept_company,
        }
        values["amount_residual_currency"] = float(kept)
        values["amount_residual"] = float(kept_company)
        return taken
