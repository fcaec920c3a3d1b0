import {registry} from "@web/core/registry";
import {rowsAre, typeAmount} from "./tour_steps";

/** A balance-only group in four clicks: the filter, all rows, Add to Group, Add. */
registry.category("web_tour.tours").add("ar_balance_only_group", {
    steps: () => [
        {trigger: ".o_list_view .o_data_row"},
        ...typeAmount("Invoice Balance =", "0"),
        rowsAre("Anna", "Bert"),
        {
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_control_panel button[name=action_add_to_invoice_group]",
            run: "click",
        },
        {
            content: "The proposed name says what they have in common",
            trigger: ".modal .o_field_widget[name=name] input:value(Balance only)",
        },
        {
            trigger: ".modal button[name=action_add]",
            run: "click",
        },
        {
            content: "The group shows what the accounts owe, not what the invoices do",
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name=amount_account]:contains(127.00)",
        },
        {trigger: ".o_form_view:not(:has(.o_field_widget[name=amount_open]))"},
        {trigger: ".o_field_widget[name=aging_graph] canvas"},
    ],
});

/** Confirm and e-mail a group in four clicks. */
registry.category("web_tour.tours").add("ar_confirm_and_email_group", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button:contains(Confirm Drafts)",
            run: "click",
        },
        {
            content: "It says what it is about to do, and with how much",
            trigger: ".modal:contains(Confirm 2 drafts of 2 customers):contains(11.00)",
        },
        {
            content: "The button is called by its verb",
            trigger: ".modal footer button.btn-primary:contains(Confirm)",
            run: "click",
        },
        {
            trigger:
                "body:not(:has(.modal)) .o_statusbar_buttons:not(:contains(Confirm Drafts)) button:contains(E-Mail Those Not Sent)",
            run: "click",
        },
        {
            trigger: ".modal:contains(E-mail 2 invoices of 2 customers)",
        },
        {
            trigger: ".modal footer button.btn-primary:contains(E-Mail)",
            run: "click",
        },
        {
            content: "They are queued, and not sent yet",
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name=invoice_ids] .o_data_row:contains(Queued)",
        },
    ],
});

/** A group that stays open while its drafts are confirmed in the background. */
registry.category("web_tour.tours").add("ar_group_follows_its_task", {
    steps: () => [
        {
            trigger: ".o_widget_ar_group_progress:contains(of 2)",
        },
        {
            content: "Without reloading, the group shows that the task has ended",
            trigger: "body:not(:has(.o_widget_ar_group_progress)) .o_form_view",
            timeout: 15000,
        },
        {
            content: "Its pictures are drawn anew as well",
            trigger: ".o_field_widget[name=status_graph] canvas",
            run: async ({anchor}) => {
                const labels = () => String(window.Chart.getChart(anchor).data.labels);
                for (let tries = 0; tries < 50 && labels() !== "Open"; tries++) {
                    await new Promise((resolve) => setTimeout(resolve, 100));
                }
                if (labels() !== "Open") {
                    throw new Error(`The picture still shows ${labels()}`);
                }
            },
        },
    ],
});
