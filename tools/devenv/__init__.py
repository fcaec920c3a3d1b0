"""The development environment behind ./run, ./test and ./odoo.

Only Python's standard library is used here: these modules run before anything
is installed. Everything they download or create goes into one cache folder
(see ``config``), which may be deleted at any time.
"""
