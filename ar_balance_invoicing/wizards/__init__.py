from . import (
    ar_create_invoices,
    ar_create_invoices_confirm,
    ar_give_away,
    ar_invoice_group_add,
    ar_invoice_task_ask,
    ar_write_off_search,
    ar_write_off_batch_move,
    ar_write_off_take_back,
    account_move_reversal,
)
