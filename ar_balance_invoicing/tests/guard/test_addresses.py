"""Each list that a button opens has an address: a reload, Back or a link shows the same."""

from lxml import etree

from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from ..access_common import MODULE, EveryModelCommon


@tagged("post_install", "-at_install")
class TestAddresses(EveryModelCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # What a list must not show that forgets whose it is.
        other = cls._make_profile("Other")
        other._make_periods()
        cls._serve(cls._make_customers("Fred", profile=other))

    def _get_buttons(self):
        """Every button of ours that opens something, on a record of its model."""
        for record in self.records.values():
            for name in dir(type(record)):
                if name.startswith(("action_view_", "action_open_")):
                    method = getattr(type(record), name)
                    if MODULE in (method.__module__ or ""):
                        yield record, name

    def _open(self, record, name):
        """The action that a button answers with, if it opens a list."""
        try:
            with self.env.cr.savepoint():
                action = getattr(record, name)()
        except (UserError, AccessError, RedirectWarning):
            return None  # nothing to be seen just now
        if not action or action.get("type") != "ir.actions.act_window":
            return None
        views = action.get("views") or [[False, action["view_mode"].split(",")[0]]]
        is_list = views[0][1] in ("list", "kanban") and not action.get("res_id")
        return action if is_list and action.get("target") != "new" else None

    def _find_by_address(self, action, record):
        """What the address of a list finds: its action, and the id that stands before it."""
        stored = self.env["ir.actions.act_window"].search([("path", "=", action.get("path"))])
        self.assertTrue(action.get("path") and stored, "it has no address")
        context = action.get("context") or {}
        active_id = context.get("active_id", record.id) if isinstance(context, dict) else record.id
        known = {
            "active_id": active_id,
            "uid": self.env.uid,
            "allowed_company_ids": self.env.companies.ids,
        }
        domain = safe_eval(stored.domain or "[]", known)
        # The client looks into archived records only if the action says so.
        kept = safe_eval(stored.context or "{}", known)
        return self.env[stored.res_model].with_context(**kept).search(domain)

    def test_a_list_is_found_again_by_its_address(self):
        tried = set()
        for record, name in self._get_buttons():
            action = self._open(record, name)
            if not action:
                continue
            with self.subTest(f"{record._name}.{name}"):
                context = action.get("context") or {}
                domain = action.get("domain") or []
                if isinstance(domain, str):
                    domain = safe_eval(domain, {"active_id": record.id, "uid": self.env.uid})
                if isinstance(context, str):
                    context = safe_eval(context, {"active_id": record.id, "uid": self.env.uid})
                shown = self.env[action["res_model"]].with_context(**context).search(domain)
                self.assertEqual(self._find_by_address(action, record), shown)
                tried.add((record._name, name))
        self.assertGreater(len(tried), 10)

    def test_every_list_can_be_sorted_as_its_view_says(self):
        """Also lists within forms; the server is asked, as the client asks it."""
        data = self.env["ir.model.data"].search(
            [("module", "=", MODULE), ("model", "=", "ir.ui.view")]
        )
        tried = 0
        for view in self.env["ir.ui.view"].browse(data.mapped("res_id")):
            for node in etree.fromstring(view.arch).xpath("//*[@default_order]"):
                model = self.env[view.model]
                for parent in reversed([p for p in node.iterancestors("field") if p.get("name")]):
                    if parent.get("name") in model._fields:
                        model = self.env[model._fields[parent.get("name")].comodel_name]
                with self.subTest(view=view.name, model=model._name):
                    model.search([], order=node.get("default_order"), limit=1)
                tried += 1
        self.assertGreater(tried, 1)
