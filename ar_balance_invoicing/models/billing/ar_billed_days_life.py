"""What becomes of billed days: credited, freed, billed again, taken over by a corrected copy."""

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...tools.amounts import round_amount


class ArBilledDays(models.Model):
    """A row counts while its invoice lives, no invoice that lives credits it, and no other
    row that counts bills its days.
    """

    _inherit = "ar.billed.days"

    # ------------------------------------------------------------------
    # Credits
    # ------------------------------------------------------------------

    @api.model
    def _credit(self, credits):
        """Some days of rows are credited by invoice lines from now on.

        A row shrinks to what is still billed; what is credited gets a row of its own, which
        counts again if the crediting line goes.

        :param credits: ``[(row id, first day, last day, crediting invoice line)]``
        :raise UserError: when the days are billed otherwise, or credited, by now.
        """
        there = self.browse([row_id for row_id, *_part in credits]).exists()
        rows = {row.id: row for row in there if row.live}
        vals_list = []
        for row_id, first, last, credit_line in credits:
            row = rows.get(row_id)
            if not row or not row._ends_with(first, last):
                raise UserError(
                    self.env._(
                        "The days that “%s” gives back are billed otherwise by now, or given back "
                        "already. Retry to bill what is true now.",
                        credit_line.name,
                    )
                )
            if (first, last) == (row.date_from, row.date_to):
                row._write_inside({"credit_line_id": credit_line.id, "live": False})
            else:
                vals = {"credit_line_id": credit_line.id, "live": False}
                vals_list.append(row._split_off(first, last) | vals)
        # The database refuses rows that overlap: the shrunk ones first.
        self.flush_model()
        self._create_inside(vals_list)

    def _ends_with(self, first, last):
        """Whether some days are at one end of the row."""
        inside = self.date_from <= first <= last <= self.date_to
        return inside and (first == self.date_from or last == self.date_to)

    def _split_off(self, first, last):
        """Shrink the row by some days at one end; return the values of a row for these."""
        share = self._get_share(first, last)
        rest = {"amount": round_amount(self._get_currency(), self.amount - share)}
        if first == self.date_from:
            rest["date_from"] = last + timedelta(days=1)
        else:
            rest["date_to"] = first - timedelta(days=1)
        self._write_inside(rest)
        return {
            "service_id": self.service_id.id,
            "date_from": first,
            "date_to": last,
            "amount": share,
            "move_line_id": self.move_line_id.id,
            "credit_line_id": self.credit_line_id.id,
            "live": False,
        }

    @api.model
    def _get_crediting(self, lines):
        """The invoices that live and credit days of these invoice lines, others than theirs."""
        rows = self.search(
            [
                ("move_line_id", "in", lines.ids),
                ("credit_line_id", "!=", False),
                ("credit_line_id", "not in", lines.ids),
            ]
        )
        return self._get_alive(rows.credit_line_id.move_id)

    @api.model
    def _check_not_credited(self, lines):
        """Refuse to take away what another invoice gives back.

        :raise UserError: with both invoices.
        """
        crediting = self._get_crediting(lines)
        if crediting:
            raise UserError(
                self.env._(
                    "%(credit)s gives back days that %(invoice)s bills. Delete or reverse "
                    "%(credit)s first.",
                    credit=crediting[0].display_name,
                    invoice=self._get_credited_by(crediting[0])[:1].display_name,
                )
            )

    @api.model
    def _get_credited_by(self, invoice):
        """The invoices of which days are given back by another one."""
        return self.search([("credit_line_id.move_id", "in", invoice.ids)]).move_line_id.move_id

    @api.model
    def _check_credits(self, drafts):
        """Refuse to confirm what gives back days that nobody bills any more.

        :raise UserError: with both invoices, and what to do.
        """
        for credit_line, rows in self._get_idle_credits(drafts).items():
            raise UserError(
                self.env._(
                    "%(credit)s gives back days of %(invoice)s, which bills them no more: it is "
                    "cancelled or credited itself. Regenerate %(credit)s, or delete that line.",
                    credit=credit_line.move_id.display_name,
                    invoice=rows.move_line_id.move_id[:1].display_name,
                )
            )

    @api.model
    def _get_idle_credits(self, invoices):
        """``{line of these invoices: rows}`` that gives back days of which none is billed now.

        A corrected copy has rows of its own beside those of its original.
        """
        rows = self.search([("credit_line_id.move_id", "in", invoices.ids)])
        alive = self._get_alive(rows.move_line_id.move_id)
        return {
            line: mine
            for line, mine in rows.grouped("credit_line_id").items()
            if not mine.move_line_id.move_id & alive
        }

    @api.model
    def _credit_again(self, invoice):
        """An invoice that comes back gives back what it gave, if nobody else has since.

        :return: whether somebody has, and the other invoice, if it is known.
        """
        lost = self._get_lost_credits(invoice)
        for (service_id, first, last), credit_line in lost.items():
            rows = self.search(
                [
                    ("service_id", "=", service_id),
                    ("live", "=", True),
                    ("move_line_id", "!=", False),
                    ("date_from", "<=", first),
                    ("date_to", ">=", last),
                ]
            )
            if not rows or not rows._ends_with(first, last):
                credited = self.search(
                    [("service_id", "=", service_id), ("credit_line_id", "!=", False)]
                )
                return True, (self._get_alive(credited.credit_line_id.move_id) - invoice)[:1]
            self._credit([(rows.id, first, last, credit_line)])
        return False, invoice.browse()

    @api.model
    def _get_lost_credits(self, invoice):
        """``{(service id, first, last): line}`` of an invoice that gives back days, but no row
        says so.
        """
        charges = invoice._ar_get_charges().filtered(
            lambda charge: "credited_id" in (charge.source_data or {})
        )
        if not charges:
            return {}
        lines = charges._get_invoice_lines()
        known = self.search([("credit_line_id", "in", invoice.line_ids.ids)]).credit_line_id
        lost = {}
        for charge in charges:
            line, data = lines[charge], charge.source_data
            alike = (line.sequence, line.product_id) == (charge.sequence, charge.product_id)
            # Whose line somebody has deleted gives nothing back.
            if line not in known and (alike or line.name == charge.name):
                first, last = map(fields.Date.to_date, data["days"])
                lost[data["service_id"], first, last] = line
        return lost

    # ------------------------------------------------------------------
    # Invoices come and go
    # ------------------------------------------------------------------

    @api.model
    def _follow(self, moves):
        """Let the days of invoices, and those that they credit, count or not, as these live.

        :param moves: invoices whose places were brought up to date.
        :return: the rows that should count again and cannot, for their days are billed by
            others meanwhile.
        """
        rows = self.search(
            [
                "|",
                ("move_line_id.move_id", "in", moves.ids),
                ("credit_line_id.move_id", "in", moves.ids),
            ]
        )
        counting = rows._filter_counting()
        freed = (rows - counting).filtered("live")
        freed._write_inside({"live": False})
        coming = counting.filtered(lambda row: not row.live)
        return (coming | freed._get_waiting())._bring_back()

    def _filter_counting(self):
        """Those whose invoice lives, and which no invoice that lives credits."""
        alive = self._get_alive(self.move_line_id.move_id | self.credit_line_id.move_id)
        return self.filtered(
            lambda row: (
                row.move_line_id.move_id in alive and row.credit_line_id.move_id not in alive
            )
        )

    @api.model
    def _get_alive(self, moves):
        if not moves:
            return moves
        places = self.env["ar.billing.place"].search(
            [("move_id", "in", moves.ids), ("live", "=", True)]
        )
        return places.move_id

    @api.model
    def _free(self, lines):
        """The days of invoice lines are free, though the lines are there still."""
        self._lines_gone(lines)
        self.search([("move_line_id", "in", lines.ids)])._unlink_inside()

    @api.model
    def _lines_deleted(self, lines):
        """Invoice lines are being deleted, and their days with them.

        :raise UserError: when another invoice gives back days of them.
        """
        concerned = ["|", ("move_line_id", "in", lines.ids), ("credit_line_id", "in", lines.ids)]
        # Most invoices bill no services: one short query for them.
        if self.search_count(concerned, limit=1):
            self._check_not_credited(lines)
            self._lines_gone(lines)

    @api.model
    def _lines_gone(self, lines):
        """What these lines credit counts again, and what could not count because of them."""
        mine = self.search([("move_line_id", "in", lines.ids)])
        credited = self.search(
            [("credit_line_id", "in", lines.ids), ("move_line_id", "not in", lines.ids)]
        )
        if not mine and not credited:
            return
        freed = mine.filtered("live")
        freed._write_inside({"live": False})
        credited._write_inside({"credit_line_id": False})
        waiting = freed._get_waiting() - mine
        self._flag((credited._filter_counting() | waiting)._bring_back())

    def _get_waiting(self):
        """Rows that could not count because of these, which do not count any more."""
        if not self:
            return self
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT waiting.id
                  FROM ar_billed_days mine
                  JOIN ar_billed_days waiting ON waiting.service_id = mine.service_id
                   AND NOT waiting.live AND waiting.move_line_id IS NOT NULL
                   AND waiting.date_from <= mine.date_to AND waiting.date_to >= mine.date_from
                 WHERE mine.id IN %s AND waiting.id NOT IN %s
                """,
                tuple(self.ids),
                tuple(self.ids),
            )
        )
        return self.browse([row_id for (row_id,) in rows])._filter_counting()

    def _bring_back(self):
        """Let rows count again, as far as nobody else bills their days meanwhile.

        :return: the rows, or parts of them, whose days somebody else bills.
        """
        others = defaultdict(self.browse)
        for mine, other in self._get_overlaps():
            others[mine] |= self.browse(other)
        free, taken = defaultdict(self.browse), self.browse()
        for row in self.sorted("id"):
            known = free[row.service_id]
            mine, theirs = row._cut(others[row.id] | known.filtered(row._overlaps))
            free[row.service_id] |= mine
            taken |= theirs
        self.browse().union(*free.values())._write_inside({"live": True})
        self.flush_model()
        return taken

    def _overlaps(self, other):
        return self.date_from <= other.date_to and other.date_from <= self.date_to

    def _cut(self, others):
        """Cut the row where the days of others begin and end, which do not overlap.

        :return: the parts that are free, and those that the others bill.
        """
        one = timedelta(days=1)
        pieces, first = [], self.date_from
        for other in others.sorted("date_from"):
            begin, end = max(first, other.date_from), min(self.date_to, other.date_to)
            if first < begin:
                pieces.append((first, begin - one, False))
            pieces.append((begin, end, True))
            first = end + one
        if first <= self.date_to:
            pieces.append((first, self.date_to, False))
        # From the end on, so that each part is at the end of what is left of the row.
        cut = [self._split_off(begin, end) for begin, end, _taken in pieces[:0:-1]]
        rows = self | self._create_inside(cut[::-1])
        taken = [row for row, piece in zip(rows, pieces, strict=True) if piece[2]]
        taken = self.browse().union(*taken)
        return rows - taken, taken

    def _get_overlaps(self):
        """``[(id of one of these rows, id of another that counts)]`` of the same days."""
        if not self:
            return []
        self.flush_model()
        return self.env.execute_query(
            SQL(
                """
                SELECT mine.id, other.id
                  FROM ar_billed_days mine
                  JOIN ar_billed_days other ON other.service_id = mine.service_id
                   AND other.live AND other.id != mine.id
                   AND other.date_from <= mine.date_to AND other.date_to >= mine.date_from
                 WHERE mine.id IN %s
                """,
                tuple(self.ids),
            )
        )

    def _get_others(self):
        """The rows that count and bill days of these rows."""
        return self.browse(sorted({other for _mine, other in self._get_overlaps()}))

    @api.model
    def _take_over(self, copy, origin):
        """A corrected copy bills and credits what the original did, line by line.

        :return: the rows of the copy whose days somebody else bills.
        """
        lines = dict(self._pair_lines(copy, origin))
        rows = self.search([("move_line_id", "in", [line.id for line in lines])], order="id")
        copies = self._create_inside(
            [
                {
                    "service_id": row.service_id.id,
                    "date_from": row.date_from,
                    "date_to": row.date_to,
                    "amount": row.amount,
                    "move_line_id": lines[row.move_line_id].id,
                    "credit_line_id": row.credit_line_id.id,
                    "live": False,
                }
                for row in rows
            ]
        )
        credited = self.search([("credit_line_id", "in", [line.id for line in lines])])
        for row in credited:
            row._write_inside({"credit_line_id": lines[row.credit_line_id].id, "live": False})
        return copies._filter_counting()._bring_back()

    @api.model
    def _pair_lines(self, copy, origin):
        """``[(line of the original, line of the copy)]``."""
        theirs, ours = (
            move.invoice_line_ids.filtered(lambda line: line.display_type == "product").sorted("id")
            for move in (origin, copy)
        )
        if len(theirs) == len(ours):
            return list(zip(theirs, ours, strict=True))
        # Another addon has added or left out a line: what is alike, else any line.
        known = {(line.sequence, line.name): line for line in ours[::-1]}
        return [(line, known.get((line.sequence, line.name), ours[:1])) for line in theirs if ours]

    @api.model
    def _hand_over(self, followers, day):
        """Days from a day on belong to the services that follow from then on.

        Those that do not count go with them: brought back with their invoice, they are days
        of the service that bills these days by then.

        :param followers: ``{service: the one that follows}``
        """
        rows = self.search(
            [
                ("service_id", "in", [service.id for service in followers]),
                ("date_to", ">=", day),
                ("live", "=", False),
            ]
        )
        for row in rows:
            follower = followers[row.service_id]
            if row.date_from >= day:
                row._write_inside({"service_id": follower.id})
                continue
            values = row._split_off(day, row.date_to)
            self._create_inside([{**values, "service_id": follower.id}])

    # ------------------------------------------------------------------
    # What somebody has to look at
    # ------------------------------------------------------------------

    @api.model
    def _flag(self, taken):
        """Tell of days that two invoices bill.

        :param taken: rows that do not count, for others bill their days.
        """
        for row in taken:
            row.move_line_id.move_id._ar_flag_taken(row._get_others().move_id[:1])

    @api.model
    def _flag_credits(self, dead):
        """Tell of invoices that give back days of these, which bill nothing any more."""
        rows = self.search(
            [
                ("move_line_id.move_id", "in", dead.ids),
                ("credit_line_id", "!=", False),
                ("credit_line_id.move_id", "not in", dead.ids),
            ]
        )
        credits = self._get_alive(rows.credit_line_id.move_id)
        for line, mine in self._get_idle_credits(credits).items():
            line.move_id._ar_flag_credit(mine.move_line_id.move_id[:1])
