from . import (
    ar_amount_search,
    ar_draft_matching,
    ar_balance,
    ar_total_due,
    ar_invoice_status,
    account_account,
    account_invoice_report,
    account_move,
    account_move_line,
    res_company,
    res_partner,
)
