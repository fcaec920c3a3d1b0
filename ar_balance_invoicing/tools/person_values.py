"""Values as people and programs send them to a field, checked before they are stored."""

import json
import math

from odoo import fields
from odoo.fields import Command
from odoo.models import BaseModel

MAX_CHARACTERS = {"char": 10_000, "text": 100_000, "html": 100_000}
MAX_INTEGER = 2**31 - 1
# No ledger holds it, and above it binary fractions have no cents.
MAX_AMOUNT = 10.0**15
YEARS = range(1900, 2200)


class BadValue(ValueError):
    """Says in a sentence what is wrong with a value."""


def check_value(field, value, env):
    """Refuse a value that a field cannot hold, or cannot be meant to.

    :return: ids of the records that it names, which are to be looked up
    :raise BadValue: with a sentence
    """
    if value is None or value is False or field.type not in CHECKS:
        return ()
    return CHECKS[field.type](field, value, env) or ()


def _check_text(field, value, env):
    if not isinstance(value, str):
        raise BadValue(env._("this is no text."))
    _check_characters(value, env)
    if len(value) > MAX_CHARACTERS[field.type]:
        raise BadValue(
            env._(
                "the text has %(count)s characters. Up to %(limit)s are kept: shorten it.",
                count=len(value),
                limit=MAX_CHARACTERS[field.type],
            )
        )


def _check_characters(text, env):
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValue(env._("the text has a character that is none.")) from None
    if "\0" in text:
        raise BadValue(env._("the text has an invisible character (NUL). Type it anew."))


def _check_selection(field, value, env):
    if not isinstance(value, str) or value not in field.get_values(env):
        raise BadValue(env._("“%s” is none of the choices.", _show(value)))


def _check_integer(_field, value, env):
    number = _to_number(value, env)
    if number != int(number):
        raise BadValue(env._("%s is no whole number.", _show(value)))
    if abs(number) > MAX_INTEGER:
        raise BadValue(env._("%s is too large.", _show(value)))


def _check_amount(_field, value, env):
    if abs(_to_number(value, env)) > MAX_AMOUNT:
        raise BadValue(env._("%s is too large.", _show(value)))


def _to_number(value, env):
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadValue(env._("“%s” is no number.", _show(value)))
    return number


def _check_date(field, value, env):
    convert = fields.Date.to_date if field.type == "date" else fields.Datetime.to_datetime
    try:
        day = convert(value)
    except (ValueError, TypeError, AttributeError, OverflowError):
        day = None
    if not day:
        raise BadValue(env._("“%s” is no date.", _show(value)))
    if day.year not in YEARS:
        raise BadValue(env._("the year %(year)s is not between 1900 and 2199.", year=day.year))


def _check_json(_field, value, env):
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise BadValue(env._("this cannot be stored.")) from None
    if not isinstance(value, dict) or "\\u0000" in text or len(text) > MAX_CHARACTERS["text"]:
        raise BadValue(env._("this cannot be stored."))
    if not all(_is_share(share) for key, share in value.items() if key != "__update__"):
        raise BadValue(env._("this is no distribution: each account has its percentage."))


def _is_share(share):
    return type(share) in (int, float) and abs(share) <= MAX_AMOUNT


def _check_many2one(field, value, env):
    if not isinstance(value, BaseModel):
        return _check_ids([value], env)
    if value._name != field.comodel_name or len(value) > 1:
        raise BadValue(env._("this is no record of the right kind."))
    return value.ids


def _check_x2many(field, value, env):
    if isinstance(value, BaseModel):
        if value._name != field.comodel_name:
            raise BadValue(env._("these are no records of the right kind."))
        return value.ids
    if not isinstance(value, (list, tuple)):
        raise BadValue(env._("this is no list of records."))
    ids = []
    for command in value:
        # Defaults may be plain ids.
        ids += [command] if type(command) is int else _get_linked_ids(command, env)
    return _check_ids(ids, env)


def _get_linked_ids(command, env):
    """Ids that a command for a list of records names; those of its values are checked there."""
    well_formed = isinstance(command, (list, tuple)) and 0 < len(command) <= 3
    code = command[0] if well_formed else None
    if type(code) not in (int, Command) or code not in range(7):
        raise BadValue(env._("this is no list of records."))
    more = (*command[1:], 0, 0)
    wanted = {Command.CREATE: dict, Command.UPDATE: dict, Command.SET: (list, tuple)}.get(code)
    if wanted and not isinstance(more[1], wanted):
        raise BadValue(env._("this is no list of records."))
    if code == Command.SET:
        return list(more[1])
    return [more[0]] if code not in (Command.CREATE, Command.CLEAR) else []


def _check_ids(ids, env):
    for record_id in ids:
        if type(record_id) is not int:
            raise BadValue(env._("“%s” is no record.", _show(record_id)))
        if not 0 < record_id <= MAX_INTEGER:
            raise BadValue(env._("there is no record %s.", _show(record_id)))
    return ids


def _show(value):
    """A value in a sentence, cut where it gets long."""
    try:
        text = str(value).replace("\0", "")
    except (ValueError, RecursionError):  # a number of thousands of digits
        return "…"
    return text if len(text) <= 40 else f"{text[:40]}…"


CHECKS = {
    "char": _check_text,
    "text": _check_text,
    "html": _check_text,
    "selection": _check_selection,
    "integer": _check_integer,
    "float": _check_amount,
    "monetary": _check_amount,
    "date": _check_date,
    "datetime": _check_date,
    "json": _check_json,
    "many2one": _check_many2one,
    "one2many": _check_x2many,
    "many2many": _check_x2many,
}
