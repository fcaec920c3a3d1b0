import operator as python_operator

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import formatLang

from ...tools.amounts import search_amount

_COMPARISONS = {
    "<": (SQL("<"), python_operator.lt),
    "<=": (SQL("<="), python_operator.le),
    ">": (SQL(">"), python_operator.gt),
    ">=": (SQL(">="), python_operator.ge),
}


class ArAmountSearch(models.AbstractModel):
    """Searching by amounts that are computed by SQL."""

    _name = "ar.amount.search"
    _description = "Search by Amount"

    @api.model
    def _get_domain(self, field, operator, value):
        """Domain of the records whose amount compares so with ``value``.

        The comparison is made on exact decimals: 0.01 is 0.01, and "= 0" finds
        neither 0.004 nor a credit.

        :param field: a monetary field with a ``_field_to_sql``, in company currency.
        :raise UserError: when the value is no number.
        """
        name = field.name
        if operator == "in":
            # An empty value in a search stands for zero, as in every amount field.
            amounts = {self._parse(field, item) if item else search_amount(0) for item in value}

            def to_sql(model, alias, query):
                if not amounts:
                    return SQL("FALSE")
                return SQL("%s IN %s", model._field_to_sql(alias, name, query), tuple(amounts))

            def keeps(record):
                return search_amount(record[name]) in amounts

        elif operator in _COMPARISONS:
            sql_operator, compare = _COMPARISONS[operator]
            amount = self._parse(field, value)

            def to_sql(model, alias, query):
                column = model._field_to_sql(alias, name, query)
                return SQL("%s %s %s", column, sql_operator, amount)

            def keeps(record):
                return compare(search_amount(record[name]), amount)

        else:
            return NotImplemented
        return Domain.custom(to_sql=to_sql, predicate=keeps)

    @api.model
    def _parse(self, field, value):
        lang = self.env["res.lang"]._get_data(code=self.env.lang or "en_US")
        separators = (lang.decimal_point, lang.thousands_sep or "") if lang else ()
        try:
            return search_amount(value, *separators)
        except ValueError:
            raise UserError(
                self.env._(
                    "%(label)s cannot be compared with “%(value)s”: that is not an "
                    "amount. Type a number, for instance %(example)s.",
                    label=field._description_string(self.env),
                    value=value,
                    example=formatLang(self.env, 1234.56),
                )
            ) from None
