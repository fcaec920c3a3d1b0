"""Odoo's command line, but `account` installs no chart of accounts.

Odoo gives a new database's first company the generic chart. Every company made
later starts without one; this makes a database that stands for them.
"""

import odoo.cli
from odoo.tools import config

# Puts the addons on the import path.
config.parse_config([], setup_logging=False)

from odoo.addons.account.models.chart_template import AccountChartTemplate  # noqa: E402


def no_chart(self, *args, **kwargs):
    """Stands in for the loading of a chart."""


AccountChartTemplate.try_loading = no_chart

if __name__ == "__main__":
    odoo.cli.main()
