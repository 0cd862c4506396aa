import { backoffDelay, DEFAULT_BACKOFF } from "./backoff.js";
import { expiryOf, readClaims } from "./claims.js";
import { CausewayError } from "./errors.js";
import { renewalTime } from "./renewal.js";

/** How many new tokens in a row the server may refuse before no more are asked for. */
const MOST_REFUSALS = 2;

/** Milliseconds before its `exp` from which on a refused token counts as expired: the server's clock differs a little. */
const NEARLY_EXPIRED = 2_000;

/**
 * Holds the token and calls the page's function for a new one.
 *
 * - One call at a time serves all callers (single-flight). After a failure it is not called again before the backoff has passed; until then
 *   every caller gets that failure.
 * - While something watches, the function is called before the token expires, and again after failures.
 * - A token that has expired by this machine's clock when it arrives is used nevertheless: the clock may be wrong, and the server decides.
 */
export class TokenSource {
    #get = null;
    #clock;
    #backoff;
    #notify;
    #random;
    #token = null;
    /** Milliseconds since 1970; null if the token has no `exp` that counts. */
    #expiresAt = null;
    /** When to ask for the next token, without failures. */
    #renewAt = null;
    #isRefused = false;
    #refusals = 0;
    /** The last failure, if no token came since: `error`, `count` and `retryAt`. */
    #failure = null;
    #pending = null;
    #watchers = new Set();
    /** When the timer is due. */
    #wakeAt = Infinity;
    #cancel = () => {};
    /** The states that the page has been told of this token. */
    #told = new Set();

    /**
     * @param {string | Function} token A fixed token, or the function that returns one.
     * @param {object} options
     * @param {{ now: () => number, after: (milliseconds: number, callback: () => void) => () => void }} options.clock `now`: milliseconds
     *   since 1970. `after`: calls back once, possibly too early, and returns a function that cancels that.
     * @param {(notice: import("../causeway.js").TokenNotice) => void} [options.notify] Tells the page.
     * @param {import("../causeway.js").Backoff} [options.backoff]
     * @param {() => number} [options.random] Returns a number from 0 to 1.
     */
    constructor(token, { clock, notify = () => {}, backoff = DEFAULT_BACKOFF, random = Math.random }) {
        this.#clock = clock;
        this.#notify = notify;
        this.#backoff = backoff;
        this.#random = random;
        if (typeof token === "string") this.#hold(token);
        else this.#get = token;
    }

    /** Whether there is no function that could return another token. */
    get isFixed() {
        return this.#get === null;
    }

    /** Whether the server has refused the token. */
    get isRefused() {
        return this.#isRefused;
    }

    /** Milliseconds until the function may be called again after a failure; null without one. */
    get retryInMs() {
        return this.#failure ? Math.max(0, this.#failure.retryAt - this.#clock.now()) : null;
    }

    /** Returns the token if it can be used now; else null. A fixed token always can: the server decides. */
    held() {
        if (this.isFixed) return this.#token;
        return this.#isRefused || this.#isExpiredIn(0) ? null : this.#token;
    }

    #isExpiredIn(milliseconds) {
        return this.#expiresAt !== null && this.#expiresAt <= this.#clock.now() + milliseconds;
    }

    /**
     * Returns the token; a new one if the last has expired or was refused. Fails with `signed_out` if the function returns no token, with
     * `unauthorized` if the server has refused three tokens in a row, and as the function fails.
     */
    async current() {
        return this.held() ?? this.#ask();
    }

    /** Says that the server has refused a token, which may have been replaced since. */
    refuse(token) {
        if (this.isFixed || token !== this.#token || this.#isRefused) return;
        this.#isRefused = true;
        this.#refusals += 1;
        this.#tell(this.#isExpiredIn(NEARLY_EXPIRED) ? "expired" : "refused");
    }

    /** Says that the server has accepted a token for some time. */
    accepted(token) {
        if (token === this.#token && !this.#isRefused) this.#refusals = 0;
    }

    /**
     * Renews the token in time until the returned function is called. `renewed` is called with every further token, and with null when the
     * user has signed out.
     *
     * @param {(token: string | null) => void} renewed
     */
    watch(renewed) {
        // An object, so that the same function can watch twice.
        const watcher = { renewed };
        this.#watchers.add(watcher);
        this.#wake();
        return () => {
            this.#watchers.delete(watcher);
            if (this.#watchers.size === 0) this.#schedule();
        };
    }

    /** Does what is due. Called at every message, because browsers delay the timers of background tabs. */
    check() {
        if (this.#clock.now() >= this.#wakeAt) this.#wake();
    }

    // MARK: Timer

    #wake() {
        const now = this.#clock.now();
        if (this.#isExpiredIn(0)) this.#tell("expired");
        if (now >= this.#dueAt) {
            if (this.isFixed) this.#tell("expiring");
            else if (!this.#pending) this.#ask().catch(() => {});
        }
        this.#schedule();
    }

    /** When the function is to be called; Infinity for never. */
    get #dueAt() {
        if (this.#renewAt === null || this.#isRefused) return Infinity;
        return Math.max(this.#renewAt, this.#failure?.retryAt ?? 0);
    }

    #schedule() {
        this.#cancel();
        this.#cancel = () => {};
        const isAwaited = this.#pending || (this.isFixed && this.#told.has("expiring"));
        const due = isAwaited ? Infinity : this.#dueAt;
        const expires = this.#expiresAt === null || this.#told.has("expired") ? Infinity : this.#expiresAt;
        this.#wakeAt = this.#watchers.size ? Math.min(due, expires) : Infinity;
        if (this.#wakeAt === Infinity) return;
        this.#cancel = this.#clock.after(Math.max(0, this.#wakeAt - this.#clock.now()), () => this.#wake());
    }

    // MARK: The function

    #ask() {
        if (this.#refusals > MOST_REFUSALS) return Promise.reject(new CausewayError("unauthorized", "the server refuses every token"));
        if (this.retryInMs > 0) return Promise.reject(this.#failure.error);
        this.#pending ??= this.#request().finally(() => {
            this.#pending = null;
            this.#schedule();
        });
        return this.#pending;
    }

    async #request() {
        const previous = this.#token ?? undefined;
        const reason = previous === undefined ? "first" : this.#isRefused ? "refused" : "expiring";
        try {
            const token = await this.#get({ reason, previous });
            if (token === null || token === undefined) return this.#signedOut();
            readClaims(token);
            if (token === previous) throw new CausewayError("token_unchanged", "the function returned the same token again");
            this.#hold(token);
        } catch (error) {
            if (error?.code !== "signed_out") this.#failed(error);
            throw error;
        }
        if (previous !== undefined) this.#tell("renewed");
        for (const { renewed } of [...this.#watchers]) renewed(this.#token);
        return this.#token;
    }

    #hold(token) {
        this.#token = token;
        this.#failure = null;
        this.#isRefused = false;
        this.#told.clear();
        const now = this.#clock.now();
        const expiresAt = expiryIfReadable(token);
        this.#expiresAt = expiresAt !== null && expiresAt > now ? expiresAt : null;
        this.#renewAt = this.#expiresAt === null ? null : renewalTime(this.#expiresAt, now, this.#random);
    }

    #signedOut() {
        this.#token = this.#expiresAt = this.#renewAt = this.#failure = null;
        this.#isRefused = false;
        for (const { renewed } of [...this.#watchers]) renewed(null);
        throw new CausewayError("signed_out", "there is no token any more");
    }

    #failed(error) {
        const count = (this.#failure?.count ?? 0) + 1;
        this.#failure = { error, count, retryAt: this.#clock.now() + backoffDelay(count - 1, this.#backoff, this.#random) };
        if (this.#token === null) return;
        this.#tell(this.#isExpiredIn(0) ? "expired" : this.#isRefused ? "refused" : "expiring", error);
    }

    /** Tells the page of a state: once for each token, and of every failure. */
    #tell(state, error = null) {
        if (!error && this.#told.has(state)) return;
        this.#told.add(state);
        this.#notify({ state, expiresAt: this.#expiresAt, retryInMs: this.retryInMs, error });
    }
}

/** The server says what is wrong with a fixed token that is no JWT. */
function expiryIfReadable(token) {
    try {
        return expiryOf(token);
    } catch {
        return null;
    }
}
