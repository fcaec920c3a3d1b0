"""Runs one case inside Odoo; started by ./bench, which says what with one line of JSON."""

import importlib
import json
import sys
from argparse import Namespace

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config


def main(text):
    options = Namespace(**json.loads(text))
    # Whose name is also that of a command: `bench_list.py`, for ./bench list.
    make = importlib.import_module(f"bench_{options.what}").Case
    words = ["-d", options.database, "--addons-path", options.addons_path, "--no-http"]
    config.parse_config([*words, *make.odoo_options], setup_logging=True)
    with Registry(options.database).cursor() as cr:
        make(api.Environment(cr, SUPERUSER_ID, {}), options).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
