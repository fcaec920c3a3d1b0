from . import (
    ar_bulk_document,
    ar_bulk_document_lanes,
    ar_bulk_document_line,
)
