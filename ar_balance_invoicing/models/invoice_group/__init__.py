from . import (
    ar_invoice_group,
    ar_invoice_group_actions,
    ar_invoice_group_pictures,
    ar_invoice_task,
    ar_invoice_task_line,
    ar_invoice_task_work,
    account_move,
)
