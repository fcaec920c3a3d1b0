"""Whether the quick way makes what core makes: looked at in each run, on its own invoices."""

from dataclasses import dataclass, field

import psycopg2

from odoo import Command, api, models
from odoo.tools import float_compare, ormcache
from odoo.tools.misc import Callbacks

# What two invoices of the same values cannot share, or a twin is not given.
OWN = {
    *("id", "access_token", "create_uid", "create_date", "write_uid", "write_date"),
    *("move_id", "line_ids", "invoice_line_ids"),
    # The first draft of a journal's period has a number already.
    *("name", "sequence_prefix", "sequence_number"),
}
OWN_OF_LINE = OWN - {"name"}

# Who gives these decides about the accounting himself (which line it is, whose, how much, which
# taxes it stands for, what is owed early); what follows from them, only core knows.
BOOKED_BY_HAND = {
    *("display_type", "currency_id", "partner_id", "date_maturity", "move_id", "company_id"),
    *("debit", "credit", "balance", "amount_currency", "price_subtotal", "price_total"),
    *("tax_line_id", "tax_tag_ids", "tax_repartition_line_id", "group_tax_id", "extra_tax_data"),
    *("discount_date", "discount_balance", "discount_amount_currency", "deductible_amount"),
}
# Values of these types cannot be compared, or are records of others.
INCOMPARABLE = ("one2many", "binary", "properties", "properties_definition")


@dataclass
class Memory:
    """Verdicts of one run: reasons why core has to make a kind or shape, or "" if not."""

    kinds: dict = field(default_factory=dict)
    shapes: dict = field(default_factory=dict)
    # By model: fields that nothing computes, with their defaults.
    plain: dict = field(default_factory=dict)


class ArInvoiceMaker(models.AbstractModel):
    """Compare what core made with what we would, before any of it is made quickly.

    Two ways, for two sorts of surprise:

    - The first invoice of each *kind*: our lines are core's, and nothing that nobody
      computes is on core's invoice without being among our values. So what an addon fills
      in for one product or account only is found, though by few reads of what is in memory.
    - The second invoice of each *shape* is made by core and kept; a twin of it is made our
      way, compared in everything that is stored, and rolled back. So what was read off the
      first is shown to hold for another customer and other amounts. A shape is a kind
      without its products and accounts: what depends on these is what the first way finds,
      and another second and twin for each kind of ten would cost a tenth of the whole run.

    Verdicts are kept for a run (see ``_get_memory_key``), in the ORM's cache: it belongs to
    one database, forgets what is old, and is emptied in all workers whenever an addon is
    loaded or defaults, automations and the like change; then they are looked for anew. (The
    cursor's cache is no place for them: each commit empties it.)
    """

    _inherit = "ar.invoice.maker"

    def _get_memory(self, vals_list):
        """The verdicts of the run that the invoices belong to; new ones if there is none."""
        key = vals_list and self._get_memory_key(vals_list)
        return self._get_memory_of(key) if key else Memory()

    @api.model
    def _get_memory_key(self, vals_list):
        """What invoices share that are made by one run, or None."""
        return None

    @ormcache("key")
    def _get_memory_of(self, key):
        return Memory()

    @api.model
    def _get_unique_fields(self):
        """Names of the fields of an invoice that a twin cannot have: the database forbids it."""
        return set()

    # ------------------------------------------------------------------
    # What can be compared
    # ------------------------------------------------------------------

    def _is_line_known(self, line):
        """Whether a line of such values can be given complete, and compared with core's."""
        if "price_unit" not in line:
            # The product's, in the currency of the invoice.
            return False
        return not line.keys() & BOOKED_BY_HAND and all(
            self._is_value_known(self.env["account.move.line"]._fields.get(name), value)
            for name, value in line.items()
        )

    def _is_value_known(self, field, value):
        """Whether the whole value is given, in a form that can be compared and looked up."""
        if not field or not field.store or field.type in INCOMPARABLE:
            return False
        if field.type == "many2many" and not (
            len(value or ()) == 1 and value[0][0] in (Command.SET, Command.CLEAR)
        ):
            return False
        try:
            hash(self._freeze(value))
        except TypeError:
            return False
        return True

    # ------------------------------------------------------------------
    # The first of a kind
    # ------------------------------------------------------------------

    def _get_refusal(self, move, complete, memory):
        """Why core's invoice is not what our values would make of it; "" if it is."""
        if not self._is_as_core_made(move, complete):
            return "core makes other lines"
        given = {}
        for _command, _id, line in complete["line_ids"]:
            kind = line["display_type"]
            given[kind] = given.get(kind, line.keys()) & line.keys()
        name = self._get_unexpected(move, complete.keys(), memory)
        for line in move.line_ids:
            name = name or self._get_unexpected(line, given[line.display_type], memory)
        return f"something fills in {name}" if name else ""

    def _get_unexpected(self, record, given, memory):
        """The first field with a value that neither we give nor anything computes."""
        if record._name not in memory.plain:
            memory.plain[record._name] = self._get_plain_fields(record)
        for field_, default in memory.plain[record._name]:
            if field_.name in given:
                continue
            value = record[field_.name]
            # Seldom anything: so the rest is seldom reckoned.
            if (value or default) and field_.convert_to_write(value, record) != default:
                return str(field_)
        return None

    def _get_plain_fields(self, records):
        """``[(field, default)]`` of what is stored and not computed."""
        own = OWN | self._get_unique_fields()
        plain = [
            field_
            for name, field_ in records._fields.items()
            if field_.store and not field_.compute and field_.type != "one2many" and name not in own
        ]
        defaults = records.browse().default_get([field_.name for field_ in plain])
        return [(field_, defaults.get(field_.name, False)) for field_ in plain]

    def _is_as_core_made(self, move, complete):
        """Whether the lines that we would give are those that core made."""
        made = [line for _command, _id, line in complete["line_ids"]]
        lines = move.line_ids.sorted("id")
        if len(made) != len(lines):
            return False
        left = list(lines)
        for values in made:
            match = next((line for line in left if self._is_same_line(line, values)), None)
            if not match:
                return False
            left.remove(match)
        return True

    def _is_same_line(self, line, values):
        for name, value in values.items():
            field_ = line._fields[name]
            if field_.type == "many2many":
                (command,) = value
                # To clear is to set none, however short the command.
                if set(line[name].ids) != set(command[2] if command[0] == Command.SET else ()):
                    return False
            elif field_.type == "monetary":
                # Each amount in its own currency: balances in that of the company.
                currency = line[field_.get_currency_field(line)]
                if currency.compare_amounts(line[name], value):
                    return False
            elif field_.type == "float":
                if float_compare(line[name], value, precision_digits=9):
                    return False
            elif field_.convert_to_cache(line[name], line) != field_.convert_to_cache(value, line):
                # In the cache's form: a date may be given as a text.
                return False
        return True

    # ------------------------------------------------------------------
    # The second of a shape
    # ------------------------------------------------------------------

    def _get_seconds(self, kinds, memory):
        """Of each shape that nobody has compared yet in this run: its largest kind."""
        largest = {}
        for kind in kinds:
            if kind.shape not in memory.shapes:
                other = largest.setdefault(kind.shape, kind)
                largest[kind.shape] = max(other, kind, key=lambda one: len(one.indexes))
        return list(largest.values())

    def _check_shapes(self, kinds, seconds, vals_list, moves, memory):
        """Compare seconds with their twins; refuse the kinds of which the shape fails.

        :param moves: ``{index: invoice made by core}``
        """
        pairs = {}
        for kind in seconds:
            if kind.template:
                index = kind.indexes[1]
                complete = self._complete(vals_list[index], kind.template)
                if complete:
                    pairs[kind.shape] = moves[index], complete
                else:
                    kind.refusal = "other tax lines than its kind"
                    kind.template = None
        if pairs:
            memory.shapes |= self._compare_twins(pairs)
            self._read_together(kind.template for kind in kinds if kind.template)
        for kind in kinds:
            if kind.refusal:
                memory.kinds[kind.key] = kind.refusal
                continue
            # No verdict: the kind that was to show it is refused itself. In the run's next
            # chunk it will be another one.
            kind.refusal = memory.shapes.get(kind.shape, "nothing to compare with yet")
            if kind.refusal:
                kind.template = None

    def _read_together(self, templates):
        """What the twins made forgotten is read again for all kinds at once."""
        templates = list(templates)
        ids = [item_id for template in templates for item_id in template["products"].ids]
        for template in templates:
            template["products"] = template["products"].with_prefetch(ids)

    def _compare_twins(self, pairs):
        """``{shape: verdict}``, by twins that are rolled back.

        :param pairs: ``{shape: (invoice made by core, our values of the same)}``
        """
        cr = self.env.cr
        postcommit = cr.postcommit
        # As the user, and in his language, that compute what core has left to compute.
        self.env.flush_all()
        try:
            # What somebody would do about a twin after the commit is not done.
            cr.postcommit = Callbacks()
            with cr.savepoint() as savepoint:
                verdicts = self._make_and_compare(pairs)
                savepoint.rollback()
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            verdicts = dict.fromkeys(pairs, f"the quick way fails: {error}")
        finally:
            cr.postcommit = postcommit
        return verdicts

    def _make_and_compare(self, pairs):
        silent = self.with_context(tracking_disable=True)
        unique = self._get_unique_fields()
        twins = silent._create_unsynchronised(
            [
                {name: value for name, value in complete.items() if name not in unique}
                for _move, complete in pairs.values()
            ]
        )
        self.env.flush_all()
        # Both as the database has them, and read together.
        self.env.invalidate_all()
        seconds = [move.id for move, _complete in pairs.values()]
        everything = self.env["account.move"].sudo().browse(seconds + twins.ids)
        count = len(seconds)
        return {
            shape: self._get_difference(core, twin)
            for shape, core, twin in zip(pairs, everything[:count], everything[count:], strict=True)
        }

    def _get_difference(self, core, twin):
        """The first field that differs, for the log; "" if none does."""
        lines, others = core.line_ids.sorted("id"), twin.line_ids.sorted("id")
        if len(lines) != len(others):
            return "the quick way makes other lines"
        for one, other in [(core, twin), *zip(lines, others, strict=True)]:
            for field_ in self._get_stored_fields(one):
                if self._get_comparable(field_, one) != self._get_comparable(field_, other):
                    return f"the quick way makes another {field_}"
        return ""

    def _get_stored_fields(self, records):
        own = OWN | self._get_unique_fields() if records._name == "account.move" else OWN_OF_LINE
        return [
            field_
            for name, field_ in records._fields.items()
            if field_.store
            and name not in own
            and not (field_.type == "one2many" and self._is_besides(field_))
        ]

    def _is_besides(self, field_):
        """Whether a list of records is no matter of accounting: messages, activities."""
        return field_.compute or field_.comodel_name.split(".")[0] in ("mail", "rating")

    def _get_comparable(self, field_, record):
        value = record[field_.name]
        # Records of others about this invoice: what they hold is theirs, but not whether.
        return len(value) if field_.type == "one2many" else field_.convert_to_read(value, record)
