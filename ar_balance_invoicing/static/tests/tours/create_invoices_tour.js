import {registry} from "@web/core/registry";
import {
    addToExistingGroup,
    addToNewGroup,
    removeFilter,
    rowsAre,
    typeAmount,
} from "./tour_steps";

/**
 * The seed "Create account balance invoices", step by step and in its order.
 */
registry.category("web_tour.tours").add("ar_create_invoices", {
    steps: () => [
        {
            content: "Select the billing profile",
            trigger: ".modal .o_field_widget[name=profile_id] input",
            run: "edit Tour Monthly",
        },
        {
            trigger: ".ui-autocomplete .ui-menu-item:contains(Tour Monthly)",
            run: "click",
        },
        {
            content: "The billing period of today is proposed",
            trigger: ".modal .o_field_widget[name=period_id] input:not(:value(''))",
        },
        {
            trigger: ".modal button[name=action_list_customers]",
            run: "click",
        },
        {
            content: "Preview: the customers with charge and account balance",
            trigger: ".o_data_row:contains(Tour Service):contains(40.00)",
        },
        {
            content: "Down to the lines",
            trigger:
                ".o_data_row:contains(Tour Service) .o_list_record_open_form_view button",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=charge_ids] .o_data_row",
        },
        {
            content: "On to the next customer of the list, who can be left out here",
            trigger: ".o_pager_next",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=partner_id]:contains(Tour)",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_leave_out]",
            run: "click",
        },
        {
            trigger: ".o_form_view:contains('Left out by hand.')",
        },
        {
            content: "And taken again",
            trigger: ".o_statusbar_buttons button[name=action_take]",
            run: "click",
        },
        {
            trigger: ".o_form_view button[name=action_leave_out]",
        },
        {
            content: "Back to the list",
            trigger: ".o_back_button, .breadcrumb-item:not(.active):last a",
            run: "click",
        },
        {
            content: "Select Create Invoices",
            trigger: ".o_control_panel button[name=action_open_confirm]",
            run: "click",
        },
        {
            content: "It says whom it bills, and for how much",
            trigger:
                ".modal .o_field_widget[name=summary]:contains('3 of 3 customers')",
        },
        {
            content: "Do not select 'Do not generate zero invoices'",
            trigger: ".modal .o_field_widget[name=skip_zero] input:not(:checked)",
        },
        {
            content: "Select Confirm",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            content: "It says what was made",
            trigger: ".o_notification:contains('3 invoices made')",
        },
        {
            content: "The Invoices page has a column for the account balance",
            trigger: "th[data-name=account_balance]:contains(Account Balance)",
        },
        rowsAre("Service", "Balance", "Nothing"),
        {
            content: "Filter out the true $0 invoices: Invoice Balance is equal to 0",
            trigger: ".o_searchview_input",
        },
        ...typeAmount("Invoice Balance =", "0"),
        rowsAre("Balance", "Nothing"),
        ...typeAmount("Account Balance =", "0"),
        rowsAre("Nothing"),
        {
            content: "Select those invoices",
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_cp_action_menus .dropdown-toggle:contains(Actions)",
            run: "click",
        },
        {
            content: "Delete",
            trigger: ".o-dropdown--menu .dropdown-item:contains(Delete)",
            run: "click",
        },
        {
            trigger:
                ".modal-footer button.btn-danger, .modal-footer button.btn-primary",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
        removeFilter(),
        rowsAre("Balance"),
        ...typeAmount("Account Balance >", "0"),
        rowsAre("Balance"),
        ...addToNewGroup("Tour Balance Only"),
        {
            content: "The group opens, with its figures and pictures",
            trigger:
                "body:not(:has(.modal)) .o_form_view .o_field_widget[name=name] input:value(Tour Balance Only)",
        },
        {
            trigger: "button[name=action_view_invoices]:contains(1)",
        },
        {
            trigger: ".o_field_widget[name=status_graph] canvas",
        },
        {
            trigger: ".o_field_widget[name=aging_graph] canvas",
        },
        {
            trigger: ".o_field_widget[name=email_graph] canvas",
        },
        {
            content: "Back to the invoices: the filters are still there",
            trigger: ".o_back_button, .breadcrumb-item:not(.active):last a",
            run: "click",
        },
        rowsAre("Balance"),
        removeFilter(),
        removeFilter(),
        rowsAre("Service", "Balance"),
        ...addToExistingGroup("Tour Balance Only"),
        {
            content: "Only the other one was added",
            trigger: "button[name=action_view_invoices]:contains(2)",
        },
    ],
});

/**
 * The shortest way to the drafts of the next period: five clicks.
 */
registry.category("web_tour.tours").add("ar_next_period", {
    steps: () => [
        {
            content: "1: the menu",
            trigger: ".o_main_navbar .o_menu_sections button:contains(Customers)",
            run: "click",
        },
        {
            content: "2: Create Invoices",
            trigger: ".o-dropdown--menu .dropdown-item:contains(Create Invoices)",
            run: "click",
        },
        {
            content: "The next period is proposed; the one before is said to be billed",
            trigger:
                ".modal .o_field_widget[name=progress_note]:contains('0 of 2 billed'):contains('2 of 2 billed')",
        },
        {
            content: "3: its customers",
            trigger: ".modal button[name=action_list_customers]",
            run: "click",
        },
        {
            content: "4: the pop-up",
            trigger: ".o_control_panel button[name=action_open_confirm]",
            run: "click",
        },
        {
            trigger:
                ".modal .o_field_widget[name=summary]:contains('2 of 2 customers')",
        },
        {
            content: "5: Confirm",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            trigger: ".o_notification:contains('2 invoices made')",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Tour Ann)",
        },
    ],
});
