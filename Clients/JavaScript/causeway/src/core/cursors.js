const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A value that is not a cursor: a server that is asked to resume after it reports the end of the log, and sends no past events. */
export const NO_CURSOR = "live";

/** Whether a value is an event's id, which is a position in a log. */
export function isCursor(text) {
    return typeof text === "string" && /^evt_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/**
 * Compares two positions in a log: negative, zero or positive like a comparator of `sort`. NaN if they cannot be compared: they are of
 * two logs, or one is not an event's id.
 *
 * Of an id's 130 bits, the last 64 are the position in the log, and the 16 before them identify the log.
 */
export function compareCursors(one, other) {
    if (one === other) return 0;
    if (!isCursor(one) || !isCursor(other)) return NaN;
    const log = (id) => id.slice(14, 17) + (CROCKFORD.indexOf(id[17]) >> 4);
    if (log(one) !== log(other)) return NaN;
    return one.slice(14) < other.slice(14) ? -1 : one.slice(14) > other.slice(14) ? 1 : 0;
}
