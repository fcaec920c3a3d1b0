from . import (
    ar_balance,
    account_move,
    account_move_line,
    res_company,
    res_partner,
)
