from collections import defaultdict

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..tools import counted
from ..tools.client_actions import form


class ArInvoiceTaskAsk(models.TransientModel):
    """The pop-up before something is done with many invoices: what, with how many, how much.

    What it says is what is done: with these invoices and no others, though more may be added
    to the group meanwhile; what is settled by then is left out.
    """

    _name = "ar.invoice.task.ask"
    _description = "Confirm an Invoice Task"
    _inherit = ["ar.guarded"]
    _person_creates = False
    _person_writes = False

    task = fields.Char(required=True, readonly=True)
    scope = fields.Char(required=True, readonly=True)
    group_id = fields.Many2one("ar.invoice.group", readonly=True, ondelete="cascade")
    invoice_ids = fields.Many2many("account.move", string="Invoices", readonly=True)
    question = fields.Text(readonly=True, help="What is about to be done, in words and money.")
    left_out = fields.Text(readonly=True, help="What is left out, and why.")

    @api.model
    def _ask(self, task, scope, invoices, group=None):
        """Open the pop-up.

        :param invoices: what was chosen; all of the group with ``group``.
        :raise UserError: when nothing of it can be done, with why.
        """
        invoices._ar_check_invoicing_rights()
        tasks = self.env["ar.invoice.task"]
        kind = tasks._get_kind_of(task)
        concerned = tasks._find_concerned(kind, scope, invoices)
        doable, hindered = self._set_hindered_aside(kind, concerned)
        left_out = hindered + self._get_unconcerned(tasks, kind, invoices - concerned, group)
        if not doable:
            raise UserError(self._get_nothing_message(kind, left_out, group))
        wizard = self._create_inside(
            {
                "task": task,
                "scope": scope,
                "group_id": group and group.id,
                "invoice_ids": [Command.set((invoices if not group else concerned).ids)],
                "question": self._get_question(kind, doable),
                "left_out": "\n".join(left_out),
            }
        )
        return form(wizard, kind._get_label(), target="new")

    @api.model
    def _set_hindered_aside(self, kind, invoices):
        """``(invoices that can be done, [sentences about others])``; a query for each reason."""
        sentences = []
        for domain, words in kind._get_hindrances():
            found = invoices.search(Domain("id", "in", invoices.ids) & domain)
            if found:
                sentences.append(self._say(len(found), words))
            invoices -= found
        return invoices, sentences

    @api.model
    def _get_unconcerned(self, tasks, kind, invoices, group):
        """Sentences about what was chosen and is none of this task."""
        reasons = {}
        for invoice in invoices:
            reason = tasks._get_left_out_reason(kind, invoice)
            reasons[reason] = reasons.get(reason, 0) + 1
        return [self._say(count, reason) for reason, count in reasons.items()]

    @api.model
    def _say(self, count, reason):
        return counted.sentence(
            self.env._(
                "%(invoices)s left out: %(reason)s",
                invoices=counted.invoices(self.env, count),
                reason=reason[:1].lower() + reason[1:],
            )
        )

    @api.model
    def _get_nothing_message(self, kind, left_out, group):
        if group:
            text = " ".join(left_out) or counted.sentence(kind._get_nothing_message())
            return self.env._(
                "Nothing to do in “%(group)s”: %(text)s", group=group.display_name, text=text
            )
        text = " ".join(left_out) or self.env._("no invoice is ticked.")
        return self.env._("Nothing to do: %s", text)

    @api.model
    def _get_question(self, kind, invoices):
        """A sentence for each company, each currency on its own; drafts are called drafts."""
        amounts = self._get_amounts(invoices)
        rows = self.env["account.move"]._read_group(
            [("id", "in", invoices.ids)],
            ["company_id"],
            [
                "__count",
                "commercial_partner_id:count_distinct",
                "state:array_agg_distinct",
                "amount_total_signed:min",
                "amount_total_signed:max",
            ],
        )
        sentences = []
        for company, count, customers, states, *ends in rows:
            count_words = counted.drafts if states == ["draft"] else counted.invoices
            money = ", ".join(amounts[company])
            if not any(ends):
                some = invoices.filtered(lambda move, owner=company: move.company_id == owner)
                money = self._say_accounts(some, company.currency_id)
            question = kind._get_question(
                count_words(self.env, count), counted.customers(self.env, customers), money
            )
            prefix = f"{company.display_name}: " if len(rows) > 1 else ""
            sentences.append(f"{prefix}{question}")
        hint = kind._get_hint()
        return "\n".join([*sentences, *([hint] if hint else [])])

    @api.model
    def _get_amounts(self, invoices):
        """``{company: ["$ 12.00", "CA$ 286.40"]}``: what the invoices come to."""
        rows = self.env["account.move"]._read_group(
            [("id", "in", invoices.ids)],
            ["company_id", "currency_id"],
            ["amount_total_in_currency_signed:sum"],
        )
        amounts = defaultdict(list)
        for company, currency, amount in rows:
            amounts[company].append(currency.format(amount))
        return amounts

    @api.model
    def _say_accounts(self, invoices, currency):
        """Of invoices of zero, what their accounts owe: each customer once.

        :param currency: of the invoices' one company
        """
        owed = {move.commercial_partner_id: move.account_balance for move in invoices}
        return self.env._(
            "%(nothing)s; their accounts owe %(owed)s",
            nothing=currency.format(0),
            owed=currency.format(currency.round(sum(owed.values()))),
        )

    def action_do(self):
        """Do what was said, with what it was said of.

        :raise UserError: when it was done meanwhile, by somebody else.
        """
        self.ensure_one()
        tasks, invoices = self.env["ar.invoice.task"], self.invoice_ids.exists()
        kind = tasks._get_kind_of(self.task)
        concerned = tasks._find_concerned(kind, self.scope, invoices)
        if concerned and not self.group_id and (done := kind._do_at_once(concerned)):
            return done
        return tasks._run(
            self.task, self.scope, invoices=invoices, group=self.group_id
        )._get_result_action()
