// The text of an action: as it was received, and indented. No token is changed but the escapes of strings, so that neither form hides anything.

import { codePoint } from "../visible.js";

const TOKEN = /[ \t\r\n]+|"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^ \t\r\n{}[\],:"]+/gsy;
const INDENT = "  ";
/** Maximum number of letters that a finding lists. */
const MOST_LETTERS = 8;

/** The tokens of valid JSON, without the blanks between them. */
function* tokens(json) {
    for (const match of json.matchAll(TOKEN)) if (!/^[ \t\r\n]/.test(match[0])) yield { text: match[0], at: match.index };
}

/** Returns the text of a member of a JSON object, as it is spelled; undefined if it is absent. */
export function memberText(json, name) {
    let depth = 0;
    let key;
    let start;
    for (const { text, at } of tokens(json)) {
        const isEnd = depth === 1 && (text === "," || text === "}");
        if (isEnd && start !== undefined) {
            if (key === name) return json.slice(start, at).trim();
            start = undefined;
        } else if (depth === 1 && start === undefined) {
            if (text === ":") start = at + 1;
            else if (text[0] === '"') key = JSON.parse(text);
        }
        if (text === "{" || text === "[") depth += 1;
        else if (text === "}" || text === "]") depth -= 1;
    }
    return undefined;
}

/** Indents JSON. Numbers stay as they are spelled; strings lose the escapes that they do not need. */
export function pretty(json) {
    const all = [...tokens(json)].map(({ text }) => (text[0] === '"' ? JSON.stringify(JSON.parse(text)) : text));
    let depth = 0;
    let indented = "";
    const line = () => `\n${INDENT.repeat(depth)}`;
    all.forEach((text, place) => {
        if (text === "{" || text === "[") {
            const isEmpty = all[place + 1] === "}" || all[place + 1] === "]";
            depth += 1;
            indented += isEmpty ? text : text + line();
        } else if (text === "}" || text === "]") {
            depth -= 1;
            const isEmpty = all[place - 1] === "{" || all[place - 1] === "[";
            indented += isEmpty ? text : line() + text;
        } else if (text === ",") {
            indented += text + line();
        } else {
            indented += text === ":" ? ": " : text;
        }
    });
    return indented;
}

/** Returns warnings about what a reader of an action could overlook. `hidden`: the number of its hidden characters. */
export function findings(json, hidden) {
    const found = [];
    if (hidden > 0) found.push(`It has ${hidden === 1 ? "1 invisible character" : `${hidden} invisible characters`}, marked by code point.`);
    const letters = [...new Set(pretty(json).match(/(?![\u0000-\u007F])[\p{L}\p{N}\p{M}]/gu) ?? [])];
    if (letters.length > 0) {
        const listed = letters.slice(0, MOST_LETTERS).map((letter) => `${letter} (${codePoint(letter)})`);
        const rest = letters.length > MOST_LETTERS ? ` and ${letters.length - MOST_LETTERS} more` : "";
        found.push(`It has letters beyond ASCII, which can look like others: ${listed.join(", ")}${rest}.`);
    }
    for (const { text } of tokens(json)) {
        if (!/^-?\d+$/.test(text) || BigInt(text) === BigInt(Number(text))) continue;
        found.push(`The number ${text.slice(0, 40)} is too large to be bound: the digest is that of ${String(Number(text))}.`);
        break;
    }
    return found;
}
