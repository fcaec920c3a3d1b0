"""What a button answers: a notification, a form, a pop-up (stands in until the lead's comes)."""


def notification(env, title, message="", warning=False, sticky=None):
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "type": "warning" if warning else "success",
            "sticky": warning if sticky is None else sticky,
            "title": title,
            "message": message,
            "next": {"type": "ir.actions.client", "tag": "soft_reload"},
        },
    }


def form(record, title=None, target="current"):
    action = {
        "type": "ir.actions.act_window",
        "res_model": record._name,
        "res_id": record.id,
        "views": [(False, "form")],
        "target": target,
    }
    return {**action, "name": title} if title else action


def pop_up(env, model, title, context):
    return {
        "type": "ir.actions.act_window",
        "name": title,
        "res_model": model,
        "views": [(False, "form")],
        "target": "new",
        "context": context,
    }
