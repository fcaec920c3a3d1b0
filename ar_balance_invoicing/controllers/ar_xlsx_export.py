import os
import re
import tempfile

from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.exceptions import AccessError
from odoo.http import content_disposition, request

MIMETYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The largest id that a table can hold.
MAX_ID = 2**31 - 1


class ArXlsxExport(http.Controller):
    @http.route(
        "/ar_balance_invoicing/xlsx/<string:model>/<string:ids>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def export_xlsx(self, model, ids):
        """The spreadsheet of documents, as a download.

        :param model: name of a model that inherits ``ar.xlsx.export``
        :param ids: ids of its records, separated by commas
        """
        records = self._get_records(model, ids)
        # On the disk, for it may be large; gone when it is closed.
        file = tempfile.TemporaryFile()
        try:
            records._write_xlsx(file)
            name = records._get_xlsx_name()
            return self._make_response(file, f"{name}.xlsx")
        except AccessError:
            file.close()
            raise Forbidden() from None
        except BaseException:
            file.close()
            raise

    def _get_records(self, name, ids):
        """The documents asked for.

        :raise NotFound: when there is no such export or document
        :raise Forbidden: when the user may not read them; without any name, which Odoo's
            own error would tell
        """
        mixin = request.env.registry["ar.xlsx.export"]
        model = request.env.get(name)
        if not isinstance(model, mixin) or model._abstract:
            raise NotFound()
        if not model.has_access("read"):
            raise Forbidden()
        if not re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", ids):
            raise NotFound()
        numbers = dict.fromkeys(int(number) for number in ids.split(","))
        records = model.browse(numbers)
        if not all(0 < number <= MAX_ID for number in numbers) or records.exists() != records:
            raise NotFound()
        if not records.has_access("read"):
            raise Forbidden()
        return records

    def _make_response(self, file, name):
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        response = request.make_response(
            # Closes the file when it is sent.
            wrap_file(request.httprequest.environ, file),
            headers=[
                ("Content-Type", MIMETYPE),
                ("Content-Length", size),
                ("Content-Disposition", content_disposition(name)),
                # The same address gives other figures tomorrow.
                ("Cache-Control", "no-store"),
            ],
        )
        response.direct_passthrough = True
        return response
