import base64
import io
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext, split_every

from ...tools import xlsx

# Records read at once, and forgotten before the next.
CHUNK_SIZE = 1000
# Kind of column by type of field; all others are text.
KINDS = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "float": "float",
    "integer": "integer",
    "many2one_reference": "integer",
    "monetary": "monetary",
}


class ArXlsxExport(models.AbstractModel):
    """A document that can be had as a spreadsheet.

    A concrete model says what the sheets hold (``_get_xlsx_sheets``). Everything is read
    with the rights, language and timezone of who asks.
    """

    _name = "ar.xlsx.export"
    _description = "XLSX Export"

    def _get_xlsx_sheets(self):
        """The sheets, as dictionaries; to be overridden.

        - ``title``: name of the sheet
        - ``records``: one for each row, in their order
        - ``columns``: paths of fields ("name", "partner_id.ref"; all but the last are
          many2one), or (path, label) where the field's own label would mislead
        - ``untotalled`` (optional): paths of amounts that mean nothing added up

        Fields that the user may not read are left out.
        """
        raise NotImplementedError

    def _get_xlsx_name(self):
        """Name of the file, without its extension."""
        if len(self) == 1:
            return xlsx.file_name(self.display_name or "")
        return xlsx.file_name(self.env["ir.model"]._get(self._name).name)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_export_xlsx(self):
        """Download the spreadsheet of these documents."""
        self.check_access("read")
        ids = ",".join(str(record_id) for record_id in self.ids)
        return {
            "type": "ir.actions.act_url",
            "url": f"/ar_balance_invoicing/xlsx/{self._name}/{ids}",
            "target": "download",
        }

    @api.readonly
    def export_xlsx(self):
        """The spreadsheet of these documents, for programs.

        :return: the file in base64, as text
        :raise AccessError: when the user may not read the documents
        :raise UserError: when there is more than a sheet can hold
        """
        file = io.BytesIO()
        self._write_xlsx(file)
        return base64.b64encode(file.getvalue()).decode()

    # ------------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------------

    def _write_xlsx(self, file):
        """Write the spreadsheet into a binary file object."""
        self.check_access("read")
        sheets = self._get_xlsx_sheets()
        for sheet in sheets:
            if len(sheet["records"]) > xlsx.MAX_ROWS:
                raise UserError(
                    self.env._(
                        "“%(sheet)s” would have %(count)s rows and a sheet holds %(limit)s. "
                        "Export fewer documents at once.",
                        sheet=sheet["title"],
                        count=len(sheet["records"]),
                        limit=xlsx.MAX_ROWS,
                    )
                )
        with xlsx.XlsxWriter(file, self.env._("Total")) as writer:
            for sheet in sheets:
                columns = self._get_xlsx_columns(sheet)
                rows = self._read_xlsx_rows(sheet["records"], columns)
                writer.add_sheet(sheet["title"], list(columns.values()), rows)

    def _read_xlsx_rows(self, records, paths):
        """Yield the records; a chunk is read at once and then forgotten."""
        reads = self._get_xlsx_reads(records, paths)
        for ids in split_every(CHUNK_SIZE, records.ids):
            chunk = records.browse(ids)
            for owner, names in reads.items():
                # Else the first field touched would have all others read as well.
                (chunk.mapped(owner) if owner else chunk).fetch(names)
            yield from chunk
            # Of other models too, which the columns lead to. Pending changes are written.
            self.env.invalidate_all()

    def _get_xlsx_reads(self, records, paths):
        """``{path of records: names of their fields}``, the rows' own ("") first."""
        reads = defaultdict(set)
        for path in paths:
            model, field = self._get_xlsx_field(records, path)
            owner, _dot, name = path.rpartition(".")
            reads[owner].add(name)
            if field.type == "monetary":
                reads[owner].add(field.get_currency_field(model))
            while owner:
                owner, _dot, name = owner.rpartition(".")
                reads[owner].add(name)
        return dict(sorted(reads.items(), key=lambda read: len(read[0])))

    # ------------------------------------------------------------------
    # Columns
    # ------------------------------------------------------------------

    def _get_xlsx_columns(self, sheet):
        """``{path: column}`` of a sheet, as far as the user may read."""
        records = sheet["records"]
        untotalled = sheet.get("untotalled", ())
        columns = {}
        for spec in sheet["columns"]:
            path, label = (spec, None) if isinstance(spec, str) else spec
            model, field = self._get_xlsx_field(records, path)
            if field:
                total = field.type == "monetary" and path not in untotalled
                columns[path] = self._get_xlsx_column(path, label, model, field, total)
        return columns

    def _get_xlsx_field(self, records, path):
        """(model, field) at the end of a path; (None, None) where the user may not read.

        :raise ValueError: when there is no such path
        """
        model, field = records.browse(), None
        for name in path.split("."):
            if field:
                if field.type != "many2one":
                    raise ValueError(f"{path}: {field} is not a many2one")
                model = model.env[field.comodel_name]
            if name not in model._fields:
                raise ValueError(f"{path}: {model._name} has no field {name}")
            field = model._fields[name]
            if not model.has_access("read") or not model._has_field_access(field, "read"):
                return None, None
        return model, field

    def _get_xlsx_column(self, path, label, model, field, total):
        before, _dot, name = path.rpartition(".")
        owner_names = before.split(".") if before else []

        def get_owner(record):
            for owner_name in owner_names:
                record = record[owner_name]
            return record

        convert = self._get_xlsx_conversion(model, field)

        def get_value(record):
            owner = get_owner(record)
            return convert(owner[name]) if owner else None

        options = {}
        if field.type == "monetary":
            currency_name = field.get_currency_field(model)
            options = {
                "get_currency": lambda record: get_owner(record)[currency_name],
                "total": total,
            }
        elif field.type == "float":
            digits = field.get_digits(model.env)
            options = {"digits": digits[1] if digits else None}
        return xlsx.Column(
            label=label or field._description_string(model.env) or name,
            kind=KINDS.get(field.type, "text"),
            get_value=get_value,
            **options,
        )

    def _get_xlsx_conversion(self, model, field):
        """Function from the value of a field to what the cell shows."""
        if field.type == "selection":
            labels = dict(field._description_selection(model.env))
            return lambda value: labels.get(value, value)
        if field.relational or field.type == "reference":
            return self._join_xlsx_names
        if field.type == "datetime":
            return lambda value: (
                value and fields.Datetime.context_timestamp(model, value).replace(tzinfo=None)
            )
        if field.type == "html":
            return lambda value: value and html2plaintext(value)
        return lambda value: value

    @api.model
    def _join_xlsx_names(self, records):
        if not records:
            return None
        # As everywhere in Odoo: who may read a record may read the names in it.
        return ", ".join(name for name in records.sudo().mapped("display_name") if name)
