// Texts about webhooks, and what forms make of texts.

import { compareCursors } from "../causeway/causeway.js";
import { shown } from "../dom.js";
import { brief, counted, duration, moment } from "../format.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PLACE = /^evt_([0-9A-HJKMNP-TV-Z]{10})[0-9A-HJKMNP-TV-Z]{16}$/;

const TONES = { pending: "", enabled: "good", failing: "warn", disabled: "bad" };
const REASONS = {
    gone: "it answered 410 Gone",
    failed: "no attempt succeeded until the last retry",
    requested: "an admin disabled it",
};
const FAILURES = {
    refused: "address not allowed",
    unresolvable: "name has no usable address",
    unreachable: "no connection",
    untrusted: "TLS failed",
    timed_out: "timed out",
    cut_off: "connection lost",
    malformed: "not HTTP",
};

/** The health of an endpoint: `name` of the state, `tone`, and what it means as `detail`. */
export function health({ name, since, failures = 0, retryAt, reason }) {
    const retry = Number.isFinite(moment(retryAt)) ? ` The next one is due at ${brief(moment(retryAt))}.` : "";
    const at = Number.isFinite(moment(since)) ? ` since ${brief(moment(since))}` : "";
    const details = {
        pending:
            failures > 0 ? `It gets no events before it answers a test request with 2xx: ${counted(failures, "test request")} failed${at}.${retry}`
            : "It gets no events before it answers a test request with 2xx, which is on its way.",
        enabled: "It takes events.",
        failing: `${counted(failures, "attempt")} in a row failed${at}.${retry} Events wait.`,
        disabled: `It gets nothing${at}: ${own(REASONS, reason) ?? (shown(reason, 80) || "the reason is not known")}. Events wait. After it is enabled it must answer a test request first.`,
    };
    return { name: shown(name, 40), tone: own(TONES, name) ?? "", detail: own(details, name) ?? "" };
}

/** How an attempt ended: `text`, with a symbol, and `tone`. */
export function outcome({ status, error }) {
    if (status >= 200 && status < 300) return { text: `✓ ${status}`, tone: "good" };
    if (status !== undefined && status !== null) return { text: `✕ ${shown(status, 10)}`, tone: "bad" };
    return { text: `✕ ${own(FAILURES, error) ?? (shown(error, 60).replaceAll("_", " ") || "failed")}`, tone: "bad" };
}

/** How a requested attempt ended, in a sentence. `what`: "The test event", `how`: "delivered". */
export function attempted({ delivered, attempt }, what, how = "delivered") {
    const { text } = outcome(attempt);
    const end = `${text.slice(2)} after ${duration(attempt.durationMs)}`;
    const why = attempt.message ? ` ${sentence(shown(attempt.message, 200))}` : "";
    return delivered ? `✓ ${what} was ${how}: ${end}.` : `✕ ${what} was not ${how}: ${end}.${why}`;
}

/** How an event that was sent again fared. */
export function sentAgain(result) {
    return attempted(result, `Event ${shown(result.attempt.id, 80)}`, "delivered again");
}

/** The time of a place in the log in milliseconds since 1970 (contract §3); NaN for another text. */
export function timeOf(cursor) {
    const [, digits] = PLACE.exec(cursor) ?? [];
    return digits ? Array.from(digits).reduce((time, digit) => time * 32 + CROCKFORD.indexOf(digit), 0) : NaN;
}

/** Whether an endpoint gets events of a type: it names it, or a prefix. */
export function takes({ types }, type) {
    return types.some((pattern) => (pattern.endsWith(".*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern));
}

/** What a replay would send, before it is requested. Throws an error with a text for the person if that is nothing. */
export function replayQuestion({ from, to, events, more }, endpoint) {
    const name = shown(endpoint.description || endpoint.url, 120);
    const span = `stored from ${brief(timeOf(from))} to ${brief(timeOf(to))}`;
    if (events === 0 && !more) throw new Error(`There is nothing to send again: ${name} gets no event ${span}.`);
    const count = events === 0 ? "an unknown number of events" : `${more ? "more than " : ""}${counted(events, "event")}`;
    return `${name} gets ${count} again, ${span}, each with the same webhook-id, and then goes on with new ones. ${held(endpoint.state)}`.trim();
}

/** The latest replay: `text`, and whether it `isUnderWay`; undefined without one, and for one of a former log. */
export function replayed({ cursor, replay, state }) {
    const order = replay ? compareCursors(cursor, replay.to) : NaN;
    if (Number.isNaN(order)) return undefined;
    const [begin, end] = [brief(timeOf(replay.from)), brief(timeOf(replay.to))];
    if (order >= 0) return { isUnderWay: false, text: `✓ Replay ended: the events from ${begin} to ${end} were sent again.` };
    const reached = `delivered up to ${brief(timeOf(cursor))} of ${end}`;
    return { isUnderWay: true, text: `Replaying since ${begin}: ${reached}. ${held(state)}`.trim() };
}

/** Why events wait; empty if they do not. */
function held({ name }) {
    if (name === "disabled") return "It is disabled: they are sent when it is enabled.";
    if (name === "pending" || name === "failing") return `It is ${name}: they are sent when it answers again.`;
    return "";
}

function own(texts, name) {
    return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

/** A phrase as a sentence. */
export function sentence(phrase) {
    return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}.`;
}

/** The settings that a form's values mean. */
export function settingsOf({ url, types, description, user, ordered }) {
    return {
        url: url.trim(),
        types: types.split(/[\s,]+/).filter(Boolean),
        ordered,
        ...(description.trim() ? { description: description.trim() } : {}),
        ...(user.trim() ? { user: user.trim() } : {}),
    };
}

/** The settings that differ from an endpoint's: null for those that are taken away. */
export function changes(endpoint, settings) {
    const changed = {};
    for (const name of ["url", "types", "ordered", "description", "user"]) {
        const after = settings[name] ?? null;
        if (JSON.stringify(after) !== JSON.stringify(endpoint[name] ?? null)) changed[name] = after;
    }
    return changed;
}

/** Where a replay begins, as a request body. Throws an error with a text for the person. */
export function beginning({ by, event, time }) {
    if (by === "from") {
        if (!event.trim()) throw new Error("Enter the id of the event, such as evt_….");
        return { from: event.trim() };
    }
    const at = new Date(time);
    if (Number.isNaN(at.getTime())) throw new Error("Enter a date and a time.");
    return { since: at.toISOString() };
}
