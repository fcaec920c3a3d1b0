"""An empty list says what to do next, to whoever may do it."""

from lxml import html

from odoo.tests import tagged

from ..rights_common import MODULE, RightsCommon


@tagged("post_install", "-at_install")
class TestNextStep(RightsCommon):
    def _get_help(self, kind, action):
        env = self._as(kind, self.env["ir.actions.act_window"])
        return env._for_xml_id(f"{MODULE}.{action}")["help"]

    def test_who_may_not_make_one_is_not_told_to(self):
        cases = [
            ("ar_billing_profile_action", "admin", "invoicing", "“New” makes one"),
            ("ar_billing_service_action", "invoicing", "readonly", "“New” adds one"),
            ("ar_write_off_batch_action", "write_off", "invoicing", "You are assigned"),
        ]
        for action, may, may_not, words in cases:
            with self.subTest(action):
                self.assertIn(words, self._get_help(may, action))
                text = self._get_help(may_not, action)
                self.assertNotIn(words, text)
                self.assertIn("o_view_nocontent_smiling_face", text)
        self.assertIn("administers", self._get_help("invoicing", "ar_billing_profile_action"))
        self.assertNotIn("administers", self._get_help("admin", "ar_billing_profile_action"))

    def test_a_link_is_one_for_those_who_may_open_it(self):
        for kind, linked in (("invoicing", True), ("readonly", False)):
            with self.subTest(kind):
                text = self._get_help(kind, "ar_billing_run_action")
                self.assertIn("Create Invoices", text)
                self.assertEqual('href="/odoo/create-invoices"' in text, linked)
                self.assertIn('href="/odoo/billing-profiles"', text)

    def test_every_list_of_ours_says_what_to_do(self):
        """And every link in it leads to a list or window that there is."""
        actions = self.env["ir.actions.act_window"]
        known = set(actions.search([("path", "!=", False)]).mapped("path"))
        menus = self.env["ir.model.data"].search(
            [("module", "=", MODULE), ("model", "=", "ir.ui.menu")]
        )
        opened = self.env["ir.ui.menu"].browse(menus.mapped("res_id")).mapped("action")
        ours = actions.browse([action.id for action in opened if action]).filtered(
            lambda action: action.target == "current"
        )
        self.assertGreater(len(ours), 8)
        for action in ours:
            with self.subTest(action.path):
                text = action.read(["help"])[0]["help"] or ""
                self.assertIn("o_view_nocontent", text)
                for link in html.fragment_fromstring(text, create_parent="div").iter("a"):
                    self.assertIn(link.get("href").removeprefix("/odoo/"), known)

    def test_no_list_shows_money_that_nobody_has(self):
        views = self.env["ir.ui.view"].search(
            [("key", "=", False), ("type", "in", ("list", "pivot", "graph"))]
        )
        ours = views.filtered(lambda view: (view.xml_id or "").startswith(f"{MODULE}."))
        self.assertGreater(len(ours), 10)
        self.assertFalse(ours.filtered(lambda view: 'sample="1"' in view.arch).mapped("name"))

    def test_what_is_no_help_is_given_back(self):
        for text in ("", "<p>Nothing</p>", "ar_may_create", '<a href="/odoo/nowhere">There</a>'):
            with self.subTest(text):
                answer = self.env["ar.billing.run"].get_empty_list_help(text)
                self.assertNotIn("<a", answer)


@tagged("post_install", "-at_install")
class TestMenus(RightsCommon):
    def test_the_headings_show_what_a_person_may_open(self):
        expected = {
            "invoicing": {"Billing", "Groups", "Write-Offs", "Balances"},
            "readonly": {"Billing", "Groups", "Write-Offs", "Balances"},
            "write_off": {"Billing", "Groups", "Write-Offs", "Balances"},
            "nobody": set(),
        }
        top = self.env.ref("account.menu_finance_receivables")
        headings = self.env["ir.ui.menu"].search(
            [("parent_id", "=", top.id), ("action", "=", False)]
        )
        for kind, names in expected.items():
            with self.subTest(kind):
                visible = self._as(kind, self.env["ir.ui.menu"])._visible_menu_ids()
                shown = headings.filtered(lambda menu: menu.id in visible)  # noqa: B023
                self.assertEqual(set(shown.mapped("name")), names)
        for name in ("Create Invoices", "Process Invoice Write-Offs"):
            menu = self.env["ir.ui.menu"].search(
                [("name", "=", name), ("parent_id", "in", headings.ids)]
            )
            self.assertEqual(len(menu), 1)
