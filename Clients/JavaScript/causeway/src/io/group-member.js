import { backoffDelay } from "../core/backoff.js";
import { identityOf } from "../core/claims.js";
import { CausewayError } from "../core/errors.js";
import { Ring, RING_UPDATES } from "../core/ring.js";
import { errorUpdate, placeOf } from "../core/updates.js";
import { Connection } from "./connection.js";
import { uniqueID } from "./unique-id.js";

/** Milliseconds between two questions of a tab that hears nothing from the leader. After three without an answer it takes over. */
const ASKING_INTERVAL = 3_000;

/**
 * A tab as a member of a group: the tabs that have the same stream open for the same user with the same roles. One of them leads.
 *
 * Messages on the BroadcastChannel, by `type`: `join` (a follower asks for the updates after its position), `welcome` (the leader's
 * answer), `update` (of the connection, numbered), `leader` (there is a new one), `ask` and `alive` (a question whether the leader runs,
 * and the answer), `call` and `reply` (of the relay), `gone` (a tab was closed). Each tab drops events that it has had, by id, so a new
 * leader can resume from its own position.
 */
export class GroupMember {
    /** The tab's positions, by lane: on the relay one for each subscription, else one, `""`. */
    places = new Map();

    #context;
    #protocol;
    #sink;
    #id = uniqueID();
    /** Null while there is no token. */
    #identity = null;
    /** The user that the stream was opened for. */
    #user;
    #channel = null;
    #lock = null;
    #ended = false;
    #suspended = false;
    #leading = null;
    /** Of a follower: the term of the leader that has answered its `join`, and the number of the last update. */
    #leader = null;
    #catchUp = null;
    /** For how many intervals the leader has sent nothing. */
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
        // A page in the back/forward cache must hold neither lock nor connection: other tabs would wait for it.
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

    /** Makes a call over the relay connection, whichever tab has it. */
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

    // MARK: Joining and leaving the group

    /**
     * Gets a token, and joins the group of its user and roles. A tab without a token is in no group: another one may have a token, and
     * leads.
     *
     * @param {string} [reason] Why the last token is no longer accepted; undefined at the beginning.
     */
    async #start(reason) {
        const { tokens } = this.#context;
        const publish = (attempt, retryInMs) => {
            const cause = reason === undefined ? { state: "waiting", reason: "token_unavailable" } : { state: "unauthorized", reason };
            this.#emit({ kind: "state", detail: { ...cause, attempt, retryInMs, since: Date.now() } });
        };
        if (reason !== undefined && tokens.held() === null) publish(0, null);
        for (let attempt = 1; !this.#identity && !this.#ended; attempt++) {
            try {
                const identity = identityOf(await tokens.current(), this.#context.claims);
                this.#user ??= identity.user;
                if (identity.user !== this.#user) return this.close("another_identity");
                this.#identity = identity;
            } catch (error) {
                if (this.#ended) return;
                if (error.code === "signed_out" || error.code === "unauthorized") return this.close(error.code);
                const retryInMs = tokens.retryInMs ?? backoffDelay(attempt - 1, this.#context.backoff);
                this.#emit(errorUpdate(error, "token_unavailable"));
                publish(attempt, retryInMs);
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

    /**
     * The connection has ended for good, or for this group: without a token, or with one of other roles, the tab leaves it and starts again
     * from its positions.
     */
    #over({ detail: { reason }, needsToken }) {
        if (!needsToken && reason !== "other_roles") return this.close(reason);
        this.#leave();
        this.#failCalls("connection_lost");
        this.#identity = null;
        this.#start(reason);
    }

    // MARK: Leading

    /** Waits for the lock, or steals it from a leader that does not answer. */
    #compete(name, steal = false) {
        this.#lock?.abort();
        const lock = (this.#lock = new AbortController());
        const held = () => lock.signal.aborted ? undefined : new Promise((release) => {
            lock.signal.addEventListener("abort", release);
            this.#lead();
        });
        navigator.locks.request(name, steal ? { steal } : { signal: lock.signal }, held).catch(() => {
            // Given up here; or stolen, because this tab did not answer for a while: it follows from now on.
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
        const leading = (this.#leading = { term: uniqueID(), number: 0, state: null, ring: new Ring(after, this.#protocol), followers: new Set() });
        const publish = (update) => this.#publish(leading, update);
        leading.multiplexer = this.#protocol.makeMultiplexer?.(publish);
        leading.connection = new Connection(this.#context, this.#protocol, this.#identity, after, publish, leading.multiplexer);
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
        leading?.multiplexer?.close();
    }

    #publish(leading, update) {
        if (this.#leading !== leading) return;
        if (update.kind === "ended") {
            // A completed execution ends the stream of all tabs; any other reason, such as a refused token, that of this tab only.
            if (update.detail.reason === "completed") this.#share(leading, update);
            return this.#over(update);
        }
        if (update.kind === "state") leading.state = update;
        leading.ring.push(update);
        if (update.to === undefined) this.#share(leading, update);
        else if (update.to !== this.#id) return this.#post({ type: "reply", update });
        this.#accept(update);
    }

    /** Sends an update to the followers. A tab that joins later gets it with the answer to its `join`, so without followers nothing is sent. */
    #share(leading, update) {
        leading.number += 1;
        if (leading.followers.size > 0) this.#post({ type: "update", term: leading.term, number: leading.number, update });
    }

    /** Called when there is a leader to send calls to. Calls that were sent to another one are lost. */
    #joined() {
        this.#failCalls("connection_lost", (call) => call.sent);
        this.#sendCalls();
        this.#emit({ kind: "joined" });
    }

    // MARK: Following

    #join() {
        this.#leader = null;
        this.#post({ type: "join", from: this.#id, after: this.places.get("") });
    }

    /** Steals the lock of a leader that does not answer three times: a frozen tab keeps its lock. */
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
                // A tab that was frozen may have missed updates.
                if (message.number !== ++this.#leader.number) return this.#join();
                if (!this.#catchUp) return this.#accept(message.update);
                // Catching up takes too long: join again, since the leader's ring may reach back to this tab's position by now.
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
                leading.followers.add(message.from);
                return this.#post({ type: "welcome", to: message.from, term, number, state, place: ring.place, missed });
            }
            case "ask":
                return this.#post({ type: "alive", term: leading.term });
            case "call":
                return leading.multiplexer?.call(message.from, message.call);
            case "gone":
                leading.followers.delete(message.from);
                return leading.multiplexer?.left(message.from);
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
     * Catches up over a separate connection, because the tab's position is before what the leader keeps. Updates of the leader are queued
     * until the tab has reached them.
     */
    #catchUpTo(target) {
        const queue = [];
        const connection = new Connection(this.#context, this.#protocol, this.#identity, this.places.get(""), (update) => {
            if (this.#catchUp !== catchUp) return;
            if (update.kind === "ended") return this.#over(update);
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

    // MARK: Updates

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
                // The position of another tab was too old, not this one's.
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

    // MARK: Calls

    #sendCalls() {
        if (!this.#leading && !this.#leader) return;
        for (const call of this.#calls.values()) {
            if (call.sent) continue;
            call.sent = true;
            this.#pass(call.request);
        }
    }

    #pass(request) {
        if (this.#leading) this.#leading.multiplexer?.call(this.#id, request);
        else this.#post({ type: "call", from: this.#id, call: request });
    }

    #failCalls(code, which = () => true) {
        for (const call of [...this.#calls.values()].filter(which)) {
            call.reject(new CausewayError(code, "the connection was lost before the answer came"));
        }
    }
}
