// Which events the table shows: by type, incident, user, text and time.

/** The members of payloads that name a user. */
const USERS = ["user", "userId", "requestedBy", "decidedBy", "votedBy", "onBehalfOf", "consumedBy", "changedBy", "recipients", "assignee"];
/** Maximum length of a payload's JSON that is searched. */
const MOST = 20_000;
const MINUTE = 60_000;

/** Reads the form's fields. `period`: minutes, `range` for `since` and `until` (local times), or empty for any time. */
export function filterOf({ text = "", type = "", incident = "", user = "", period = "", since = "", until = "" }, now = Date.now()) {
    const minutes = Number(period);
    const isRange = period === "range";
    return {
        words: lower(text).split(/\s+/).filter(Boolean),
        type: lower(type),
        incident: lower(incident),
        user: lower(user),
        since: isRange ? Date.parse(since) : minutes > 0 ? now - minutes * MINUTE : NaN,
        until: isRange ? Date.parse(until) : NaN,
    };
}

/** Whether a filter lets everything through. */
export function isOpen({ words, type, incident, user, since, until }) {
    return words.length === 0 && !type && !incident && !user && Number.isNaN(since) && Number.isNaN(until);
}

/** The number of conditions besides the words. */
export function conditions({ type, incident, user, since, until }) {
    return [type, incident, user, !Number.isNaN(since) || !Number.isNaN(until)].filter(Boolean).length;
}

/** Whether a record passes: each condition that is set must hold. The cheap ones are first. */
export function passes(record, filter) {
    const { id, type, payload, at } = record;
    if (filter.type && !lower(type).includes(filter.type)) return false;
    // Comparisons with NaN are false: a bound that is not set excludes nothing.
    if (at < filter.since || at > filter.until) return false;
    if (filter.incident && !lower(payload?.incidentId).includes(filter.incident)) return false;
    if (filter.user && !usersOf(payload).some((user) => lower(user).includes(filter.user))) return false;
    if (filter.words.length === 0) return true;
    const all = lower(`${id} ${type} ${JSON.stringify(payload)?.slice(0, MOST)}`);
    return filter.words.every((word) => all.includes(word));
}

/** The users that a payload names. */
export function usersOf(payload) {
    return USERS.flatMap((member) => payload?.[member] ?? []).filter((user) => typeof user === "string");
}

function lower(value) {
    return typeof value === "string" ? value.trim().toLowerCase() : "";
}
