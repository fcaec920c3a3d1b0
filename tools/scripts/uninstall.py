"""Uninstall a module the way the Apps menu does: uninstall.py DATABASE MODULE."""

import sys

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config


def main(database: str, module: str):
    config.parse_config(["-d", database, "--no-http"], setup_logging=True)
    with Registry(database).cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        record = env["ir.module.module"].search([("name", "=", module)])
        if record.state != "installed":
            sys.exit(f"{module} is not installed but {record.state!r}")
        record.button_immediate_uninstall()
    # A registry from nothing, as the server's next start would make it.
    Registry.delete(database)
    with Registry.new(database).cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        state = env["ir.module.module"].search([("name", "=", module)]).state
        if state != "uninstalled":
            sys.exit(f"{module} is still {state!r}")
        env["account.move"].search([], limit=1).read()
        env["res.partner"].search([], limit=1).read()
    print("uninstalled")


if __name__ == "__main__":
    main(*sys.argv[1:])
