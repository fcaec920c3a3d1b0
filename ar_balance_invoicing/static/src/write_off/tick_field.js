import {
    BooleanToggleField,
    booleanToggleField,
} from "@web/views/fields/boolean_toggle/boolean_toggle_field";
import {readAgain} from "../bulk_document/read_again";
import {registry} from "@web/core/registry";

const TOTALS = [
    "ticked_count",
    "ticked_customers",
    "ticked_amount",
    "ticked_by_currency",
];

/**
 * The tick of a row that is saved at once, also within the form of its document.
 *
 * As a change of the form, each tick would be worked out again with all the other rows,
 * which takes seconds when there are thousands.
 */
export class TickField extends BooleanToggleField {
    async onChange(ticked) {
        const {name, record} = this.props;
        if (record.canSaveOnUpdate) {
            await super.onChange(ticked);
            return;
        }
        this.state.value = ticked;
        await record.model.mutex.exec(async () => {
            const changes = {[name]: ticked};
            const {context, model, resId, resModel} = record;
            await model.orm.write(resModel, [resId], changes, {context});
            record._applyValues(changes);
            await readAgain(record._parentRecord, TOTALS);
        });
    }
}

registry.category("fields").add("list.ar_tick", {
    ...booleanToggleField,
    component: TickField,
});
