import {registry} from "@web/core/registry";

const rowOf = (name) => `.o_list_view .o_data_row:contains(${name})`;
const tickOf = (name) => `${rowOf(name)} .o_field_widget[name=selected] input`;

/**
 * The seed "Writing Off Invoice Balances in a Batch Process", step by step.
 */
registry.category("web_tour.tours").add("ar_write_off", {
    steps: () => [
        {
            content: "The pop-up opens with the default batch: Auto Batch",
            trigger:
                ".modal .o_field_widget[name=batch_id] input[placeholder^='Auto Batch']",
        },
        {
            content: "A blank amount is blank",
            trigger: ".modal .o_field_widget[name=balance_below] input",
            run: ({anchor}) => {
                if (anchor.value !== "") {
                    throw new Error(`It shows ${anchor.value}`);
                }
            },
        },
        {
            content: "Enter the criteria: balance due less than",
            trigger: ".modal .o_field_widget[name=balance_below] input",
            run: "edit 5",
        },
        {
            content: "Aging days greater than 90",
            trigger:
                ".modal .o_field_widget[name=aging_choice] .o_selection_badge:contains(90)",
            run: "click",
        },
        {
            content: "Search Selection",
            trigger: ".modal button[name=action_search]",
            run: "click",
        },
        {
            content: "The list says what was searched",
            trigger:
                ".o_last_breadcrumb_item:contains(Balance less than):contains(5.00, more than 90 days old)",
        },
        {
            content: "Invoices matching the criteria are returned, all selected",
            trigger: `${rowOf("Tour Rosa Delgado")}:contains(4.50) .o_field_widget[name=selected] input:checked`,
        },
        {
            trigger: `${tickOf("Tour Other")}:checked`,
        },
        {
            content: "The young one is not among them",
            trigger: `.o_list_view:not(:has(${rowOf("Tour Young")}))`,
        },
        {
            content: "One is not to be written off: clear its check box",
            trigger: tickOf("Tour Other"),
            run: "click",
        },
        {
            content: "The tick is saved",
            trigger: `.o_list_view:not(:has(.o_list_button_save:visible)) .o_data_row:contains(Tour Other) .o_field_widget[name=selected] input:not(:checked)`,
        },
        {
            content: "Count, customers and loss above the list follow at once",
            trigger: ".o_ar_ticked:contains(1 invoice of 1 customer: $ 4.50 lost)",
        },
        {
            content: "And so does the footer",
            trigger: ".o_list_footer:contains(4.50):not(:contains(7.75))",
        },
        {
            content: "The information icon",
            trigger: `${rowOf("Tour Rosa Delgado")} button[name=action_information]`,
            run: "click",
        },
        {
            content: "The invoice's details are displayed",
            trigger:
                ".modal .o_field_widget[name=invoice_line_ids] .o_data_row:contains(Pick-up)",
        },
        {
            content: "Go directly to the invoice",
            trigger: ".modal button[name=action_open_document]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=invoice_line_ids]",
        },
        {
            content: "And back: the search and the ticks are as they were",
            trigger:
                ".o_breadcrumb .o_back_button a, .breadcrumb-item:not(.active):last a",
            run: "click",
        },
        {
            trigger: `${tickOf("Tour Other")}:not(:checked)`,
        },
        {
            trigger: `${tickOf("Tour Rosa Delgado")}:checked`,
        },
        {
            content: "Change Criteria: the pop-up, filled in as before",
            trigger: ".o_control_panel button[name=action_change_criteria]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=balance_below] input:value(5.00)",
            run: "edit 5.5",
        },
        {
            trigger: ".modal button[name=action_search]",
            run: "click",
        },
        {
            content: "Found anew; what was unticked still is",
            trigger:
                ".o_last_breadcrumb_item:contains(Balance less than):contains(5.50)",
        },
        {
            trigger: `${tickOf("Tour Other")}:not(:checked)`,
        },
        {
            content: "Process Selection",
            trigger: ".o_control_panel button[name=action_process_selection]",
            run: "click",
        },
        {
            content: "The totals are told before anything is written off",
            trigger:
                ".modal .o_field_widget[name=text]:contains(1 invoice of 1 customer: $ 4.50 lost)",
        },
        {
            content: "A pop-up that is discarded loses nothing",
            trigger: ".modal-footer button:contains(Discard)",
            run: "click",
        },
        {
            trigger: `body:not(:has(.modal)) ${tickOf("Tour Other")}:not(:checked)`,
        },
        {
            trigger: ".o_control_panel button[name=action_process_selection]",
            run: "click",
        },
        {
            trigger: ".modal-footer button[name=action_process]",
            run: "click",
        },
        {
            content: "Done, and it says so",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Done)",
        },
        {
            content: "How many were written off, and how many were not",
            trigger:
                ".o_form_view:has(.o_field_widget[name=done_count]:contains(1)):has(.o_field_widget[name=skipped_count]:contains(1)):has(.o_field_widget[name=failed_count]:contains(0))",
        },
        {
            trigger: ".o_field_widget[name=amount_written_off]:contains(4.50)",
        },
        {
            content: "What became of each",
            trigger: "button[name=action_view_lines]",
            run: "click",
        },
        {
            content: "Without the filters: what was left out is listed with why",
            trigger: ".o_searchview_facet .o_facet_remove",
            run: "click",
        },
        {
            trigger: `${rowOf("Tour Other")}:contains(Not ticked.)`,
        },
    ],
});

/** From the menu to what is written off: six clicks, and one for each that stays. */
registry.category("web_tour.tours").add("ar_write_off_in_six_clicks", {
    steps: () => [
        {
            content: "1: the menu",
            trigger: ".o_main_navbar .o_menu_sections button:contains(Customers)",
            run: "click",
        },
        {
            content: "2: Process Invoice Write-Offs",
            trigger:
                ".o-dropdown--menu .dropdown-item:contains(Process Invoice Write-Offs)",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=balance_below] input",
            run: "edit 5",
        },
        {
            content: "3: more than 90 days old",
            trigger:
                ".modal .o_field_widget[name=aging_choice] .o_selection_badge:contains(90)",
            run: "click",
        },
        {
            content: "4: Search Selection",
            trigger: ".modal button[name=action_search]",
            run: "click",
        },
        {
            content: "One click for what stays",
            trigger: tickOf("Tour Other"),
            run: "click",
        },
        {
            trigger: ".o_ar_ticked:contains(1 invoice of 1 customer: $ 4.50 lost)",
        },
        {
            content: "5: Process Selection",
            trigger: ".o_control_panel button[name=action_process_selection]",
            run: "click",
        },
        {
            content: "6: Process",
            trigger: ".modal-footer button[name=action_process]",
            run: "click",
        },
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Done)",
        },
    ],
});
