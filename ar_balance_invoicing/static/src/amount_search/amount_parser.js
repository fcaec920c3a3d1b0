import {localization} from "@web/core/l10n/localization";
import {registry} from "@web/core/registry";

// Amounts as people type them into a search: with the currency's sign or code, a credit
// in parentheses. What might be two different amounts is refused; core would take
// "1.234,56" for 1.23. See search_amount in tools/amounts.py, which does the same.
const parsers = registry.category("parsers");
const parseMonetary = parsers.get("monetary");

// From the first digit or separator to the last of them before something else.
const DIGITS = /[\d.,](?:[\d.,'\s]*[\d.,])?/;
const LONGEST_TEXT = 100;

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

// The number of a text, its signs, and whether these may stand around a number.
function readAmount(text) {
    const match = text.length <= LONGEST_TEXT && text.match(DIGITS);
    const before = match ? text.slice(0, match.index) : "";
    const after = match ? text.slice(match.index + match[0].length) : "";
    const signs = `${before} ${after}`.replace(/[^\d.,'()+-]/g, "");
    const isAmount =
        match && ["", "+", "-", "()"].includes(signs) && !/^\s*[+(]/.test(after);
    const {decimalPoint, thousandsSep} = localization;
    const number = isAmount
        ? (readDigits(match[0], decimalPoint, thousandsSep || "") ??
          readDigits(match[0], ".", ","))
        : null;
    return {number, signs, isAmount};
}

/** Whether a text is meant as an amount, and might be two different ones. */
export function isAmbiguous(text) {
    const {number, isAmount} = readAmount(text);
    return Boolean(isAmount) && number === null;
}

export function parseAmount(text) {
    if (text.startsWith("=")) {
        return parseMonetary(text); // A sum to be worked out
    }
    const {number, signs} = readAmount(text);
    if (number === null) {
        throw new Error(`"${text}" is no amount`);
    }
    return number && ["-", "()"].includes(signs) ? -number : number;
}

parsers.add("monetary", parseAmount, {force: true});
