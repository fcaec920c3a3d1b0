from odoo import models


class ArBillingProfile(models.Model):
    _inherit = "ar.billing.profile"

    def _prepare_group_options(self, period):
        """Values of a run of this profile: where its invoices are put by default."""
        self.ensure_one()
        values = {"group_split": self.group_split}
        if self.group_policy == "fixed":
            values["invoice_group_id"] = self.invoice_group_id.id
        elif self.group_policy == "period":
            values["group_name"] = self._get_group_name(period)
        return values

    def _get_group_name(self, period):
        """What the invoice group of a period is called."""
        return f"{self.name} {period.display_name}"


class ArBillingRun(models.Model):
    """A billing run puts its invoices straight into invoice groups."""

    _inherit = "ar.billing.run"

    def _get_default_group_name(self):
        return self.profile_id._get_group_name(self.period_id) if self.period_id else False

    def _set_group(self, group, name, split):
        """What the pop-up asked: an existing group, or the name of one, or neither."""
        self._write_inside(
            {"invoice_group_id": group.id, "group_name": not group and name, "group_split": split}
        )

    def _before_start(self):
        self._assign_groups()
        return super()._before_start()

    def _assign_groups(self):
        """Say on each line in which group its invoice will be."""
        name = self.invoice_group_id.name or self.group_name
        if not name:
            return
        lines = self._get_lines("todo").filtered(lambda line: not line.invoice_group_id)
        if not self.group_split:
            group = self.invoice_group_id or self._find_group(name)
            lines._write_inside({"invoice_group_id": group.id})
            return
        labels = dict(lines._fields["balance_class"]._description_selection(self.env))
        for balance_class, alike in lines.grouped("balance_class").items():
            group = self._find_group(f"{name} · {labels[balance_class]}")
            alike._write_inside({"invoice_group_id": group.id})

    def _find_group(self, name):
        return self.env["ar.invoice.group"]._find_or_create(name, self.company_id)
