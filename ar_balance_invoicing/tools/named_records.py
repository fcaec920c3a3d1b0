from odoo.exceptions import UserError


def check_named_records(records, name, vals_list):
    """Refuse to link what the user may not read, before anybody learns its name by the link.

    :param records: those that are written, or their empty model
    :param name: a many2one field of theirs
    :param vals_list: what is to be written, for each record that is created
    :raise UserError: without the name, and the same whether there is such a record or not
    """
    if records.env.su:
        return
    field = records._fields[name]
    given = [vals[name] for vals in vals_list if name in vals]
    if len(given) < len(vals_list):
        given.append(records.env.context.get(f"default_{name}"))
    ids = {value for value in given if value}
    if not ids:
        return
    named = records.env[field.comodel_name]
    if all(type(value) is int for value in ids):
        named = named.browse(ids).exists()
    if len(named) != len(ids) or not named.has_access("read"):
        raise UserError(
            records.env._(
                "%(field)s: there is no such record, or you may not see it. Choose one from the "
                "list.",
                field=field._description_string(records.env),
            )
        )


def drop_unreadable_default(model, name, defaults):
    """Take out a default that the user may not read: a form would show its name.

    :param defaults: what ``default_get`` returned; the context gave it whatever it said
    """
    value = defaults.get(name)
    if value and not model.env.su:
        named = model.env[model._fields[name].comodel_name].browse(value).exists()
        if not named.has_access("read") or not named:
            del defaults[name]
    return defaults
