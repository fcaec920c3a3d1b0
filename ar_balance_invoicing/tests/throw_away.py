"""Model classes as another addon would bring them, for the time of one test."""

from odoo.orm.model_classes import add_to_registry
from odoo.tools.sql import column_exists, create_column

SET_UP = ["account.move", "account.move.line"]


class ThrowAwayAddon:
    """For a test of Odoo's kind. Columns are gone with the test's transaction."""

    def setUp(self):
        super().setUp()
        # Names of the models that were extended, and are to be set up anew.
        self.extended = set(SET_UP)

    def _set_up_extended(self):
        self.registry._setup_models__(self.cr, sorted(self.extended))

    def _bring(self, *definitions):
        """Extend the registry by these classes of ``_inherit``, and the tables by their fields."""
        for definition in definitions:
            model = self.registry[definition._name]
            self.addCleanup(setattr, model, "_base_classes__", model._base_classes__)
            add_to_registry(self.registry, definition)
            self.extended.add(definition._name)
        # Cleanups run backwards: this one comes last.
        self._cleanups.insert(0, (self._set_up_extended, (), {}))
        self._set_up_extended()
        for definition in definitions:
            model = self.env[definition._name]
            for name in (field.name for field in definition._field_definitions):
                field = model._fields[name]
                if field.store and not column_exists(self.cr, model._table, name):
                    create_column(self.cr, model._table, name, field.column_type[1])

    def _bring_model(self, definition):
        """Put an abstract model of its own into the registry; return what takes it away."""
        name = definition._name
        add_to_registry(self.registry, definition)
        self.registry._setup_models__(self.cr, [name])

        def take_away():
            if name in self.registry:
                del self.registry[name]
                self._set_up_extended()

        self.addCleanup(take_away)
        return take_away
