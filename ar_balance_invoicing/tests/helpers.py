"""What many tests need, whatever their data: people, and the counting of queries."""

from odoo import Command
from odoo.tests import new_test_user


class Helpers:
    """To be mixed into test classes that have a ``company``."""

    @classmethod
    def _make_user(cls, login, groups, company=None):
        """A user of one company with the groups of these XML ids, separated by commas."""
        company = company or cls.company
        return new_test_user(
            cls.env,
            login,
            groups=groups,
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _as(cls, user, records):
        """The records as the user sees them in his own company."""
        return records.with_user(user).with_context(allowed_company_ids=user.company_id.ids)

    def _count_queries(self, call, warm=False):
        """How many queries a call takes that finds nothing in the cache.

        :param warm: call it once before, so that what is read once for each process (access
            rights, record rules, defaults) does not count.
        """
        if warm:
            call()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        call()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before
