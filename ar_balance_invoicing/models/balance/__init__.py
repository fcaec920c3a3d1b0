from . import (
    ar_amount_search,
    ar_draft_matching,
    ar_balance,
    account_move,
    account_move_line,
    res_company,
    res_partner,
)
