from . import (
    test_aging,
    test_balance,
    test_balance_property,
    test_balance_queries,
    test_billing_run,
    test_billing_calendar,
    test_billing_profile,
    test_charge_sources,
    test_demo,
    test_tours,
)
