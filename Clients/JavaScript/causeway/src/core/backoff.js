export const DEFAULT_BACKOFF = { first: 500, factor: 2, max: 30_000, jitter: 0.5 };

/**
 * Returns how long to wait before a new attempt, in milliseconds.
 *
 * @param {number} attempt How many attempts have failed before it, from 0.
 * @param {import("../causeway.js").Backoff} backoff
 * @param {() => number} [random] Returns a number from 0 to 1.
 */
export function backoffDelay(attempt, { first, factor, max, jitter }, random = Math.random) {
    return Math.round(Math.min(max, first * factor ** attempt) * (1 - jitter * random()));
}
