import {registry} from "@web/core/registry";

const ROW = ".o_field_widget[name=line_ids] .o_data_row";
const rowOf = (name) => `${ROW}:contains(${name})`;

/**
 * The seed "Writing Off Invoice Balances in a Batch Process", step by step.
 */
registry.category("web_tour.tours").add("ar_write_off", {
    steps: () => [
        {
            content: "The default batch: Auto Batch",
            trigger: ".o_field_widget[name=batch_id] input[placeholder='Auto Batch']",
        },
        {
            content: "Enter the criteria: balance due less than",
            trigger: ".o_field_widget[name=balance_below] input",
            run: "edit 5",
        },
        {
            content: "Aging days greater than 90",
            trigger:
                ".o_field_widget[name=aging_choice] .o_select_menu_toggler, .o_field_widget[name=aging_choice] select, .o_field_widget[name=aging_choice] input",
            run: "click",
        },
        {
            trigger: ".o_select_menu_item:contains(90)",
            run: "click",
        },
        {
            content: "Search Selection",
            trigger: "button[name=action_search]",
            run: "click",
        },
        {
            content: "Invoices matching the criteria are returned, all selected",
            trigger: `${rowOf("Tour Rosa Delgado")}:contains(4.50) .o_field_widget[name=selected] input:checked`,
        },
        {
            trigger: `${rowOf("Tour Other")} .o_field_widget[name=selected] input:checked`,
        },
        {
            content: "The young one is not among them",
            trigger: `.o_form_view:not(:has(${rowOf("Tour Young")}))`,
        },
        {
            content: "One is not to be written off: clear its check box",
            trigger: `${rowOf("Tour Other")} .o_field_widget[name=selected] input`,
            run: "click",
        },
        {
            trigger: `${rowOf("Tour Other")} .o_field_widget[name=selected] input:not(:checked)`,
        },
        {
            content: "The totals follow, and the tick is saved",
            trigger:
                ".o_form_view:not(:has(.o_form_button_save:visible)) span[name=ticked]:contains(1 invoices of 1 customers ticked):contains(4.50)",
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
            trigger: `${rowOf("Tour Other")} .o_field_widget[name=selected] input:not(:checked)`,
        },
        {
            trigger: `${rowOf("Tour Rosa Delgado")} .o_field_widget[name=selected] input:checked`,
        },
        {
            content: "Process Selection",
            trigger: "button[name=action_process]",
            run: "click",
        },
        {
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "Done, and it says so",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Done)",
        },
        {
            content: "How many were written off, and how many were not",
            trigger:
                "div[name=outcome]:contains(1 written off):contains(1 left out):contains(0 failed)",
        },
        {
            trigger: `${rowOf("Tour Other")}:contains(Not ticked.)`,
        },
    ],
});
