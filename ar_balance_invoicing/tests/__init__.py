from . import (
    test_aging,
    test_balance,
    test_balance_property,
    test_balance_queries,
    test_demo,
    test_tours,
)
