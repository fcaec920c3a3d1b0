"""Take the pictures of docs/screenshots: screenshots.py ADDRESS FOLDER [NAME…].

Drives Chromium through the served demo database as a user would.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS = ("google-chrome", "chromium", "chromium-browser")


class Screens:
    def __init__(self, page, address: str, folder: Path, wanted: set[str]):
        self.page, self.address, self.folder, self.wanted = page, address, folder, wanted

    def log_in(self):
        self.page.goto(f"{self.address}/web/login")
        self.page.fill("input[name=login]", "admin")
        self.page.fill("input[name=password]", "admin")
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")

    def menu(self, *labels: str):
        """Walk the menus of Invoicing by their labels."""
        self.page.goto(f"{self.address}/odoo")
        self.page.click(".o_navbar_apps_menu button")
        self.page.click(".o-dropdown--menu .dropdown-item:has-text('Invoicing')")
        self.page.wait_for_selector(".o_main_navbar .o_menu_brand:has-text('Invoicing')")
        self.settle()
        self.page.click(f".o_main_navbar button:has-text('{labels[0]}')")
        for label in labels[1:]:
            self.page.locator(".o-dropdown--menu .dropdown-item").filter(
                has_text=re.compile(f"^{label}$")
            ).click()
        self.settle()

    def settle(self):
        self.page.wait_for_timeout(1200)
        self.page.wait_for_selector(".o_loading_indicator", state="hidden")

    def search(self, label: str, amount: str):
        self.page.fill(".o_searchview_input", amount)
        self.page.wait_for_selector(".o_searchview_autocomplete")
        self.page.locator(".o_searchview_autocomplete .dropdown-item").filter(
            has_text=label
        ).first.click()
        self.settle()

    def take(self, name: str):
        if not self.wanted or name in self.wanted:
            self.page.screenshot(path=self.folder / f"{name}.png")
            print(name, flush=True)

    # --- walks --------------------------------------------------------------

    def invoices(self):
        self.menu("Customers", "Invoices")
        self.take("invoices_list")
        self.page.fill(".o_searchview_input", "0")
        self.page.wait_for_selector(".o_searchview_autocomplete")
        self.take("invoices_search")
        self.page.keyboard.press("Escape")
        self.search("Invoice Balance =", "0")
        self.search("Account Balance >", "0")
        self.take("invoices_balance_only")
        self.page.goto(f"{self.address}/odoo/customer-invoices")
        self.settle()
        self.page.click(".o_searchview_dropdown_toggler")
        self.page.wait_for_selector(".o_filter_menu")
        self.take("invoices_filters")

    def accounts(self):
        self.menu("Customers", "Account Balances")
        self.take("account_balances")
        self.page.click(".o_data_row button[name=action_open_receivable_items] >> nth=1")
        self.settle()
        self.take("open_items")
        self.page.goto(f"{self.address}/odoo/account-balances")
        self.settle()
        self.page.click(".o_data_row >> nth=2 >> .o_data_cell >> nth=0")
        self.page.wait_for_selector(".o_form_view")
        self.page.click(".nav-link:has-text('Invoicing')")
        self.settle()
        self.take("customer_form")
        self.page.click(".nav-link:has-text('Billing')")
        self.settle()
        self.take("customer_billing")

    def billing(self):
        self.menu("Customers", "Create Invoices")
        self.page.wait_for_selector(".modal")
        self.take("create_invoices")
        self.page.click("button[name=action_list_customers]")
        self.page.wait_for_selector(".o_data_row")
        self.settle()
        self.take("create_invoices_customers")
        self.page.click(".o_control_panel button[name=action_open_confirm]")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("create_invoices_confirm")
        self.page.keyboard.press("Escape")
        self.settle()
        self.page.click(".o_data_row >> nth=3 >> .o_list_record_open_form_view button")
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("create_invoices_charges")
        self.menu("Customers", "Billing Runs")
        self.take("billing_runs")
        self.page.locator(".o_data_row .o_data_cell[name=profile_id]").last.click()
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("billing_run")
        self.page.click("button[name=action_view_invoices] >> nth=0")
        self.settle()
        self.take("billing_run_invoices")
        self.page.click(".o_data_row >> nth=4 >> .o_data_cell >> nth=1")
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("invoice_form")

    def write_offs(self):
        self.menu("Customers", "Process Invoice Write-Offs")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("write_off_criteria")
        self.page.fill(".modal .o_field_widget[name=balance_below] input", "60")
        self.page.click(".modal button[name=action_search]")
        self.page.wait_for_selector(".o_list_view .o_data_row")
        self.settle()
        self.take("write_off_review")
        self.page.click(".o_data_row button[name=action_information] >> nth=0")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("write_off_information")
        self.page.keyboard.press("Escape")
        self.settle()
        self.page.click(".o_control_panel button[name=action_process_selection]")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("write_off_process")
        self.page.keyboard.press("Escape")
        self.settle()
        self.menu("Customers", "Write-Offs")
        self.page.locator(".o_data_row .o_data_cell[name=date]").last.click()
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("write_off_done")
        self.menu("Customers", "Write-Off Batches")
        self.page.click(".o_data_row >> nth=0 >> .o_data_cell >> nth=0")
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("write_off_batch")

    def groups(self):
        self.menu("Customers", "Invoice Groups")
        self.page.wait_for_selector(".o_kanban_record canvas")
        self.settle()
        self.take("invoice_groups")
        self.page.click(".o_kanban_record >> text='Long overdue'")
        self.page.wait_for_selector(".o_form_view canvas")
        self.settle()
        self.take("invoice_group")
        self.page.click("button[name=action_add_invoices]")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("invoice_group_add")
        self.page.goto(f"{self.address}/odoo/customer-invoices")
        self.settle()
        self.page.click(".o_list_view thead .o_list_record_selector input")
        self.page.click("button[name=action_add_to_invoice_group]")
        self.page.wait_for_selector(".modal")
        self.settle()
        self.take("invoices_add_to_group")

    def configuration(self):
        self.menu("Configuration", "Billing Profiles")
        self.take("billing_profiles")
        self.page.click(".o_data_row >> nth=0 >> .o_data_cell >> nth=0")
        self.page.wait_for_selector(".o_form_view")
        self.settle()
        self.take("billing_profile")
        self.menu("Configuration", "Billing Periods")
        self.take("billing_periods")
        self.menu("Customers", "Services")
        self.take("services")


def main(address: str, folder: str, *names: str):
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        screens = Screens(page, address, Path(folder), set(names))
        screens.log_in()
        only = os.environ.get("WALKS", "invoices,accounts,billing,groups,write_offs,configuration")
        for walk in only.split(","):
            getattr(screens, walk)()


if __name__ == "__main__":
    main(*sys.argv[1:])
