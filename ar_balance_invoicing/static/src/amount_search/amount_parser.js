import {localization} from "@web/core/l10n/localization";
import {registry} from "@web/core/registry";

// Amounts as people type them into a search: with the currency's sign or code, a credit
// in parentheses. What might be two different amounts is refused; core would take
// "1.234,56" for 1.23. See search_amount in tools/amounts.py, which does the same.
const parsers = registry.category("parsers");
const parseMonetary = parsers.get("monetary");

const BESIDE = "[^\\d.,'()+-]*";
const TYPED = new RegExp(
    `^${BESIDE}(?<open>\\(?)${BESIDE}(?<before>[+-]?)${BESIDE}` +
        `(?<digits>[\\d.,'\\s]+)${BESIDE}(?<after>-?)${BESIDE}(?<close>\\)?)${BESIDE}$`
);

function readDigits(digits, decimalPoint, thousandsSep) {
    const [whole, fraction = "", ...more] = digits.split(decimalPoint);
    const separator = thousandsSep.trim()
        ? thousandsSep.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        : "\\s";
    const grouped = thousandsSep ? `\\d{1,3}(${separator}\\d{3})+|` : "";
    const isWhole = new RegExp(`^(${grouped}\\d*)$`).test(whole);
    if (more.length || !isWhole || !/^\d*$/.test(fraction) || !(whole || fraction)) {
        return null;
    }
    return Number(`${whole.replace(/\D/g, "") || 0}.${fraction || 0}`);
}

export function parseAmount(text) {
    if (text.startsWith("=")) {
        return parseMonetary(text); // A sum to be worked out
    }
    const {open, before, digits, after, close} = text.match(TYPED)?.groups || {};
    const signs = [open, before, after].filter(Boolean);
    if (digits === undefined || Boolean(open) !== Boolean(close) || signs.length > 1) {
        throw new Error(`"${text}" is no amount`);
    }
    const {decimalPoint, thousandsSep} = localization;
    const number =
        readDigits(digits.trim(), decimalPoint, thousandsSep || "") ??
        readDigits(digits.trim(), ".", ",");
    if (number === null) {
        throw new Error(`"${text}" is no amount`);
    }
    return number && signs.length && signs[0] !== "+" ? -number : number;
}

parsers.add("monetary", parseAmount, {force: true});
