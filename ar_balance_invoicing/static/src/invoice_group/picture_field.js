import {
    JournalDashboardGraphField,
    journalDashboardGraphField,
} from "@web/views/fields/journal_dashboard_graph/journal_dashboard_graph_field";
import {onMounted, onWillUnmount} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {useRecordObserver} from "@web/model/relational_model/utils";

/**
 * Odoo's small graph, drawn anew when its record is read anew, and with all its labels
 * however narrow the screen is.
 */
export class PictureField extends JournalDashboardGraphField {
    setup() {
        super.setup();
        this.mounted = false;
        onMounted(() => {
            this.mounted = true;
        });
        onWillUnmount(() => {
            this.mounted = false;
        });
        useRecordObserver((record) => {
            const text = record.data[this.props.name];
            if (!text || text === this.text) {
                return;
            }
            this.text = text;
            this.data = JSON.parse(text);
            if (this.mounted) {
                this.renderChart();
            }
        });
    }

    getBarChartConfig() {
        const config = super.getBarChartConfig();
        Object.assign(config.options.scales.x.ticks, {
            autoSkip: false,
            maxRotation: 60,
            font: {size: 10},
        });
        return config;
    }
}

registry.category("fields").add("ar_picture", {
    ...journalDashboardGraphField,
    component: PictureField,
});
