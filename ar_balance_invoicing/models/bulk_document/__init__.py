from . import (
    ar_bulk_lanes,
    ar_bulk_progress,
    ar_bulk_document,
    ar_bulk_document_work,
    ar_bulk_document_line,
    res_company,
)
