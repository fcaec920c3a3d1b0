"""No name of ours hides one that Odoo counts on."""

import ast
import inspect
import re
import textwrap

from odoo.fields import Field
from odoo.models import BaseModel
from odoo.tests import TransactionCase, tagged

from ..access_common import get_own_parts, is_written

# Attributes that say what a model is: each model has its own.
SETTINGS = {
    "_abstract",
    "_auto",
    "_check_company_auto",
    "_description",
    "_field_definitions",
    "_inherit",
    "_module",
    "_name",
    "_order",
    "_rec_name",
    "_rec_names_search",
    "_register",
    "_table_object_definitions",
    "_transient",
}
# (model, name): why it may replace what it hides.
REPLACED = {
    ("*", "_compute_display_name"): "core's takes _rec_name, and these have no field of that kind",
    ("ar.write.off.reason", "_check_company_domain"): "core's own for what branches share",
    ("ar.billing.period", "_search_display_name"): "the name is computed, from its dates",
}


def is_special(name):
    return name.startswith("__") or "__" in name[1:]


@tagged("post_install", "-at_install")
class TestNames(TransactionCase):
    def _get_names(self):
        """Yield (model, class of ours, name, value, what it hides in other addons or core)."""
        for model in self.env.values():
            own, lineage = get_own_parts(model), type(model).__mro__
            for part in own:
                behind = lineage[lineage.index(part) + 1 :]
                foreign = [other for other in behind if is_written(other) and other not in own]
                for name, value in vars(part).items():
                    # The first that had the name says how it is called.
                    hidden = [vars(other)[name] for other in foreign if name in vars(other)]
                    yield model, part, name, value, hidden[-1] if hidden else None

    def test_our_classes_are_found(self):
        names = {(model._name, name) for model, _part, name, _value, _hidden in self._get_names()}
        self.assertLess(
            {
                ("account.move", "_post"),
                ("account.move", "invoice_group_id"),
                ("ar.write.off.batch", "action_close"),
                ("ar.write.off.batch.move", "action_move"),
            },
            names,
        )

    def test_methods_that_hide_one_call_it(self):
        stale = set(REPLACED)
        for model, part, name, value, hidden in self._get_names():
            if hidden is None or is_special(name) or name in SETTINGS:
                continue
            listed = {(model._name, name), ("*", name)} & REPLACED.keys()
            if listed:
                stale -= listed
                continue
            with self.subTest(model=model._name, name=name, file=part.__module__):
                self._check_hidden(name, value, hidden)
        self.assertFalse(stale, "these hide nothing any more, or call it")

    def _check_hidden(self, name, value, hidden):
        if isinstance(hidden, property):
            self.assertIsInstance(value, property)
            value, hidden = value.fget, hidden.fget
        if isinstance(value, Field):
            self.assertIsInstance(hidden, Field, "a field hides something else")
            self.assertEqual(value.type, hidden.type, "a field becomes one of another type")
            return
        self.assertTrue(callable(value) and callable(hidden), f"{value!r} hides {hidden!r}")
        self.assertTrue(calls_super(value, name), "the method of Odoo is never called")
        self.assertTrue(
            takes_the_same(value, hidden),
            f"{inspect.signature(value)} is called as {inspect.signature(hidden)}",
        )

    def test_no_method_is_named_as_a_field(self):
        for model, part, name, value, _hidden in self._get_names():
            if name in model._fields and not isinstance(value, Field):
                self.fail(f"{part.__module__}: {name} is a field of {model._name}")

    def test_what_we_add_to_odoos_models_is_named_by_one_convention(self):
        """See docs/architecture.md, Names."""
        for model, part, name, value, hidden in self._get_names():
            if hidden is not None or part._name != model._name or is_special(name):
                continue
            if model._name.startswith("ar.") or name in SETTINGS:
                continue
            with self.subTest(model=model._name, name=name, file=part.__module__):
                self.assertTrue(is_named_by_convention(model, name, value))

    def test_the_making_of_demo_data_is_no_model(self):
        """It would be in every production database."""
        self.assertFalse([name for name in self.env if name.startswith("ar.demo")])

    def test_the_check_sees_what_it_is_for(self):
        """The very mistake that made invoice groups unusable, and its kind."""
        hidden = vars(BaseModel)["_check_company"]
        self.assertFalse(calls_super(Wrong._check_company, "_check_company"))
        self.assertFalse(takes_the_same(Wrong._check_company, hidden))
        self.assertTrue(calls_super(Right._check_company, "_check_company"))
        self.assertTrue(takes_the_same(Right._check_company, hidden))


class Wrong:
    def _check_company(self):
        return self


class Right:
    def _check_company(self, fnames=None):
        return super()._check_company(fnames)


# Fields that people see are called by words of our trade; these are in each of them.
WORDS = re.compile(
    r"balance|account_|billing|invoice_group|written?_off|write_off|customer_tag|email_(?:state|error|problem)"
    r"|days_overdue|amount_due_account|total_due|draft_match"
)
# Models full of everybody's settings.
SETTINGS_MODELS = ("res.company", "res.config.settings", "res.users")
BY_FIELD = re.compile(r"^_(?:compute|search|inverse|check|default|onchange)_(\w+)$")


def is_named_by_convention(model, name, value):
    if isinstance(value, Field):
        settings = model._name in SETTINGS_MODELS
        return name.startswith("ar_") if settings else bool(WORDS.search(name))
    if match := BY_FIELD.match(name):
        return match[1].startswith("ar_") or bool(WORDS.search(match[1]))
    return name.startswith(("_ar_", "action_"))


def calls_super(function, name):
    """Whether ``super().name`` or ``super(…).name`` stands in a function."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", None) == "super"
        for node in ast.walk(tree)
    )


def takes_the_same(function, hidden):
    """Whether a function can be called in every way that the hidden one can."""
    mine = inspect.signature(inspect.unwrap(function)).parameters.values()
    kinds = {parameter.kind for parameter in mine}
    theirs = list(inspect.signature(inspect.unwrap(hidden)).parameters.values())
    rest = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    mine = [own for own in mine if own.kind not in rest]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        passed_on = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        theirs = [other for other in theirs if other.kind not in passed_on]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        passed_on = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
        theirs = [other for other in theirs if other.kind not in passed_on]
    return (
        [(parameter.name, parameter.kind) for parameter in mine[: len(theirs)]]
        == [(parameter.name, parameter.kind) for parameter in theirs]
        and all(
            own.default is not own.empty
            for own, other in zip(mine, theirs, strict=False)
            if other.default is not other.empty
        )
        and all(own.default is not own.empty for own in mine[len(theirs) :])
    )
