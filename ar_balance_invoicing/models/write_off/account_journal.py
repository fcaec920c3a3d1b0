from odoo import models
from odoo.exceptions import ValidationError


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def _ar_check_write_off_journal(self, owner):
        """Refuse journals that are not for miscellaneous entries.

        :param owner: words for what uses the journal, to begin a sentence with
        :raise ValidationError: with a sentence about the first journal that is not
        """
        for journal in self:
            if journal.type != "general":
                raise ValidationError(
                    self.env._(
                        "%(owner)s: the journal “%(journal)s” is not for miscellaneous "
                        "operations. Choose one of that type.",
                        owner=owner,
                        journal=journal.display_name,
                    )
                )
