import {ListController} from "@web/views/list/list_controller";
import {ListRenderer} from "@web/views/list/list_renderer";
import {formatMonetary} from "@web/views/fields/formatters";
import {listView} from "@web/views/list/list_view";
import {registry} from "@web/core/registry";
import {useEffect} from "@odoo/owl";

const TOTALS = ["amount_to_lose", "amount_written_off"];
const CURRENCY = "company_currency_id:array_agg_distinct";

/**
 * Under a column stands the figure of all rows of the filter, as the server says it: the list
 * has loaded a page of them only.
 */
export class RowTotalsRenderer extends ListRenderer {
    computeAggregates() {
        const aggregates = super.computeAggregates();
        const {list} = this.props;
        if (list.selection.length && !list.isDomainSelected) {
            return aggregates;
        }
        const totals = list.arTotals || {};
        for (const {name, attrs} of this.columns) {
            if (!TOTALS.includes(name) || !attrs.sum) {
                continue;
            }
            delete aggregates[name];
            if (name in totals) {
                const rawValue = totals[name];
                const value = formatMonetary(rawValue, {currencyId: totals.currencyId});
                aggregates[name] = {help: attrs.sum, value, rawValue};
            }
        }
        return aggregates;
    }
}

export class RowTotalsController extends ListController {
    setup() {
        super.setup();
        // Read anew with the list: by a button, a search, or after a pop-up.
        useEffect(
            () => {
                this.readTotals();
            },
            () => [this.model.root]
        );
    }

    async readTotals() {
        const list = this.model.root;
        const turn = (this.turn = (this.turn || 0) + 1);
        const names = TOTALS.filter((name) => name in list.activeFields);
        const [row] = await this.orm.formattedReadGroup(
            list.resModel,
            list.domain,
            [],
            [...names.map((name) => `${name}:sum`), CURRENCY],
            {context: list.context}
        );
        if (turn !== this.turn) {
            return; // asked again meanwhile
        }
        const currencies = row[CURRENCY];
        // In several currencies there is no sum.
        const entries = currencies.length === 1 ? names : [];
        list.arTotals = Object.fromEntries(
            entries.map((name) => [name, row[`${name}:sum`]])
        );
        list.arTotals.currencyId = currencies[0];
        this.model.notify();
    }

    async onRecordSaved(record, changes) {
        await super.onRecordSaved(record, changes);
        for (const group of this.model.root.groups || []) {
            // Read with the groups, and so of before: rather none than another.
            for (const name of TOTALS) {
                delete group.aggregates[name];
            }
        }
        // Not waited for: whoever saves holds the lock of the model.
        this.readTotals();
    }
}

export const rowTotalsView = {
    ...listView,
    Controller: RowTotalsController,
    Renderer: RowTotalsRenderer,
};

registry.category("views").add("ar_write_off_rows", rowTotalsView);
