from . import (
    ar_shortcuts,
    ar_entry_maker,
    ar_invoice_maker,
    ar_invoice_maker_check,
    account_move_notes,
    account_move_numbers,
)
