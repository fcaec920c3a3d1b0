"""Model classes as another addon would bring them, for the time of one test."""

from odoo.orm.model_classes import add_to_registry
from odoo.tools.sql import column_exists, create_column

SET_UP = ["account.move", "account.move.line"]


class ThrowAwayAddon:
    """For a test of Odoo's kind. Columns are gone with the test's transaction."""

    def _bring(self, *definitions):
        """Extend the registry by these classes of ``_inherit``, and the tables by their fields."""
        for definition in definitions:
            model = self.registry[definition._name]
            self.addCleanup(setattr, model, "_base_classes__", model._base_classes__)
            add_to_registry(self.registry, definition)
        self._set_up_again([definition._name for definition in definitions])
        for definition in definitions:
            model = self.env[definition._name]
            for name in (field.name for field in definition._field_definitions):
                field = model._fields[name]
                if (
                    field.column_type
                    and field.store
                    and not column_exists(self.cr, model._table, name)
                ):
                    create_column(self.cr, model._table, name, field.column_type[1])

    def _bring_model(self, definition):
        """Put an abstract model of its own into the registry; return what takes it away."""
        name = definition._name
        add_to_registry(self.registry, definition)
        self._set_up_again([], [name])
        self.addCleanup(self.registry.models.pop, name, None)

        def take_away():
            del self.registry[name]
            self.registry._setup_models__(self.cr, SET_UP)

        return take_away

    def _set_up_again(self, extended, own=()):
        """Now, and once when all classes are gone: cleanups run backwards, so that comes last.

        :param extended: names of models that stay when the classes are gone.
        """
        if not hasattr(self, "_extended"):
            self._extended = list(SET_UP)
            self._cleanups.insert(0, (self.registry._setup_models__, (self.cr, self._extended), {}))
        self._extended += extended
        self.registry._setup_models__(self.cr, [*self._extended, *own])
