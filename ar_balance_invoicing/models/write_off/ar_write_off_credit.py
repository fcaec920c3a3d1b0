from odoo import fields, models


class ArWriteOffCredit(models.Model):
    """An open credit of a customer, as it was when his debts were reviewed.

    Unapplied payments, credit notes, whatever else the account holds in the customer's favour.
    """

    _name = "ar.write.off.credit"
    _description = "Open Credit"
    _inherit = ["ar.guarded"]
    _order = "document_id, partner_id, date, id"
    _person_creates = _person_writes = _person_deletes = False

    document_id = fields.Many2one(
        "ar.write.off",
        string="Write-Off",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade"
    )
    # The document may be reset and changed, and is not to be kept from it.
    item_id = fields.Many2one(
        "account.move.line",
        string="Journal Item",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    move_id = fields.Many2one(related="item_id.move_id", string="Document")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="cascade", help="Whose item it is."
    )
    account_id = fields.Many2one(
        "account.account", required=True, readonly=True, ondelete="cascade"
    )
    date = fields.Date(readonly=True, help="When it is due, else when it was booked.")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    amount = fields.Monetary(readonly=True, help="What was open, in its own currency; positive.")
    amount_company = fields.Monetary(
        string="Amount (company)",
        readonly=True,
        currency_field="company_currency_id",
        help="At the rate at which it was booked.",
    )
