"""Write-offs: a clerk who may, accounts, reasons, and the ledger around them."""

from decimal import Decimal

from odoo import Command
from odoo.tools.safe_eval import safe_eval

from .common import BalanceCommon


class WriteOffCommon(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref("ar_balance_invoicing.group_write_off")
        cls.loss = cls._make_account("WOLOSS", "expense")
        cls.gain = cls._make_account("WOGAIN", "income_other")
        # Core loads the branch's chart only before a commit; what follows is to stay.
        cls.env.cr.flush()
        cls.company.write({"ar_loss_account_id": cls.loss.id, "ar_gain_account_id": cls.gain.id})
        cls.reason = cls._make_reason("Small")
        cls.reclaim = cls._make_reason("Bankrupt", tax_treatment="reclaim")
        cls.customer = cls.env["res.partner"].create({"name": "Old Debtor"})

    @classmethod
    def _make_account(cls, code, account_type, **values):
        return cls.env["account.account"].create(
            {
                "name": code,
                "code": code,
                "account_type": account_type,
                "company_ids": [Command.set(cls.company.ids)],
                **values,
            }
        )

    @classmethod
    def _make_reason(cls, name, **values):
        return cls.env["ar.write.off.reason"].create(
            {"name": name, "company_id": cls.company.id, **values}
        )

    @classmethod
    def _make_cash_basis_tax(cls):
        """15 % that falls due when the customer pays."""
        cls.company.tax_exigibility = True
        transition = cls._make_account("TRANS", "liability_current", reconcile=True)
        payable = cls._make_account("TAXPAY", "liability_current")
        tag = cls.env["account.account.tag"].create(
            {"name": "Cash basis box", "applicability": "taxes"}
        )
        repartition = [
            Command.create({"repartition_type": "base", "tag_ids": [Command.set(tag.ids)]}),
            Command.create(
                {
                    "repartition_type": "tax",
                    "account_id": payable.id,
                    "tag_ids": [Command.set(tag.ids)],
                }
            ),
        ]
        return cls.env["account.tax"].create(
            {
                "name": "Cash basis 15 %",
                "amount": 15,
                "type_tax_use": "sale",
                "tax_exigibility": "on_payment",
                "cash_basis_transition_account_id": transition.id,
                "invoice_repartition_line_ids": repartition,
                "refund_repartition_line_ids": repartition,
                "company_id": cls.company.id,
            }
        )

    @classmethod
    def _write_off(cls, invoices=None, process=True, reason=None, **criteria):
        """A document that found its lines by the criteria (or just these documents)."""
        if invoices is not None:
            criteria = {"partner_ids": [Command.set(invoices.commercial_partner_id.ids)]} | criteria
        document = cls.env["ar.write.off"].create(
            {"reason_id": (reason or cls.reason).id, "date": cls.today, **criteria}
        )
        document.action_search()
        if invoices is not None:
            document.line_ids.filtered(lambda line: line.move_id not in invoices).unlink()
        if process:
            document.action_process()
        return document

    def _listed(self, action):
        """What an action lists: the same from the button as from its address."""
        records = self.env[action["res_model"]]
        stored = self.env["ir.actions.act_window"].browse(action["id"]).domain
        by_address = safe_eval(stored, {"active_id": action["context"]["active_id"]})
        found = records.search(action["domain"])
        self.assertEqual(records.search(by_address), found)
        return found

    def _account_sum(self, *accounts):
        """Debit less credit of posted items on the accounts, by SQL."""
        ids = tuple(account.id for account in accounts)
        [(total,)] = self._ledger(
            """
            SELECT COALESCE(SUM(line.debit - line.credit), 0)::text
              FROM account_move_line line JOIN account_move move ON move.id = line.move_id
             WHERE move.state = 'posted' AND line.account_id IN %s
            """,
            ids,
        )
        return Decimal(total)

    def _tag_sum(self, tags):
        """What the tax report would show for tags."""
        rows = self._ledger(
            """
            SELECT COALESCE(SUM(line.balance), 0)::text
              FROM account_move_line line
              JOIN account_account_tag_account_move_line_rel rel
                ON rel.account_move_line_id = line.id
              JOIN account_move move ON move.id = line.move_id
             WHERE move.state = 'posted' AND rel.account_account_tag_id IN %s
            """,
            tuple(tags.ids) or (0,),
        )
        return Decimal(rows[0][0])

    def _assert_balanced(self):
        unbalanced = self._ledger(
            """
            SELECT move_id FROM account_move_line GROUP BY move_id
            HAVING SUM(balance) != 0
            """
        )
        self.assertFalse(unbalanced)


class WriteOffBatchCommon(WriteOffCommon):
    """Two clerks who may write off, and an administrator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("batch.clerk", "ar_balance_invoicing.group_write_off")
        cls.colleague = cls._make_user("batch.colleague", "ar_balance_invoicing.group_write_off")
        cls.manager = cls._make_user("batch.manager", "account.group_account_manager")

    def _batch(self, user, **values):
        return self._as(user, self.env["ar.write.off.batch"]).create(values)

    def _document(self, batch, amount=5, process=True):
        """A write-off of one invoice, recorded in the batch."""
        document = self._write_off(self._invoice(self.customer, amount), process=False)
        document.batch_id = batch.with_env(document.env)
        if process:
            document.action_process()
        return document
