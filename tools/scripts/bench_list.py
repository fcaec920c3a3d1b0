"""The list of invoices with our columns, filters and sorting.

Beside: the same list without our two columns; the same filter or sorting by SQL written
by hand (one grouped sub-select, joined), which knows that there is one company and asks
for no rights. Where a page is read, both sides read its records through the ORM.
"""

import bench_case
from bench_drafts import add_drafts, put_back, vacuum
from lxml import etree

PAGE = 80
# The web client counts no further.
COUNT_LIMIT = 10001
OPEN_PERCENT = 20
DOMAIN = [("move_type", "in", ("out_invoice", "out_refund"))]
COLUMNS = ("invoice_balance", "account_balance")
BALANCES = """
    SELECT m.id, {more}
      FROM account_move m
      LEFT JOIN (SELECT customer, SUM(amount) AS balance
                   FROM (SELECT p.commercial_partner_id AS customer, i.amount_residual AS amount
                           FROM account_move_line i
                           JOIN account_account a ON a.id = i.account_id
                           JOIN res_partner p ON p.id = i.partner_id
                          WHERE a.account_type = 'asset_receivable'
                            AND i.parent_state = 'posted'
                            AND i.reconciled IS NOT TRUE
                          {drafts}) part
               GROUP BY customer) account
        ON account.customer = m.commercial_partner_id
     WHERE m.move_type IN ('out_invoice', 'out_refund')
"""
# What is matched with a draft, where there is any.
MATCHED_DRAFTS = """ARRAY(SELECT id FROM account_move_line
                       WHERE parent_state != 'posted' AND matching_number IS NOT NULL)"""
DRAFTS = f"""
    UNION ALL
    SELECT p.commercial_partner_id, side.amount
      FROM (SELECT credit_move_id AS item, -amount AS amount
              FROM account_partial_reconcile WHERE debit_move_id = ANY({MATCHED_DRAFTS})
             UNION ALL
            SELECT debit_move_id, amount
              FROM account_partial_reconcile WHERE credit_move_id = ANY({MATCHED_DRAFTS})) side
      JOIN account_move_line i ON i.id = side.item AND i.parent_state = 'posted'
      JOIN account_account a ON a.id = i.account_id AND a.account_type = 'asset_receivable'
      JOIN res_partner p ON p.id = i.partner_id
"""
OWED = "COALESCE(account.balance, 0)"
ORDER = "m.date DESC, m.name DESC, m.invoice_date DESC, m.id DESC"


class Case(bench_case.Case):
    def populate(self):
        ledger = self.fill_ledger(self.options.invoices, OPEN_PERCENT)
        self.about |= {"invoices": ledger.invoices, "page": PAGE}
        self._add_drafts(ledger)
        self.title = (
            f"A list of {ledger.invoices} invoices and {self.options.drafts} drafts, "
            f"pages of {PAGE}"
        )
        self.log_in()
        self.moves = self.env["account.move"].with_context(default_move_type="out_invoice")
        self.core, self.addon = self._get_specifications()

    def _add_drafts(self, ledger):
        add_drafts(ledger, min(self.options.drafts, ledger.invoices))
        put_back(ledger, self.options.back_in_draft)
        self.about |= {name: getattr(self.options, name) for name in ("drafts", "back_in_draft")}
        vacuum(self.root.cr)
        self.balances = BALANCES.replace("{drafts}", DRAFTS)

    def _get_specifications(self):
        """What the web client reads for core's columns, and for all of this addon's."""
        view = self.moves.env.ref("account.view_out_invoice_tree")
        arch = etree.fromstring(self.moves.get_view(view.id, "list")["arch"])
        core, addon = {}, {}
        for node in arch.iter("field"):
            field = self.moves._fields[node.get("name")]
            ours = "ar_balance_invoicing" in field._modules and "account" not in field._modules
            relational = field.type in ("many2one", "many2many")
            (addon if ours else core)[field.name] = (
                {"fields": {"display_name": {}}} if relational else {}
            )
        missing = set(COLUMNS) - addon.keys()
        if missing:
            raise RuntimeError(f"The list does not show {missing}.")
        return core, addon

    def compare(self):
        self._read()
        for name, condition in (("> 0", (">", 0)), ("= 0", ("=", 0))):
            self._filter(name, [*DOMAIN, ("account_balance", *condition)])
        self._sort()
        self._group()

    # --- reading ----------------------------------------------------------------

    def _page(self, specification, number, domain=DOMAIN):
        return self.moves.web_search_read(
            domain,
            specification,
            offset=number * PAGE,
            limit=PAGE,
            order=self.moves._order,
            count_limit=COUNT_LIMIT,
        )

    def _read(self):
        def plain(number):
            return self._page(self.core, number)

        for what, added, target in (
            ("read: page with our two columns", dict.fromkeys(COLUMNS, {}), 1.1),
            ("read: page with all our columns", self.addon, None),
        ):
            self.compare_found(
                what,
                lambda number, added=added: self._page({**self.core, **added}, number),
                plain,
                target,
                times=5,
                after=lambda page, added=added: _without(page, added),
            )

    # --- filters ----------------------------------------------------------------

    def _filter(self, name, domain):
        matching = self.balances.format(more="1") + f"AND {OWED} {name}"

        def page(number):
            return f"{matching} ORDER BY {ORDER} LIMIT {PAGE} OFFSET {number * PAGE}"

        def count(limit=""):
            return self.select(f"SELECT COUNT(*) FROM ({matching} {limit}) found")[0][0]

        def search(number):
            offset = number * PAGE
            return self.moves.search(domain, offset, PAGE, self.moves._order).ids

        def read(number):
            ids = [row[0] for row in self.select(page(number))]
            records = self.moves.browse(ids).web_read(self.core)
            return {"length": count(f"LIMIT {COUNT_LIMIT}"), "records": records}

        label = f"filter: account balance {name}"
        self.compare_found(
            f"{label}, count", lambda _: self.moves.search_count(domain), lambda _: count(), 2
        )
        self.compare_found(
            f"{label}, ids of a page",
            search,
            lambda number: [row[0] for row in self.select(page(number))],
            2,
        )
        self.compare_found(
            f"{label}, web_search_read",
            lambda number: self._page(self.core, number, domain),
            read,
            2,
        )

    # --- sorting and grouping -----------------------------------------------------

    def _sort(self):
        for direction in ("DESC", "ASC"):
            select = (
                self.balances.format(more="1") + f"ORDER BY {OWED} {direction}, m.id LIMIT {PAGE}"
            )
            order = f"account_balance {direction}, id"
            self.compare_found(
                f"sort: account balance {direction}, first page",
                lambda _, order=order: self.moves.search(DOMAIN, limit=PAGE, order=order).ids,
                lambda _, select=select: [row[0] for row in self.select(select)],
                2,
            )

    def _group(self):
        def group(_number):
            return self.moves.formatted_read_group(DOMAIN, ["balance_class"], ["__count"])

        if sum(row["__count"] for row in group(0)) != self.moves.search_count(DOMAIN):
            raise RuntimeError("Groups by balance class do not hold all invoices.")
        self.compare_found("group: balance class", group)


def _without(page, names):
    records = [
        {name: value for name, value in record.items() if name not in names}
        for record in page["records"]
    ]
    return {**page, "records": records}
