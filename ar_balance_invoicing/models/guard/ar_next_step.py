from lxml import etree, html

from odoo import api, models
from odoo.tools import SQL

# Marks of paragraphs in the help of an action: for those who may make such records, and for
# those who may not.
MAY = "ar_may_create"
MAY_NOT = "ar_may_not_create"
# Links in it name the path of an action.
LINK = "/odoo/"


class ArNextStep(models.AbstractModel):
    """What an empty list says: the next step, to those who may take it.

    The text stands with the action. Who may not make such records is not told to make one,
    and a link to what he may not open is plain text.
    """

    _name = "ar.next.step"
    _description = "Next Step"

    @api.model
    def get_empty_list_help(self, help_message):
        text = super().get_empty_list_help(help_message)
        if not isinstance(text, str) or not (MAY in text or MAY_NOT in text or LINK in text):
            return text
        try:
            tree = html.fragment_fromstring(text, create_parent="div")
        except (ValueError, etree.LxmlError):
            return text
        # The client loads actions as superuser, for whoever opens them.
        self.sudo(False)._leave_out_steps(tree)
        inner = [tree.text or "", *(html.tostring(part, encoding="unicode") for part in tree)]
        return "".join(inner)

    @api.model
    def _leave_out_steps(self, tree):
        unfit = MAY_NOT if self.has_access("create") else MAY
        for part in tree.xpath("//*[@class]"):
            if unfit in part.get("class").split():
                part.drop_tree()
        links = [link for link in tree.iter("a") if (link.get("href") or "").startswith(LINK)]
        models_ = self._get_models_of_paths({link.get("href")[len(LINK) :] for link in links})
        for link in links:
            model = models_.get(link.get("href")[len(LINK) :])
            if model is None or not model.has_access("create" if model._transient else "read"):
                link.drop_tag()

    @api.model
    def _get_models_of_paths(self, paths):
        """``{path of an action: the model that it opens}``"""
        if not paths:
            return {}
        rows = self.env.execute_query(
            SQL(
                "SELECT path, res_model FROM ir_act_window WHERE path IN %s",
                tuple(paths),
            )
        )
        return {path: self.env[name] for path, name in rows if name in self.env}
