/**
 * Causeway in a browser: one file, no dependencies, no build step.
 *
 *     import { Causeway } from "./causeway.js";
 *     const causeway = new Causeway({ token: async () => (await fetch("/session/token")).text() });
 *     const stream = causeway.notifications({ types: ["approval.requested", "incident.*"] });
 *     stream.addEventListener("event", ({ detail }) => show(detail.type, detail.data));
 *
 * Streams reconnect and resume by themselves: every event comes once and in order, and what is known to be missing is told (`gap`).
 * All tabs of an origin that want the same stream for the same user, with the same roles, share one connection: the tab that holds a
 * Web Lock, the leader, has it, and hands on what comes through a BroadcastChannel. Texts from events are never evaluated, nor made into HTML.
 *
 * In this file, from the outside to the inside: Causeway, EventStream and RelayStream (what pages use); Member (a tab's part in a group
 * of tabs); Connection (when to connect, and when not); the four protocols; RelayDesk (what all tabs do over one relay connection);
 * TokenSource; and pure functions. docs/browser-client.md describes how to use it.
 *
 * @module causeway
 */

/**
 * @typedef {object} CausewayOptions
 * @property {string} [origin] Where the services are: the page's own origin unless said.
 * @property {string | ((request: { reason: "first" | "expiring" | "refused", previous?: string }) => string | null | Promise<string | null>)} token
 *   A token; or a function that gets one: at first use, before `exp` passes, and when the last one (`previous`) was refused. It is called
 *   once at a time for all streams; after the first use only in the tab that has the connection. `null` says that there is none any more.
 * @property {boolean} [share] Whether tabs share connections (yes, where the browser can).
 * @property {Partial<Backoff>} [backoff] How long to wait after failures.
 * @property {Partial<Record<"notifications" | "workspace" | "relay" | "execution", number>>} [silence] After how many milliseconds
 *   without a byte a connection counts as broken: more than two of the server's heartbeats.
 *
 * @typedef {object} Backoff
 * @property {number} first Milliseconds before the first new attempt (500).
 * @property {number} factor What each further one multiplies them by (2).
 * @property {number} max The most (30000).
 * @property {number} jitter How much of it is left to chance, from 0 to 1 (0.5).
 *
 * @typedef {object} CausewayEvent The `detail` of an `event`.
 * @property {string | null} id The place to resume after; null for a push of the relay whose payload has an `id` of its own.
 * @property {string} type Such as `investigation.progress`.
 * @property {any} data The payload as it was published.
 * @property {string | null} time When it happened, ISO 8601; null in executions.
 * @property {"notifications" | "workspace" | "relay" | "execution"} transport
 * @property {number} receivedAt When it came, in milliseconds since 1970 by this machine's clock.
 * @property {string} [execution] Which run, in executions, if the server has said.
 *
 * @typedef {object} StreamState The `detail` of a `state`.
 * @property {"connecting" | "live" | "stalled" | "waiting" | "offline" | "ended"} state `stalled`: connected to a server that cannot reach the log.
 * @property {string | null} reason Why: what the server, the browser or this library said, in one word.
 * @property {number} attempt How many attempts or connections in a row have failed soon.
 * @property {number | null} retryInMs How long it waits, while it is `waiting`.
 * @property {boolean} leader Whether the connection is this tab's.
 * @property {number} since When this state began, in milliseconds since 1970.
 *
 * @typedef {object} Gap The `detail` of a `gap`: load your state anew from wherever it is kept.
 * @property {"expired" | "unknown_cursor"} reason The place is older than the log keeps, or of no log that is known.
 * @property {string} [missedBefore] The first event that is still kept.
 * @property {string | null} id The place from which the stream goes on.
 */

const DEFAULT_BACKOFF = { first: 500, factor: 2, max: 30_000, jitter: 0.5 };
/** Somewhat more than two heartbeats each: of 30 s, 5 s, our own pings' 20 s, and 15 s. */
const DEFAULT_SILENCE = { notifications: 65_000, workspace: 12_000, relay: 45_000, execution: 35_000 };
/** Within it, a server has accepted a connection and said its first word. */
const CONNECT_TIMEOUT = 20_000;
/** How often a tab that hears nothing asks whether the leader still lives; after the third time without an answer it takes over. */
const ASKING_INTERVAL = 3_000;
/** A connection that has lasted as long was a good one: waiting begins anew with the shortest time. */
const STABLE_AFTER = 5_000;
/** No server keeps a stream away for longer, whatever it says. */
const LONGEST_RETRY_AFTER = 3_600_000;
/** What a leader keeps for tabs that come later, in updates; who wants older ones gets them from the server. */
const RING_UPDATES = 5_000;
/** What an iterator keeps that nobody takes from. */
const ITERATOR_EVENTS = 10_000;
/** No server sends lines as long: payloads have at most 256 KiB. */
const LINE_CHARACTERS = 8 * 1024 * 1024;

/** An error with a `code`: a word such as `unauthorized`, or the number of a JSON-RPC error, whose `data` comes along. */
export class CausewayError extends Error {
    constructor(code, message = String(code), data = undefined) {
        super(message);
        this.name = "CausewayError";
        this.code = code;
        this.data = data;
    }
}

// MARK: What pages use

/** A deployment of Causeway as one user sees it. */
export class Causeway {
    #context;

    /** @param {CausewayOptions} options */
    constructor({ origin = globalThis.location?.origin, token, share = true, backoff = {}, silence = {} } = {}) {
        if (typeof token !== "string" && typeof token !== "function") {
            throw new TypeError("token: give a string, or a function that gets one");
        }
        this.#context = {
            origin: new URL(origin).origin,
            tokens: new TokenSource(token),
            share: share && Boolean(globalThis.navigator?.locks && globalThis.BroadcastChannel),
            backoff: { ...DEFAULT_BACKOFF, ...backoff },
            silence: { ...DEFAULT_SILENCE, ...silence },
        };
    }

    /**
     * All that happens in the token's tenant, over server-sent events.
     *
     * @param {{ types?: string | string[], lastEventId?: string }} [options] `types`: only these, such as `approval.requested` or
     *   `incident.*`. `lastEventId`: the last event that is known already; `""` for the oldest one kept; without it, only what comes.
     */
    notifications({ types, lastEventId } = {}) {
        return new EventStream(this.#context, new NotificationProtocol(this.#context.origin, typeList(types)), lastEventId);
    }

    /**
     * The same over a WebSocket.
     *
     * @param {{ workspaceId?: string, types?: string | string[], lastEventId?: string }} [options] `workspaceId`: the token's tenant
     *   unless said; the server accepts no other.
     */
    workspace({ workspaceId, types, lastEventId } = {}) {
        return new EventStream(this.#context, new WorkspaceProtocol(this.#context.origin, workspaceId, typeList(types)), lastEventId);
    }

    /**
     * Incidents that were subscribed to, and commands to services, over JSON-RPC.
     *
     * @param {{ lastEventId?: string }} [options] `lastEventId`: what `subscribe` starts after, unless it says something else.
     */
    relay({ lastEventId } = {}) {
        return new RelayStream(this.#context, new RelayProtocol(this.#context.origin), lastEventId);
    }

    /**
     * One execution from its first event to its last, after which the stream is `ended` for the reason `completed`.
     *
     * @param {"agent" | "workflow"} kind
     * @param {string} name
     * @param {{ execution?: string, wait?: boolean, lastEventId?: string }} [options] `execution`: this run and no other. `wait`: stay
     *   until one starts, if nothing has run under that name yet.
     */
    execution(kind, name, { execution, wait = false, lastEventId } = {}) {
        if (kind !== "agent" && kind !== "workflow") throw new TypeError('kind: "agent" or "workflow"');
        return new EventStream(this.#context, new ExecutionProtocol(this.#context.origin, `${kind}s`, name, execution, wait), lastEventId);
    }

    /**
     * `fetch` with the token, which is renewed once if the server refuses it.
     *
     * @param {string} path A path of the deployment: the token goes nowhere else.
     * @param {RequestInit} [init]
     * @returns {Promise<Response>}
     */
    async fetch(path, init = {}) {
        const { origin, tokens } = this.#context;
        const url = new URL(path, origin);
        if (url.origin !== origin) throw new TypeError(`path: ${url.origin} is not the deployment's origin`);
        const send = (token) => {
            const headers = new Headers(init.headers);
            headers.set("Authorization", `Bearer ${token}`);
            return fetch(url, { ...init, headers });
        };
        const token = await tokens.current();
        const response = await send(token);
        // A body that is a stream has been read, and cannot be sent again.
        if (response.status !== 401 || init.body instanceof ReadableStream) return response;
        const renewed = await tokens.refresh("refused", token);
        return renewed && renewed !== token ? send(renewed) : response;
    }
}

/**
 * A stream of events. It connects by itself, and goes on until `close()` or until it has `ended`.
 *
 * Dispatches `event` ({@link CausewayEvent}), `state` ({@link StreamState}), `gap` ({@link Gap}), `heartbeat` (`{ id, receivedAt }`) and
 * `error` (a {@link CausewayError}; the stream goes on unless its state says otherwise), each a CustomEvent with a `detail`. The first
 * is dispatched after the code that made the stream has returned. `for await (const event of stream)` gives the events' details from
 * then on; it ends with the stream, throws if that ended for want of permission or the like, and closes it when it is left.
 */
export class EventStream extends EventTarget {
    #member;
    #state;
    #iterators = new Set();

    /** @private Made by {@link Causeway}. */
    constructor(context, protocol, lastEventId) {
        super();
        this.#state = { state: "connecting", reason: "start", attempt: 0, retryInMs: null, leader: false, since: Date.now() };
        this.#member = new Member(context, protocol, lastEventId, (update) => this._accept(update));
    }

    /** @returns {StreamState} */
    get state() {
        return this.#state;
    }

    /** The place to resume after, for another session; undefined before any is known, and on the relay. */
    get lastEventId() {
        return this.#member.lastEventId;
    }

    /** Ends the stream, here; other tabs keep theirs. */
    close() {
        this.#member.close("closed");
    }

    /** @private */
    get _member() {
        return this.#member;
    }

    /** @private Takes what the group has sent. */
    _accept(update) {
        switch (update.kind) {
            case "event":
                for (const iterator of this.#iterators) iterator.push(update.detail);
                break;
            case "state":
                this.#state = update.detail;
                if (update.detail.state === "ended") {
                    for (const iterator of this.#iterators) iterator.end(update.detail.reason);
                    this.#iterators.clear();
                }
                break;
            case "gap":
            case "heartbeat":
            case "error":
                break;
            default:
                return;
        }
        const { code, message, data } = update.detail;
        const detail = update.kind === "error" ? new CausewayError(code, message, data) : update.detail;
        this.dispatchEvent(new CustomEvent(update.kind, { detail }));
    }

    /** @returns {AsyncIterableIterator<CausewayEvent>} */
    [Symbol.asyncIterator]() {
        const iterator = new EventIterator(() => this.close());
        if (this.#state.state === "ended") iterator.end(this.#state.reason);
        else this.#iterators.add(iterator);
        return iterator;
    }
}

/** A stream of the incidents that were subscribed to, and the way to send commands. */
export class RelayStream extends EventStream {
    #wanted = new Set();
    /** Those whose subscription is under way. */
    #subscribing = new Set();
    #lastEventId;

    /** @private */
    constructor(context, protocol, lastEventId) {
        super(context, protocol, undefined);
        this.#lastEventId = lastEventId;
    }

    /**
     * Subscribes to what is found out about an incident, and to what is done about it. The subscription outlives reconnects and the
     * leader's tab.
     *
     * @param {string} incidentId
     * @param {{ lastEventId?: string }} [options] Where to start; see {@link Causeway#notifications}.
     */
    async subscribe(incidentId, { lastEventId = this.#lastEventId } = {}) {
        this.#wanted.add(incidentId);
        for (const family of FAMILIES) {
            const lane = laneOf(family, incidentId);
            if (lastEventId === undefined) this._member.places.delete(lane);
            else this._member.places.set(lane, lastEventId);
        }
        try {
            await this.#subscribe(incidentId);
        } catch (error) {
            this.#wanted.delete(incidentId);
            throw error;
        }
    }

    /** Ends what `subscribe` began. @param {string} incidentId */
    async unsubscribe(incidentId) {
        if (!this.#wanted.delete(incidentId)) return;
        for (const family of FAMILIES) this._member.places.delete(laneOf(family, incidentId));
        await this._member.call("unsubscribe", { incidentId });
    }

    /**
     * Calls a method of the relay or of a service behind it.
     *
     * It is carried out at most once. If the connection is lost meanwhile it fails with the code `connection_lost`, and may have been
     * carried out or not. A call that is given up (`timeout`, `signal`) is forgotten here; the service ends by its own deadline.
     *
     * @param {string} method
     * @param {object | any[]} [params]
     * @param {{ timeout?: number, onProgress?: (progress: object) => void, signal?: AbortSignal }} [options] `timeout`: milliseconds (35000).
     * @returns {Promise<any>} The result. Fails with a {@link CausewayError} whose `code` is the JSON-RPC error's, or `invalid_params` for
     *   what JSON cannot say.
     */
    async request(method, params, { timeout = 35_000, onProgress, signal } = {}) {
        let call;
        try {
            // As it will be on the wire; other tabs, too, can be given that.
            call = JSON.parse(JSON.stringify({ method, params }));
        } catch (error) {
            throw new CausewayError("invalid_params", error.message);
        }
        return this._member.call("request", call, { timeout, onProgress, signal });
    }

    async #subscribe(incidentId) {
        const { places } = this._member;
        this.#subscribing.add(incidentId);
        try {
            const after = Object.fromEntries(FAMILIES.map((family) => [family, places.get(laneOf(family, incidentId))]));
            const begun = await this._member.call("subscribe", { incidentId, after });
            // Another tab's subscription may have been there already: where it is, this one begins.
            for (const [family, place] of Object.entries(begun)) {
                const lane = laneOf(family, incidentId);
                if (place !== undefined && !places.has(lane)) places.set(lane, place);
            }
        } catch (error) {
            if (error.code !== "connection_lost" || !this.#wanted.has(incidentId)) throw error;
            return this.#subscribe(incidentId);
        } finally {
            this.#subscribing.delete(incidentId);
        }
    }

    /** @private */
    _accept(update) {
        if (update.kind === "joined") {
            // The connection is another tab's from now on: it knows nothing of what was subscribed to here.
            for (const incidentId of this.#wanted) {
                if (this.#subscribing.has(incidentId)) continue;
                this.#subscribe(incidentId).catch((error) => {
                    if (this.state.state !== "ended") super._accept(errorUpdate(error, "not_subscribed"));
                });
            }
        }
        // Pushes that other tabs subscribed to.
        if (update.kind === "event" && !this.#wanted.has(update.detail.data?.incidentId)) return;
        super._accept(update);
    }
}

class EventIterator {
    #events = [];
    #waiting = [];
    #ending = null;
    #leave;

    constructor(leave) {
        this.#leave = leave;
    }

    push(event) {
        if (this.#ending) return;
        if (this.#waiting.length) this.#waiting.shift().resolve({ value: event, done: false });
        else if (this.#events.length < ITERATOR_EVENTS) this.#events.push(event);
        else this.end("slow_reader");
    }

    end(reason) {
        const isGood = reason === "closed" || reason === "completed";
        this.#ending ??= { error: isGood ? null : new CausewayError(reason, `the stream has ended: ${reason}`) };
        for (const { resolve } of this.#waiting.splice(0)) resolve(this.#end());
    }

    next() {
        if (this.#events.length) return Promise.resolve({ value: this.#events.shift(), done: false });
        if (this.#ending) return this.#end();
        return new Promise((resolve) => this.#waiting.push({ resolve }));
    }

    #end() {
        return this.#ending.error ? Promise.reject(this.#ending.error) : Promise.resolve({ value: undefined, done: true });
    }

    return() {
        this.#events = [];
        this.#leave();
        return Promise.resolve({ value: undefined, done: true });
    }

    [Symbol.asyncIterator]() {
        return this;
    }
}

// MARK: Tabs that share a connection

/**
 * A tab's part in a group: of the tabs that want the same stream for the same user with the same roles. One of them leads.
 *
 * On the channel, by `type`: `join` (a follower asks for what comes after its place), `welcome` (the leader's answer), `update` (what the
 * connection has brought, numbered), `leader` (there is a new one), `ask` and `alive` (does the leader still live?), `call` (to the relay).
 * Each tab drops what it has had already, by id; so whoever takes over may go on from the place that it has itself seen.
 */
class Member {
    /** How far this tab has got, by lane: there is one, `""`, but on the relay, where each subscription has its own. */
    places = new Map();

    #context;
    #protocol;
    #sink;
    #id = uniqueID();
    #identity = null;
    #channel = null;
    #lock = null;
    #ended = false;
    #suspended = false;
    #leading = null;
    /** As a follower: the leader that has welcomed this tab, and the number of its last update. */
    #leader = null;
    #catchUp = null;
    /** For how many intervals nothing was heard from the leader. */
    #unanswered = 0;
    #asking;
    #calls = new Map();
    #listeners = new AbortController();

    constructor(context, protocol, lastEventId, sink) {
        this.#context = context;
        this.#protocol = protocol;
        this.#sink = sink;
        const place = lastEventId ?? protocol.beginning;
        if (place !== undefined) this.places.set("", place);
        const options = { signal: this.#listeners.signal };
        // A page that is put aside must hold neither lock nor connection: others would wait for it.
        globalThis.addEventListener?.("pagehide", () => this.#suspend(), options);
        globalThis.addEventListener?.("pageshow", () => this.#resume(), options);
        globalThis.document?.addEventListener("freeze", () => this.#suspend(), options);
        globalThis.document?.addEventListener("resume", () => this.#resume(), options);
        queueMicrotask(() => this.#start());
    }

    get lastEventId() {
        const place = this.places.get("");
        return place === undefined ? undefined : (this.#protocol.idOf?.(place) ?? place);
    }

    close(reason) {
        if (this.#ended) return;
        this.#ended = true;
        this.#listeners.abort();
        this.#leave();
        this.#failCalls("closed");
        this.#emit({ kind: "state", detail: { state: "ended", reason, attempt: 0, retryInMs: null, since: Date.now() } });
    }

    /** Has something done over the relay connection, whoever holds it. */
    call(method, params, { timeout, onProgress, signal } = {}) {
        if (this.#ended) return Promise.reject(new CausewayError("closed", "the stream has ended"));
        if (signal?.aborted) return Promise.reject(signal.reason);
        return new Promise((resolve, reject) => {
            const id = uniqueID();
            const done = (settle) => (value) => {
                this.#calls.delete(id);
                clearTimeout(timer);
                signal?.removeEventListener("abort", abort);
                settle(value);
            };
            const abort = () => {
                done(reject)(signal.reason);
                this.#pass({ id, method: "forget" });
            };
            const timer = timeout === undefined ? undefined : setTimeout(() => {
                done(reject)(new CausewayError("timeout", `no answer to ${params.method} within ${timeout} ms`));
                this.#pass({ id, method: "forget" });
            }, timeout);
            signal?.addEventListener("abort", abort);
            this.#calls.set(id, { resolve: done(resolve), reject: done(reject), onProgress, request: { id, method, params }, sent: false });
            this.#sendCalls();
        });
    }

    // Coming and going

    async #start() {
        let attempt = 0;
        while (!this.#identity && !this.#ended) {
            try {
                this.#identity = identityOf(await this.#context.tokens.current());
            } catch (error) {
                if (error.code === "signed_out") return this.close("signed_out");
                const retryInMs = backoffDelay(attempt++, this.#context.backoff);
                this.#emit(errorUpdate(error, "token_unavailable"));
                this.#emit({ kind: "state", detail: { state: "waiting", reason: "token_unavailable", attempt, retryInMs, since: Date.now() } });
                await new Promise((resolve) => setTimeout(resolve, retryInMs));
            }
        }
        if (!this.#ended && !this.#suspended) this.#enter();
    }

    #enter() {
        if (!this.#context.share) return this.#lead();
        const name = `causeway ${JSON.stringify([this.#context.origin, this.#identity.group, this.#protocol.key])}`;
        this.#channel = new BroadcastChannel(name);
        this.#channel.addEventListener("message", ({ data }) => this.#receive(data));
        this.#compete(name);
        this.#join();
        this.#unanswered = 0;
        this.#asking = setInterval(() => this.#ask(name), ASKING_INTERVAL);
    }

    #leave() {
        clearInterval(this.#asking);
        this.#stepDown();
        this.#lock?.abort();
        this.#lock = null;
        if (this.#channel) this.#post({ type: "gone", from: this.#id });
        this.#channel?.close();
        this.#channel = null;
    }

    #suspend() {
        if (this.#suspended || this.#ended) return;
        this.#suspended = true;
        this.#leave();
        this.#failCalls("connection_lost");
    }

    #resume() {
        if (!this.#suspended || this.#ended) return;
        this.#suspended = false;
        if (this.#identity) this.#enter();
    }

    /** A connection is over for good, or for this group: a renewed token that gives other roles belongs to the tabs that have those. */
    #over(reason) {
        if (reason !== "other_roles") return this.close(reason);
        this.#leave();
        this.#failCalls("connection_lost");
        this.#identity = null;
        this.#start();
    }

    // Who leads

    /** Waits for the lock, or takes it from a leader that does not answer. */
    #compete(name, steal = false) {
        this.#lock?.abort();
        const lock = (this.#lock = new AbortController());
        const held = () => lock.signal.aborted ? undefined : new Promise((release) => {
            lock.signal.addEventListener("abort", release);
            this.#lead();
        });
        navigator.locks.request(name, steal ? { steal } : { signal: lock.signal }, held).catch(() => {
            // Either given up here, or taken away: then this tab was not heard of for a while, and follows from now on.
            if (lock.signal.aborted || this.#lock !== lock) return;
            this.#stepDown();
            const detail = { state: "connecting", reason: "replaced", attempt: 0, retryInMs: null, since: Date.now() };
            this.#emit({ kind: "state", detail });
            this.#compete(name);
            this.#join();
        });
    }

    #lead() {
        this.#stepDown();
        const after = this.places.get("");
        const leading = (this.#leading = { term: uniqueID(), number: 0, state: null, ring: new Ring(after, this.#protocol) });
        const publish = (update) => this.#publish(leading, update);
        leading.desk = this.#protocol.makeDesk?.(publish);
        leading.connection = new Connection(this.#context, this.#protocol, this.#identity, after, publish, leading.desk);
        this.#post({ type: "leader", term: leading.term });
        leading.connection.connect("start");
        this.#joined();
    }

    #stepDown() {
        this.#catchUp?.close();
        this.#catchUp = null;
        this.#leader = null;
        const leading = this.#leading;
        this.#leading = null;
        leading?.connection.close();
        leading?.desk?.close();
    }

    #publish(leading, update) {
        if (this.#leading !== leading) return;
        if (update.kind === "ended") {
            // An execution that is over is over for all; whoever may not connect, say, speaks for itself alone.
            if (update.detail.reason === "completed") this.#post({ type: "update", term: leading.term, number: ++leading.number, update });
            return this.#over(update.detail.reason);
        }
        if (update.kind === "state") leading.state = update;
        leading.ring.push(update);
        if (update.to === undefined) this.#post({ type: "update", term: leading.term, number: ++leading.number, update });
        else if (update.to !== this.#id) return this.#post({ type: "reply", update });
        this.#accept(update);
    }

    /** Called when it is known to whom calls go. Those that another leader had are lost. */
    #joined() {
        this.#failCalls("connection_lost", (call) => call.sent);
        this.#sendCalls();
        this.#emit({ kind: "joined" });
    }

    // Following

    #join() {
        this.#leader = null;
        this.#post({ type: "join", from: this.#id, after: this.places.get("") });
    }

    /** A leader that was frozen, or hangs, keeps its lock: who does not answer three times loses it. */
    #ask(name) {
        if (this.#leading) return;
        switch (this.#unanswered++) {
            case 0:
                return;
            case 1:
            case 2:
            case 3:
                return this.#post({ type: "ask" });
            default:
                this.#unanswered = 0;
                this.#compete(name, true);
        }
    }

    #receive(message) {
        if (this.#leading) return this.#receiveAsLeader(message, this.#leading);
        switch (message.type) {
            case "leader":
                this.#unanswered = 0;
                return this.#join();
            case "alive":
                this.#unanswered = 0;
                if (this.#leader?.term !== message.term) this.#join();
                return;
            case "welcome":
                if (message.to === this.#id) this.#follow(message);
                return;
            case "update":
                this.#unanswered = 0;
                if (this.#leader?.term !== message.term) return;
                // A tab that was put aside may have missed some.
                if (message.number !== ++this.#leader.number) return this.#join();
                if (!this.#catchUp) return this.#accept(message.update);
                // It takes too long; by now, the leader may know how to go on from here, and if not, what waits is no use.
                if (this.#catchUp.queue.push(message.update) > RING_UPDATES) this.#join();
                return;
            case "reply":
                if (message.update.to === this.#id) this.#accept(message.update);
        }
    }

    #receiveAsLeader(message, leading) {
        switch (message.type) {
            case "join": {
                const { term, number, state, ring } = leading;
                const missed = ring.after(message.after);
                return this.#post({ type: "welcome", to: message.from, term, number, state, place: ring.place, missed });
            }
            case "ask":
                return this.#post({ type: "alive", term: leading.term });
            case "call":
                return leading.desk?.call(message.from, message.call);
            case "gone":
                return leading.desk?.left(message.from);
        }
    }

    #follow({ term, number, state, place, missed }) {
        this.#catchUp?.close();
        this.#catchUp = null;
        this.#unanswered = 0;
        this.#leader = { term, number };
        if (state) this.#emit(state);
        if (missed) {
            for (const update of missed) this.#accept(update);
            if (place !== undefined && !this.places.has("")) this.places.set("", place);
        } else {
            this.#catchUpTo(place);
        }
        this.#joined();
    }

    /**
     * The place of this tab is older than what the leader keeps: a connection of its own, for as long as it takes, brings it to where the
     * others are. What the others get meanwhile waits.
     */
    #catchUpTo(target) {
        const queue = [];
        const connection = new Connection(this.#context, this.#protocol, this.#identity, this.places.get(""), (update) => {
            if (this.#catchUp !== catchUp) return;
            if (update.kind === "ended") return this.#over(update.detail.reason);
            if (update.kind !== "state") this.#accept(update);
            target = placeOf(queue.findLast(placeOf)) ?? target;
            if (!(this.#protocol.compare(this.places.get(""), target) >= 0)) return;
            this.#catchUp = null;
            connection.close();
            for (const waiting of queue) this.#accept(waiting);
        });
        const catchUp = (this.#catchUp = { queue, close: () => connection.close() });
        connection.connect("catching_up");
    }

    // What comes

    #accept(update) {
        const { kind, detail } = update;
        switch (kind) {
            case "reply":
            case "progress": {
                const call = this.#calls.get(update.call);
                if (!call) return;
                if (kind === "progress") return call.onProgress?.(detail);
                if (!update.error) return call.resolve(detail);
                const { code, message, data } = update.error;
                return call.reject(new CausewayError(code, message, data));
            }
            case "ended":
                return this.close(detail.reason);
            case "gap": {
                const place = this.places.get("");
                // Some other tab's place was too old, not this one's.
                if (detail.missedBefore && place !== undefined && this.#protocol.compare(detail.missedBefore, place) <= 0) return;
                if (detail.id && this.#protocol.keeps !== false) this.places.set("", detail.id);
                break;
            }
            case "event":
            case "heartbeat":
            case "place": {
                const lane = update.lane ?? "";
                if (update.restarts) this.places.delete(lane);
                const place = this.places.get(lane);
                const next = placeOf(update);
                const order = place === undefined || !next ? 1 : this.#protocol.compare(next, place);
                if (kind === "event" && order <= 0) return;
                if (next && !(order <= 0)) this.places.set(lane, next);
            }
        }
        this.#emit(update);
    }

    #emit(update) {
        if (update.kind === "state") update = { kind: "state", detail: { ...update.detail, leader: Boolean(this.#leading) } };
        this.#sink(update);
    }

    #post(message) {
        this.#channel?.postMessage(message);
    }

    // Calls

    #sendCalls() {
        if (!this.#leading && !this.#leader) return;
        for (const call of this.#calls.values()) {
            if (call.sent) continue;
            call.sent = true;
            this.#pass(call.request);
        }
    }

    #pass(request) {
        if (this.#leading) this.#leading.desk?.call(this.#id, request);
        else this.#post({ type: "call", from: this.#id, call: request });
    }

    #failCalls(code, which = () => true) {
        for (const call of [...this.#calls.values()].filter(which)) {
            call.reject(new CausewayError(code, "the connection was lost before the answer came"));
        }
    }
}

/** The last updates of a leader, for those who come later. */
class Ring {
    /** Where the leader's connection is. */
    place;
    #from;
    #updates = [];
    #compare;
    #keeps;

    constructor(from, { compare, keeps = true }) {
        this.place = this.#from = from;
        this.#compare = compare;
        this.#keeps = keeps;
    }

    push(update) {
        if (!this.#keeps) return;
        const place = placeOf(update);
        if (place) this.place = place;
        this.#from ??= place;
        if (update.kind !== "event" && update.kind !== "gap") return;
        if (update.restarts) {
            this.#updates = [];
            this.#from = "";
        }
        if (update.detail.reason === "unknown_cursor") {
            // Another log: whoever has a place in the old one hears of it from the server.
            this.#updates = [];
            this.#from = place ?? this.#from;
            return;
        }
        this.#updates.push(update);
        // In pieces, because taking one from the front of a long array moves all others.
        if (this.#updates.length > RING_UPDATES * 1.25) {
            const dropped = this.#updates.splice(0, this.#updates.length - RING_UPDATES);
            this.#from = placeOf(dropped.findLast(placeOf)) ?? this.#from;
        }
    }

    /** What comes after that place; undefined where the ring does not know. Who has no place wants nothing of the past. */
    after(place) {
        if (place === undefined || !this.#keeps) return [];
        if (place !== this.#from && !(this.#compare(place, this.#from) >= 0)) return undefined;
        // Of another run than what is kept: the server knows both.
        if (Number.isNaN(this.#compare(place, this.place))) return undefined;
        const first = this.#updates.findIndex((update) => place === this.#from || this.#compare(placeOf(update), place) > 0);
        return first < 0 ? [] : this.#updates.slice(first);
    }
}

// MARK: One connection

/**
 * Keeps a connection: opens it, notices when it is broken, waits, opens it again from where it was.
 *
 * Publishes updates: `event`, `gap`, `heartbeat`, `place` (a place to resume after, and nothing else), `error`, `state`, and `ended` when
 * it will not connect again.
 */
class Connection {
    #context;
    #protocol;
    #identity;
    #publish;
    #desk;
    #after;
    #line = null;
    #state = null;
    #attempt = 0;
    /** How often in a row a token was refused that had just been got. */
    #refusals = 0;
    #heardAt = 0;
    #liveSince = 0;
    #retry;
    #watch;
    #renewal;
    /** Whether the browser has said that it lost the network. `navigator.onLine` says so of machines that are on no other network, too. */
    #isOffline = false;
    #listeners = new AbortController();

    constructor(context, protocol, identity, after, publish, desk) {
        this.#context = context;
        this.#protocol = protocol;
        this.#identity = identity;
        this.#after = after;
        this.#publish = publish;
        this.#desk = desk;
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
        this.#say("connecting", reason);
        // Says which attempt the callbacks below are of: those of an earlier one are not listened to.
        const line = (this.#line = { close() {} });
        const isCurrent = () => this.#line === line;
        const { tokens } = this.#context;
        let token;
        try {
            token = await tokens.current();
        } catch (error) {
            const isSignedOut = error.code === "signed_out";
            const ending = isSignedOut ? { verdict: "end", reason: "signed_out" } : { verdict: "retry", reason: "token_unavailable", error };
            return isCurrent() ? this.#ended(ending) : undefined;
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
            stalled: (isStalled) => { if (isCurrent()) this.#stalled(isStalled); },
            publish: (update) => { if (isCurrent()) this.#take(update); },
            ended: (ending) => {
                if (isOver || !isCurrent()) return;
                isOver = true;
                this.#ended({ ...ending, token });
            },
        }, this.#desk);
        // It may have ended before it began.
        if (isCurrent()) Object.assign(line, opened);
        else opened.close();
    }

    #drop() {
        clearTimeout(this.#retry);
        clearInterval(this.#watch);
        clearTimeout(this.#renewal);
        const line = this.#line;
        this.#line = null;
        line?.close();
        this.#desk?.disconnected();
        // What was heard of another attempt says nothing of the next.
        this.#heardAt = Date.now();
    }

    /** Whether the server listens to us, and we to it. */
    get #isOpen() {
        return this.#state === "live" || this.#state === "stalled";
    }

    #live() {
        if (this.#isOpen) return;
        this.#liveSince = Date.now();
        this.#refusals = 0;
        this.#say("live", null);
    }

    /** The server says that it cannot reach the log, or can again. */
    #stalled(isStalled) {
        if (isStalled && this.#state === "live") this.#say("stalled", "log_unreachable");
        if (!isStalled && this.#state === "stalled") this.#say("live", null);
    }

    #take(update) {
        if (!update.lane) this.#after = placeOf(update) ?? this.#after;
        this.#publish(update);
    }

    #say(state, reason, retryInMs = null) {
        this.#state = state;
        this.#publish({ kind: "state", detail: { state, reason, attempt: this.#attempt, retryInMs, since: Date.now() } });
    }

    // Ends

    /** @param {{ verdict: "retry" | "soon" | "refresh" | "end", reason: string, retryAfter?: number, error?: Error, token?: string }} ending */
    async #ended(ending) {
        this.#drop();
        // A server that takes us only to send us away again is not to be asked all the time.
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
                // Those whom a drain has sent away do not come back at the same moment.
                if (this.#attempt++ < 3) return this.#wait(reason, retryAfter ?? 1_000 * Math.random());
            // Or they would come back to where they are sent away from again and again.
            // falls through
            case "retry":
                return this.#wait(reason, Math.max(retryAfter ?? 0, backoffDelay(this.#attempt++, this.#context.backoff)));
        }
    }

    #wait(reason, delay) {
        // A browser may err about that: now and then it is tried all the same.
        delay = Math.round(this.#isOffline ? Math.max(delay, this.#context.backoff.max) : delay);
        // A browser's timer that is set to more than it can be fires at once.
        delay = Math.min(delay, MAX_TIMER);
        this.#say(this.#isOffline ? "offline" : "waiting", this.#isOffline ? "offline" : reason, delay);
        this.#retry = setTimeout(() => this.connect(reason), delay);
    }

    async #refresh(reason, refused) {
        if (++this.#refusals > 2) return this.#ended({ verdict: "end", reason: "unauthorized" });
        const waiting = (this.#line = { close() {} });
        this.#say("connecting", reason);
        try {
            const token = await this.#context.tokens.refresh("refused", refused);
            if (this.#line !== waiting) return;
            if (!token || token === refused) return this.#ended({ verdict: "end", reason });
            this.connect("token_refreshed");
        } catch (error) {
            if (this.#line === waiting) this.#ended({ verdict: "retry", reason: "token_unavailable", error });
        }
    }

    // Times

    #checkSilence() {
        const limit = this.#isOpen ? this.#context.silence[this.#protocol.name] : CONNECT_TIMEOUT;
        if (Date.now() - this.#heardAt > limit) this.#ended({ verdict: "retry", reason: "silence" });
    }

    /** A new token before the old one ends, and with it a new connection: the server would end this one when the old token's time is up. */
    #scheduleRenewal(token) {
        const delay = this.#context.tokens.renewalDelay(token);
        if (delay === null) return;
        // Longer ones than a browser's timer can be come in parts.
        this.#renewal = setTimeout(() => delay > MAX_TIMER ? this.#scheduleRenewal(token) : this.#renew(token), Math.min(delay, MAX_TIMER));
    }

    async #renew(token) {
        const line = this.#line;
        let renewed = null;
        try {
            renewed = await this.#context.tokens.refresh("expiring", token);
        } catch (error) {
            this.#publish(errorUpdate(error, "token_unavailable"));
        }
        if (this.#line !== line) return;
        if (renewed && renewed !== token && !this.#desk?.isBusy) return this.connect("token_refreshed");
        // Answers are awaited: they would be lost with the connection. Or there was no new token: perhaps later.
        this.#renewal = setTimeout(() => this.#renew(token), this.#desk?.isBusy ? 1_000 : 5_000);
    }

    #online() {
        // A connection from before may be dead without anybody's having noticed.
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
        else if (this.#line) this.#checkSilence();
    }
}

const MAX_TIMER = 2 ** 31 - 1;

// MARK: Protocols

/** What every protocol says: `name`, `key` (what distinguishes its streams), `compare` (of places) and `open`. */
class NotificationProtocol {
    name = "notifications";
    compare = compareCursors;
    #url;

    constructor(origin, types) {
        this.key = [this.name, types];
        this.#url = withQuery(new URL("/v1/notifications/stream", origin), { types });
    }

    open(link) {
        return openEventStream(this.#url, link, ({ type, id, data }) => {
            if (data === null) return id === null ? undefined : { kind: "place", detail: { id } };
            if (type === "ping") return heartbeat(id);
            if (isStanding(type)) return void link.stalled(type === STALLED);
            const { type: _, timestamp, ...payload } = JSON.parse(data);
            if (type === "stream.gap") return { kind: "gap", detail: { ...payload, id } };
            return event(this.name, id, type, payload, timestamp);
        });
    }
}

/** Ids count from 1 in each run; so a place says which run it is in, too, where that is known: `5 run`. */
class ExecutionProtocol {
    name = "execution";
    #url;
    #execution;

    constructor(origin, kind, name, execution, wait) {
        this.key = [this.name, kind, name, execution ?? null, wait];
        this.#execution = execution;
        const path = `/api/streaming/${kind}/${encodeURIComponent(name)}/stream`;
        this.#url = withQuery(new URL(path, origin), { wait: wait ? "true" : undefined });
    }

    /** Who has seen nothing yet wants all of it. */
    beginning = "";

    compare = (one, other) => {
        const [first, second] = [runOf(one), runOf(other)];
        if (first !== undefined && second !== undefined && first !== second) return NaN;
        return Number(this.idOf(one)) - Number(this.idOf(other));
    };

    idOf(place) {
        return String(place ?? "").split(" ", 1)[0];
    }

    open(link) {
        let run = runOf(link.after) ?? this.#execution;
        const url = withQuery(new URL(this.#url), { execution: run });
        let sawFinalEvent = false;
        let last = link.after;
        const after = link.after === undefined ? undefined : this.idOf(link.after);
        const ended = (ending) => link.ended(sawFinalEvent ? { verdict: "end", reason: "completed" } : ending);
        const begun = (response) => (run = shownRun(response) ?? run);
        return openEventStream(url, { ...link, after, ended }, async ({ type, id, data }, signal) => {
            if (data === null) return undefined;
            if (type === "stream.gap") return { kind: "gap", detail: { ...JSON.parse(data), id: null } };
            if (isStanding(type)) return void link.stalled(type === STALLED);
            // The server repeats nothing: this is the beginning of another run.
            const restarts = Number(id) <= Number(this.idOf(last));
            if (restarts || run === undefined) run = await this.#currentRun(link.token, signal);
            sawFinalEvent = FINAL_TYPES.has(type);
            last = run === undefined ? id : `${id} ${run}`;
            const update = { ...event(this.name, id, type, JSON.parse(data), null), restarts, place: last };
            if (run !== undefined) update.detail.execution = run;
            return update;
        }, begun);
    }

    /** The head of a stream names the run that there is; of one that begins later, another head does. */
    async #currentRun(token, signal) {
        const headers = { Authorization: `Bearer ${token}` };
        const response = await fetch(this.#url, { method: "HEAD", headers, cache: "no-store", signal });
        if (response.status !== 200) throw new CausewayError(`http_${response.status}`, "which execution has begun could not be learned");
        return shownRun(response);
    }
}

function runOf(place) {
    const [, run] = /^\d+ (.*)$/s.exec(place ?? "") ?? [];
    return run;
}

/** Which run a server says that it shows. */
function shownRun(response) {
    const run = response.headers.get("Causeway-Execution");
    return run === null ? undefined : decodeURIComponent(run);
}

const FINAL_TYPES = new Set(["complete", "failed", "workflow_complete", "workflow_failed"]);

class WorkspaceProtocol {
    name = "workspace";
    compare = compareCursors;
    #origin;
    #workspaceId;
    #types;

    constructor(origin, workspaceId, types) {
        this.key = [this.name, workspaceId ?? null, types];
        this.#origin = origin;
        this.#workspaceId = workspaceId;
        this.#types = types;
    }

    open(link) {
        let wantsPlace = link.after === undefined;
        const workspace = this.#workspaceId ?? tenantOf(readClaims(link.token));
        const query = { workspace, types: this.#types, last_event_id: link.after ?? NO_PLACE };
        const url = withQuery(new URL("/v1/stream", this.#origin), query);
        const received = (message) => {
            const { type, payload, ts, id = null } = message;
            if (type === "connected") return undefined;
            if (type === "heartbeat") {
                link.stalled(payload.ok === false);
                return heartbeat(id);
            }
            if (type !== "stream.gap") return event(this.name, id, type, payload, ts);
            if (wantsPlace && payload.reason === "unknown_cursor") {
                wantsPlace = false;
                return { kind: "place", detail: { id } };
            }
            return { kind: "gap", detail: { ...payload, id } };
        };
        return openWebSocket(url, link, received, ({ code, reason, wasOpen }) => {
            switch (code) {
                case 4401: return { verdict: "refresh", reason: wasOpen ? "token_expired" : "unauthorized" };
                case 4003: return { verdict: "end", reason: "wrong_workspace" };
                case 1001: return { verdict: "soon", reason: "draining" };
                default: return { verdict: "retry", reason: closeReason(code, reason) };
            }
        });
    }
}

/** No cursor at all: who resumes from it is told where the log is, gets nothing of the past, and ids from then on. */
const NO_PLACE = "live";

class RelayProtocol {
    name = "relay";
    key = ["relay"];
    compare = compareCursors;
    /** Tabs that come later subscribe for themselves. */
    keeps = false;
    #origin;

    constructor(origin) {
        this.#origin = origin;
    }

    makeDesk(publish) {
        return new RelayDesk(publish);
    }

    open(link, desk) {
        let tokenHasExpired = false;
        let sentAt = Date.now();
        const send = (message) => {
            sentAt = Date.now();
            socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
        };
        // Who says nothing for a minute is sent away. Asked at every message, too, because timers of tabs in the background are slow.
        const ping = () => { if (Date.now() - sentAt >= 20_000) send({ method: "ping" }); };
        const pings = setInterval(ping, 5_000);
        const received = (message) => {
            ping();
            if (message.method === "connected") return void desk.connected(send);
            if (message.method === "pong") return heartbeat(null);
            if (isStanding(message.method)) return void link.stalled(message.method === STALLED);
            if (message.id === null && message.error?.code === -32001) tokenHasExpired = true;
            else desk.receive(message);
            return undefined;
        };
        const socket = openWebSocket(new URL("/v1/connect", this.#origin), link, received, ({ code, reason, wasOpen }) => {
            clearInterval(pings);
            if (tokenHasExpired) return { verdict: "refresh", reason: "token_expired" };
            if (code === 1001) return { verdict: "soon", reason: "draining" };
            return wasOpen ? { verdict: "retry", reason: closeReason(code, reason) } : this.#whyRefused(link.token);
        });
        const close = socket.close;
        socket.close = () => {
            clearInterval(pings);
            close();
        };
        return socket;
    }

    /** The relay judges before it becomes a WebSocket, and browsers do not say how: another path has the same rules. */
    async #whyRefused(token) {
        try {
            const response = await fetch(new URL("/v1/relay/status", this.#origin), { headers: { Authorization: `Bearer ${token}` } });
            if (response.ok) return { verdict: "retry", reason: "refused" };
            return verdictOf(response);
        } catch {
            return { verdict: "retry", reason: "network" };
        }
    }
}

/** What a server sends when it cannot reach the log; and `stream.live` when it can again. */
const STALLED = "stream.stalled";

function isStanding(type) {
    return type === STALLED || type === "stream.live";
}

/** Opens a stream of server-sent events; `interpret` makes an update of a block, now or later, and `begun` looks at the response. */
function openEventStream(url, link, interpret, begun = () => {}) {
    const abort = new AbortController();
    let retryAfter;
    const read = async () => {
        const headers = { Authorization: `Bearer ${link.token}`, Accept: "text/event-stream" };
        if (link.after !== undefined) headers["Last-Event-ID"] = link.after;
        const response = await fetch(url, { headers, cache: "no-store", signal: abort.signal });
        link.heard();
        if (response.status === 204) return { verdict: "end", reason: "completed" };
        if (response.status !== 200) return verdictOf(response);
        if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return { verdict: "retry", reason: "not_a_stream" };
        begun(response);
        const parser = new EventStreamParser();
        for (const reader = response.body.getReader(); ; ) {
            const { value, done } = await reader.read();
            if (done) return { verdict: "retry", reason: "closed", retryAfter };
            link.heard();
            for (const block of parser.feed(value)) {
                retryAfter = block.retry ?? retryAfter;
                if (block.type === "stream.end" && block.data !== null) return streamEnd(JSON.parse(block.data).reason, retryAfter);
                link.live();
                const update = await interpret(block, abort.signal);
                if (update) link.publish(update);
            }
        }
    };
    read()
        .catch((error) => ({ verdict: "retry", reason: "network", retryAfter, error: abort.signal.aborted ? undefined : error }))
        .then((ending) => {
            abort.abort();
            link.ended(ending);
        });
    return { close: () => abort.abort() };
}

function streamEnd(reason, retryAfter) {
    switch (reason) {
        case "token_expired": return { verdict: "refresh", reason };
        case "draining": return { verdict: "soon", reason, retryAfter };
        default: return { verdict: "retry", reason, retryAfter };
    }
}

/** What an answer means that is no stream. */
async function verdictOf(response) {
    const body = await response.json().catch(() => ({}));
    const reason = typeof body.error === "string" ? body.error : `http_${response.status}`;
    const error = new CausewayError(reason, typeof body.message === "string" ? body.message : `HTTP status ${response.status}`);
    if (response.status === 401) return { verdict: "refresh", reason };
    if (response.status === 429 || response.status >= 500) {
        return { verdict: "retry", reason, retryAfter: retryAfterOf(response.headers.get("Retry-After")), error };
    }
    return { verdict: "end", reason, error };
}

/** Opens a WebSocket that carries JSON; `closed` makes a verdict of its end. The token is no part of the address. */
function openWebSocket(url, link, received, closed) {
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let socket;
    try {
        socket = new WebSocket(url, ["causeway.v1", `bearer.${link.token}`]);
    } catch {
        // What the browser says of it would show the token.
        const error = new CausewayError("not_a_token", "the token has characters that no JWT has");
        link.ended({ verdict: "end", reason: "not_a_token", error });
        return { close() {}, send() {} };
    }
    let wasOpen = false;
    socket.onopen = () => link.heard();
    socket.onmessage = ({ data }) => {
        link.heard();
        let message;
        try {
            message = JSON.parse(data);
        } catch (error) {
            return link.publish(errorUpdate(error, "not_json"));
        }
        // The first message says that the server has accepted us.
        wasOpen = true;
        link.live();
        const update = received(message);
        if (update) link.publish(update);
    };
    socket.onclose = async ({ code, reason }) => link.ended(await closed({ code, reason, wasOpen }));
    const close = () => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(1000);
    };
    return { close, send: (text) => { if (socket.readyState === WebSocket.OPEN) socket.send(text); } };
}

function closeReason(code, reason) {
    switch (code) {
        case 1006: return "network";
        case 1008: return "limit";
        case 1011: return "unavailable";
        default: return reason || `closed_${code}`;
    }
}

function event(transport, id, type, data, time) {
    return { kind: "event", detail: { id, type, data, time, transport, receivedAt: Date.now() } };
}

/** Where a stream is after an update: the event's id, unless that alone does not say it. */
function placeOf(update) {
    return update?.place ?? update?.detail?.id;
}

function heartbeat(id) {
    return { kind: "heartbeat", detail: { id, receivedAt: Date.now() } };
}

// MARK: The relay for all tabs

const FAMILIES = ["investigation", "remediation"];

function laneOf(family, incidentId) {
    return `${family} ${incidentId}`;
}

/** Makes the subscriptions of all tabs on one relay connection, again after each reconnect, and carries their calls. */
class RelayDesk {
    #publish;
    #send = null;
    #nextID = 1;
    /** By lane. */
    #topics = new Map();
    /** Subscriptions that have asked where the log is, in order. */
    #asking = [];
    /** By the id on the wire. */
    #calls = new Map();
    #waiting = [];

    constructor(publish) {
        this.#publish = publish;
    }

    /** Whether answers are awaited. */
    get isBusy() {
        return this.#calls.size > 0;
    }

    connected(send) {
        this.#send = send;
        for (const topic of this.#topics.values()) this.#subscribe(topic);
        for (const [member, call] of this.#waiting.splice(0)) this.call(member, call);
    }

    disconnected() {
        this.#send = null;
        this.#asking = [];
        const lost = [...this.#calls.values()];
        this.#calls.clear();
        for (const { failed } of lost) failed({ code: "connection_lost", message: "the connection was lost before the answer came" });
    }

    close() {
        this.#publish = () => {};
        this.disconnected();
    }

    /** A tab is gone. */
    left(member) {
        this.#waiting = this.#waiting.filter(([waiting]) => waiting !== member);
        for (const topic of [...this.#topics.values()]) this.#withdraw(member, topic);
    }

    call(member, { id, method, params }) {
        if (method === "forget") {
            this.#waiting = this.#waiting.filter(([, call]) => call.id !== id);
            for (const [wireID, call] of this.#calls) if (call.id === id) this.#calls.delete(wireID);
            return;
        }
        if (!this.#send) return void this.#waiting.push([member, { id, method, params }]);
        const answer = (result) => this.#publish({ kind: "reply", to: member, call: id, detail: result });
        const failed = (error) => this.#publish({ kind: "reply", to: member, call: id, error });
        const progress = (detail) => this.#publish({ kind: "progress", to: member, call: id, detail });
        switch (method) {
            case "request":
                return this.#request(params.method, params.params, { id, answered: answer, failed, progress });
            case "unsubscribe":
                for (const family of FAMILIES) this.#withdraw(member, this.#topics.get(laneOf(family, params.incidentId)));
                return answer(null);
            case "subscribe":
                return void Promise.all(FAMILIES.map((family) => this.#join(member, family, params.incidentId, params.after[family])))
                    .then((places) => answer(Object.fromEntries(FAMILIES.map((family, index) => [family, places[index]]))), failed);
        }
    }

    receive(message) {
        if (message.method === "stream.gap") return this.#gap(message.params);
        if (message.method === undefined) return this.#answer(message);
        const { requestId, ...rest } = message.params ?? {};
        const call = message.method.endsWith(".progress") ? this.#calls.get(requestId) : undefined;
        if (call) return call.progress?.(rest);
        this.#push(message.method, message.params);
    }

    #push(type, { timestamp, ...payload }) {
        let id = null;
        if (isCursor(payload.id)) ({ id, ...payload } = payload);
        const lane = laneOf(type.startsWith("investigation.") ? "investigation" : "remediation", payload.incidentId);
        const topic = this.#topics.get(lane);
        if (topic && id) topic.after = id;
        this.#publish({ ...event("relay", id, type, payload, timestamp), lane });
    }

    #gap({ reason, missedBefore, id }) {
        // The answer to a subscription that asked where the log is. Gaps come in the order of the subscriptions.
        const topic = reason === "unknown_cursor" ? this.#asking.shift() : undefined;
        if (!topic) return this.#publish({ kind: "gap", detail: { reason, missedBefore, id } });
        topic.placed(id);
        this.#publish({ kind: "place", lane: laneOf(topic.family, topic.incidentId), detail: { id } });
    }

    #answer({ id, result, error }) {
        const call = this.#calls.get(id);
        this.#calls.delete(id);
        if (!call) return;
        if (error) call.failed(error);
        else call.answered(result);
    }

    #request(method, params, call) {
        const id = this.#nextID++;
        this.#calls.set(id, call);
        this.#send(params === undefined ? { id, method } : { id, method, params });
    }

    /** Adds a tab to a topic; resolves to where the topic is. A tab that comes from further back takes all others along: they have ids. */
    async #join(member, family, incidentId, after) {
        const lane = laneOf(family, incidentId);
        let topic = this.#topics.get(lane);
        const isNew = !topic;
        if (isNew) this.#topics.set(lane, (topic = new Topic(family, incidentId, after)));
        topic.members.add(member);
        if (isNew) {
            this.#subscribe(topic);
        } else if (after !== undefined && !(compareCursors(after, topic.after) >= 0)) {
            this.#request(`${family}.unsubscribe`, { incidentId }, { answered() {}, failed() {} });
            topic.after = after;
            this.#subscribe(topic);
        }
        try {
            await topic.ready;
        } catch (error) {
            this.#withdraw(member, topic);
            throw error;
        }
        return topic.after || undefined;
    }

    #subscribe(topic) {
        const { family, incidentId, after } = topic;
        if (after === undefined) this.#asking.push(topic);
        const failed = (error) => {
            // After the next reconnect it is made again.
            if (error.code === "connection_lost") return;
            this.#asking = this.#asking.filter((asking) => asking !== topic);
            if (!topic.failed(error)) this.#publish(errorUpdate(error, error.code));
        };
        this.#request(`${family}.subscribe`, { incidentId, lastEventId: after ?? NO_PLACE }, { answered: () => topic.accepted(), failed });
    }

    #withdraw(member, topic) {
        if (!topic?.members.delete(member) || topic.members.size > 0) return;
        this.#topics.delete(laneOf(topic.family, topic.incidentId));
        if (this.#send) this.#request(`${topic.family}.unsubscribe`, { incidentId: topic.incidentId }, { answered() {}, failed() {} });
    }
}

/** What a relay connection is subscribed to, for one tab or several. */
class Topic {
    members = new Set();
    /** Settled when the relay has taken the subscription, and its place is known. */
    ready;
    #isAccepted = false;
    #settle;

    /** @param {string | undefined} after The last push that came, or where it began; undefined until that is known. */
    constructor(family, incidentId, after) {
        Object.assign(this, { family, incidentId, after });
        this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    }

    accepted() {
        this.#isAccepted = true;
        if (this.after !== undefined) this.#settle.resolve();
    }

    placed(id) {
        this.after ??= id;
        if (this.#isAccepted) this.#settle.resolve();
    }

    /** Whether somebody waits who is told by this. */
    failed(error) {
        this.#settle.reject(error);
        return !this.#isAccepted;
    }
}

// MARK: Tokens

/** Gets tokens, one call at a time for all who ask. */
class TokenSource {
    #get;
    #token = null;
    #pending = null;

    constructor(token) {
        if (typeof token === "string") this.#token = token;
        else this.#get = token;
    }

    /** The token, a new one if the last has expired. Fails with `signed_out` when there is none. */
    async current() {
        if (this.#token && !(this.#get && hasExpired(this.#token))) return this.#token;
        return this.refresh(this.#token ? "expiring" : "first", this.#token);
    }

    /** Another token than `previous`, which somebody else may have got already; with a fixed token, null. */
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

    /** In how many milliseconds a new token is due: a minute before the end, or a fifth of the rest for short ones; null for never. */
    renewalDelay(token) {
        const { exp } = readClaims(token);
        if (!this.#get || typeof exp !== "number") return null;
        const rest = exp * 1_000 - Date.now();
        return Math.max(1_000, rest - Math.min(60_000, rest / 5));
    }
}

function hasExpired(token) {
    const { exp } = readClaims(token);
    return typeof exp === "number" && exp * 1_000 <= Date.now();
}

/** Whose a token is (user and tenant), and which tabs may share what it opens: the relay sends their commands with the leader's roles. */
function identityOf(token) {
    const claims = readClaims(token);
    const user = [claims.sub ?? null, tenantOf(claims) ?? null];
    const roles = [claims.roles ?? []].flat().sort();
    return { user: JSON.stringify(user), group: JSON.stringify([...user, roles]) };
}

function tenantOf(claims) {
    return claims.tenant_id ?? claims.workspace_id ?? claims.org_id;
}

// MARK: Pure functions

/**
 * The claims of a JWT, unchecked: only the server can say whether they are true.
 *
 * @param {string} token
 * @returns {{ sub?: string, exp?: number, [claim: string]: any }}
 */
export function readClaims(token) {
    try {
        const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
        const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))));
        if (typeof claims === "object" && claims !== null) return claims;
    } catch {
        // Whatever it is that is wrong with it, the words are the same.
    }
    throw new CausewayError("not_a_token", "what was given as a token is no JWT");
}

/**
 * How long to wait before a new attempt, in milliseconds.
 *
 * @param {number} attempt How many have failed before it, from 0.
 * @param {Backoff} backoff
 * @param {() => number} [random] From 0 to 1.
 */
export function backoffDelay(attempt, { first, factor, max, jitter }, random = Math.random) {
    return Math.round(Math.min(max, first * factor ** attempt) * (1 - jitter * random()));
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function isCursor(text) {
    return typeof text === "string" && /^evt_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/**
 * Which of two places in a log comes first: negative, zero or positive like a comparator of `sort`. NaN where that cannot be said: of two
 * logs, or if one is no id of an event.
 *
 * Of an id's 130 bits, the last 64 are the place in the log, and the 16 before them say which log.
 */
export function compareCursors(one, other) {
    if (one === other) return 0;
    if (!isCursor(one) || !isCursor(other)) return NaN;
    const log = (id) => id.slice(14, 17) + (CROCKFORD.indexOf(id[17]) >> 4);
    if (log(one) !== log(other)) return NaN;
    return one.slice(14) < other.slice(14) ? -1 : one.slice(14) > other.slice(14) ? 1 : 0;
}

/**
 * Reads an event stream as the HTML standard says, from pieces that end anywhere.
 *
 * A block is `{ type, data, id, retry }`: what its lines said, and null where none did; `type` is `message` unless said. Blocks without
 * data, which dispatch no event in a browser's EventSource, come too.
 */
export class EventStreamParser {
    #decoder = new TextDecoder();
    #rest = "";
    #skipsLineFeed = false;
    #block = EventStreamParser.#emptyBlock();

    static #emptyBlock() {
        return { type: "message", data: null, id: null, retry: null };
    }

    /**
     * @param {Uint8Array} bytes
     * @returns {{ type: string, data: string | null, id: string | null, retry: number | null }[]} What they have completed.
     */
    feed(bytes) {
        let text = this.#decoder.decode(bytes, { stream: true });
        if (text === "") return [];
        // The second half of a line's end.
        if (this.#skipsLineFeed && text.startsWith("\n")) text = text.slice(1);
        this.#skipsLineFeed = text.endsWith("\r");
        const lines = text.split(/\r\n|\r|\n/);
        lines[0] = this.#rest + lines[0];
        this.#rest = lines.pop();
        if (this.#rest.length > LINE_CHARACTERS) throw new CausewayError("line_too_long", "a line of the stream does not end");
        const blocks = [];
        for (const line of lines) {
            if (line !== "") {
                this.#read(line);
                continue;
            }
            const { type, data, id, retry } = this.#block;
            if (data !== null || id !== null || retry !== null || type !== "message") blocks.push(this.#block);
            this.#block = EventStreamParser.#emptyBlock();
        }
        return blocks;
    }

    #read(line) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        const block = this.#block;
        switch (field) {
            case "event":
                block.type = value || "message";
                break;
            case "data":
                block.data = block.data === null ? value : `${block.data}\n${value}`;
                break;
            case "id":
                if (!value.includes("\0")) block.id = value;
                break;
            case "retry":
                if (/^[0-9]+$/.test(value)) block.retry = Number(value);
        }
    }
}

function retryAfterOf(value) {
    if (value === null) return undefined;
    const seconds = /^[0-9]+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000;
    return Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : undefined;
}

function typeList(types) {
    const list = typeof types === "string" ? types.split(",") : [...(types ?? [])];
    // In an order of its own, so that tabs that want the same share it.
    return list.length ? list.map((type) => type.trim()).sort().join(",") : undefined;
}

function withQuery(url, parameters) {
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
}

/** Names tabs and calls; where pages are not served securely there is no `randomUUID`. */
function uniqueID() {
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-");
}

/** Errors as they can be sent to other tabs: their classes do not survive that. */
function errorUpdate(error, code) {
    const { message, data } = error;
    return { kind: "error", detail: { code: error instanceof CausewayError ? error.code : code, message, data } };
}
