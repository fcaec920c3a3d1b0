"""What core makes and what we make of the same values, record by record."""

import functools
from collections import Counter

# What two invoices of the same values cannot share.
DIFFERENT = {
    "id",
    "access_token",
    "create_date",
    "write_date",
    "message_ids",
    "message_follower_ids",
    "move_id",
    "line_ids",
    "invoice_line_ids",
}
MESSAGE_FIELDS = ["body", "subtype_id", "author_id", "message_type", "email_from", "is_internal"]
# Where addons hook in, besides constraints and stored computed fields. Not among them:
# ``message_post`` (we log all at once what nobody is notified of) and ``_sync_*``.
HOOKS = {
    "account.move": [
        "create",
        "_creation_subtype",
        "_creation_message",
        "_message_auto_subscribe",
        "_synchronize_business_models",
        "_track_template",
    ],
    "account.move.line": ["create", "_check_tax_lock_date"],
}


class InvoiceComparison:
    """For a test of account's kind; ``quick`` counts the invoices not left to core.

    By their reference, as ``compared`` does those that core made to compare a twin with.
    """

    def setUp(self):
        super().setUp()
        self.calls = set()
        self._record_hooks(self.calls)
        self.quick = Counter()
        self.maker = self.env["ar.invoice.maker"]
        maker = type(self.maker)
        create_complete = maker._create_complete

        def counted(model, vals_list):
            self.quick.update(vals["ref"] for vals in vals_list)
            return create_complete(model, vals_list)

        self.patch(maker, "_create_complete", counted)
        self.compared = Counter()
        check_shapes = maker._check_shapes

        def noted(model, kinds, seconds, vals_list, *args):
            self.compared.update(vals_list[kind.indexes[1]]["ref"] for kind in seconds)
            return check_shapes(model, kinds, seconds, vals_list, *args)

        self.patch(maker, "_check_shapes", noted)

    # --- what was made ----------------------------------------------------------

    def _describe(self, moves):
        """Everything stored about the invoices, without what is of their own."""
        self.env.flush_all()
        self.env.invalidate_all()
        return [
            {
                "move": self._read(move),
                "lines": [self._read(line) for line in move.line_ids.sorted("id")],
                "analytic items": len(move.line_ids.analytic_line_ids),
                "activities": len(move.activity_ids),
                "followers": sorted(
                    (follower.partner_id.id, sorted(follower.subtype_ids.ids))
                    for follower in move.sudo().message_follower_ids
                ),
                "messages": [
                    self._describe_message(message)
                    for message in move.sudo().message_ids.sorted("id")
                ],
            }
            for move in moves
        ]

    def _describe_message(self, message):
        told = [(to.res_partner_id.id, to.notification_type) for to in message.notification_ids]
        tracked = len(message.tracking_value_ids)
        return {**self._read(message, MESSAGE_FIELDS), "told": sorted(told), "tracked": tracked}

    def _read(self, record, names=None):
        names = names or [
            name
            for name, field in record._fields.items()
            if field.store and field.type != "one2many" and name not in DIFFERENT
        ]
        return {name: record._fields[name].convert_to_read(record[name], record) for name in names}

    def _record_hooks(self, calls):
        """Note in ``calls`` each hook and constraint, and the invoice it was called for."""

        def recorded(function, name, model):
            @functools.wraps(function)
            def call(records, *args, **kwargs):
                result = function(records, *args, **kwargs)
                about = result if name == "create" else records
                moves = about.move_id if model == "account.move.line" else about
                calls.update((f"{model}.{name}", move_id) for move_id in moves.ids)
                return result

            return call

        for model, names in HOOKS.items():
            records = self.env[model]
            for name in names:
                function = getattr(type(records), name)
                self.patch(type(records), name, recorded(function, name, model))
            checks = [
                recorded(check, check.__name__, model) for check in records._constraint_methods
            ]
            self.patch(type(records), "_constraint_methods", checks)

    # --- compared -----------------------------------------------------------------

    def _create_as(self, create, vals_list):
        """(records, what is stored about them, ``{(hook, number of the invoice)}``)."""
        self.calls.clear()
        moves = create(
            [
                {**vals, "invoice_line_ids": [tuple(line) for line in vals["invoice_line_ids"]]}
                for vals in vals_list
            ]
        )
        self.env.flush_all()
        self.env.cr.precommit.run()
        numbers = {move.id: number for number, move in enumerate(moves)}
        hooks = {(name, numbers[move_id]) for name, move_id in self.calls if move_id in numbers}
        return moves, self._describe(moves), hooks

    def _assert_same(self, vals_list, company=None, lang="en_US"):
        """By core, taken back; by us; compared.

        ``quick`` counts, by their reference, the invoices that were not left to core.
        """
        model = self.env["account.move"].with_context(lang=lang)
        model = model.with_company(company or self.company)
        with self.env.cr.savepoint() as savepoint:
            _moves, by_core, core_hooks = self._create_as(model.create, vals_list)
            savepoint.rollback()
        self.env.invalidate_all()
        self.quick.clear()
        self.compared.clear()
        maker = self.maker.with_env(model.env)
        made, by_us, our_hooks = self._create_as(maker._create_invoices, vals_list)
        self.assertEqual(len(by_us), len(by_core))
        for ours, theirs, vals in zip(by_us, by_core, vals_list, strict=True):
            with self.subTest(vals["ref"]):
                self._assert_same_invoice(ours, theirs)
        self.assertEqual(our_hooks ^ core_hooks, set(), "called by one only")
        return made

    def _assert_same_invoice(self, ours, theirs):
        self._assert_due(ours, theirs)
        self.assertEqual(len(ours["lines"]), len(theirs["lines"]))
        for mine, other in zip(ours.pop("lines"), theirs.pop("lines"), strict=True):
            self.assertEqual(mine, other)
        for part, values in theirs.items():
            self.assertEqual(ours[part], values, part)

    def _assert_due(self, ours, theirs):
        """Due with the last instalment; core sometimes leaves today's date instead."""
        days = [line["date_maturity"] for line in ours["lines"] if line["date_maturity"]]
        self.assertEqual(ours["move"].pop("invoice_date_due"), max(days))
        self.assertIn(theirs["move"].pop("invoice_date_due"), (max(days), self.today))
