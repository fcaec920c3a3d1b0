from odoo import api, models
from odoo.fields import Domain

from .account_move_email import UNSENT


class ArInvoiceTaskKind(models.AbstractModel):
    """What can be done with many invoices at once: one model for each such task.

    To add a task, inherit this model under a name of your own. Nothing else names it: it
    is found by what it inherits from, whichever addon brings it::

        class ArInvoiceTaskPraise(models.AbstractModel):
            _name = "ar.invoice.task.praise"
            _inherit = ["ar.invoice.task.kind"]
            _description = "Task: Praise the Customer"
            _task = "praise"

            def _get_label(self):
                return self.env._("Praise the customers")

            def _get_domain(self, scope):
                return super()._get_domain(scope) & Domain("payment_state", "=", "paid")

            def _do(self, task, lines):
                for line in lines:
                    line.move_id.partner_id.message_post(body=self.env._("Paid!"))
                lines._mark_done()

    It is done by ``env["ar.invoice.task"].run("praise", invoices=…)``, or ``group=…``.
    """

    _name = "ar.invoice.task.kind"
    _description = "Kind of Invoice Task"

    # Value of ``ar.invoice.task.task``; a kind without is none that can be chosen.
    _task = None
    # Its place among the others.
    _sequence = 100
    # Seconds that an invoice takes, before any of a task was measured.
    _seconds = 0.02

    # ------------------------------------------------------------------
    # What it is, and what it concerns
    # ------------------------------------------------------------------

    def _get_label(self):
        """What people call it, e.g. on its button."""
        return self.env._(self._description)

    def _get_domain(self, scope):
        """Domain on ``account.move``: the customer invoices that it concerns.

        Asked when the task is made, and for each invoice again when its turn has come.

        :param scope: a value of ``ar.invoice.task.scope``
        """
        domain = Domain("state", "!=", "cancel")
        if scope == "owing":
            domain &= Domain("invoice_balance", ">", 0) | Domain("account_balance", ">", 0)
        elif scope == "not_sent":
            domain &= Domain("email_state", "in", UNSENT)
        elif scope == "failed":
            domain &= Domain("email_state", "=", "failed")
        return domain

    def _get_nothing_message(self):
        """Why it concerns no invoice of a group; goes on from “Nothing to do in …:”."""
        return self.env._("no invoice meets this.")

    def _get_left_out_reason(self):
        """Why an invoice was left out, which it does not concern or no longer."""
        return self.env._("“%s” does not concern it (any more).", self._get_label())

    # ------------------------------------------------------------------
    # What is said before it is done
    # ------------------------------------------------------------------

    @api.model
    def _get_question(self, invoices, customers, amount):
        """What is about to be done, in words and money.

        :param invoices: “38 invoices”; ``customers`` and ``amount`` likewise, in words.
        """
        return self.env._(
            "%(task)s: %(invoices)s of %(customers)s, %(amount)s.",
            task=self._get_label(),
            invoices=invoices,
            customers=customers,
            amount=amount,
        )

    @api.model
    def _get_hint(self):
        """What whoever does it should know before; False for nothing."""
        return False

    @api.model
    def _get_hindrances(self):
        """What will keep invoices from it that it concerns: ``[(domain, in words)]``.

        Domains on ``account.move``; each invoice counts with the first that it meets.
        """
        return []

    # ------------------------------------------------------------------
    # Doing it
    # ------------------------------------------------------------------

    @api.model
    def _before(self, task):
        """What is to be in order before anything is begun.

        :param task: the ``ar.invoice.task`` that is being started
        :raise UserError: what is not, and what to do
        """

    @api.model
    def _do(self, task, lines):
        """Do it for many invoices together, and mark each line; no commit.

        Any error makes it be tried line by line, each in a savepoint of its own; whoever
        raises then is failed with the error's sentence.

        :param task: the ``ar.invoice.task``
        :param lines: ``ar.invoice.task.line``; of the task's company, and concerned
        """
        raise NotImplementedError

    @api.model
    def _do_at_once(self, invoices):
        """Do what was asked for without a task, where no invoice can fail and none takes time.

        :param invoices: that it concerns
        :return: the action that says so; False to make a task of it
        """
        return False

    @api.model
    def _after_finish(self, task):
        """What is done once, when the last line was."""

    # ------------------------------------------------------------------
    # How long it takes, and what is shown then
    # ------------------------------------------------------------------

    @api.model
    def _get_seconds(self):
        """Seconds that an invoice takes, before any of a task was measured."""
        return self._seconds

    @api.model
    def _may_be_waited_for(self, task):
        """False to leave it to the background, however short it is expected to be."""
        return True

    @api.model
    def _get_result_action(self, task):
        """What to show when all went well; False for a notification."""
        return False
