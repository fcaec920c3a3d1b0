"""Records as the caller of a public method names them."""

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.models import BaseModel
from odoo.tools import mute_logger


def to_records(env, model, given):
    """Records of a model: given as such, or by their ids as over the external API.

    :raise UserError: for anything else
    """
    if isinstance(given, BaseModel) and given._name == model:
        return given.with_env(env)
    ids = given if isinstance(given, (list, tuple)) else [given]
    if not all(type(number) is int and number > 0 for number in ids):
        raise UserError(
            env._(
                "%s: name the records by their ids, as a list of whole numbers.",
                env._(env[model]._description),
            )
        )
    return env[model].browse(ids)


def chosen_records(records):
    """What a person chose by a button of a list: the ticked rows, else all that the list shows.

    The web client names no more rows than ``web.active_ids_limit``; where it named so many,
    the domain of the list decides, which it sends along. So a button must say how many it is
    about to act on before it does.

    :param records: as the button was pressed for; none where no row was ticked.
    :return: records that the user may read; none where the call came from no such list.
    :raise UserError: when the domain cannot be understood.
    """
    context = records.env.context
    domain = context.get("active_domain")
    if domain is None or context.get("active_model") != records._name:
        return records
    limit = _get_ids_limit(records.env)
    if 0 < len(records) < limit:
        return records
    shown = _search_shown(records, domain)
    # More may be shown than the client names; what it did name is among them.
    return shown if records <= shown else records


def _get_ids_limit(env):
    """How many rows the client names at most, as it is told itself."""
    given = env["ir.config_parameter"].sudo().get_param("web.active_ids_limit", "20000")
    return int(given) if given.isdecimal() else 20000


def _search_shown(records, domain):
    try:
        with records.env.cr.savepoint(), mute_logger("odoo.sql_db"):
            return records.search(Domain(domain))
    except (AccessError, UserError, psycopg2.OperationalError):
        raise
    except Exception as error:
        # Any script may send any domain: each kind of nonsense fails at another place of core.
        raise UserError(
            records.env._("The filter of the list cannot be understood. Load the page again.")
        ) from error
