"""One record of every model of ours, and the people who come by."""

from odoo import Command

from .invoice_group_common import GroupCommon

MODULE = "ar_balance_invoicing"


class EveryModelCommon(GroupCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ar_write_off_batch_mode = "manual"
        cls.records = cls._make_one_of_each()

    @classmethod
    def _make_one_of_each(cls):
        """``{model: record}``; every record hangs together with the others."""
        customer = cls._make_customers("Dora", email="dora@example.com")
        service = cls._serve(customer)
        overdue = cls._invoice(customer, 30, days_ago=90)
        run = cls._run()
        run._start()
        invoice = run.line_ids.move_id
        invoice._post(soft=False)
        cls.group.add_invoices(invoice | overdue)
        batch = cls.env["ar.write.off.batch"].create({"name": "Spring"})
        cls.env.user.ar_default_write_off_batch_id = batch
        write_off = cls._write_off(overdue)
        cls.group.action_mark_as_sent()
        fee = cls.env["ar.late.fee"]._create_inside(
            {
                "overdue_move_id": overdue.id,
                "period_id": cls.period.id,
                "fee_move_id": invoice.id,
            }
        )
        mapping = cls.env["ar.write.off.reason.tax"].create(
            {
                "reason_id": cls.reason.id,
                "tax_id": cls.tax_sale_a.id,
                "bad_debt_tax_id": cls.tax_sale_b.id,
            }
        )
        cls._serve(cls._make_customers("Emil"))
        unbilled = cls.env["ar.unbilled.days"].search([], limit=1)
        records = [
            *(invoice.billing_place_ids, service.billed_day_ids, unbilled),
            *(cls.profile, cls.period, service, run, run.line_ids, run.line_ids.charge_ids, fee),
            *(cls.group, cls.group.task_ids, cls.group.task_ids.line_ids[:1]),
            *(cls.reason, mapping, batch, write_off, write_off.line_ids),
            *cls._make_own_money(write_off),
            *cls._make_windows(run, write_off, invoice),
        ]
        return {record._name: record[:1] for record in records}

    @classmethod
    def _make_own_money(cls, write_off):
        line = write_off.line_ids
        item = line.item_ids[:1]
        return [
            cls.env["ar.write.off.credit"]._create_inside(
                {
                    "document_id": write_off.id,
                    "partner_id": line.partner_id.id,
                    "company_id": line.company_id.id,
                    "account_id": item.account_id.id,
                    "currency_id": line.currency_id.id,
                    "item_id": item.id,
                    "amount": 3,
                }
            ),
            cls.env["ar.write.off.application"]._create_inside(
                {"line_id": line.id, "currency_id": line.currency_id.id, "amount": 3}
            ),
        ]

    @classmethod
    def _make_windows(cls, run, write_off, invoice):
        return [
            cls.env["ar.create.invoices"].create(
                {"profile_id": cls.profile.id, "period_id": cls.period.id}
            ),
            cls.env["ar.create.invoices.confirm"].create({"run_ids": [Command.set(run.ids)]}),
            cls.env["ar.billing.customers.add"].create({"profile_id": cls.profile.id}),
            cls.env["ar.billing.run.ask"]._create_inside({"run_id": run.id, "task": "undo"}),
            cls.env["ar.billing.service.add"].create({"profile_id": cls.profile.id}),
            cls.env["ar.billing.service.change"].create({"percent": 3}),
            cls.env["ar.give.away"].create({"note": "Goodwill"}),
            cls.env["ar.write.off.take.back"].create(
                {"line_ids": [Command.set(write_off.line_ids.ids)]}
            ),
            cls.env["ar.invoice.group.add"].create({"invoice_ids": [Command.set(invoice.ids)]}),
            cls.env["ar.invoice.task.ask"]._create_inside(
                {
                    "task": "mark_sent",
                    "scope": "all",
                    "invoice_ids": [Command.set(invoice.ids)],
                }
            ),
            cls.env["ar.write.off.search"].create({"balance_below": 5}),
            cls.env["ar.write.off.process"].create({"document_id": write_off.id}),
            cls.env["ar.write.off.batch.move"].create(
                {
                    "line_ids": [Command.set(write_off.line_ids.ids)],
                    "batch_id": write_off.batch_id.id,
                }
            ),
        ]

    @classmethod
    def _get_own_models(cls):
        """All models of this addon, abstract ones too."""
        return [model for model in cls.env.values() if model._original_module == MODULE]

    @classmethod
    def _get_extended_models(cls):
        """Models of other addons with fields or methods of this one."""
        return [
            model
            for model in cls.env.values()
            if model._original_module != MODULE and get_own_parts(model)
        ]


def is_written(part):
    """Whether a class of a model stands in somebody's source, and is not put together of such."""
    return "_original_module" not in vars(part)


def get_own_parts(model):
    """The classes of a model that stand in this addon."""
    return [
        part
        for part in type(model).__mro__
        if is_written(part) and vars(part).get("_module") == MODULE
    ]
