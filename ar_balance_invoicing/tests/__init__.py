"""The tests, in the rooms of what they test; Odoo takes the modules named here."""

import logging
from importlib.util import find_spec

from . import test_demo, test_tours
from .balance import (
    test_balance,
    test_balance_queries,
    test_control_account,
    test_draft_matching,
    test_status,
)
from .billing import (
    test_as_plain,
    test_billed_days,
    test_billed_days_life,
    test_billing_histories,
    test_billing_profile,
    test_billing_run,
    test_create_invoices,
    test_charge_hooks,
    test_charge_sources,
    test_late_fees,
    test_late_fees_property,
    test_setting_up,
    test_ticks,
    test_total_due,
)
from .bulk_document import test_bulk_document, test_waiting
from .guard import (
    test_addresses,
    test_attacks,
    test_forms,
    test_guarded,
    test_names,
    test_next_step,
    test_rights,
    test_rights_matrix,
)
from .invoice_group import (
    test_email_state,
    test_group_questions,
    test_invoice_group,
    test_invoice_task,
    test_ticked_invoices,
)
from .shortcuts import test_invoice_maker, test_shortcuts, test_write_off_entries
from .write_off import (
    test_opening_entries,
    test_write_off,
    test_write_off_batch,
    test_write_off_by_hand,
    test_write_off_by_hand_histories,
    test_write_off_reason,
    test_write_off_tax,
    test_own_money,
    test_write_off_screens,
    test_write_off_search,
)
from .xlsx import test_xlsx

# Odoo imports this package whenever it installs with --test-tags, whoever's tests these
# name, also where nothing is that only tests need.
if find_spec("hypothesis"):
    # First: a test takes the settings when it is defined.
    from . import property_settings
    from .balance import test_aging, test_balance_property
    from .billing import test_billing_calendar
    from .guard import test_public_surface
    from .write_off import test_write_off_property, test_write_off_tax_property
else:
    logging.getLogger(__name__).info(
        "The Python package hypothesis is missing: tests of properties are left out."
    )
