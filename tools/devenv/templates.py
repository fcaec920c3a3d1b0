"""Template databases: installing `account` takes minutes, copying it a second."""

import ast

from . import config
from .odoo import Odoo, version
from .report import step

PREFIX = "template_"
# Changes when databases of an older form must not be used any more.
FORM = "2"


def dependencies() -> list[str]:
    """Modules that the addon's own manifest asks for."""
    manifest = config.PROJECT / config.ADDON / "__manifest__.py"
    wanted = ast.literal_eval(manifest.read_text())["depends"] if manifest.exists() else []
    return sorted({"account", *wanted})


def name(odoo: Odoo, kind: str) -> str:
    """Name of the template of one kind for this Odoo and these dependencies."""
    parts = (FORM, version(odoo.source), kind, *dependencies())
    return f"{PREFIX}{kind}_{config.fingerprint(*parts)}"


def ensure(odoo: Odoo, kind: str) -> str:
    """Make a template if it is missing; ``kind`` is plain, demo or nochart.

    plain: no demo data, with the generic chart of accounts, which Odoo installs
    by itself; nochart: a company without any, as a second company starts.
    """
    template = name(odoo, kind)
    if odoo.cluster.exists(template):
        return template
    log = config.CACHE / "logs" / f"{template}.log"
    log.unlink(missing_ok=True)
    with step(f"Template database '{kind}'", log=log):
        odoo.install(
            template,
            dependencies(),
            demo=kind == "demo",
            log=log,
            script="odoo_without_chart.py" if kind == "nochart" else None,
        )
    return template


def drop_others(odoo: Odoo, keep: list[str]):
    for other in odoo.cluster.databases(PREFIX):
        if other not in keep:
            odoo.drop(other)
