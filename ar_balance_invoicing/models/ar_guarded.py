from odoo import api, models

# In the context of what our own methods write. A caller over RPC cannot send this object.
INSIDE = object()
INSIDE_KEY = "ar_inside"


class ArGuarded(models.AbstractModel):
    """Records that people write only where their model says so; the rest is for methods.

    ``readonly`` in a view protects nothing: the external API writes every field that the
    model does not refuse.
    """

    _name = "ar.guarded"
    _description = "Guarded Record"

    def _inside(self):
        """These records, as our own methods write them."""
        return self.with_context(**{INSIDE_KEY: INSIDE})

    def _is_inside(self):
        return self.env.context.get(INSIDE_KEY) is INSIDE

    def _write_inside(self, vals):
        """Write what only methods of the model may write."""
        return self._inside().write(vals)

    @api.model
    def _create_inside(self, vals_list):
        """Create what only methods of the model may create."""
        return self.browse(self._inside().create(vals_list).ids)

    def _unlink_inside(self):
        """Delete what only methods of the model may delete."""
        return self._inside().unlink()
