import {
    ProgressBarField,
    progressBarField,
} from "@web/views/fields/progress_bar/progress_bar_field";
import {onMounted, onWillUnmount} from "@odoo/owl";
import {readAgain} from "../bulk_document/read_again";
import {registry} from "@web/core/registry";

const INTERVAL = 2000;
const WORKING = ["queued", "running"];
const FIELDS = [
    "state",
    "progress",
    "progress_text",
    "cancel_requested",
    "waiting_text",
];

/**
 * A progress bar that follows the work in the background, and shows the whole record
 * again when it has ended.
 */
export class LiveProgressField extends ProgressBarField {
    setup() {
        super.setup();
        onMounted(() => {
            this.timer = setInterval(() => this.refresh(), INTERVAL);
        });
        onWillUnmount(() => clearInterval(this.timer));
    }

    async refresh() {
        const record = this.props.record;
        // What nobody looks at need not be asked for, nor what the user is changing.
        if (document.hidden || record.dirty || !WORKING.includes(record.data.state)) {
            return;
        }
        const {state} = await record.model.mutex.exec(() => readAgain(record, FIELDS));
        if (!WORKING.includes(state)) {
            await record.load();
        }
    }
}

registry.category("fields").add("ar_live_progress", {
    ...progressBarField,
    component: LiveProgressField,
});
