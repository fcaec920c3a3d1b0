import {onWillStart, useEffect, useState} from "@odoo/owl";
import {RowTotalsController, rowTotalsView} from "./row_totals";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {readRowFigures} from "../bulk_document/row_figures";

const DOCUMENT = "ar.write.off";
const FIGURES = ["amount_applied", "amount_lost", "amount_to_lose"];

/**
 * What was found, to be ticked: each tick moves the customers' credits, so that figures of
 * other rows and the sentence above the list are read again.
 */
export class FoundListController extends RowTotalsController {
    static template = "ar_balance_invoicing.FoundList";

    setup() {
        super.setup();
        this.orm = useService("orm");
        this.ticked = useState({text: "", criteria: ""});
        onWillStart(() => this.readTicked());
        // Read anew with the list: by a button, a search, or after a pop-up.
        useEffect(
            () => {
                this.readTicked();
            },
            () => [this.model.root]
        );
    }

    get writeOffId() {
        const {context} = this.props;
        return context.ar_write_off_id || context.active_id;
    }

    async readTicked() {
        const id = this.writeOffId;
        if (!id) {
            return;
        }
        const [found] = await this.orm.searchRead(
            DOCUMENT,
            [["id", "=", id]],
            ["ticked_text", "criteria_text"]
        );
        this.ticked.text = found ? found.ticked_text : "";
        this.ticked.criteria = found ? found.criteria_text : "";
        if (found && found.criteria_text) {
            // Also where the list was opened by its address.
            this.env.config.setDisplayName(found.criteria_text);
        }
    }

    async onRecordSaved(record, changes) {
        await super.onRecordSaved(record, changes);
        // Not waited for: whoever saves holds the lock of the model.
        this.readFigures(record);
    }

    async readFigures(saved) {
        await Promise.all([
            readRowFigures(this.model.root, this.orm, saved, FIGURES),
            this.readTicked(),
        ]);
    }
}

registry.category("views").add("ar_write_off_found", {
    ...rowTotalsView,
    Controller: FoundListController,
});
