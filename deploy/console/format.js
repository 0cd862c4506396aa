// Formats times, durations and counts for display.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hour12: false });

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hour12: false });

/** Converts a time in any accepted form to milliseconds since 1970; NaN if invalid. */
export function moment(value) {
    return typeof value === "number" ? value : value instanceof Date ? value.getTime() : Date.parse(value ?? "");
}

/** 14:32:10 */
export function clock(milliseconds) {
    return Number.isFinite(milliseconds) ? CLOCK.format(milliseconds) : "–";
}

/** 28 Nov 2026, 14:32:10 UTC, in the reader's language and zone. */
export function exact(milliseconds) {
    return Number.isFinite(milliseconds) ? EXACT.format(milliseconds) : "–";
}

/** The time of the day; with the date if it is not today's. */
export function brief(milliseconds) {
    return isToday(milliseconds) ? clock(milliseconds) : exact(milliseconds);
}

/** The bounds of today in milliseconds since 1970, cached: computing them takes longer than formatting a time. */
let today = { from: 0, to: 0 };

function isToday(milliseconds) {
    const now = Date.now();
    if (now < today.from || now >= today.to) {
        const from = new Date(now).setHours(0, 0, 0, 0);
        const noon = new Date(from).setHours(36);
        today = { from, to: new Date(noon).setHours(0, 0, 0, 0) };
    }
    return milliseconds >= today.from && milliseconds < today.to;
}

/** 12 ms, 3.4 s, 2 min, 5 h: rounded to whole units, seconds below ten to tenths. */
export function duration(milliseconds) {
    if (!Number.isFinite(milliseconds)) return "–";
    const size = Math.abs(milliseconds);
    if (size < 1000) return `${Math.round(milliseconds)} ms`;
    if (size < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
    if (size < 120_000) return `${Math.round(milliseconds / 1000)} s`;
    if (size < 7_200_000) return `${Math.round(milliseconds / 60_000)} min`;
    return `${Math.round(milliseconds / 3_600_000)} h`;
}

/** just now, 5 min ago, 3 h ago, in 5 min; a date after a day. */
export function relative(milliseconds, now = Date.now()) {
    if (!Number.isFinite(milliseconds)) return "–";
    const passed = now - milliseconds;
    const size = Math.abs(passed);
    if (size >= 86_400_000) return DATE.format(milliseconds);
    // Clocks of machines differ.
    if (size < 45_000) return "just now";
    const minutes = Math.max(1, Math.round(size / 60_000));
    const text = minutes < 60 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
    return passed < 0 ? `in ${text}` : `${text} ago`;
}

/** 1 event, 2 events. */
export function counted(number, one, several = `${one}s`) {
    return `${number} ${number === 1 ? one : several}`;
}

/** Returns the median; NaN for an empty array. */
export function median(values) {
    return values.length ? [...values].sort((a, b) => a - b)[values.length >> 1] : NaN;
}
