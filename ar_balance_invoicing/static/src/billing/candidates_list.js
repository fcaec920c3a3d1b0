import {onWillStart, useEffect, useState} from "@odoo/owl";
import {ListController} from "@web/views/list/list_controller";
import {ListRenderer} from "@web/views/list/list_renderer";
import {_t} from "@web/core/l10n/translation";
import {formatMonetary} from "@web/views/fields/formatters";
import {listView} from "@web/views/list/list_view";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {readRowFigures} from "../bulk_document/row_figures";

const FIGURES = ["charge_to_bill", "amount_to_bill"];

/**
 * Candidates of a billing run, and what became of them. The first tick takes all others out,
 * so that figures of other rows are read again; above stands what all rows of the filter come
 * to, also those of further pages.
 */
export class CandidatesController extends ListController {
    static template = "ar_balance_invoicing.CandidatesList";

    setup() {
        super.setup();
        this.orm = useService("orm");
        this.toBill = useState({text: ""});
        onWillStart(() => this.readToBill(this.props.domain));
        // Read anew with the list: by a button, a search, or after a pop-up.
        useEffect(
            () => {
                this.readToBill();
            },
            () => [this.model.root]
        );
    }

    async readToBill(domain = this.model.root.domain) {
        const groups = await this.orm.formattedReadGroup(
            this.props.resModel,
            domain || [],
            ["currency_id"],
            ["amount_to_bill:sum"]
        );
        const amounts = groups
            .filter((group) => group.currency_id)
            .map((group) =>
                formatMonetary(group["amount_to_bill:sum"] || 0, {
                    currencyId: group.currency_id[0],
                })
            )
            .join(", ");
        const text = this.props.context.ar_candidates
            ? _t("To bill: %s", amounts)
            : _t("Billed: %s", amounts);
        this.toBill.text = amounts ? text : "";
    }

    async onRecordSaved(record, changes) {
        await super.onRecordSaved(record, changes);
        // Not waited for: whoever saves holds the lock of the model.
        this.readFigures(record);
    }

    async readFigures(saved) {
        await Promise.all([
            readRowFigures(this.model.root, this.orm, saved, FIGURES),
            this.readToBill(),
        ]);
    }
}

/** No sum of a page that could be taken for the sum of all. */
export class CandidatesRenderer extends ListRenderer {
    computeAggregates() {
        const {list} = this.props;
        const isPage =
            !list.isGrouped &&
            !list.selection.length &&
            list.count > list.records.length;
        return isPage ? {} : super.computeAggregates();
    }
}

registry.category("views").add("ar_billing_candidates", {
    ...listView,
    Controller: CandidatesController,
    Renderer: CandidatesRenderer,
});
