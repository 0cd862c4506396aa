import { backoffDelay } from "../core/backoff.js";
import { identityOf } from "../core/claims.js";
import { endingWithTicket } from "../core/endings.js";
import { renewalStep } from "../core/renewal.js";
import { errorUpdate, placeOf } from "../core/updates.js";
import { MAX_TIMER } from "./clock.js";
import { requestTicket } from "./ticket-request.js";

/** How long the server may take to accept a connection and send the first message. */
const CONNECT_TIMEOUT = 20_000;
/** After a connection that was live for this long, the backoff starts again with the shortest wait. */
const STABLE_AFTER = 5_000;
/** The longest wait that a server can ask for. */
const LONGEST_RETRY_AFTER = 3_600_000;
/** Milliseconds until a renewal that the server could not decide is tried again. */
const FAILED_INTERVAL = 5_000;
/** Milliseconds between two looks at whether calls are still under way. */
const BUSY_INTERVAL = 1_000;

/**
 * Keeps a connection open: opens it, detects when it is broken, waits, and opens it again from its last position. Each attempt has a new
 * ticket. When the token is renewed, the connection takes the new one in place, or is opened again.
 *
 * Publishes updates (core/updates.js); the last one is `ended`, when it will not connect again, or cannot without another token
 * (`needsToken`): it never waits for the page's function, because other tabs may have a token.
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
    /**
     * The token that the server knows: the connection was opened with it, or its renewal was confirmed. An end without a confirmation may
     * concern the former token, for example because that was revoked; whether the new one is refused shows when it opens a connection.
     */
    #token = null;
    /** Whether a renewal in place is under way. */
    #isRenewing = false;
    #heardAt = 0;
    #liveSince = 0;
    #retry;
    #watch;
    #postponed;
    #unwatch = () => {};
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
        const { tokens, tickets, origin } = this.#context;
        const token = tokens.held();
        if (token === null) return this.#withoutToken(tokens.isRefused ? "unauthorized" : "token_expired");
        const { user, group } = identityOf(token, this.#context.claims);
        if (user !== this.#identity.user) return this.#ended({ verdict: "end", reason: "another_identity" });
        if (group !== this.#identity.group) return this.#ended({ verdict: "end", reason: "other_roles" });
        this.#token = token;
        this.#heardAt = Date.now();
        this.#watch = setInterval(() => this.#checkSilence(), 1_000);
        this.#unwatch = tokens.watch((renewed) => this.#renewed(renewed));
        let ticket;
        if (tickets) {
            const abort = new AbortController();
            transport.close = () => abort.abort();
            const answer = await requestTicket(origin, token, abort.signal);
            if (!isCurrent()) return;
            if (answer.ending) return this.#ended(answer.ending);
            ticket = answer.ticket;
            this.#heardAt = Date.now();
        }
        let isOver = false;
        const opened = this.#protocol.open({
            token,
            ticket,
            after: this.#after,
            heard: () => { if (isCurrent()) this.#heard(); },
            live: () => { if (isCurrent()) this.#live(); },
            publish: (update) => { if (isCurrent()) this.#take(update); },
            ended: (ending) => {
                if (isOver || !isCurrent()) return;
                isOver = true;
                this.#ended(ticket !== undefined && !this.#isOpen ? endingWithTicket(ending) : ending);
            },
        }, this.#multiplexer);
        // It may have ended already.
        if (isCurrent()) Object.assign(transport, opened);
        else opened.close();
    }

    #drop() {
        clearTimeout(this.#retry);
        clearInterval(this.#watch);
        clearTimeout(this.#postponed);
        this.#unwatch();
        this.#isRenewing = false;
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

    #heard() {
        this.#heardAt = Date.now();
        this.#context.tokens.check();
    }

    #live() {
        if (this.#isOpen) return;
        this.#liveSince = Date.now();
        this.#publishState("live", null);
        // The token may have been renewed while the connection was opened.
        this.#takeToken();
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

    /** @param {object} ending See core/endings.js. */
    #ended(ending) {
        this.#drop();
        if (this.#isOpen && Date.now() - this.#liveSince > STABLE_AFTER) {
            // The backoff goes on if the server accepts connections only to close them.
            this.#attempt = 0;
            this.#context.tokens.accepted(this.#token);
        }
        const { verdict, reason, error } = ending;
        const retryAfter = ending.retryAfter === undefined ? undefined : Math.min(ending.retryAfter, LONGEST_RETRY_AFTER);
        if (error) this.#publish(errorUpdate(error, reason));
        switch (verdict) {
            case "end":
                this.#listeners.abort();
                return this.#publish({ kind: "ended", detail: { reason } });
            case "refresh":
                return this.#refused(reason);
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

    /** The token has expired or was refused. */
    #refused(reason) {
        const { tokens } = this.#context;
        if (tokens.isFixed) return this.#ended({ verdict: "end", reason });
        tokens.refuse(this.#token);
        // It may have been replaced since.
        if (tokens.held() !== null) this.connect("token_refreshed");
        else this.#withoutToken(reason);
    }

    #withoutToken(reason) {
        this.close();
        this.#publish({ kind: "ended", detail: { reason }, needsToken: true });
    }

    // MARK: Renewal

    /** @param {string | null} token Null if the user has signed out. */
    #renewed(token) {
        if (token === null) this.#ended({ verdict: "end", reason: "signed_out" });
        else if (this.#isOpen) this.#takeToken();
    }

    /** Continues with the newest token: in place if the transport and the server can do that. */
    async #takeToken() {
        const { tokens } = this.#context;
        const transport = this.#transport;
        const token = tokens.held();
        if (token === null || token === this.#token || this.#isRenewing) return;
        const isBusy = Boolean(this.#multiplexer?.isBusy);
        const { step, reason } = renewalStep(this.#identity, identityOf(token, this.#context.claims), { canRenew: Boolean(transport.renew), isBusy });
        switch (step) {
            case "end":
                return this.#ended({ verdict: "end", reason });
            case "reconnect":
                return this.connect("token_refreshed");
            case "later":
                return this.#takeTokenIn(BUSY_INTERVAL);
        }
        this.#isRenewing = true;
        const outcome = await transport.renew(token);
        if (this.#transport !== transport) return;
        this.#isRenewing = false;
        switch (outcome) {
            case "failed":
                return this.#takeTokenIn(FAILED_INTERVAL);
            case "unsupported":
                transport.renew = undefined;
                break;
            case "renewed":
                this.#token = token;
                tokens.accepted(token);
        }
        // There may be a newer one, or it is to connect again.
        this.#takeToken();
    }

    #takeTokenIn(milliseconds) {
        clearTimeout(this.#postponed);
        this.#postponed = setTimeout(() => this.#takeToken(), milliseconds);
    }

    // MARK: Timers

    #checkSilence() {
        const limit = this.#isOpen ? this.#context.silence[this.#protocol.name] : CONNECT_TIMEOUT;
        if (Date.now() - this.#heardAt > limit) this.#ended({ verdict: "retry", reason: "silence" });
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
        else if (this.#transport) {
            this.#checkSilence();
            this.#context.tokens.check();
        }
    }
}
