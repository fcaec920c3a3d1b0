"""Take every screen at three widths, and say what is cut off: all_screens.py ADDRESS FOLDER [WORD].

Opens each list of this addon that has an address, its first record, the lists and forms of
Odoo that it extends, and the printed pages of the portal, in the served demo database. For each it
writes a picture, and prints every column whose head, number or name does not fit, and every
page that scrolls sideways. With WORD, only screens whose name holds it.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from screenshots import ARGUMENTS, BROWSERS, Screens

WIDTHS = {1600: 1000, 1280: 800, 390: 844}
# Lists of Odoo on which this addon shows something, beside its own.
CORE = {"customer-invoices": "account.move", "customers": "res.partner"}

# Columns of which something is cut off: their heads, and the first text that does not fit.
CUT_OFF = """() => {
    const found = {};
    const fits = (el) => el.scrollWidth <= el.clientWidth + 1;
    for (const el of document.querySelectorAll(
        "th[data-name] .text-truncate, .o_data_cell, .o_list_footer td > span, .o_stat_text"
    )) {
        const name = el.closest("[data-name]")?.dataset.name || el.getAttribute("name") || "footer";
        const text = el.textContent.trim();
        if (text && !fits(el) && !found[name]) {
            found[name] = text.slice(0, 60);
        }
    }
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth + 1) {
        found["the page"] = `scrolls sideways by ${page.scrollWidth - page.clientWidth}`;
    }
    return Object.entries(found).map(([name, text]) => `${name}: ${text}`);
}"""


class AllScreens(Screens):
    def call(self, model: str, method: str, *args, **kwargs):
        """Ask the server over RPC, as the page's user."""
        return self.page.evaluate(
            """async ([model, method, args, kwargs]) => {
                const answer = await fetch(`/web/dataset/call_kw/${model}/${method}`, {
                    method: "POST",
                    headers: {"Content-Type": "application/json"},
                    body: JSON.stringify({
                        jsonrpc: "2.0", method: "call", params: {model, method, args, kwargs},
                    }),
                });
                const {result, error} = await answer.json();
                if (error) throw new Error(JSON.stringify(error));
                return result;
            }""",
            [model, method, list(args), kwargs],
        )

    def find_screens(self):
        """(name, address) of each list and form."""
        ours = self.call(
            "ir.model.data",
            "search_read",
            [["module", "=", "ar_balance_invoicing"], ["model", "=", "ir.actions.act_window"]],
            ["res_id"],
        )
        actions = self.call(
            "ir.actions.act_window",
            "search_read",
            [["id", "in", [row["res_id"] for row in ours]], ["path", "!=", False]],
            ["path", "res_model", "domain"],
        )
        screens = [(path, model, "") for path, model in CORE.items()]
        screens += [(row["path"], row["res_model"], row["domain"] or "") for row in actions]
        for path, model, domain in screens:
            parents = self.find_parents(path, model) if "active_id" in domain else [""]
            for parent in parents:
                yield path, f"odoo/{parent}{path}"
            records = self.call(model, "search", [], limit=1)
            if records:
                yield f"{path}-form", f"odoo/{parents[0] if parents else ''}{path}/{records[0]}"

    def find_parents(self, path: str, model: str):
        """The record in whose address a list is: of the document that its lines belong to."""
        fields = self.call(model, "fields_get", [], ["relation"])
        owner = {"write-off-entries": "ar.write.off", "batch-write-offs": "ar.write.off.batch"}
        relation = owner.get(path) or fields.get("document_id", {}).get("relation")
        found = self.call(relation, "search", [], limit=1, order="id desc") if relation else []
        return [f"{relation}/{found[0]}/"] if found else []

    def take_all(self, word: str):
        for name, path in list(self.find_screens()):
            if word not in name:
                continue
            for width, height in WIDTHS.items():
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.goto(f"{self.address}/{path}")
                self.settle()
                self.take(f"{name}-{width}")
                for line in self.page.evaluate(CUT_OFF) if width > 1000 else ():
                    print(f"    {width} {line}", flush=True)


def main(address: str, folder: str, word: str = ""):
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        screens = AllScreens(chromium.new_page(), address, Path(folder), set())
        screens.log_in()
        screens.take_all(word)


if __name__ == "__main__":
    main(*sys.argv[1:])
