// The server's time: a countdown by a computer's clock that is wrong would be wrong as well.

/** Half of the unit of the header `Date`, in milliseconds. */
const HALF_A_SECOND = 500;
/** Differences in milliseconds that the header cannot show for certain. */
const UNCERTAIN = 1500;
/** A response that took longer in milliseconds, such as one that waited for a token, says too little. */
const LONGEST_TRIP = 5000;

export class ServerClock {
    #offset = 0;
    #now;

    /** `now`: returns this computer's time in milliseconds since 1970. */
    constructor(now = Date.now) {
        this.#now = now;
    }

    /** Milliseconds since 1970, by the server's clock as far as it is known. */
    now() {
        return this.#now() + this.#offset;
    }

    /** Takes the header `Date` of a response to a request that was sent at `sentAt` and answered now, both by this computer's clock. */
    take(date, sentAt) {
        const time = Date.parse(date ?? "");
        const receivedAt = this.#now();
        const trip = receivedAt - sentAt;
        if (Number.isNaN(time) || trip < 0 || trip > LONGEST_TRIP) return;
        const offset = time + HALF_A_SECOND - (sentAt + trip / 2);
        this.#offset = Math.abs(offset) <= UNCERTAIN + trip / 2 ? 0 : offset;
    }
}
