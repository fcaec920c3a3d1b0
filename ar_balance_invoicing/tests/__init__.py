import logging
from importlib.util import find_spec

from . import (
    test_attacks,
    test_batch,
    test_batch_document,
    test_balance,
    test_balance_queries,
    test_billing_run,
    test_billing_profile,
    test_charge_sources,
    test_demo,
    test_forms,
    test_guarded,
    test_invoice_group,
    test_invoice_maker,
    test_names,
    test_rights,
    test_rights_matrix,
    test_shortcuts,
    test_tours,
    test_write_off,
    test_write_off_entries,
    test_write_off_reason,
    test_xlsx,
)

# Odoo imports this package whenever it installs with --test-tags, whoever's tests these
# name, also where nothing is that only tests need.
if find_spec("hypothesis"):
    from . import (
        property_settings,  # first: a test takes the settings when it is defined
        test_aging,
        test_balance_property,
        test_billing_calendar,
        test_public_surface,
        test_write_off_property,
    )
else:
    logging.getLogger(__name__).info(
        "The Python package hypothesis is missing: tests of properties are left out."
    )
