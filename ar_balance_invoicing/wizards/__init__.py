from . import ar_create_invoices, ar_create_invoices_confirm
