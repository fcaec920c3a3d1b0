import {
    ProgressBarField,
    progressBarField,
} from "@web/views/fields/progress_bar/progress_bar_field";
import {onMounted, onWillUnmount} from "@odoo/owl";
import {registry} from "@web/core/registry";

const INTERVAL = 2000;
const WORKING = ["queued", "running"];

/**
 * A progress bar that reads its record again while work goes on in the background.
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
        await record.load();
    }
}

registry.category("fields").add("ar_live_progress", {
    ...progressBarField,
    component: LiveProgressField,
});
