"""A large ledger in a minute; for benches.

The ORM makes an invoice of each kind, open and paid, with its payment; SQL copies their
rows as often as wanted, with numbers, customers, dates and amounts of their own. Amounts
are whole multiples of a template's, so that taxes, residuals and matchings stay exact.
"""

import time
from datetime import timedelta

from odoo import Command, fields
from odoo.tests.form import Form
from odoo.tools import SQL

# Customers have so many invoices each, on average.
INVOICES_PER_CUSTOMER = 10
# Every so many invoices one is small and long overdue, all others are not both.
SMALL_AND_OLD = 10
SMALL_BELOW, OLD_AFTER_DAYS = 20, 180
# Every so many customers one has paid something that is not matched yet.
UNAPPLIED = 25
# Numbers below are those of the templates.
FIRST_NUMBER = 1001
# Foreign invoices: what one of the currency was worth before and is worth now, so that
# whoever reckons at today's rate makes an exchange difference. Cents at the old rate are
# exact, those of tax too.
FOREIGN = "EUR"
RATE_OF_INVOICES, RATE_OF_TODAY = 1.2, 1.1
INVOICED_BEFORE_DAYS = 30


class Ledger:
    """``invoices`` posted customer invoices of which ``open_percent`` are not paid.

    Of those that are not paid ``foreign_percent`` are in a foreign currency.
    """

    def __init__(self, env, invoices, open_percent, foreign_percent=0):
        self.env = env
        self.invoices = invoices
        self.customers = max(invoices // INVOICES_PER_CUSTOMER, 1)
        self.open_percent = open_percent
        self.foreign_percent = foreign_percent
        self.currency = env.company.currency_id
        self.foreign_currency = env["res.currency"]

    def fill(self):
        """Everything, committed, vacuumed and checked; returns the seconds it took."""
        started = time.perf_counter()
        self._make_templates()
        self.env.flush_all()
        # Checking a million rows' foreign keys one by one takes as long as writing them;
        # they are copies, and `check` looks for what points nowhere.
        self.env.cr.execute("SET LOCAL session_replication_role = replica")
        self._copy_customers()
        self._plan()
        self._copy_moves()
        self._copy_items()
        self._copy_matchings()
        self.env.cr.execute("DROP TABLE bench_copy, bench_item")
        self.env.cr.commit()
        self.env.invalidate_all()
        self.env.cr.connection.autocommit = True
        self.env.cr.execute("VACUUM ANALYZE")
        # What is still to be written would be written while we measure.
        self.env.cr.execute("CHECKPOINT")
        self.env.cr.connection.autocommit = False
        seconds = time.perf_counter() - started
        self.check()
        return seconds

    def get_open(self, currency):
        """``[(customer id, [invoice id, …]), …]``: what is not paid, in one currency.

        Of customers without open credits: these would pay a part of it first.
        """
        self.env.cr.execute(
            """
            SELECT partner_id, array_agg(id ORDER BY id)
              FROM account_move
             WHERE move_type = 'out_invoice'
               AND payment_state = 'not_paid'
               AND currency_id = %s
               AND partner_id >= %s
               AND partner_id NOT IN (
                   SELECT item.partner_id
                     FROM account_move_line item
                     JOIN account_account account ON account.id = item.account_id
                    WHERE account.account_type = 'asset_receivable'
                      AND item.partner_id >= %s AND item.parent_state = 'posted'
                      AND item.reconciled IS NOT TRUE AND item.balance < 0)
          GROUP BY partner_id
          ORDER BY partner_id
            """,
            [currency.id, self.first_customer, self.first_customer],
        )
        return self.env.cr.fetchall()

    # --- templates ------------------------------------------------------------

    def _make_templates(self):
        """Invoices of one to three lines of 1.00, with and without tax, open and paid."""
        self.partner = self.env["res.partner"].create({"name": "Template"})
        self.bank = self.env["account.journal"].search([("type", "=", "bank")], limit=1)
        taxed, plain = self._make_products()
        self.open, self.paid, self.payments, self.foreign = [], [], [], []
        kinds = ([taxed], [taxed, plain], [taxed, taxed, plain], [plain])
        for products in kinds:
            for group in (self.open, self.paid):
                group.append(self._make_invoice(products, self.currency))
            self.payments.append(self._pay(self.paid[-1]))
        if self.foreign_percent:
            self._make_foreign_currency()
            for products in kinds:
                self.foreign.append(self._make_invoice(products, self.foreign_currency))
        self.unapplied = self._make_payment(self.partner.property_account_receivable_id, 1)

    def _make_foreign_currency(self):
        """One rate for all invoices, another one since."""
        self.foreign_currency = self.env.ref(f"base.{FOREIGN}")
        if self.foreign_currency == self.currency:
            raise RuntimeError(f"{FOREIGN} is the company's own currency.")
        self.foreign_currency.active = True
        today = fields.Date.today()
        self.env["res.currency.rate"].create(
            [
                {
                    "currency_id": self.foreign_currency.id,
                    "name": today - timedelta(days=days),
                    "inverse_company_rate": rate,
                }
                for days, rate in (
                    (10 * 365, RATE_OF_INVOICES),
                    (INVOICED_BEFORE_DAYS - 1, RATE_OF_TODAY),
                )
            ]
        )

    def _make_products(self):
        tax = self.env.company.account_sale_tax_id
        return self.env["product.product"].create(
            [
                {"name": name, "type": "service", "taxes_id": [Command.set(taxes.ids)]}
                for name, taxes in (("Container", tax), ("Cleaning", tax.browse()))
            ]
        )

    def _make_invoice(self, products, currency):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "currency_id": currency.id,
                "invoice_date": fields.Date.today() - timedelta(days=INVOICED_BEFORE_DAYS),
                "invoice_line_ids": [
                    Command.create({"product_id": product.id, "price_unit": 1})
                    for product in products
                ],
            }
        )
        invoice._post(soft=False)
        return invoice

    def _pay(self, invoice):
        item = _receivable(invoice)
        payment = self._make_payment(item.account_id, invoice.amount_total)
        (item | _receivable(payment)).reconcile()
        return payment

    def _make_payment(self, account, amount):
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.bank.id,
                "line_ids": [
                    Command.create(
                        {"partner_id": self.partner.id, "account_id": to.id, "balance": balance}
                    )
                    for to, balance in ((self.bank.default_account_id, amount), (account, -amount))
                ],
            }
        )
        entry._post(soft=False)
        return entry

    # --- copies -----------------------------------------------------------------

    def _copy_customers(self):
        self.first_customer = self._reserve("res_partner", self.customers)
        number = "generate_series.number"
        name = f"'Customer ' || lpad(({number})::text, 6, '0')"
        self._insert(
            "res.partner",
            {
                "id": f"{self.first_customer} + {number}",
                "commercial_partner_id": f"{self.first_customer} + {number}",
                "name": name,
                "complete_name": name,
            },
            SQL(
                "generate_series(0, %s) AS generate_series(number) WHERE t.id = %s",
                self.customers - 1,
                self.partner.id,
            ),
        )

    def _plan(self):
        """``bench_copy``: each move to be written, of which template, with what of its own.

        Chance is a hash of the invoice's number, so that two ledgers are the same.
        """
        self.env.cr.execute(
            """
            CREATE FUNCTION pg_temp.chance(number bigint, of_what bigint, below bigint)
                RETURNS bigint IMMUTABLE LANGUAGE sql
                RETURN (hashint8extended(number, of_what) & 2147483647) % below
            """
        )
        self.env.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE bench_copy AS
                WITH invoice AS (
                    SELECT number,
                           %(first_customer)s + pg_temp.chance(number, 1, %(customers)s)
                               AS partner_id,
                           1 + pg_temp.chance(number, 2, %(kinds)s) AS kind,
                           pg_temp.chance(number, 3, 100) < %(open_percent)s AS is_open,
                           pg_temp.chance(number, 10, 100) < %(foreign_percent)s AS is_foreign,
                           number %% %(small_and_old)s = 0 AS is_small_and_old,
                           pg_temp.chance(number, 4, 3) = 0 AS is_small
                      FROM generate_series(1, %(invoices)s) AS number
                ), due AS (
                    SELECT *,
                           CASE WHEN is_small_and_old OR is_small
                                THEN 1 + pg_temp.chance(number, 5, 6)
                                ELSE %(small)s + 1 + pg_temp.chance(number, 5, 380)
                           END AS factor,
                           %(today)s::date - CASE
                                WHEN is_small_and_old
                                THEN %(old)s + 1 + pg_temp.chance(number, 6, 500)
                                WHEN is_small THEN pg_temp.chance(number, 6, %(old)s)
                                ELSE pg_temp.chance(number, 6, 700)
                           END::int AS due
                      FROM invoice
                ), move AS (
                    SELECT number, NULL::bigint AS pays, partner_id, factor, due,
                           due - %(invoiced)s AS date,
                           CASE WHEN NOT is_open THEN (%(paid)s)[kind]
                                WHEN is_foreign THEN (%(foreign)s)[kind]
                                ELSE (%(open)s)[kind]
                           END AS template_id
                      FROM due
                     UNION ALL
                    SELECT number, number, partner_id, factor, date,
                           LEAST(date, %(today)s::date), (%(payments)s)[kind]
                      FROM (SELECT *,
                                   due - %(invoiced)s + 1 + pg_temp.chance(number, 7, 60)::int
                                       AS date
                              FROM due
                             WHERE NOT is_open) paid
                     UNION ALL
                    SELECT -number, NULL, %(first_customer)s + number,
                           1 + pg_temp.chance(number, 8, 200), date, date, %(unapplied)s
                      FROM (SELECT number,
                                   %(today)s::date - 1 - pg_temp.chance(number, 9, 700)::int AS date
                              FROM generate_series(0, %(customers)s - 1, %(every)s) AS number) more
                ), numbered AS (
                    SELECT move.*, t.journal_id,
                           regexp_replace(
                               t.sequence_prefix, '\\d{4}', to_char(move.date, 'YYYY')
                           ) AS sequence_prefix,
                           ROW_NUMBER() OVER (ORDER BY move.date, number, pays NULLS FIRST)
                               AS position
                      FROM move
                      JOIN account_move t ON t.id = move.template_id
                )
                SELECT numbered.*,
                       %(first_number)s - 1 + ROW_NUMBER() OVER (
                           PARTITION BY journal_id, sequence_prefix ORDER BY position
                       ) AS sequence_number,
                       SUM(items.count) OVER (ORDER BY position) - items.count AS items_before
                  FROM numbered
                  JOIN (SELECT move_id, COUNT(*) FROM account_move_line GROUP BY move_id) items
                    ON items.move_id = template_id
                """,
                first_customer=self.first_customer,
                customers=self.customers,
                kinds=len(self.open),
                open_percent=self.open_percent,
                foreign_percent=self.foreign_percent,
                invoiced=INVOICED_BEFORE_DAYS,
                small_and_old=SMALL_AND_OLD,
                invoices=self.invoices,
                small=SMALL_BELOW,
                old=OLD_AFTER_DAYS,
                today=fields.Date.today(),
                open=[move.id for move in self.open],
                # Without any, an array has no type.
                foreign=[move.id for move in self.foreign or self.open],
                paid=[move.id for move in self.paid],
                payments=[move.id for move in self.payments],
                unapplied=self.unapplied.id,
                every=UNAPPLIED,
                first_number=FIRST_NUMBER,
            )
        )
        self.env.cr.execute("SELECT COUNT(*) FROM bench_copy")
        [(moves,)] = self.env.cr.fetchall()
        self.first_move = self._reserve("account_move", moves)
        self.first_matching = self._reserve("account_full_reconcile", self.invoices + 1)
        self.env.cr.execute(
            f"""
            ALTER TABLE bench_copy ADD id bigint, ADD name text, ADD matching bigint;
            UPDATE bench_copy
               SET id = {self.first_move} - 1 + position,
                   name = sequence_prefix || lpad(
                       sequence_number::text, GREATEST(5, length(sequence_number::text)), '0'
                   ),
                   matching = {self.first_matching} + number;
            ANALYZE bench_copy
            """
        )

    def _copy_moves(self):
        self._insert(
            "account.move",
            {
                "id": "c.id",
                "name": "c.name",
                "sequence_prefix": "c.sequence_prefix",
                "sequence_number": "c.sequence_number",
                "date": "c.date",
                **_where_set("c.partner_id", "partner_id", "commercial_partner_id"),
                **_where_set("c.partner_id", "partner_shipping_id"),
                "invoice_partner_display_name": "CASE WHEN t.partner_id IS NULL THEN "
                "t.invoice_partner_display_name ELSE p.name END",
                **_where_set("c.date", "invoice_date"),
                **_where_set("c.due", "invoice_date_due"),
                **_where_set("c.name", "payment_reference"),
                "create_date": "c.date",
                "write_date": "c.date",
            },
            SQL(
                "bench_copy c, res_partner p "
                "WHERE c.template_id = t.id AND p.id = c.partner_id ORDER BY c.id"
            ),
        )

    def _copy_items(self):
        self.env.cr.execute("SELECT MAX(items_before) + 10 FROM bench_copy")
        first = self._reserve("account_move_line", self.env.cr.fetchone()[0])
        self.env.cr.execute(
            f"""
            CREATE TEMP TABLE bench_item AS
            SELECT i.id AS template_id, i.account_id, c.id AS move_id, c.pays, c.number, c.matching,
                   {first} + items_before + i.position AS id
              FROM bench_copy c
              JOIN (SELECT id, move_id, account_id,
                           ROW_NUMBER() OVER (PARTITION BY move_id ORDER BY id) - 1 AS position
                      FROM account_move_line) i ON i.move_id = c.template_id;
            ANALYZE bench_item
            """
        )
        self._insert(
            "account.move.line",
            {
                "id": "i.id",
                "move_id": "c.id",
                "move_name": "c.name",
                "date": "c.date",
                "name": "CASE t.display_type WHEN 'payment_term' THEN c.name ELSE t.name END",
                **_where_set("c.partner_id", "partner_id"),
                **_where_set("c.date", "invoice_date"),
                **_where_set("c.due", "date_maturity"),
                **_where_set("c.matching", "full_reconcile_id"),
                **_where_set("c.matching::text", "matching_number"),
                "price_unit": "t.price_unit * c.factor",
                "create_date": "c.date",
                "write_date": "c.date",
            },
            SQL(
                "bench_item i, bench_copy c "
                "WHERE i.template_id = t.id AND c.id = i.move_id ORDER BY i.id"
            ),
        )
        for name in ("tax_ids", "tax_tag_ids"):
            field = self.env["account.move.line"]._fields[name]
            self.env.cr.execute(
                SQL(
                    "INSERT INTO %(table)s (%(item)s, %(other)s) SELECT i.id, t.%(other)s "
                    "FROM %(table)s t JOIN bench_item i ON i.template_id = t.%(item)s",
                    table=SQL.identifier(field.relation),
                    item=SQL.identifier(field.column1),
                    other=SQL.identifier(field.column2),
                )
            )

    def _copy_matchings(self):
        """Each payment with its invoice, as their templates are matched."""
        self.env.cr.execute(
            """
            CREATE TEMP TABLE bench_match AS
            SELECT p.id AS template_id, c.number, c.matching, c.factor, c.date,
                   debit.id AS debit_id, credit.id AS credit_id
              FROM account_partial_reconcile p
              JOIN bench_item debit ON debit.template_id = p.debit_move_id
              JOIN bench_item credit ON credit.template_id = p.credit_move_id
                                    AND credit.pays = debit.number
              JOIN bench_copy c ON c.id = credit.move_id;
            ANALYZE bench_match
            """
        )
        self.env.cr.execute("SELECT COUNT(*) FROM bench_match")
        first = self._reserve("account_partial_reconcile", self.env.cr.fetchone()[0] + 1)
        self._insert(
            "account.full.reconcile",
            {"id": "m.matching"},
            SQL(
                "bench_match m, account_partial_reconcile p "
                "WHERE p.id = m.template_id AND t.id = p.full_reconcile_id"
            ),
        )
        self._insert(
            "account.partial.reconcile",
            {
                "id": f"{first} + ROW_NUMBER() OVER (ORDER BY m.number)",
                "debit_move_id": "m.debit_id",
                "credit_move_id": "m.credit_id",
                "full_reconcile_id": "m.matching",
                "max_date": "m.date",
            },
            SQL("bench_match m WHERE m.template_id = t.id"),
            factor="m.factor",
        )
        self.env.cr.execute("DROP TABLE bench_match")

    def _reserve(self, table, count):
        """First of so many ids that nobody else gets."""
        self.env.cr.execute(
            SQL(
                "SELECT setval(%(sequence)s, nextval(%(sequence)s) + %(count)s)",
                sequence=f"{table}_id_seq",
                count=int(count),
            )
        )
        return self.env.cr.fetchone()[0] - int(count)

    def _insert(self, model, own, source, factor="c.factor"):
        """Copy rows of a template ``t``: all columns as they are, but for its ``own``.

        Amounts are the template's times the copy's factor.
        """
        records = self.env[model]
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
            "AND table_schema = current_schema",
            [records._table],
        )
        values = {}
        for (name,) in self.env.cr.fetchall():
            field = records._fields.get(name)
            is_amount = field is not None and field.type == "monetary"
            values[name] = own.get(name, f't."{name}"' + (f" * {factor}" if is_amount else ""))
        missing = own.keys() - values.keys()
        if missing:
            raise RuntimeError(f"{model} has no column {missing}.")
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM %s t, %s",
                SQL.identifier(records._table),
                SQL(", ").join(SQL.identifier(name) for name in values),
                SQL(", ".join(values.values()).replace("%", "%%")),
                SQL.identifier(records._table),
                source,
            )
        )

    # --- is it a ledger? --------------------------------------------------------

    def check(self):
        """What the ORM makes of it, against SQL that asks neither residuals nor flags."""
        for what, query in WRONG.items():
            self.env.cr.execute(f"SELECT COUNT(*) FROM ({query}) wrong")
            [(count,)] = self.env.cr.fetchall()
            if count:
                raise RuntimeError(f"The ledger is no ledger: {count} {what}.")
        invoices = self.env["account.move"].search([("move_type", "=", "out_invoice")], order="id")
        sample = invoices[:: max(len(invoices) // 200, 1)]
        self._check_balances(sample.partner_id)
        kinds = sample.grouped(lambda move: (move.payment_state, move.currency_id))
        if self.foreign_percent and ("not_paid", self.foreign_currency) not in kinds:
            raise RuntimeError(f"The ledger is too small: no invoice is in {FOREIGN}.")
        for kind in kinds.values():
            some = kind[:8]
            self._check_computed(some, MOVE_FIELDS)
            self._check_computed(some.line_ids, ITEM_FIELDS)
            for move in some[:1]:
                Form(move)  # reads what the form shows
        self.env.invalidate_all()

    def _check_balances(self, customers):
        self.env.cr.execute(OWED, [tuple(customers.ids)])
        owed = dict(self.env.cr.fetchall())
        for customer in customers:
            if customer.account_balance != float(owed.get(customer.id, 0)):
                raise RuntimeError(
                    f"{customer.name} owes {owed.get(customer.id)}, not {customer.account_balance}."
                )

    def _check_computed(self, records, names):
        """Computed anew, the stored fields are what was written."""
        for name in names:
            field = records._fields[name]
            written = [record[name] for record in records]
            self.env.add_to_compute(field, records)
            computed = [record[name] for record in records]
            if written != computed:
                raise RuntimeError(f"{field} is {computed} and was written as {written}.")


def _receivable(move):
    return move.line_ids.filtered(lambda item: item.account_type == "asset_receivable")


def _where_set(value, *names):
    """Values of columns that are empty where the template's are."""
    return {name: f"CASE WHEN t.{name} IS NULL THEN NULL ELSE {value} END" for name in names}


WRONG = {
    "entries do not balance": "SELECT move_id FROM account_move_line "
    "GROUP BY move_id HAVING SUM(balance) <> 0 OR SUM(debit - credit) <> 0",
    "totals are not what is booked as receivable": """
        SELECT m.id FROM account_move m
          JOIN account_move_line i ON i.move_id = m.id
          JOIN account_account a ON a.id = i.account_id AND a.account_type = 'asset_receivable'
         WHERE m.move_type = 'out_invoice'
      GROUP BY m.id
        HAVING SUM(i.balance) <> m.amount_total_signed
            OR SUM(i.amount_residual) <> m.amount_residual_signed
            OR SUM(i.amount_currency) <> m.amount_total
            OR SUM(i.amount_residual_currency) <> m.amount_residual""",
    "amounts in their currency are not worth what is booked": """
        SELECT i.id FROM account_move_line i
          JOIN account_move m ON m.id = i.move_id
          JOIN res_company c ON c.id = m.company_id
         CROSS JOIN LATERAL (
               SELECT CASE m.move_type WHEN 'entry' THEN 1 ELSE m.invoice_currency_rate END AS rate
               ) booked
         WHERE i.currency_id <> m.currency_id
            OR (i.currency_id = c.currency_id) <> (booked.rate = 1)
            OR i.balance <> ROUND(i.amount_currency / booked.rate, 2)""",
    "matched amounts are not what is settled": """
        SELECT i.id FROM account_move_line i
          JOIN account_account a ON a.id = i.account_id AND a.account_type = 'asset_receivable'
          LEFT JOIN (SELECT debit_move_id AS id, SUM(amount) AS amount,
                            SUM(debit_amount_currency) AS amount_currency
                       FROM account_partial_reconcile GROUP BY 1
                      UNION ALL
                     SELECT credit_move_id, -SUM(amount), -SUM(credit_amount_currency)
                       FROM account_partial_reconcile GROUP BY 1) matched ON matched.id = i.id
         WHERE i.balance - COALESCE(matched.amount, 0) <> i.amount_residual
            OR i.amount_currency - COALESCE(matched.amount_currency, 0)
               <> i.amount_residual_currency
            OR i.reconciled <> (i.amount_residual = 0)""",
    "items belong nowhere": """
        SELECT i.id FROM account_move_line i
          LEFT JOIN account_move m ON m.id = i.move_id
          LEFT JOIN res_partner p ON p.id = i.partner_id
         WHERE m.id IS NULL OR p.id IS NULL OR m.name <> i.move_name OR m.date <> i.date""",
    "matchings belong nowhere": """
        SELECT r.id FROM account_partial_reconcile r
          LEFT JOIN account_move_line d ON d.id = r.debit_move_id
                                       AND d.full_reconcile_id = r.full_reconcile_id
          LEFT JOIN account_move_line c ON c.id = r.credit_move_id
                                       AND c.full_reconcile_id = r.full_reconcile_id
          LEFT JOIN account_full_reconcile f ON f.id = r.full_reconcile_id
         WHERE d.id IS NULL OR c.id IS NULL OR f.id IS NULL OR d.partner_id <> c.partner_id""",
}
OWED = """
    SELECT i.partner_id, SUM(i.balance)
      FROM account_move_line i
      JOIN account_account a ON a.id = i.account_id
     WHERE a.account_type = 'asset_receivable' AND i.partner_id IN %s
  GROUP BY i.partner_id
"""
MOVE_FIELDS = (
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "amount_residual",
    "amount_total_signed",
    "amount_residual_signed",
    "amount_total_in_currency_signed",
    "payment_state",
    "commercial_partner_id",
    "invoice_partner_display_name",
    "amount_written_off",
    "write_off_state",
)
ITEM_FIELDS = (
    "amount_residual",
    "amount_residual_currency",
    "reconciled",
    "price_subtotal",
    "price_total",
    "amount_currency",
    "parent_state",
    "move_name",
    "date",
)
