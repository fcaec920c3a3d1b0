"""Work in the background: a document that fails fails alone, and nothing stops the lanes."""

import io
import os
import resource
import time
from unittest.mock import patch

import psycopg2
from reportlab.pdfgen import canvas

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools.mail import html2plaintext
from odoo.tools.misc import mute_logger
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

from ...models.bulk_document import ar_bulk_document_work, ar_bulk_lanes
from ...models.bulk_document.ar_bulk_lanes import WORKING
from ...tools.work_limits import cpu_seconds_left
from ..invoice_group_common import GroupCommon

LOGGER = "odoo.addons.ar_balance_invoicing.models.bulk_document.ar_bulk_document"
INK = ValueError("ink is out")
LOGGERS = (LOGGER, f"{LOGGER}_work", "odoo.addons.base.models.ir_cron")


class LanesCommon(GroupCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ar_background_seconds = 0.001  # everything is left to the workers
        groups = "account.group_account_invoice,ar_balance_invoicing.group_write_off"
        cls.clerk, cls.colleague = (
            new_test_user(
                cls.env,
                login,
                groups,
                name=login.title(),
                company_id=cls.company.id,
                company_ids=[(6, 0, cls.env.companies.ids)],
            )
            for login in ("clerk", "colleague")
        )
        cls.lanes = cls.env["ar.bulk.lanes"]._get_lanes()

    def _confirm_later(self, *names, count=1, user=None):
        """A queued task for a group of each name, which confirms so many drafts."""
        tasks = self.env["ar.invoice.task"]
        for name in names:
            group = self.env["ar.invoice.group"].create({"name": name})
            for _draft in range(count):
                group.add_invoices(self._invoice(self.anna, 5, post=False))
            group.with_user(user or self.clerk).action_confirm_drafts()
            tasks |= group.task_ids
        self.assertEqual(set(tasks.mapped("state")), {"queued"})
        return tasks

    def _work(self):
        """What a cron worker does when it looks."""
        with mute_logger(*LOGGERS), self.enter_registry_test_mode():
            self.lanes[0].method_direct_trigger()
        self.env.invalidate_all()

    def _break(self, document, method, error):
        """A method of ours raises for one document."""
        model = self.env.registry[document._name]
        intact = getattr(model, method)

        def broken(records, *arguments, **options):
            if records == document:
                raise error
            return intact(records, *arguments, **options)

        return patch.object(model, method, broken)


@tagged("post_install", "-at_install")
class TestLanes(LanesCommon):
    # --- one fails, the others go on ----------------------------------------

    def test_whatever_fails_fails_alone(self):
        for number, (method, left) in enumerate(
            (
                ("_as_owner", "todo"),
                ("_check_owner", "todo"),
                ("_fail_stopped", "todo"),
                ("_begin_chunk", "todo"),
                ("_work_on", "todo"),
                ("_explain", "todo"),
                ("_finish", "done"),
                ("_after_finish", "done"),
            )
        ):
            with self.subTest(method):
                bad, good = self._confirm_later(f"Bad {number}", f"Good {number}")
                with (
                    self._break(bad, "_begin_chunk" if method == "_explain" else method, INK),
                    self._break(bad, "_explain" if method == "_explain" else "_is_small", INK),
                ):
                    self._work()
                    self._check_failed(bad, "ink is out", left)
                self.assertRecordValues(good, [{"state": "done", "failed_count": 0}])
                bad.with_user(self.clerk).action_retry()
                self.assertFalse(bad.activity_ids)
                self._work()
                self.assertRecordValues(bad, [{"state": "done", "error": False, "done_count": 1}])
                self.assertFalse(bad.activity_ids)

    def _check_failed(self, document, sentence, line_state):
        self.assertEqual(document.state, "failed")
        self.assertIn(sentence, document.error)
        self.assertEqual(set(document.line_ids.mapped("state")), {line_state})
        self.assertRecordValues(document.activity_ids, [{"user_id": document.user_id.id}])
        self.assertIn(sentence, html2plaintext(document.activity_ids.note))

    def test_a_rights_error_while_a_line_is_marked(self):
        bad, good = self._confirm_later("Bad", "Good")
        line_model = self.env.registry["ar.invoice.task.line"]

        def refuse(lines, reason):
            raise AccessError(lines.env._("You may not write this line."))

        with (
            self._break(bad, "_process_lines", ValueError("torn")),
            patch.object(line_model, "_mark_failed", refuse),
        ):
            self._work()
        self._check_failed(bad, "You may not write this line.", "todo")
        self.assertEqual(good.state, "done")

    def test_who_is_slower_each_time_is_left_to_the_next_look(self):
        bad, good = self._confirm_later("Contended", "Good")
        with self._break(bad, "_work_on", psycopg2.OperationalError("could not serialize")):
            self._work()
        self.assertRecordValues(bad, [{"state": "running", "error": False}])
        self.assertEqual(bad.line_ids.attempts, 0, "no server was stopped")
        self.assertEqual(good.state, "done")
        self._work()
        self.assertEqual(bad.state, "done")

    def test_an_error_at_the_end_of_what_a_user_waits_for(self):
        self.company.ar_background_seconds = 5
        self.group.add_invoices(self._invoice(self.anna, 5, post=False))
        model = self.env.registry["ar.invoice.task"]

        def broken(task):
            raise UserError(task.env._("No room on the disk."))

        with patch.object(model, "_after_finish", broken):
            self.group.with_user(self.clerk).action_confirm_drafts()
        task = self._task()
        self._check_failed(task, "No room on the disk.", "done")
        task.with_user(self.colleague).action_retry()
        self.assertRecordValues(
            task, [{"state": "done", "error": False, "user_id": self.colleague.id}]
        )
        self.assertFalse(task.activity_ids)

    def test_what_failed_as_a_whole_can_be_given_up(self):
        (task,) = self._confirm_later("Bad", count=2)
        with self._break(task, "_begin_chunk", INK):
            self._work()
        task.with_user(self.clerk).action_cancel()
        self.assertRecordValues(task, [{"state": "cancelled", "error": False, "waiting_count": 2}])
        self.assertFalse(task.activity_ids)
        task.with_user(self.clerk).action_retry()
        self._work()
        self.assertRecordValues(task, [{"state": "done", "done_count": 2}])

    def test_undoing_that_failed_is_taken_up_as_undoing(self):
        invoices = self._invoice(self.customer, 5) | self._invoice(self.customer, 6)
        document = self._write_off(invoices, process=False).with_user(self.clerk)
        document.action_process()
        self._work()
        document.action_undo()
        with self._break(document.sudo(), "_begin_chunk", INK):
            self._work()
        self.assertRecordValues(document, [{"state": "failed", "operation": "undo"}])
        document.action_retry()
        self._work()
        self.assertEqual(document.state, "undone")
        self.assertEqual(sum(invoices.mapped("amount_residual")), 11)

    # --- whose rights -------------------------------------------------------

    def test_the_work_is_done_by_whoever_pressed_the_button(self):
        (task,) = self._confirm_later("Mine", user=self.colleague)
        self.assertEqual(task.user_id, self.colleague)
        self._work()
        self.assertEqual(task.state, "done")
        self.assertEqual(task.group_id.invoice_ids.write_uid, self.colleague)

    def test_an_owner_who_may_no_longer(self):
        billing = self.env.ref("account.group_account_invoice")
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        ways = {
            "is archived.": lambda user: user.write({"active": False}),
            f"does not have the right “{billing.name}”": lambda user: user.write(
                {"group_ids": [(6, 0, self.env.ref("base.group_user").ids)]}
            ),
            f"may not work in {self.company.name}.": lambda user: user.write(
                {"company_id": elsewhere.id, "company_ids": [(6, 0, elsewhere.ids)]}
            ),
        }
        for number, (sentence, lose) in enumerate(ways.items()):
            with self.subTest(sentence):
                owner = self.clerk.copy({"login": f"owner{number}", "name": f"Owner {number}"})
                (bad,) = self._confirm_later(f"Bad {number}", user=owner)
                (good,) = self._confirm_later(f"Good {number}")
                lose(owner)
                self._work()
                self.assertEqual((bad.state, good.state), ("failed", "done"))
                self.assertIn(f"Owner {number}", bad.error)
                self.assertIn(sentence, bad.error)
                self.assertIn("presses Retry", bad.error)
                self.assertEqual(bad.line_ids.state, "todo")
                self.assertEqual(bad.group_id.invoice_ids.state, "draft", "nothing was done")
                # There is nobody to remind who could open it: a note is left.
                self.assertFalse(bad.activity_ids)
                self.assertIn(sentence, html2plaintext(bad.message_ids[0].body))
                bad.with_user(self.colleague).action_retry()
                self.assertEqual(bad.user_id, self.colleague)
                self._work()
                self.assertEqual(bad.state, "done")

    def test_whoever_made_it_is_told_when_the_owner_is_gone(self):
        document = self._write_off(self._invoice(self.customer, 5), process=False)
        self.assertEqual(document.create_uid, self.env.user)
        document.with_user(self.clerk).action_process()
        self.assertEqual(document.user_id, self.clerk)
        self.clerk.group_ids -= self.env.ref("ar_balance_invoicing.group_write_off")
        self.clerk.active = False
        self._work()
        self.assertEqual(document.state, "failed")
        self.assertEqual(document.activity_ids.user_id, self.env.user)
        document.action_retry()
        self._work()
        self.assertEqual((document.state, document.user_id), ("done", self.env.user))

    def test_the_right_to_write_off_is_asked_again(self):
        invoice = self._invoice(self.customer, 5)
        document = self._write_off(invoice, process=False).with_user(self.clerk)
        document.action_process()
        self.clerk.group_ids -= self.env.ref("ar_balance_invoicing.group_write_off")
        self._work()
        document = document.sudo()
        self.assertEqual((document.state, invoice.amount_residual), ("failed", 5))
        self.assertIn("Clerk does not have the right “Write Off”.", document.error)

    def test_cancelling_needs_no_rights_of_the_owner(self):
        (task,) = self._confirm_later("Whoever")
        self.clerk.active = False
        task._write_inside(
            {"cancel_requested": True}
        )  # a worker had it in hand when Cancel was pressed
        self._work()
        self.assertRecordValues(task, [{"state": "cancelled", "error": False}])

    def test_what_a_superusers_code_queued_is_done_as_superuser(self):
        self._make_customers("Automatic")
        run = self._run().with_user(SUPERUSER_ID)
        run._launch_in_background()
        self._work()
        self.assertEqual((run.state, run.user_id.id), ("done", SUPERUSER_ID))

    # --- what stops the server ----------------------------------------------

    def _work_in_spite_of_kills(self, document):
        """Workers come again until the document is done; return how many were killed."""
        kills = 0
        while document.state in WORKING:
            try:
                self._work()
            except SystemExit:
                kills += 1
                self.env.invalidate_all()
                self.assertLess(kills, 4)
        self.assertEqual(document.state, "done")
        return kills

    def test_a_line_that_stops_the_server_is_not_begun_for_ever(self):
        (task,) = self._confirm_later("Deadly", count=14)
        (other,) = self._confirm_later("After it")
        poison = task.line_ids[4]
        sizes = []

        def work(document, lines):
            if document == task:
                sizes.append(len(lines))
                if poison in lines:
                    raise SystemExit("killed")
            return intact(document, lines)

        model = self.env.registry["ar.invoice.task"]
        intact = model._work_on
        with (
            patch.object(model, "_work_on", work),
            patch.object(ar_bulk_document_work, "SECONDS_OF_CLAIMING", -1),
        ):
            self.assertEqual(self._work_in_spite_of_kills(other), 3)
        # All together; then an eighth of a chunk; then each of these alone.
        self.assertEqual(sizes[:2], [14, 12])
        self.assertEqual(sorted(sizes[2:]), [1] * 12 + [2])
        self.assertEqual(task.state, "failed")
        self.assertFalse(task.error, "the line says it")
        self.assertEqual(task.line_ids.mapped("state").count("done"), 13)
        self.assertEqual(poison.state, "failed")
        self.assertIn("The server stopped the work on it 3 times", poison.reason)
        task.with_user(self.clerk).action_retry()
        self._work()
        self.assertEqual((task.state, poison.state), ("done", "done"))

    def test_an_end_that_stops_the_server_is_not_begun_for_ever(self):
        bad, good = self._confirm_later("Endless", "After it")
        with self._break(bad, "_finish", SystemExit("killed")):
            self.assertEqual(self._work_in_spite_of_kills(good), 3)
        self._check_failed(bad, "the end was begun 3 times", "done")

    # --- how long it takes --------------------------------------------------

    def test_chunks_are_as_large_as_fits(self):
        (task,) = self._confirm_later("Long", count=3)
        for seconds, size in ((0, 100), (0.001, 100), (0.1, 60), (2, 3), (50, 1)):
            task._write_inside({"line_seconds": seconds})
            self.assertEqual(task._get_chunk_limit(), size)
        task._write_inside({"line_seconds": 4})
        # A look has time for several chunks; each is measured.
        self._work()
        self.assertEqual(task.state, "done")
        self.assertTrue(0 < task.line_seconds < 4, task.line_seconds)

    def test_long_work_is_left_to_the_workers(self):
        """The company says from how many seconds on; printing is slow anyhow."""
        self.company.ar_background_seconds = 20
        tasks = self.env["ar.invoice.task"]
        self.group.add_invoices(
            self.env["account.move"].union(*(self._invoice(self.anna, 5) for _ in range(6)))
        )
        printing = tasks._create_for_group(self.group, "pdf")
        self.assertFalse(printing._is_small())
        self.assertTrue(tasks._create_for_group(self.group, "send")._is_small())
        printing.line_ids[0]._unlink_inside()
        printing.invalidate_recordset()
        self.assertTrue(printing._is_small())
        self.company.ar_background_seconds = 0.9
        self.assertFalse(printing._is_small())

    def test_what_takes_longer_than_expected_is_left_to_the_workers(self):
        self.company.ar_background_seconds = 5
        for amount in (1, 2, 3):
            self.group.add_invoices(self._invoice(self.anna, amount, post=False))
        model = self.env.registry["ar.invoice.task"]
        with (
            patch.object(model, "_is_small", lambda task: True),
            patch.object(model, "_chunk_size", 1),
            patch.object(ar_bulk_document_work, "LONGEST_WAIT", -1),
        ):
            action = self.group.with_user(self.clerk).action_confirm_drafts()
        task = self._task()
        self.assertRecordValues(task, [{"state": "running", "done_count": 1, "waiting_count": 2}])
        self.assertEqual(action["res_id"], task.id, "progress is shown")
        self._work()
        self.assertRecordValues(task, [{"state": "done", "done_count": 3}])

    def test_no_chunk_is_begun_that_the_server_would_not_let_end(self):
        (task,) = self._confirm_later("Late", count=4)
        self.env["ir.cron.trigger"].search([]).unlink()
        with patch.object(ar_bulk_lanes, "cpu_seconds_left", lambda: 2):
            self._work()
        self.assertRecordValues(task, [{"state": "queued", "done_count": 0}])
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "in", self.lanes.ids)])
        self.assertEqual(triggers.cron_id, self.lanes, "the next worker begins at once")
        task._write_inside({"line_seconds": 1})
        self.env.flush_all()
        with (
            patch.object(ar_bulk_document_work, "cpu_seconds_left", lambda: 9),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            begun = task.with_env(self.env(cr=cr))._begin_chunk()
            self.assertEqual(len(begun), 3, "a third of what is left")

    def test_the_servers_limit_is_known(self):
        limits = resource.getrlimit(resource.RLIMIT_CPU)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CPU, limits)
        soon = int(time.process_time()) + 30
        resource.setrlimit(resource.RLIMIT_CPU, (soon, limits[1]))
        self.assertTrue(27 < cpu_seconds_left() <= 31, cpu_seconds_left())

    # --- what it waits for --------------------------------------------------

    def test_a_document_says_what_it_waits_for(self):
        first, second = self._confirm_later("First", "Second")
        (theirs,) = self._confirm_later("Theirs")
        self.assertIn("Queued since", second.waiting_text)
        self.assertIn("taken up within a minute or two", second.waiting_text)
        first._mark_running(self.env.cr.now())
        second.invalidate_recordset()
        self.assertIn(f"busy with {first.display_name}.", second.waiting_text)
        self.assertFalse(first.waiting_text)
        self.lanes.active = False
        documents = (first | theirs).with_user(self.clerk)
        documents.invalidate_recordset()
        for document in documents:
            self.assertIn("lane 1”, “", document.waiting_text)
            self.assertIn("are switched off. Ask an administrator", document.waiting_text)

    def test_administrators_are_told_when_a_lane_stands_still(self):
        settings = self.env["res.config.settings"]
        self.assertFalse(settings.create({}).ar_lane_notice)
        self.lanes[0].active = False
        self.lanes[1].write({"failure_count": 3, "first_failure_date": "2026-03-04 05:06:07"})
        first, second = settings.create({}).ar_lane_notice.splitlines()
        self.assertIn("lane 1” is switched off", first)
        self.assertIn("lane 2” has failed 3 times since", second)


@tagged("post_install", "-at_install")
class TestBrokenPdf(LanesCommon):
    """One PDF of all, when files of some invoices are broken."""

    def setUp(self):
        super().setUp()
        self.invoices = [self._invoice(self.anna, amount) for amount in (1, 2, 3, 4)]
        self.files = [
            self._store(invoice, self._draw(f"Page {number}"))
            for number, invoice in enumerate(self.invoices)
        ]
        self.group.add_invoices(self.env["account.move"].union(*self.invoices))

    def _draw(self, text):
        content = io.BytesIO()
        page = canvas.Canvas(content, pageCompression=0)
        page.drawString(50, 700, text)
        page.save()
        return content.getvalue()

    def _store(self, invoice, content):
        """The PDF that the customer got."""
        return self.env["ir.attachment"].create(
            {
                "name": "sent.pdf",
                "raw": content,
                "res_model": "account.move",
                "res_field": "invoice_pdf_report_file",
                "res_id": invoice.id,
            }
        )

    def _encrypt(self, content):
        writer = PdfFileWriter()
        writer.add_page(PdfFileReader(io.BytesIO(content)).pages[0])
        writer.encrypt("secret", "owner")
        encrypted = io.BytesIO()
        writer.write(encrypted)
        return encrypted.getvalue()

    def _lose(self, attachment):
        """As after a restore of the database without all of its files."""
        os.unlink(attachment._full_path(attachment.store_fname))
        attachment.invalidate_recordset()

    def _print(self):
        self.group.with_user(self.clerk).action_print()
        self._work()
        return self._task()

    def _texts(self, task):
        reader = PdfFileReader(io.BytesIO(task.pdf_id.raw))
        return [page.extract_text().strip() for page in reader.pages]

    def test_broken_files_are_named_and_the_others_printed(self):
        cut, locked, lost, _good = self.files
        whole = cut.raw
        cut.raw = whole[: len(whole) // 2]
        locked.raw = self._encrypt(locked.raw)
        self._lose(lost)
        task = self._print()
        self.assertEqual((task.state, task.error), ("failed", False))
        self.assertEqual(task.line_ids.mapped("state"), ["failed"] * 3 + ["done"])
        words = ("cannot be read (EOF marker", "cannot be read (File has not", "file is gone")
        for line, why in zip(task.line_ids, words, strict=False):
            self.assertIn(f"The stored PDF of {line.move_id.name}", line.reason)
            self.assertIn(why, line.reason)
            self.assertIn("Delete it among the invoice's attachments", line.reason)
        self.assertEqual(self._texts(task), ["Page 3"])
        for number, attachment in enumerate(self.files[:3]):
            attachment.raw = self._draw(f"Mended {number}")
        task.with_user(self.clerk).action_retry()
        self._work()
        self.assertEqual(task.state, "done", task.line_ids.mapped("reason"))
        self.assertEqual(self._texts(task), ["Mended 0", "Mended 1", "Mended 2", "Page 3"])

    def test_a_page_that_is_lost_before_all_are_put_together(self):
        task_model = self.env.registry["ar.invoice.task"]
        intact = task_model._after_finish

        def lose_a_page(task):
            line = task.line_ids[1]
            line.sudo()._write_inside({"pdf": False})
            return intact(task)

        with patch.object(task_model, "_after_finish", lose_a_page):
            task = self._print()
        self.assertEqual(task.line_ids.mapped("state"), ["done", "failed", "done", "done"])
        self.assertIn(f"What was printed for {self.invoices[1].name}", task.line_ids[1].reason)
        self.assertEqual(
            (task.state, self._texts(task)), ("failed", ["Page 0", "Page 2", "Page 3"])
        )
        task.with_user(self.clerk).action_retry()
        self._work()
        self.assertEqual((task.state, len(self._texts(task))), ("done", 4))
