/* Steps that several tours share. */

/** Exactly the customers "Tour <name>" are listed, each as often as it is named. */
export function rowsAre(...names) {
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

/** Type an amount into the search box and choose what it is compared with. */
export function typeAmount(label, amount) {
    return [
        {
            content: `Type ${amount} into the search box`,
            trigger: ".o_searchview_input",
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

export const removeFilter = () => ({
    content: "Remove the last filter",
    trigger: ".o_searchview_facet:last .o_facet_remove",
    run: "click",
});

/** Tick all listed invoices and open Add to Group. */
const addToGroup = () => [
    {
        content: "Tick all invoices",
        trigger: ".o_list_view thead .o_list_record_selector input",
        run: "click",
    },
    {
        content: "Add to Group",
        trigger: ".o_control_panel button[name=action_add_to_invoice_group]",
        run: "click",
    },
];

const add = () => ({
    trigger: ".modal button[name=action_add]",
    run: "click",
});

export function addToNewGroup(name) {
    return [
        ...addToGroup(),
        {
            content: "A new group is proposed, with a name",
            trigger: ".modal .o_field_widget[name=name] input:not(:value(''))",
            run: `edit ${name}`,
        },
        add(),
    ];
}

export function addToExistingGroup(name) {
    return [
        ...addToGroup(),
        {
            trigger: ".modal .o_field_widget[name=choice] label:contains(existing)",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=group_id] input",
            run: `edit ${name}`,
        },
        {
            trigger: `.ui-autocomplete .ui-menu-item:contains(${name})`,
            run: "click",
        },
        {
            content: "It says how many are in it already",
            trigger: ".modal .o_field_widget[name=here_count]:contains(1)",
        },
        add(),
    ];
}
