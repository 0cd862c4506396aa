// Plain words for identifiers in what services say to people.

import { brief } from "./format.js";

const STATUSES = {
    awaiting_approval: "awaiting approval",
    in_progress: "in progress",
    false_positive: "false positive",
    known_solution_found: "known solution found",
    rolled_back: "rolled back",
    on_hold: "on hold",
    not_approved: "not approved",
};
const ANSWERS = { approve: "approved", reject: "rejected", expire: "expired without a decision" };
/** A status as a word of its own. Identifiers of other things, such as inc_1, stay as they are. */
const STATUS = new RegExp(`(?<![\\w.-])(?:${Object.keys(STATUSES).filter((name) => name.includes("_")).join("|")})(?![\\w-])`, "g");
const ANSWERED = /\bwas answered with (approve|reject|expire)\b/;
const ANSWER = /^Approval answered: (approve|reject|expire)$/;
/** RFC 3339, as services write times. */
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)(?!\w)/g;

/** A status as words: "awaiting approval". */
export function statusWords(status) {
    return Object.hasOwn(STATUSES, status) ? STATUSES[status] : status.replaceAll("_", " ");
}

/** An answer to an approval as words: "rejected" for `reject`. */
export function answerWords(action) {
    return Object.hasOwn(ANSWERS, action) ? ANSWERS[action] : action;
}

/** A text of a notification (contract §8) without identifiers of states, and with times in the reader's zone. */
export function plain(text) {
    if (typeof text !== "string") return text;
    return text
        .replace(ANSWER, (_, answer) => `Approval ${ANSWERS[answer]}`)
        .replace(ANSWERED, (_, answer) => (answer === "expire" ? ANSWERS.expire : `was ${ANSWERS[answer]}`))
        .replace(STATUS, (status) => STATUSES[status])
        .replace(TIME, (time) => (Number.isNaN(Date.parse(time)) ? time : brief(Date.parse(time))));
}
