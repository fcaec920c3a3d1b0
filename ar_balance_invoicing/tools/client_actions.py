"""What a button answers to the web client."""


def notification(title, message="", *, warning=False, sticky=None, next_action=None):
    """Say what became of it, and show the screen behind it anew, or another one.

    :param title: a sentence; the web client puts a full stop behind it.
    :param sticky: stays until it is closed; by default a warning does.
    """
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "type": "warning" if warning else "success",
            "sticky": warning if sticky is None else sticky,
            "title": title.removesuffix("."),
            "message": message,
            "next": next_action or show_anew(),
        },
    }


def show_anew():
    """Read the screen again, and leave its search and page as they are."""
    return {"type": "ir.actions.client", "tag": "soft_reload"}


def form(record, title=None, *, view=None, target="current"):
    """Open one record.

    :param view: XML id of the form, if it is not the model's own.
    """
    view_id = record.env.ref(view).id if view else False
    return {
        "type": "ir.actions.act_window",
        "name": title or record.display_name,
        "res_model": record._name,
        "res_id": record.id,
        "views": [(view_id, "form")],
        "target": target,
    }


def pop_up(model, title, context=None):
    """Open a new, empty record in a pop-up.

    :param context: ``default_…`` of its fields.
    """
    return {
        "type": "ir.actions.act_window",
        "name": title,
        "res_model": model,
        "views": [(False, "form")],
        "target": "new",
        "context": context or {},
    }


def records(env, action, title, domain, context=None):
    """Open an action of ours (or of core) on some records.

    :param action: XML id.
    """
    return {
        **env["ir.actions.act_window"]._for_xml_id(action),
        "display_name": title,
        "domain": list(domain),
        "context": context or {},
    }
