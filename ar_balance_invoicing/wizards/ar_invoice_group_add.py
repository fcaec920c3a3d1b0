import logging
from ast import literal_eval

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import clean_context, format_date, mute_logger

from ..tools import counted
from ..tools.balance_class import OTHER
from ..tools.client_actions import form, notification

_logger = logging.getLogger(__name__)

# So many groups are named, where invoices are in others.
MOST_NAMED = 5


class ArInvoiceGroupAdd(models.TransientModel):
    """The pop-up of Add to Invoice Group: which group, and which invoices."""

    _name = "ar.invoice.group.add"
    _description = "Add to Invoice Group"
    _inherit = ["ar.guarded"]

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    source = fields.Selection(
        [("ticked", "Ticked invoices"), ("search", "Invoices that are searched here")],
        required=True,
        default="ticked",
    )
    choice = fields.Selection(
        [("new", "A new group"), ("existing", "An existing group")],
        string="Add to",
        required=True,
        default="new",
    )
    name = fields.Char(
        compute="_compute_name",
        store=True,
        readonly=False,
        precompute=True,
    )
    group_id = fields.Many2one(
        "ar.invoice.group",
        string="Invoice Group",
        domain="[('company_id', '=', company_id)]",
    )
    invoice_ids = fields.Many2many("account.move", string="Ticked")

    # --- what is searched -------------------------------------------------------

    profile_id = fields.Many2one(
        "ar.billing.profile",
        string="Billing Profile",
        domain="[('company_id', '=', company_id)]",
    )
    period_id = fields.Many2one(
        "ar.billing.period",
        string="Billing Period",
        compute="_compute_period_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('profile_id', '=', profile_id)]",
    )
    domain = fields.Char(string="Further Conditions", default="[]")

    # --- what was found ---------------------------------------------------------

    found_count = fields.Integer(string="Invoices", compute="_compute_counts")
    here_count = fields.Integer(string="In This Group Already", compute="_compute_counts")
    elsewhere_count = fields.Integer(string="In Another Group", compute="_compute_counts")
    elsewhere = fields.Selection(
        [("leave", "Leave them there"), ("move", "Move them here")],
        string="Those in Another Group",
        required=True,
        default="move",
    )
    elsewhere_text = fields.Char(
        compute="_compute_counts", help="In which other groups they are, and how many in each."
    )

    @api.depends("invoice_ids")
    def _compute_name(self):
        """What all invoices have in common: class, profile and period; else the day."""
        classes = dict(
            self.env["account.move"]._fields["balance_class"]._description_selection(self.env)
        )
        for wizard in self:
            found, periods = wizard._get_common()
            names = []
            if len(found) == 1 and found[0] not in (False, OTHER):
                names.append(classes[found[0]])
            if len(periods) == 1 and periods[0]:
                names.append(f"{periods[0].profile_id.name} {periods[0].display_name}")
            else:
                names.append(format_date(self.env, fields.Date.context_today(wizard)))
            wizard.name = wizard._get_free_name(" · ".join(names))

    def _get_free_name(self, name):
        """A name that no group of the company has yet: two alike cannot be told apart."""
        known = self.env["ar.invoice.group"].search(
            [("company_id", "=", self.company_id.id), ("name", "=like", f"{name}%")]
        )
        taken, number, free = set(known.mapped("name")), 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        return free

    def _get_common(self):
        """``([balance class], [billing period])`` that occur among what is ticked."""
        rows = self.env["account.move"]._read_group(
            [("id", "in", self.invoice_ids.ids)], ["balance_class", "billing_period_id"]
        )
        return list({row[0] for row in rows}), list({row[1] for row in rows})

    @api.depends("profile_id")
    def _compute_period_id(self):
        for wizard in self:
            if wizard.period_id.profile_id != wizard.profile_id:
                wizard.period_id = False

    @api.depends("source", "invoice_ids", "choice", "group_id", "profile_id", "period_id", "domain")
    def _compute_counts(self):
        for wizard in self:
            domain = wizard._get_domain()
            groups = dict(
                self.env["account.move"]._read_group(domain, ["invoice_group_id"], ["__count"])
            )
            target = wizard.group_id if wizard.choice == "existing" else wizard.group_id.browse()
            wizard.found_count = sum(groups.values())
            wizard.here_count = groups.get(target, 0) if target else 0
            free = groups.get(self.env["ar.invoice.group"], 0)
            wizard.elsewhere_count = wizard.found_count - wizard.here_count - free
            others = {group: count for group, count in groups.items() if group and group != target}
            wizard.elsewhere_text = wizard._name_groups(others)

    @api.model
    def _name_groups(self, counts):
        """“July (10), August (2)”, the largest first, and how many more there are."""
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        names = [f"{group.display_name} ({count:,})" for group, count in ordered[:MOST_NAMED]]
        if len(ordered) > MOST_NAMED:
            names.append(self.env._("… and %s more", len(ordered) - MOST_NAMED))
        return ", ".join(names)

    def _get_domain(self):
        """Domain on ``account.move``: the invoices that are to be added."""
        self.ensure_one()
        if self.source == "ticked":
            return Domain("id", "in", self.invoice_ids.ids)
        sales = self.env["account.move"].get_sale_types(include_receipts=True)
        domain = Domain(
            [("company_id", "=", self.company_id.id), ("move_type", "in", sales)]
        ) & Domain("state", "!=", "cancel")
        if self.profile_id:
            domain &= Domain("billing_profile_id", "=", self.profile_id.id)
        if self.period_id:
            domain &= Domain("billing_period_id", "=", self.period_id.id)
        return domain & self._get_condition()

    def _get_condition(self):
        """The typed conditions.

        :raise UserError: when they are no domain of invoices
        :raise AccessError: when they ask for what the user may not read
        """
        try:
            return self._parse_condition(self.domain or "[]")
        except (AccessError, UserError, psycopg2.OperationalError):
            raise
        except Exception as error:
            # Whatever was typed: each kind of nonsense fails at another place of core,
            # and in another way.
            _logger.info("conditions of invoices: %r", error)
            raise UserError(
                self.env._(
                    "The conditions of invoices cannot be understood. Choose them in the list of "
                    "conditions, each with a field of invoices and a value of its kind."
                )
            ) from error

    def _parse_condition(self, text):
        """A domain of invoices that the database understands.

        Many a mistake (a text where a number belongs) is noticed by the database only, so
        it is asked for one invoice.
        """
        invoices = self.env["account.move"]
        condition = Domain(literal_eval(text))
        if not condition.is_true():
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                invoices.search(condition, limit=1)
        return condition

    def action_add(self):
        """Add the invoices, and open the group.

        :raise UserError: when there is no invoice, no group, or an invoice of another company.
        """
        self.ensure_one()
        # Defaults meant for this window must not end up on the group.
        self = self.with_context(clean_context(self.env.context))
        invoices = self._get_invoices()
        group = self._get_group()
        moved = self.elsewhere == "move" and invoices.filtered("invoice_group_id").grouped(
            "invoice_group_id"
        )
        added = group.add_invoices(invoices, move_others=self.elsewhere == "move")
        if not added:
            raise UserError(self._get_nothing_added_message(invoices))
        counts = {other: len(some) for other, some in (moved or {}).items() if other != group}
        if not counts:
            return form(group)
        message = notification(
            self.env._("%s moved here", counted.invoices(self.env, sum(counts.values()))),
            self.env._("From: %s", self._name_groups(counts)),
        )
        message["params"]["next"] = form(group)
        return message

    def _get_nothing_added_message(self, invoices):
        if len(invoices) == 1:
            return self.env._(
                "This invoice is in a group already. Choose to move it if that is another group, "
                "or tick others."
            )
        return self.env._(
            "All %(count)s invoices are in a group already. Choose to move those that are "
            "in another group, or tick others.",
            count=len(invoices),
        )

    def _get_invoices(self):
        if self.source == "search" and not self.profile_id and self._get_condition().is_true():
            raise UserError(
                self.env._(
                    "Choose a billing profile or type a condition: without any, all invoices there "
                    "are would be added."
                )
            )
        invoices = self.env["account.move"].search(self._get_domain())
        if not invoices:
            raise UserError(self.env._("No invoice is ticked or found."))
        return invoices

    def _get_group(self):
        if self.choice == "existing":
            if not self.group_id:
                raise UserError(self.env._("Choose the invoice group."))
            return self.group_id
        if not (self.name or "").strip():
            raise UserError(self.env._("Type a name for the new invoice group."))
        return self.env["ar.invoice.group"].create(
            {"name": self.name.strip(), "company_id": self.company_id.id}
        )
