from . import (
    ar_batch_move,
    ar_create_invoices,
    ar_create_invoices_confirm,
    ar_invoice_group_add,
)
