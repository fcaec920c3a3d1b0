"""Forged documents and real workers: nobody borrows the rights that workers have."""

import company
import pytest
from workers import Worker, click, request, run_script, serve_queue

from odoo import Command, fields

THEIRS = """
    SELECT COUNT(*) FROM account_move move JOIN res_company company ON company.id = move.company_id
     WHERE company.name = 'Theirs'
"""


def make_their_company(env):
    """Another company with drafts in a group, and an open debt; returns ids of what is there."""
    theirs = env["res.company"].create({"name": "Theirs"})
    env.user.company_ids |= theirs
    env = env(context={"allowed_company_ids": theirs.ids})
    receivable, income, loss = env["account.account"].create(
        [
            {"name": kind, "code": f"X{number}", "account_type": kind}
            for number, kind in enumerate(("asset_receivable", "income", "expense"))
        ]
    )
    sales, journal = env["account.journal"].create(
        [
            {"name": "Sales", "code": "XS", "type": "sale", "default_account_id": income.id},
            {"name": "Other", "code": "XO", "type": "general"},
        ]
    )
    theirs.ar_loss_account_id = loss
    reason = env["ar.write.off.reason"].create({"name": "Theirs"})
    customer = env["res.partner"].create(
        {"name": "Debtor of theirs", "property_account_receivable_id": receivable.id}
    )
    vals = {
        "move_type": "out_invoice",
        "journal_id": sales.id,
        "partner_id": customer.id,
        "invoice_date": fields.Date.today(),
        "invoice_line_ids": [Command.create({"name": "Pick-up", "price_unit": 90, "tax_ids": []})],
    }
    moves = env["account.move"].create([vals] * 3)
    moves[0].action_post()
    group = env["ar.invoice.group"].create({"name": "Theirs", "company_id": theirs.id})
    group.add_invoices(moves[1:])
    items = moves[0].line_ids.filtered(lambda item: item.account_id == receivable)
    return {
        "company": theirs.id,
        "group": group.id,
        "drafts": moves[1:].ids,
        "debt": moves[0].id,
        "items": items.ids,
        "journal": journal.id,
        "reason": reason.id,
    }


def make_my_group(env, login):
    """A group with two drafts of the user's own company; returns its id."""
    user = env["res.users"].search([("login", "=", login)])
    customer = env["res.partner"].search([("name", "=", "Debtor 000")])
    drafts = env["account.move"].create(
        [{"move_type": "out_invoice", "partner_id": customer.id}] * 2
    )
    group = env["ar.invoice.group"].with_user(user).create({"name": "Mine"})
    group.add_invoices(drafts)
    return group.id


def last_task(env, group):
    task = env["ar.invoice.task"].search([("group_id", "=", group)], order="id desc", limit=1)
    return task.id, task.line_ids.ids


@pytest.fixture
def theirs(books):
    run_script(company.always_queue)
    return run_script(make_their_company)


def attack(user, *calls):
    """Each call is refused with a sentence; none is a server error."""
    outcomes = [Worker(request, user, *call).result() for call in calls]
    for call, outcome in zip(calls, outcomes, strict=True):
        assert outcome.crash is None, f"{call}: {outcome.crash}"
    return [call for call, outcome in zip(calls, outcomes, strict=True) if not outcome.refusal]


def work(books):
    for _worker in range(2):
        Worker(serve_queue, 100).value()


def test_nobody_deletes_another_companys_drafts(books, theirs):
    """A task that was queued rightly is turned to other drafts, and others are forged."""
    ann = books.user("ann")
    before = books.value(THEIRS)
    group = run_script(make_my_group, "ann")
    click(ann, "ar.invoice.group", "action_delete_drafts", [group])
    task, lines = run_script(last_task, group)
    aim = {"company_id": theirs["company"], "group_id": theirs["group"]}
    forged = {
        "name": "Delete",
        "task": "delete",
        "state": "queued",
        "user_id": 1,
        "line_ids": [[0, 0, {"move_id": draft}] for draft in theirs["drafts"]],
    }
    done = attack(
        ann,
        ("ar.invoice.task.line", "write", [lines[0]], {"move_id": theirs["drafts"][0]}),
        ("ar.invoice.task", "write", [task], {**aim, "user_id": 1}),
        ("ar.invoice.task", "write", [task], {"user_id": 1}),
        ("ar.invoice.task", "create", {**forged, **aim}),
        ("ar.invoice.task", "create", {**forged, "group_id": group}),
    )
    work(books)
    assert books.value(THEIRS) == before, "their drafts are gone"
    assert not done, "not refused"
    assert books.value("SELECT user_id FROM ar_invoice_task WHERE id = %(id)s", id=task) == ann
    assert books.value("SELECT state FROM ar_invoice_task WHERE id = %(id)s", id=task) == "done"
    left = "SELECT COUNT(*) FROM account_move WHERE invoice_group_id = %(id)s"
    assert books.value(left, id=group) == 0, "her own drafts were to be deleted"


def test_nobody_posts_in_another_companys_books(books, theirs):
    """A reviewed write-off is turned to another company's invoice and journal."""
    bob = books.user("bob")
    before = books.value(THEIRS)
    document = run_script(company.new_write_off, "bob", 0, 3)
    line = books.value(
        "SELECT MIN(id) FROM ar_write_off_line WHERE document_id = %(id)s", id=document
    )
    aim = {
        "company_id": theirs["company"],
        "journal_id": theirs["journal"],
        "reason_id": theirs["reason"],
    }
    target = {
        "move_id": theirs["debt"],
        "item_ids": [[6, 0, theirs["items"]]],
        "amount_residual": 90,
        "amount_residual_company": 90,
        "amount": 90,
    }
    done = attack(
        bob,
        *(("ar.write.off.line", "write", [line], {name: target[name]}) for name in target),
        ("ar.write.off.line", "write", [line], target),
        ("ar.write.off", "write", [document], {**aim, "user_id": 1, "state": "queued"}),
        ("ar.write.off", "write", [document], {"user_id": 1, "state": "queued"}),
        ("ar.write.off", "create", {**aim, "user_id": 1, "state": "queued"}),
        (
            "ar.write.off.line",
            "create",
            {**target, "document_id": document, "partner_id": 1, "currency_id": 1},
        ),
    )
    work(books)
    assert books.value(THEIRS) == before, "there is an entry in their books"
    assert not done, "not refused"
    assert books.value("SELECT state FROM ar_write_off WHERE id = %(id)s", id=document) == "draft"
    # What he reviewed is still what he can write off.
    click(bob, "ar.write.off", "action_process", [document])
    work(books)
    assert books.value("SELECT state FROM ar_write_off WHERE id = %(id)s", id=document) == "done"
    assert books.value(THEIRS) == before
