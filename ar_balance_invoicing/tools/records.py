"""Records as the caller of a public method names them."""

from odoo.exceptions import UserError
from odoo.models import BaseModel


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
