from collections import defaultdict

from odoo import api, fields, models


class ArChargesReadAgain(models.AbstractModel):
    """Asks the charge sources once more before a run makes invoices; for billing runs."""

    _name = "ar.charges.read.again"
    _description = "Charges Read Again"

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

    def _read_charges_again(self, lines):
        """Take the charges of lines as their sources give them now.

        :param lines: of this run, about to be billed.
        :return: those that still can be; the others are set aside with why.
        """
        given = {}
        for source, charges in lines.charge_ids._get_by_source():
            given |= source._charges_read_again(charges)
        problems = {
            charge.line_id: now["problem"]
            for charge, now in given.items()
            if now and now["problem"]
        }
        lines = lines._fail_each(problems.get)
        given = {charge: now for charge, now in given.items() if charge.line_id in lines}
        touched = self._take_charges(given)
        return lines._skip_each(lambda line: line in touched and line._get_zero_reason())

    def _take_charges(self, given):
        """Put charges as they are given now in the place of what was reviewed.

        :param given: ``{charge: as given, or False}``.
        :return: the lines that have less to bill than before.
        """
        lines = self.env["ar.billing.run.line"]
        gone = self.env["ar.billing.charge"]
        for charge, now in given.items():
            if not now:
                gone |= charge
            elif now["source_data"] != charge.source_data or charge.problem:
                now = {**now, "source": charge.source}
                charge._write_inside(charge._prepare_given(now, charge.sequence))
                lines |= charge.line_id
        lines |= gone.line_id
        gone._unlink_inside()
        before = {line: line.amount_charge for line in lines}
        lines._inside()._set_amounts()
        fallen = {line: amount - line.amount_charge for line, amount in before.items()}
        for line, amount in fallen.items():
            if amount:
                line._write_inside({"amount_fallen": line.amount_fallen + amount})
        return lines.filtered(fallen.get)
