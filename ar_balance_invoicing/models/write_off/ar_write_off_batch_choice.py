import psycopg2

from odoo import Command, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL, mute_logger


class ArWriteOffBatch(models.Model):
    """In which batch something is recorded, and whether it may be."""

    _inherit = "ar.write.off.batch"

    @api.model
    def _get_default_batch(self, company, user):
        """The batch that a user's next write-off is recorded in.

        Automatic: the one of the user and day, made when there is none. Manual: the
        user's default batch.

        :raise UserError: when the user has no default batch, or may not use it any more
        """
        if company.ar_write_off_batch_mode == "automatic":
            return self._get_automatic_batch(company, user)
        batch = user.with_company(company).ar_default_write_off_batch_id
        if not batch:
            raise UserError(
                self.env._(
                    "You have no default batch in %s. Choose one in “Update default batch”, or "
                    "make one in Invoicing > Customers > Write-Off Batches.",
                    company.display_name,
                )
            )
        batch._check_usable()
        return batch

    def _get_automatic_batch(self, company, user):
        today = fields.Date.context_today(self.with_context(tz=user.tz))
        mine = [
            ("company_id", "=", company.id),
            ("owner_id", "=", user.id),
            ("date", "=", today),
            ("mode", "=", "automatic"),
            ("state", "=", "open"),
        ]
        batch = self.search(mine, limit=1)
        if batch:
            return batch
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                return self._create_inside(self._prepare_automatic_batch(company, user, today))
        except psycopg2.errors.UniqueViolation as error:
            # Made by another transaction that this one may not see: begin again.
            raise ConcurrencyError(str(error)) from error

    def _prepare_automatic_batch(self, company, user, date):
        return {
            "name": self.env._(
                "Auto Batch %(user)s %(date)s", user=user.name, date=fields.Date.to_string(date)
            ),
            "company_id": company.id,
            "mode": "automatic",
            "owner_id": user.id,
            "user_ids": [Command.link(user.id)],
            "date": date,
        }

    def _check_usable(self):
        """Refuse to record anything in a batch that is closed or somebody else's.

        Until the end of the transaction nobody can close it.

        :raise UserError: with the way out
        """
        self.ensure_one()
        self.check_access("read")
        self.flush_recordset(["state"])
        # Shared by all that record something; closing needs the row for itself.
        self.env.execute_query(
            SQL("SELECT FROM ar_write_off_batch WHERE id = %s FOR SHARE", self.id)
        )
        self.invalidate_recordset(["state"])
        self._check_open()
        if not self.env.su and not self.filtered_domain(self._get_usable_domain()):
            raise UserError(
                self.env._(
                    "You are not assigned to the batch “%(batch)s”. Ask %(user)s to add you, or "
                    "choose another batch.",
                    batch=self.display_name,
                    user=self.sudo().owner_id.name,
                )
            )

    def _check_open(self):
        for batch in self:
            if batch.state == "closed":
                raise UserError(
                    self.env._(
                        "The batch “%s” is closed. Choose an open one, or ask an "
                        "administrator to reopen it.",
                        batch.display_name,
                    )
                )

    def _take_lines(self, lines):
        """Record write-off lines in this batch instead of where they were.

        :param lines: ``ar.write.off.line`` of processed documents
        :raise UserError: when a batch is closed or not the user's, of another company, or
            a document is still a draft
        """
        self.env["ar.write.off"]._check_may_write_off()
        lines.document_id.check_access("write")
        for line in lines:
            self._check_takes(line)
        by_source = lines.grouped(lambda line: line._get_batch())
        for batch in self.union(*by_source):
            batch._check_usable()
        lines._write_inside({"batch_id": self.id})
        for source, moved in by_source.items():
            values = {
                "count": len(moved),
                "amount": self.currency_id.format(sum(moved.mapped("amount_company"))),
            }
            source.message_post(
                body=self.env._(
                    "%(count)s write-offs of %(amount)s moved to %(batch)s.",
                    batch=self.display_name,
                    **values,
                )
            )
            self.message_post(
                body=self.env._(
                    "%(count)s write-offs of %(amount)s moved here from %(batch)s.",
                    batch=source.display_name,
                    **values,
                )
            )

    def _check_takes(self, line):
        """Refuse a line that cannot be recorded in this batch."""
        names = {
            "line": line.display_name,
            "document": line.document_id.display_name,
            "company": line.company_id.display_name,
            "batch": self.display_name,
        }
        if line.document_id.state == "draft":
            raise UserError(
                self.env._(
                    "%(document)s is still a draft: choose the batch on the document itself.",
                    **names,
                )
            )
        if line.company_id != self.company_id:
            raise UserError(
                self.env._(
                    "%(line)s of %(document)s belongs to %(company)s and the batch “%(batch)s” "
                    "does not. Choose a batch of that company.",
                    **names,
                )
            )
        if line._get_batch() == self:
            raise UserError(
                self.env._("%(line)s of %(document)s is in “%(batch)s” already.", **names)
            )
