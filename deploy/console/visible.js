// Characters without a glyph, or that change how others are shown: no text may look like another one.

/** Controls, format and ignorable characters, unassigned ones, lone surrogates, line separators, and the blank Braille pattern. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** The same, spaces other than U+0020, and runs of blanks that could push the rest of a text out of sight. */
const HIDDEN_IN_CODE = /(?:(?![\t\n ])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800])+| {16,}|\t{8,}|\n{4,}/gu;
const BLANKS = { " ": "spaces", "\t": "tabs", "\n": "line breaks" };
/** Emoji and several scripts are spelled with these: harmless in prose. */
const JOINERS = new Set(["\u200C", "\u200D", "\uFE0E", "\uFE0F"]);
/** Maximum number of marks of a text; further ones become a part of the text around them. */
const MOST_MARKS = 500;

/** Formats a character's code point, such as U+202E. */
export function codePoint(character) {
    return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Replaces hidden characters of a title or a text by their code points. */
export function visible(prose) {
    return prose.replace(HIDDEN, (one) => (JOINERS.has(one) ? one : `⟨${codePoint(one).slice(2)}⟩`));
}

/**
 * Splits code into texts and marks, such as `{ text: "rm " }` and `{ mark: "U+202E" }`. A mark stands for hidden characters, or for a long run
 * of blanks; it is shown as an element, so that a text which spells the same is told from it. `hidden` counts the characters behind marks.
 */
export function parts(code) {
    const found = [];
    let hidden = 0;
    let end = 0;
    let marks = 0;
    const addText = (text) => {
        if (!text) return;
        const last = found.at(-1);
        if (last?.text === undefined) found.push({ text });
        else last.text += text;
    };
    for (const match of code.matchAll(HIDDEN_IN_CODE)) {
        addText(code.slice(end, match.index));
        end = match.index + match[0].length;
        const blanks = BLANKS[match[0][0]];
        const characters = Array.from(match[0], codePoint);
        const mark = blanks ? `${characters.length} ${blanks}` : characters.join(" ");
        if (!blanks) hidden += characters.length;
        marks += 1;
        if (marks <= MOST_MARKS) found.push({ mark });
        else addText(`⟨${mark}⟩`);
    }
    addText(code.slice(end));
    return { parts: found, hidden };
}
