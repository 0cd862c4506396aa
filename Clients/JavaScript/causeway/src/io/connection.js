import { backoffDelay } from "../core/backoff.js";
import { identityOf } from "../core/claims.js";
import { errorUpdate, placeOf } from "../core/updates.js";

/** How long the server may take to accept a connection and send the first message. */
const CONNECT_TIMEOUT = 20_000;
/** After a connection that was live for this long, the backoff starts again with the shortest wait. */
const STABLE_AFTER = 5_000;
/** The longest wait that a server can ask for. */
const LONGEST_RETRY_AFTER = 3_600_000;
/** The longest delay of a browser's timer: one that is set to more fires at once. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Keeps a connection open: opens it, detects when it is broken, waits, and opens it again from its last position.
 *
 * Publishes updates (core/updates.js); the last one is `ended`, when it will not connect again.
 */
export class Connection {
    #context;
    #protocol;
    #identity;
    #publish;
    #multiplexer;
    #after;
    #transport = null;
    #state = null;
    #attempt = 0;
    /** How many new tokens in a row were refused. */
    #refusals = 0;
    #heardAt = 0;
    #liveSince = 0;
    #retry;
    #watch;
    #renewal;
    /** Whether the browser has dispatched `offline`. `navigator.onLine` is also false on machines that have only a loopback network. */
    #isOffline = false;
    #listeners = new AbortController();

    constructor(context, protocol, identity, after, publish, multiplexer) {
        this.#context = context;
        this.#protocol = protocol;
        this.#identity = identity;
        this.#after = after;
        this.#publish = publish;
        this.#multiplexer = multiplexer;
        const options = { signal: this.#listeners.signal };
        globalThis.addEventListener?.("online", () => this.#online(), options);
        globalThis.addEventListener?.("offline", () => this.#offline(), options);
        globalThis.document?.addEventListener("visibilitychange", () => this.#visible(), options);
    }

    close() {
        this.#listeners.abort();
        this.#drop();
    }

    async connect(reason) {
        this.#drop();
        this.#publishState("connecting", reason);
        // Identifies this attempt: callbacks of an earlier one are ignored.
        const transport = (this.#transport = { close() {} });
        const isCurrent = () => this.#transport === transport;
        const { tokens } = this.#context;
        let token;
        try {
            token = await tokens.current();
        } catch (error) {
            if (!isCurrent()) return;
            if (error.code === "signed_out") return this.#ended({ verdict: "end", reason: "signed_out" });
            return this.#ended({ verdict: "retry", reason: "token_unavailable", error });
        }
        if (!isCurrent()) return;
        const { user, group } = identityOf(token);
        if (user !== this.#identity.user) return this.#ended({ verdict: "end", reason: "another_identity" });
        if (group !== this.#identity.group) return this.#ended({ verdict: "end", reason: "other_roles" });
        this.#heardAt = Date.now();
        this.#watch = setInterval(() => this.#checkSilence(), 1_000);
        this.#scheduleRenewal(token);
        let isOver = false;
        const opened = this.#protocol.open({
            token,
            after: this.#after,
            heard: () => { if (isCurrent()) this.#heardAt = Date.now(); },
            live: () => { if (isCurrent()) this.#live(); },
            publish: (update) => { if (isCurrent()) this.#take(update); },
            ended: (ending) => {
                if (isOver || !isCurrent()) return;
                isOver = true;
                this.#ended({ ...ending, token });
            },
        }, this.#multiplexer);
        // It may have ended already.
        if (isCurrent()) Object.assign(transport, opened);
        else opened.close();
    }

    #drop() {
        clearTimeout(this.#retry);
        clearInterval(this.#watch);
        clearTimeout(this.#renewal);
        const transport = this.#transport;
        this.#transport = null;
        transport?.close();
        this.#multiplexer?.disconnected();
        // The silence of the last attempt does not count for the next.
        this.#heardAt = Date.now();
    }

    /** Whether the server has accepted the connection. */
    get #isOpen() {
        return this.#state === "live" || this.#state === "stalled";
    }

    #live() {
        if (this.#isOpen) return;
        this.#liveSince = Date.now();
        this.#refusals = 0;
        this.#publishState("live", null);
    }

    /** Reports that the server cannot reach the log, or can reach it again. */
    #stalled(isStalled) {
        if (isStalled && this.#state === "live") this.#publishState("stalled", "log_unreachable");
        if (!isStalled && this.#state === "stalled") this.#publishState("live", null);
    }

    #take(update) {
        if (update.kind === "standing") return this.#stalled(update.isStalled);
        if (!update.lane) this.#after = placeOf(update) ?? this.#after;
        this.#publish(update);
    }

    #publishState(state, reason, retryInMs = null) {
        this.#state = state;
        this.#publish({ kind: "state", detail: { state, reason, attempt: this.#attempt, retryInMs, since: Date.now() } });
    }

    // MARK: Endings

    /** @param {object} ending See core/endings.js; with the `token` that the connection was opened with. */
    async #ended(ending) {
        this.#drop();
        // The backoff goes on if the server accepts connections only to close them.
        if (this.#isOpen && Date.now() - this.#liveSince > STABLE_AFTER) this.#attempt = 0;
        const { verdict, reason, error } = ending;
        const retryAfter = ending.retryAfter === undefined ? undefined : Math.min(ending.retryAfter, LONGEST_RETRY_AFTER);
        if (error) this.#publish(errorUpdate(error, reason));
        switch (verdict) {
            case "end":
                this.#listeners.abort();
                return this.#publish({ kind: "ended", detail: { reason } });
            case "refresh":
                return this.#refresh(reason, ending.token);
            case "soon":
                // Clients of a draining server do not reconnect all at the same moment.
                if (this.#attempt++ < 3) return this.#wait(reason, retryAfter ?? 1_000 * Math.random());
            // After three times in a row it waits as after a failure.
            // falls through
            case "retry":
                return this.#wait(reason, Math.max(retryAfter ?? 0, backoffDelay(this.#attempt++, this.#context.backoff)));
        }
    }

    #wait(reason, delay) {
        // The browser may be wrong about the network, so it still tries, at the longest interval.
        delay = Math.round(this.#isOffline ? Math.max(delay, this.#context.backoff.max) : delay);
        delay = Math.min(delay, MAX_TIMER);
        this.#publishState(this.#isOffline ? "offline" : "waiting", this.#isOffline ? "offline" : reason, delay);
        this.#retry = setTimeout(() => this.connect(reason), delay);
    }

    async #refresh(reason, refused) {
        if (++this.#refusals > 2) return this.#ended({ verdict: "end", reason: "unauthorized" });
        const waiting = (this.#transport = { close() {} });
        this.#publishState("connecting", reason);
        try {
            const token = await this.#context.tokens.refresh("refused", refused);
            if (this.#transport !== waiting) return;
            if (!token || token === refused) return this.#ended({ verdict: "end", reason });
            this.connect("token_refreshed");
        } catch (error) {
            if (this.#transport === waiting) this.#ended({ verdict: "retry", reason: "token_unavailable", error });
        }
    }

    // MARK: Timers

    #checkSilence() {
        const limit = this.#isOpen ? this.#context.silence[this.#protocol.name] : CONNECT_TIMEOUT;
        if (Date.now() - this.#heardAt > limit) this.#ended({ verdict: "retry", reason: "silence" });
    }

    /** Gets a new token before the old one expires, and reconnects with it: the server closes a connection when its token expires. */
    #scheduleRenewal(token) {
        const delay = this.#context.tokens.renewalDelay(token);
        if (delay === null) return;
        // A delay beyond the longest timer takes several timers.
        this.#renewal = setTimeout(() => delay > MAX_TIMER ? this.#scheduleRenewal(token) : this.#renew(token), Math.min(delay, MAX_TIMER));
    }

    async #renew(token) {
        const transport = this.#transport;
        let renewed = null;
        try {
            renewed = await this.#context.tokens.refresh("expiring", token);
        } catch (error) {
            this.#publish(errorUpdate(error, "token_unavailable"));
        }
        if (this.#transport !== transport) return;
        if (renewed && renewed !== token && !this.#multiplexer?.isBusy) return this.connect("token_refreshed");
        // Later: a reconnect would lose the answers of calls under way; or the page had no new token.
        this.#renewal = setTimeout(() => this.#renew(token), this.#multiplexer?.isBusy ? 1_000 : 5_000);
    }

    #online() {
        // A connection from before the loss may be dead without an error.
        const mayBeDead = this.#isOffline;
        this.#isOffline = false;
        if (mayBeDead || this.#state === "waiting") this.connect("online");
    }

    #offline() {
        this.#isOffline = true;
        this.#ended({ verdict: "retry", reason: "offline" });
    }

    #visible() {
        if (document.visibilityState !== "visible") return;
        if (this.#state === "waiting" || this.#state === "offline") this.connect("visible");
        else if (this.#transport) this.#checkSilence();
    }
}
