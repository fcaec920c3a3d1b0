import {SearchBar} from "@web/search/search_bar/search_bar";
import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/core/utils/numbers";
import {isAmbiguous} from "./amount_parser";
import {patch} from "@web/core/utils/patch";

// Core leaves a search out that it cannot parse: whoever types "1.234,56" would look at a list
// that is not filtered, and not be told why. One line below the search box says it.
patch(SearchBar.prototype, {
    getItems(searchItem, trimmedQuery) {
        const items = super.getItems(searchItem, trimmedQuery);
        const refused =
            !items.length &&
            searchItem.type === "field" &&
            this.getFieldType(searchItem) === "monetary" &&
            isAmbiguous(trimmedQuery);
        if (refused && !this.items.some((item) => item.id === "ar_amount_hint")) {
            items.push({
                id: "ar_amount_hint",
                isChild: true,
                searchItemId: searchItem.id,
                label: _t("“%(text)s” is no clear amount. Type it like %(example)s", {
                    text: trimmedQuery,
                    example: formatFloat(1234.56, {digits: [16, 2]}),
                }),
                unselectable: true,
            });
        }
        return items;
    },
});
