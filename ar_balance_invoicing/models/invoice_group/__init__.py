from . import (
    ar_invoice_group,
    ar_invoice_group_pictures,
    ar_invoice_task_kind,
    tasks,
    ar_invoice_task,
    ar_invoice_task_line,
    account_move,
)
