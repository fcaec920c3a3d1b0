from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..tools.client_actions import notification
from ..tools.sentences import listed

# Named in the history of a profile; the others are counted.
MOST_NOTED = 100


class ArBillingCustomersAdd(models.TransientModel):
    """The pop-up of Add Customers and Set Billing Profile: who is billed by a profile."""

    _name = "ar.billing.customers.add"
    _description = "Add Customers to a Billing Profile"
    _inherit = ["ar.guarded"]

    profile_id = fields.Many2one("ar.billing.profile", string="Billing Profile")
    source = fields.Selection(
        [("search", "Customers that are searched here"), ("chosen", "Chosen customers")],
        required=True,
        default="search",
    )
    partner_ids = fields.Many2many("res.partner", string="Chosen", context={"active_test": False})
    name = fields.Char(help="Part of the name, of the reference or of the e-mail address.")
    category_ids = fields.Many2many(
        "res.partner.category", string="Tags", help="Customers who have one of these tags."
    )
    move_others = fields.Boolean(
        string="Move Those of Another Profile",
        help="Customers who have another billing profile are billed by this one from now on. "
        "No day of a service is billed twice by that.",
    )

    # --- what was found ---------------------------------------------------------

    summary = fields.Char(compute="_compute_found")
    new_names = fields.Text(string="Who", compute="_compute_found")
    elsewhere_names = fields.Text(string="In Another Profile", compute="_compute_found")
    left_out = fields.Text(compute="_compute_found")

    @api.depends("profile_id", "source", "partner_ids", "name", "category_ids", "move_others")
    def _compute_found(self):
        for wizard in self:
            adding, elsewhere, here, left_out = wizard._get_found()
            wizard.summary = self.env._(
                "To be added: %(new)s · in this profile already: %(here)s · in another: %(others)s",
                new=len(adding),
                here=len(here),
                others=len(elsewhere),
            )
            names = listed(self.env, adding, lambda partner: partner.display_name)
            wizard.new_names = names and names.replace("\n", "; ")
            wizard.elsewhere_names = listed(
                self.env,
                elsewhere,
                lambda partner: (
                    f"{partner.display_name}: {partner.sudo().billing_profile_id.display_name}"
                ),
            )
            wizard.left_out = listed(
                self.env,
                list(left_out.items()),
                lambda item: f"{item[0].display_name} {item[1]}",
            )

    def _get_found(self):
        """Whom the window is about, in the profile's company.

        :return: ``(to be added, those of another profile, those here already, {left out: why})``
        """
        company = self.profile_id.company_id or self.env.company
        if self.source == "chosen":
            found, left_out = self.partner_ids._origin._ar_get_accounts(company)
        else:
            partners = self.env["res.partner"].with_company(company)
            found, left_out = partners.search(self._get_domain(company), order="name, id"), {}
        here = found.filtered(lambda partner: partner.billing_profile_id == self.profile_id)
        if not self.profile_id:
            here = here.browse()
        elsewhere = found.filtered("billing_profile_id") - here
        adding = found - here if self.move_others else found - here - elsewhere
        return adding, elsewhere, here, left_out

    def _get_domain(self, company):
        """Domain on ``res.partner``: customers with an account, as they are searched here.

        Who was never invoiced is found by his name or his tags only.
        """
        domain = Domain(self.env["res.partner"]._check_company_domain(company)) & (
            Domain("is_company", "=", True) | Domain("parent_id", "=", False)
        )
        text = (self.name or "").strip()
        if text:
            domain &= (
                Domain("complete_name", "ilike", text)
                | Domain("ref", "ilike", text)
                | (Domain("email", "ilike", text))
            )
        if self.category_ids:
            domain &= Domain("category_id", "in", self.category_ids._origin.ids)
        if not text and not self.category_ids:
            domain &= Domain("customer_rank", ">", 0) | Domain("billing_service_ids", "!=", False)
        return domain

    def action_add(self):
        """Give the profile to the customers, and write into its history who they are.

        :raise UserError: without a profile, and when nobody is to be added.
        """
        self.ensure_one()
        profile = self.profile_id
        if not profile:
            raise UserError(self.env._("Choose the billing profile."))
        if not profile.active:
            raise UserError(self.env._("The billing profile “%s” is archived.", profile.name))
        adding, elsewhere, _here, _left_out = self._get_found()
        if not adding:
            raise UserError(
                self.env._(
                    "Nobody is to be added. Search for others, or choose to move those who have "
                    "another billing profile."
                )
            )
        moved = (adding & elsewhere).grouped("billing_profile_id")
        for former, customers in moved.items():
            self._note(former, self.env._("Moved to “%s”", profile.name), customers)
        adding.write({"billing_profile_id": profile.id})
        self._note(profile, self.env._("Customers added"), adding)
        return notification(
            self.env._(
                "Customers added to “%(profile)s”: %(count)s",
                profile=profile.name,
                count=len(adding),
            ),
            self.env._("Left out:\n%s", self.left_out) if self.left_out else "",
        )

    def _note(self, profile, what, customers):
        """Tell in a profile's history which customers came or went; one message for all."""
        names = [partner.display_name for partner in customers[:MOST_NOTED]]
        if len(customers) > MOST_NOTED:
            names.append(self.env._("… and %s more", len(customers) - MOST_NOTED))
        # Whoever may give a profile to a customer may not change the profile itself.
        profile.sudo()._message_log(
            body=Markup("%s (%s)<br/>%s") % (what, len(customers), "; ".join(names)),
            author_id=self.env.user.partner_id.id,
        )
