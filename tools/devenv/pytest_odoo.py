"""A pytest plugin: `from odoo.addons.… import …` works, without a database."""


def pytest_configure(config):
    from odoo.tools import config as odoo_config

    odoo_config.parse_config([], setup_logging=False)
