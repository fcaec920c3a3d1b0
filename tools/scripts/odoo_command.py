"""Odoo's command line as a script of its own.

A server with worker processes starts its own command anew, for the long polling, and
cannot do that when it was started as a module of Python.
"""

from odoo.cli.command import main

if __name__ == "__main__":
    main()
