import { hasExpired, readClaims, renewalDelay } from "./claims.js";
import { CausewayError } from "./errors.js";

/** Holds the token and calls the page's function for a new one; concurrent callers share one call. */
export class TokenSource {
    #get;
    #now;
    #token = null;
    #pending = null;

    /**
     * @param {string | Function} token A fixed token, or the function that returns one.
     * @param {() => number} [now] Milliseconds since 1970.
     */
    constructor(token, now = () => Date.now()) {
        if (typeof token === "string") this.#token = token;
        else this.#get = token;
        this.#now = now;
    }

    /** Returns the token; a new one if the last has expired. Fails with `signed_out` if the function returns no token. */
    async current() {
        if (this.#token && !(this.#get && hasExpired(this.#token, this.#now()))) return this.#token;
        return this.refresh(this.#token ? "expiring" : "first", this.#token);
    }

    /** Returns a token that is not `previous`: the current one if it was replaced already, else a new one. Null with a fixed token. */
    async refresh(reason, previous) {
        if (this.#token !== previous) return this.#token;
        if (!this.#get) return null;
        this.#pending ??= (async () => {
            try {
                const token = await this.#get({ reason, previous: previous ?? undefined });
                if (token === null || token === undefined) throw new CausewayError("signed_out", "there is no token any more");
                readClaims(token);
                return (this.#token = token);
            } finally {
                this.#pending = null;
            }
        })();
        return this.#pending;
    }

    /** Returns in how many milliseconds a new token is due; null for never. */
    renewalDelay(token) {
        return this.#get ? renewalDelay(token, this.#now()) : null;
    }
}
