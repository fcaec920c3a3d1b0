from collections import defaultdict
from collections.abc import Iterable, Mapping

from odoo import api, models
from odoo.exceptions import MissingError, UserError, ValidationError
from odoo.tools import ormcache

from ...tools.context_keys import INSIDE, INSIDE_KEY
from ...tools.person_values import BadValue, check_value

ADDON = "ar_balance_invoicing"


class ArGuarded(models.AbstractModel):
    """Records that people write only where their model says so; the rest is for methods.

    ``readonly`` in a view protects nothing: the external API writes every field that the
    model does not refuse. Here a field of this addon that is declared ``readonly`` is
    written by our own methods only, which use ``_write_inside``, ``_create_inside`` and
    ``_unlink_inside``. Neither ``default_…`` in the context, user defaults, ``copy`` nor
    an import gets around that. What a person may write is checked before it is stored:
    its type, its size, and that he may read the records that it names.

    Fields of other addons are theirs to protect.
    """

    _name = "ar.guarded"
    _inherit = ["ar.next.step"]
    _description = "Guarded Record"

    # Whether people make, change and delete such records themselves.
    _person_creates = True
    _person_writes = True
    _person_deletes = True
    # Read-only fields that a person may give to a new record all the same.
    _initial_fields = frozenset()
    # {field: name of a boolean field of the record, while which is true a person may write
    # it}; others at any time.
    _editable_while = {}

    # ------------------------------------------------------------------
    # For our own methods
    # ------------------------------------------------------------------

    def _inside(self):
        """These records, as our own methods write them."""
        return self.with_context(**{INSIDE_KEY: INSIDE})

    def _is_inside(self):
        return self.env.context.get(INSIDE_KEY) is INSIDE

    def _write_inside(self, vals):
        """Write what only methods of the model may write."""
        return self._inside().write(vals)

    @api.model
    def _create_inside(self, vals_list):
        """Create what only methods of the model may create; values as for ``create``."""
        return self.browse(self._inside().create(vals_list).ids)

    def _unlink_inside(self):
        """Delete what only methods of the model may delete."""
        return self._inside().unlink()

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._check_creates(vals_list)
        return super().create([self._complete_values(dict(vals)) for vals in vals_list])

    @api.model
    def _complete_values(self, vals):
        """Add what the model itself gives to a new record; a person's values are checked."""
        return vals

    @api.model
    def default_get(self, fields):
        """Neither the context nor a user's defaults say what only methods write."""
        names = list(fields) if isinstance(fields, Iterable) else [None]
        if not all(isinstance(name, str) for name in names):
            raise ValidationError(self.env._("Defaults are asked for by a list of fields."))
        given = self._get_given_defaults()
        machine = self._get_machine_fields() & given.keys()
        asked = [name for name in names if name not in machine]
        if given and not self._is_inside():
            self._check_person_values([{name: given[name] for name in given.keys() & set(asked)}])
        values = super().default_get(asked)
        for name in machine.intersection(names):
            field = self._fields[name]
            if field.default:
                values[name] = field.convert_to_write(field.default(self), self)
        return values

    def _get_given_defaults(self):
        """Default values that the caller or the user himself has given, not the fields."""
        context = self.env.context
        own = self._get_own_fields()
        kept = self.env["ir.default"]._get_model_defaults(self._name)
        given = {name: kept[name] for name in own & kept.keys()}
        for key, value in context.items():
            if key.startswith("default_") and key[8:] in own:
                given[key[8:]] = value
        return given

    def onchange(self, values, field_names, fields_spec):
        """Core answers with the names of whatever records the values name."""
        if not isinstance(values, Mapping):
            raise ValidationError(self.env._("Values are given by the names of fields."))
        for name in self._get_own_fields().intersection(values):
            if self._fields[name].type == "many2one" and type(values[name]) is int:
                self._check_named_records(self._fields[name], [values[name]])
        return super().onchange(values, field_names, fields_spec)

    def write(self, vals):
        self._check_writes(vals)
        return super().write(vals)

    def check_access(self, operation):
        """Core takes the number 0 for a record that is not stored yet."""
        if 0 in self._ids:
            raise MissingError(self.env._("There is no record 0."))
        return super().check_access(operation)

    def ensure_one(self):
        """One record, or a sentence that says so (core's error is for programmers)."""
        if len(self) != 1 and self._is_ours():
            raise UserError(
                self.env._(
                    "%(model)s: choose exactly one, not %(count)s.",
                    model=self.env._(self._description),
                    count=len(self),
                )
            )
        return super().ensure_one()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_by_hand(self):
        if not self._is_inside() and not self._person_deletes:
            raise UserError(self._get_refusal_of_records(self.env._("deleted")))

    # ------------------------------------------------------------------
    # What a person may write
    # ------------------------------------------------------------------

    @api.model
    @ormcache()
    def _get_own_fields(self):
        """Names of the fields that this addon has given to the model."""
        return frozenset(
            name for name, field in self._fields.items() if ADDON in (field._modules or ())
        )

    @api.model
    @ormcache()
    def _get_machine_fields(self):
        """Names of the fields that only methods write."""
        return frozenset(
            name for name in self._get_own_fields() if self._fields[name].readonly
        ) - frozenset(self._initial_fields)

    @api.model
    def _is_ours(self):
        """Whether this addon has made the model, and not only extended it."""
        return self._original_module == ADDON

    def _check_creates(self, vals_list):
        """Refuse what a person may not give to new records.

        An override of ``create`` that looks at the values calls this first.
        """
        if self._is_inside():
            return
        self.check_access("create")
        if not self._person_creates:
            raise UserError(self._get_refusal_of_records(self.env._("made")))
        self._check_names(vals_list)
        machine = self._get_machine_fields()
        for vals in vals_list:
            for name in sorted(machine & vals.keys()):
                raise UserError(self.browse()._get_refusal(name))
        self._check_person_values(vals_list)

    def _check_writes(self, vals):
        """Refuse what a person may not change.

        An override of ``write`` that looks at the values calls this first.
        """
        if self._is_inside():
            return
        self._check_names([vals])
        own = self._get_own_fields() & vals.keys()
        if not own or not self:
            return
        self.check_access("write")
        machine = self._get_machine_fields() | self._initial_fields
        for name in sorted(own):
            if name in machine or not self._person_writes:
                raise UserError(self[:1]._get_refusal(name))
            for record in self:
                if not record._is_editable(name):
                    raise UserError(record._get_refusal(name))
        self._check_person_values([vals])

    def _check_names(self, vals_list):
        """Refuse values that are none, and fields that there are not."""
        for vals in vals_list if isinstance(vals_list, (list, tuple)) else [None]:
            if not isinstance(vals, Mapping):
                raise ValidationError(self.env._("Values are given by the names of fields."))
            for name in vals if self._is_ours() else ():
                if name not in self._fields:
                    raise ValidationError(
                        self.env._(
                            "%(model)s has no field “%(name)s”.",
                            model=self.env._(self._description),
                            name=str(name)[:40],
                        )
                    )

    def _is_editable(self, name):
        """Whether a person may write this field of the record now."""
        flag = self._editable_while.get(name)
        return flag is None or self[flag]

    def _get_refusal(self, name):
        """Why a person may not write a field; of a record, or of a new one."""
        return self.env._(
            "“%(field)s” of %(record)s is not changed by hand. Use the buttons instead.",
            field=self._fields[name]._description_string(self.env),
            record=self.display_name if self else self.env._(self._description),
        )

    def _get_refusal_of_records(self, what):
        return self.env._(
            "%(model)s: such records are not %(what)s by hand. Use the buttons of the document.",
            model=self.env._(self._description),
            what=what,
        )

    def _check_person_values(self, vals_list):
        """Refuse values that cannot be meant, with the field and what is wrong.

        :raise ValidationError: for a wrong type, an impossible number, date or text
            and for records that are not there, or not the user's to read
        """
        named = defaultdict(set)
        for vals in vals_list:
            for name in self._get_own_fields() & vals.keys():
                field = self._fields[name]
                try:
                    if ids := check_value(field, vals[name], self.env):
                        named[field].update(ids)
                except BadValue as error:
                    raise ValidationError(self._get_bad_value_message(field, error)) from None
        for field, ids in named.items():
            self._check_named_records(field, ids)

    def _check_named_records(self, field, ids):
        """Refuse records that are gone or not the user's to read, for all values at once.

        In the same words, so that nobody learns what there is, or by a link what it is called.
        """
        records = self.env[field.comodel_name].browse(ids)
        known = records.exists()
        if len(known) < len(records) or not (self.env.su or known.has_access("read")):
            problem = self.env._(
                "there is no such record, or you may not see it. Choose one from the list."
            )
            raise ValidationError(self._get_bad_value_message(field, problem))

    def _get_bad_value_message(self, field, problem):
        return self.env._(
            "%(model)s, “%(field)s”: %(problem)s",
            model=self.env._(self._description),
            field=field._description_string(self.env),
            problem=problem,
        )
