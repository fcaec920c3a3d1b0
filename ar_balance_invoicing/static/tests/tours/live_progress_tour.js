import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("ar_live_progress", {
    steps: () => [
        {
            content: "The queued run shows its progress",
            trigger: ".o_widget_ar_live_progress:contains(0 of 3)",
        },
        {
            content: "The page may be closed, says the form; here it stays open",
            trigger: ".alert:contains(The work goes on in the background)",
        },
        {
            content: "Without reloading, the form shows that it is done",
            trigger: "body:not(:has(.alert:contains(The work goes on))) .o_form_view",
            timeout: 15000,
        },
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Done)",
        },
        {
            trigger: ".o_stat_text:contains(Invoices)",
        },
    ],
});
