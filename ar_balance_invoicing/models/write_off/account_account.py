from odoo import models
from odoo.exceptions import ValidationError


class AccountAccount(models.Model):
    _inherit = "account.account"

    def _ar_check_write_off_account(self, owner, types):
        """Refuse accounts that cannot stand for a loss, a gain or a recovery.

        :param owner: words for what uses the account, to begin a sentence with
        :param types: account types that are right
        :raise ValidationError: with a sentence about the first account that is not
        """
        names = dict(self._fields["account_type"]._description_selection(self.env))
        for account in self:
            if not account.active:
                raise ValidationError(
                    self.env._(
                        "%(owner)s: the account %(account)s is archived. Choose another one.",
                        owner=owner,
                        account=account.display_name,
                    )
                )
            if account.account_type not in types:
                raise ValidationError(
                    self.env._(
                        "%(owner)s: the account %(account)s is of the type “%(type)s”. "
                        "Choose one of these types: %(types)s.",
                        owner=owner,
                        account=account.display_name,
                        type=names[account.account_type],
                        types=", ".join(names[name] for name in types),
                    )
                )
