// Which entries of the command palette fit what was typed, the best first.

/** Ids that can be opened although the page has not seen them, and their sections. */
const IDS = [
    [/^evt_[0-9A-HJKMNP-TV-Z]{26}$/, "events", "event"],
    [/^app_\S{1,250}$/, "approvals", "approval"],
    [/^inc_\S{1,250}$/, "incidents", "incident"],
];

/** `entries`: `{ title, hint }` each, in their usual order, which decides between equal ones. Every word must be in the title or in the hint. */
export function matching(entries, query, most) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return entries
        .map((entry, place) => ({ entry, place, score: score(entry, words) }))
        .filter(({ score }) => score >= 0)
        .sort((one, other) => other.score - one.score || one.place - other.place)
        .slice(0, most)
        .map(({ entry }) => entry);
}

/** What an id that was typed or pasted names: `{ section, id, kind }`; undefined for other texts. */
export function named(query) {
    const id = query.trim();
    const [, section, kind] = IDS.find(([form]) => form.test(id)) ?? [];
    return section && { section, id, kind };
}

/** -1 if a word is missing; more for words at the beginning of the title, or of a word in it. */
function score({ title, hint = "" }, words) {
    const name = title.toLowerCase();
    const all = `${name} ${hint.toLowerCase()}`;
    let sum = 0;
    for (const word of words) {
        if (!all.includes(word)) return -1;
        if (name.startsWith(word)) sum += 3;
        else if (name.includes(` ${word}`)) sum += 2;
        else if (name.includes(word)) sum += 1;
    }
    return sum;
}
