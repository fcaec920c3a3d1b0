import {registry} from "@web/core/registry";

const INPUT = ".o_searchview_input";

function rowsAre(...names) {
    return {
        content: `Exactly these customers are listed: ${names.join(", ") || "none"}`,
        trigger: ".o_list_view",
        run: async () => {
            const listed = () =>
                [...document.querySelectorAll(".o_data_row .o_list_char")]
                    .map((cell) => cell.textContent.trim())
                    .filter((text) => text.startsWith("Tour "))
                    .sort();
            const wanted = names.map((name) => `Tour ${name}`).sort();
            for (let tries = 0; tries < 50; tries++) {
                if (JSON.stringify(listed()) === JSON.stringify(wanted)) {
                    return;
                }
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            throw new Error(`Listed are ${listed()}, wanted are ${wanted}`);
        },
    };
}

function typeAmount(label, amount) {
    return [
        {
            content: `Type ${amount} into the search box`,
            trigger: INPUT,
            run: `edit ${amount}`,
        },
        {
            content: `Search ${label}`,
            trigger: `.o_searchview_autocomplete .dropdown-item:contains("${label}")`,
            run: "click",
        },
        {
            content: "The filter is on",
            trigger: `.o_searchview_facet:contains("${label}")`,
        },
    ];
}

const removeFilters = () => ({
    content: "Remove the last filter",
    trigger: ".o_searchview_facet:last .o_facet_remove",
    run: "click",
});

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
        removeFilters(),
        ...typeAmount("Account Balance >", "0"),
        rowsAre("Balance"),
        removeFilters(),
        ...typeAmount("Account Balance <", "0.01"),
        rowsAre("Nothing", "Credit"),
        removeFilters(),
        ...typeAmount("Account Balance <", "1,000.50"),
        rowsAre("Balance", "Nothing", "Credit"),
        removeFilters(),
        removeFilters(),
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
