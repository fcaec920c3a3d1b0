# Each room uses what stands above it in this list, never below.
from . import guard
from . import shortcuts
from . import balance
from . import bulk_document
from . import xlsx
from . import invoice_group
from . import billing
from . import write_off
from . import res_config_settings
