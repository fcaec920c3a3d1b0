import {MonetaryField, monetaryField} from "@web/views/fields/monetary/monetary_field";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";

/**
 * An amount that is not asked for: nothing is shown, rather than 0.00. A zero that somebody
 * types is refused, as scripts are: it would be dropped silently.
 */
export class BlankAmountField extends MonetaryField {
    setup() {
        this.notification = useService("notification");
        super.setup();
    }

    get formattedValue() {
        return this.value ? super.formattedValue : "";
    }

    get inputOptions() {
        const options = super.inputOptions;
        return {...options, parse: (text) => this.parseAmount(text, options.parse)};
    }

    parseAmount(text, parse) {
        if (!text.trim()) {
            return false;
        }
        const amount = parse(text);
        if (!amount) {
            const {label} = this.props.record.fields[this.props.name];
            const message = _t(
                "Zero is no criterion: type an amount, or leave it blank."
            );
            this.notification.add(message, {title: label, type: "warning"});
            throw new Error("Zero");
        }
        return amount;
    }
}

registry.category("fields").add("ar_blank_amount", {
    ...monetaryField,
    component: BlankAmountField,
});
