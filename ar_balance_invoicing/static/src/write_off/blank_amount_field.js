import {MonetaryField, monetaryField} from "@web/views/fields/monetary/monetary_field";
import {registry} from "@web/core/registry";

/** An amount that is not asked for: nothing is shown, rather than 0.00. */
export class BlankAmountField extends MonetaryField {
    get formattedValue() {
        return this.value ? super.formattedValue : "";
    }
}

registry.category("fields").add("ar_blank_amount", {
    ...monetaryField,
    component: BlankAmountField,
});
