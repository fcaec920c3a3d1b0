from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ...tools.apportion import exact

TOTALS = {
    f"{name}:{function}"
    for name in ("amount_to_lose", "amount_written_off")
    for function in ("sum", "sum_currency")
}


class ArWriteOffLineTotals(models.AbstractModel):
    """What rows say that no column of the database keeps, added up: the rows' own figures.

    So a heading, a footer and a group say the same, however many rows the list has loaded.
    """

    _name = "ar.write.off.line.totals"
    _description = "Totals of Write-Off Rows"

    @api.model
    def _read_group_select(self, aggregate_spec, query):
        if aggregate_spec not in TOTALS:
            return super()._read_group_select(aggregate_spec, query)
        self._check_field_access(self._fields[aggregate_spec.partition(":")[0]], "read")
        return SQL("ARRAY_AGG(%s)", SQL.identifier(self._table, "id"))

    @api.model
    def _read_group_postprocess_aggregate(self, aggregate_spec, raw_values):
        if aggregate_spec not in TOTALS:
            return super()._read_group_postprocess_aggregate(aggregate_spec, raw_values)
        name, _colon, function = aggregate_spec.partition(":")
        groups = [self.browse(ids or ()) for ids in raw_values]
        # All at once, not as many as core reads ahead.
        lines = self.union(*groups)
        self._fields[name].compute_value(lines)
        convert = function == "sum_currency"
        return [bool(group) and group._add_up(name, convert) for group in groups]

    def _add_up(self, name, convert):
        """Sum of a figure in company currency.

        :param convert: to the currency of the user's company, where that is another.
        """
        totals = defaultdict(lambda: exact(0))
        for line in self:
            totals[line.company_currency_id] += exact(line[name])
        if not convert:
            return float(sum(totals.values()))
        company = self.env.company
        today = fields.Date.context_today(self)
        return sum(
            currency._convert(float(total), company.currency_id, company, today)
            for currency, total in totals.items()
        )
