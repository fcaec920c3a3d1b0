/**
 * Read some fields of a saved record again, and leave the rest of the screen as it is.
 *
 * Loading the whole record would throw its lists back to their first page.
 *
 * @param {Object} record of the relational model
 * @param {String[]} names of fields; those that the view does not have are left out
 * @returns {Object} the values that were read
 */
export async function readAgain(record, names) {
    const specification = {};
    for (const name of names.filter((name) => name in record.activeFields)) {
        specification[name] = {};
    }
    const [values] = await record.model.orm.webRead(record.resModel, [record.resId], {
        specification,
        context: record.context,
    });
    record._applyValues(values);
    return values;
}
