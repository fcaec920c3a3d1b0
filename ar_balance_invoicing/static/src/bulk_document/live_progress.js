import {Component, onMounted, onWillUnmount, useState} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {useService} from "@web/core/utils/hooks";

const INTERVAL = 2000;
const WORKING = ["queued", "running"];
const FIELDS = ["state", "progress", "progress_text", "waiting_text"];

/**
 * How far a bulk document is, followed while the work goes on in the background; when it
 * has ended, the whole record is shown again.
 */
export class LiveProgress extends Component {
    static template = "ar_balance_invoicing.LiveProgress";
    static props = {...standardWidgetProps};

    setup() {
        this.orm = useService("orm");
        this.state = useState({seen: {}});
        onMounted(() => {
            this.timer = setInterval(() => this.look(), INTERVAL);
            this.look();
        });
        onWillUnmount(() => clearInterval(this.timer));
    }

    /** The document whose work is followed: here that of the form itself. */
    get watched() {
        const {record} = this.props;
        return {
            model: record.resModel,
            id: record.resId,
            working: WORKING.includes(record.data.state),
        };
    }

    /** What was seen last of this document, else what the form has read. */
    get values() {
        const {seen} = this.state;
        return seen.id === this.watched.id ? seen : this.props.record.data;
    }

    get percent() {
        return Math.round(this.values.progress || 0);
    }

    async look() {
        const {record} = this.props;
        const {model, id, working} = this.watched;
        // What nobody looks at need not be asked for, nor what the user is changing.
        if (document.hidden || record.dirty || !working) {
            return;
        }
        const [seen] = await this.orm.read(model, [id], FIELDS);
        if (seen && WORKING.includes(seen.state)) {
            this.state.seen = seen;
        } else {
            this.state.seen = {};
            await record.load();
        }
    }
}

registry.category("view_widgets").add("ar_live_progress", {component: LiveProgress});
