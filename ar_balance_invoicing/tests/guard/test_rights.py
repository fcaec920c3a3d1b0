"""Who sees and changes what: customers in the portal, other companies, branches, readers."""

import inspect
import re
from contextlib import suppress

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import SQL, mute_logger

from ..access_common import MODULE, EveryModelCommon, get_own_parts

# What everybody may see of ours who may see the document itself.
FOR_EVERYBODY = {
    "account.move": {"invoice_balance", "status_in_payment"},
    "account.move.line": {"days_overdue"},
}
QUIET = ("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_access", "odoo.models")


@tagged("post_install", "-at_install")
class TestPortal(EveryModelCommon, HttpCase):
    """A customer reads his invoices, and not what we think of him."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.records["ar.billing.run.line"].move_id
        cls.written_off = cls.records["ar.write.off.line"].move_id
        cls.dora = cls._make_user("dora", "base.group_portal")
        cls.dora.partner_id.parent_id = cls.invoice.partner_id
        tag = cls.env["res.partner.category"].create({"name": "Pays late"})
        cls.invoice.partner_id.category_id = tag

    def test_only_a_balance_of_each_invoice(self):
        seen = {}
        for record in (self.invoice, self.invoice.line_ids[0], self.invoice.partner_id):
            theirs = self._as(self.dora, record)
            own = [name for name, field in record._fields.items() if MODULE in field._modules]
            self.assertTrue(own)
            seen[record._name] = set()
            for name in own:
                with self.subTest(field=name):
                    self._assert_all_or_nothing(theirs, name, seen)
        self.assertEqual({k: v for k, v in seen.items() if v}, FOR_EVERYBODY)

    def _assert_all_or_nothing(self, record, name, seen):
        """Every way of reading a field is open, or every one is closed."""
        self.env.invalidate_all()
        try:
            record.read([name])
        except AccessError as error:
            self.assertNotIn("July", str(error))
        else:
            seen[record._name].add(name)
            return
        ways = [lambda: record[name], lambda: record.web_read({name: {}})]
        # Who asks for tags of the customer is asked for core's own path to them instead.
        if name != "customer_tag_ids":
            ways.append(lambda: record.search([(name, "!=", False)]))
            ways.append(lambda: record.filtered_domain([(name, "!=", False)]))
        if record._fields[name].store and record._fields[name].type != "one2many":
            ways.append(lambda: record.search([], order=name))
            ways.append(lambda: record._read_group([], [name]))
        if record._fields[name].relational and name != "customer_tag_ids":
            ways.append(lambda: record.search([(f"{name}.display_name", "ilike", "u")]))
        for way in ways:
            self.env.invalidate_all()
            with self.assertRaises(AccessError), mute_logger(*QUIET):
                way()

    def test_ours_are_no_fields_to_choose_from(self):
        offered = self._as(self.dora, self.invoice).fields_get()
        ours = {name for name in offered if MODULE in self.invoice._fields[name]._modules}
        self.assertEqual(ours, FOR_EVERYBODY["account.move"])

    def test_none_of_our_documents(self):
        for record in self.records.values():
            theirs = self._as(self.dora, record)
            for way in (
                lambda theirs=theirs: theirs.read(["display_name"]),
                lambda theirs=theirs: theirs.search([]),
                lambda theirs=theirs: theirs.name_search("", limit=1),
                lambda theirs=theirs: theirs.web_read({"display_name": {}}),
            ):
                with self.subTest(model=record._name), mute_logger(*QUIET):
                    with self.assertRaises(AccessError) as refused:
                        way()
                    self.assertNotIn(record.sudo().display_name or "?", str(refused.exception))

    def test_the_page_and_the_print_are_complete(self):
        """What is printed for him is read for him: previous balance, written off, total."""
        self.authenticate("dora", "dora")
        page = self.url_open(f"/my/invoices/{self.invoice.id}")
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.invoice.name, page.text)
        html = self.url_open(f"/my/invoices/{self.invoice.id}?report_type=html")
        self.assertEqual(html.status_code, 200)
        for text in ("Previous balance", "Total due"):
            self.assertIn(text, html.text)
        html = self.url_open(f"/my/invoices/{self.written_off.id}?report_type=html")
        self.assertIn("Written off on", html.text)
        for text in ("July", "Spring", "Pays late", self.records["ar.write.off"].name):
            self.assertNotIn(text, page.text + html.text)

    def test_written_off_is_said_and_not_paid(self):
        theirs = self._as(self.dora, self.written_off)
        self.assertEqual(theirs.status_in_payment, "written_off")
        found = theirs.search([("status_in_payment", "=", "written_off")])
        self.assertEqual(found, theirs)


@tagged("post_install", "-at_install")
class TestWithoutAccounting(EveryModelCommon):
    """People who work on invoices by the rights of other addons are not stopped by ours."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buyer = cls._make_user("buyer", "base.group_user")
        access = {"perm_read": True, "perm_write": True, "perm_create": True, "perm_unlink": True}
        group = cls.env["res.groups"].create({"name": "Buyers"})
        for model in ("account.move", "account.move.line"):
            cls.env["ir.model.access"].create(
                {
                    "name": f"{model} buyers",
                    "model_id": cls.env["ir.model"]._get_id(model),
                    "group_id": group.id,
                    **access,
                }
            )
        cls.buyer.group_ids |= group

    def test_a_document_is_made_changed_cancelled_and_deleted(self):
        bill = self._as(self.buyer, self.env["account.move"]).create(
            {"move_type": "in_invoice", "partner_id": self.anna.id}
        )
        bill.write({"ref": "B/1", "company_id": self.company.id})
        self.env.flush_all()
        bill.button_cancel()
        self.assertEqual(bill.state, "cancel")
        bill.unlink()

    def test_screens_of_core_ask_for_nothing_of_ours(self):
        """Neither as a column nor in a filter, nor in what hides something."""
        moves = self._as(self.buyer, self.env["account.move"])
        fields = [field for field in moves._fields.values() if MODULE in field._modules]
        ours = {field.name for field in fields} - FOR_EVERYBODY["account.move"]
        for xmlid in ("view_move_form", "view_out_invoice_tree", "view_account_invoice_filter"):
            view = self.env.ref(f"account.{xmlid}")
            arch = moves.get_view(view.id, view.type)["arch"]
            complete = self.env["account.move"].get_view(view.id, view.type)["arch"]
            with self.subTest(view=xmlid):
                self.assertFalse({name for name in ours if re.search(rf"\b{name}\b", arch)})
                self.assertTrue({name for name in ours if re.search(rf"\b{name}\b", complete)})


@tagged("post_install", "-at_install")
class TestOtherCompany(EveryModelCommon):
    """An administrator of another company, who tries ids."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = ["account.group_account_manager", "base.group_partner_manager"]
        groups.append("base.group_allow_export")
        cls.foreigner = cls._make_user("foreigner", ",".join(groups), cls.other)
        cls.theirs = cls._invoice(cls.anna, 5, company=cls.other, post=False)

    def _assert_refused(self, way, *names):
        for lost in (False, True):
            with self.subTest(lost=lost), mute_logger(*QUIET):
                with self.assertRaises(UserError) as refused, self.env.cr.savepoint():
                    way(lost)
                text = str(refused.exception)
                for name in names:
                    self.assertNotIn(name, text)
                if not lost:
                    told = text
        self.assertEqual(text, told, "whether there is such a record is not told either")

    def _id(self, record, lost):
        return 2**31 - 1 if lost else record.id

    def test_the_group_of_an_invoice(self):
        theirs = self._as(self.foreigner, self.theirs)
        self._assert_refused(
            lambda lost: theirs.write({"invoice_group_id": self._id(self.group, lost)}), "July"
        )
        self._assert_refused(
            lambda lost: theirs.create(
                {"move_type": "out_invoice", "invoice_group_id": self._id(self.group, lost)}
            ),
            "July",
        )
        self._assert_refused(
            lambda lost: theirs.with_context(
                default_invoice_group_id=self._id(self.group, lost)
            ).create({"move_type": "out_invoice"}),
            "July",
        )
        self.assertFalse(self.theirs.invoice_group_id)

    def test_what_is_no_id_at_all(self):
        theirs = self._as(self.foreigner, self.theirs)
        for nonsense in ("x", "1", 1.5, True, 2**70, -1, (1, "July"), "\x00"):
            with self.subTest(nonsense=nonsense), self.assertRaises(UserError):
                theirs.write({"invoice_group_id": nonsense})

    def test_the_profile_of_a_customer(self):
        customers = self._as(self.foreigner, self.env["res.partner"])
        customer = customers.create({"name": "Theirs"})
        self._assert_refused(
            lambda lost: customer.write({"billing_profile_id": self._id(self.profile, lost)}),
            "Monthly",
        )
        self._assert_refused(
            lambda lost: customers.create(
                {"name": "New", "billing_profile_id": self._id(self.profile, lost)}
            ),
            "Monthly",
        )

    def test_nothing_is_found_or_read(self):
        for model, record in self.records.items():
            theirs = self._as(self.foreigner, record)
            name = record.display_name or "?"
            with self.subTest(model=model), mute_logger(*QUIET):
                self.assertNotIn(record.id, theirs.search([]).ids)
                self.assertNotIn(record.id, [found for found, _n in theirs.name_search(name)])
                if not record._auto:
                    # A question: to him the row does not exist.
                    self.env.invalidate_all()
                    self.assertEqual(theirs.read(["display_name"]), [])
                    self.assertEqual(theirs.web_read({"display_name": {}}), [])
                    continue
                for way in (
                    lambda theirs=theirs: theirs.read(["display_name"]),
                    lambda theirs=theirs: theirs.export_data(["display_name"]),
                    lambda theirs=theirs: theirs.web_read({"display_name": {}}),
                    lambda theirs=theirs: theirs.write({}) or theirs.unlink(),
                ):
                    self.env.invalidate_all()
                    with self.assertRaises(AccessError) as refused:
                        way()
                    self.assertNotIn(name, str(refused.exception))

    def test_the_form_tells_no_name(self):
        """What the web client asks for while a form is filled in with foreign ids."""
        moves = self._as(self.foreigner, self.env["account.move"])
        spec = {"invoice_group_id": {"fields": {"display_name": {}}}, "move_type": {}}
        told = ""
        for moves_, values in (
            (moves.with_context(default_invoice_group_id=self.group.id), {}),
            (moves, {"invoice_group_id": self.group.id, "move_type": "out_invoice"}),
        ):
            for names in ([], [*values]):
                try:
                    told += str(moves_.onchange(values, names, spec))
                except UserError as error:
                    told += str(error)
        self.assertNotIn("July", told)


@tagged("post_install", "-at_install")
class TestWindows(EveryModelCommon):
    """A pop-up belongs to who opened it."""

    def test_nobody_elses(self):
        colleague = self._make_user("colleague", "account.group_account_manager")
        own = 0
        for model, window in self.records.items():
            if not window._transient:
                continue
            theirs = self._as(colleague, window)
            self.assertNotIn(window.id, theirs.search([]).ids)
            for way in (
                lambda theirs=theirs: theirs.read(["display_name"]),
                lambda theirs=theirs: theirs.write({}),
                lambda theirs=theirs: theirs.unlink(),
            ):
                with self.subTest(model=model), mute_logger(*QUIET):
                    self.assertRaises(AccessError, way)
            own += 1
        self.assertEqual(own, 13)

    def test_ones_own(self):
        colleague = self._make_user("colleague", "account.group_account_invoice")
        wizards = self._as(colleague, self.env["ar.invoice.group.add"])
        wizard = wizards.create({"name": "August", "invoice_ids": [Command.set([])]})
        wizard.write({"name": "September"})
        self.assertEqual(wizard.read(["name"])[0]["name"], "September")
        self.assertEqual(wizards.search([]), wizard)
        wizard.unlink()


@tagged("post_install", "-at_install")
class TestReader(EveryModelCommon):
    """“Read-only” reads, and changes nothing by whatever he calls."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = cls._make_user("reader", "account.group_account_readonly")
        # Somebody made a mistake: that alone gives no right.
        cls.records["ar.write.off.batch"].user_ids |= cls.reader
        cls.invoice = cls.records["ar.billing.run.line"].move_id

    def _get_public_methods(self, model):
        """``{name: function}`` of what is written in this addon."""
        return {
            name: value
            for part in get_own_parts(model)
            for name, value in vars(part).items()
            if inspect.isfunction(value)
            and not name.startswith("_")
            and not getattr(getattr(type(model), name), "_api_private", False)
        }

    def _get_arguments(self, method):
        """Something for each parameter that has to be given."""
        parameters = list(inspect.signature(method).parameters.values())[1:]
        samples = {"vals_list": [{}], "vals": {}, "fields": [], "operation": "write"}
        samples |= {"values": {}, "field_names": [], "fields_spec": {}}
        return [
            samples.get(parameter.name, False)
            for parameter in parameters
            if parameter.default is parameter.empty
            and parameter.kind == parameter.POSITIONAL_OR_KEYWORD
        ]

    def _checksum(self):
        """Of every table that we or the ledger write."""
        self.env.flush_all()
        tables = {
            model._table for model in self._get_own_models() if not model._abstract and model._auto
        }
        tables |= {"account_move", "account_move_line", "account_partial_reconcile"}
        tables |= {"res_partner", "res_company", "res_users", "product_category"}
        tables |= {"mail_message", "mail_activity", "ir_cron_trigger", "account_journal"}
        return {
            table: self.env.execute_query(
                SQL(
                    "SELECT COUNT(*), MD5(STRING_AGG(t::text, '|' ORDER BY id)) FROM %s t",
                    SQL.identifier(table),
                )
            )
            for table in sorted(tables)
        }

    def _assert_unchanged(self, way):
        before = self._checksum()
        with suppress(UserError), mute_logger(*QUIET), self.env.cr.savepoint():
            way()
        self.assertEqual(self._checksum(), before)

    def test_no_public_method_changes_anything(self):
        records = {
            **self.records,
            "account.move": self.invoice,
            "res.partner": self.invoice.partner_id,
        }
        called = 0
        for record in records.values():
            theirs = self._as(self.reader, record)
            for name, method in self._get_public_methods(record).items():
                with self.subTest(model=record._name, method=name):
                    arguments = self._get_arguments(method)
                    self._assert_unchanged(
                        lambda theirs=theirs, name=name, args=arguments: getattr(theirs, name)(
                            *args
                        )
                    )
                    called += 1
        self.assertGreater(called, 60)

    def test_he_reads_and_exports(self):
        for record in self.records.values():
            theirs = self._as(self.reader, record)
            if record._transient:
                with mute_logger(*QUIET), self.assertRaises(AccessError):
                    theirs.read(["display_name"])
            else:
                self.assertEqual(theirs.display_name, record.display_name)
                theirs.read()
        self.assertTrue(self._as(self.reader, self.group).export_xlsx())
        self.assertEqual(self._as(self.reader, self.invoice).invoice_group_id, self.group)

    def test_he_writes_nothing(self):
        for record in self.records.values():
            theirs = self._as(self.reader, record)
            for way in (
                lambda theirs=theirs: theirs.create({}),
                lambda theirs=theirs: theirs.write({}),
                lambda theirs=theirs: theirs.unlink(),
                lambda theirs=theirs: theirs.copy(),
            ):
                with self.subTest(model=record._name), mute_logger(*QUIET):
                    with self.assertRaises(UserError), self.env.cr.savepoint():
                        way()
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self._as(self.reader, self.invoice).write({"invoice_group_id": False})


@tagged("post_install", "-at_install")
class TestDefaultBatch(EveryModelCommon):
    """A default batch is one that its user may use, whoever chooses it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("clerk", "ar_balance_invoicing.group_write_off")
        cls.admin = cls._make_user("admin2", "account.group_account_manager,base.group_erp_manager")
        cls.mine, cls.secret = cls.env["ar.write.off.batch"].create(
            [{"name": "Mine"}, {"name": "Secret"}]
        )
        cls.mine.user_ids |= cls.clerk

    def _choose(self, who, whose, batch_id):
        user = self._as(who, whose)
        user.write({"ar_default_write_off_batch_id": batch_id})
        self.env.flush_all()
        return user.ar_default_write_off_batch_id.id

    def _assert_refused(self, who, whose, batch_id):
        with self.assertRaises(UserError) as refused, self.env.cr.savepoint():
            self._choose(who, whose, batch_id)
        self.assertNotIn("Secret", str(refused.exception))
        self.env.invalidate_all()

    def test_ones_own(self):
        self.assertEqual(self._choose(self.clerk, self.clerk, self.mine.id), self.mine.id)
        self.assertFalse(self._choose(self.clerk, self.clerk, False))
        for batch_id in (self.secret.id, 2**31 - 1, 2**70):
            self._assert_refused(self.clerk, self.clerk, batch_id)
        self.assertFalse(self.clerk.ar_default_write_off_batch_id)

    def test_an_administrator_for_somebody_else(self):
        self.assertEqual(self._choose(self.admin, self.clerk, self.mine.id), self.mine.id)
        self._assert_refused(self.admin, self.clerk, self.secret.id)
        # An administrator of accounting may use every batch, and has no right to give away.
        self.assertEqual(self._choose(self.admin, self.admin, self.secret.id), self.secret.id)

    def test_a_closed_one(self):
        self.mine.action_close()
        self._assert_refused(self.clerk, self.clerk, self.mine.id)

    def test_of_another_company(self):
        batches = self.env["ar.write.off.batch"].with_context(allowed_company_ids=self.other.ids)
        foreign = batches.create({"name": "Secret", "company_id": self.other.id})
        foreign.user_ids |= self.clerk
        self._assert_refused(self.clerk, self.clerk, foreign.id)
        # Nor by naming the company that he does not belong to.
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.clerk.with_company(self.other).ar_default_write_off_batch_id = foreign
            self.env.flush_all()
        self.clerk.company_ids |= self.other
        self.clerk.with_company(self.other).ar_default_write_off_batch_id = foreign
        self.assertFalse(self.clerk.with_company(self.company).ar_default_write_off_batch_id)

    def test_without_the_right_to_write_off(self):
        reader = self._make_user("reader", "account.group_account_readonly")
        self.mine.user_ids |= reader
        self._assert_refused(reader, reader, self.mine.id)

    def test_of_a_new_user(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.env["res.users"].create(
                {"name": "New", "login": "new", "ar_default_write_off_batch_id": self.secret.id}
            )


@tagged("post_install", "-at_install")
class TestBranch(EveryModelCommon):
    """Who belongs to a branch only sees totals of the one ledger, and its own documents."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("branch", "account.group_account_invoice", cls.branch)
        cls.customer = cls.env["res.partner"].create({"name": "Both"})
        cls.at_root = cls._invoice(cls.customer, 100)
        cls.at_branch = cls._invoice(cls.customer, 20, company=cls.branch)

    def test_the_total_is_that_of_the_ledger(self):
        ledger = self._ledger_balances()[self.customer.id, self.company.id]
        self.assertEqual(ledger, 120)
        customer = self._as(self.clerk, self.customer)
        self.assertEqual(customer.account_balance, 120)
        invoice = self._as(self.clerk, self.at_branch)
        self.assertEqual((invoice.account_balance, invoice.invoice_balance), (120, 20))
        self.assertEqual(invoice.balance_class, "service_balance")
        found = customer.search([("account_balance", "=", 120), ("id", "=", customer.id)])
        self.assertEqual(found, customer)

    def test_documents_of_the_root_are_not_shown(self):
        invoices = self._as(self.clerk, self.env["account.move"])
        mine = [("partner_id", "=", self.customer.id)]
        self.assertEqual(invoices.search(mine).ids, self.at_branch.ids)
        action = self._as(self.clerk, self.customer).action_open_receivable_items()
        items = self._as(self.clerk, self.env["account.move.line"]).search(action["domain"])
        self.assertEqual(items.move_id.ids, self.at_branch.ids)
        with mute_logger(*QUIET), self.assertRaises(AccessError):
            self._as(self.clerk, self.at_root).read(["account_balance"])

    def test_written_off_is_what_its_own_documents_wrote_off(self):
        self._write_off(self.at_root)
        self.assertEqual(self.customer.amount_written_off, 100)
        self.env.invalidate_all()
        customer = self._as(self.clerk, self.customer)
        self.assertEqual((customer.account_balance, customer.amount_written_off), (20, 0))


@tagged("post_install", "-at_install")
class TestConditions(EveryModelCommon):
    """Conditions of invoices that somebody typed, or an attacker did."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("clerk", "account.group_account_invoice")
        cls.wizard = cls._as(cls.clerk, cls.env["ar.invoice.group.add"]).create(
            {"source": "search", "name": "Found"}
        )

    def _type(self, text):
        self.wizard.domain = text
        self.wizard.flush_recordset()
        return self.wizard

    def test_nonsense_is_answered_by_a_sentence(self):
        for text in (
            "[('id', 'in', ['x'])]",
            "[('id', '=', 'x')]",
            "[('no_such_field', '=', 1)]",
            "[('partner_id.name.foo', '=', 1)]",
            "[('partner_id.no_such.name', '=', 1)]",
            f"[('id', '=', {2**70})]",
            f"[('amount_total', '>', {'9' * 400})]",
            "[('amount_total', '>', 1e999)]",
            "[('invoice_date', '>', 'yesterday, or so')]",
            "[('invoice_date', '=', 5)]",
            "[('state', 'likes', 'posted')]",
            "[('state', '=', {'a': 1})]",
            "[('line_ids', 'any', 5)]",
            "[('line_ids', 'any!', [('id', '>', 0)])]",
            "[('line_ids', 'any', [('nothing', '=', 1)])]",
            "[[['id']]]",
            "[1, 2, 3]",
            "['&']",
            "['!']",
            "{'id': 1}",
            "id = 5",
            "[('id', '=', self)]",
            "__import__('os').getcwd()",
            "(",
            "'\x00'",
            "[('name', '=', '\\x00')]",
            "[" * 150 + "]" * 150,
            "[" * 50000 + "]" * 50000,
            "-" * 50000 + "1",
            "[" + "'!', " * 20000 + "('id', '=', 1)]",
            "[" + "'&', " * 3000 + "('id', '=', 1), " * 3000 + "('no', '=', 1)]",
            "[('" + "partner_id." * 2000 + "name', '=', 1)]",
        ):
            with self.subTest(text=text[:60]), mute_logger("odoo.domains"):
                try:
                    self._type(text.replace("\x00", "\\0"))
                    self.wizard.action_add()
                except UserError as error:
                    self.assertRegex(
                        str(error), "cannot be understood|No invoice is ticked|are kept: shorten it"
                    )
                else:
                    self.fail("accepted")
                self.env.invalidate_all()

    def test_the_database_goes_on(self):
        with self.assertRaisesRegex(UserError, "cannot be understood"):
            self._type("[('id', 'in', ['x'])]").action_add()
        self._type(f"[('partner_id', '=', {self.records['ar.write.off.line'].partner_id.id})]")
        self.assertGreater(self.wizard.found_count, 0)

    def test_nobody_asks_for_what_he_may_not_read(self):
        for text in (
            "[('partner_id.signup_type', '=', 'reset')]",
            "[('invoice_user_id.password', 'like', 'a%')]",
            "[('company_id.user_ids.totp_secret', '!=', False)]",
        ):
            with self.subTest(text=text), mute_logger(*QUIET), self.assertRaises(UserError):
                self._type(text).found_count  # noqa: B018
            self.env.invalidate_all()

    def test_only_invoices_that_he_sees(self):
        self._invoice(self.anna, 5, company=self.other)
        self._type(f"[('partner_id', '=', {self.anna.id})]")
        self.assertEqual(self.wizard.found_count, 0)


@tagged("post_install", "-at_install")
class TestGroupIsKept(EveryModelCommon):
    """A group is renamed, annotated, archived and given to somebody else (S6)."""

    def test_by_its_user(self):
        clerk = self._make_user("clerk", "account.group_account_invoice")
        group = self._as(clerk, self.group)
        group.write({"name": "July and August"})
        group.write({"note": "Second half by post"})
        group.write({"user_id": clerk.id})
        group.write({"active": False})
        group.action_unarchive()
        self.env.flush_all()
        self.assertEqual(
            (group.name, group.note, group.user_id, group.active),
            ("July and August", "Second half by post", clerk, True),
        )
        self.assertEqual(len(self.group.invoice_ids), 2)
