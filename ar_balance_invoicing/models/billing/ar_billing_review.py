from collections import defaultdict

from odoo import Command, api, fields, models


class ArBillingReview(models.AbstractModel):
    """What was reviewed is what is billed: compares candidates with what would be made now.

    Charges are asked for again right before the invoices are made. Whoever would be billed
    otherwise than listed comes back as failed, with what he would be billed now; *Retry* then
    bills that. Another account balance alone changes nothing but what the zero policy says.
    For billing runs, which inherit it.
    """

    _name = "ar.billing.review"
    _description = "Review of Billing Candidates"

    fallen_text = fields.Char(compute="_compute_fallen_text")

    @api.depends("line_ids.state", "line_ids.amount_fallen")
    def _compute_fallen_text(self):
        """How many late fees were billed lower than reviewed, and by how much."""
        rows = self.env["ar.billing.run.line"]._read_group(
            [
                ("document_id", "in", self.ids),
                ("state", "in", ("done", "skipped")),
                ("amount_fallen", ">", 0),
            ],
            ["document_id", "currency_id"],
            ["__count", "amount_fallen:sum"],
        )
        fallen = defaultdict(list)
        for run, currency, count, amount in rows:
            fallen[run.id].append((count, currency.format(amount)))
        for run in self:
            found = fallen[run.id]
            run.fallen_text = bool(found) and self.env._(
                "Late fees that fell between the list and the invoices: %(count)s, by %(amounts)s. "
                "So much had been paid or credited by then.",
                count=sum(count for count, _amount in found),
                amounts=", ".join(amount for _count, amount in found),
            )

    def _filter_as_reviewed(self, lines):
        """Mark those of these lines that changed as failed, each with why; return the others.

        Queries do not depend on the number of lines, unless some of them have changed.

        :param lines: of this run.
        """
        lines = lines._inside()
        charges = self._get_charges(lines.partner_id)
        fresh = {
            line: self._prepare_charges(charges[line.partner_id.id].get(line.currency_id.id, []))
            for line in lines
        }
        self._list_new_currencies(lines, charges)
        differing = lines.filtered(lambda line: not self._is_same(line.charge_ids, fresh[line]))
        if not differing:
            return lines
        accepted = differing.filtered(lambda line: self._is_accepted(line, fresh[line]))
        before = {line: line.amount_total for line in differing}
        charged = {line: line.amount_charge for line in accepted}
        self._take_over(differing, fresh)
        for line, amount in charged.items():
            line.amount_fallen += max(0, amount - line.amount_charge)
        for line in differing - accepted:
            line._mark_failed(self._get_changed_message(line, before[line]))
        return lines - (differing - accepted)

    def _preview(self, lines, invoice_date, late_fees):
        """These lines as they would be listed with other options; nothing is stored.

        Queries do not depend on the number of lines.

        :param lines: of this run.
        :return: the lines; for one that would differ, a new record in its place.
        """
        if (self.invoice_date, self.late_fees) == (invoice_date, late_fees) or not invoice_date:
            return lines
        asked = lines.filtered(lambda line: line.state == "todo" or line.zero_skipped)
        charges = self._get_charges(asked.partner_id, invoice_date, late_fees)
        shown = lines - asked
        for line in asked:
            given = charges[line.partner_id.id].get(line.currency_id.id, [])
            vals_list = self._prepare_charges(given)
            same = self._is_same(line.charge_ids, vals_list)
            shown |= line if same else self._preview_line(line, vals_list)
        return shown

    @api.model
    def _preview_line(self, line, vals_list):
        """A line with other charges, as a new record."""
        shown = line.new(origin=line)
        shown.charge_ids = [Command.clear(), *map(Command.create, vals_list)]
        shown.amount_charge, shown.amount_total = shown._get_totals(line.fiscal_position_id)
        shown.balance_class = shown._get_balance_class()
        return shown

    def _list_new_currencies(self, lines, charges):
        """List, to be reviewed, what customers would be billed in currencies not listed yet.

        :param charges: as ``_get_charges`` of the run gives them, of the customers of the lines.
        """
        customers = lines.partner_id
        known = self.env["ar.billing.run.line"].search(
            [("document_id", "=", self.id), ("partner_id", "in", customers.ids)]
        )
        listed = {(line.partner_id.id, line.currency_id.id) for line in known}
        balances = {line.partner_id.id: line.account_balance for line in lines}
        vals_list = [
            {
                "document_id": self.id,
                "partner_id": customer.id,
                "currency_id": currency_id,
                "account_balance": balances[customer.id],
                "state": "failed",
                "charge_ids": [Command.create(vals) for vals in self._prepare_charges(given)],
            }
            for customer in customers
            for currency_id, given in charges[customer.id].items()
            if given and (customer.id, currency_id) not in listed
        ]
        if vals_list:
            new = self.env["ar.billing.run.line"].browse(lines._create_inside(vals_list).ids)
            new._inside()._set_amounts()
            for line in new:
                line._mark_failed(self._get_changed_message(line, 0))

    @api.model
    def _prepare_charges(self, given):
        new = self.env["ar.billing.charge"]
        return [new._prepare_given(charge, number) for number, charge in enumerate(given, 1)]

    @api.model
    def _is_same(self, charges, vals_list):
        """Whether these charges are those, in whatever order."""
        if len(charges) != len(vals_list):
            return False
        left = list(charges)
        for vals in vals_list:
            alike = next((charge for charge in left if charge._is_as_given(vals)), None)
            if alike is None:
                return False
            left.remove(alike)
        return True

    @api.model
    def _is_accepted(self, line, vals_list):
        """Whether each source says that what changed needs no review."""
        sources = {*line.charge_ids.mapped("source"), *(vals["source"] for vals in vals_list)}
        for name in sources:
            charges = line.charge_ids.filtered(lambda charge, name=name: charge.source == name)
            given = [vals for vals in vals_list if vals["source"] == name]
            if not self._is_same(charges, given) and not (
                name in self.env and self.env[name]._accepts_change(charges, given)
            ):
                return False
        return True

    @api.model
    def _take_over(self, lines, fresh):
        """Let the lines say what would be made now."""
        lines.charge_ids.unlink()
        self.env["ar.billing.charge"]._create_inside(
            [{**vals, "line_id": line.id} for line in lines for vals in fresh[line]]
        )
        lines.invalidate_recordset(["charge_ids"])
        lines._set_amounts()

    @api.model
    def _get_changed_message(self, line, before):
        """What a clerk reads who comes to look again."""
        return self.env._(
            "%(customer)s was listed with %(before)s and would be billed %(now)s now: services, "
            "prices or days have changed. Look at the charges again, then Retry.",
            customer=line.partner_id.display_name,
            before=line.currency_id.format(before),
            now=line.currency_id.format(line.amount_total),
        )
