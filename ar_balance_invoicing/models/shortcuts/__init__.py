from . import (
    ar_shortcuts,
    account_fiscal_position,
    account_move,
    ar_entry_maker,
    ar_invoice_maker,
    ar_invoice_maker_check,
)
