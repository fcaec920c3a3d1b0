import {registry} from "@web/core/registry";
import {removeFilter, rowsAre, typeAmount} from "./tour_steps";

registry.category("web_tour.tours").add("ar_invoice_balance", {
    steps: () => [
        {
            content: "Both balances are columns of the list",
            trigger:
                "th[data-name=invoice_balance]:contains(Invoice Balance) ~ th[data-name=account_balance]:contains(Account Balance)",
        },
        rowsAre("Owes", "Owes", "Balance", "Balance", "Nothing", "Credit"),
        ...typeAmount("Invoice Balance =", "0"),
        rowsAre("Balance", "Nothing", "Credit"),
        ...typeAmount("Account Balance =", "0"),
        rowsAre("Nothing"),
        removeFilter(),
        ...typeAmount("Account Balance >", "0"),
        rowsAre("Balance"),
        removeFilter(),
        ...typeAmount("Account Balance <", "0.01"),
        rowsAre("Nothing", "Credit"),
        removeFilter(),
        ...typeAmount("Account Balance <", "1,000.50"),
        rowsAre("Balance", "Nothing", "Credit"),
        removeFilter(),
        ...typeAmount("Account Balance <", "$ 1,000.50 "),
        rowsAre("Balance", "Nothing", "Credit"),
        removeFilter(),
        ...typeAmount("Account Balance <", "$ -0.01"),
        rowsAre("Credit"),
        removeFilter(),
        {
            content: "Two amounts in one are refused, with an example",
            trigger: ".o_searchview_input",
            run: "edit 1.234,56",
        },
        {
            content: "The example is as the user writes amounts",
            trigger:
                ".o_searchview_autocomplete:not(:contains(Account Balance)) .dropdown-item:contains(Type it like 1,234.56)",
        },
        {
            content: "Nothing was searched",
            trigger: ".o_searchview_input",
            run: "clear",
        },
        removeFilter(),
        rowsAre("Owes", "Owes", "Balance", "Balance", "Nothing", "Credit"),
        {
            content: "Open the filters",
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            content: "One click for one class",
            trigger: ".o_filter_menu .dropdown-item:contains(Balance Only)",
            run: "click",
        },
        rowsAre("Balance"),
        {
            content: "The customer's account, from the invoice",
            trigger: ".o_data_row .o_data_cell[name=invoice_partner_display_name]",
            run: "click",
        },
        {
            content: "The form shows the account balance too",
            trigger:
                ".o_form_view .o_field_widget[name=account_balance]:contains(250.00)",
        },
    ],
});
