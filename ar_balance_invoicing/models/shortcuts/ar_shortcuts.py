"""Ways around the slow parts of core: whether they may be taken, and what they hand on."""

import logging

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import ormcache

from ...tools.context_keys import BY_CORE

_logger = logging.getLogger(__name__)

PARAMETER = "ar_balance_invoicing.shortcuts"
SHORTCUTS = ("invoices", "entries", "matching", "notes", "numbers", "positions")
# They give core everything, so that it has nothing to bring into step.
UNSYNCHRONISED = ("invoices", "entries", "matching")
SYNCHRONISED_MODELS = ("account.move", "account.move.line")
OWN_MODULES = ("account", "ar_balance_invoicing")


class Differs(UserError):
    """What is in the books is not what was meant; it is to be rolled back."""


class ArShortcuts(models.AbstractModel):
    """Which shortcuts are taken.

    The system parameter ``ar_balance_invoicing.shortcuts`` lists those that are (of
    ``SHORTCUTS``, separated by commas); ``off`` takes none. Without it, all are taken.
    What is not done by a shortcut is done by core, with the same outcome.
    """

    _name = "ar.shortcuts"
    _description = "Shortcuts"

    @api.model
    def _get_reason_for_core(self, name):
        """Why core has to do this itself, for the log; False if the shortcut is taken.

        :param name: one of ``SHORTCUTS``.
        """
        if self.env.context.get(BY_CORE):
            return "the shortcut's outcome was not what was meant"
        if name not in self._get_taken():
            return f"switched off by {PARAMETER}"
        foreign = name in UNSYNCHRONISED and self._get_foreign_steps()
        if foreign:
            return f"{', '.join(foreign)} extends how core brings lines into step"
        return False

    @api.model
    def _log_left(self, what, reasons):
        """Say how many of a chunk were left to core, and why.

        :param reasons: ``{reason: how many}``
        """
        # What is repeated line by line is said once, where that begins.
        if reasons and not self.env.context.get(BY_CORE):
            text = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
            _logger.info("%s %s left to core (%s)", sum(reasons.values()), what, text)

    def _get_taken(self):
        value = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        if not value:
            return SHORTCUTS
        return [name.strip() for name in value.split(",")]

    @api.model
    @ormcache()
    def _get_foreign_steps(self):
        """Names of the addons that extend how core brings the lines of an entry into step.

        A shortcut skips those steps, so what another addon does there would be missing.
        """
        modules = set()
        for name in SYNCHRONISED_MODELS:
            classes = self.env.registry[name].__mro__
            steps = self._get_core_steps(classes)
            for cls in classes:
                module = self._get_module(cls)
                if module not in OWN_MODULES and steps & vars(cls).keys():
                    modules.add(module)
        return tuple(sorted(modules))

    @api.model
    def _get_foreign_definers(self, model, names):
        """Names of the addons, but for core's own and ours, that define one of these methods."""
        modules = {
            self._get_module(cls)
            for cls in self.env.registry[model].__mro__
            if vars(cls).keys() & set(names)
        }
        return sorted(modules - set(OWN_MODULES))

    def _get_core_steps(self, classes):
        """Names of core's methods that bring lines into step."""
        core = [cls for cls in classes if self._get_module(cls) == "account"]
        return {
            name
            for cls in core
            for name in vars(cls)
            if name.startswith("_sync_") or name == "_get_sync_stack"
        }

    def _get_module(self, cls):
        """The addon that defines a class; what is put into the registry's own is foreign."""
        if "pool" in vars(cls):
            return "something that patches"
        return getattr(cls, "_module", None) or cls.__module__
