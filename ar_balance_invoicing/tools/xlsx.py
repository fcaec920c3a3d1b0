"""Spreadsheets (XLSX) of any length, written row by row: no ORM."""

import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import xlsxwriter
from xlsxwriter.utility import xl_range

from .apportion import exact

# Limits of the file format: of a sheet, less header and totals; of a cell; of a name.
MAX_ROWS = 1_048_576 - 2
MAX_TEXT = 32_767
MAX_SHEET_NAME = 31
# What XML cannot hold, and halves of characters.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Width of a column in characters; a fit to the contents would need all of them at once.
WIDTHS = {
    "text": 24,
    "integer": 10,
    "float": 12,
    "monetary": 16,
    "date": 12,
    "datetime": 20,
    "boolean": 10,
}
MAX_WIDTH = 40
# Older days have no number in a spreadsheet.
FIRST_DAY = date(1900, 1, 1)


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    :param label: its header
    :param kind: one of ``WIDTHS``
    :param get_value: what a row shows in it, by the row. None, False (but of a boolean)
        and "" leave the cell empty, 0 is shown. Dates and times as they are to be read,
        without a timezone.
    :param get_currency: the currency of a row's amount, by the row, or None: something
        hashable with ``symbol``, ``position`` ("before" or "after") and ``decimal_places``
    :param digits: decimals of a float; None: as many as it has
    :param total: whether amounts of this column may be added up
    """

    label: str
    kind: str
    get_value: Callable
    get_currency: Callable = lambda row: None
    digits: int | None = None
    total: bool = False


@dataclass
class Total:
    """What a column adds up to, exactly, as long as all of it is in one currency."""

    amount: Decimal = Decimal(0)
    currencies: set = field(default_factory=set)

    def add(self, amount, currency):
        self.amount += exact(amount)
        self.currencies.add(currency or None)

    def get_currency(self):
        """The one currency of all amounts, or None: mixed currencies have no sum."""
        return next(iter(self.currencies)) if len(self.currencies) == 1 else None


class XlsxWriter:
    """A workbook, as a context manager; it is complete when the context ends.

    Rows go to the disk as they come, so that memory does not grow with them. If an
    exception ends the context, nothing is written and no temporary file is left.

    :param file: binary file object, opened for writing, that can be sought
    :param total_label: what stands before the totals
    """

    def __init__(self, file, total_label="Total"):
        self._file = file
        self._total_label = total_label
        self._formats = {}
        self._names = set()

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="ar_xlsx_")
        options = {
            "constant_memory": True,
            "tmpdir": self._folder.name,
            # A customer may be called “=1+1” or “www.example.com”.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(self._file, options)
        return self

    def __exit__(self, kind, error, traceback):
        with self._folder:
            if kind is None:
                self._book.close()

    def add_sheet(self, title: str, columns: list[Column], rows: Iterable):
        """Write a sheet: header, a row for each of ``rows``, totals.

        Totals are formulas of what a filter leaves, with today's result; a column of
        more than one currency has none.

        :raise ValueError: when there are more rows than a sheet can hold
        """
        sheet = self._book.add_worksheet(self._get_sheet_name(title))
        self._write_header(sheet, columns)
        totals = {number: Total() for number, column in enumerate(columns) if column.total}
        count = 0
        for count, row in enumerate(rows, 1):
            if count > MAX_ROWS:
                raise ValueError(f"more than {MAX_ROWS} rows in a sheet")
            for number, column in enumerate(columns):
                value = column.get_value(row)
                if value is None or value == "" or (value is False and column.kind != "boolean"):
                    continue
                currency = column.get_currency(row)
                self._write_cell(sheet, count, number, column, value, currency)
                if number in totals:
                    totals[number].add(value, currency)
        if columns:
            sheet.autofilter(0, 0, count, len(columns) - 1)
        if count and totals:
            self._write_totals(sheet, count + 1, columns, totals)

    # ------------------------------------------------------------------
    # Parts of a sheet
    # ------------------------------------------------------------------

    def _get_sheet_name(self, title):
        """A name that spreadsheets accept and no other sheet has."""
        name = re.sub(r"[\[\]:*?/\\\n\t]", "-", clean(title)).strip("' ")
        name = cut(name, MAX_SHEET_NAME).rstrip("' ")
        # Excel keeps “History” for itself.
        name = base = "Sheet" if name.lower() in ("", "history") else name
        number = 1
        while name.lower() in self._names:
            number += 1
            name = f"{cut(base, MAX_SHEET_NAME - len(str(number)) - 1)} {number}"
        self._names.add(name.lower())
        return name

    def _write_header(self, sheet, columns):
        style = self._get_format(bold=True, text_wrap=True, bottom=1, bg_color="#E9ECEF")
        for number, column in enumerate(columns):
            label = clean(column.label)
            # With room for the button of the filter.
            width = max(WIDTHS[column.kind], min(len(label) + 3, MAX_WIDTH))
            sheet.set_column(number, number, width)
            sheet.write_string(0, number, label, style)
        sheet.freeze_panes(1, 0)

    def _write_cell(self, sheet, row, number, column, value, currency):
        kind = column.kind
        if kind in ("date", "datetime") and get_day(value) < FIRST_DAY:
            value, kind = str(value), "text"
        if kind == "text":
            sheet.write_string(row, number, clean(str(value)))
        elif kind == "boolean":
            sheet.write_boolean(row, number, value)
        elif kind == "date":
            sheet.write_datetime(row, number, value, self._get_format(num_format="yyyy-mm-dd"))
        elif kind == "datetime":
            style = self._get_format(num_format="yyyy-mm-dd hh:mm:ss")
            sheet.write_datetime(row, number, value, style)
        else:
            style = self._get_format(num_format=self._get_number_format(column, currency))
            sheet.write_number(row, number, value, style)

    def _write_totals(self, sheet, row, columns, totals):
        style = {"bold": True, "top": 1}
        labelled = False
        for number, column in enumerate(columns):
            if number in totals:
                currency = totals[number].get_currency()
                if currency:
                    pattern = self._get_number_format(column, currency)
                    sheet.write_formula(
                        row,
                        number,
                        f"=SUBTOTAL(109,{xl_range(1, number, row - 1, number)})",
                        self._get_format(num_format=pattern, **style),
                        totals[number].amount,
                    )
                    continue
            elif not labelled:
                labelled = True
                label = clean(self._total_label)
                sheet.write_string(row, number, label, self._get_format(**style))
                continue
            sheet.write_blank(row, number, None, self._get_format(**style))

    # ------------------------------------------------------------------
    # Formats
    # ------------------------------------------------------------------

    def _get_format(self, **properties):
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]

    def _get_number_format(self, column, currency):
        if column.kind == "integer":
            return number_format(0)
        if column.kind == "float":
            return "General" if column.digits is None else number_format(column.digits)
        if not currency:
            return number_format(2)
        # The rows of a sheet share few currencies: none is asked for its symbol twice.
        key = ("currency", currency)
        if key not in self._formats:
            self._formats[key] = currency_format(currency)
        return self._formats[key]


def get_day(value):
    """The day of a date or time."""
    return date(value.year, value.month, value.day)


def number_format(digits):
    """Number format with thousands separators; the reader's country says which."""
    return "#,##0." + "0" * digits if digits else "#,##0"


def currency_format(currency):
    """Number format of a currency. A negative amount has its minus before everything."""
    number = number_format(currency.decimal_places)
    symbol = clean(currency.symbol or "").replace('"', "")
    if not symbol:
        return number
    return f'"{symbol}\xa0"{number}' if currency.position == "before" else f'{number}"\xa0{symbol}"'


def clean(text):
    """Text as a cell can hold it."""
    text = cut(ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")), MAX_TEXT)
    if text.startswith("<r>") and text.endswith("</r>"):
        # xlsxwriter takes this for XML of its own making, and would spoil the file.
        text = " " + text[: MAX_TEXT - 1]
    return text


def cut(text, length):
    """The beginning of a text. Spreadsheets count in UTF-16: some characters are two."""
    if len(text) * 2 <= length:
        return text
    return text.encode("utf-16-le")[: length * 2].decode("utf-16-le", errors="ignore")


def file_name(name):
    """A name that every system accepts as that of a file."""
    return re.sub(r'[\\/:*?"<>|\s]+', " ", clean(name)).strip(". ")[:100] or "export"
