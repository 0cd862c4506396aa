// Texts about webhooks, and what forms make of texts.

import { shown } from "../dom.js";
import { brief, counted, duration, moment } from "../format.js";

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

/** What a test found, in a sentence. */
export function tested({ delivered, attempt }) {
    const { text } = outcome(attempt);
    const how = `${text.slice(2)} after ${duration(attempt.durationMs)}`;
    const why = attempt.message ? ` ${sentence(shown(attempt.message, 200))}` : "";
    return delivered ? `✓ The test event was delivered: ${how}.` : `✕ The test event was not delivered: ${how}.${why}`;
}

function own(texts, name) {
    return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

/** A phrase as a sentence. */
export function sentence(phrase) {
    return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}.`;
}

/** What waits; empty if it is not known. */
export function waiting({ backlog }) {
    if (typeof backlog !== "number") return "";
    return backlog === 0 ? "No events wait" : `${counted(backlog, "event")} ${backlog === 1 ? "waits" : "wait"}`;
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
