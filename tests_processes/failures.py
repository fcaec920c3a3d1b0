"""Documents of every kind of failure: functions that run with Odoo's environment."""

import base64
import io

from reportlab.pdfgen import canvas

from odoo import Command, fields

ENDS_IN = "account.ir_cron_account_move_send"
# An invoice with this reference takes longer than any server allows.
DEADLY = "deadly"
STALL = f"""
CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(600);
    RETURN NEW;
END $$;
CREATE TRIGGER stall BEFORE UPDATE OF state ON account_move FOR EACH ROW
    WHEN (NEW.ref = '{DEADLY}' AND NEW.state = 'posted') EXECUTE FUNCTION stall();
"""


def only_lanes(env):
    """Odoo's own scheduled actions stand still, so that only ours take time."""
    lanes = env["ar.bulk.lanes"]._get_lanes()
    (env["ir.cron"].search([]) - lanes).active = False


def make_owner(env, name):
    """A user who may bill and write off, as long as it lasts; returns the login."""
    ann = env["res.users"].search([("login", "=", "ann")])
    ann.copy({"name": name, "login": name.lower()})
    return name.lower()


def make_bob_busy(env, count):
    """Documents of somebody who does everything right; returns their ids."""
    return [_task(env, "bob", f"Bob's {number}", "confirm") for number in range(count)]


def confirm(env, login, name):
    return _task(env, login, name, "confirm")


def archived(env):
    task = _task(env, make_owner(env, "Archie"), "Archived", "confirm")
    _owner(env, "archie").active = False
    return task


def without_right(env):
    task = _task(env, make_owner(env, "Willy"), "Without right", "confirm")
    _owner(env, "willy").group_ids = [Command.set(env.ref("base.group_user").ids)]
    return task


def elsewhere(env):
    task = _task(env, make_owner(env, "Ella"), "Elsewhere", "confirm")
    other = env["res.company"].create({"name": "Other"})
    _owner(env, "ella").write({"company_id": other.id, "company_ids": [Command.set(other.ids)]})
    return task


def unreadable(env):
    """Two were sent as PDF, and the file of one is cut off."""
    group, invoices = _group(env, "Unreadable", post=True)
    for number, invoice in enumerate(invoices):
        content = io.BytesIO()
        page = canvas.Canvas(content)
        page.drawString(50, 700, f"Page {number}")
        page.save()
        whole = content.getvalue()
        env["ir.attachment"].create(
            {
                "name": "sent.pdf",
                "datas": base64.b64encode(whole if number else whole[:500]),
                "res_model": "account.move",
                "res_field": "invoice_pdf_report_file",
                "res_id": invoice.id,
            }
        )
    return _queue(env, "ann", group, "pdf")


def no_end(env):
    """What is to be started at the end is gone meanwhile."""
    group, invoices = _group(env, "No end", post=True)
    invoices.partner_id.email = "customer@example.com"
    # It works when the task is queued, else that is refused.
    cron = env.ref(ENDS_IN)
    cron.active = True
    task = _queue(env, "ann", group, "send")
    cron.active = False
    module, name = ENDS_IN.split(".")
    env["ir.model.data"].search([("module", "=", module), ("name", "=", name)]).unlink()
    return task


def deadly(env):
    """One of three makes the server kill its worker."""
    group, invoices = _group(env, "Deadly", count=3)
    invoices[1].ref = DEADLY
    env.cr.execute(STALL)
    # So that the database ends what a killed worker has asked for, as it would soon.
    env.cr.execute(f"ALTER DATABASE {env.cr.dbname} SET client_connection_check_interval = '200ms'")
    return _queue(env, "ann", group, "confirm")


def print_all(env, count, url):
    """One PDF of so many invoices, with styles from a server; returns the task's id."""
    env["ir.config_parameter"].set_param("report.url", url)
    env["ir.config_parameter"].set_param("web.base.url", url)
    group, _invoices = _group(env, "Printed", count=count, post=True)
    return _queue(env, "ann", group, "pdf")


def _owner(env, login):
    return env["res.users"].search([("login", "=", login)])


def _task(env, login, name, task):
    group, _invoices = _group(env, name)
    return _queue(env, login, group, task)


def _group(env, name, count=2, post=False):
    """An invoice group with so many invoices."""
    customers = env["res.partner"].create(
        [{"name": f"{name} {number:03}"} for number in range(count)]
    )
    product = env["product.product"].search([("name", "=", "Weekly pick-up")])
    invoices = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [Command.create({"product_id": product.id})],
            }
            for customer in customers
        ]
    )
    if post:
        invoices.action_post()
    group = env["ar.invoice.group"].create({"name": name})
    group.add_invoices(invoices)
    return group, invoices


def _queue(env, login, group, task):
    user = _owner(env, login)
    group = group.with_user(user)
    document = group.env["ar.invoice.task"]._create_for_group(group, task)
    document._launch_in_background()
    return document.id
