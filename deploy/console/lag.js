// How late events arrive at the page, beyond what they usually take: the page, or its connection, is behind.

/** A delivery counts for this many milliseconds. */
const RECENT = 3000;
/** Events that are later than this many milliseconds are late. */
const LATE = 3000;
/** Maximum difference in milliseconds between the clocks of producers and this computer. The smallest latency so far counts as that difference. */
const MOST_SKEW = 10_000;

export class Lag {
    #usual = MOST_SKEW;
    #last = 0;
    #lastAt = -Infinity;

    /** Takes a delivery. `latency`: from the event's time to this page in milliseconds. */
    take(latency, now) {
        this.#usual = Math.min(this.#usual, Math.max(0, latency));
        this.#last = latency;
        this.#lastAt = now;
    }

    /** Milliseconds by which events are late now; 0 if they are not. */
    at(now) {
        const late = this.#last - this.#usual;
        return now - this.#lastAt <= RECENT && late > LATE ? late : 0;
    }
}
