from . import (
    ar_amount_search,
    ar_draft_matching,
    ar_balance,
    ar_total_due,
    account_account,
    account_move,
    account_move_line,
    res_company,
    res_partner,
)
