"""Spreadsheets, opened as their readers open them, and compared with the ledger."""

import base64
import io
import os
from collections import namedtuple
from datetime import date, datetime
from decimal import Decimal
from unittest.mock import patch

import openpyxl

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ...models.xlsx import ar_xlsx_export
from ...tools import xlsx
from ..write_off_common import WriteOffBatchCommon

Currency = namedtuple("Currency", "name symbol position decimal_places")
USD = Currency("USD", "$", "before", 2)
CAD = Currency("CAD", "$", "before", 2)
EUR = Currency("EUR", "€", "after", 2)
JPY = Currency("JPY", "¥", "before", 0)
KWD = Currency("KWD", "KD", "after", 3)

Row = namedtuple("Row", "value currency", defaults=[None])


def write(*rows, kind="text", total=False, digits=None, label="Label", title="Sheet"):
    """A workbook of one column, as bytes."""
    column = xlsx.Column(
        label, kind, lambda row: row.value, lambda row: row.currency, digits, total
    )
    file = io.BytesIO()
    with xlsx.XlsxWriter(file) as writer:
        name = xlsx.Column("Name", "text", lambda row: "a row")
        writer.add_sheet(title, [column, name], rows)
    return file.getvalue()


def load(content, **options):
    """The workbook: with its formulas, or with ``data_only`` their results."""
    return openpyxl.load_workbook(io.BytesIO(content), **options)


@tagged("post_install", "-at_install")
class TestXlsxWriter(BaseCase):
    """The file itself, without any record."""

    def _cells(self, *values, **options):
        """Cells of the first column, header and totals left out."""
        sheet = load(write(*(Row(value) for value in values), **options)).active
        return [sheet.cell(number + 2, 1) for number in range(len(values))]

    def test_text_stays_text(self):
        names = [
            '=HYPERLINK("x")',
            "{=1+1}",
            "+1",
            "@SUM(1)",
            "00123",
            "https://example.com",
            "mailto:a@example.com",
            "_x0041_",
            "Möller & Söhne <b>",
            "two\nlines",
            "𝔘𝔫𝔦 😀",
        ]
        cells = self._cells(*names)
        self.assertEqual({cell.data_type for cell in cells}, {"s"})
        self.assertEqual([unescape(cell.value) for cell in cells], names)
        self.assertFalse(any(cell.hyperlink for cell in cells))

    def test_text_that_would_spoil_the_file(self):
        control, pair, rich, lines = self._cells(
            "a\x00b\x0bc\ufffe", "a\ud800b", "<r><t>x</r>", "a\r\nb\rc"
        )
        self.assertEqual(control.value, "abc")
        self.assertEqual(pair.value, "ab")
        self.assertEqual(rich.value.strip(), "<r><t>x</r>")
        self.assertEqual(lines.value, "a\nb\nc")

    def test_long_text_is_cut(self):
        plain, wide, mixed = self._cells("x" * 40_000, "😀" * 20_000, "x" + "😀" * 20_000)
        self.assertEqual(plain.value, "x" * 32_767)
        # Two units each.
        self.assertEqual(wide.value, "😀" * 16_383)
        self.assertEqual(mixed.value, "x" + "😀" * 16_383)

    def test_real_dates(self):
        day, old = self._cells(date(2024, 2, 29), date(1899, 12, 31), kind="date")
        self.assertEqual((day.value, day.data_type), (datetime(2024, 2, 29), "d"))
        self.assertEqual(day.number_format, "yyyy-mm-dd")
        self.assertEqual((old.value, old.data_type), ("1899-12-31", "s"))
        [time] = self._cells(datetime(2024, 2, 29, 23, 59, 58), kind="datetime")
        self.assertEqual((time.value, time.data_type), (datetime(2024, 2, 29, 23, 59, 58), "d"))

    def test_nothing_is_not_zero(self):
        for kind in ("integer", "float", "monetary"):
            cells = self._cells(0, None, False, kind=kind)
            self.assertEqual([cell.value for cell in cells], [0, None, None])
        yes, no, nothing = self._cells(True, False, None, kind="boolean")
        self.assertEqual((yes.value, no.value, nothing.value), (True, False, None))
        self.assertEqual(no.data_type, "b")

    def test_decimals_of_numbers(self):
        def pattern(value, **options):
            return self._cells(value, **options)[0].number_format

        self.assertEqual(pattern(1234, kind="integer"), "#,##0")
        self.assertEqual(pattern(1.5, kind="float"), "General")
        self.assertEqual(pattern(1.5, kind="float", digits=4), "#,##0.0000")

    def test_each_currency_has_its_format(self):
        odd = Currency("ODD", 'a"b;[Red]', "after", 2)
        none = Currency("NONE", "", "after", 2)
        rows = [Row(-1234.5, currency) for currency in (USD, EUR, JPY, KWD, odd, none, None)]
        sheet = load(write(*rows, kind="monetary")).active
        self.assertEqual(
            [sheet.cell(number + 2, 1).number_format for number in range(len(rows))],
            [
                '"$\xa0"#,##0.00',
                '#,##0.00"\xa0€"',
                '"¥\xa0"#,##0',
                '#,##0.000"\xa0KD"',
                '#,##0.00"\xa0ab;[Red]"',
                "#,##0.00",
                "#,##0.00",
            ],
        )

    def test_totals_are_exact(self):
        rows = [Row(0.1, EUR)] * 30 + [Row(None), Row(-0.01, EUR)]
        content = write(*rows, kind="monetary", total=True)
        total = load(content).active.cell(34, 1)
        self.assertEqual(total.value, "=SUBTOTAL(109,A2:A33)")
        self.assertEqual(total.number_format, '#,##0.00"\xa0€"')
        sheet = load(content, data_only=True).active
        self.assertEqual(str(sheet.cell(34, 1).value), "2.99")
        self.assertEqual(sheet.cell(34, 2).value, "Total")

    def test_mixed_currencies_have_no_total(self):
        # Dollars that look alike are not the same.
        for currencies in ((USD, CAD), (USD, None), (None, None)):
            rows = [Row(1, currency) for currency in currencies]
            sheet = load(write(*rows, kind="monetary", total=True)).active
            self.assertEqual([cell.value for cell in sheet[4]], [None, "Total"])

    def test_no_totals(self):
        sheet = load(write(Row(1, USD), kind="monetary")).active
        self.assertEqual(sheet.max_row, 2)
        sheet = load(write(kind="monetary", total=True)).active
        self.assertEqual(sheet.max_row, 1)

    def test_header_and_filter(self):
        sheet = load(write(Row("a"), Row("b"), label="=Label\x01")).active
        self.assertEqual((sheet["A1"].value, sheet["A1"].data_type), ("=Label", "s"))
        self.assertTrue(sheet["A1"].font.bold)
        self.assertEqual(sheet.freeze_panes, "A2")
        self.assertEqual(sheet.auto_filter.ref, "A1:B3")
        self.assertGreater(sheet.column_dimensions["A"].width, 10)

    def test_sheet_names(self):
        titles = ["a/b[c]:*?\\", "'quoted'", "", "History", "x" * 40, "X" * 31, "x" * 31, "😀" * 20]
        file = io.BytesIO()
        with xlsx.XlsxWriter(file) as writer:
            for title in titles:
                writer.add_sheet(title, [], [])
        self.assertEqual(
            load(file.getvalue()).sheetnames,
            [
                "a-b-c-----",
                "quoted",
                "Sheet",
                "Sheet 2",
                "x" * 31,
                "X" * 29 + " 2",
                "x" * 29 + " 3",
                "😀" * 15,
            ],
        )

    def test_file_names(self):
        self.assertEqual(xlsx.file_name('WO/2024: "a"?\n'), "WO 2024 a")
        self.assertEqual(xlsx.file_name(" ../.. "), "export")
        self.assertEqual(xlsx.file_name(""), "export")

    def test_too_many_rows_are_refused(self):
        with patch.object(xlsx, "MAX_ROWS", 2):
            write(Row("a"), Row("b"))
            with self.assertRaisesRegex(ValueError, "more than 2 rows"):
                write(Row("a"), Row("b"), Row("c"))

    def test_a_failure_leaves_nothing(self):
        def rows():
            yield Row("a")
            raise ZeroDivisionError

        file, folders = io.BytesIO(), []
        with self.assertRaises(ZeroDivisionError), xlsx.XlsxWriter(file) as writer:
            folders.append(writer._folder.name)
            writer.add_sheet("Sheet", [xlsx.Column("A", "text", lambda row: row.value)], rows())
        self.assertFalse(file.getvalue())
        self.assertFalse(os.path.exists(folders[0]))


def unescape(text):
    """openpyxl leaves inline strings as they are written."""
    return openpyxl.utils.escape.unescape(text)


class XlsxCommon(WriteOffBatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ar_write_off_batch_mode = "manual"
        cls.batch = cls.env["ar.write.off.batch"].create({"name": "April/May"})
        cls.stranger = new_test_user(cls.env, "xlsx.stranger", groups="base.group_user")

    def _document_of(self, *amounts, process=True, **values):
        """A write-off of several invoices, recorded in the batch."""
        invoices = self.env["account.move"].union(
            *(self._invoice(self.customer, amount, days_ago=40, **values) for amount in amounts)
        )
        document = self._write_off(invoices, process=False)
        document.batch_id = self.batch
        if process:
            document.action_process()
        return document

    def _export(self, records, **options):
        return load(base64.b64decode(records.export_xlsx()), **options)

    def _table(self, sheet):
        """Rows as dictionaries by header."""
        header, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(header, row, strict=True)) for row in rows]


@tagged("post_install", "-at_install")
class TestXlsxExport(XlsxCommon):
    """Documents as spreadsheets."""

    def test_a_batch_lists_every_journal_item(self):
        document = self._document_of(5, 7.5)
        other = self._document_of(1.23)
        book = self._export(self.batch, data_only=True)
        self.assertEqual(book.sheetnames, ["Journal Items", "Controls"])
        *rows, total = self._table(book["Journal Items"])
        items = self.env["account.move.line"]
        for line in self.batch._get_lines():
            items |= line.entry_id.line_ids
        self.assertEqual(len(rows), 6)
        for row, item in zip(rows, items, strict=True):
            line = item.move_id.write_off_line_id
            self.assertEqual(
                row,
                {
                    "Document": line.document_id.name,
                    "Reason": "Small",
                    "Customer": "Old Debtor",
                    "Invoice": line.move_id.name,
                    "Entry": line.entry_id.name,
                    "Date": datetime.combine(self.today, datetime.min.time()),
                    "Account": item.account_id.display_name,
                    "Label": item.name,
                    "Debit": item.debit,
                    "Credit": item.credit,
                    "Written Off by": self.env.user.display_name,
                    "Written Off at": row["Written Off at"],
                    "Note": None,
                },
            )
        self.assertEqual({row["Document"] for row in rows}, {document.name, other.name})
        [(debit, credit)] = self._ledger(
            """
            SELECT SUM(item.debit)::text, SUM(item.credit)::text
              FROM account_move_line item
              JOIN ar_write_off_line line ON line.entry_id = item.move_id
              JOIN ar_write_off document ON document.id = line.document_id
             WHERE document.batch_id = %s AND line.state = 'done'
            """,
            self.batch.id,
        )
        self.assertEqual(Decimal(str(total["Debit"])), Decimal(debit))
        self.assertEqual(Decimal(str(total["Credit"])), Decimal(credit))
        self.assertEqual(total["Document"], "Total")

    def test_the_controls_of_a_batch(self):
        self._document_of(5, 7.5)
        self.batch.write({"control_count": 2, "control_amount": 12.5})
        self.batch.action_close()
        [row] = self._table(self._export(self.batch, data_only=True)["Controls"])
        self.assertEqual(
            (row["Write-Offs"], row["Control Count"], row["Written Off"], row["Control Amount"]),
            (2, 2, 12.5, 12.5),
        )
        self.assertEqual(row["Closed By"], self.env.user.display_name)
        self.assertIsInstance(row["Closed At"], datetime)

    def test_each_company_has_its_sheet(self):
        self._document_of(5)
        other = self.env["ar.write.off.batch"].create({"company_id": self.branch.id})
        book = self._export(self.batch | other)
        self.assertEqual(len(book.sheetnames), 3)
        self.assertTrue(book.sheetnames[1].startswith("Branch"))

    def test_times_are_the_users_own(self):
        document = self._document_of(5)
        document._write_inside({"ended_at": datetime(2024, 1, 1, 12, 30)})
        for timezone, hour in (("UTC", 12), ("Asia/Tokyo", 21)):
            sheet = self._export(self.batch.with_context(tz=timezone))["Journal Items"]
            self.assertEqual(sheet["L1"].value, "Written Off at")
            self.assertEqual(sheet["L2"].value, datetime(2024, 1, 1, hour, 30))

    def test_a_write_off_before_and_after(self):
        document = self._document_of(5, 7.5, process=False)
        document.line_ids[1].selected = False
        first, second, total = self._table(self._export(document, data_only=True).active)
        self.assertEqual((first["Tick"], second["Tick"]), (True, False))
        self.assertEqual((first["State"], first["Entry"]), ("To do", None))
        self.assertEqual(first["Days"], document.line_ids[0].days)
        # Whatever is not ticked is not lost (S4).
        lost = "To Be Lost"
        self.assertEqual((first[lost], second[lost], total[lost]), (5, 0, 5))
        self.assertEqual(first["Amount"], 5)
        self.assertEqual((first["Account Balance"], total["Account Balance"]), (12.5, None))
        document.action_process()
        first, second, total = self._table(self._export(document, data_only=True).active)
        self.assertEqual((first["State"], second["State"]), ("Done", "Left out"))
        self.assertIn(document.line_ids[0].entry_id.name, first["Entry"])
        self.assertEqual(second["Reason"], "Not ticked.")
        self.assertEqual((first["Written Off"], total["Written Off"]), (5, 5))

    def test_currencies_and_hostile_names(self):
        self.customer.name = '=HYPERLINK("x")'
        self._invoice(self.customer, 5)
        self._invoice(self.customer, 7, currency_id=self.foreign.id)
        document = self._write_off(
            process=False, partner_ids=[Command.set(self.customer.ids)], balance_below=1000
        )
        sheet = self._export(document).active
        columns = {cell.value: cell.column for cell in sheet[1]}
        names = [sheet.cell(row, columns["Customer"]) for row in (2, 3)]
        self.assertEqual(
            {(cell.value, cell.data_type) for cell in names}, {('=HYPERLINK("x")', "s")}
        )
        amounts = {sheet.cell(row, columns["Amount"]).number_format for row in (2, 3)}
        self.assertEqual(
            amounts,
            {
                xlsx.currency_format(currency)
                for currency in (self.company.currency_id, self.foreign)
            },
        )
        self.assertIsNone(sheet.cell(4, columns["Amount"]).value)
        self.assertEqual(
            sheet.cell(4, columns["To Be Lost"]).number_format,
            xlsx.currency_format(self.company.currency_id),
        )
        company = sheet.cell(4, columns["To Be Lost"])
        self.assertIn("SUBTOTAL", company.value)

    def test_labels_in_the_users_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        fields = self.env["ir.model.fields"].with_context(lang="fr_FR")
        fields._get("account.move.line", "debit").sudo().field_description = "Débit ici"
        self._document_of(5)
        sheet = self._export(self.batch.with_context(lang="fr_FR"))["Journal Items"]
        self.assertIn("Débit ici", [cell.value for cell in sheet[1]])

    def test_fields_of_others_are_left_out(self):
        self._document_of(5)
        sheet = self._export(self._as(self.clerk, self.batch)).active
        self.assertIn("Debit", [cell.value for cell in sheet[1]])
        field = self.env["account.move.line"]._fields["debit"]
        with patch.object(field, "groups", "base.group_system"):
            sheet = self._export(self._as(self.clerk, self.batch)).active
        header = [cell.value for cell in sheet[1]]
        self.assertNotIn("Debit", header)
        self.assertIn("Credit", header)

    def test_every_kind_of_field(self):
        self.customer.write(
            {
                "comment": "<p>Pays <b>late</b></p>",
                "category_id": [Command.create({"name": "A"}), Command.create({"name": "B"})],
                "lang": "en_US",
                "partner_latitude": 1.5,
            }
        )
        columns = [
            "name",
            "comment",
            "category_id",
            "lang",
            "parent_id",
            ("parent_id.color", "Color of Parent"),
            "color",
            "partner_latitude",
            "is_company",
            ("country_id.name", "Where"),
            "vat",
        ]
        sheets = [{"title": "", "records": self.customer, "columns": columns}]
        with patch.object(type(self.batch), "_get_xlsx_sheets", lambda self: sheets):
            [row] = self._table(self._export(self.batch).active)
        self.assertEqual(
            list(row.values()),
            [
                "Old Debtor",
                "Pays *late*",
                "A, B",
                "English (US)",
                None,
                None,
                0,
                1.5,
                False,
                None,
                None,
            ],
        )
        self.assertIn("Where", row)

    def test_paths_that_lead_nowhere(self):
        for path in ("nothing", "category_id.name", "name.name"):
            with self.assertRaisesRegex(ValueError, path):
                self.batch._get_xlsx_field(self.customer, path)

    def test_only_readers_export(self):
        self._document_of(5)
        foreigner = self._make_user("xlsx.foreigner", "account.group_account_manager", self.other)
        for user in (self.stranger, foreigner):
            with self.assertRaises(AccessError):
                self._as(user, self.batch).export_xlsx()
            with self.assertRaises(AccessError):
                self._as(user, self.batch).action_export_xlsx()

    def test_more_than_a_sheet_holds(self):
        self._document_of(5)
        with patch.object(xlsx, "MAX_ROWS", 1):
            with self.assertRaisesRegex(UserError, "“Journal Items” would have 2 rows"):
                self.batch.export_xlsx()

    def test_as_many_queries_for_many_rows_as_for_few(self):
        few, many = self._document_of_customers(5), self._document_of_customers(30)
        many.batch_id = self.env["ar.write.off.batch"].create({})
        (few | many).action_process()
        for pair in ((few, many), (few.batch_id, many.batch_id)):
            few_queries, many_queries = map(self._count_queries, pair)
            self.assertEqual(few_queries, many_queries, pair)

    def _document_of_customers(self, count):
        """A write-off of one invoice each, so of two journal items each when processed."""
        customers = self.env["res.partner"].create([{"name": f"No. {n}"} for n in range(count)])
        invoices = [self._invoice(customer, 5) for customer in customers]
        document = self._write_off(self.env["account.move"].union(*invoices), process=False)
        document.batch_id = self.batch
        return document

    def _count_queries(self, records):
        self.env.invalidate_all()
        records.export_xlsx()  # what is cached for good, as record rules are, is cached
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        records.export_xlsx()
        return self.env.cr.sql_log_count - before

    def test_chunks_change_nothing(self):
        self._document_of(*range(1, 8))
        whole = self._export(self.batch, data_only=True).active
        with patch.object(ar_xlsx_export, "CHUNK_SIZE", 3):
            parts = self._export(self.batch, data_only=True).active
        self.assertEqual(list(parts.values), list(whole.values))

    def test_what_is_not_saved_yet_is_not_lost(self):
        self._document_of(5)
        self.batch.note = "Written before the export"
        self.batch.export_xlsx()
        self.assertEqual(self.batch.note, "Written before the export")


@tagged("post_install", "-at_install")
class TestXlsxRoute(XlsxCommon, HttpCase):
    """The download, over HTTP."""

    def _open(self, user, path):
        self.authenticate(user.login if user else None, user.login if user else None)
        # What is refused is a warning in Odoo's log, as it should be.
        with mute_logger("odoo.http"):
            return self.url_open(f"/ar_balance_invoicing/xlsx/{path}", allow_redirects=False)

    def test_the_button_downloads_the_file(self):
        self._document_of(5, 7.5)
        action = self._as(self.clerk, self.batch).action_export_xlsx()
        self.assertEqual((action["type"], action["target"]), ("ir.actions.act_url", "download"))
        self.authenticate(self.clerk.login, self.clerk.login)
        response = self.url_open(action["url"])
        self.assertEqual(response.status_code, 200)
        self.assertEqual(
            response.headers["Content-Type"],
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )
        self.assertIn("April%20May.xlsx", response.headers["Content-Disposition"])
        self.assertEqual(int(response.headers["Content-Length"]), len(response.content))
        sheet = load(response.content).active
        self.assertEqual((sheet.max_row, sheet.freeze_panes), (6, "A2"))

    def test_several_documents_in_one_file(self):
        documents = self._document_of(5) | self._document_of(7.5)
        response = self._open(self.clerk, f"ar.write.off/{','.join(map(str, documents.ids))}")
        self.assertIn("Write-Off.xlsx", response.headers["Content-Disposition"])
        self.assertEqual(load(response.content).active.max_row, 4)

    def test_who_may_not_read_is_refused(self):
        foreigner = self._make_user("xlsx.foreigner", "account.group_account_manager", self.other)
        for user in (self.stranger, foreigner):
            response = self._open(user, f"ar.write.off.batch/{self.batch.id}")
            self.assertEqual(response.status_code, 403)
            self.assertNotIn("Traceback", response.text)
        response = self._open(None, f"ar.write.off.batch/{self.batch.id}")
        self.assertEqual(response.status_code, 303)
        self.assertIn("/web/login", response.headers["Location"])

    def test_a_refusal_names_nothing(self):
        """Also not in the developer mode, in which Odoo names the records it refuses."""
        foreigner = self._make_user("xlsx.foreigner", "account.group_account_manager", self.other)
        portal = self._make_user("xlsx.portal", "base.group_portal")
        document = self._document_of(5)
        for record in (self.batch, document):
            for user in (foreigner, self.stranger, portal):
                self.authenticate(user.login, user.login)
                with mute_logger("odoo.http", "odoo.addons.base.models.ir_rule"):
                    response = self.url_open(
                        f"/ar_balance_invoicing/xlsx/{record._name}/{record.id}?debug=1"
                    )
                self.assertEqual(response.status_code, 403, user.login)
                for name in (record.name, "Old Debtor", self.company.name, "Traceback"):
                    self.assertNotIn(name, response.text)

    def test_what_is_no_export_is_not_found(self):
        for path in (
            f"res.partner/{self.customer.id}",
            "ar.xlsx.export/1",
            "no.such.model/1",
            "ar.write.off.batch/0",
            "ar.write.off.batch/999999999",
            f"ar.write.off.batch/{self.batch.id},999999999",
            "ar.write.off.batch/9999999999",
            "ar.write.off.batch/99999999999999999999",
            "ar.write.off.batch/-1",
            "ar.write.off.batch/1;2",
            "ar.write.off.batch/1,",
            "ar.write.off.batch/x",
            "ar.write.off.batch/%D9%A1",
            "ar.write.off.batch/",
            "ar.write.off.batch/1.5",
            "ar.write.off.batch/1e3",
            "ar.write.off.batch/true",
            "ar.write.off.batch/%00",
            "%00/1",
            "ar.write.off.batch%00/1",
            "__class__/1",
            "base/1",
            f"ar.write.off.batch/{'9' * 4000}",
            f"ar.write.off.batch/{','.join(['2147483647'] * 1500)}",
        ):
            response = self._open(self.clerk, path)
            self.assertEqual(response.status_code, 404, path)
            self.assertNotIn("Traceback", response.text)
