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
