/**
 * Read some figures of the other rows of a list again after one was saved: a tick moves them,
 * and the rows that are being edited stay as they are.
 */
export async function readRowFigures(root, orm, saved, names) {
    const others = root.records.filter(
        (record) => record.resId && record.id !== saved.id
    );
    const ids = others.map((record) => record.resId);
    const rows = await orm.read(saved.resModel, ids, names);
    const figures = Object.fromEntries(rows.map((row) => [row.id, row]));
    for (const record of others) {
        const row = figures[record.resId] || {};
        const values = names.filter((name) => name in row);
        record._applyValues(
            Object.fromEntries(values.map((name) => [name, row[name]]))
        );
    }
}
