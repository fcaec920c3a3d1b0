"""What the columns and filters cost, whatever the size of the page."""

from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL, Query

from ..common import BalanceCommon


@tagged("post_install", "-at_install")
class TestBalanceQueries(BalanceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create([{"name": f"C{n:02}"} for n in range(40)])
        cls.invoices = cls.env["account.move"].create(
            [cls._invoice_vals(customer, 100 + n) for n, customer in enumerate(cls.customers)]
        )
        cls.invoices[::2]._post(soft=False)
        cls.env.flush_all()

    def _queries(self, call):
        call()  # access rights and the like are read once per process
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        call()
        return self.env.cr.sql_log_count - before

    def test_reading_both_columns_costs_the_same_for_2_and_for_40_invoices(self):
        names = [
            "name",
            "amount_residual_signed",
            "invoice_balance",
            "account_balance",
            "balance_class",
        ]
        costs = [
            self._queries(lambda moves=moves: moves.read(names))
            for moves in (self.invoices[:2], self.invoices)
        ]
        self.assertEqual(costs[0], costs[1])
        plain = self._queries(lambda: self.invoices.read(names[:2]))
        # One for the balances; the others look up accounts, companies, partners, user.
        self.assertLessEqual(costs[1] - plain, 6)

    def test_the_list_of_the_web_client_costs_the_same_for_any_page(self):
        specification = {
            "name": {},
            "partner_id": {"fields": {"display_name": {}}},
            "invoice_balance": {},
            "account_balance": {},
            "balance_class": {},
        }
        domain = [("id", "in", self.invoices.ids)]
        moves = self.env["account.move"]
        costs = [
            self._queries(lambda n=n: moves.web_search_read(domain, specification, limit=n))
            for n in (4, 40)
        ]
        self.assertEqual(costs[0], costs[1])

    def test_all_figures_of_any_number_of_customers_cost_one_query(self):
        names = self.env["ar.balance"]._get_figure_names()
        costs = [
            self._queries(lambda partners=partners: partners.read(names))
            for partners in (self.customers[:2], self.customers)
        ]
        self.assertEqual(costs[0], costs[1])

    def test_search_sort_and_sum_join_one_grouped_select(self):
        moves = self.env["account.move"]
        query = moves._search(
            [("account_balance", ">", 0), ("account_balance", "<", 500)],
            order="account_balance DESC",
        )
        text = query.select().code
        self.assertEqual(text.count("SUM("), 1, text)

    def test_building_a_search_does_not_run_it(self):
        """The truth of a query is whether it finds anything: asking for it runs it."""
        asked = []
        truth = Query.__bool__

        def is_true(query):
            asked.append(query.table)
            return truth(query)

        with patch.object(Query, "__bool__", is_true):
            self.env["account.move"]._search(
                [("account_balance", ">", 0), ("balance_class", "=", "balance_only")],
                order="account_balance DESC",
            )
        self.assertNotIn("account_move", asked)

    def test_the_planner_reads_only_open_items_of_a_grown_ledger(self):
        """Most items of a ledger are settled; a balance must not look at them.

        Either partial index will do: which of the two is cheaper depends on how many
        pages a vacuum has marked as visible, and there is none inside a test.
        """
        settled = self.invoices.filtered(lambda move: move.state == "posted").line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )[:1]
        self.env.flush_all()
        columns = """move_id, journal_id, company_id, account_id, currency_id, partner_id, name,
            parent_state, date, date_maturity, display_type, debit, credit, balance,
            amount_currency"""
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO account_move_line (%(columns)s, amount_residual, reconciled)
                SELECT %(columns)s, 0, TRUE FROM account_move_line, generate_series(1, 20000)
                 WHERE id = %(line)s
                """,
                columns=SQL(columns),
                line=settled.id,
            )
        )
        self.env.cr.execute("ANALYZE account_move_line")
        select = self.env["ar.balance"]._select_figures(["account_balance"], self.company)
        self.env.cr.execute("EXPLAIN " + select.code, select.params)
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertRegex(plan, "account_move_line_(ar_open_item_idx|unreconciled_index)", plan)
        self.assertNotIn("Seq Scan on account_move_line", plan)
        self.env.cr.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'account_move_line_ar_open_item_idx'"
        )
        [(definition,)] = self.env.cr.fetchall()
        self.assertIn("INCLUDE (company_id, amount_residual", definition)
