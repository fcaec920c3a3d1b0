from . import (
    ar_invoice_task_confirm,
    ar_invoice_task_mark_sent,
    ar_invoice_task_send,
    ar_invoice_task_pdf,
    ar_invoice_task_delete,
    ar_invoice_task_take_out,
)
