"""Anything that can be sent over RPC, by anybody: a sentence, and the books as they were."""

import logging
import os
import random
import re
import reprlib
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common import new_seed
from ..rights_common import (
    ADDON,
    ELSEWHERE,
    KINDS,
    MODULE,
    POWERLESS,
    RightsCommon,
    public_methods,
    stored_models,
)

_logger = logging.getLogger(__name__)

CALLS = int(os.environ.get("AR_CALLS") or 2000)
ROUND = 4
# Methods of Odoo's that write what they are given.
WRITING = ("create", "write", "web_save")
CORE_METHODS = (
    *(WRITING * 2),
    "unlink",
    "copy",
    "read",
    "web_read",
    "onchange",
    "name_create",
    "name_search",
    "load",
    "search",
    "search_read",
    "web_search_read",
    "formatted_read_group",
)
SEARCHING = ("search", "search_read", "web_search_read", "formatted_read_group", "name_search")
# Models of core whose fields of ours are searched.
SEARCHED = ("account.move", "res.partner", "account.move.line", "res.company")

# Who has rights comes further, so he calls more often.
CALLERS = (*KINDS, "invoicing", "write_off", "accountant", "admin")
LONG = "x" * 100_000
HUGE = 2**63
NUMBERS = [0, 1, -1, 2**31, HUGE, -HUGE, 10**40, 0.004, 1e308, float("inf"), float("nan")]
TEXTS = ["", " ", "\x00", "a\x00b", LONG, "0", "1e999", "NaN", "1,5", "%", "'", "\ud800", "é"]
DATES = ["2026-02-30", "9999-12-31", "0001-01-01", "2026-01-01 25:00:00", "today", "=1d"]
OTHERS = [None, True, False, [], {}, [[]], [None], ["x"], {"id": 1}, {"a": {"b": []}}, [{}]]
ANYTHING = [*NUMBERS, *TEXTS, *DATES, *OTHERS]
# Typed where conditions are typed; elsewhere as good a text as any.
CONDITIONS = [
    "[",
    "[('id', 'in', ['x'])]",
    "[('invoice_date', '=', 'soon')]",
    "[('account_balance', '>', 'much')]",
    "[('email_state', 'in', [[]])]",
    "[('no_such_field', '=', 1)]",
    "[('line_ids', 'any', [('id', '=', {})])]",
    "1+" * 4000 + "1",
    "__import__('os')",
]
OPERATORS = [
    *("=", "!=", "<", "<=", ">", ">=", "in", "not in"),
    *("like", "ilike", "=like", "=ilike", "not ilike", "=?", "any", "not any", "child_of"),
]
CONTEXTS = {
    "active_id": ANYTHING,
    "active_ids": ANYTHING,
    "active_model": ANYTHING,
    "active_test": [False],
    "allowed_company_ids": [[], [HUGE], ["x"], [0], None],
    "ar_candidates": ANYTHING,
    "ar_periods_since": ANYTHING,
    "ar_inside": [True, 1, "INSIDE", {}],
    "ar_write_off_batch_action": [True, {}],
    "ar_matched_apart": [True],
    "ar_notes": [[], {}, True, "x"],
    "ar_sequence_formats": [{}, [], True, "x"],
    "ar_write_off_id": ANYTHING,
    "lang": ["xx_XX", "de_DE", "", None, 5, "\x00"],
    "skip_invoice_sync": [True],
    "check_move_validity": [False],
    "tracking_disable": [True],
    "tz": ["Nowhere/Land", "", 5, "Pacific/Kiritimati"],
}


class Caught(logging.Handler):
    """Errors that code of ours has logged: what nobody foresaw and the user is told softly."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.records = []

    def emit(self, record):
        self.records.append(record)


class Calls:
    """Draws calls: who, what, on which records, with which arguments and context."""

    def __init__(self, test):
        self.env = test.env(su=True)
        self.models = stored_models(self.env)
        methods = sorted(public_methods(self.env))
        self.targets = [
            *[(m, n) for m, n in methods if n not in CORE_METHODS],
            *[(m, n) for m in self.models for n in CORE_METHODS],
            *[(m, n) for m in SEARCHED for n in SEARCHING] * 2,
            *[(m, n) for m, n in methods if m not in self.models],
        ]
        self.new_vals = test._get_new_vals()
        self.deleted = test.deleted_id
        self._ids = {}
        self._own = {}

    # --- records ----------------------------------------------------------------

    def known_ids(self, model):
        """Ids of all companies' records, those of our documents first."""
        if model not in self._ids:
            records = self.env[model].with_context(active_test=False)
            self._ids[model] = records.search([], limit=60, order="id desc").ids or [HUGE]
        return self._ids[model]

    def one_id(self, model):
        right = st.sampled_from(self.known_ids(model))
        wrong = st.sampled_from([0, -1, 2**31, HUGE, 999_999, self.deleted])
        return st.one_of(right, right, right, wrong)

    def ids(self, model):
        """What comes as the records of a call: mostly one that there is."""
        one = self.one_id(model).map(lambda number: [number])
        several = st.lists(self.one_id(model), max_size=3)
        return st.one_of(one, one, one, several)

    # --- values -----------------------------------------------------------------

    def own_fields(self, model):
        if model not in self._own:
            fields = self.env[model]._fields
            self._own[model] = sorted(n for n, f in fields.items() if MODULE in (f._modules or ()))
        return self._own[model] or ["display_name"]

    def value(self, model, name, depth=0):
        """A value for a field: right, or of any kind."""
        field = self.env[model]._fields.get(name)
        anything = st.sampled_from(ANYTHING)
        if field is None:
            return anything
        return st.one_of(self._right_value(field, depth), anything)

    def _right_value(self, field, depth):
        kind = field.type
        if kind in ("many2one", "many2one_reference"):
            return self.one_id(field.comodel_name) if field.comodel_name else st.just(1)
        if kind in ("one2many", "many2many"):
            return st.lists(self._command(field, depth), max_size=2)
        amounts, extremes = st.floats(-1e6, 1e6), st.sampled_from([1e15, -1e15, 1e-9, 0.005])
        if kind == "selection":
            values = field.get_values(self.env) or ["x"]
            return st.sampled_from(values)
        return {
            "boolean": st.booleans(),
            "integer": st.one_of(st.integers(-5, 500), st.sampled_from([2**31 - 1, 1 - 2**31])),
            "float": st.one_of(amounts, amounts, extremes),
            "monetary": st.one_of(amounts, amounts, extremes),
            "date": st.sampled_from(["2026-01-01", "1900-01-01", "2199-12-31", "2026-12-31"]),
            "datetime": st.sampled_from(["2026-01-01 10:00:00", "1900-01-01 00:00:00"]),
        }.get(kind, st.sampled_from(["Text", "<b>Text</b>", "a, b", *CONDITIONS]))

    def _command(self, field, depth):
        """A command of a one2many or many2many, half of them malformed."""
        one = self.one_id(field.comodel_name)
        vals = self.vals(field.comodel_name, depth + 1) if depth < 1 else st.just({})
        right = st.one_of(
            st.tuples(st.just(0), st.just(0), vals),
            st.tuples(st.just(1), one, vals),
            st.tuples(st.sampled_from([2, 3, 4]), one, st.just(0)),
            st.tuples(st.just(6), st.just(0), st.lists(one, max_size=2)),
        ).map(list)
        junk = [[], [0], [0, 0], [0, 0, None], [0, 0, [1]], [1], [1, 2], [2], [3], [4], [4, "x"]]
        junk += [[4, HUGE, 0], [5], [6], [6, 0], [6, 0, None], [6, 0, ["x"]], [6, 0, 5], [7]]
        junk += ["x", 5, None, {}, [None, None, None], ["4", 1, 0], [6, 0, [HUGE]], [4, None, 0]]
        return st.one_of(right, st.sampled_from(junk))

    @st.composite
    @staticmethod
    def _vals(draw, calls, model, depth):
        names = draw(st.lists(st.sampled_from(calls.own_fields(model)), max_size=2, unique=True))
        if draw(st.integers(0, 19)) == 10:
            names.append(draw(st.sampled_from(["no_such_field", "id", "create_uid", ""])))
        return {name: draw(calls.value(model, name, depth)) for name in names}

    def vals(self, model, depth=0):
        return self._vals(self, model, depth)

    @st.composite
    @staticmethod
    def _values_to_write(draw, calls, model, new):
        """What comes as the values of create or write: mostly a dictionary."""
        if draw(st.integers(0, 14)) == 8:
            return draw(st.sampled_from([None, [], "x", 5, [None], ["x"], [[]], {"": 1}]))
        vals = draw(calls.vals(model))
        return {**calls.new_vals.get(model, {}), **vals} if new else vals

    @st.composite
    @staticmethod
    def _domain(draw, calls, model):
        # Those that we search ourselves more often.
        ours = [n for n in calls.own_fields(model) if calls.env[model]._fields[n].search]
        name = draw(st.sampled_from([*calls.own_fields(model), "id", "display_name", *ours * 5]))
        if draw(st.integers(0, 14)) == 8:
            return draw(st.sampled_from(ANYTHING))
        operator = draw(st.sampled_from(OPERATORS))
        value = draw(calls.value(model, name))
        if operator in ("in", "not in") or draw(st.integers(0, 9)) == 7:
            value = [value]
        domain = [[name, operator, value]]
        return ["!", *domain] if draw(st.booleans()) else domain

    # --- calls ------------------------------------------------------------------

    @st.composite
    @staticmethod
    def _arguments(draw, calls, model, method):
        """Arguments after the records, as they come over RPC."""
        names = st.lists(st.sampled_from(calls.own_fields(model)), max_size=3)
        spec = names.map(lambda fields: {name: {} for name in fields})
        anything = st.sampled_from(ANYTHING)
        domain = calls._domain(calls, model)
        written = calls._values_to_write(calls, model, method == "create")
        invoices = st.one_of(calls.ids("account.move"), anything)
        tasks = st.one_of(st.sampled_from(["confirm", "mark_sent", "send", "delete"]), anything)
        drawn = {
            "add_invoices": [invoices],
            "remove_invoices": [invoices],
            "run": [tasks, invoices],
            "create": [written],
            "write": [written],
            "web_save": [written, spec],
            "copy": [st.one_of(st.just(None), written)],
            "copy_data": [st.one_of(st.just(None), written)],
            "default_get": [st.one_of(names, anything)],
            "read": [st.one_of(names, anything)],
            "web_read": [spec],
            "onchange": [written, names, spec],
            "name_create": [anything],
            "name_search": [anything, domain],
            "load": [
                st.one_of(names, anything),
                st.lists(st.lists(anything.map(str), max_size=3), max_size=2),
            ],
            "search": [domain],
            "search_read": [domain, names],
            "web_search_read": [domain, spec],
            "formatted_read_group": [domain, names, names.map(lambda n: [f"{i}:sum" for i in n])],
        }.get(method, [])
        arguments = [draw(argument) for argument in drawn]
        if not drawn and draw(st.integers(0, 19)) == 10:
            arguments = [draw(anything)]
        return arguments

    @st.composite
    @staticmethod
    def _context(draw, calls, model):
        context = {}
        if draw(st.integers(0, 2)) == 2:
            name = draw(st.sampled_from(calls.own_fields(model)))
            context[f"default_{name}"] = draw(calls.value(model, name))
        if draw(st.integers(0, 3)) == 2:
            key = draw(st.sampled_from(sorted(CONTEXTS)))
            context[key] = draw(st.sampled_from(CONTEXTS[key]))
        return context

    @st.composite
    @staticmethod
    def _call(draw, calls, model, method):
        """(arguments, keyword arguments, values that are typed first or None)"""
        arguments = draw(calls._arguments(calls, model, method))
        function = getattr(type(calls.env[model]), method)
        on_records = not getattr(function, "_api_model", False)
        if on_records:
            arguments = [draw(calls.ids(model)), *arguments]
        context = draw(calls._context(calls, model))
        typed = None
        acts = model in calls.models and method not in (*CORE_METHODS, "default_get")
        if acts and on_records and draw(st.booleans()):
            typed = draw(calls.vals(model))
        return arguments, {"context": context} if context else {}, typed

    def call(self, model, method):
        return self._call(self, model, method)

    def schedule(self, rounds, rnd):
        """``[(kind of user, model, method)]``: each method is called before any again."""
        targets = []
        while len(targets) < rounds:
            targets += rnd.sample(self.targets, len(self.targets))
        return [(rnd.choice(CALLERS), *target) for target in targets[:rounds]]


@tagged("post_install", "-at_install")
class TestPublicSurface(RightsCommon):
    """What is called an error of ours: a server error (no sentence of Odoo's user-facing kinds)

    - with a line of this addon anywhere in its traceback, the last of which does not just
      hand on to core (``super()``) what it was asked, or
    - of a ``create``, ``write`` or ``web_save`` of a model of ours, where values are checked
      by us or by nobody, or
    - that code of ours has logged as unexpected, telling the user something softer.

    What core does with nonsense before it comes to us (no such method, too few arguments)
    is core's. Records are named by numbers: that of no record, a deleted one, one of another
    company, zero, or a number that no table can hold.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = new_seed()
        cls.wizards = cls._make_wizards()
        cls.env.flush_all()

    def test_no_call_is_answered_by_a_server_error_or_changes_what_it_may_not(self):
        _logger.info("Random calls: AR_SEED=%s", self.seed)
        calls = Calls(self)
        self.words, self.reached = Counter(), set()
        self.found = {}
        schedule = calls.schedule(-(-CALLS // ROUND), random.Random(self.seed))
        for number, target in enumerate(schedule):
            self._make_calls(calls, self.seed + number, *target)
        _logger.info(
            "%s calls of %s methods: %s",
            self.words.total(),
            len(self.reached),
            dict(self.words),
        )
        # What has no arguments to choose is called less often.
        self.assertGreaterEqual(self.words.total(), CALLS * 0.9)
        # Else it would prove nothing: all kinds of answers are among them.
        for word in ("ok", "access", "user", "missing"):
            self.assertGreater(self.words[word], CALLS / 200, word)
        self.assertFalse(
            self.found,
            f"AR_SEED={self.seed}\n"
            + "\n".join(f"{what}\n    {call}" for what, call in sorted(self.found.items())),
        )

    def _make_calls(self, calls, number, kind, model, method):
        """Some calls of one method by one user: hypothesis would dwell on it longer."""

        @seed(number)
        @settings(
            max_examples=ROUND, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        @given(calls.call(model, method))
        def make(call):
            self._make_call(kind, model, method, *call)

        make()

    def _make_call(self, kind, model, method, arguments, options, typed):
        shown = self._show(kind, model, method, arguments, options)
        with self._undone(), self._catching() as caught:
            self._set_the_scene(method)
            if typed is not None:
                shown = f"{typed!r:.300} is typed, then {shown}"
                arguments = self._type(kind, model, arguments, typed, shown)
            scope = kind if kind in (*POWERLESS, *ELSEWHERE, "invoicing", "accountant") else None
            before, whole = self._checksum(kind), self._checksum()
            attempt = self._attempt(kind, model, method, arguments, options)
            self.words[attempt.word] += 1
            self.reached.add((model, method))
            if attempt.word != "ok":
                self._compare(whole, None, f"A refused {method}", shown)
            elif scope:
                self._compare(before, kind, f"{model}.{method} as {kind}", shown)
        if leak := self._get_leak(kind, attempt):
            told = attempt.describe() if attempt.error else "the answer"
            self._note(f"{kind} is told the name “{leak}” in {told}", shown)
        for record in caught.records:
            error = record.exc_info and record.exc_info[1]
            self._note(f"logged as unexpected: {type(error).__name__}: {error}", shown)
        strict = method in WRITING and model in stored_models(self.env)
        if attempt.word == "crash" and (strict or attempt.is_ours()):
            self._note(attempt.describe(), shown)

    def _set_the_scene(self, method):
        if method == "action_print":
            # Left to the workers: it is not to be printed here.
            self._leave_all_to_workers()

    def _type(self, kind, model, arguments, typed, shown):
        """Write the values into the record first, or open a window with them; its arguments."""
        if self.env[model]._transient:
            vals = {**self._get_wizard_vals()[model], **typed}
            attempt = self._attempt(kind, model, "create", [vals])
            if attempt.word == "ok":
                arguments = [[attempt.value], *arguments[1:]]
        else:
            attempt = self._attempt("admin", model, "write", [arguments[0], typed])
        if attempt.word == "crash":
            self._note(attempt.describe(), shown)
        return arguments

    def _compare(self, before, kind, what, shown):
        after = self._checksum(kind)
        changed = sorted(table for table in before if before[table] != after[table])
        if changed:
            self._note(f"{what} changed {', '.join(changed)}", shown)

    def _note(self, what, shown):
        """Of alike findings the shortest call is kept."""
        what = re.sub(r"\((\d+|NewId\S*)?(, \S+)*\)", "(…)", re.sub(r"'[^']*'", "'…'", what))[:400]
        if what not in self.found or len(shown) < len(self.found[what]):
            self.found[what] = shown

    def _catching(self):
        return Catching()

    def _show(self, kind, model, method, arguments, options):
        short = reprlib.Repr()
        short.maxstring = short.maxother = 60
        short.maxlevel = 6
        short.maxdict = short.maxlist = 12
        return f"{kind}: {model}.{method}({short.repr(arguments)}, {short.repr(options)})"


class Catching:
    """Keeps Odoo's log quiet, and what code of ours has logged as an error."""

    def __enter__(self):
        self.handler = Caught()
        self.logger = logging.getLogger(ADDON.rstrip("."))
        self.logger.addHandler(self.handler)
        self.quiet = mute_logger("odoo", "py.warnings")
        self.quiet.__enter__()
        return self.handler

    def __exit__(self, *error):
        self.quiet.__exit__(*error)
        self.logger.removeHandler(self.handler)


@tagged("post_install", "-at_install")
class TestTypedAtTheEnds(RightsCommon):
    """What a field takes, what is done with it must take too: nobody reads a traceback."""

    ENDS = {
        "boolean": (True,),
        "date": ("1900-01-01", "2199-12-31"),
        "float": (10**15, -(10**15), 0.000001),
        "integer": (2**31 - 1, 1 - 2**31, 0),
        "monetary": (10**15, -(10**15), 0.001),
    }

    def _type_and_do(self, kind, record, values, *calls):
        """Write values, or not if they are refused; then call methods; no server error."""
        what = f"{record._name} {values!r:.200}"
        with self.subTest(what), self._undone(), Catching() as caught:
            attempt = self._attempt(kind, record._name, "write", [record.ids, values])
            self.assertNotEqual(attempt.word, "crash", attempt.describe())
            for model, method, arguments in calls:
                attempt = self._attempt(kind, model, method, arguments)
                self.assertNotEqual(attempt.word, "crash", f"{method}: {attempt.describe()}")
            self.assertFalse([record.getMessage() for record in caught.records])

    def _ends(self, record, *names):
        """Values at the ends, one field at a time."""
        for name in names or sorted(record._fields):
            field = record._fields[name]
            if MODULE not in (field._modules or ()) or field.readonly or not field.store:
                continue
            for value in self.ENDS.get(field.type, ()):
                yield {name: value}

    def test_criteria_of_a_write_off(self):
        # Not searched yet, when its criteria may be written.
        document = self._as("write_off", self.draft_write_off).copy().with_env(self.env)
        window = self._as("write_off", self.env["ar.write.off.search"]).create({})
        for record, methods in (
            (document, ("action_search", "action_process", "export_xlsx")),
            (window.with_env(self.env), ("action_search",)),
        ):
            calls = [(record._name, method, [record.ids]) for method in methods]
            for values in self._ends(record):
                if "aging_days" in values:
                    values["aging_choice"] = "other"
                self._type_and_do("write_off", record, values, *calls)
            for name in ("%", ",", " , ", "\\", "a" * 5000, ("ab " * 300)):
                self._type_and_do("write_off", record, {"partner_name": name}, *calls)

    def test_a_line_of_a_write_off(self):
        line = self.draft_write_off.line_ids
        process = ("ar.write.off", "action_process", [line.document_id.ids])
        for values in self._ends(line):
            self._type_and_do("write_off", line, values, process)

    def test_a_billing_profile(self):
        period = self.period
        fees = {"late_fee_fixed": 5, "late_fee_product_id": self.pickup.id}
        self._invoice(self.customers["service_only"], 55, days_ago=300)
        calls = [
            ("ar.billing.profile", "action_make_periods", [self.profile.ids]),
            ("ar.billing.period", "action_list_customers", [period.ids]),
        ]
        for values in self._ends(self.profile):
            self._type_and_do("admin", self.profile, {**fees, **values}, *calls)

    def test_the_scheduled_action_goes_on_with_any_profile(self):
        """What is odd about one profile keeps no other from being billed."""
        next_one = self._make_profile("Next", auto_create=True, anchor_date=self.today)
        self._serve(self._make_customers("Next customer", profile=next_one))
        self.profile.auto_create = True
        crons = ("ir_cron_make_billing_periods", "ir_cron_create_invoices")
        for values in self._ends(self.profile):
            with self.subTest(values), self._undone():
                self._attempt("admin", "ar.billing.profile", "write", [self.profile.ids, values])
                with mute_logger("odoo"), self.enter_registry_test_mode():
                    for name in crons:
                        self.env.ref(f"{MODULE}.{name}").method_direct_trigger()
                self.env.invalidate_all()
                runs = self.env["ar.billing.run"].search([("profile_id", "=", next_one.id)])
                self.assertEqual(runs.mapped("state"), ["queued"])

    def test_services_and_periods(self):
        service = self.env["ar.billing.service"].search([], limit=1)
        run = self.listed_run
        calls = [
            ("ar.billing.period", "action_list_customers", [self.period.ids]),
            ("ar.billing.run", "create_invoices", [run.ids]),
        ]
        for record in (service, run.period_id):
            for values in self._ends(record):
                self._type_and_do("admin", record, values, *calls)

    def test_a_batch(self):
        self._as("write_off", self.failed_write_off.line_ids).action_leave_out()
        batch = self.done_write_off.batch_id
        calls = [
            ("ar.write.off.batch", method, [batch.ids])
            for method in ("action_close", "export_xlsx")
        ]
        for values in self._ends(batch):
            self._type_and_do("write_off", batch, values, *calls)

    def test_conditions_that_nobody_understands(self):
        """Typed into Add Invoices: a sentence, while one types and when one adds."""
        for text in CONDITIONS:
            vals = {
                **self._get_wizard_vals()["ar.invoice.group.add"],
                "source": "search",
                "domain": text,
            }
            with self.subTest(text[:40]), self._undone():
                spec = {"found_count": {}, "domain": {}}
                arguments = [[], vals, ["domain"], spec]
                attempt = self._attempt("invoicing", "ar.invoice.group.add", "onchange", arguments)
                self.assertNotEqual(attempt.word, "crash", attempt.describe())
                attempt = self._attempt("invoicing", "ar.invoice.group.add", "create", [vals])
                self.assertNotEqual(attempt.word, "crash", attempt.describe())
                if attempt.word != "ok":
                    continue
                for method in ("read", "action_add"):
                    arguments = [[attempt.value]]
                    told = self._attempt("invoicing", "ar.invoice.group.add", method, arguments)
                    self.assertNotEqual(told.word, "crash", told.describe())
                self.assertEqual(told.word, "user", "nothing is added by such conditions")
