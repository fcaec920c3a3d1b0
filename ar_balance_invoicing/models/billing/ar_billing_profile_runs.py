import logging
from datetime import timedelta

import psycopg2

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

_logger = logging.getLogger(__name__)

# How long a period that was not billed on its day is still billed automatically.
DAYS_TO_CATCH_UP = 31
REMINDER = "mail.mail_activity_data_todo"


class ArBillingProfile(models.Model):
    """How a profile is billed: by hand, or when its day has come."""

    _inherit = "ar.billing.profile"

    def action_create_invoices(self):
        """Open the first window of Create Invoices for this profile."""
        self.ensure_one()
        self.check_access("read")
        self.env["ar.billing.run"].check_access("create")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ar_balance_invoicing.ar_create_invoices_action"
        )
        return {**action, "context": {"default_profile_id": self.id}}

    def _bill_automatically(self, today):
        """Queue the runs of the periods due, with the rights of the responsible user.

        What is wrong with one profile stops no other: its responsible user, or whoever
        made it, is reminded of it.
        """
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                self._make_periods()
                periods = self._get_periods_due(today)
                if not periods:
                    return
                if problem := self._get_responsible_problem():
                    raise UserError(problem)
                for period in periods.with_env(self._as_responsible().env):
                    runs = period.env["ar.billing.run"]
                    runs._create_for_period(period)._launch_in_background()
                self.activity_unlink([REMINDER])
        except psycopg2.OperationalError:
            raise  # another transaction was faster
        except Exception as error:
            profile = self._as_responsible() if self.user_id else self
            self._remind_of_failure(profile.env["ar.billing.run"]._explain(error))

    def _as_responsible(self):
        """The profile with the rights, language and company of its responsible user."""
        user, company = self.user_id, self.company_id
        return (
            self.with_user(user)
            .with_company(company)
            .with_context(allowed_company_ids=company.ids, lang=user.lang, tz=user.tz)
        )

    def _remind_of_failure(self, reason):
        """Ask somebody to look after what was not billed; once, however often it fails."""
        try:
            with self.env.cr.savepoint():
                self.activity_unlink([REMINDER])
                user = self._get_person_to_tell()
                if user:
                    self.activity_schedule(
                        REMINDER,
                        summary=self.env._("Not billed automatically"),
                        note=plaintext2html(reason),
                        user_id=user.id,
                    )
                else:
                    self._message_log(body=plaintext2html(reason))
        except psycopg2.OperationalError:
            raise
        except Exception:
            # The other profiles are to be billed all the same.
            _logger.exception("%s: nobody could be told (%s)", self.name, reason)

    def _get_person_to_tell(self):
        """The first of the responsible user and who made the profile that can still open it."""
        for user in self.user_id | self.create_uid:
            if user.active and self.company_id in user.company_ids:
                profile = self.with_user(user)
                if profile.with_context(allowed_company_ids=self.company_id.ids).has_access("read"):
                    return user
        return self.env["res.users"]

    def _get_periods_due(self, today):
        """Periods whose invoice date has come (less the lead days) and that nobody billed.

        None from before the profile was made: a new profile bills no past by itself.
        """
        self.ensure_one()
        made_on = fields.Datetime.context_timestamp(self, self.create_date).date()
        earliest = max(made_on, today - timedelta(days=DAYS_TO_CATCH_UP))
        periods = self.env["ar.billing.period"].search(
            [
                ("profile_id", "=", self.id),
                ("invoice_date", ">=", earliest),
                ("invoice_date", "<=", today + timedelta(days=self.lead_days)),
            ],
            order="date_from",
        )
        # A list that somebody only looked at bills nobody.
        runs = self.env["ar.billing.run"].search(
            [("period_id", "in", periods.ids), ("state", "not in", ("draft", "cancelled"))]
        )
        return periods - runs.period_id
